from django.apps import AppConfig


class AchievementsConfig(AppConfig):
    name = "achievements"
    label = "achievements"

    def ready(self) -> None:
        from achievements import checks, queries
        from achievements.content import ACHIEVEMENT
        from gamification.kernel import content, publishing

        content.register(ACHIEVEMENT)
        content.hider(queries.hidden)
        publishing.validator(checks.problems)
