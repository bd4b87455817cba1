"""What reviewers decide of a case, what that does to the player, and how it is undone.

Each is one transaction: the vote that is the last one needed does everything that follows from the verdict, or nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings

from achievements.standings import Standings
from gamification.kernel.core.audit import Audited, change
from gamification.kernel.core.messages import Command, Invalid, NotFound, PlayerId, Refused
from gamification.kernel.core.world import World
from gamification.review import facts, rules, taking_back
from gamification.review.models import Case, Vote
from gamification.review.rules import Said, State, Verdict
from gamification.review.standing import change_standing
from progress.models import Player
from progress.player_standing import PlayerStanding

OUTCOMES = (PlayerStanding.UNRANKED, PlayerStanding.BANNED)
"""What a verdict of CONFIRMED may make of a player's standing."""


class AlreadyDecided(Refused):
    """This is no longer, or not yet, to be decided."""

    code = "already_decided"


class AlreadyVoted(Refused):
    code = "already_voted"


class OwnVerdict(Refused):
    """Nobody decides the appeal of their own verdict."""

    code = "own_verdict"


class NotOverturned(Refused):
    code = "not_overturned"


class CannotAppeal(Refused):
    """There is no verdict that could be appealed."""

    code = "cannot_appeal"


class AlreadyAppealed(Refused):
    code = "already_appealed"


@dataclass(frozen=True, kw_only=True)
class OfCase(Command):
    """A wish about one case, and so about its player."""

    case_id: int

    def players(self) -> Sequence[PlayerId]:
        return list(Case.objects.filter(pk=self.case_id).values_list("player_id", flat=True))

    def found(self) -> Case:
        """The case, locked: two who decide it at once do so one after the other."""
        case = Case.objects.select_for_update().filter(pk=self.case_id).first()
        if case is None:
            raise NotFound("There is no such case.")
        return case


@dataclass(frozen=True, kw_only=True)
class CastVote(OfCase):
    """Say what one makes of a case, or of the appeal against its verdict. The last vote that is needed decides it.

    `standing` and `since` are what a verdict of CONFIRMED is to do. Answers the case.
    """

    verdict: Verdict
    note: str = ""
    standing: PlayerStanding | None = None
    since: datetime | None = None

    @property
    def reason(self) -> str:
        return self.note

    def load(self, world: World) -> None:
        world[Standings].read_all()

    def handle(self, world: World) -> Case:
        case, who = self.found(), str(world.actor)
        if self.verdict not in State(case.state).awaits:
            raise AlreadyDecided(f"This case is {case.state}: it cannot become {self.verdict}.")
        self.check(world.now)
        is_of_appeal = case.state == State.APPEALED
        earlier = list(case.votes.all())
        if is_of_appeal and any(
            vote.who == who and vote.verdict == Verdict.CONFIRMED for vote in earlier if not vote.is_of_appeal
        ):
            raise OwnVerdict("Nobody decides the appeal of their own verdict.")
        if any(vote.who == who and vote.is_of_appeal == is_of_appeal for vote in earlier):
            raise AlreadyVoted("You have said what you make of it.")
        vote = Vote.objects.create(
            case=case,
            is_of_appeal=is_of_appeal,
            who=who,
            verdict=self.verdict,
            standing=self.standing or "",
            since=self.since,
            note=self.note,
            at=world.now,
        )
        before = {"state": case.state, "votes": len(earlier)}
        said = [
            Said(Verdict(each.verdict), each.standing == PlayerStanding.BANNED, each.since)
            for each in (*earlier, vote)
            if each.is_of_appeal == is_of_appeal
        ]
        decision = rules.decided(said, settings.REVIEW_QUORUM)
        if decision is not None:
            decide(world, case, decision)
        after = {"state": case.state, "votes": len(earlier) + 1, "said": self.verdict.value}
        world.changes.append(change("case", str(case.pk), before, after, player_id=case.player_id))
        return case

    def check(self, now: datetime) -> None:
        if self.verdict != Verdict.CONFIRMED and (self.standing or self.since):
            _refuse("standing" if self.standing else "since", "Only a verdict of CONFIRMED does anything like this.")
        if self.standing is not None and self.standing not in OUTCOMES:
            _refuse("standing", "One of UNRANKED, BANNED.")
        if self.since is not None and self.since > now:
            _refuse("since", "An instant that has passed is expected.")


def _refuse(path: str, detail: str) -> None:
    raise Invalid(detail, [{"path": path, "code": "invalid", "detail": detail}])


def decide(world: World, case: Case, decision: rules.Decision) -> None:
    """Do what follows from a verdict."""
    case.state = decision.verdict.value
    match decision.verdict:
        case Verdict.CLEARED:
            case.decided_at = case.closed_at = world.now
            let_go(world, case)
        case Verdict.CONFIRMED:
            case.decided_at = world.now
            confirm(world, case, decision)
        case Verdict.UPHELD:
            case.closed_at = world.now
        case Verdict.OVERTURNED:
            case.closed_at = world.now
            reinstate(world, case)
    case.save()
    world.state(facts.case_decided(case, world.now))


def confirm(world: World, case: Case, decision: rules.Decision) -> None:
    """Take what was withheld, or all that was earned since an instant, and have the player stand accordingly."""
    standing = PlayerStanding.BANNED if decision.is_ban else PlayerStanding.UNRANKED
    case.standing, case.since = standing.value, decision.since
    why = f"Case {case.pk} was confirmed."
    taken = taking_back.take_back(world, case.player_id, since=decision.since, reason=why)
    case.revoked = taken.kept()
    changed = change_standing(world, case.player_id, standing, case=case.pk, reason=why)
    world.changes.append(changed)


def let_go(world: World, case: Case) -> None:
    """Have the player be clear again, unless somebody has decided about them since: a ban for another reason stays, and
    what waits for another case that is open goes on waiting."""
    row = Player.objects.filter(pk=case.player_id).values_list("standing", "banned", "standing_case").get()
    standing, of_case = PlayerStanding.of(row[0], row[1]), row[2]
    others = Case.objects.filter(player_id=case.player_id, state=State.OPEN).exclude(pk=case.pk)
    is_withheld = standing == PlayerStanding.WITHHELD and not others.exists()
    if standing != PlayerStanding.CLEAR and (of_case == case.pk or is_withheld):
        why = f"Case {case.pk}: {case.state.lower()}."
        world.changes.append(change_standing(world, case.player_id, PlayerStanding.CLEAR, reason=why))


@dataclass(frozen=True, kw_only=True)
class Reinstate(OfCase):
    """Turn everything that the verdict of an overturned case revoked back into what it was: the only way back from
    REVOKED. Sent again it does nothing. Answers the distributions."""

    def load(self, world: World) -> None:
        world[Standings].read_all()

    def handle(self, world: World) -> list[UUID]:
        case = self.found()
        if case.state != State.OVERTURNED:
            raise NotOverturned("Only what an overturned verdict has taken is given back.")
        given = reinstate(world, case)
        case.save(update_fields=["revoked"])
        return given


def reinstate(world: World, case: Case) -> list[UUID]:
    """Give back what an overturned verdict took, once; the caller saves the case. What is revoked after that is so by
    another verdict, and is not this one's to give back."""
    if case.revoked.get("given_back"):
        return []
    given = taking_back.give_back(world, case.player_id, case.pk, taking_back.Taken.of(case.revoked))
    case.revoked = {**case.revoked, "given_back": True}
    let_go(world, case)
    return given


@dataclass(frozen=True, kw_only=True)
class AppealVerdict(OfCase):
    """Ask that others look at a verdict again, once. Answers the case."""

    audited = Audited.FOR_STAFF
    player_id: PlayerId
    text: str

    def players(self) -> Sequence[PlayerId]:
        return [self.player_id]  # whoever asks: of another's case nothing is locked

    def handle(self, world: World) -> Case:
        case = self.found()
        if case.player_id != self.player_id:
            raise NotFound("There is no such case.")
        if case.appealed_at is not None:
            raise AlreadyAppealed("A verdict is appealed once.")
        if case.state != State.CONFIRMED:
            raise CannotAppeal("There is no verdict against you to be looked at again.")
        case.state, case.appeal, case.appealed_at = State.APPEALED.value, self.text, world.now
        case.due_at = world.now + timedelta(days=settings.APPEAL_DAYS)
        case.save(update_fields=["state", "appeal", "appealed_at", "due_at"])
        world.changes.append(
            change("case", str(case.pk), {"state": "CONFIRMED"}, {"state": case.state}, player_id=case.player_id)
        )
        return case


# -- what a verdict would do -------------------------------------------------------------------------------------------


class Previewed(Exception):
    """Carries what was worked out past everything that would keep it: its transaction is undone."""

    def __init__(self, found: dict[str, Any]) -> None:
        super().__init__("nothing of this is kept")
        self.found = found


@dataclass(frozen=True, kw_only=True)
class PreviewVerdict(OfCase):
    """Work out what a verdict of CONFIRMED would take, by taking it, and undo that by raising `Previewed`."""

    audited = Audited.NEVER
    since: datetime | None = None

    def load(self, world: World) -> None:
        world[Standings].read_all()

    def handle(self, world: World) -> None:
        case = self.found()
        taken = taking_back.take_back(world, case.player_id, since=self.since, reason="")
        raise Previewed(taken.told(world))
