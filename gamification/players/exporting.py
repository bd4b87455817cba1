"""Everything held about a player, to hand out: to a game server as it is kept, to the player what they may know.

A player is shown the columns that each model names in `shown_to_player`, of rows that tell of nothing hidden. What is
kept only to count by (bitmaps, trails of rules, samples of windows, row numbers) is in no such list; and a counter is
shown where content that the player may know of keeps it: otherwise the counters alone would tell what is hidden.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.db.models import Model, QuerySet

from achievements.models import Standing
from achievements.rules import AchievementRules
from anticheat.models import Finding, Rule
from gamification.feed.models import Message
from gamification.kernel.content import kinds, publishing
from gamification.kernel.core.encoding import instant
from gamification.kernel.core.fact_types import OWN_TYPES
from gamification.kernel.core.messages import REPORTED, NotFound, PlayerId
from gamification.kernel.models import Event
from gamification.players.erasing import rows_of, tables
from progress.models import MemberSeen, Player, Tally
from progress.rules.scopes import LIFETIME
from quests.models import Run
from quests.rules import QuestRules
from quests.running import QUEST_SCOPE

Row = dict[str, Any]


def export(player_id: PlayerId, now: datetime) -> Row:
    """`{player_id, exported_at, data: {table: [row, …]}}`, all as it is kept. NotFound: the player was never seen."""
    return _composed(
        player_id, now, {model: list(rows_of(model, player_id).order_by("pk").values()) for model in tables()}
    )


def export_for_player(player_id: PlayerId, now: datetime) -> Row:
    """The same as the player may know it."""
    known = Known(player_id)
    found: dict[type[Model], list[Row]] = {}
    for model in tables():
        if columns := getattr(model, "shown_to_player", ()):
            rows = known.rows(model).order_by("pk").values("player_id", *columns)
            found[model] = [shown for row in rows if (shown := known.cut(model, row)) is not None]
    return _composed(player_id, now, found)


def _composed(player_id: PlayerId, now: datetime, found: Mapping[type[Model], list[Row]]) -> Row:
    if not found[Player]:
        raise NotFound("There is no such player.")
    data = {model._meta.label_lower: [_json(row) for row in rows] for model, rows in found.items()}
    return {"player_id": player_id, "exported_at": instant(now), "data": data}


class Known:
    """What a player may know of, and what it keeps of them."""

    def __init__(self, player_id: PlayerId) -> None:
        self.player_id = player_id
        self.hidden = kinds.hidden(player_id)
        self._kept: dict[tuple[str, str], set[str]] = {}
        """(metric, label of its scope) → the aggregates that content the player may know of reads there."""
        rules = publishing.current()
        goals = [a.goal for id_, a in rules[AchievementRules].by_id.items() if not self._hides("achievement", id_)]
        read = [(goal.scope, requirement) for goal in goals for requirement in goal.requirements]
        read += [(LIFETIME, asked) for quest in rules[QuestRules].by_id.values() for asked in quest.requirements]
        for scope, requirement in read:
            self._kept.setdefault((requirement.metric, scope.label), set()).add(requirement.type)

    def rows(self, model: type[Model]) -> QuerySet[Any]:
        rows = rows_of(model, self.player_id)
        if model is Finding:  # a rule's name tells of its metric
            rows = rows.exclude(
                rule__in=Rule.objects.filter(metric_id__in=self.hidden.get("metric", ())).values("name")
            )
        return rows

    def cut(self, model: type[Model], row: Row) -> Row | None:
        """The row without what the player may not know; None where nothing else is in it."""
        if self._tells(row):
            return None
        cut = _CUTS.get(model)
        return row if cut is None else cut(self, row)

    def _tells(self, row: Row) -> bool:
        """Whether something hidden is named in one of the columns that name content."""
        by_source = row.get("source") == "ACHIEVEMENT" and self._hides("achievement", row["source_id"])
        return by_source or any(self._hides(kind, row.get(column)) for column, kind in _NAMED_BY.items())

    def _hides(self, kind: str, id_: Any) -> bool:
        return id_ in self.hidden.get(kind, ())

    def _tally(self, row: Row) -> Row | None:
        kept = self._aggregates(row)
        if kept is None:
            return None
        left_out = {column for column, type_ in (("members", "DISTINCT"), ("runs", "STREAK")) if type_ not in kept}
        return {name: value for name, value in row.items() if name not in left_out}

    def _member(self, row: Row) -> Row | None:
        is_of_a_quest = row["scope"].startswith(QUEST_SCOPE)  # none is hidden
        return row if is_of_a_quest or "DISTINCT" in (self._aggregates(row) or ()) else None

    def _aggregates(self, row: Row) -> set[str] | None:
        label = row["scope"].partition("#")[0]
        return self._kept.get((row["metric_id"], label), None if label else set())

    def _event(self, row: Row) -> Row | None:
        if row["type"] == REPORTED and self._hides("achievement", row["data"].get("achievement")):
            return None
        kind, _, _ = row["type"].partition(".")
        return None if row["type"] in OWN_TYPES and self._hides(kind, row["data"].get("id")) else row

    def _message(self, row: Row) -> Row | None:
        said, (kind, _, _) = row["data"], row["type"].partition(".")
        if kind == "backfill":
            for name, what in (("achievements", "achievement"), ("rewards", "reward")):
                said = {**said, name: [id_ for id_ in said[name] if not self._hides(what, id_)]}
            return {**row, "data": said}
        is_about_hidden = kind == "achievement" and self._hides("achievement", said["id"])
        return None if is_about_hidden or self._tells(said) else row

    def _standing(self, row: Row) -> Row:
        final = row["final"]
        if final is not None:
            told = [r for r in final["requirements"] if not self._hides(r["type"].lower(), r.get("target"))]
            row["final"] = {**final, "requirements": told}
        return row

    def _run(self, row: Row) -> Row:
        """When each step became active and was done. What it counted is left out, as it stands under hashes."""
        steps = {
            id_: {name: at for name, at in step.items() if name != "counts"}
            for id_, step in row["state"]["steps"].items()
        }
        return {**row, "state": {"steps": steps}}


_NAMED_BY = {"achievement_id": "achievement", "metric_id": "metric", "reward_id": "reward", "drawn": "reward"}
"""column → the kind of content that it names."""
_CUTS: dict[type[Model], Callable[[Known, Row], Row | None]] = {
    Event: Known._event,
    Message: Known._message,
    Tally: Known._tally,
    MemberSeen: Known._member,
    Standing: Known._standing,
    Run: Known._run,
}


def _json(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _json(each) for name, each in value.items()}
    if isinstance(value, datetime):
        return instant(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, bytes | memoryview):
        return bytes(value).hex()
    return value
