from importlib import import_module

from django.apps import AppConfig, apps
from django.db.models.signals import post_migrate


class ConsoleConfig(AppConfig):
    name = "gamification.console"
    label = "console"

    def ready(self) -> None:
        # By name: it imports models, which do not exist before every app is loaded. Sent by the kernel, once a
        # migrate: an app without models, such as this one, sends nothing.
        groups = import_module("gamification.console.groups")
        post_migrate.connect(groups.make, sender=apps.get_app_config("kernel"))
