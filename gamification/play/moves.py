"""What the demo player can do in the sample game from the page: a fixed list of moves, each a few events.

Pure: the dice come in, `(type, data)` come out, as from the sample game's own servers.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any, NamedTuple

from gamification.console.sample.play import (
    BELLS,
    FINDS,
    FOES,
    GREAT_ONES,
    LETTERS,
    PACES,
    REGIONS,
    TRADERS,
    WEAPONS,
)
from gamification.console.sample.play import Move as Event

Dice = random.Random
NEIGHBOURS = ("mara", "old-tom", "the-widow-brill", "jonah", "pip", "dab", "captain-wrack", "ines")


class Move(NamedTuple):
    icon: str
    label: str
    play: Callable[[Dice], list[Event]]


def _go_out(dice: Dice) -> list[Event]:
    return [("session.started", {"platform": "browser"})]


def _find(dice: Dice) -> list[Event]:
    [rarity] = dice.choices(list(FINDS), [60, 25, 10, 5])
    region = dice.choice(list(REGIONS))
    return [("salvage.found", {"item": dice.choice(FINDS[rarity]), "rarity": rarity, "region": region})]


def _beat(dice: Dice) -> list[Event]:
    family = dice.choice(list(FOES))
    return [_beaten(dice, dice.choice(FOES[family][1]), family, usual=60)]


def _hold_the_stairs(dice: Dice) -> list[Event]:
    return [event for _ in range(10) for event in _beat(dice)]


def _face_a_great_one(dice: Dice) -> list[Event]:
    return [_beaten(dice, dice.choice(GREAT_ONES), "great-one", usual=150)]


def _beaten(dice: Dice, foe: str, family: str, usual: float) -> Event:
    blow: dict[str, Any] = {
        "weapon": dice.choice(WEAPONS),
        "damage": round(dice.lognormvariate(0, 0.5) * usual),
        "hits_taken": dice.randint(0, 3),
    }
    return "foe.beaten", {"foe": foe, "family": family, "boss": family == "great-one"} | blow


def _walk(dice: Dice) -> list[Event]:
    region = dice.choice(list(REGIONS))
    entered = {"region": region, "depth": REGIONS[region], "paces": dice.randint(*PACES)}
    return [("region.entered", entered | {"by": dice.choice(["foot", "sled"])})]


def _trade(dice: Dice) -> list[Event]:
    trade = {"with": dice.choice(TRADERS), "side": dice.choice(["sold", "bought"]), "salt": dice.randint(20, 200)}
    return [("trade.completed", trade)]


def _make_a_lantern(dice: Dice) -> list[Event]:
    lantern = {"item": dice.choice(["tin-lantern", "reef-lantern"]), "kind": "lantern", "quantity": 1}
    return [("item.crafted", lantern | {"quality": dice.randint(30, 100)})]


def _ring_a_bell(dice: Dice) -> list[Event]:
    region = dice.choice(list(BELLS))
    return [("bell.rung", {"bell": BELLS[region], "region": region})]


def _read_a_letter(dice: Dice) -> list[Event]:
    return [("letter.read", {"letter": dice.choice(list(LETTERS.values()))})]


def _greet(dice: Dice) -> list[Event]:
    return [("emote.used", {"emote": "wave", "to": dice.choice(NEIGHBOURS)})]


def _give(dice: Dice) -> list[Event]:
    return [("gift.given", {"to": dice.choice(NEIGHBOURS), "item": dice.choice(FINDS["common"])})]


def _walk_with_others(dice: Dice) -> list[Event]:
    return [("party.joined", {"leader": dice.choice(NEIGHBOURS), "size": dice.randint(3, 8)})]


def _duel(dice: Dice) -> list[Event]:
    duel = {"opponent": dice.choice(NEIGHBOURS), "result": "won", "rating": dice.randint(1_000, 1_500)}
    return [("duel.finished", duel)]


def _lean_over(dice: Dice) -> list[Event]:
    return [("player.fell", {"height": round(dice.uniform(2, 60), 1)})]


MOVES = {
    "go-out": Move("🥾", "Go down the stairs", _go_out),
    "find": Move("🐚", "Pick something up", _find),
    "foe": Move("🦀", "Beat a foe", _beat),
    "crowd": Move("🚪", "Beat ten foes", _hold_the_stairs),
    "great-one": Move("🐙", "Face a great one", _face_a_great_one),
    "walk": Move("🧭", "Walk on", _walk),
    "trade": Move("⚖️", "Trade", _trade),
    "lantern": Move("🏮", "Make a lantern", _make_a_lantern),
    "bell": Move("🔔", "Ring a bell", _ring_a_bell),
    "letter": Move("✉️", "Read a letter", _read_a_letter),
    "greet": Move("👋", "Greet somebody", _greet),
    "gift": Move("🎁", "Give a gift", _give),
    "company": Move("🍲", "Walk with others", _walk_with_others),
    "duel": Move("⚔️", "Win a duel", _duel),
    "lean-over": Move("🕳️", "Lean over the edge", _lean_over),
}
