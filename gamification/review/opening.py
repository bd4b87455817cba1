"""What is found of how somebody plays becomes a case, or joins the one that is open, and may withhold their rewards."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.conf import settings
from django.db.models import F

from achievements import queries as achievements
from anticheat.findings import SHADOW, WITHHOLD
from anticheat.models import StatisticalFinding
from anticheat.verdicts import Sign, warrants_withholding
from gamification.kernel.core import bus
from gamification.kernel.core.actors import SYSTEM
from gamification.kernel.core.audit import change
from gamification.kernel.core.encoding import instant
from gamification.kernel.core.messages import Command, Json, PlayerId
from gamification.kernel.core.world import World
from gamification.kernel.storage import shares
from gamification.review import evidence, facts, rules
from gamification.review.models import Case, WithheldDay
from gamification.review.rules import State
from gamification.review.standing import change_standing
from progress.erasure import PlayerErased
from progress.player_standing import PlayerStanding
from progress.players import Players
from progress.queries import rarities
from rewards import queries as rewards

LOOKED_BACK = timedelta(days=7)
REASONS = 200
"""A case keeps so many reasons, the newest."""
UNDOUBTED = (PlayerStanding.CLEAR, PlayerStanding.WATCHED)
"""Whose rewards a finding may withhold. Of the others a person has decided already."""


def react(found: Sequence[StatisticalFinding]) -> None:
    """Look into new findings, player after player, in the transaction of whoever found them."""
    by_player: defaultdict[PlayerId, list[StatisticalFinding]] = defaultdict(list)
    for finding in found:
        by_player[finding.player_id].append(finding)
    for player_id, findings in sorted(by_player.items()):
        if any(each.action != SHADOW for each in findings) or is_open(player_id):
            with suppress(PlayerErased):
                wish = NoteFindings(player_id=player_id, finding_ids=[each.pk for each in findings])
                bus.handle(wish, actor=SYSTEM, now=max(each.found_at for each in findings))


def is_open(player_id: PlayerId) -> bool:
    return Case.objects.filter(player_id=player_id, state=State.OPEN).exists()


@dataclass(frozen=True, kw_only=True)
class NoteFindings(Command):
    """Open a case because of findings about a player, or have them join the one that is open. Where it is enough, and
    the day's number is not used up, the player's rewards are withheld. Answers the case; None: there is none."""

    player_id: PlayerId
    finding_ids: Sequence[int]

    def handle(self, world: World) -> Case | None:
        found = list(StatisticalFinding.objects.filter(pk__in=self.finding_ids).order_by("day", "rule"))
        case = Case.objects.select_for_update().filter(player_id=self.player_id, state=State.OPEN).first()
        asks = any(rules.opens_a_case(each.kind, each.value, each.action == SHADOW) for each in found)
        if case is None and not asks:
            return None
        is_new = case is None
        case = case or Case(player_id=self.player_id, opened_at=world.now)
        if case.withheld_at is None and world[Players].by_id[self.player_id].standing == PlayerStanding.WITHHELD:
            case.withheld_at = world.now  # by hand, before there was a case
        self._join(case, found, world.now)
        case.save()
        if is_new:
            world.state(facts.case_opened(case))
            noted = {"state": case.state, "rules": sorted({reason["rule"] for reason in case.reasons})}
            world.changes.append(change("case", str(case.pk), None, noted, player_id=self.player_id))
        if case.wants_withholding and case.withheld_at is None:
            withhold(world, case)
        return case

    def _join(self, case: Case, found: Sequence[StatisticalFinding], now: datetime) -> None:
        known = {(reason["rule"], reason["day"]) for reason in case.reasons}
        new = [as_reason(each) for each in found if (each.rule, each.day.isoformat()) not in known]
        case.reasons = [*case.reasons, *new][-REASONS:]
        case.due_at = case.opened_at + timedelta(days=settings.APPEAL_DAYS)
        lately = StatisticalFinding.objects.filter(player_id=self.player_id, found_at__gt=now - LOOKED_BACK)
        case.evidence = evidence.collect(self.player_id, list(lately.order_by("found_at", "pk")))
        case.log10_tail = rules.strongest(r["log10_tail"] for r in case.reasons if r["action"] != SHADOW)
        weigh(case, now)
        signs = [
            Sign(each.rule, each.family, each.day, each.log10_tail) for each in lately.filter(action=WITHHOLD).all()
        ]
        case.wants_withholding = warrants_withholding(signs, max((each.day for each in found), default=now.date()))


def as_reason(finding: StatisticalFinding) -> dict[str, Json]:
    return {
        "rule": finding.rule,
        "kind": finding.kind,
        "family": finding.family,
        "value": finding.value,
        "limit": finding.limit,
        "n": finding.n,
        "from": finding.since and instant(finding.since),
        "to": finding.until and instant(finding.until),
        "day": finding.day.isoformat(),
        "log10_tail": finding.log10_tail,
        "action": finding.action,
        "source": finding.source,
    }


def weigh(case: Case, now: datetime) -> None:
    """Work out what is at stake, and so which place a case has in the queue."""
    completed = achievements.completed_since(case.player_id, now - LOOKED_BACK)
    rare = rarities("achievement", completed) if completed else {}
    case.stake = rules.stake(rewards.amounts_withheld(case.player_id), rare.values())
    case.weight = rules.weight(case.log10_tail, case.stake)


def weigh_anew(now: datetime, limit: int) -> int:
    """Weigh what is at stake in the open cases whose players' rewards wait, since more may wait by now; says how many
    cases have another place in the queue. Where there are more than `limit`, each minute has its part of them, so that
    each is weighed in its turn. The condition in the UPDATE leaves a case alone that changed meanwhile."""
    moved = 0
    waiting = Case.objects.filter(state=State.OPEN, withheld_at__isnull=False).order_by("pk")
    parts = -(-waiting.count() // limit) or 1
    first = int(now.timestamp() // 60) % parts * limit
    for case in waiting.defer("evidence")[first : first + limit]:
        before = {"stake": case.stake, "weight": case.weight}
        with shares.within_share_of(case.player_id):
            weigh(case, now)
        if case.stake != before["stake"]:
            same = Case.objects.filter(pk=case.pk, state=State.OPEN, **before)
            moved += same.update(stake=case.stake, weight=case.weight)
    return moved


# -- withholding -------------------------------------------------------------------------------------------------------


def withhold(world: World, case: Case) -> None:
    """Withhold what the player of a case is given from now on, unless a person has decided about them before: then it
    is for the next finding to ask again. Where as many as there may be a day are withheld, it waits for another day."""
    state = world[Players].by_id[case.player_id]
    if state.standing not in UNDOUBTED:
        case.wants_withholding = False
        case.save(update_fields=["wants_withholding"])
        return
    if not take_place(world.now.date()):
        return
    case.withheld_at = world.now
    case.save(update_fields=["withheld_at"])
    why = f"Case {case.pk} waits to be decided."
    world.changes.append(change_standing(world, case.player_id, PlayerStanding.WITHHELD, case=case.pk, reason=why))


def take_place(day: date) -> bool:
    """Whether one more may be withheld on a day. The condition in the UPDATE lets no more through than there may be."""
    WithheldDay.objects.bulk_create([WithheldDay(day=day)], ignore_conflicts=True)
    left = WithheldDay.objects.filter(day=day, players__lt=settings.MAX_WITHHELD_A_DAY)
    return bool(left.update(players=F("players") + 1))


@dataclass(frozen=True, kw_only=True)
class WithholdInTurn(Command):
    """Withhold the rewards of a player whose case had to wait for it."""

    player_id: PlayerId
    case_id: int

    def handle(self, world: World) -> bool:
        waiting = Case.objects.select_for_update().filter(
            pk=self.case_id, state=State.OPEN, wants_withholding=True, withheld_at=None
        )
        for case in waiting:
            withhold(world, case)
            return case.withheld_at is not None
        return False
