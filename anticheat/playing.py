"""A profile while events are taken in: what each of them changes, as it arrives and once it counts."""

from __future__ import annotations

import math
from bisect import insort
from typing import Any

import msgspec

from anticheat.profile import Due, Profile
from anticheat.streams import (
    BURST,
    CLAIMED,
    COMPLETIONS,
    EVERY,
    FAST,
    FIELDS,
    FLUSH,
    GRID_BIN,
    GRID_BINS,
    GRID_LEAST,
    GRID_MEMORY,
    HELD,
    HOUR,
    LAGS,
    LATE,
    LATE_MEMORY,
    LOOP_MEMORY,
    MINUTE,
    NEWEST,
    ON_TIME,
    SESSION,
    SLOW,
    SLOW_ALIKE,
    STEPS,
    TYPES,
    WINDOW,
    Income,
    Stream,
    Values,
    hash_of,
    note_late,
    packed,
    unpacked,
)
from gamification.kernel.core.fact_types import OWN_TYPES

_IS = [bytes(each == byte for each in range(256)) for byte in range(256)]
"""For each byte: 1 in its own place, 0 in all others."""
REPEATED = 3
"""Events of one time that are nothing new: a batch has some, a tool that sends everything once has none."""


class Player:
    """A profile while events are taken in: those that wait to be sorted are in the open."""

    __slots__ = ("due", "left_out", "near", "of", "waiting")

    def __init__(self, profile: Profile | None = None, left_out: frozenset[int] | set[int] = frozenset()) -> None:
        self.of = profile or Profile()
        self.waiting = unpacked(self.of.waiting)
        self.near = int.from_bytes(self.of.near, "big")
        self.left_out = left_out
        """Event types that say nothing of a player: they are looked at by themselves only."""
        self.due = Due()

    def encoded(self) -> bytes:
        self.of.waiting = packed(self.waiting)
        self.of.near = self.near.to_bytes(LAGS.stop - 1, "big") if self.near else b""
        return _encode(self.of)

    @classmethod
    def decoded(cls, state: bytes, left_out: frozenset[int] | set[int] = frozenset()) -> Player:
        return cls(_decode(state), left_out)

    # -- an event arrives ----------------------------------------------------------------------------------------------

    def take(self, name: str, data: dict[str, Any], at: int, received: int) -> Due:
        """An event of type `name`, with its timestamp and its arrival in milliseconds; says what is to be judged."""
        profile, type_, due = self.of, hash_of(name), self.due
        if due.kinds:
            due = self.due = Due()
        profile.events += 1
        if not profile.first:
            profile.first = at
        if profile.events % LATE_MEMORY == 0 and profile.late:
            self._forget_late()
        if name in OWN_TYPES:  # what the service states of somebody is nothing that they do
            self._own(name, data, at, received)
            return due
        self._arrive(type_, at, received)
        self._see(type_, at)
        stream = self._stream(type_)
        stream.count += 1
        if data:
            self._measure(stream, data)
        if stream.count % EVERY == 0:
            due.kinds.add("RATE")
            due.streams.append(stream)
        if at >= profile.newest:
            waiting = self.waiting
            if not waiting or at >= waiting[-1][0]:
                waiting.append((at, type_))
            else:
                insort(waiting, (at, type_))
            if len(waiting) > NEWEST:
                self._count(*waiting.pop(0))
        return due

    def seconds_played(self) -> float:
        """With what waits to be sorted: of somebody who acts twice a minute that is a quarter of an hour."""
        total, before = self.of.played, self.of.everything.last
        for at, type_ in self.waiting:
            if type_ not in self.left_out:
                total += at - before if 0 < at - before < SESSION and before else 0
                before = at
        return total / 1_000

    def flush(self) -> Due:
        """All that wait count: nothing more is to come."""
        self.due = Due()
        for at, type_ in self.waiting:
            self._count(at, type_)
        self.waiting.clear()
        self._sum_up()
        profile = self.of
        self.due.streams = [profile.everything, *profile.types]
        self.due.kinds |= {"PACE", "GRID", "LOOP", "MARATHON", "AROUND_THE_CLOCK", "RATE"}
        return self.due

    # -- an event counts, in the order of timestamps -------------------------------------------------------------------

    def _count(self, at: int, type_: int) -> None:
        profile, due = self.of, self.due
        before = profile.newest
        if at - before >= SESSION and before:
            profile.session += 1
        profile.newest = at
        stream = next((each for each in profile.types if each.type == type_), None)
        if stream is not None:
            stream.add(at, profile.session)
            if stream.gaps % EVERY == 0 and stream.gaps:
                due.kinds.add("PACE")
                due.streams.append(stream)
        if type_ in self.left_out:
            return
        everything = profile.everything
        last = everything.last
        gap = everything.add(at, profile.session)
        everything.count += 1
        if at == last:
            profile.at_once.newest += 1
        elif profile.at_once.newest > 1:
            profile.at_once.end()
        if 0 < gap < SESSION:
            profile.played += gap
            self._note_gap(gap, at)
            if everything.gaps % EVERY == 0:
                due.kinds |= {"PACE", "GRID", "MARATHON"}
                due.streams.append(everything)
        if at // HOUR != last // HOUR:
            due.kinds |= {"AROUND_THE_CLOCK", "MARATHON"}
        self._note_session(last, at)
        self._note_loop(type_)

    def _note_gap(self, gap: int, at: int) -> None:
        """Count a gap in the grid. One of a few whole seconds, or minutes, may be what a clock makes of any other."""
        if gap % 1_000 == 0 and at % 1_000 == 0 and gap < 5 * next(step for step in STEPS if gap % step == 0):
            return
        profile = self.of
        place = int((math.log(gap / 1_000) - GRID_LEAST) / GRID_BIN) if gap > 10 else 0
        profile.held = profile.held + 1 if gap < HELD and abs(place - profile.held_place) <= 1 else 0
        profile.held_place = place
        if 0 < profile.held < WINDOW:
            return
        grid = profile.grid
        grid[min(place, GRID_BINS - 1)] += 1
        if profile.everything.gaps % GRID_MEMORY == 0:
            profile.grid = [count >> 1 for count in grid]

    def _note_session(self, last: int, at: int) -> None:
        sessions = self.of.sessions
        if not last or at - last >= SESSION or not sessions:
            sessions += [at // 1_000, at // 1_000]
            del sessions[:-10]
        else:
            sessions[-1] = at // 1_000

    def _note_loop(self, type_: int) -> None:
        """Compare with the types 2 to 16 events before: a byte a lag, all in one sum."""
        profile = self.of
        recent, byte = profile.recent, type_ & 0xFF
        if len(recent) < LAGS.stop - 1:
            profile.recent = recent + bytes((byte,))
            return
        self.near += int.from_bytes(recent.translate(_IS[byte]), "big")
        profile.recent = recent[1:] + bytes((byte,))
        profile.looked += 1
        if profile.looked % (2 * EVERY) == 0:
            self._sum_up()
            self.due.kinds.add("LOOP")

    def _sum_up(self) -> None:
        """Before a byte of the sum can overflow."""
        profile = self.of
        near = self.near.to_bytes(LAGS.stop - 1, "big")
        profile.loop = [count + near[-lag] for lag, count in zip(LAGS, profile.loop, strict=True)]
        self.near = 0
        if profile.looked >= LOOP_MEMORY:
            profile.looked >>= 1
            profile.loop = [count >> 1 for count in profile.loop]

    # -- what is seen at arrival ---------------------------------------------------------------------------------------

    def _arrive(self, type_: int, at: int, received: int) -> None:
        """Whether an event is late alone, while the player is online: a device that was offline sends many at once."""
        profile = self.of
        lateness = received - at
        if lateness > LATE:
            near = received - profile.late_at <= FLUSH and profile.late_at > 0
            if near:
                profile.is_late_alone = False
            else:
                self._settle_late()
                is_slow = lateness < SLOW and abs(lateness - profile.late_by) <= SLOW_ALIKE
                profile.is_late_alone = not is_slow and 0 <= received - profile.on_time_at <= LATE
                profile.late_type, profile.late_by = type_, lateness
            profile.late_at = received
            if profile.is_late_alone:
                profile.late_most = max(profile.late_most, lateness)
        else:
            if profile.is_late_alone and received - profile.late_at > FLUSH:
                self._settle_late()
            if -ON_TIME <= lateness <= ON_TIME:
                profile.on_time_at = received
        for each in profile.late_types:
            if each.type == type_:
                each.others += 1

    def _settle_late(self) -> None:
        """The late event before was alone: nothing else late came near it."""
        profile = self.of
        if profile.is_late_alone:
            profile.late += 1
            profile.is_late_alone = False
            note_late(profile.late_types, profile.late_type)
            self.due.kinds.add("CLOCK")

    def _forget_late(self) -> None:
        profile = self.of
        for each in profile.late_types:
            each.others += each.late - (each.late >> 1)
            each.late >>= 1
        profile.late >>= 1

    def _is_new(self, key: int) -> bool:
        """Whether nothing of that hash was seen of this player; now it is. Once in a while it is wrong and says no."""
        seen, first, second = self.of.seen, key & 511, (key >> 9) & 511
        if seen[first >> 3] >> (first & 7) & 1 and seen[second >> 3] >> (second & 7) & 1:
            return False
        bits = bytearray(seen)
        bits[first >> 3] |= 1 << (first & 7)
        bits[second >> 3] |= 1 << (second & 7)
        self.of.seen = bytes(bits)
        return True

    def _see(self, type_: int, at: int) -> None:
        """Note an event type that this player has never sent. Clients that write whole minutes, or that give one time
        to all of a batch, some of it nothing new, say nothing of how soon one came after the other."""
        profile = self.of
        profile.same = profile.same + 1 if at == profile.same_at else 1
        profile.same_at = at
        if not self._is_new(type_):
            return
        if at % MINUTE == 0 and profile.first % MINUTE == 0 and profile.everything.last % MINUTE == 0:
            return
        profile.new_types = new = _within(profile.new_types, at)
        if profile.same - new.count(at) >= REPEATED:
            profile.new_types = [each for each in new if each != at]
        elif len(new) > 4:
            self.due.kinds.add("BURST")

    def _own(self, name: str, data: dict[str, Any], at: int, received: int) -> None:
        """A fact that the service stated. What a backfill finds in the past comes late, and is no burst."""
        profile = self.of
        if name in COMPLETIONS:
            if self._is_new(hash_of(f"{name}:{data.get('id')}")):  # what repeats says no more how long it takes
                self.due.kinds.add("VELOCITY")
            if received - at <= LATE and at not in profile.completed:  # at one event: one cause
                profile.completed = _within(profile.completed, at)
                self.due.kinds.add("BURST")
        elif name == CLAIMED and data.get("type") == "CURRENCY":
            self._earn(str(data.get("currency") or ""), str(data.get("id") or ""), data.get("value"))

    def _earn(self, currency: str, source: str, amount: object) -> None:
        if not currency or not isinstance(amount, int) or isinstance(amount, bool):
            return
        key, reward, incomes = hash_of(currency), hash_of(source), self.of.incomes
        income = next((each for each in incomes if each.currency == key), None)
        if income is None:
            if len(incomes) == 2:
                return
            income = Income(key)
            incomes.append(income)
        income.amount = min(income.amount + max(amount, 0), 2**62)
        income.claims += 1
        if income.votes == 0:
            income.source, income.of_source = reward, 0
        income.votes += 1 if income.source == reward else -1
        income.of_source += income.source == reward
        if income.claims % 8 == 0:
            self.due.kinds.add("INCOME")

    def _stream(self, type_: int) -> Stream:
        """The type's stream. The type seen least makes room for one more, which takes over its count (so a type that
        is common is never left out)."""
        types = self.of.types
        for stream in types:
            if stream.type == type_:
                return stream
        if len(types) < TYPES:
            stream = Stream(type_)
            types.append(stream)
            return stream
        place = min(range(TYPES), key=lambda index: types[index].count)
        types[place] = Stream(type_, types[place].count)
        return types[place]

    def _measure(self, stream: Stream, data: dict[str, Any]) -> None:
        values = stream.values
        for name, value in data.items():
            if value.__class__ is float or value.__class__ is int:
                if not 0 < value < 1e300:
                    continue
                field = hash_of(name)
                for each in values:
                    if each.field == field:
                        each.count += 1
                        each.high *= 1 + 0.95 * FAST if value > each.high else 1 - 0.05 * FAST
                        break
                else:
                    if len(values) < FIELDS:
                        values.append(Values(field, float(value), 1))
            elif name == "device" and value:
                self.of.device = hash_of(str(value)[:64])


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Profile).decode


def _within(times: list[int], at: int) -> list[int]:
    """What lies within ten seconds, this one included: the newest twelve."""
    return sorted([*(each for each in times if abs(each - at) <= BURST), at])[-12:]
