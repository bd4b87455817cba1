"""The profiler: a follower of kept events that keeps a profile of each player, and judges it by the rules in force.

Profiles, cohorts, findings and the cursor are one transaction: killed anywhere, it goes on exactly where it was, and
comes to the same. There is one cohort a share, written with its profiles: each share's players are a fair sample of
all.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec
from django.conf import settings
from django.db import models, transaction
from django.db.models import Func, TextField
from django.db.models.functions import Cast

from anticheat import cohort_rows, findings
from anticheat.batches import Kept, in_order, whole
from anticheat.cohort_rows import KeptCohort
from anticheat.erasure import still_there
from anticheat.findings import PROFILER, Found
from anticheat.judging import KINDS, judge, rule_of, tell
from anticheat.models import Finding, PlayProfile, Rule
from anticheat.playing import Player
from anticheat.profile import Due
from anticheat.screening import ID_REUSED
from anticheat.streams import COMPLETIONS, hash_of
from anticheat.twins import twins
from anticheat.verdicts import Case, Completion, StatisticalRule, Verdict
from gamification.kernel.content import publishing
from gamification.kernel.content.publishing import Definitions, Units
from gamification.kernel.core.messages import PlayerId
from gamification.kernel.messaging.followers import EVENTS, Follower, Log
from gamification.kernel.storage import shares, sql

PAGE = 5_000
BEYOND = 1_000
"""Rows that are read beyond a page, to see where a batch ends: no batch has more."""
TIME_SLICE = 1.0
"""Seconds that a turn may take: whoever does the clock's chores has others."""
DAY = 86_400_000
MOST_EVIDENCE = 4_096
MOST_TWINS = 8
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _is_on() -> bool:
    return bool(settings.ENABLE_ANTI_CHEAT)


OF_EVENTS = Follower(PROFILER, EVENTS, is_on=_is_on)
OF_REUSES = Follower("profiler-reuses", Log(Finding), is_on=_is_on)
"""Ids that are used again are refused, so they are no kept events; it works while `OF_EVENTS` is alone."""


class LeastSeconds(dict[str, float]):
    """`achievement:id` → the seconds that its author thinks an honest player needs at least."""


def compile_least_seconds(definitions: Definitions, units: Units) -> LeastSeconds:
    return LeastSeconds(
        (f"{kind}:{id_}", float(definition["min_seconds"]))
        for kind in ("achievement", "quest")
        for id_, definition in definitions.get(kind, {}).items()
        if definition.get("min_seconds")
    )


class Milliseconds(Func):
    """An instant in milliseconds since 1970, as a number: to make datetimes of a page takes longer than to judge it."""

    output_field = models.BigIntegerField()

    def as_postgresql(self, compiler: Any, connection: Any, **more: Any) -> Any:
        return self.as_sql(
            compiler, connection, template="(extract(epoch FROM %(expressions)s) * 1000)::bigint", **more
        )

    def as_sqlite(self, compiler: Any, connection: Any, **more: Any) -> Any:
        template = "CAST(ROUND((julianday(%(expressions)s) - 2440587.5) * 86400000) AS INTEGER)"
        return self.as_sql(compiler, connection, template=template, **more)


COLUMNS = (
    "player_id",
    "event_id",
    "type",
    Cast("data", TextField()),
    Milliseconds("timestamp"),
    Milliseconds("received_at"),
)


def follow(now: datetime) -> None:
    """Look at what has come since the last turn, in the share that is named."""
    if not _is_on():
        return
    until = time.monotonic() + TIME_SLICE
    while _turn() and time.monotonic() < until:
        pass


_known: dict[int | None, KeptCohort] = {}
"""Share → the cohort as this process has last written it."""


def _turn() -> bool:
    """Work through one page, and ids used again. Returns whether there may be more."""
    share = shares.here()
    try:
        with OF_EVENTS.alone(), transaction.atomic():
            if share not in _known or _known[share].turn != cohort_rows.turn():
                _known[share] = cohort_rows.read()
            turn = Turn(_known[share])
            has_more = _take(turn)
            _take_reuses(turn)
            turn.write()
    except BaseException:
        _known.pop(share, None)  # what it has counted is not kept
        raise
    return has_more


def _take(turn: Turn) -> bool:
    horizon, cursor = EVENTS.horizon.look()[0], OF_EVENTS.cursor()
    found = EVENTS.rows.filter(pk__gt=cursor).values_list("pk", *COLUMNS)[: PAGE + BEYOND]
    rows = [Kept(*row) for row in found]
    is_full = len(rows) == PAGE + BEYOND
    limit = min(rows[PAGE - 1].pk, horizon) if is_full else horizon
    end = whole(rows, limit, horizon) if rows else horizon
    if is_full and not end:  # a batch of thousands, which nothing sends: rather cut in two than waited for
        end = limit
    if end <= cursor:
        return False
    turn.take([row for row in rows if row.pk <= end])
    OF_EVENTS.move(end)
    return is_full


def _take_reuses(turn: Turn) -> None:
    rows, horizon = OF_REUSES.page(("player_id", "rule", Milliseconds("found_at")), PAGE)
    turn.take_reuses([(player_id, at) for _, player_id, rule, at in rows if rule == ID_REUSED])
    if (end := rows[-1][0] if len(rows) == PAGE else horizon) > OF_REUSES.cursor():
        OF_REUSES.move(end)


class Turn:
    """What one page changes: profiles, the cohort, and what was found."""

    def __init__(self, kept: KeptCohort) -> None:
        self.kept, self.cohort = kept, kept.cohort
        self.players: dict[PlayerId, Player] = {}
        self.found: list[Found] = []
        self.rules = in_force()
        self.least = publishing.current()[LeastSeconds]

    def take(self, rows: Sequence[Kept]) -> None:
        self._load({row.player_id for row in rows})
        players = self.players
        for row in in_order(rows):
            data = _data(row.data) if row.data != "{}" else {}
            player, type_ = players[row.player_id], hash_of(row.type)
            known = self.cohort.types.get(type_)
            if known is None or not known.name:
                self.cohort.name_type(type_, row.type)
                for name in data:
                    self.cohort.name_field(type_, hash_of(name), name)
            due = player.take(row.type, data, row.at, row.received)
            if due.kinds:
                self._judge(row.player_id, player, due, row.received, self._completion(player, due, row.type, data))

    def take_reuses(self, rows: Sequence[tuple[PlayerId, int]]) -> None:
        self._load({player_id for player_id, _ in rows} - self.players.keys())
        for player_id, at in rows:
            player = self.players[player_id]
            player.of.reused += 1
            self._judge(player_id, player, Due(kinds={"REUSE"}), at)

    def _load(self, player_ids: set[PlayerId]) -> None:
        for player_id in player_ids:
            self.players[player_id] = Player(left_out=self.cohort.left_out)
        keys = {"player_id": sorted(player_ids)}
        for player_id, state in sql.select_in(PlayProfile, ("player_id", "state"), keys):
            self.players[player_id] = Player.decoded(state, self.cohort.left_out)

    def _completion(self, player: Player, due: Due, type_: str, data: dict[str, Any]) -> Completion | None:
        """What is completed, where it is for the first time."""
        if type_ not in COMPLETIONS or "VELOCITY" not in due.kinds:
            return None
        content = f"{type_.partition('.')[0]}:{data.get('id')}"
        return Completion(content, player.seconds_played(), self.least.get(content))

    # -- judging -------------------------------------------------------------------------------------------------------

    def _judge(
        self, player_id: PlayerId, player: Player, due: Due, received: int, completion: Completion | None = None
    ) -> None:
        profile = player.of
        case = Case(profile, self.cohort, due, completion)
        if completion is not None:
            self.cohort.tell_seconds(completion.content, completion.seconds)
        tell(profile, self.cohort, due)
        for kind in sorted(due.kinds):
            for rule in self.rules.get(kind, ()):
                verdicts = list(judge(rule, case))
                if verdicts:
                    self._note_judged(player, rule, received)
                beyond = [each for each in verdicts if each is not None and each.about not in self.cohort.left_out]
                if beyond:
                    self._find(player_id, rule, min(beyond, key=lambda each: each.log10_tail), received)
                    self._look_for_twins(player_id, player, received)
        due.kinds = set()
        due.streams = []

    def _note_judged(self, player: Player, rule: StatisticalRule, received: int) -> None:
        bit, day = 1 << rule.slot, received // DAY
        if player.of.judged & bit:
            self.kept.note_day(str(rule.slot), day)
        else:
            player.of.judged |= bit
            self.kept.note_judged(str(rule.slot), day)

    def _find(self, player_id: PlayerId, rule: StatisticalRule, verdict: Verdict, received: int) -> None:
        self.found.append(
            Found(
                player_id=player_id,
                rule=rule.name,
                day=day_of(received),
                kind=rule.kind,
                family=KINDS[rule.kind].family,
                action=rule.action,
                value=float(verdict.value),
                limit=float(verdict.limit),
                n=verdict.n,
                since=instant(verdict.since),
                until=instant(verdict.until),
                log10_tail=round(verdict.log10_tail, 3),
                source=PROFILER,
                evidence=bounded(verdict.evidence),
                found_at=instant(received),
            )
        )

    def _look_for_twins(self, player_id: PlayerId, player: Player, received: int) -> None:
        rules, device = self.rules.get("TWINS", ()), player.of.device
        if not rules or not device:
            return
        others = PlayProfile.objects.filter(device=device).exclude(player_id=player_id).order_by("player_id")
        for other, state in others.values_list("player_id", "state")[:MOST_TWINS]:
            theirs = self.players[other].of if other in self.players else Player.decoded(bytes(state)).of
            for rule in rules:
                self._note_judged(player, rule, received)
                if (verdict := twins(rule, player.of, theirs, other)) is not None:
                    self._find(player_id, rule, verdict, received)
                    return

    # -- writing -------------------------------------------------------------------------------------------------------

    def write(self) -> None:
        """What was found first: whoever reacts to it may lock players, and nothing is locked here by then."""
        if not self.players:
            return
        findings.record(self.found)
        there = still_there(self.players)
        rows = [
            (player_id, self.players[player_id].encoded(), self.players[player_id].of.device or None)
            for player_id in sorted(there)
        ]
        columns = ("player_id", "state", "device")
        sql.upsert(PlayProfile, columns, rows, conflict=("player_id",), set_=("state", "device"))
        if erased := self.players.keys() - there:
            findings.forget(erased)
        self.kept.write()


_data = msgspec.json.Decoder(dict[str, Any]).decode


def in_force() -> dict[str, list[StatisticalRule]]:
    """Kind → the rules on how players play that are switched on, by name."""
    found: dict[str, list[StatisticalRule]] = {}
    columns = ("name", "kind", "parameters", "action", "slot")
    for name, kind, parameters, action, slot in sql.select_where(
        Rule, columns, {"is_enabled": True, "kind": list(KINDS)}, order_by=("name",)
    ):
        found.setdefault(kind, []).append(rule_of(kind, name, parameters, action, slot or 0))
    return found


def bounded(evidence: dict[str, Any]) -> dict[str, Any]:
    """The evidence without its longest parts, where it is too long."""
    kept = dict(evidence)
    while kept and len(msgspec.json.encode(kept)) > MOST_EVIDENCE:
        del kept[max(kept, key=lambda key: len(msgspec.json.encode(kept[key])))]
    return kept


def instant(milliseconds: int) -> datetime:
    return _EPOCH + timedelta(milliseconds=milliseconds)


def day_of(milliseconds: int) -> date:
    return instant(milliseconds).date()


def oldest_waiting() -> datetime | None:
    """When the oldest event that it has not looked at arrived, in the share that is named."""
    found: datetime | None = EVENTS.rows.filter(pk__gt=OF_EVENTS.cursor()).values_list("received_at", flat=True).first()
    return found
