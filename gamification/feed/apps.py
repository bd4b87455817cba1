from django.apps import AppConfig


class FeedConfig(AppConfig):
    name = "gamification.feed"
    label = "feed"
