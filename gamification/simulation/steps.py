"""What each event of a simulation changed: it watches the pipeline count, and compares before and after."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from anticheat.screening import Screening
from gamification import pipeline
from gamification.compiling import Metrics
from gamification.intake.answering import shown_fact
from gamification.kernel.core.encoding import number
from gamification.kernel.core.messages import GameEvent, PlayerId
from gamification.kernel.core.world import World
from gamification.simulation.deadline import Deadline
from gamification.simulation.moves import Moves
from progress.explaining import why_no_sample
from progress.rule_index import RuleIndex
from progress.rules.samples import is_absent, look_up


class Steps:
    """A step for each event that was sent. What its own events changed in later rounds is in the step of the event from
    which they followed.
    """

    def __init__(self, world: World, player_id: PlayerId, events: Sequence[GameEvent], deadline: Deadline) -> None:
        self._world, self._player_id, self._deadline = world, player_id, deadline
        self._events = list(events)
        self._steps: dict[str, dict[str, Any]] = {}

    def count(self, world: World, event: GameEvent) -> None:
        """Let an event count as the pipeline does, and note what changed."""
        self._deadline.check()
        step = self._steps.get(event.root)
        if step is None:
            step = self._steps[event.root] = _empty(event.root)
            step["not_counted"] = _not_counted(world, event)
        step["samples"] += _samples(world, event)
        facts, moves = len(world.facts), Moves(world, self._player_id, event)
        pipeline.count(world, event)
        step["requirements"] += moves.since_then()
        step["facts"] += [shown_fact(fact) for fact in world.facts[facts:]]

    def said(self) -> list[dict[str, Any]]:
        """The steps in the order in which the events counted, those that did not count in between."""
        outcome = self._world.outcome
        held = {id(event): rule for event, rule, _ in self._world[Screening].held}
        repeated = set(map(id, outcome.repeated))
        refused = {id(event): (code, detail) for event, code, detail in outcome.refused}
        steps = []
        for event in sorted(self._events, key=lambda event: event.order):
            if id(event) in repeated:
                step = {**_empty(event.id), "duplicate": True}
            elif id(event) in refused:
                code, detail = refused[id(event)]
                step = {**_empty(event.id), "rejected": {"code": code, "detail": detail}}
            elif id(event) in held:
                step = {**_empty(event.id), "held": held[id(event)]}
            else:
                step = self._steps[event.id]
            steps.append(step)
        return steps


def _empty(event_id: str) -> dict[str, Any]:
    return {"event_id": event_id, "samples": [], "not_counted": {}, "requirements": [], "facts": []}


def _samples(world: World, event: GameEvent) -> list[dict[str, Any]]:
    metrics = world.rules[Metrics]
    found = []
    for sample in event.samples:
        path = metrics[sample.metric].member_path
        member = look_up(event.data, path) if path and sample.member is not None else None
        found.append(
            {"metric": sample.metric, "value": number(sample.value), "member": None if is_absent(member) else member}
        )
    return found


def _not_counted(world: World, event: GameEvent) -> dict[str, Any]:
    """Metric of the event's type → the condition that did not hold, or the field without a number."""
    metrics = world.rules[RuleIndex].by_type.get(event.type, ())
    failed = {metric.id: why_no_sample(metric, event) for metric in metrics}
    return {metric: why for metric, why in failed.items() if why is not None}
