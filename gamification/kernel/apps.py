from django.apps import AppConfig


class KernelConfig(AppConfig):
    name = "gamification.kernel"
    label = "kernel"

    def ready(self) -> None:
        from gamification.kernel.content import kinds, publishing

        publishing.validator(kinds.unknown_references)
