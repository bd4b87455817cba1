from typing import Any

from django.apps import AppConfig, apps
from django.conf import settings
from django.db import connections
from django.db.models.signals import post_migrate
from django.utils import timezone


def record_zone(sender: Any = None, using: str = "default", **kwargs: Any) -> None:
    """After `migrate`: `TIME_ZONE` is on record (unless it migrated to where no zone was recorded yet)."""
    from progress import zones
    from progress.models import HomeZone

    if HomeZone._meta.db_table in connections[using].introspection.table_names():
        zones.record(settings.PLAYER_TIME_ZONE, timezone.now())


class ProgressConfig(AppConfig):
    name = "progress"
    label = "progress"

    def ready(self) -> None:
        from gamification.kernel.content import editing, kinds, publishing
        from gamification.kernel.web import tokens
        from progress import backfill, checks, queries
        from progress.content import LEVEL, METRIC

        # Sent by the kernel, once a migrate.
        post_migrate.connect(record_zone, sender=apps.get_app_config("kernel"))
        kinds.register(METRIC)
        kinds.register(LEVEL)
        editing.connect(schedule=backfill.schedule, schedule_preview=backfill.schedule_preview)
        publishing.validator(checks.problems)
        tokens.admit_by(queries.admission)
