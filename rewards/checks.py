"""What is wrong with rewards that are about to be published. Plain decisions."""

from __future__ import annotations

from collections.abc import Iterator

from gamification.kernel.publishing import Definition, Definitions, Problem

OF_TYPE = {"CURRENCY": "currency", "ITEM": "items", "RANDOM": "table"}
"""Reward type → the field that it needs and no other may have."""
AS_SAID = {"currency": "a currency", "items": "items", "table": "a table"}
WITH_AN_AMOUNT = {"POINTS", "XP", "CURRENCY"}


def problems(definitions: Definitions) -> Iterator[Problem]:
    rewards = definitions.get("reward", {})
    for id_, reward in rewards.items():
        for path, code, detail in _of_one(reward):
            yield Problem("reward", id_, path, code, detail)
        for index, chance in enumerate(reward["table"]):
            if rewards.get(chance["reward"], {}).get("type") == "RANDOM":
                detail = f"{chance['reward']} is RANDOM itself: tables do not nest."
                yield Problem("reward", id_, f"table[{index}].reward", "nested_random", detail)


def _of_one(reward: Definition) -> Iterator[tuple[str, str, str]]:
    type_ = reward["type"]
    for owner, name in OF_TYPE.items():
        if type_ == owner and not reward[name]:
            yield name, "required", f"A reward of type {type_} needs {AS_SAID[name]}."
        if type_ != owner and reward[name]:
            yield name, "not_allowed", f"A reward of type {type_} has no {name}."
    if type_ not in WITH_AN_AMOUNT and reward["value"]:
        yield "value", "not_allowed", f"A reward of type {type_} has no use for an amount: leave it at 0."
    if type_ == "RANDOM" and reward["table"] and not sum(chance["weight"] for chance in reward["table"]):
        yield "table", "no_weight", "The weights of a table cannot all be 0: nothing could be drawn."
