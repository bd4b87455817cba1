"""How a player stands with achievements: read without a lock, worked out by the same rules that complete them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from operator import itemgetter
from typing import Any, NamedTuple

from achievements import queries
from achievements.history import History
from achievements.models import ProgressMark
from achievements.occurrences import open_occurrence, opens_at
from achievements.rules import Achievement, AchievementRules
from achievements.snapshots import goal_snapshot, snapshot
from achievements.standings import Standing, Standings
from gamification.kernel.content import publishing
from gamification.kernel.content.publishing import Published
from gamification.kernel.core.encoding import instant
from gamification.kernel.core.messages import PlayerId
from gamification.kernel.core.vocabulary import Vocabulary
from gamification.kernel.core.world import World
from gamification.kernel.storage import shares, sql
from progress.players import Players, PlayerState
from progress.queries import rarities
from progress.reading import ask_to_look_at
from progress.rules.scopes import NEVER
from progress.rules.tallies import Tally
from progress.tallies import Tallies

HISTORY = 50
"""The newest entries that are shown."""


class State(Vocabulary):
    """How far a player is with an achievement, in one word."""

    LOCKED = "LOCKED"
    IN_PROGRESS = "IN_PROGRESS"
    COMPLETED = "COMPLETED"

    @classmethod
    def of(cls, read: dict[str, Any]) -> State:
        if read["is_completed"]:
            return State.COMPLETED
        return State.IN_PROGRESS if read["progress"] > 0 else State.LOCKED


class Mark(NamedTuple):
    """A reading of the history, and the occurrence that it was of."""

    occurrence: str
    at: datetime
    progress: float
    metrics: dict[str, Any]


class ShownAchievements:
    """One player's achievements as they are shown now: everything published, in a fixed number of queries.

    `world`: as that has read and decided them, rather than as they are kept.
    """

    def __init__(
        self, player_id: PlayerId, now: datetime, hidden: Iterable[str] = (), *, world: World | None = None
    ) -> None:
        self.now, self.hidden = now, frozenset(hidden)
        if world is None:
            world, kept = _read(player_id, now)
        else:
            kept = _ask_marks(player_id)()
        self.tallies, standings = world[Tallies], world[Standings]
        self.player = world[Players].by_id[player_id]
        self.rules = world.rules[AchievementRules]
        self.published: Mapping[str, Published] = world.rules.published.get("achievement", {})
        self._standings: dict[str, dict[str, Standing]] = {}
        for (id_, occurrence), standing in standings.of(player_id).items():
            self._standings.setdefault(id_, {})[occurrence] = standing
        self._marks: dict[str, list[Mark]] = {}
        for id_, _, *mark in [*kept, *_new_marks(world, kept)]:
            self._marks.setdefault(id_, []).append(Mark(*mark))

    def of(self, achievement: Achievement, *, live: bool = False) -> dict[str, Any]:
        """The contract's progress of one achievement; of a repeating one, in the period the clock is in.

        `live`: every requirement as it reads now, not as it was kept at completion, and none left out.
        """
        player, goal = self.player, achievement.goal
        standings = self._standings.get(achievement.id, {})
        opens = opens_at(achievement, player, self.now)
        standing = self._standing(achievement, opens)
        is_spent = achievement.is_spent(player, opens)

        def tally(metric: str) -> Tally | None:
            key = (player.player_id, metric, goal.scope.key(opens))
            return None if is_spent else self.tallies.by_key.get(key)

        completed = standing.completed_at is not None and standing.revoked_at is None
        if completed and standing.final is not None and not live:
            read, version = standing.final, standing.version
        else:
            read = goal_snapshot(goal, tally, standing.memory, player, self.rules, self.now)
            version = achievement.version
        shown: dict[str, Any] = {
            "player_id": player.player_id,
            "achievement_id": achievement.id,
            "progress": 1 if completed else read["progress"],
            "is_completed": completed,
            "completed_at": instant(standing.completed_at) if completed and standing.completed_at else None,
            "metrics": read["metrics"],
            "requirements": [r for r in read["requirements"] if live or r.get("target") not in self.hidden],
            "history": self._history(achievement.id, standings),
            "version": version,
        }
        if standing.revoked_at is not None:
            shown["revoked_at"] = instant(standing.revoked_at)
        if achievement.repeat != NEVER:
            shown["completions"] = sum(s.is_earned for s in standings.values())
        if goal.counted_since > player.backfilled_to:
            shown["pending"] = True
        return shown

    def _standing(self, achievement: Achievement, opens: datetime | None) -> Standing:
        """The standing that is shown: that of the open run or the period. Of an achievement that does not repeat (any
        more), the completion: rather one that was not revoked, and rather the newest.
        """
        standings = self._standings.get(achievement.id, {})
        ended = [(s.is_earned, s.completed_at, s) for s in standings.values() if s.completed_at is not None]
        if ended and (achievement.repeat == NEVER or self.player.revoked & achievement.bit):
            return max(ended, key=itemgetter(0, 1))[2]
        if achievement.is_spent(self.player, opens):
            return Standing()
        return standings.get(open_occurrence(achievement, opens), Standing())

    def has_kept(self, id_: str) -> bool:
        """Whether the player has completed it, and still has that; so one that was retired is shown to them."""
        return any(standing.is_earned for standing in self._standings.get(id_, {}).values())

    def kept(self, id_: str, repeat: str) -> dict[str, Any] | None:
        """The progress of an achievement that was retired, as it was when the player completed it last, if ever."""
        if not self.has_kept(id_):
            return None
        standings = self._standings[id_]
        runs = [standing for standing in standings.values() if standing.is_earned]
        newest = max(runs, key=lambda run: run.completed_at or self.now)
        final = newest.final or {}
        shown = {
            "player_id": self.player.player_id,
            "achievement_id": id_,
            "progress": 1,
            "is_completed": True,
            "completed_at": instant(newest.completed_at) if newest.completed_at else None,
            "metrics": final.get("metrics", {}),
            "requirements": [r for r in final.get("requirements", []) if r.get("target") not in self.hidden],
            "history": self._history(id_, standings),
            "version": newest.version,
        }
        return shown if repeat == NEVER else shown | {"completions": len(runs)}

    def _history(self, id_: str, standings: dict[str, Standing]) -> list[dict[str, Any]]:
        entries: dict[tuple[datetime, float, str], dict[str, Any]] = {}
        for mark in self._marks.get(id_, []):  # one reading may have reached several quarters, and several periods
            entries[mark.at, mark.progress, mark.occurrence] = {
                "at": instant(mark.at), "progress": mark.progress, "metrics": mark.metrics,
            }  # fmt: skip
        for occurrence, standing in standings.items():
            if standing.completed_at is not None:
                metrics = (standing.final or {}).get("metrics", {})
                entries[standing.completed_at, 1.0, occurrence] = {
                    "at": instant(standing.completed_at), "progress": 1, "metrics": metrics,
                }  # fmt: skip
        return [entries[key] for key in sorted(entries)][-HISTORY:]


def _read(player_id: PlayerId, now: datetime) -> tuple[World, list[tuple[Any, ...]]]:
    """A world that has read, without a lock, all that there is of one player's achievements, and the marks kept."""
    world = World(now=now, player_ids=[player_id])
    world.rules = publishing.current()
    for part in (Players, Tallies, Standings):
        world.add(part(world))
    with sql.asked_together():
        answers = [ask_to_look_at(world, player_id), world[Tallies].ask_all(), world[Standings].ask_all()]
        marks = _ask_marks(player_id)
    for take_in in answers:
        take_in()
    return world, marks()


def _ask_marks(player_id: PlayerId) -> sql.Asked:
    columns = ("achievement_id", "quarter", *Mark._fields)
    return sql.ask_where(ProgressMark, columns, {"player_id": player_id}, order_by=("at", "quarter"))


def _new_marks(world: World, kept: Iterable[tuple[Any, ...]]) -> Iterable[tuple[Any, ...]]:
    """What a world that decides has reached for the first time, in the columns of what is kept."""
    if not world.has(History):
        return []
    known = {tuple(mark[:3]) for mark in kept}
    marks = world[History].marks().items()
    new = ((id_, quarter, occurrence, *reading) for (_, id_, occurrence, quarter), reading in marks)
    return [mark for mark in new if mark[:3] not in known]


class Listing:
    """The achievements that are visible, begun or not, and retired ones that the player has. Rows are worked out when
    they are shown, so that a page of a long list costs what a page costs.

    Of one that is secret to them, a player sees `{id, type, points}`.
    """

    def __init__(
        self,
        player_id: PlayerId,
        now: datetime,
        *,
        state: str | None = None,
        for_player: bool,
        world: World | None = None,
    ) -> None:
        hidden = queries.hidden_ids(player_id) if for_player else ()
        self.mine = mine = ShownAchievements(player_id, now, hidden, world=world)
        self.ids = sorted(id_ for id_ in mine.published if id_ in mine.rules.by_id or mine.has_kept(id_))
        if state is not None:
            self.ids = [id_ for id_ in self.ids if id_ not in mine.hidden and State.of(self._read(id_)) == state]

    def rows(self, ids: Sequence[str]) -> list[dict[str, Any]]:
        rare = rarities("achievement", ids)
        return [self._row(id_, rare.get(id_)) for id_ in ids]

    def _row(self, id_: str, rarity: float | None) -> dict[str, Any]:
        """What it is, how rare, and how far they have come."""
        definition = self.mine.published[id_].definition
        if id_ in self.mine.hidden:
            return {name: definition[name] for name in ("id", "type", "points")}
        read = self._read(id_)
        names = ("title", "description", "type", "category", "points", "series", "tier", "repeat", "icon", "rewards")
        shown = {"id": id_, **{name: definition[name] for name in names}}
        return {**shown, "rarity": rarity, "state": State.of(read).value, **read}

    def _read(self, id_: str) -> dict[str, Any]:
        mine = self.mine
        if achievement := mine.rules.by_id.get(id_):
            return mine.of(achievement)
        return mine.kept(id_, mine.published[id_].definition["repeat"]) or {}


def rows(
    player_id: PlayerId, now: datetime, *, state: str | None, for_player: bool, world: World | None = None
) -> list[dict[str, Any]]:
    """Every row of the listing."""
    listing = Listing(player_id, now, state=state, for_player=for_player, world=world)
    return listing.rows(listing.ids)


class Touched(NamedTuple):
    """What happened to a player that may have brought an achievement forward."""

    metrics: Collection[str]
    """The metrics they had samples of."""
    completed: Collection[str]
    """The achievements they completed, which others may wait for."""


def progressed(touched: Mapping[PlayerId, Touched], now: datetime) -> dict[PlayerId, dict[str, float]]:
    """player → achievement → progress, of what was touched and is unfinished. Four queries a share, however many
    players there are; one where nothing was touched.

    Left out is what a player must not know of, and what comes no further by playing: completed, revoked, pending.
    """
    found: dict[PlayerId, dict[str, float]] = {}
    for share, here in shares.by_share(touched, lambda player_id: player_id).items():
        with shares.within(share):
            found |= _progressed({player_id: touched[player_id] for player_id in here}, now)
    return found


def _progressed(touched: Mapping[PlayerId, Touched], now: datetime) -> dict[PlayerId, dict[str, float]]:
    current = publishing.current()
    rules = current[AchievementRules]
    touched = {player_id: by for player_id, by in touched.items() if _touched(rules, by)}
    if not touched:
        return {}
    world = World(now=now, player_ids=touched)
    world.rules = current
    for part in (Players, Tallies, Standings):
        world.add(part(world))
    players, tallies, standings = world[Players], world[Tallies], world[Standings]
    players.read_unlocked()
    read: list[tuple[PlayerState, Achievement, datetime | None]] = []
    for player in players.by_id.values():
        for achievement in _touched(rules, touched[player.player_id]):
            is_hidden = achievement.is_secret and not player.earned & achievement.bit
            is_pending = achievement.goal.counted_since > player.backfilled_to
            opens = opens_at(achievement, player, now)
            is_over = achievement.is_closed_to(player) or achievement.is_spent(player, opens)
            if not (is_hidden or is_pending or is_over):
                read.append((player, achievement, opens))
    tallies.read(
        [
            (player.player_id, requirement.metric, achievement.goal.scope.key(opens))
            for player, achievement, opens in read
            for requirement in achievement.goal.requirements
            if requirement.metric
        ]
    )
    standings.read(dict.fromkeys((player.player_id, a.id, open_occurrence(a, opens)) for player, a, opens in read))
    found: dict[PlayerId, dict[str, float]] = {}
    for player, achievement, opens in read:
        standing = standings.find(player, achievement, opens)
        if standing is None or standing.completed_at is None:
            progress = snapshot(standings, player, achievement, opens)["progress"]
            found.setdefault(player.player_id, {})[achievement.id] = progress
    return found


def _touched(rules: AchievementRules, by: Touched) -> Iterable[Achievement]:
    counting = [achievement for metric in by.metrics for achievement in rules.by_metric.get(metric, ())]
    waiting = [achievement for id_ in by.completed for achievement in rules.waiting.get(id_, ())]
    return {achievement.id: achievement for achievement in counting + waiting}.values()
