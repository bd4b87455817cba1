"""A run as its row keeps it, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gamification.kernel.core.encoding import instant, parse_instant
from gamification.kernel.core.messages import Json
from quests import counting
from quests.running import Run, StepState


def dump(run: Run) -> dict[str, Json]:
    """What its steps have come to, as a run's row keeps it."""
    steps: dict[str, Json] = {}
    for id_, state in run.steps.items():
        steps[id_] = {"at": instant(state.activated_at)}
        if state.completed_at is not None:
            steps[id_]["done"] = instant(state.completed_at)
        elif state.counts:
            steps[id_]["counts"] = {digest: each.dump() for digest, each in state.counts.items()}
    kept: dict[str, Json] = {"steps": steps}
    if run.skipped:
        kept["skipped"] = sorted(run.skipped)
    if run.fails:
        kept["fails"] = {digest: each.dump() for digest, each in run.fails.items()}
    if run.spared:
        kept["spared"] = sorted(run.spared)
    if run.rewarded:
        kept["rewarded"] = {id_: instant(at) for id_, at in sorted(run.rewarded.items())}
    if run.final is not None:
        kept["progress"] = run.final
    return kept


def load(run: Run, kept: Mapping[str, Any]) -> None:
    """The inverse of `dump`, into a run that knows its quest and status."""
    run.skipped, run.spared = set(kept.get("skipped", ())), set(kept.get("spared", ()))
    run.rewarded = {id_: parse_instant(at) for id_, at in kept.get("rewarded", {}).items()}
    run.final = kept.get("progress")
    if run.is_open:
        fails = kept.get("fails", {})
        run.fails = {r.digest: counting.load(r, fails.get(r.digest)) for r in run.quest.fail_conditions if r.metric}
    for step in run.quest.steps:
        entry = kept["steps"].get(step.id)
        if entry is None:
            continue
        done, counts = entry.get("done"), entry.get("counts", {})
        state = StepState(parse_instant(entry["at"]), completed_at=parse_instant(done) if done else None)
        if run.is_open and done is None:
            state.counts = {r.digest: counting.load(r, counts.get(r.digest)) for r in step.requirements if r.metric}
        run.steps[step.id] = state
    run.dirty = False
