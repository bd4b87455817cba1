"""Writing the audit log: who did what, why, and what it changed. Entries are written in the transaction of what they
tell of, and never changed: the database refuses it (the migration that makes the table says how).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from gamification.kernel.core import request_ids
from gamification.kernel.core.actors import Actor
from gamification.kernel.core.audit import Change, Subject
from gamification.kernel.core.messages import Command, PlayerId
from gamification.kernel.core.world import World
from gamification.kernel.models import AuditEntry

MAX_SUBJECT = 160


def write(world: World, command: Command) -> None:
    """An entry for each change that a command noted; one without a change, where it noted none."""
    if not command.audited.applies_to(world.actor):
        return
    changes = world.changes or [Change(command.subject(), _only(command.players()))]
    put(world.actor, command.action(), changes, at=world.now, reason=str(getattr(command, "reason", "")))


def put(actor: Actor, action: str, changes: Sequence[Change], *, at: datetime, reason: str = "") -> None:
    """Write an entry for each of `changes`, within the caller's transaction."""
    request_id = request_ids.current.get()
    AuditEntry.objects.bulk_create(
        [
            AuditEntry(
                at=at,
                actor=str(actor),
                action=action,
                kind=change.subject.kind,
                subject_id=change.subject.id[:MAX_SUBJECT],
                player_id=change.player_id,
                reason=reason,
                before=_plain(change.before),
                after=_plain(change.after),
                request_id=request_id,
            )
            for change in changes
        ]
    )


def about_player(actor: Actor, action: str, player_id: PlayerId, *, at: datetime) -> None:
    """An entry on something done about a player that changes no row of theirs."""
    put(actor, action, [Change(Subject("player", player_id), player_id)], at=at)


def forget_player(player_id: PlayerId) -> None:
    """Empty what entries say of a player who is being erased. That somebody did something, and when, stays."""
    own = Actor.player(player_id)
    theirs = AuditEntry.objects.filter(player_id=player_id)
    emptied = {"player_id": "", "subject_id": "", "reason": "", "before": None, "after": None}
    theirs.filter(actor=str(own)).update(**emptied, actor=f"{own.kind}:")
    theirs.update(**emptied)


def _only(player_ids: Sequence[PlayerId]) -> PlayerId:
    return player_ids[0] if len(player_ids) == 1 else ""


def _plain(state: Any) -> Any:
    return None if state is None else dict(state)
