"""What becomes of a run, one player's way through one quest: plain decisions, no database, no clock.

A run begins, counts samples for the steps that are active, advances (steps complete themselves and make others active,
a branch is chosen, the quest is failed or complete) and is closed once.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from gamification.kernel.core.messages import GameEvent, PlayerId
from gamification.kernel.core.vocabulary import Vocabulary
from progress.periods import Period
from progress.rules.goals import combined
from progress.rules.requirements import TARGET, Requirement
from progress.rules.scopes import NEVER
from progress.rules.vocabulary import RequirementType
from quests import counting
from quests.counting import Count, Day
from quests.rules import Quest, Step


class Status(Vocabulary):
    """What has become of a run."""

    IN_PROGRESS = "IN_PROGRESS"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    EXPIRED = "EXPIRED"
    """Its deadline passed."""
    ABANDONED = "ABANDONED"
    """The player gave it up."""


IN_PROGRESS = Status.IN_PROGRESS
"""Asked of each run at each event: a name of the module is found faster than an enum's."""

QUEST_SCOPE = "q:"
"""The scopes in which runs count begin with this; no achievement's scope does."""
Has = Callable[[Requirement], bool]
"""Whether the player has what a requirement without a metric names: an achievement, a quest, a level."""


@dataclass(slots=True, eq=False)
class StepState:
    """A step that is active, or was."""

    activated_at: datetime
    root: str | None = None
    """The event that made it active, which does not count for it (known within one batch: no other will cause more)."""
    completed_at: datetime | None = None
    counts: dict[str, Count] = field(default_factory=dict)
    """requirement's digest → how far it has come."""


@dataclass(slots=True, eq=False)
class Run:
    player_id: PlayerId
    quest: Quest
    number: int
    is_newest: bool
    started_at: datetime
    deadline: datetime | None = None
    period: datetime | None = None
    """When the player's period opened in which it was started, of a quest that repeats by periods."""
    status: Status = IN_PROGRESS
    completed_at: datetime | None = None
    ended_at: datetime | None = None
    steps: dict[str, StepState] = field(default_factory=dict)
    skipped: set[str] = field(default_factory=set)
    fails: dict[str, Count] = field(default_factory=dict)
    spared: set[str] = field(default_factory=set)
    """Fail conditions that were met before the run was started: they do not fail it any more."""
    rewarded: dict[str, datetime] = field(default_factory=dict)
    """Steps that earlier runs were rewarded for, and when last."""
    final: dict[str, float] | None = None
    """step → progress when the run was closed."""
    dirty: bool = True
    _counting: dict[str, list[tuple[Count, StepState | None]]] | None = None
    _asks: bool | None = None

    @property
    def is_open(self) -> bool:
        return self.status == IN_PROGRESS

    def is_over(self, now: datetime, grace: timedelta) -> bool:
        """Whether its time is up; so late nothing counts any more."""
        return self.is_open and self.deadline is not None and now > self.deadline + grace

    def is_past(self, at: datetime) -> bool:
        """Whether an instant lies past the deadline: nothing counts then."""
        return self.deadline is not None and at > self.deadline

    def is_done(self, step: Step) -> bool:
        state = self.steps.get(step.id)
        return state is not None and state.completed_at is not None

    def rewards_of(self, step: Step) -> Sequence[str]:
        """What a completed step earns. Of a quest that never repeats, nothing that an earlier run earned; of one that
        repeats by periods, nothing that was earned in the same period. Otherwise whoever abandons it could earn its
        first step over and over.
        """
        last = self.rewarded.get(step.id)
        if last is None or (self.quest.repeat != NEVER and (self.period is None or last < self.period)):
            return step.rewards
        return ()

    def all_rewarded(self) -> dict[str, datetime]:
        """Steps that this run and those before it were rewarded for, and when last."""
        done = {s.id: self.steps[s.id].completed_at for s in self.quest.steps if s.rewards and s.id in self.steps}
        return self.rewarded | {id_: at for id_, at in done.items() if at is not None}

    def active(self) -> list[Step]:
        if not self.is_open:
            return []
        return [s for s in self.quest.steps if s.id in self.steps and not self.is_done(s) and s.id not in self.skipped]

    @property
    def current_step(self) -> int | None:
        """The order of the lowest active mandatory steps."""
        return min((step.order for step in self.active() if not step.is_optional), default=None)

    def counts(self, metric: str) -> Sequence[tuple[Count, StepState | None]]:
        """The counts that a sample of this metric may change, each with its step's state (None: a fail condition)."""
        if self._counting is None:
            self._counting = {}
            for count in self.fails.values():
                self._counting.setdefault(count.requirement.metric, []).append((count, None))
            for step in self.active():
                for count in self.steps[step.id].counts.values():
                    self._counting.setdefault(count.requirement.metric, []).append((count, self.steps[step.id]))
        return self._counting.get(metric, ())

    def distinct(self) -> Iterator[tuple[tuple[PlayerId, str, str], Count]]:
        """The counts of different members that are not reached yet, each with the (player, metric, scope) under which
        they are kept. Also those of steps that are skipped: the run may be put at one of them again.
        """
        of_steps = [(id_, state.counts) for id_, state in self.steps.items() if state.completed_at is None]
        for id_, counts in [("", self.fails), *of_steps]:
            for digest, count in counts.items():
                asked = count.requirement
                if asked.type == RequirementType.DISTINCT and asked.window is None and not count.reached:
                    scope = f"{QUEST_SCOPE}{self.quest.id}/{self.number}/{id_}/{digest}"
                    yield (self.player_id, asked.metric, scope), count

    def turn(self) -> None:
        """Note that other steps are active now."""
        self.dirty, self._counting, self._asks = True, None, None

    @property
    def asks(self) -> bool:
        """Whether something of it depends on what else the player has: any event may find that met."""
        if self._asks is None:
            self._asks = any(r.nature == TARGET for r in self._requirements())
        return self._asks

    def waits_for(self, type_: RequirementType, target: str) -> bool:
        """Whether something of it waits for an achievement, or another quest."""
        return any(r.type == type_ and r.target == target for r in self._requirements())

    def _requirements(self) -> Iterator[Requirement]:
        yield from self.quest.fail_conditions
        for step in self.active():
            yield from step.requirements


def begin(
    quest: Quest,
    player_id: PlayerId,
    before: Run | None,
    *,
    at: datetime,
    period: Period | None,
    root: str | None,
    has: Has,
) -> Run:
    """Begin a new run after the newest one there was, with its first steps active.

    `root` is the event that is not to count for them, if there is one.
    """
    number = before.number + 1 if before is not None else 1
    run = Run(player_id, quest, number, True, at, quest.deadline(at, period), period.opens if period else None)
    if before is not None:
        run.rewarded = before.all_rewarded()
    run.fails = {r.digest: counting.begin(r) for r in quest.fail_conditions if r.metric}
    run.spared = {r.digest for r in quest.fail_conditions if not r.metric and has(r)}
    activate(run, at, root)
    return run


def activate(run: Run, at: datetime, root: str | None) -> None:
    """Make active the steps that are open and were not before."""
    for step in _open_steps(run):
        if step.id not in run.steps:
            counts = {r.digest: counting.begin(r) for r in step.requirements if r.metric}
            run.steps[step.id] = StepState(at, root, counts=counts)
            run.turn()


def _open_steps(run: Run) -> list[Step]:
    """The steps that are not skipped, and before which all mandatory ones of a lower order are complete."""
    left = [s for s in run.quest.steps if s.id not in run.skipped]
    last = min((s.order for s in left if not s.is_optional and not run.is_done(s)), default=None)
    return [s for s in left if last is None or s.order <= last]


def count(run: Run, event: GameEvent, day: Day) -> bool:
    """Let an event count for a run; says whether anything of it changed."""
    if run.is_past(event.timestamp):
        return False
    changed = False
    for sample in event.samples:
        for each, step in run.counts(sample.metric):
            since = run.started_at if step is None else step.activated_at
            if event.timestamp >= since and (step is None or step.root is None or step.root != event.root):
                changed |= each.fold(sample, event.timestamp, event.id, day)
    run.dirty |= changed
    return changed


def advance(run: Run, at: datetime, root: str, has: Has) -> list[Step]:
    """Complete what is complete, make active what that opens, and close the run if it is failed or done.

    Says which steps were completed, in order. Failing wins over completing. An event that says what the player has may
    be from before the run: nothing happens in it before it began, nor to a step before that was active.
    """
    if run.is_past(at):
        return []
    if any(_is_met(run.fails, r, has) for r in run.quest.fail_conditions if r.digest not in run.spared):
        close(run, Status.FAILED, max(at, run.started_at), has)
        return []
    done: list[Step] = []
    while (ready := _first_ready(run, has)) is not None:
        at = max(at, run.steps[ready.id].activated_at)
        complete_step(run, ready, at, root)
        done.append(ready)
    if all(s.is_optional or s.id in run.skipped or run.is_done(s) for s in run.quest.steps):
        run.completed_at = at
        close(run, Status.COMPLETED, at, has)
    return done


def _first_ready(run: Run, has: Has) -> Step | None:
    return next((step for step in run.active() if step.requirements and is_met(run, step, has)), None)


def is_met(run: Run, step: Step, has: Has) -> bool:
    """Whether as many of a step's requirements are met as it takes."""
    counts = run.steps[step.id].counts
    return sum(_is_met(counts, r, has) for r in step.requirements) >= step.need


def _is_met(counts: Mapping[str, Count], requirement: Requirement, has: Has) -> bool:
    return has(requirement) if requirement.nature == TARGET else counts[requirement.digest].is_met


def complete_step(run: Run, step: Step, at: datetime, root: str) -> None:
    """Complete an active step, skip the branches that it decides against, and activate what it opens."""
    run.steps[step.id].completed_at = at
    run.turn()
    _choose(run, step)
    activate(run, at, root)


def _choose(run: Run, step: Step) -> None:
    """Skip the branches that a completed step decides against."""
    run.skipped |= {s.id for s in _decided_against(run.quest, step) if not run.is_done(s)}


def _decided_against(quest: Quest, step: Step) -> Sequence[Step]:
    """The steps of the branches that are closed to whoever takes this step's."""
    if step.branch is None:
        return ()
    others = {s.branch for s in quest.steps if s.order == step.order} - {None, step.branch}
    return [s for s in quest.steps if s.branch in others]


def _rest_of_branch(quest: Quest, step: Step) -> set[str]:
    """The step, and what its branch has beside and after it."""
    same = (s for s in quest.steps if step.branch is not None and s.branch == step.branch and s.order >= step.order)
    return {step.id, *(s.id for s in same)}


def put_at(run: Run, step: Step, at: datetime, root: str | None) -> None:
    """Have an open run stand at a step that it has not done. What is mandatory before it and not done is skipped, with
    whatever branch it is not in: nothing of that is complete, so nothing of it earns anything. What comes after it and
    is not done is still to come: the rest of its branch, and what a person had it skip before.
    """
    later = {s.id for s in run.quest.steps if s.order > step.order}
    run.skipped -= _rest_of_branch(run.quest, step) | (later & _skipped_by_hand(run))
    before = [s for s in run.quest.steps if s.order < step.order and not s.is_optional]
    closed = _decided_against(run.quest, step)
    run.skipped |= {s.id for s in (*before, *closed) if not run.is_done(s)}
    run.steps = {id_: state for id_, state in run.steps.items() if state.completed_at is not None or id_ not in later}
    run.turn()
    activate(run, at, root)


def _skipped_by_hand(run: Run) -> set[str]:
    """What of the skipped steps no branch that was taken has closed: a person put the run past them."""
    return run.skipped - _closed(run)


def _closed(run: Run) -> set[str]:
    """The steps that the branches which were taken have closed. Of two branches that exclude each other, where a person
    put the run into the second, it goes on in that one."""
    taken = [(state.completed_at, s.order, s) for s in run.quest.steps if (state := run.steps.get(s.id)) is not None]
    closed: set[str] = set()
    for _, _, step in sorted((each for each in taken if each[0] is not None), key=lambda each: each[:2]):
        closed -= _rest_of_branch(run.quest, step)
        closed |= {each.id for each in _decided_against(run.quest, step)}
    return {s.id for s in run.quest.steps if s.id in closed and not run.is_done(s)}


def close(run: Run, status: Status, at: datetime, has: Has) -> None:
    """End a run. How far each step had come is kept, what it has counted is not."""
    run.final = step_progress(run, has)
    run.status, run.ended_at = status, at
    run.turn()
    run.fails = {}
    for state in run.steps.values():
        state.counts = {}


def step_progress(run: Run, has: Has) -> dict[str, float]:
    """step → 0 to 1, of all its steps."""
    return run.final if run.final is not None else {s.id: _progress(run, s, has) for s in run.quest.steps}


def _progress(run: Run, step: Step, has: Has) -> float:
    state = run.steps.get(step.id)
    if state is None or not step.requirements:
        return 1.0 if run.is_done(step) else 0.0
    if state.completed_at is not None:
        return 1.0
    met = [_is_met(state.counts, r, has) for r in step.requirements]
    fractions = [
        float(is_met) if r.nature == TARGET else state.counts[r.digest].fraction
        for r, is_met in zip(step.requirements, met, strict=True)
    ]
    return combined(step.need, fractions, met)


def progress(run: Run, has: Has) -> float:
    """The mean over the mandatory steps that are not skipped; at most 0.99 until all of them are done."""
    steps = step_progress(run, has)
    counted = [step for step in run.quest.steps if not step.is_optional and step.id not in run.skipped]
    mean = math.fsum(steps[step.id] for step in counted) / len(counted) if counted else 1.0
    return mean if all(run.is_done(step) for step in counted) else min(mean, 0.99)


def moved(run: Run, quest: Quest, has: Has) -> Run | None:
    """An open run on another version: what it has done chooses between the branches there, and of the steps that are
    active and remain so it keeps what they have counted, where the requirement is the same. None where a step it has
    done no longer exists. The caller activates its steps and advances it.
    """
    known = {step.id: step for step in quest.steps}
    done = {id_: state for id_, state in run.steps.items() if state.completed_at is not None}
    if not done.keys() <= known.keys():
        return None
    found = Run(
        run.player_id,
        quest,
        run.number,
        True,
        run.started_at,
        run.deadline,
        run.period,
        steps=done,
        rewarded=run.rewarded,
    )
    found.skipped = _closed(found) - (_closed(run) - run.skipped)  # but for a branch that a person has opened again
    by_hand = _skipped_by_hand(run) & (known.keys() - done.keys())
    if any(not (step.is_optional or step.id in found.skipped | by_hand or step.id in done) for step in quest.steps):
        found.skipped |= by_hand  # else it would be complete by what a person had it skip
    before = {step.id: run.steps[step.id] for step in run.active()}
    for step in [step for step in _open_steps(found) if step.id in before]:
        state = before[step.id]
        counts = {r.digest: state.counts.get(r.digest) or counting.begin(r) for r in step.requirements if r.metric}
        found.steps[step.id] = StepState(state.activated_at, state.root, counts=counts)
    asked = {r.digest for r in run.quest.fail_conditions}
    found.fails = {r.digest: run.fails.get(r.digest) or counting.begin(r) for r in quest.fail_conditions if r.metric}
    new = [r for r in quest.fail_conditions if not r.metric and r.digest not in asked]
    found.spared = run.spared | {r.digest for r in new if has(r)}
    return found
