from django.apps import AppConfig


class AchievementsConfig(AppConfig):
    name = "achievements"
    label = "achievements"

    def ready(self) -> None:
        from achievements import checks, queries
        from achievements.content import ACHIEVEMENT
        from gamification.kernel.content import kinds, publishing

        kinds.register(ACHIEVEMENT)
        kinds.hider(queries.hidden)
        publishing.validator(checks.problems)
