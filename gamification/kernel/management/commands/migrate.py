from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import CommandError
from django.core.management.commands import migrate
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from gamification.kernel.storage import share_schemas, shares


class Command(migrate.Command):
    """Django's own; with SHARES > 1 each share's schema is migrated after `public`."""

    def handle(self, *args: Any, **options: Any) -> None:
        if settings.SHARES == 1:
            super().handle(*args, **options)
            return
        if options["prune"] or options["fake_initial"]:
            raise CommandError("--prune and --fake-initial are not available with SHARES > 1")
        changes = not (options["plan"] or options["check_unapplied"])
        if changes:
            share_schemas.create()
        super().handle(*args, **options)
        if not changes:
            if options["check_unapplied"] and (behind := share_schemas.unmigrated()):
                raise CommandError(f"migrations are missing in the shares {', '.join(map(str, behind))}")
            return
        targets = self._targets(options["app_label"], options["migration_name"])
        for share in shares.every():
            if options["verbosity"] > 0:
                self.stdout.write(f"Share {share} of {settings.SHARES}")
            share_schemas.migrate(share, targets, fake=options["fake"])
        if share_schemas.nodes():  # tables may be new
            share_schemas.commit_in_two_phases()

    def _targets(self, app_label: str | None, name: str | None) -> list[tuple[str, str | None]] | None:
        """What `public` was migrated to; None: everything."""
        loader = MigrationExecutor(connection).loader
        if app_label is None:
            return None
        if name is None:
            return [node for node in loader.graph.leaf_nodes() if node[0] == app_label]
        if name == "zero":
            return [(app_label, None)]
        return [(app_label, loader.get_migration_by_prefix(app_label, name).name)]
