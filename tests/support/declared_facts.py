"""Every fact that any test sees stated has to say what its shape says, and no more; so has what the player is told."""

from __future__ import annotations

from functools import cache, wraps
from typing import Any

import jsonschema_rs

from gamification.kernel.core.fact_types import FactType
from gamification.kernel.core.messages import Fact
from gamification.kernel.core.world import World
from gamification.schemas.fact_shapes import FACTS, SHAPES

_wrong: list[str] = []


def watch() -> None:
    """From now on, look at each fact as it is stated."""
    state = World.state

    @wraps(state)
    def watched(self: World, fact: Fact) -> None:
        _wrong.extend(flaws(fact))
        state(self, fact)

    World.state = watched  # type: ignore[method-assign]


def flaws(fact: Fact) -> list[str]:
    stated = FACTS[FactType(fact.type)]
    found = [f"{fact.type}: {error.message}" for error in _closed(stated.data).iter_errors(fact.data)]
    if fact.message is None or stated.message is None:
        is_as_said = (fact.message is None) == (stated.message is None)
        return found if is_as_said else [*found, f"{fact.type}: a message, or none"]
    return found + [f"message of {fact.type}: {e.message}" for e in _closed(stated.message).iter_errors(fact.message)]


def undeclared() -> list[str]:
    """What was wrong since this was asked last."""
    found = _wrong[:]
    _wrong.clear()
    return found


@cache
def _closed(shape: str) -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator(_without_more(SHAPES[shape]), validate_formats=True)


def _without_more(schema: dict[str, Any]) -> dict[str, Any]:
    if "properties" in schema:
        inner = {name: _without_more(each) for name, each in schema["properties"].items()}
        return {**schema, "properties": inner, "additionalProperties": False}
    return {**schema, "items": _without_more(schema["items"])} if "items" in schema else schema
