"""Facts, events and money in words, as support reads them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from typing import Any

from gamification.kernel.content import publishing
from gamification.kernel.content.publishing import Rules
from gamification.kernel.core.encoding import number, parse_instant
from gamification.kernel.core.fact_types import FactType

LONGEST = 60
_rules: ContextVar[Rules | None] = ContextVar("rules", default=None)


@contextmanager
def by(rules: Rules) -> Iterator[None]:
    """Within this, content is called as these rules call it: whoever asks for the newest asks the database each time,
    and a page names hundreds of things."""
    token = _rules.set(rules)
    try:
        yield
    finally:
        _rules.reset(token)


def called(kind: str, id_: str) -> str:
    """What people call a piece of content: its title or name, or else its id."""
    published = (_rules.get() or publishing.current()).published.get(kind, {}).get(id_)
    definition: Mapping[str, Any] = published.definition if published is not None else {}
    return str(definition.get("title") or definition.get("name") or id_)


def short(value: Any) -> str:
    """A value of an event as it was sent, cut where it is long."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def data(fields: Mapping[str, Any]) -> str:
    """`weather storm, bell chapel`."""
    return short(", ".join(f"{name} {short(value)}" for name, value in fields.items()))


def told(value: Any) -> str:
    """A number, or several by their names."""
    return data(value) if isinstance(value, Mapping) else amount(value)


def amount(value: Any) -> str:
    """A number as people write it: 1,204 or 0.5."""
    if value is None:
        return "nothing yet"
    found = number(value)
    return f"{found:,}" if isinstance(found, int) else f"{found:,g}"


def moment(at: datetime | str | None) -> datetime | None:
    return parse_instant(at) if isinstance(at, str) else at


def paid(told: Mapping[str, Any]) -> str:
    """What a reward comes to: `50 gold`, `3 axe`, `badge star`."""
    if told.get("type") == "ITEM":
        return ", ".join(f"{item['quantity']} {item['id']}" for item in told.get("items") or ()) or "nothing"
    name = called("reward", str(told.get("drawn") or told.get("reward_id")))
    if told.get("type") == "CURRENCY":
        return f"{amount(told['value'])} {told['currency']}"
    if told.get("type") in ("POINTS", "XP"):
        return f"{amount(told['value'])} {str(told['type']).lower() if told['type'] == 'POINTS' else 'experience'}"
    return f"{str(told.get('type', 'reward')).lower()} {name}"


def fact(type_: str, told: Mapping[str, Any]) -> tuple[str, str]:
    """A fact as a sentence, and its tone. One that nobody has words for is told by its type."""
    kind, _, became = type_.partition(".")
    about = str(told.get("id", ""))
    match type_:
        case FactType.ACHIEVEMENT_COMPLETED:
            return f"Unlocked {called('achievement', about)}, {amount(told.get('points', 0))} points", "good"
        case FactType.ACHIEVEMENT_REVOKED:
            return f"{called('achievement', about)} was taken back", "bad"
        case FactType.REWARD_GRANTED:
            return f"Was given {paid(told)}", "good"
        case FactType.REWARD_CLAIMED:
            return f"Got {paid(told)}", "good"
        case FactType.REWARD_REVOKED:
            return f"{paid(told)[:1].upper()}{paid(told)[1:]} was taken back", "bad"
        case FactType.REWARD_EXPIRED:
            return f"{paid(told)[:1].upper()}{paid(told)[1:]} expired unclaimed", "look"
        case FactType.LEVEL_REACHED:
            return f"Reached level {told.get('level')}", "good"
        case FactType.STANDING_CHANGED:
            return f"Stands {str(told.get('standing', '')).lower()} now", "look"
        case FactType.EVENT_HELD:
            return f"An event was held: {told.get('type', '')}", "look"
        case FactType.EVENT_REJECTED:
            return f"An event was refused: {told.get('code', '')}", "bad"
    if kind == "quest":
        step = f", step {told['step']}" if told.get("step") else ""
        tone = {"completed": "good", "failed": "bad", "expired": "look"}.get(became, "")
        return f"Quest {called('quest', about)} {became}{step}", tone
    return type_, ""
