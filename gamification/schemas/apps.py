from django.apps import AppConfig


class SchemasConfig(AppConfig):
    name = "gamification.schemas"
    label = "schemas"
