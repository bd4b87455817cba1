from django.apps import AppConfig


class KernelConfig(AppConfig):
    name = "gamification.kernel"
    label = "kernel"
