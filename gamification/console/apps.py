from django.apps import AppConfig


class ConsoleConfig(AppConfig):
    name = "gamification.console"
    label = "console"
