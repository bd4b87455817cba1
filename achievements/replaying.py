"""How a backfill plays a player's past through the completing stage, and what it takes over of it.

The replay counts in a world of its own, in which everything is completed in memory and nobody is told. What was
completed before, revoked or not, is not completed again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import NamedTuple

from achievements.completing import arrived, unlock_all, waiters
from achievements.occurrences import run_number
from achievements.rules import Achievement, AchievementRules
from achievements.standings import Order, Replay, Standing, Standings, listed_under
from gamification.kernel.core.messages import GameEvent
from progress.players import PlayerState
from progress.rules.scopes import ALWAYS
from progress.tallies import Tallies

MAX_LISTED = 1_000
"""How many samples of the past a run that a backfill left open knows for its windows: the newest ones. A window with
more of them lacks the others.
"""


class Past(NamedTuple):
    """A completion from before a replay, and the order of the event at which it was."""

    order: Order
    achievement: Achievement
    standing: Standing

    @property
    def closes_run(self) -> bool:
        """Whether the achievement began anew with it: it repeats always, and did so then."""
        return self.achievement.repeat == ALWAYS and not self.achievement.is_before(self.standing.version)


def note_before(standings: Standings, player: PlayerState) -> None:
    """Mark what the player completed, revoked or not, while it repeated in another way."""
    for (player_id, id_, _), standing in standings.standings.items():
        of_before = standing.completed_at is not None and standings.rules.is_before(id_, standing.version)
        if of_before and player_id == player.player_id:
            player.had_before |= standings.rules.by_id[id_].bit


def begin_replay(replayed: Standings, player: PlayerState, known: Mapping[tuple[str, str], Standing]) -> list[Past]:
    """Have `replayed` replay the past of a player whose standings are `known`. Says at which events (their order) the
    player completed something, oldest first.
    """
    replay = replayed.replay = Replay(player)
    done = []
    for (id_, occurrence), standing in known.items():
        achievement = replayed.rules.by_id.get(id_)
        if standing.completed_at is None or achievement is None:
            continue
        replayed.standings[player.player_id, id_, occurrence] = replace(standing, dirty=False)
        past = Past((standing.completed_at, standing.event_id), achievement, standing)
        done.append(past)
        if past.closes_run:
            replay.closed[id_] = max(past.order, replay.closed.get(id_, past.order))
        if achievement.repeat == ALWAYS:
            _begin_run(replayed, player, achievement, run_number(occurrence))
    return sorted(done, key=lambda past: (past.order, past.achievement.id))


def relive(replayed: Standings, player: PlayerState, past: Past, event: GameEvent) -> None:
    """Let the player have an achievement from the event on at which they completed it. One that was revoked does not
    count for whoever waits for it.
    """
    achievement = past.achievement
    if past.closes_run:
        replayed.world[Tallies].begin_anew(player, achievement.goal)
        _begin_run(replayed, player, achievement)
    if past.standing.revoked_at is None:
        player.earned |= achievement.bit
        unlock_all(replayed, player, event, waiters(replayed.rules, player, achievement, event.timestamp))


def _begin_run(replayed: Standings, player: PlayerState, achievement: Achievement, runs: int = 0) -> None:
    """Let the open run of an ALWAYS achievement begin with nothing reached, numbered after `runs` at least."""
    standing = replayed.standing(player, achievement, None)
    standing.memory = {"runs": max(runs, standing.memory.get("runs", 0))}


def begun_anew(rules: AchievementRules, player: PlayerState) -> Iterator[Achievement]:
    """The ALWAYS achievements that the player had in another way: only what arrived since counts for their runs."""
    for achievement in rules.by_id.values():
        if achievement.repeat == ALWAYS and achievement.era is not None and player.had_before & achievement.bit:
            yield achievement


def rerun(replayed: Standings) -> set[str]:
    """The ALWAYS achievements that the replay completed: their open runs began anew."""
    return {achievement.id for _, achievement, _ in replayed.completed if achievement.repeat == ALWAYS}


def adopt(standings: Standings, replayed: Standings, player: PlayerState) -> None:
    """Take over what a replay has reached, where it is new to the player; what was reached before stays so."""
    anew = rerun(replayed)
    for key, past in replayed.standings.items():
        achievement = standings.rules.by_id.get(key[1])
        if (
            achievement is None
            or achievement.goal.counted_since <= player.backfilled_to
            or past.completed_at is not None
        ):
            continue
        standing = standings.standings.setdefault(key, Standing())
        is_anew = achievement.id in anew
        kept = {} if is_anew else {digest: state for digest, state in standing.memory.items() if state is True}
        memory = {**past.memory, **kept}
        if achievement.repeat == ALWAYS:
            memory |= arrived(standings, player, achievement)
            for requirement in achievement.goal.requirements:
                if listed := memory.get(listed_under(requirement)):
                    memory[listed_under(requirement)] = list(listed)[-MAX_LISTED:]
        standing.memory, standing.dirty = memory, True
