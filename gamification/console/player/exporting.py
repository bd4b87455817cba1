"""A player's export, handed out at the console."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from gamification.console.player.acts import Said
from gamification.console.player.head import Head
from gamification.kernel.console.readonly_admin import acting
from gamification.kernel.core.audit import Audited, Change, Subject
from gamification.kernel.core.encoding import json_text
from gamification.kernel.core.messages import Command, PlayerId
from gamification.kernel.core.world import World
from gamification.kernel.storage import audit_log, database_timeout
from gamification.players.exporting import export

NEEDS = (
    "kernel.view_event",
    "kernel.view_outboxfact",
    "rewards.view_transfer",
    "anticheat.view_finding",
    "console.view_note",
)
"""Whoever is handed everything may see everything."""


@dataclass(frozen=True, kw_only=True)
class NothingElse(Command):
    """An export changes nothing: this is what its preview shows."""

    audited = Audited.NEVER
    player_id: PlayerId

    def handle(self, world: World) -> None:
        pass


def hand_out(request: HttpRequest, head: Head, said: Said) -> HttpResponse:
    """The file, and an entry in the audit log that says who took it and why."""
    now = timezone.now()
    with database_timeout.within(None):
        found = export(head.id, now)
        change = Change(Subject("player", head.id), head.id)
        audit_log.put(acting(request), "export_player", [change], at=now, reason=said["reason"])
    headers = {"Content-Disposition": f'attachment; filename="{head.id}.json"', "Cache-Control": "no-store"}
    return HttpResponse(json_text(found), content_type="application/json", headers=headers)
