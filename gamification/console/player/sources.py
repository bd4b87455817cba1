"""The logs of which a player's timeline is made, each row of them in words."""

from __future__ import annotations

from django.db.models import QuerySet

from anticheat.models import Finding
from gamification.console.models import Note
from gamification.console.player import words
from gamification.console.player.timeline import Entry, Source
from gamification.feed.models import Message
from gamification.kernel.console.readonly_admin import page_of
from gamification.kernel.core.actors import said_to_people
from gamification.kernel.core.fact_types import OWN_TYPES
from gamification.kernel.core.messages import PlayerId
from gamification.kernel.models import AuditEntry, Event, OutboxFact, RejectedEvent
from rewards.models import Transfer

SEES_PLAYERS = "progress.view_player"
_HELD = {Event.State.HELD: "held", Event.State.DISMISSED: "dismissed"}


def _events(player_id: PlayerId) -> QuerySet[Event]:
    return Event.objects.filter(player_id=player_id).exclude(type__in=OWN_TYPES)  # each of these is a fact too


def _event(row: Event) -> Entry:
    state = _HELD.get(Event.State(row.state), "")
    return Entry(
        at=row.timestamp,
        said=row.type,
        more=" · ".join(filter(None, (words.data(row.data), row.event_id, state))),
        tone="look" if state else "",
        address=page_of(row),
    )


def _fact(row: OutboxFact) -> Entry:
    said, tone = words.fact(row.type, row.data)
    return Entry(at=row.timestamp, said=said, more=row.type, tone=tone)


def _money(row: Transfer) -> Entry:
    comes_in = row.credit_account == f"player:{row.player_id}"
    goes_out = row.debit_account == f"player:{row.player_id}"
    verb = "+" if comes_in else "-" if goes_out else ""
    aside = "" if comes_in or goes_out else f", {row.debit_account} to {row.credit_account}"
    by = f" · by {said_to_people(row.made_by)}" if row.made_by else ""
    said = f"{verb}{words.amount(row.amount)} {row.currency}{aside}"
    return Entry(at=row.created_at, said=said, more=f"{row.cause}{by}")


def _message(row: Message) -> Entry:
    said, _ = words.fact(row.type, row.data)
    return Entry(at=row.timestamp, said=f"Told: {said}", more=f"message {row.seq}")


def _finding(row: Finding) -> Entry:
    values = ", ".join(f"{name} {words.short(value)}" for name, value in row.values.items())
    decided = f"by {said_to_people(row.decided_by)}" if row.decided_by else ""
    more = " · ".join(filter(None, (row.type, values, row.event_id, decided, row.decision_reason)))
    state = row.get_status_display().lower()
    tone = "bad" if row.status == Finding.Status.HELD else "look" if row.status == Finding.Status.FLAGGED else ""
    return Entry(at=row.found_at, said=f"{row.rule}: {state}", more=more, tone=tone, address=page_of(row))


def _refused(row: RejectedEvent) -> Entry:
    more = f"{row.detail} · {row.event_id}"
    return Entry(at=row.rejected_at, said=f"{row.type} was refused: {row.code}", more=more, tone="bad")


def act(row: AuditEntry) -> Entry:
    """What somebody did about a player. Whoever sees the player sees it, since it is part of what happened to them;
    the log as a whole is another thing."""
    verb = row.action.replace("_", " ")
    about = "" if row.kind == "player" else f" {row.kind} {row.subject_id}"
    because = f"“{row.reason}”" if row.reason else ""
    changed = ", ".join(_changes(row))
    said = f"{said_to_people(row.actor)}: {verb}{about}"
    return Entry(at=row.at, said=said, more=" · ".join(filter(None, (because, changed))), tone="look")


def _changes(row: AuditEntry) -> list[str]:
    before, after = row.before or {}, row.after or {}
    return [
        f"{name} {words.short(before[name])} → {words.short(value)}"
        if name in before
        else f"{name} {words.short(value)}"
        for name, value in after.items()
    ]


def _note(row: Note) -> Entry:
    return Entry(at=row.written_at, said=row.text, more=f"written by {said_to_people(row.written_by)}", tone="look")


SOURCES = (
    Source(
        name="staff",
        label="Staff",
        needs=SEES_PLAYERS,
        rows=lambda player_id: AuditEntry.objects.filter(player_id=player_id),
        at="at",
        say=act,
    ),
    Source(
        name="notes",
        label="Notes",
        needs="console.view_note",
        rows=lambda player_id: Note.objects.filter(player_id=player_id),
        at="written_at",
        say=_note,
    ),
    Source(
        name="findings",
        label="Findings",
        needs="anticheat.view_finding",
        rows=lambda player_id: Finding.objects.filter(player_id=player_id),
        at="found_at",
        say=_finding,
    ),
    Source(
        name="refused",
        label="Refused events",
        needs="kernel.view_rejectedevent",
        rows=lambda player_id: RejectedEvent.objects.filter(player_id=player_id),
        at="rejected_at",
        say=_refused,
    ),
    Source(
        name="facts",
        label="Facts",
        needs="kernel.view_outboxfact",
        rows=lambda player_id: OutboxFact.objects.filter(player_id=player_id),
        at="timestamp",
        say=_fact,
    ),
    Source(
        name="money",
        label="Money",
        needs="rewards.view_transfer",
        rows=lambda player_id: Transfer.objects.filter(player_id=player_id),
        at="created_at",
        say=_money,
    ),
    Source(
        name="messages",
        label="Messages",
        needs="feed.view_message",
        rows=lambda player_id: Message.objects.filter(player_id=player_id),
        at="timestamp",
        say=_message,
        is_asked_for=True,
    ),
    Source(
        name="events", label="Events", needs="kernel.view_event", rows=_events, at="timestamp", say=_event
    ),
)  # fmt: skip
"""In the order in which things are told that happened at one instant, the last cause at the end."""
