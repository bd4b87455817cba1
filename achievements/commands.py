"""Wishes about achievements: claiming what one has earned, and taking one back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from achievements import facts
from achievements.rules import AchievementRules
from achievements.standings import Standings
from gamification.kernel.core.audit import Audited, Subject, change
from gamification.kernel.core.messages import Command, NotFound, PlayerId, Refused
from gamification.kernel.core.world import World
from progress.players import Players
from progress.rules.scopes import NEVER
from rewards.commands import ClaimAll, revoke_of
from rewards.ledger import Ledger
from rewards.rules import Given

SOURCE = "ACHIEVEMENT"
KIND = "achievement"


class NotCompleted(Refused):
    code = "not_completed"


@dataclass(frozen=True, kw_only=True)
class ClaimRewards(Command):
    """Claim all that is still pending of an achievement. Answers all that is claimed of it, now or before."""

    audited = Audited.FOR_STAFF
    player_id: PlayerId
    achievement_id: str

    def subject(self) -> Subject:
        return Subject(KIND, self.achievement_id)

    def load(self, world: World) -> None:
        world[Standings].read_all()

    def handle(self, world: World) -> list[Given]:
        standings = world[Standings].of(self.player_id)
        if not any(id_ == self.achievement_id and s.completed_at for (id_, _), s in standings.items()):
            raise NotCompleted("It is not completed, so there is nothing to claim.")
        return ClaimAll(player_id=self.player_id, source=SOURCE, source_id=self.achievement_id).handle(world)


@dataclass(frozen=True, kw_only=True)
class RevokeAchievement(Command):
    """Take an achievement back, or one occurrence of it, with its rewards, points and count. It is not earned again.

    Answers `{revoked: [occurrence], distributions: [Given]}`; however often it is sent, it is undone once. What others
    completed because of it stays.
    """

    player_id: PlayerId
    achievement_id: str
    reason: str
    occurrence: str | None = None

    def subject(self) -> Subject:
        return Subject(KIND, self.achievement_id)

    def load(self, world: World) -> None:
        world[Standings].read_all()

    def handle(self, world: World) -> dict[str, Any]:
        published = world.rules.published.get("achievement", {}).get(self.achievement_id)
        if published is None:
            raise NotFound(f"There is no achievement {self.achievement_id!r}.")
        of_it = {
            occurrence: standing
            for (id_, occurrence), standing in world[Standings].of(self.player_id).items()
            if id_ == self.achievement_id and standing.completed_at and self.occurrence in (None, occurrence)
        }
        if not of_it:
            raise NotCompleted("It is not completed, so there is nothing to revoke.")
        distributions: list[Given] = []
        for occurrence, standing in sorted(of_it.items()):
            if standing.revoked_at is None:
                distributions += _take(world, self.player_id, self.achievement_id, occurrence, self.reason)[1]
        _forget(world, self.player_id, self.achievement_id, self.occurrence, published.definition["repeat"])
        return {"revoked": sorted(of_it), "distributions": distributions}


class RevokedOccurrence(NamedTuple):
    """What revoking one occurrence of an achievement came to, for whoever may have to give it back."""

    achievement_id: str
    occurrence: str
    taken: int
    """Of its own points, how many the player had."""
    owed: int
    """Of its own points, how many were noted as owed."""
    had_before: bool
    """Whether it is revoking it that bars it from being earned again."""


def revoke_occurrence(
    world: World, player_id: PlayerId, achievement_id: str, occurrence: str, reason: str
) -> tuple[RevokedOccurrence, list[Given]]:
    """Within another command, which has read all standings: take one occurrence back, with what it gave."""
    player, bit = world[Players].by_id[player_id], world.rules[AchievementRules].bits[achievement_id]
    was_barred = bool(player.had_before & bit)
    owed, distributions = _take(world, player_id, achievement_id, occurrence, reason)
    repeat = world.rules.published["achievement"][achievement_id].definition["repeat"]
    _forget(world, player_id, achievement_id, occurrence, repeat)
    points = world[Standings].of(player_id)[achievement_id, occurrence].points
    had_before = not was_barred and bool(player.had_before & bit)
    return RevokedOccurrence(achievement_id, occurrence, points - owed, owed, had_before), distributions


def reinstate_occurrence(world: World, player_id: PlayerId, revoked: RevokedOccurrence) -> None:
    """Within another command, which has read all standings: give one occurrence back, with its points and its count, if
    it is still revoked. What it gave is the caller's to give back."""
    key = (revoked.achievement_id, revoked.occurrence)
    player, standing = world[Players].by_id[player_id], world[Standings].of(player_id).get(key)
    if standing is None or standing.revoked_at is None:
        return
    bit = world.rules[AchievementRules].bits[revoked.achievement_id]
    was, standing.revoked_at, standing.dirty = standing.revoked_at, None, True
    world[Standings].unsign((player_id, *key))
    player.earned |= bit
    if revoked.had_before:
        player.had_before &= ~bit
    player.achievements_completed += 1
    player.dirty = True
    world[Ledger].return_points(player_id, revoked.taken, revoked.owed)
    world.state(facts.reinstated(*key[:1], player_id, revoked.occurrence, was, world.now))
    before, after = {"occurrence": key[1], "revoked": True}, {"occurrence": key[1], "revoked": False}
    world.changes.append(change(KIND, key[0], before, after, player_id=player_id))


def _take(
    world: World, player_id: PlayerId, achievement_id: str, occurrence: str, reason: str
) -> tuple[int, list[Given]]:
    """Revoke an occurrence with its points, its count and what it gave; says how many points are owed."""
    standings, player = world[Standings], world[Players].by_id[player_id]
    standing = standings.of(player_id)[achievement_id, occurrence]
    standing.revoked_at, standing.dirty = world.now, True
    before, after = {"occurrence": occurrence, "revoked": False}, {"occurrence": occurrence, "revoked": True}
    world.changes.append(change(KIND, achievement_id, before, after, player_id=player_id))
    standings.sign((player_id, achievement_id, occurrence), reason)
    player.achievements_completed = max(player.achievements_completed - 1, 0)
    owed = world[Ledger].take_points(player_id, standing.points)
    world.state(facts.revoked(achievement_id, player_id, occurrence, reason, world.now))
    distributions = revoke_of(
        world, player_id=player_id, source=SOURCE, source_id=achievement_id, occurrence=occurrence, reason=reason
    )
    return owed, distributions


def _forget(world: World, player_id: PlayerId, achievement_id: str, occurrence: str | None, repeat: str) -> None:
    """Clear its bit where no occurrence is left, retired or not. It is revoked for ever where all of it was taken back,
    and where the only occurrence was, for as long as it is the only one.
    """
    player = world[Players].by_id[player_id]
    bit = world.rules[AchievementRules].bits[achievement_id]
    standings = world[Standings].of(player_id).items()
    if not any(standing.is_earned for (id_, _), standing in standings if id_ == achievement_id):
        player.earned &= ~bit
    if occurrence is None:
        player.revoked |= bit
    elif repeat == NEVER:
        player.had_before |= bit
    player.dirty = True
