from django.apps import AppConfig


class KernelConfig(AppConfig):
    name = "gamification.kernel"
    label = "kernel"

    def ready(self) -> None:
        from gamification.kernel import content, publishing

        publishing.validator(content.unknown_references)
