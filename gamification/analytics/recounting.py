"""What a player comes to in the figures, worked out anew of what is kept: whoever leaves them is taken out by it, who
comes back is put in, and a rebuild holds all figures against it.

A player is counted as far as the followers have come: what they have not seen yet they will add themselves.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from achievements.models import ProgressMark, Standing
from gamification.analytics import keeping, moving, stating
from gamification.analytics.activity import Changes, Played
from gamification.analytics.counting import Completion, EventCounting, EventRow, StartedAt, columns, day_of, zone
from gamification.analytics.listening import Listening
from gamification.analytics.logs import EVENTS_MARK, FACTS_MARK, MARKS_MARK, OF_EVENTS, REJECTED_MARK
from gamification.analytics.models import Activity, CountedRun, HeldEvent
from gamification.analytics.moving import FactRow
from gamification.kernel.content import publishing
from gamification.kernel.core.fact_types import OWN_TYPES, FactType
from gamification.kernel.core.messages import PlayerId, own_id
from gamification.kernel.models import Event, FollowerMark, OutboxFact, RejectedEvent
from gamification.kernel.storage import sql
from quests.models import Run
from quests.running import Status
from rewards.models import Distribution, Transfer
from rewards.rules import transfer_id

_RUN_KEY = ("player_id", "quest_id", "run")
RUN = ("player_id", "quest_id", "run", "version", "status", "started_at", "ended_at", "state")


@dataclass
class Recounted:
    players: dict[PlayerId, Played]
    changes: Changes = field(default_factory=Counter)
    held: list[EventRow] = field(default_factory=list)
    runs: list[tuple[Any, ...]] = field(default_factory=list)
    """Rows of open runs that are counted by it, and were not before."""


@contextmanager
def held_still() -> Iterator[None]:
    """Keep the followers from counting until this transaction ends. Whoever locks players has done so before.

    On SQLite the transaction itself does: one writes at a time.
    """
    if connection.vendor == "postgresql":
        with OF_EVENTS.alone():
            yield
    else:
        with transaction.atomic():
            yield


def leave(player_id: PlayerId) -> None:
    """Take a player out of the figures, whose rows are about to be deleted, and who is locked."""
    with held_still():
        found = Activity.objects.filter(pk=player_id).values_list("is_counted", flat=True).first()
        if found:
            keeping.add(negative(recount([player_id]).changes))


class NotYet(Exception):
    """Something was revoked that the follower of events has not come to: it is looked at again in the next turn."""


REVOKING = (FactType.ACHIEVEMENT_REVOKED, FactType.ACHIEVEMENT_REINSTATED)


def completion_of(fact: FactRow) -> str:
    """The own event of the completion that a fact says is revoked, or given back."""
    return own_id(FactType.ACHIEVEMENT_COMPLETED, fact.player_id, fact.data["id"], fact.data["occurrence"])


def completions(player_id: PlayerId, wanted: Sequence[str]) -> Mapping[tuple[PlayerId, str], Completion]:
    """All completions of a player as far as events were followed. Raises NotYet if one that is wanted is beyond."""
    to = cursors().get(EVENTS_MARK, 0)
    if Event.objects.filter(player_id=player_id, event_id__in=wanted, pk__gt=to).exists():
        raise NotYet(player_id)
    return _events({"player_id__in": [player_id]}, to)[1].completions


def revoked(whose: dict[str, Any], followed_to: int) -> set[tuple[PlayerId, str]]:
    """Completions that are revoked, by their own events, as far as facts were followed."""
    return _revoked(whose, _pending(whose, followed_to))


def count_again(player_ids: Sequence[PlayerId]) -> None:
    """Put players into the figures who are in none. Whoever calls holds their locks, and the followers still."""
    found = recount(player_ids, anew=True)
    keeping.add(found.changes)
    keep(found)


def keep(found: Recounted) -> None:
    """Keep what following on from here needs to know of players who were counted anew."""
    keeping.store(found.players)
    note_held(found.held)
    sql.upsert(CountedRun, (*_RUN_KEY, "measures"), found.runs, conflict=_RUN_KEY, set_=("measures",))


def note_held(rows: Sequence[EventRow]) -> None:
    held = sorted((row.player_id, row.event_id, row.pk) for row in rows)
    sql.insert(HeldEvent, ("player_id", "event_id", "event"), held, ignore_conflicts=True)


def negative(changes: Changes) -> Changes:
    return Counter({key: -amount for key, amount in changes.items()})


def cursors() -> dict[str, int]:
    """How far the followers have come."""
    return dict(FollowerMark.objects.values_list("name", "cursor"))


def sessions_of(player_id: PlayerId, up_to: int) -> Played:
    """All sessions of a player, as they were when an event came: what is kept of them was too short."""
    counted = Event.objects.filter(player_id=player_id, state=Event.State.COUNTED, pk__lte=up_to)
    whole = Played(sessions_kept=1 << 30)
    for at in counted.exclude(type__in=OWN_TYPES).order_by("pk").values_list("timestamp", flat=True):
        whole.play(at)
    return whole


def started_at(rows: Sequence[EventRow]) -> StartedAt:
    """When the runs were started that these events complete."""
    done = [row for row in rows if row.type == FactType.QUEST_COMPLETED]
    keys = sorted({(row.player_id, row.data["id"]) for row in done})
    if not keys:
        return {}
    players, quests = zip(*keys, strict=True)
    wanted = ("player_id", "quest_id", "completed_at", "started_at")
    found = sql.select_in(Run, wanted, {"player_id": players, "quest_id": quests})
    return {(player, quest, at): since for player, quest, at, since in found if at is not None}


# -- anew --------------------------------------------------------------------------------------------------------------


def recount(player_ids: Sequence[PlayerId], *, anew: bool = False) -> Recounted:
    """What these players come to as far as the followers have come. Nobody else may write about them meanwhile.

    `anew`: also the open runs that are not noted as counted; else what the figures hold is worked out.
    """
    whose: dict[str, Any] = {"player_id__in": list(player_ids)}
    to = cursors()
    pending = _pending(whose, to.get(FACTS_MARK, 0))
    rows, counting = _events(whose, to.get(EVENTS_MARK, 0), _revoked(whose, pending))
    changes = counting.changes
    found = Recounted({each: counting.players.get(each) or Played() for each in player_ids}, changes, counting.held)
    _marks(whose, to.get(MARKS_MARK, 0), changes)
    _rejected(whose, to.get(REJECTED_MARK, 0), changes)
    found.runs = _runs(whose, pending, changes, anew)
    _rewards(whose, rows, pending, changes)
    return found


def _events(
    whose: dict[str, Any], to: int, revoked: Collection[tuple[PlayerId, str]] = ()
) -> tuple[list[EventRow], EventCounting]:
    """All events of these players, and what those up to a row are counted as."""
    holding = set(HeldEvent.objects.filter(**whose).values_list("player_id", "event_id"))
    listening = publishing.current()[Listening]
    read = Event.objects.filter(**whose).order_by("pk").values_list("pk", *columns(listening))
    rows = [EventRow(*row) for row in read]
    counting = EventCounting(
        defaultdict(lambda: Played(sessions_kept=1 << 30)),
        listening,
        started_at=started_at(rows),
        sessions=_none_missing,
        held=holding,
        revoked=revoked,
    )
    counting.count(row for row in rows if row.pk <= to)
    return rows, counting


def _none_missing(player_id: PlayerId, up_to: int) -> Played:
    raise AssertionError("all sessions are known where a player is counted anew")


@dataclass(frozen=True, slots=True)
class Pending:
    """What is stated, and not yet followed."""

    facts: set[tuple[PlayerId, str, str]]
    """(player, type of a fact, what it is about)."""
    transfers: set[UUID]
    """Those that such facts are of."""
    revoking: dict[tuple[PlayerId, str], str]
    """A player's occurrence of an achievement → whether the first of these facts revokes it or gives it back."""


def _pending(whose: dict[str, Any], after: int) -> Pending:
    found = OutboxFact.objects.filter(**whose, pk__gt=after).order_by("pk").values_list("pk", *FactRow._fields[1:])
    rows = [FactRow(*row) for row in found]
    revoking: dict[tuple[PlayerId, str], str] = {}
    for row in rows:
        if row.type in REVOKING:
            revoking.setdefault((row.player_id, about(row.type, row.data)), row.type)
    facts = {(row.player_id, row.type, about(row.type, row.data)) for row in rows}
    return Pending(facts, set(moving.moves(rows).values()), revoking)


def about(type_: str, data: dict[str, Any]) -> str:
    """What a fact is about, among those of its type and player."""
    if type_.startswith("quest."):
        return f"{data['id']}/{data['run']}"
    if type_ in REVOKING:
        return f"{data['id']}/{data['occurrence']}"
    return str(data.get("id", ""))


def _revoked(whose: dict[str, Any], pending: Pending) -> set[tuple[PlayerId, str]]:
    """Whoever is behind with what revoked a completion, or gave it back, has it as it was before."""
    found = set()
    done = Standing.objects.filter(**whose, completed_at__isnull=False)
    for player_id, id_, occurrence, revoked_at in done.values_list(
        "player_id", "achievement_id", "occurrence", "revoked_at"
    ):
        next_ = pending.revoking.get((player_id, f"{id_}/{occurrence}"))
        if next_ == FactType.ACHIEVEMENT_REINSTATED or (next_ is None and revoked_at is not None):
            found.add((player_id, own_id(FactType.ACHIEVEMENT_COMPLETED, player_id, id_, occurrence)))
    return found


def _marks(whose: dict[str, Any], to: int, changes: Changes) -> None:
    zone_ = zone()
    for id_, quarter, at in ProgressMark.objects.filter(**whose, pk__lte=to).values_list(
        "achievement_id", "quarter", "at"
    ):
        changes["achievement", id_, day_of(at, zone_), stating.QUARTERS[quarter]] += 1


def _rejected(whose: dict[str, Any], to: int, changes: Changes) -> None:
    zone_ = zone()
    for type_, code, at in RejectedEvent.objects.filter(**whose, pk__lte=to).values_list("type", "code", "timestamp"):
        changes["event", type_, day_of(at, zone_), f"rejected {code}"] += 1


def _runs(whose: dict[str, Any], pending: Pending, changes: Changes, anew: bool) -> list[tuple[Any, ...]]:
    """Count runs. Returns the rows to keep of open ones that were not noted as counted."""
    counted, missing = set(), []
    for row in CountedRun.objects.filter(**whose).values_list(*_RUN_KEY, "measures"):
        counted.add(row[:3])
        changes.update(stating.keys_of(row[3]))
    to_come = {(player_id, subject) for player_id, type_, subject in pending.facts if type_.startswith("quest.")}
    zone_ = zone()
    for run in Run.objects.filter(**whose).values(*RUN):
        key = (run["player_id"], run["quest_id"], run["run"])
        is_open = run["status"] == Status.IN_PROGRESS
        if key in counted or (run["player_id"], f"{run['quest_id']}/{run['run']}") in to_come or (is_open and not anew):
            continue
        measures = stating.run(run, zone_)
        changes.update(measures)
        if is_open:
            missing.append((*key, stating.kept(measures)))
    return sorted(missing)


def _rewards(whose: dict[str, Any], rows: Sequence[EventRow], pending: Pending, changes: Changes) -> None:
    """Claims, each on the day of its own event, and money."""
    zone_ = zone()
    claims = {(row.player_id, row.event_id): row for row in rows if row.type == FactType.REWARD_CLAIMED}
    columns = ("currency", "amount", "cause", "created_at", "credit_account")
    moved = {row[0]: row[1:] for row in Transfer.objects.filter(**whose).values_list("id", *columns)}
    given = Distribution.objects.filter(**whose, claimed_at__isnull=False)
    for id_, player_id, reward_id, source, source_id in given.values_list(
        "id", "player_id", "reward_id", "source", "source_id"
    ):
        event = claims.get((player_id, own_id(FactType.REWARD_CLAIMED, player_id, str(id_), "0")))
        if event is None or (player_id, FactType.REWARD_CLAIMED, str(id_)) in pending.facts:
            continue
        repaid = moved.get(transfer_id(id_, "repay"))
        day = day_of(event.timestamp, zone_)
        for key, amount in stating.claim(event.data, reward_id, source, source_id, day, repaid[1] if repaid else 0):
            changes[key] += amount
    for transfer, (currency, amount, cause, at, to) in moved.items():
        why = _WHY.get(cause.partition(":")[0])
        if why is not None and to != "debt" and transfer not in pending.transfers:
            changes["currency", currency, day_of(at, zone_), why] += amount


_WHY = {
    "spend": f"out {stating.SPENT}",
    "revoke": f"out {stating.REVOKED}",
    "case": f"in {stating.OF_A_CASE}",
}
"""What the cause of a transfer begins with → where it is counted. Claims are counted by their distributions."""
