"""A run as its row keeps it, and back."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from gamification.kernel.core.encoding import instant, parse_instant
from gamification.kernel.core.messages import Json, PlayerId
from quests import counting
from quests.rules import Quest
from quests.running import Run, Status, StepState


class StoredRun(NamedTuple):
    """The columns of a run's row, in this order."""

    player_id: PlayerId
    quest_id: str
    run: int
    is_newest: bool
    version: int
    started_at: datetime
    deadline: datetime | None
    period: datetime | None
    status: str
    completed_at: datetime | None
    ended_at: datetime | None
    state: Mapping[str, Any]
    """What its steps have come to."""


def dump(run: Run) -> StoredRun:
    return StoredRun(
        player_id=run.player_id,
        quest_id=run.quest.id,
        run=run.number,
        is_newest=run.is_newest,
        version=run.quest.version,
        started_at=run.started_at,
        deadline=run.deadline,
        period=run.period,
        status=run.status.value,
        completed_at=run.completed_at,
        ended_at=run.ended_at,
        state=_dump_state(run),
    )


def load(row: StoredRun, quest: Quest) -> Run:
    """The inverse of `dump`; `quest` is the version that the row names."""
    run = Run(
        player_id=row.player_id,
        quest=quest,
        number=row.run,
        is_newest=row.is_newest,
        started_at=row.started_at,
        deadline=row.deadline,
        period=row.period,
        status=Status(row.status),
        completed_at=row.completed_at,
        ended_at=row.ended_at,
        dirty=False,
    )
    _load_state(run, row.state)
    return run


def _dump_state(run: Run) -> dict[str, Json]:
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


def _load_state(run: Run, kept: Mapping[str, Any]) -> None:
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
