from django.apps import AppConfig


class QuestsConfig(AppConfig):
    name = "quests"
    label = "quests"

    def ready(self) -> None:
        from gamification.kernel import content, publishing
        from quests import checks
        from quests.content import POOL, QUEST

        content.register(QUEST)
        content.register(POOL)
        publishing.validator(checks.problems)
