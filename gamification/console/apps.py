from importlib import import_module

from django.apps import AppConfig, apps
from django.contrib.admin import apps as admin
from django.db.models.signals import post_migrate


class AdminConfig(admin.AdminConfig):
    """Django's admin, on the console's own site."""

    default = False  # of this room's two: named in INSTALLED_APPS
    default_site = "gamification.console.site.Console"


class ConsoleConfig(AppConfig):
    default = True
    name = "gamification.console"
    label = "console"

    def ready(self) -> None:
        # By name: it imports models, which do not exist before every app is loaded. Sent by the kernel, once a
        # migrate: an app without models, such as this one, sends nothing.
        groups = import_module("gamification.console.groups")
        post_migrate.connect(groups.make, sender=apps.get_app_config("kernel"))
