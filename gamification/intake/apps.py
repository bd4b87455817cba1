from django.apps import AppConfig


class IntakeConfig(AppConfig):
    name = "gamification.intake"
    label = "intake"
