from django.apps import AppConfig


class AnalyticsConfig(AppConfig):
    name = "gamification.analytics"
    label = "analytics"
