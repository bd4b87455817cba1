from importlib import import_module

from django.apps import AppConfig


class IntakeConfig(AppConfig):
    name = "gamification.intake"
    label = "intake"

    def ready(self) -> None:
        # By name: composition imports models, which do not exist before every app is loaded.
        import_module("gamification.composition").connect()
