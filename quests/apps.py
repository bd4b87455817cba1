from django.apps import AppConfig


class QuestsConfig(AppConfig):
    name = "quests"
    label = "quests"

    def ready(self) -> None:
        from gamification.kernel import content, publishing, retiring
        from quests import checks
        from quests.content import POOL, QUEST, needed_by_runs

        content.register(QUEST)
        content.register(POOL)
        publishing.validator(checks.problems)
        retiring.holder(needed_by_runs)
