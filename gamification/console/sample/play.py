"""How people play the Long Ebb: sessions as the game's servers would report them, invented move by move.

Pure: the dice come in, moves come out. A move is `(type, data)`; ids and times are the sender's.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

Move = tuple[str, dict[str, Any]]

REGIONS = {  # name: fathoms below where the sea used to end
    "keel-market": 4,
    "anchor-fields": 9,
    "glass-shallows": 15,
    "ribcage-reef": 22,
    "orchard-of-masts": 31,
    "chapel-of-barnacles": 46,
    "salt-cathedral": 58,
    "lantern-trench": 74,
    "bell-deep": 96,
    "last-puddle": 118,
}
BELLS = {
    "anchor-fields": "tin-mary",
    "ribcage-reef": "cracked-jonah",
    "orchard-of-masts": "old-reliable",
    "chapel-of-barnacles": "the-deaf-one",
    "salt-cathedral": "great-brine",
    "bell-deep": "the-other-one",
}
LETTERS = {
    "glass-shallows": "to-the-harbour-master",
    "orchard-of-masts": "to-whoever-finds-the-dog",
    "chapel-of-barnacles": "to-my-sister-on-land",
    "bell-deep": "to-the-sea",
}
FOES = {  # family: (the shallowest it lives, names)
    "mireling": (0, ("mireling", "fat-mireling")),
    "bailiff": (0, ("bailiff", "senior-bailiff")),
    "glass-eel": (10, ("glass-eel", "bottle-eel")),
    "hermit": (20, ("hermit", "hermit-with-a-stove")),
    "drowned-clerk": (30, ("drowned-clerk", "clerk-of-works")),
    "lampfish": (60, ("lampfish", "false-lantern")),
    "undertow": (70, ("undertow",)),
}
GREAT_ONES = ("the-auditor", "mother-of-pearl", "the-quiet-organ", "old-undertow", "lady-leviathan")
WEAPONS = ("boathook", "boathook", "boathook", "harpoon", "harpoon", "bell-clapper", "kettle", "ladle", "rolling-pin")
FINDS = {
    "common": (
        "cork",
        "rope-end",
        "shell-comb",
        "brass-button",
        "clay-pipe",
        "net-float",
        "blue-bottle",
        "oarlock",
        "pulley",
        "tin-cup",
    ),
    "odd": (
        "glass-eye",
        "ship-biscuit",
        "barometer",
        "left-boot",
        "dance-card",
        "music-box",
        "parrot-cage",
        "sextant",
        "top-hat",
    ),
    "rare": ("captain-s-teeth", "figurehead", "gold-doubloon", "whale-whistle", "wedding-cake"),
    "lost": ("a-dry-fish", "tomorrow-s-newspaper", "a-map-of-here", "your-own-umbrella"),
}
THINGS = {"tin-lantern": "lantern", "reef-lantern": "lantern", "tarred-rope": "tool", "kelp-bread": "food"} | {
    "salt-kettle": "kitchen",
    "sled-runner": "tool",
    "oilskin": "clothing",
}
TRADERS = (
    "mrs-halibut",
    "old-pike",
    "the-twins",
    "cousin-wrack",
    "dab-and-sons",
    "a-hermit",
    "the-clerk",
    "nobody-s-uncle",
    "brill",
)
TRACKS = ("down-the-slip", "ribcage-run", "cathedral-drop", "the-long-tow")
PACES = (300, 2_400)


@dataclass
class Flatwalker:
    """One player, with habits. `others` are whom there is to meet."""

    dice: random.Random
    others: Sequence[str]
    region: str = "keel-market"
    skill: float = 1.0
    rating: int = 1_000
    tastes: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.tastes = {
            taste: self.dice.uniform(0.3, 1) ** 2 * share
            for taste, share in {"fight": 5, "wander": 3, "gather": 5, "trade": 2, "mix": 2, "compete": 1.5}.items()
        }

    def session(self) -> Iterator[Move]:
        """One evening, 20 to 90 moves long. Who plays gets better at it."""
        yield "session.started", {"platform": self.dice.choice(["desktop", "desktop", "handheld"])}
        self.region = "keel-market"
        if self.others and self.dice.random() < 0.3:
            yield "party.joined", {"leader": self.someone(), "size": self.dice.randint(2, 8)}
        errands = self.dice.randint(6, 24)
        for _ in range(errands):
            [taste] = self.dice.choices(list(self.tastes), list(self.tastes.values()))
            yield from getattr(self, taste)()
        if self.dice.random() < 0.08:
            yield "tide.survived", {"minutes": min(60, self.dice.randint(10, 75)), "depth": REGIONS[self.region]}
        yield "session.ended", {"minutes": round(errands * self.dice.uniform(2, 5))}
        self.skill = min(self.skill * 1.05, 4)

    def fight(self) -> Iterator[Move]:
        depth = REGIONS[self.region]
        at_home = [family for family, (shallowest, _) in FOES.items() if shallowest <= depth]
        for _ in range(min(12, 1 + int(self.dice.expovariate(0.35)))):
            family = self.dice.choice(at_home)
            data = {"foe": self.dice.choice(FOES[family][1]), "family": family, "boss": False}
            yield "foe.beaten", data | self.blow(30)
        if depth > 25 and self.dice.random() < 0.12 * self.skill:
            great = self.dice.choice(GREAT_ONES)
            yield "foe.beaten", {"foe": great, "family": "great-one", "boss": True} | self.blow(90)

    def blow(self, usual: float) -> dict[str, Any]:
        damage = round(self.dice.lognormvariate(0, 0.5) * usual * self.skill)
        hits = max(0, round(self.dice.gauss(4 / self.skill, 2)))
        return {"weapon": self.dice.choice(WEAPONS), "damage": damage, "hits_taken": hits}

    def wander(self) -> Iterator[Move]:
        near = list(REGIONS)
        here = near.index(self.region)
        reach = 2 if self.skill < 1.3 else 3
        self.region = self.dice.choice(near[max(0, here - reach) : here + reach + 1])
        yield (
            "region.entered",
            {
                "region": self.region,
                "depth": REGIONS[self.region],
                "paces": self.dice.randint(*PACES),
                "by": self.dice.choice(["foot", "foot", "sled"]),
            },
        )
        if self.dice.random() < 0.06:
            yield "player.fell", {"height": round(self.dice.expovariate(1 / 12), 1)}
        if self.region in BELLS and self.dice.random() < 0.4:
            yield "bell.rung", {"bell": BELLS[self.region], "region": self.region}
        if self.region in LETTERS and self.dice.random() < 0.15:
            yield "letter.read", {"letter": LETTERS[self.region]}

    def gather(self) -> Iterator[Move]:
        for _ in range(self.dice.randint(1, 4)):
            [rarity] = self.dice.choices(list(FINDS), [70, 22, 6, 2])
            yield "salvage.found", {"item": self.dice.choice(FINDS[rarity]), "rarity": rarity, "region": self.region}
        if self.dice.random() < 0.5:
            item = self.dice.choice(list(THINGS))
            quality = max(1, min(100, round(self.dice.gauss(45 + 12 * self.skill, 15))))
            quantity = self.dice.randint(1, 3)
            yield "item.crafted", {"item": item, "kind": THINGS[item], "quality": quality, "quantity": quantity}

    def trade(self) -> Iterator[Move]:
        for _ in range(self.dice.randint(1, 3)):
            side = self.dice.choice(["sold", "sold", "bought"])
            salt = self.dice.randint(5, 120)
            yield "trade.completed", {"with": self.dice.choice(TRADERS), "side": side, "salt": salt}

    def mix(self) -> Iterator[Move]:
        if not self.others:
            return
        yield "emote.used", {"emote": self.dice.choice(["wave", "bow", "point-at-sea"]), "to": self.someone()}
        if self.dice.random() < 0.4:
            yield "gift.given", {"to": self.someone(), "item": self.dice.choice(FINDS["common"])}

    def compete(self) -> Iterator[Move]:
        if self.others and self.dice.random() < 0.6:
            won = self.dice.random() < 0.35 + 0.1 * self.skill
            self.rating += self.dice.randint(8, 30) if won else -self.dice.randint(5, 20)
            result = "won" if won else "lost"
            yield "duel.finished", {"opponent": self.someone(), "result": result, "rating": self.rating}
        else:
            time = round(max(61_000, self.dice.gauss(112_000 - 9_000 * self.skill, 12_000)))
            place = 1 + min(7, int(self.dice.expovariate(0.3 * self.skill)))
            yield "race.finished", {"track": self.dice.choice(TRACKS), "milliseconds": time, "place": place}

    def someone(self) -> str:
        return self.dice.choice(self.others)
