"""What is wrong with rewards that are about to be published. Plain decisions."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from gamification.kernel.content.publishing import Definition, Definitions, Problem
from gamification.kernel.core.encoding import canonical, parse_instant
from rewards.rules import RewardType

AS_SAID = {"currency": "a currency", "items": "items", "table": "a table"}
"""What only one type of reward needs, as a refusal names it."""


def problems(definitions: Definitions) -> Iterator[Problem]:
    rewards = definitions.get("reward", {})
    for id_, reward in rewards.items():
        for path, code, detail in _of_one(reward):
            yield Problem("reward", id_, path, code, detail)
        for index, chance in enumerate(reward["table"]):
            if rewards.get(chance["reward"], {}).get("type") == "RANDOM":
                detail = f"{chance['reward']} is RANDOM itself: tables do not nest."
                yield Problem("reward", id_, f"table[{index}].reward", "nested_random", detail)
    yield from _items(definitions)


def advice(reward: Definition, definitions: Definitions, now: datetime) -> Iterator[tuple[str, str, str]]:
    """What is odd about it, but may be meant."""
    ends = reward["expires_at"]
    if ends is not None and parse_instant(ends) <= now:
        yield "expires_at", "ends_in_the_past", f"Nobody can claim it: it expired on {ends}."
    if RewardType(reward["type"]).has_amount and not reward["value"]:
        yield "value", "amount_is_0", f"A reward of type {reward['type']} with an amount of 0 gives nothing."
    currency = reward["currency"]
    others = {r["currency"] for id_, r in definitions.get("reward", {}).items() if id_ != reward["id"]}
    if currency is not None and currency not in others | definitions.get("currency", {}).keys():
        known = ", ".join(sorted(others - {None} | definitions.get("currency", {}).keys())[:10]) or "none yet"
        yield "currency", "used_nowhere_else", f"Nothing else pays or describes {currency}. There are: {known}."


def _items(definitions: Definitions) -> Iterator[Problem]:
    """One thing is of one type, whichever reward gives it: else a player's stack would be now this, now that. What is
    left without a type says nothing about it. Of two that differ, the one that changes is at fault."""
    rewards, before = definitions.get("reward", {}), definitions.before.get("reward", {})

    def is_changed(id_: str) -> bool:
        return id_ not in before or canonical(before[id_]) != canonical(rewards[id_])

    types: dict[str, tuple[str, str]] = {}
    for id_ in sorted(rewards, key=lambda id_: (is_changed(id_), id_)):
        for index, item in enumerate(rewards[id_]["items"]):
            type_, first = types.setdefault(item["id"], (item["type"], id_)) if item["type"] else ("", "")
            if item["type"] != type_ and is_changed(id_):
                detail = (
                    f"{first} gives {item['id']} as {type_}: change both together, in a pack, or choose another id."
                )
                yield Problem("reward", id_, f"items[{index}].type", "item_of_two_types", detail)


def _of_one(reward: Definition) -> Iterator[tuple[str, str, str]]:
    type_ = RewardType(reward["type"])
    for name, as_said in AS_SAID.items():
        if type_.needs == name and not reward[name]:
            yield name, "required", f"A reward of type {type_} needs {as_said}."
        if type_.needs != name and reward[name]:
            yield name, "not_allowed", f"A reward of type {type_} has no {name}."
    if not type_.has_amount and reward["value"]:
        yield "value", "not_allowed", f"A reward of type {type_} has no use for an amount: leave it at 0."
    if type_ == RewardType.RANDOM and reward["table"] and not sum(chance["weight"] for chance in reward["table"]):
        yield "table", "no_weight", "The weights of a table cannot all be 0: nothing could be drawn."
