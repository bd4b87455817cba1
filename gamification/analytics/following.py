"""The followers that keep the figures: kept events, facts, readings of progress and refused events become roll-ups.

A batch pays nothing for it. What is counted and how far the follower has come are one transaction, so what a killed
process had counted is counted once.
"""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

from django.db import transaction

from gamification.analytics import keeping, moving, recounting, stating
from gamification.analytics.activity import Changes, Played
from gamification.analytics.counting import EventCounting, EventRow, columns, day_of, zone
from gamification.analytics.listening import Listening
from gamification.analytics.logs import OF_EVENTS, OF_FACTS, OF_MARKS, OF_REJECTED, is_on
from gamification.analytics.models import Activity, CountedRun, HeldEvent
from gamification.analytics.moving import FactRow
from gamification.kernel.content import publishing
from gamification.kernel.core.fact_types import FactType
from gamification.kernel.core.messages import PlayerId
from gamification.kernel.messaging.followers import Row
from gamification.kernel.storage import sql
from progress.erasure import PlayerErased
from progress.models import Player
from quests.models import Run
from rewards.models import Transfer

FOLLOWERS = (OF_EVENTS, OF_FACTS, OF_MARKS, OF_REJECTED)
PAGE = 5_000
TIME_SLICE = 1.0
"""Seconds that a turn may take: whoever does the clock's chores has others."""
MOVED_AT_ONCE = 100
"""Players who are taken out of the figures, or put in, in one turn at most."""


def follow(now: datetime) -> None:
    """Count what has come since the last turn."""
    if not is_on():
        return
    until = time.monotonic() + TIME_SLICE
    while _turn() and time.monotonic() < until:
        pass
    move_players(now)


def _turn() -> bool:
    """Take a page of each log. Returns whether any was full, so that there may be more.

    Events come first: what was completed is counted before it is taken out again.
    """
    listening = publishing.current()[Listening]
    if OF_EVENTS.take(columns(listening), count_events, PAGE) == PAGE:
        return True
    with OF_EVENTS.alone(), suppress(recounting.NotYet):
        taken = [
            OF_MARKS.take(("player_id", "achievement_id", "quarter", "at"), _count_marks, PAGE),
            OF_REJECTED.take(("player_id", "type", "code", "timestamp"), _count_rejected, PAGE),
            OF_FACTS.take(FactRow._fields[1:], count_facts, PAGE),
        ]
        return max(taken) == PAGE
    return False


def is_done() -> bool:
    """Whether all is counted that there is, in the share that is named."""
    return not any(follower.behind() for follower in FOLLOWERS)


# -- events ------------------------------------------------------------------------------------------------------------


def count_events(page: Sequence[Row]) -> None:
    rows = [EventRow(*row) for row in page]
    players = keeping.load({row.player_id for row in rows})
    counting = EventCounting(
        players,
        publishing.current()[Listening],
        started_at=recounting.started_at(rows),
        sessions=recounting.sessions_of,
    )
    counting.count(rows)
    keeping.store(players)
    keeping.add(counting.changes)
    recounting.note_held(counting.held)


# -- facts -------------------------------------------------------------------------------------------------------------


def count_facts(page: Sequence[Row]) -> None:
    rows = [FactRow(*row) for row in page if row[1]]  # some facts are about content, and about no player
    players = keeping.load({row.player_id for row in rows})
    counted = [row for row in rows if players[row.player_id].is_counted]
    changes: Changes = Counter()
    _count_money(counted, changes)
    _count_runs(counted, changes)
    revoking = defaultdict(list)
    for row in counted:
        if row.type in recounting.REVOKING:
            revoking[row.player_id].append(row)
    for player_id, mine in revoking.items():
        _count_completions(players[player_id], mine, rows[-1].pk, changes)
    changed = {id_: played for id_, played in players.items() if not played.sessions or id_ in revoking}
    keeping.store(changed)
    keeping.add(changes)
    for row in counted:
        if row.type == FactType.EVENT_RELEASED:
            _release(row)


def _count_money(rows: Sequence[FactRow], changes: Changes) -> None:
    moves = moving.moves(rows)
    amounts = dict(Transfer.objects.filter(pk__in=moves.values()).values_list("pk", "amount")) if moves else {}
    zone_ = zone()
    for row in rows:
        data, day = row.data, day_of(row.timestamp, zone_)
        moved = amounts.get(moves[row.pk], 0) if row.pk in moves else 0
        if row.type == FactType.REWARD_CLAIMED:
            for key, amount in stating.claim(data, data["reward_id"], data["source"], data["source_id"], day, moved):
                changes[key] += amount
        elif row.type == FactType.REWARD_REVOKED and moved:
            changes["currency", data["currency"], day, f"out {stating.REVOKED}"] += moved
        elif row.type == FactType.REWARD_REINSTATED and moved:
            changes["currency", data["currency"], day, f"in {stating.OF_A_CASE}"] += moved
        elif row.type == FactType.CURRENCY_SPENT:
            changes["currency", data["currency"], day, f"out {stating.SPENT}"] += data["amount"]


def _count_runs(rows: Sequence[FactRow], changes: Changes) -> None:
    """Hold each run that something is stated of against what it was counted as before."""
    ending = {FactType.QUEST_COMPLETED, FactType.QUEST_FAILED, FactType.QUEST_EXPIRED, FactType.QUEST_ABANDONED}
    told: dict[tuple[Any, ...], bool] = {}
    for row in rows:
        if row.type.startswith("quest.") and "run" in row.data:
            key = (row.player_id, row.data["id"], row.data["run"])
            told[key] = told.get(key, False) or row.type in ending
    if not told:
        return
    names = ("player_id", "quest_id", "run")
    keys = dict(zip(names, zip(*sorted(told), strict=True), strict=True))
    before = {row[:3]: row[3] for row in sql.select_in(CountedRun, (*names, "measures"), keys)}
    upserted, done = [], []
    for found in sql.select_in(Run, recounting.RUN, keys):
        key, measures = found[:3], stating.run(dict(zip(recounting.RUN, found, strict=True)), zone())
        changes.update(measures)
        changes.subtract(stating.keys_of(before.get(key, ())))
        if told[key]:
            done.append(key)
        else:
            upserted.append((*key, stating.kept(measures)))
    sql.upsert(CountedRun, (*names, "measures"), sorted(upserted), conflict=names, set_=("measures",))
    ended = [key for key in done if key in before]
    if ended:
        _delete_counted(ended)


def _delete_counted(keys: Collection[tuple[Any, ...]]) -> None:
    for player_id, quest, run in sorted(keys):
        CountedRun.objects.filter(player_id=player_id, quest_id=quest, run=run).delete()


def _count_completions(player: Played, rows: Sequence[FactRow], to: int, changes: Changes) -> None:
    """Take one player's revoked completions out of every figure that they are in, and put those back that were given
    back: of which figures, the player's past says."""
    player_id = rows[0].player_id
    found = recounting.completions(player_id, [recounting.completion_of(row) for row in rows])
    touched = set()
    for row in rows:
        completion = found.get((player_id, recounting.completion_of(row)))
        if completion is None:  # its event is deleted: it stays as it was
            continue
        for key in completion.keys:
            changes[key] += 1 if row.type == FactType.ACHIEVEMENT_REINSTATED else -1
        touched.add(completion.id)
    revoked = recounting.revoked({"player_id": player_id}, to)
    for id_ in touched:
        first = player.completed.get(f"achievement {id_}")
        mine = {key: each for key, each in found.items() if each.id == id_}
        if first is not None and first < min(each.day.toordinal() for each in mine.values()):
            continue  # the first one's event is deleted, and it was none of these
        days = [each.day for key, each in mine.items() if key not in revoked]
        player.complete_first("achievement", id_, min(days, default=None), changes)


def _release(row: FactRow) -> None:
    """Count an event that was held when the follower came by it, in the place where it arrived."""
    if HeldEvent.objects.filter(player_id=row.player_id, event_id=row.data["id"]).exists():
        before = recounting.recount([row.player_id])
        HeldEvent.objects.filter(player_id=row.player_id, event_id=row.data["id"]).delete()
        after = recounting.recount([row.player_id])
        after.changes.subtract(before.changes)
        keeping.add(after.changes)
        recounting.keep(after)


# -- readings and refusals ---------------------------------------------------------------------------------------------


def _count_marks(page: Sequence[Row]) -> None:
    players, zone_ = keeping.load({row[1] for row in page}), zone()
    changes: Changes = Counter()
    for _, player_id, id_, quarter, at in page:
        if players[player_id].is_counted:
            changes["achievement", id_, day_of(at, zone_), stating.QUARTERS[quarter]] += 1
    _add(players, changes)


def _count_rejected(page: Sequence[Row]) -> None:
    page = [row for row in page if row[3] != PlayerErased.code]  # that player is in no figure any more
    players, zone_ = keeping.load({row[1] for row in page}), zone()
    changes: Changes = Counter()
    for _, player_id, type_, code, at in page:
        if players[player_id].is_counted:
            changes["event", type_, day_of(at, zone_), f"rejected {code}"] += 1
    _add(players, changes)


def _add(players: Mapping[PlayerId, Played], changes: Changes) -> None:
    keeping.store({player_id: played for player_id, played in players.items() if not played.sessions})
    keeping.add(changes)


# -- who is counted ----------------------------------------------------------------------------------------------------


def move_players(now: datetime) -> None:
    """Take those out of the figures who do not count publicly any more, and put those in who do again."""
    for player_id, is_counted in _to_move():
        move(player_id, is_counted)


def _to_move() -> list[tuple[PlayerId, bool]]:
    left_out = keeping.left_out().values("pk")
    going = Activity.objects.filter(is_counted=True, pk__in=left_out).values_list("pk", flat=True)[:MOVED_AT_ONCE]
    coming = Activity.objects.filter(is_counted=False).exclude(pk__in=left_out).values_list("pk", flat=True)
    return [(pk, False) for pk in going] + [(pk, True) for pk in coming[:MOVED_AT_ONCE]]


def move(player_id: PlayerId, is_counted: bool) -> None:
    """Put one player into the figures, or take them out. The player is locked, then the followers are."""
    with transaction.atomic():
        list(Player.objects.filter(pk=player_id).select_for_update().values_list("pk"))
        with recounting.held_still():
            row = Activity.objects.filter(pk=player_id, is_counted=not is_counted)
            if not row.exists() or bool(keeping.not_counted([player_id])) == is_counted:
                return
            if is_counted:
                recounting.count_again([player_id])
                return
            keeping.add(recounting.negative(recounting.recount([player_id]).changes))
            HeldEvent.objects.filter(player_id=player_id).delete()
            CountedRun.objects.filter(player_id=player_id).delete()
            keeping.store({player_id: Played(is_counted=False)})
