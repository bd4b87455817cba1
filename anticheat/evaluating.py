"""Plays recorded events of labelled players through the default rules, and counts who is found.

Only profiles stay in memory. What the game's own rhythm is shows when all is played, so what was found of it before is
taken back then. At the end of the file the events that waited to be sorted count too.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from anticheat.cohorts import Cohort
from anticheat.judging import DEFAULTS, KINDS, judge, tell
from anticheat.playing import Player
from anticheat.profile import Due
from anticheat.streams import COMPLETIONS, hash_of
from anticheat.twins import twins
from anticheat.verdicts import ENDURANCE, RHYTHM, Case, Completion, Sign, StatisticalRule, Verdict, warrants_withholding
from gamification.kernel.core.intervals import quantile, wilson
from gamification.kernel.core.messages import PlayerId

DAY = 86_400_000
KNOWN_IDS = 128
FADED = 3
"""Days after which none of the hours that are looked at is from before."""
_EPOCH = date(1970, 1, 1)
HONEST, UNKNOWN = "honest", "unlabelled"


@dataclass(slots=True)
class Found:
    """What one rule found of one player, about one event type or all."""

    first_event: int
    days: dict[int, tuple[int, float]] = field(default_factory=dict)
    """Day of arrival → how many events there were by its first finding, and the tail of that."""


class Played:
    """A player of the file."""

    __slots__ = ("found", "judged", "known", "player")

    def __init__(self, player: Player) -> None:
        self.player = player
        self.judged = 0
        """A bit for each rule, by its slot, for which there was enough of their play."""
        self.found: dict[tuple[str, int], Found] = {}
        self.known: dict[int, int] = {}
        """Hash of an id → hash of what it was used for, of the newest events."""

    def is_new(self, id_: int, digest: int) -> bool:
        """Whether an event with this id is new. One that says something else is a reuse."""
        known = self.known
        if id_ in known:
            if known[id_] != digest:
                self.player.of.reused += 1
                self.player.due.kinds.add("REUSE")
            return False
        known[id_] = digest
        if len(known) > KNOWN_IDS:
            del known[next(iter(known))]
        return True


@dataclass(slots=True)
class OfClass:
    players: int = 0
    flagged: int = 0
    acted_on: int = 0
    first: list[int] = field(default_factory=list)

    def shown(self) -> dict[str, Any]:
        at = {"p50": quantile(self.first, 0.5), "p90": quantile(self.first, 0.9)}
        return {"players": self.players, "flagged": self.flagged, "acted_on": self.acted_on, "first_flag_at": at}


class Evaluation:
    def __init__(
        self, rules: tuple[StatisticalRule, ...] = DEFAULTS, least_seconds: Mapping[str, float] | None = None
    ) -> None:
        self.rules, self.least_seconds = rules, least_seconds or {}
        self.cohort = Cohort()
        self.players: dict[PlayerId, Played] = {}
        self.events = 0
        self._by_kind: dict[str, list[StatisticalRule]] = defaultdict(list)
        for rule in rules:
            self._by_kind[rule.kind].append(rule)
        self._named: set[str] = set()
        self._left_out_on: dict[int, int] = {}
        """Event type → the day of arrival on which it was known to be the game's own doing."""

    def play(
        self, player_id: PlayerId, id_: str, type_: str, data: dict[str, Any], at: int, received: int, digest: int
    ) -> None:
        """One event, in the order of arrival; instants in milliseconds."""
        self.events += 1
        played = self.players.get(player_id)
        if played is None:
            played = self.players[player_id] = Played(Player(left_out=self.cohort.left_out))
        player = played.player
        if played.is_new(hash(id_), digest):
            if type_ not in self._named:
                self._name(type_, data)
            due = player.take(type_, data, at, received)
        else:
            due = player.due
        if due.kinds:
            completion = None
            if type_ in COMPLETIONS and "VELOCITY" in due.kinds:
                content = f"{type_.partition('.')[0]}:{data.get('id')}"
                completion = Completion(content, player.seconds_played(), self.least_seconds.get(content))
            self._judge(played, due, received, completion)
            due.kinds = set()
            due.streams = []

    def _name(self, type_: str, data: dict[str, Any]) -> None:
        self.cohort.name_type(hash_of(type_), type_)
        for name in data:
            self.cohort.name_field(hash_of(type_), hash_of(name), name)
        if len(self._named) < 10_000:
            self._named.add(type_)

    def _judge(self, played: Played, due: Due, received: int, completion: Completion | None = None) -> None:
        profile = played.player.of
        case = Case(profile, self.cohort, due, completion)
        if completion is not None:
            self.cohort.tell_seconds(completion.content, completion.seconds)
        tell(profile, self.cohort, due)
        if not self.cohort.left_out <= self._left_out_on.keys():
            for type_ in self.cohort.left_out:
                self._left_out_on.setdefault(type_, received // DAY)
        for kind in due.kinds:
            for rule in self._by_kind.get(kind, ()):
                for verdict in judge(rule, case):
                    played.judged |= 1 << rule.slot
                    if verdict is not None:
                        self._note(played, rule, verdict, received)

    def _note(self, played: Played, rule: StatisticalRule, verdict: Verdict, received: int) -> None:
        events = played.player.of.events
        found = played.found.setdefault((rule.name, verdict.about), Found(events))
        found.days.setdefault(received // DAY, (events, verdict.log10_tail))

    # -- what it comes to ----------------------------------------------------------------------------------------------

    def finish(self) -> None:
        """Nothing more comes: what waited counts, what is the game's own is taken back, twins are looked for."""
        for played in self.players.values():
            due = played.player.flush()
            tell(played.player.of, self.cohort, due)
        for played in self.players.values():
            due = played.player.due
            self._judge(played, due, played.player.of.newest)
        for played in self.players.values():
            self._take_back(played)
        self._look_for_twins()

    def _take_back(self, played: Played) -> None:
        profile, cohort = played.player.of, self.cohort
        by_name = {rule.name: rule for rule in self.rules}
        is_left_out = cohort.is_left_out(profile)
        left_out = [each.type for each in profile.types if each.type in cohort.left_out]
        faded = max((self._left_out_on.get(type_, 0) for type_ in left_out), default=-1) + FADED
        for name, about in list(played.found):
            kind = by_name[name].kind
            if kind == "CLOCK":
                is_own = cohort.late_of(profile) < by_name[name]["events"]
            elif KINDS[kind].family == ENDURANCE:
                is_own = is_left_out or (bool(left_out) and max(played.found[name, about].days) <= faded)
            elif KINDS[kind].family != RHYTHM:
                is_own = False
            elif about:
                is_own = about in cohort.left_out
            else:
                is_own = is_left_out or (kind != "PACE" and cohort.is_game(kind, profile))
            if is_own:
                del played.found[name, about]

    def _look_for_twins(self) -> None:
        rules = self._by_kind.get("TWINS", ())
        of_device: dict[int, list[PlayerId]] = defaultdict(list)
        for player_id, played in self.players.items():
            if played.player.of.device:
                of_device[played.player.of.device].append(player_id)
        for rule in rules:
            for ids in of_device.values():
                for one in ids if len(ids) > 1 else ():
                    if self.players[one].found:
                        self._twins_of(rule, one, [other for other in ids[:9] if other != one])

    def _twins_of(self, rule: StatisticalRule, one: PlayerId, others: list[PlayerId]) -> None:
        mine = self.players[one]
        for other in others:
            verdict = twins(rule, mine.player.of, self.players[other].player.of, other)
            if verdict is not None:
                self._note(mine, rule, verdict, mine.player.of.newest)
                return

    def result(self, labels: Mapping[PlayerId, str]) -> dict[str, Any]:
        """`{players, events, rules: {rule: {class: flagged}}, classes: {class: {…}}}`."""
        classes: dict[str, OfClass] = defaultdict(OfClass)
        rules: dict[str, dict[str, int]] = {rule.name: {} for rule in self.rules}
        for player_id in self.players.keys() | labels.keys():
            of_class = classes[labels.get(player_id, UNKNOWN)]
            of_class.players += 1
            played = self.players.get(player_id)
            if played is None or not played.found:
                continue
            of_class.flagged += 1
            of_class.acted_on += self.would_act_on(played)
            of_class.first.append(min(found.first_event for found in played.found.values()))
            for name in {name for name, _ in played.found}:
                of_rule = rules[name]
                label = labels.get(player_id, UNKNOWN)
                of_rule[label] = of_rule.get(label, 0) + 1
        return {
            "players": len(self.players),
            "events": self.events,
            "rules": {name: {each: found.get(each, 0) for each in sorted(classes)} for name, found in rules.items()},
            "classes": {name: classes[name].shown() for name in sorted(classes)},
        }

    def would_act_on(self, played: Played) -> bool:
        """Whether the player would be withheld on some day, by the first finding of each rule and day: as live."""
        family = {rule.name: KINDS[rule.kind].family for rule in self.rules}
        first: dict[tuple[str, int], tuple[int, float]] = {}
        for (name, _), found in played.found.items():
            for day, finding in found.days.items():
                first[name, day] = min(first.get((name, day), finding), finding)
        signs = [Sign(name, family[name], _EPOCH + timedelta(day), tail) for (name, day), (_, tail) in first.items()]
        return any(
            warrants_withholding((each for each in signs if each.day <= today), today)
            for today in {sign.day for sign in signs}
        )


def table(result: Mapping[str, Any]) -> list[str]:
    """For people: per rule and class, players, those flagged with the interval, and events until the first finding."""
    lines = [f"{'rule':18}{'class':22}{'players':>9}{'flagged':>9}{'share':>9}   95 % interval"]
    for rule, found in result["rules"].items():
        for name, flagged in found.items():
            players = result["classes"][name]["players"]
            lines.append(_line(rule, name, players, flagged))
    lines += ["", f"{'':18}{'class':22}{'players':>9}{'flagged':>9}{'share':>9}   95 % interval    acted on, first at"]
    for name, each in result["classes"].items():
        first = each["first_flag_at"]
        at = "" if first["p50"] is None else f"{first['p50']:.0f} ({first['p90']:.0f})"
        end = f"{each['acted_on']:>11}  {at}"
        lines.append(_line("all", name, each["players"], each["flagged"]) + end)
    return lines


def _line(rule: str, name: str, players: int, flagged: int) -> str:
    low, high = wilson(flagged, players)
    share = flagged / players if players else 0.0
    return f"{rule:18}{name:22}{players:>9}{flagged:>9}{share:>9.2%}   {low:.2%} to {high:.2%}"
