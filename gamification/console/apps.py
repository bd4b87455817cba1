from django.apps import AppConfig
from django.contrib.admin import apps as admin


class AdminConfig(admin.AdminConfig):
    """Django's admin, on the console's own site."""

    default = False  # of this room's two: named in INSTALLED_APPS
    default_site = "gamification.console.site.Console"


class ConsoleConfig(AppConfig):
    default = True
    name = "gamification.console"
    label = "console"
