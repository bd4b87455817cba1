"""Wishes about achievements: claiming what one has earned, and taking one back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

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
        standings, player = world[Standings], world[Players].by_id[self.player_id]
        of_it = {
            occurrence: standing
            for (id_, occurrence), standing in standings.of(self.player_id).items()
            if id_ == self.achievement_id and standing.completed_at and self.occurrence in (None, occurrence)
        }
        if not of_it:
            raise NotCompleted("It is not completed, so there is nothing to revoke.")
        distributions = []
        for occurrence, standing in sorted(of_it.items()):
            if standing.revoked_at is not None:
                continue
            standing.revoked_at, standing.dirty = world.now, True
            before, after = {"occurrence": occurrence, "revoked": False}, {"occurrence": occurrence, "revoked": True}
            world.changes.append(change(KIND, self.achievement_id, before, after, player_id=self.player_id))
            standings.sign((self.player_id, self.achievement_id, occurrence), self.reason)
            player.achievements_completed = max(player.achievements_completed - 1, 0)
            world[Ledger].take_points(self.player_id, standing.points)
            world.state(facts.revoked(self.achievement_id, self.player_id, occurrence, self.reason, world.now))
            distributions += revoke_of(
                world,
                player_id=self.player_id,
                source=SOURCE,
                source_id=self.achievement_id,
                occurrence=occurrence,
                reason=self.reason,
            )
        self._forget(world, published.definition["repeat"])
        return {"revoked": sorted(of_it), "distributions": distributions}

    def _forget(self, world: World, repeat: str) -> None:
        """Clear its bit where no occurrence is left, retired or not. It is revoked for ever where all of it was taken
        back, and where the only occurrence was, for as long as it is the only one.
        """
        player = world[Players].by_id[self.player_id]
        bit = world.rules[AchievementRules].bits[self.achievement_id]
        standings = world[Standings].of(self.player_id).items()
        if not any(standing.is_earned for (id_, _), standing in standings if id_ == self.achievement_id):
            player.earned &= ~bit
        if self.occurrence is None:
            player.revoked |= bit
        elif repeat == NEVER:
            player.had_before |= bit
        player.dirty = True
