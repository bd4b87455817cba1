"""A player's achievements: how far each is, and why it is, or is not, unlocked, in sentences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from achievements.explaining import explain
from achievements.models import Standing
from achievements.reading import Listing, ShownAchievements, State
from gamification.console.player import words
from gamification.kernel.core.encoding import parse_instant
from gamification.kernel.core.messages import PlayerId
from progress.rules.sentences import in_the_singular, sentence

PAGE = 50
STATES = {"": "All", State.IN_PROGRESS: "In progress", State.COMPLETED: "Unlocked", State.LOCKED: "Not begun"}
ASKS = {
    "eq": "“{0}”",
    "ne": "anything but “{0}”",
    "gt": "more than {0}",
    "gte": "at least {0}",
    "lt": "less than {0}",
    "lte": "at most {0}",
    "in": "one of {0}",
    "not_in": "none of {0}",
    "exists": "it to be there",
}
WHY_HELD = {
    "held": "it is held: it counts once somebody releases it",
    "dismissed": "somebody dismissed it",
    "dates": "it is not within the dates of the achievement",
}


@dataclass(frozen=True, slots=True)
class Line:
    """An event that counted or did not."""

    said: str
    at: datetime
    why: str
    """Why it did not count; empty: it did."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One requirement, and how far the player is with it."""

    said: str
    met: bool
    far: str
    missing: str
    """What it takes still; empty: nothing, or more would not help."""
    lines: Sequence[Line] = ()


@dataclass(frozen=True, slots=True)
class Why:
    """Why something is unlocked, or why not."""

    is_done: bool
    first: str
    """The answer, in one sentence: of what is not unlocked, what failed."""
    blocked: Sequence[str] = ()
    asked: Sequence[Asked] = ()
    events: Sequence[str] = ()
    """The events that completed it."""
    notes: Sequence[str] = field(default=())


@dataclass(frozen=True, slots=True)
class Row:
    id: str
    title: str
    state: str
    percent: int
    far: str
    at: datetime | None
    rarity: str
    can_revoke: bool


def rows(listing: Listing, *, text: str, page: int) -> tuple[list[Row], bool]:
    """A page of the achievements, those under way first, and whether there are more."""
    wanted = text.lower()
    ids = [id_ for id_ in listing.ids if wanted in id_ or wanted in words.called("achievement", id_).lower()]
    span = ids[page * PAGE : (page + 1) * PAGE + 1]
    found = [_row(read) for read in listing.rows(span[:PAGE])]
    order = [State.IN_PROGRESS, State.LOCKED, State.COMPLETED]
    return sorted(found, key=lambda row: (order.index(State(row.state)), -row.percent)), len(span) > PAGE


def _row(read: Mapping[str, Any]) -> Row:
    at = words.moment(read["completed_at"])
    far = "; ".join(_far(each) for each in read["requirements"])
    if read["is_completed"] and read.get("completions", 0) > 1:
        far = f"{read['completions']} times"
    return Row(
        id=read["id"],
        title=read["title"] or read["id"],
        state=read["state"],
        percent=int(read["progress"] * 100) if read["is_completed"] or read["requirements"] else 0,
        far=far,
        at=at,
        rarity="" if read["rarity"] is None else f"{read['rarity'] * 100:.1f} %",
        can_revoke=bool(read["is_completed"]),
    )


def _far(shown: Mapping[str, Any]) -> str:
    if "threshold" not in shown:
        return words.called(str(shown["type"]).lower(), str(shown["target"])) + (" done" if shown["met"] else " first")
    return f"{words.amount(shown['value'])} of {words.amount(shown['threshold'])}"


# -- why ---------------------------------------------------------------------------------------------------------------


def why(mine: ShownAchievements, achievement_id: str) -> Why | None:
    """None: there is no such achievement in play. Two queries."""
    achievement = mine.rules.by_id.get(achievement_id)
    if achievement is None:
        return None
    told = explain(mine, achievement)
    definition = mine.published[achievement_id].definition
    asked = [
        _asked({**wanted, **found})
        for wanted, found in zip(definition["requirements"], told["requirements"], strict=True)
    ]
    blocked = [_blocked(each) for each in told["blocked_by"]]
    if told["is_completed"]:
        at = parse_instant(told["completed_at"])
        first = f"Unlocked {at:%-d %B %Y, %H:%M} UTC."
    else:
        first = _first(asked, blocked, definition["match"])
    return Why(
        is_done=told["is_completed"],
        first=first,
        blocked=blocked,
        asked=asked,
        events=list(_events(mine.player.player_id, achievement_id)),
    )


def _first(asked: Sequence[Asked], blocked: Sequence[str], match: Any) -> str:
    """What failed, in one sentence."""
    if blocked:
        return blocked[0]
    open_ = [each for each in asked if not each.met]
    if not open_:
        return "All that it asks for is met: it is unlocked with the player's next event."
    missing = " · ".join(each.missing or f"{each.said} does not hold: {each.far}" for each in open_)
    if match == "ANY" and len(open_) > 1:
        return f"Any of these is enough: {missing}"
    return missing


def _asked(entry: Mapping[str, Any]) -> Asked:
    said = sentence(entry, words.called)
    if "threshold" not in entry:
        return Asked(
            said, entry["met"], "done" if entry["met"] else "not yet", "" if entry["met"] else f"Still: {said}."
        )
    far = f"{words.amount(entry['value'])} of {words.amount(entry['threshold'])}"
    if "current" in entry:
        far += f", now {words.amount(entry['current'])} in a row"
    lines = [*map(_counted, entry.get("counted", ())), *map(_not_counted, entry.get("not_counted", ()))]
    lines.sort(key=lambda line: line.at, reverse=True)
    return Asked(said, entry["met"], far, _missing(entry), lines)


def _missing(entry: Mapping[str, Any]) -> str:
    if entry["met"] or entry["missing"] is None:
        return ""
    name, more = words.called("metric", entry["metric"]), words.amount(entry["missing"])
    match entry["type"]:
        case "DISTINCT":
            text = f"{more} different ones of “{name}” are missing."
        case "STREAK":
            text = f"{more} days in a row of “{name}” are missing."
        case "MAX":
            text = (
                f"“{name}” reached {words.amount(entry['value'])} at once: it takes {words.amount(entry['threshold'])}."
            )
        case "SUM" | "LATEST":
            text = f"{more} of “{name}” is missing."
        case _:
            text = f"{more} times “{name}” are missing."
    return in_the_singular(text.replace("1 different ones", "1 different one")).replace("are missing", _is(more))


def _is(more: str) -> str:
    return "is missing" if more == "1" else "are missing"


def _counted(entry: Mapping[str, Any]) -> Line:
    worth = "" if entry["value"] in (None, 1) else f", worth {words.amount(entry['value'])}"
    return Line(f"{entry['type']} {entry['id']}{worth}", parse_instant(entry["timestamp"]), "")


def _not_counted(entry: Mapping[str, Any]) -> Line:
    return Line(f"{entry['type']} {entry['id']}", parse_instant(entry["timestamp"]), failed(entry))


def failed(entry: Mapping[str, Any]) -> str:
    """The very condition that an event did not meet."""
    if entry["failed"] not in ("condition", "value_field"):
        return WHY_HELD.get(entry["failed"], str(entry["failed"]))
    is_ = "is not there" if entry["found"] is None else f"is “{words.short(entry['found'])}”"
    if entry["failed"] == "value_field":
        return f"{entry['field']} {is_}, which is no number to count"
    wanted = entry["value"]
    said = ", ".join(f"“{words.short(each)}”" for each in wanted) if isinstance(wanted, list) else words.short(wanted)
    asks = ASKS[entry["op"]].format(said)
    if entry["op"] == "exists":
        asks = "it to be there" if wanted is not False else "it not to be there"
    return f"{entry['field']} {is_}, the metric asks for {asks}"


def _blocked(entry: Mapping[str, str]) -> str:
    if entry["code"] == "prerequisite":
        return f"{words.called('achievement', entry['id'])} comes first."
    return str(entry["detail"])


def _events(player_id: PlayerId, achievement_id: str) -> Iterator[str]:
    """Which events completed it, and what was taken back, newest first."""
    done = Standing.objects.filter(player_id=player_id, achievement_id=achievement_id, completed_at__isnull=False)
    for standing in done.order_by("-completed_at", "-occurrence")[:10]:
        by = f" by the event {standing.event_id}" if standing.event_id else ""
        over = f"; taken back {standing.revoked_at:%-d %B %Y}: {standing.revoke_reason}" if standing.revoked_at else ""
        yield f"{standing.completed_at:%-d %B %Y, %H:%M}{by}, version {standing.version}{over}"
