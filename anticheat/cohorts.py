"""What players of an event type have in common: how often they do it, how large its values are, whether it has a rhythm
of its own.

Each player counts once. A quantity of theirs stands in a *sketch*, logarithmic buckets from which it can be taken out
again when it has changed: a percentile is right to within 2 %, however many players there are.

An event type on which most players are as regular as a program (an idle game's heartbeat, the beat of a song) has its
rhythm from the game: what it says of rhythm counts against nobody.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import msgspec

from anticheat.profile import Profile
from anticheat.streams import Late, Stream

ALPHA = 0.02
_GAMMA = math.log((1 + ALPHA) / (1 - ALPHA))
OWN_RHYTHM_OF = 3
"""Players there must be at least before a rhythm is taken for the game's."""
TYPES = 1_000
FIELDS = 8
"""Types, and fields of one, that are kept apart at most."""
CONTENTS, CURRENCIES = 4_000, 200
_BITS = {"PACE": 0, "GRID": 4, "LOOP": 8, "MARATHON": 12, "AROUND_THE_CLOCK": 16, "CLOCK": 0}
"""Where in `Stream.told` (of CLOCK: in `Late.told`) stands what a player was counted as."""
LEAVE_OUT = ("PACE", "MARATHON", "AROUND_THE_CLOCK")
"""What of a type is the game's own doing where most of its players show it: it is no longer counted among the rest."""


class Sketch(msgspec.Struct, array_like=True):
    buckets: dict[int, int] = msgspec.field(default_factory=dict)
    count: int = 0

    def move(self, before: int | None, value: float) -> int:
        """Take a value's old bucket out and put its new one in, which is returned."""
        bucket = bucket_of(value)
        if bucket != before:
            self._add(bucket, 1)
            if before is not None:
                self._add(before, -1)
        return bucket

    def _add(self, bucket: int, many: int) -> None:
        left = self.buckets.get(bucket, 0) + many
        if left > 0:
            self.buckets[bucket] = left
        else:
            self.buckets.pop(bucket, None)
        self.count += many

    def quantile(self, q: float) -> float:
        seen, wanted = 0, q * max(self.count - 1, 0)
        for bucket in sorted(self.buckets):
            seen += self.buckets[bucket]
            if seen > wanted:
                return value_of(bucket)
        return 0.0

    def share_beyond(self, value: float) -> float:
        bucket = bucket_of(value)
        return sum(count for each, count in self.buckets.items() if each > bucket) / max(self.count, 1)

    def coarse(self, most: int = 24) -> list[list[float]]:
        """`[up to, players]` in at most so many steps, for a picture."""
        if not self.buckets:
            return []
        least, last = min(self.buckets), max(self.buckets)
        width = max(1, math.ceil((last - least + 1) / most))
        steps: dict[int, int] = {}
        for bucket, count in self.buckets.items():
            step = (bucket - least) // width
            steps[step] = steps.get(step, 0) + count
        ends = ((step, math.exp((least + (step + 1) * width - 1) * _GAMMA)) for step in range(max(steps) + 1))
        return [[float(f"{end:.4g}"), steps.get(step, 0)] for step, end in ends]


def bucket_of(value: float) -> int:
    return math.ceil(math.log(max(value, 1e-12)) / _GAMMA)


def value_of(bucket: int) -> float:
    """The middle of a bucket, in proportion."""
    return 2 * math.exp(bucket * _GAMMA) / (1 + math.exp(_GAMMA))


class Regular(msgspec.Struct, array_like=True):
    """Of how many players something was looked at, and how many of them were regular: few gaps suffice, and many."""

    few: int = 0
    few_regular: int = 0
    many: int = 0
    many_regular: int = 0

    def tell(self, before: int, now: int) -> None:
        self._add(before, -1)
        self._add(now, 1)

    def _add(self, said: int, by: int) -> None:
        self.few += by * (said & 1)
        self.few_regular += by * (said >> 1 & 1)
        self.many += by * (said >> 2 & 1)
        self.many_regular += by * (said >> 3 & 1)

    @property
    def is_own(self) -> bool:
        """At least half of those with a whole sample; and of those with a small one, lest programs that play on where
        others stop make it look so."""
        return (
            self.few >= OWN_RHYTHM_OF
            and self.many > 0
            and 2 * self.many_regular >= self.many
            and 2 * self.few_regular >= self.few
        )


def said(sample: int, first: int, whole: int, is_regular: bool) -> int:
    """What a player's sample says, as bits: a small sample, regular so; a whole one, regular so."""
    if sample < first:
        return 0
    bits = 0b11 if is_regular else 0b01
    return bits | bits << 2 if sample >= whole else bits


class OfType(msgspec.Struct, array_like=True):
    """What is known of an event type."""

    pace: Regular = msgspec.field(default_factory=Regular)
    grid: Regular = msgspec.field(default_factory=Regular)
    loop: Regular = msgspec.field(default_factory=Regular)
    rate: Sketch = msgspec.field(default_factory=Sketch)
    values: dict[int, Sketch] = msgspec.field(default_factory=dict)
    name: str = ""
    fields: dict[int, str] = msgspec.field(default_factory=dict)
    late: Regular = msgspec.field(default_factory=Regular)
    """Of those for whom it came late while they were online: for how many it mostly does."""
    marathon: Regular = msgspec.field(default_factory=Regular)
    around_the_clock: Regular = msgspec.field(default_factory=Regular)

    def regular(self, kind: str) -> Regular:
        match kind:
            case "PACE":
                return self.pace
            case "GRID":
                return self.grid
            case "LOOP":
                return self.loop
            case "MARATHON":
                return self.marathon
            case "AROUND_THE_CLOCK":
                return self.around_the_clock
            case _:
                return self.late


class Cohort:
    """Everything that players are compared with. `changed` names what a follower has to write."""

    def __init__(self) -> None:
        self.types: dict[int, OfType] = {}
        self.seconds: dict[str, Sketch] = {}
        """`achievement:id` → seconds played until it was completed."""
        self.incomes: dict[int, Sketch] = {}
        self.left_out: set[int] = set()
        self.changed: set[tuple[str, str]] = set()

    def of_type(self, type_: int) -> OfType:
        found = self.types.get(type_)
        if found is None:
            found = OfType()
            if len(self.types) < TYPES:
                self.types[type_] = found
        return found

    def name_type(self, type_: int, name: str) -> None:
        of_type = self.of_type(type_)
        if not of_type.name:
            of_type.name = name
            self.changed.add(("type", str(type_)))

    def name_field(self, type_: int, field: int, name: str) -> None:
        fields = self.of_type(type_).fields
        if field not in fields and len(fields) < FIELDS:
            fields[field] = name
            self.changed.add(("type", str(type_)))

    def called(self, type_: int) -> str:
        known = self.types.get(type_)
        return known.name if known and known.name else f"#{type_:08x}"

    # -- what a player adds --------------------------------------------------------------------------------------------

    def tell(self, kind: str, stream: Stream | Late, now: int) -> None:
        """What a player says of a type's rhythm, in place of what they said of it before."""
        before = stream.told >> _BITS[kind] & 0b1111
        if now == before:
            return
        self.of_type(stream.type).regular(kind).tell(before, now)
        stream.told += now - before << _BITS[kind]
        self.changed.add(("type", str(stream.type)))
        if kind in LEAVE_OUT:
            self.look(stream.type)

    def look(self, type_: int) -> None:
        """Leave a type out, or do so no longer, by what players have shown of it."""
        known = self.of_type(type_)
        if any(known.regular(kind).is_own for kind in LEAVE_OUT):
            self.left_out.add(type_)
        else:
            self.left_out.discard(type_)

    def tell_late(self, profile: Profile) -> None:
        """What a player says of the types that came late."""
        for each in profile.late_types:
            self.tell("CLOCK", each, said(each.late + each.others, 5, 10, each.late >= each.others))

    def late_of(self, profile: Profile) -> int:
        """How many events came late while the player was online, without types that are sent late by the game: a result
        that somebody confirms, what another server works out."""
        own = sum(each.late for each in profile.late_types if self.of_type(each.type).late.is_own)
        return profile.late - own

    def tell_rate(self, stream: Stream, rate: float) -> None:
        stream.rate_told = self.of_type(stream.type).rate.move(stream.rate_told, rate)
        self.changed.add(("type", str(stream.type)))

    def tell_values(self, stream: Stream) -> None:
        values = self.of_type(stream.type).values
        for each in stream.values:
            if each.count >= 50:
                sketch = values.get(each.field)
                if sketch is None:
                    if len(values) >= FIELDS:
                        continue
                    sketch = values[each.field] = Sketch()
                each.told = sketch.move(each.told, each.high)
        self.changed.add(("type", str(stream.type)))

    def seconds_of(self, content: str) -> Sketch:
        found = self.seconds.get(content)
        if found is None:
            found = Sketch()
            if len(self.seconds) < CONTENTS:
                self.seconds[content] = found
        return found

    def tell_seconds(self, content: str, seconds: float) -> None:
        self.seconds_of(content).move(None, max(seconds, 0.001))
        self.changed.add(("content", content))

    def tell_income(self, currency: int, told: int | None, an_hour: float) -> int:
        found = self.incomes.get(currency)
        if found is None:
            found = Sketch()
            if len(self.incomes) < CURRENCIES:
                self.incomes[currency] = found
        self.changed.add(("income", str(currency)))
        return found.move(told, an_hour)

    # -- what is the game's own ----------------------------------------------------------------------------------------

    def is_left_out(self, profile: Profile, least: float = 0.25) -> bool:
        """Whether so many of a player's events are the game's own doing that all together say nothing."""
        return self._share(profile, self.left_out.__contains__) >= least

    def is_game(self, kind: str, profile: Profile) -> bool:
        """Whether half of a player's events are of types whose other players GRID, or LOOP, would find too."""
        return self._share(profile, lambda type_: self.of_type(type_).regular(kind).is_own) >= 0.5

    def tell_endless(self, kind: str, stream: Stream, is_endless: bool) -> None:
        """Whether what a player does of a type has gone on without an end, once at least."""
        was_endless = stream.told >> _BITS[kind] & 2
        self.tell(kind, stream, said(stream.count, 10, 10, bool(is_endless or was_endless)))

    def _share(self, profile: Profile, is_own: Callable[[int], bool]) -> float:
        total = sum(each.count for each in profile.types)
        return sum(each.count for each in profile.types if is_own(each.type)) / total if total else 0.0
