from django.apps import AppConfig


class PlayConfig(AppConfig):
    """The player's page: views, and under static/ the client that games and studios' pages use too."""

    name = "gamification.play"
    label = "play"
