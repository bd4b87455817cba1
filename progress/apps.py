from django.apps import AppConfig
from django.conf import settings

from progress import periods


class ProgressConfig(AppConfig):
    name = "progress"
    label = "progress"

    def ready(self) -> None:
        from gamification.kernel import access, content, publishing
        from progress import backfill, checks, queries
        from progress.content import LEVEL, METRIC

        periods.default_zone = settings.PLAYER_TIME_ZONE
        content.register(METRIC)
        content.register(LEVEL)
        content.connect(schedule=backfill.schedule, schedule_preview=backfill.schedule_preview)
        publishing.validator(checks.problems)
        access.lock_out(queries.locked_out)
