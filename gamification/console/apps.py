from django.apps import AppConfig
from django.contrib.admin import apps as admin


class AdminConfig(admin.AdminConfig):
    """Django's admin, on the console's own site."""

    default = False  # this package has two; INSTALLED_APPS names this one
    default_site = "gamification.console.site.Console"


class ConsoleConfig(AppConfig):
    default = True
    name = "gamification.console"
    label = "console"
