from django.apps import AppConfig


class GamificationConfig(AppConfig):
    """The project as a whole. It stands last in INSTALLED_APPS, so every app is loaded when it puts them together."""

    name = "gamification"
    label = "gamification"

    def ready(self) -> None:
        from gamification import composition

        composition.connect()
