"""Rules on how players play begin in SHADOW, and act once they have judged enough players for long enough."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, NamedTuple

import msgspec

from anticheat.cohort_rows import Judged
from anticheat.judging import KINDS
from anticheat.models import CohortPart, Rule
from anticheat.verdicts import SHADOW
from gamification.kernel.storage import shares

SLOTS = 60
"""Bits of a profile: so many rules on how players play there may be."""


PLAYERS, DAYS, LONG = 1_000, 14, 28
"""So many players over so many days, or, where there are fewer, all there are over so many."""


class Proof(NamedTuple):
    """How many players a rule has judged, over how many days of arrival."""

    players: int = 0
    days: int = 0

    @property
    def suffices(self) -> bool:
        return (self.players >= PLAYERS and self.days >= DAYS) or self.days >= LONG


def proof(slot: int | None) -> Proof:
    """What a rule has judged, in all shares."""
    if slot is None:
        return Proof()
    found = [each for each in shares.each(lambda: _judged(slot)) if each.players]
    if not found:
        return Proof()
    return _summed(found)


def proofs() -> dict[int, Proof]:
    """The same of all rules, by their slots: a query a share."""
    found: dict[int, list[Judged]] = {}
    for rows in shares.each(lambda: list(CohortPart.objects.filter(pk__startswith="rule:"))):
        for row in rows:
            slot = int(row.key.removeprefix("rule:"))
            found.setdefault(slot, []).append(msgspec.msgpack.decode(bytes(row.state), type=Judged))
    return {slot: _summed(each) for slot, each in found.items()}


def _summed(found: list[Judged]) -> Proof:
    days = max(each.last_day for each in found) - min(each.first_day for each in found) + 1
    return Proof(sum(each.players for each in found), days)


def _judged(slot: int) -> Judged:
    row = CohortPart.objects.filter(pk=f"rule:{slot}").first()
    return msgspec.msgpack.decode(bytes(row.state), type=Judged) if row else Judged()


def make_defaults(sender: Any = None, using: str = "default", **kwargs: Any) -> None:
    """After `migrate`: there is a rule of each kind, by the kind's name. Whoever wants none switches it off."""
    rules = Rule.objects.using(using)
    there = set(rules.filter(name__in=KINDS).values_list("name", flat=True))
    for name in KINDS:
        if name not in there:
            rules.create(name=name, kind=name, action=SHADOW, slot=free_slot(using))


def free_slot(using: str = "default", judged: Collection[int] = ()) -> int | None:
    """The next bit by which nothing was judged: a rule that is gone proves nothing of the next one. None: all are
    taken."""
    taken = {*Rule.objects.using(using).exclude(slot=None).values_list("slot", flat=True), *judged}
    return next((slot for slot in range(SLOTS) if slot not in taken), None)


def not_proven(judged: Proof) -> str:
    return (
        f"It has judged {judged.players} players over {judged.days} days. It may act once these are {PLAYERS} over "
        f"{DAYS}, or all there are over {LONG}."
    )
