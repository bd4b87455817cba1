from django.apps import AppConfig


class ReviewConfig(AppConfig):
    name = "gamification.review"
    label = "review"
