"""How one player's past is counted for what was newly published, and what it would come to.

A player's kept events are replayed in memory, in `(timestamp, id)` order, through the same metering and completing as
live ones. Of the replay only what is *new* for the player is taken over: tallies, members, windows and standings of
units younger than `Player.backfilled_to`, and the achievements they complete. Then `backfilled_to` rises to the
publication, in the same transaction; until then live events leave new units alone, so nothing counts twice and a stop
at any point is taken up again by the next run.

What was completed before, revoked or not, is lived through again at the event at which it was: it is not earned a
second time, whatever its definition says now.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, NamedTuple

from achievements import replaying as achievements
from achievements.completing import complete, mark_completed, unlock_all, waiters
from achievements.replaying import Past
from achievements.rules import Achievement
from achievements.standings import Standing, Standings
from gamification import pipeline
from gamification.committing import committed
from gamification.kernel.content.publishing import Rules
from gamification.kernel.core.messages import GameEvent, PlayerId
from gamification.kernel.core.world import World
from gamification.kernel.models import Event
from gamification.paying import pay
from progress.metering import measure, record
from progress.models import LeftOut
from progress.players import Players, PlayerState
from progress.replaying import adopt
from progress.rules.scopes import ALWAYS, NEVER
from progress.tallies import Tallies
from quests.advancing import expire
from quests.runs import QuestRuns
from rewards.ledger import Ledger

Watch = Callable[[Iterable[Any]], Iterable[Any]]
"""What goes on in turn, or ends all by raising."""


class Backfilled(NamedTuple):
    looked_at: int
    completed: int
    """How many achievements these players completed by it."""


class Kept(NamedTuple):
    """A kept event, and when it arrived."""

    event: GameEvent
    received_at: datetime


def backfill(player_ids: Sequence[PlayerId], *, now: datetime) -> Backfilled:
    """Count these players' pasts for whatever is new to them. One transaction."""

    def count(world: World) -> Backfilled:
        world[Tallies].read_all()
        world[Standings].read_all()
        world[QuestRuns].load([])
        expire(world, world[Players].by_id)
        world[Ledger].load([])
        players = world[Players].by_id.values()
        behind = [player for player in players if player.backfilled_to < world.rules.number and not player.banned]
        for player in behind:
            _backfill(world, player, kept_events(player.player_id))
        LeftOut.objects.filter(player_id__in=[player.player_id for player in behind]).delete()
        pipeline.play(world, [])
        pipeline.write(world)
        return Backfilled(len(behind), len(world[Standings].completed))

    return committed(count, player_ids, now=now, backfill=True)


def catch_up(world: World, player: PlayerState, watch: Watch) -> None:
    """Have a world that is never written know what a backfill would come to, were its rules published now."""
    if player.backfilled_to >= world.rules.number or player.banned:
        return
    world.backfill = True
    expire(world, [player.player_id])
    _backfill(world, player, kept_events(player.player_id, watch), watch)
    pipeline.play(world, [])
    world.backfill = False


def _backfill(world: World, player: PlayerState, kept: Sequence[Kept], watch: Watch = iter) -> None:
    tallies, standings = world[Tallies], world[Standings]
    new = [a for a in standings.rules.by_id.values() if a.goal.counted_since > player.backfilled_to]
    replayed = replay(world.rules, player, kept, standings, now=world.now, watch=watch)
    for achievement in achievements.begun_anew(standings.rules, player):
        if achievement.era is not None and achievement.era.publication > player.backfilled_to:
            tallies.begin_anew(player, achievement.goal)
    adopt(tallies, replayed[Tallies], player, achievements.rerun(replayed[Standings]))
    achievements.adopt(standings, replayed[Standings], player)
    for past, achievement, occurrence in replayed[Standings].completed:
        found = replayed[Standings].standings[past.player_id, achievement.id, occurrence]
        assert found.completed_at is not None
        assert found.final is not None
        standing = standings.standings.setdefault((player.player_id, achievement.id, occurrence), Standing())
        at, event_id = found.completed_at, found.event_id
        earned = mark_completed(standings, player, achievement, occurrence, standing, at, event_id, found.final)
        pay(world, earned)
        # What was waiting for it and is not new itself is complete at that very event.
        cause = GameEvent(event_id, player.player_id, "", {}, at)
        for earned in unlock_all(standings, player, cause, waiters(standings.rules, player, achievement, at)):
            pay(world, earned)
    player.backfilled_to, player.dirty = world.rules.number, True
    _look_once_more(world, player, new, replayed)


def _look_once_more(world: World, player: PlayerState, new: list[Achievement], replayed: World) -> None:
    """Complete, at the last event, what the tallies meet although the replay did not.

    Tallies also hold older events, which are no longer kept, and events that came too late for a streak's run.
    """
    last = replayed[Tallies].counted.get(player.player_id)
    if last is None:
        return
    world[Tallies].counted[player.player_id] = last
    open_ones = [achievement for achievement in new if achievement.repeat in (NEVER, ALWAYS)]
    for achievement in open_ones:
        world[Tallies].touch(player, achievement.goal, None)
    for earned in unlock_all(world[Standings], player, last, [(achievement, None) for achievement in open_ones]):
        pay(world, earned)


def replay(
    rules: Rules,
    player: PlayerState,
    events: Sequence[Kept],
    standings: Standings,
    *,
    now: datetime,
    watch: Watch = iter,
) -> World:
    """Everything counted from the player's first kept event, in memory. Only what is new to the player completes.

    `standings` says how the player stands: what was completed before counts for whoever waits for it from the moment
    it was completed.
    """
    world = World(now=events[-1].event.timestamp if events else now, player_ids=[])
    world.rules = rules
    for part in (Players, Tallies, Standings):
        world.add(part(world))
    tallies, replayed = world[Tallies], world[Standings]
    achievements.note_before(standings, player)
    past = replace(
        player,
        earned=0,
        had_before=player.had_before | (player.earned & replayed.rules.once_bits),
        quests_known=0,
        backfilled_to=rules.number,
        dirty=False,
    )
    world[Players].by_id[player.player_id] = past
    done = achievements.begin_replay(replayed, player, standings.of(player.player_id))
    measure(world, (kept.event for kept in events))
    begun = _since(achievements.begun_anew(replayed.rules, player), done, events)
    for event, received_at in watch(events):
        while done and done[0].order < event.order:  # the event that completed it is no longer kept
            achievements.relive(replayed, past, done.pop(0), event)
        tallies.muted = frozenset(id_ for id_, since in begun.items() if received_at <= since)
        complete(world, record(world, event))
        while done and done[0].order == event.order:
            achievements.relive(replayed, past, done.pop(0), event)
    return world


def _since(begun: Iterable[Achievement], done: Sequence[Past], events: Sequence[Kept]) -> dict[str, datetime]:
    """Achievement → the moment after which a sample must have arrived to count for it.

    That is when its `repeat` changed; or later, when the event arrived that last completed it as it was before: a batch
    may begin after the publication's time and yet commit before it.
    """
    since = {achievement.id: achievement.era.began_at for achievement in begun if achievement.era is not None}
    if since:
        arrived = {kept.event.id: kept.received_at for kept in events}
        for (_, event_id), achievement, _ in (past for past in done if not past.closes_run):
            if achievement.id in since and event_id in arrived:
                since[achievement.id] = max(since[achievement.id], arrived[event_id])
    return since


def kept_events(player_id: PlayerId, watch: Watch = iter) -> list[Kept]:
    """The player's kept events that have counted, in the order in which they count. `watch` may end the reading."""
    kept = Event.objects.filter(player_id=player_id, state=Event.State.COUNTED)
    rows = kept.values_list("event_id", "type", "data", "timestamp", "received_at")
    found = [
        Kept(GameEvent(id_, player_id, type_, data, at), received_at)
        for id_, type_, data, at, received_at in watch(rows.iterator(chunk_size=2000))
    ]
    return sorted(found, key=lambda kept: kept.event.order)
