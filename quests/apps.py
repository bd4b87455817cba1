from django.apps import AppConfig


class QuestsConfig(AppConfig):
    name = "quests"
    label = "quests"

    def ready(self) -> None:
        from gamification.kernel.content import kinds, publishing, retiring
        from quests import checks
        from quests.content import POOL, QUEST, needed_by_runs

        kinds.register(QUEST)
        kinds.register(POOL)
        publishing.validator(checks.problems)
        retiring.holder(needed_by_runs)
