"""Wishes about quests: starting, abandoning, completing a step by hand, moving runs to a newer version, expiring."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar

from django.core.exceptions import ObjectDoesNotExist

from gamification.kernel.core.audit import Audited, Change, Subject, change
from gamification.kernel.core.messages import Command, NotFound, PlayerId, Refused
from gamification.kernel.core.world import World
from progress.players import Players, PlayerState
from progress.tallies import Tallies
from quests import running
from quests.advancing import advance_run, end
from quests.rules import CompletedBy, Quest, Step
from quests.running import Run, Status
from quests.runs import QuestRuns
from quests.starting import refusal, start
from rewards.ledger import Ledger


class UnknownQuest(NotFound):
    pass


class UnknownStep(NotFound):
    pass


class NotInProgress(Refused):
    code = "not_in_progress"


class StepNotActive(Refused):
    code = "step_not_active"


class RequirementsNotMet(Refused):
    code = "requirements_not_met"


class NotCompletedByPlayers(Refused):
    """Only game servers complete such a step."""

    code = "forbidden"
    status = 403


class CannotStart(Refused):
    """Why a quest cannot be started; each reason is a kind of its own, with SPEC's code."""

    kinds: ClassVar[dict[str, type[CannotStart]]] = {}

    def __init_subclass__(cls) -> None:
        CannotStart.kinds[cls.code] = cls


MAX_AGE = timedelta(minutes=5)
"""How old a start may be that a game server reports."""


class NotSaidByPlayers(Refused):
    code = "not_for_players"
    status = 403


class NotAtThatTime(Refused):
    """No quest is started at that time, whatever the player did."""

    status = 400

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail, [{"path": "timestamp", "code": code, "detail": detail}])
        self.code = code  # type: ignore[misc]


class QuestInactive(CannotStart):
    code = "quest_inactive"


class QuestNotOpen(CannotStart):
    code = "quest_not_open"


class StartRequirementsNotMet(CannotStart):
    code = "requirements_not_met"


class AlreadyInProgress(CannotStart):
    code = "already_in_progress"


class AlreadyCompleted(CannotStart):
    code = "already_completed"


class Cooldown(CannotStart):
    code = "cooldown"


class NotOffered(CannotStart):
    code = "not_offered"


@dataclass(frozen=True, kw_only=True)
class QuestCommand(Command):
    audited = Audited.FOR_STAFF
    player_id: PlayerId
    quest_id: str
    reason: str = ""
    """Why somebody else does it for the player."""

    def subject(self) -> Subject:
        return Subject("quest", self.quest_id)

    def load(self, world: World) -> None:
        world[QuestRuns].read([(self.player_id, self.quest_id)])

    def newest_run(self, world: World) -> tuple[QuestRuns, PlayerState, Run | None]:
        """The player's newest run of the quest; it is closed by now where its time is up."""
        runs, player = world[QuestRuns], world[Players].by_id[self.player_id]
        return runs, player, runs.newest.get((self.player_id, self.quest_id))

    def open_run(self, world: World) -> tuple[QuestRuns, PlayerState, Run]:
        runs, player, run = self.newest_run(world)
        if run is None or not run.is_open:
            raise NotInProgress(f"The quest {self.quest_id} is not in progress.")
        return runs, player, run


@dataclass(frozen=True, kw_only=True)
class StartQuest(QuestCommand):
    """Begin a run. Refused with the reason why it cannot be started."""

    at: datetime | None = None
    """When the player did; None: now. What was processed since does not count."""

    def load(self, world: World) -> None:
        super().load(world)
        quest = world[QuestRuns].rules.by_id.get(self.quest_id)
        if quest is not None:
            world[Tallies].load_lifetimes((self.player_id, r) for r in quest.requirements if r.metric)

    def handle(self, world: World) -> None:
        at = self.at or world.now
        if at > world.now:
            raise NotAtThatTime("from_the_future", "A quest is not started ahead of the clock.")
        if at < world.now - MAX_AGE:
            raise NotAtThatTime("too_old", "A quest was started at most 5 minutes ago.")
        runs, player, newest = self.newest_run(world)
        quest: Quest | None = runs.rules.by_id.get(self.quest_id)
        if quest is None:
            raise UnknownQuest(f"There is no quest {self.quest_id!r}.")
        if refused := refusal(runs, quest, player, at):
            code, detail = refused
            raise CannotStart.kinds[code](detail)
        if newest is not None and newest.ended_at is not None and at < newest.ended_at:
            raise AlreadyInProgress("At that time the run before was not over yet.")
        run = start(runs, quest, player, at, world.root)
        world[Ledger].earned += advance_run(runs, run, player, at, world.root)


@dataclass(frozen=True, kw_only=True)
class AbandonQuest(QuestCommand):
    """Give up the run in progress; it stays in the history."""

    def handle(self, world: World) -> None:
        runs, player, run = self.open_run(world)
        end(runs, run, Status.ABANDONED, world.now, player)


@dataclass(frozen=True, kw_only=True)
class CompleteStep(QuestCommand):
    """Complete an active step. One with requirements that are not met is refused."""

    step_id: str
    by_player: bool = False

    def handle(self, world: World) -> None:
        runs, player, run = self.newest_run(world)
        step = self._step(runs, run)
        if self.by_player and step.completed_by != CompletedBy.PLAYER:
            raise NotCompletedByPlayers(f"The step {self.step_id} is completed by the game, not by players.")
        if run is None or not run.is_open:
            raise NotInProgress(f"The quest {self.quest_id} is not in progress.")
        if step not in run.active() or run.is_past(world.now):
            raise StepNotActive(f"The step {self.step_id} is not active.")
        if step.requirements and not running.is_met(run, step, runs.has(player)):
            raise RequirementsNotMet(f"What the step {self.step_id} requires is not met.")
        running.complete_step(run, step, world.now, world.root)
        world[Ledger].earned += advance_run(runs, run, player, world.now, world.root, by_hand=[step])

    def _step(self, runs: QuestRuns, run: Run | None) -> Step:
        quest = run.quest if run is not None and run.is_open else runs.rules.by_id.get(self.quest_id)
        if quest is None:
            raise UnknownQuest(f"There is no quest {self.quest_id!r}.")
        step = quest.step(self.step_id)
        if step is None:
            raise UnknownStep(f"The quest {self.quest_id} has no step {self.step_id!r}.")
        return step


class AlreadyNewest(Refused):
    code = "already_newest"


class AlreadyThere(Refused):
    """The run is on that version, or has come to that step."""

    code = "already_there"


class StepsGone(Refused):
    """A step that the run has done does not exist in the version it was to be moved to."""

    code = "steps_gone"


@dataclass(frozen=True, kw_only=True)
class MoveRun(QuestCommand):
    """Put the player's open run on another version of the quest, the newest unless one is named, and at a step, where
    one is named: what is mandatory before that is skipped and earns nothing. Answers the version."""

    audited = Audited.ALWAYS
    version: int | None = None
    """None: the newest; where a step is named, the one that the run is on."""
    step_id: str = ""

    def load(self, world: World) -> None:
        super().load(world)
        if self.version is not None:
            world.rules.load_definitions("quest", [(self.quest_id, self.version)])

    def handle(self, world: World) -> int:
        runs, player, run = self.open_run(world)
        quest, was = self._wanted(runs, run), self._noted(run)
        if quest.version != run.quest.version:
            moved = running.moved(run, quest, runs.has(player))
            if moved is None:
                on = f"so it stays on {run.quest.version}"
                raise StepsGone(f"Version {quest.version} lacks a step that this run has done, {on}.")
            runs.replace(run, moved)
            running.activate(moved, world.now, world.root)
            run = moved
        if self.step_id:
            running.put_at(run, self._step(run), world.now, world.root)
        _go_on(runs, player, run)
        world.changes.append(change("quest", self.quest_id, was, self._noted(run), player_id=self.player_id))
        return quest.version

    def _noted(self, run: Run) -> dict[str, Any]:
        """What of a run the audit log tells: the version, and the steps where one was named."""
        steps = {"active": sorted(step.id for step in run.active())} if self.step_id else {}
        return {"version": run.quest.version} | steps

    def _wanted(self, runs: QuestRuns, run: Run) -> Quest:
        now = run.quest.version
        if self.version is None and self.step_id:
            return run.quest
        if self.version is None:
            newest: Quest | None = runs.rules.by_id.get(self.quest_id)
            if newest is None:
                raise UnknownQuest(f"The quest {self.quest_id} was retired: there is no version to move to.")
            if now >= newest.version:
                raise AlreadyNewest(f"The run is on version {now}, which is the newest.")
            return newest
        if self.version == now:
            if not self.step_id:
                raise AlreadyThere(f"The run is on version {now}.")
            return run.quest
        try:
            return runs.rules.version(self.quest_id, self.version, runs.world.rules.definition)
        except ObjectDoesNotExist:
            raise UnknownQuest(f"The quest {self.quest_id} has no version {self.version}.") from None

    def _step(self, run: Run) -> Step:
        step = run.quest.step(self.step_id)
        if step is None:
            raise UnknownStep(f"The quest {self.quest_id} has no step {self.step_id!r} in version {run.quest.version}.")
        if run.is_done(step):
            raise AlreadyThere(f"The run has done the step {self.step_id}: a step is never undone.")
        if step in run.active():
            raise AlreadyThere(f"The run stands at the step {self.step_id} already.")
        return step


def _move(runs: QuestRuns, player: PlayerState, run: Run, quest: Quest) -> bool:
    """Move an open run to a newer version; False where that lacks a step which the run has done."""
    moved = running.moved(run, quest, runs.has(player))
    if moved is None:
        return False
    runs.replace(run, moved)
    _go_on(runs, player, moved)
    return True


def _go_on(runs: QuestRuns, player: PlayerState, run: Run) -> None:
    """Have a run that was put somewhere else do what it can do there."""
    world = runs.world
    running.activate(run, world.now, world.root)
    world[Ledger].earned += advance_run(runs, run, player, world.now, world.root)


@dataclass(frozen=True, kw_only=True)
class MoveRuns(Command):
    """Put these players' open runs of a quest on its newest version, where the steps they have done still exist.
    Answers how many were moved."""

    quest_id: str
    player_ids: Sequence[PlayerId]

    def subject(self) -> Subject:
        return Subject("quest", self.quest_id)

    def players(self) -> Sequence[PlayerId]:
        return self.player_ids

    def handle(self, world: World) -> int:
        runs = world[QuestRuns]
        quest = runs.rules.by_id.get(self.quest_id)
        if quest is None:
            raise UnknownQuest(f"There is no quest {self.quest_id!r}.")
        count = 0
        for player in world[Players].by_id.values():
            run = runs.newest.get((player.player_id, self.quest_id))
            if run is None or not run.is_open or run.quest.version >= quest.version:
                continue
            count += _move(runs, player, run, quest)
        world.changes.append(Change(self.subject(), after={"moved": count, "to_version": quest.version}))
        return count


@dataclass(frozen=True, kw_only=True)
class ExpireRuns(Command):
    """Close these players' runs that are past their deadline, as every transaction does that locks them."""

    audited = Audited.NEVER
    player_ids: Sequence[PlayerId]

    def players(self) -> Sequence[PlayerId]:
        return self.player_ids

    def handle(self, world: World) -> None:
        pass
