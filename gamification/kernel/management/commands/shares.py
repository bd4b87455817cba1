from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection

from gamification.kernel.models import Event, ShareLease
from gamification.kernel.storage import share_schemas, shares


class Command(BaseCommand):
    help = "The shares into which the players are cut (SHARES): how they are, and where their rows live."

    def add_arguments(self, parser: CommandParser) -> None:
        of = parser.add_subparsers(dest="act", required=True)
        of.add_parser("status", help="each share: its schema, its newest event, the worker that takes its events")
        of.add_parser("create", help="make the schemas that are missing and migrate all (as `migrate` does)")
        of.add_parser("distribute", help="Citus: give each share's schema to a node")
        of.add_parser("rebalance", help="Citus: spread the schemas evenly over the nodes, while the service runs")

    def handle(self, *, act: str, **options: Any) -> None:
        if settings.SHARES == 1:
            if act != "status":
                raise CommandError("SHARES is 1: everything is in one schema, and there is nothing to do.")
            self.stdout.write("SHARES is 1: everything is in one schema.")
            return
        {"status": self._status, "create": self._create, "distribute": self._distribute, "rebalance": self._rebalance}[
            act
        ]()

    def _status(self) -> None:
        behind = set(share_schemas.unmigrated())
        nodes = share_schemas.nodes()
        leases = {lease.share: lease for lease in ShareLease.objects.all()} if 0 not in behind else {}
        self.stdout.write(f"{settings.SHARES} shares")
        for share in shares.every():
            if share in behind:
                self.stdout.write(f"{share:>4}  migrations are missing: run manage.py migrate")
                continue
            with shares.within(share):
                newest = Event.objects.order_by("-pk").values_list("received_at", flat=True).first()
            said = [f"newest event {newest:%Y-%m-%d %H:%M:%S} UTC" if newest else "no event yet"]
            lease = leases.get(share)
            said.append(f"worker {lease.worker}" if lease and lease.worker else "no worker")
            said += [f"node {nodes[share]}"] if share in nodes else []
            self.stdout.write(f"{share:>4}  {', '.join(said)}")

    def _create(self) -> None:
        made = share_schemas.create()
        for share in share_schemas.unmigrated():
            share_schemas.migrate(share)
        self.stdout.write(f"{made} schemas were made; all {settings.SHARES} are migrated")

    def _distribute(self) -> None:
        self._expect_citus()
        if behind := share_schemas.unmigrated():
            raise CommandError(f"Migrations are missing in share {behind[0]}: run manage.py migrate")
        share_schemas.commit_in_two_phases()
        for share in shares.every():
            if share_schemas.distribute(share):
                self.stdout.write(f"share {share} is distributed")
        self.stdout.write("all shares are distributed")

    def _rebalance(self) -> None:
        self._expect_citus()
        with connection.cursor() as cursor:
            cursor.execute("SELECT citus_rebalance_start()")
        self.stdout.write("the schemas are moving; SELECT * FROM citus_rebalance_status() says how far")

    def _expect_citus(self) -> None:
        version = share_schemas.citus()
        if version is None:
            raise CommandError("This PostgreSQL has no Citus: the shares stand side by side, as they are.")
        if version < share_schemas.CITUS:
            raise CommandError(f"Citus {version} is too old: schemas are distributed from {share_schemas.CITUS} on.")
