"""Backfills: counting players' pasts for what was newly published, player by player, under the player's lock.

A player's kept events are replayed in memory, in `(timestamp, id)` order, through the same metering and completing as
live ones. Of the replay only what is *new* for the player is taken over: tallies, members, windows and standings of
units younger than `Player.filled`, and the achievements they complete. Then `filled` rises to the publication, in the
same transaction; until then live events leave new units alone, so nothing counts twice and a stop at any point is
taken up again by the next run.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

from django.db import OperationalError, transaction
from django.db.models import F
from django.db.models.functions import Least

from achievements.completing import OPEN_RUN, Shelf, Standing, complete, unlock_all
from achievements.rules import Achievement, AchievementRules
from gamification import pipeline, reactions
from gamification.kernel import publishing
from gamification.kernel.messages import GameEvent, PlayerId
from gamification.kernel.models import Event
from gamification.kernel.publishing import Change, Rules, Unpublishable
from gamification.kernel.world import World
from progress.metering import Books, PlayerState, record
from progress.models import Backfill, Player
from progress.rules import ALWAYS, NEVER
from quests.advancing import Log
from rewards.granting import Till, grant

CHUNK = 20
"""Players a transaction."""

NOBODY = "~"
"""No player can be called so: the cursor of what is finished."""

log = logging.getLogger(__name__)


class _Impatient(Exception):
    """The time that was given is up; the clock goes on with the rest."""


def run_pending(now: datetime, *, seconds: float = math.inf) -> int:
    """Run what was asked for, oldest first, and whoever was missed; says how many players were looked at.

    Stops after `seconds`: what is left is taken up by the next run. Two runs at once do each player once.
    """
    deadline, done = time.monotonic() + seconds, 0
    try:
        unfinished = Backfill.objects.filter(state__in=(Backfill.State.PENDING, Backfill.State.RUNNING))
        for job in unfinished.order_by("id"):
            done += _run(job, now, deadline)
        newest = Backfill.objects.filter(preview=None, state=Backfill.State.DONE).order_by("-publication").first()
        if newest is not None:  # a player first seen by a batch that began before the publication
            while missed := _behind(newest.publication, deadline):
                done += fill(missed, now=now).looked_at
    except _Impatient:
        log.info("the backfill goes on by the clock")
    return done


def _run(job: Backfill, now: datetime, deadline: float) -> int:
    if job.state == Backfill.State.PENDING:
        Backfill.objects.filter(pk=job.pk).update(state=Backfill.State.RUNNING, players_total=_total(job))
    state, detail, players = Backfill.State.DONE, "", 0
    try:
        players = _preview(job, deadline) if job.preview else _fill_all(job, now, deadline)
    except Unpublishable as refused:
        state, detail = Backfill.State.FAILED, str(refused.errors)
    except (_Impatient, OperationalError):  # a database that is away or busy comes back
        raise
    except Exception:
        log.exception("backfill %s stopped", job.pk)
        state, detail = Backfill.State.FAILED, "It stopped for an error of the service; the log says which."
    # The cursor names a player, whom nobody would find here when that one is to be erased.
    Backfill.objects.filter(pk=job.pk).update(state=state, detail=detail, finished_at=now, cursor=NOBODY)
    return players


def _total(job: Backfill) -> int:
    return (Player.objects.all() if job.preview else Player.objects.filter(filled__lt=job.publication)).count()


def _behind(publication: int, deadline: float) -> list[PlayerId]:
    if time.monotonic() > deadline:
        raise _Impatient
    behind = Player.objects.filter(filled__lt=publication).order_by("player_id")
    return list(behind.values_list("player_id", flat=True)[:CHUNK])


def _fill_all(job: Backfill, now: datetime, deadline: float) -> int:
    looked_at = 0
    while chunk := _behind(job.publication, deadline):
        filled = fill(chunk, now=now)
        looked_at += filled.looked_at
        Backfill.objects.filter(pk=job.pk).update(
            players_done=Least(F("players_done") + filled.looked_at, F("players_total")),
            would_complete=F("would_complete") + filled.completed,
        )
    return looked_at


class Filled(NamedTuple):
    looked_at: int
    completed: int
    """How many achievements these players completed by it."""


def fill(player_ids: Sequence[PlayerId], *, now: datetime) -> Filled:
    """Count these players' pasts for whatever is new to them. One transaction."""
    with transaction.atomic():
        world = pipeline.open_world(player_ids, now=now, backfill=True)
        world[Books].read_all()
        world[Shelf].read_all()
        world[Log].load([])
        world[Till].load([])
        behind = [player for player in world[Books].players.values() if player.filled < world.rules.number]
        for player in behind:
            _fill(world, player)
        pipeline.play(world, [])
        pipeline.write(world)
    reactions.after_commit(world)
    return Filled(len(behind), len(world[Shelf].completed))


def _fill(world: World, player: PlayerState) -> None:
    books, shelf = world[Books], world[Shelf]
    replayed = replay(world.rules, player, _kept_events(player.player_id), shelf.of(player.player_id), now=world.now)
    books.adopt(replayed[Books], player, replayed[Shelf].rerun)
    shelf.adopt(replayed[Shelf], player)
    new = {id_: a for id_, a in world.rules[AchievementRules].by_id.items() if a.goal.since > player.filled}
    for past, achievement, occurrence in replayed[Shelf].completed:
        found = replayed[Shelf].standings[past.player_id, achievement.id, occurrence]
        assert found.completed_at is not None
        assert found.final is not None
        standing = shelf.standings.setdefault((player.player_id, achievement.id, occurrence), Standing())
        at, event_id = found.completed_at, found.event_id
        grant(world, **shelf.state(player, achievement, occurrence, standing, at, event_id, found.final))
        # What was waiting for it and is not new itself is complete at that very event.
        waiters = [(w, None) for w in shelf.rules.waiting.get(achievement.id, ()) if w.repeat in (NEVER, ALWAYS)]
        cause = GameEvent(event_id, player.player_id, "", {}, at)
        for earned in unlock_all(shelf, player, cause, list(waiters)):
            grant(world, **earned)
    player.filled, player.dirty = world.rules.number, True
    _look_once_more(world, player, list(new.values()), replayed)


def _look_once_more(world: World, player: PlayerState, new: list[Achievement], replayed: World) -> None:
    """What the kept events alone do not show (older ones were deleted, some came late to a run) the tallies may:
    complete at the last event.
    """
    last = replayed[Books].counted.get(player.player_id)
    if last is None:
        return
    world[Books].counted[player.player_id] = last
    open_ones = [achievement for achievement in new if achievement.repeat in (NEVER, ALWAYS)]
    for achievement in open_ones:
        world[Books].touch(player, achievement.goal, None)
    for earned in unlock_all(world[Shelf], player, last, [(achievement, None) for achievement in open_ones]):
        grant(world, **earned)


def replay(
    rules: Rules,
    player: PlayerState,
    events: Sequence[GameEvent],
    standings: dict[tuple[str, str], Standing],
    *,
    now: datetime,
) -> World:
    """Everything counted from the player's first kept event, in memory. Only what is new to the player completes.

    `standings`: (achievement, occurrence) → how the player stands; what was completed before counts for whoever waits
    for it from the moment it was completed.
    """
    world = World(now=events[-1].timestamp if events else now, player_ids=[])
    world.rules = rules
    books, shelf = Books(world), Shelf(world)
    world.add(books)
    world.add(shelf)
    past = replace(
        player, earned=0, barred=player.earned | player.barred, quests_told=0, filled=rules.number, dirty=False
    )
    books.players[player.player_id] = past
    done = shelf.rehearse(player, standings)
    books.measure(events)
    for event in events:
        while done and done[0][0] < event.order:  # the event that completed it is no longer kept
            _relive(world, past, done.pop(0)[1], event, standings)
        complete(world, record(world, event))
        while done and done[0][0] == event.order:
            _relive(world, past, done.pop(0)[1], event, standings)
    return world


def _relive(
    world: World, past: PlayerState, id_: str, event: GameEvent, standings: dict[tuple[str, str], Standing]
) -> None:
    """In a replay, have an achievement completed that was, after the event at which it was."""
    books, shelf = world[Books], world[Shelf]
    achievement = shelf.rules.by_id[id_]
    past.earned |= achievement.bit
    if achievement.repeat == ALWAYS:
        books.begin_anew(past, achievement.goal)
        shelf.standings[past.player_id, id_, OPEN_RUN] = shelf.run_after(past, standings, id_)
    unlock_all(shelf, past, event, [(waiter, None) for waiter in shelf.rules.waiting.get(id_, ())])


def _kept_events(player_id: PlayerId) -> list[GameEvent]:
    kept = Event.objects.filter(player_id=player_id, state=Event.State.COUNTED)
    rows = kept.values_list("event_id", "type", "data", "timestamp")
    events = [GameEvent(id_, player_id, type_, data, at) for id_, type_, data, at in rows.iterator(chunk_size=2000)]
    return sorted(events, key=lambda event: event.order)


def _preview(job: Backfill, deadline: float) -> int:
    """How many players would complete what the definition says. Nothing of any player changes."""
    wanted = job.preview
    assert wanted is not None
    rules = publishing.rehearse([Change(wanted["kind"], wanted["id"], wanted["definition"])])
    players, looked_at = Player.objects.order_by("player_id"), 0
    while chunk := list(players.filter(player_id__gt=job.cursor).values_list("player_id", flat=True)[:CHUNK]):
        if time.monotonic() > deadline:
            raise _Impatient
        world = World(now=job.created_at, player_ids=chunk)
        world.rules = rules
        books, shelf = Books(world), Shelf(world)
        world.add(books)
        world.add(shelf)
        books.read_players()
        shelf.read_all()
        would = 0
        for player in books.players.values():
            kept, standings = _kept_events(player.player_id), shelf.of(player.player_id)
            past = replay(rules, player, kept, standings, now=world.now)
            completed = {achievement.id for _, achievement, _ in past[Shelf].completed}
            would += wanted["id"] in completed if wanted["kind"] == "achievement" else bool(completed)
        after, job.cursor = job.cursor, chunk[-1]
        Backfill.objects.filter(pk=job.pk, cursor=after).update(  # whoever else runs it counts these players not again
            cursor=job.cursor,
            players_done=F("players_done") + len(chunk),
            would_complete=F("would_complete") + would,
        )
        looked_at += len(chunk)
    return looked_at
