from django.apps import AppConfig


class WebhooksConfig(AppConfig):
    name = "gamification.webhooks"
    label = "webhooks"
