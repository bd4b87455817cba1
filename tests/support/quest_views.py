"""A run, a fact and a set of quests as the service keeps them and as the slow model does, alike enough to compare."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from gamification.kernel.content import publishing
from gamification.kernel.core.world import World
from progress.players import Players
from progress.tallies import Tallies
from quests import running
from quests.models import Run
from quests.runs import QuestRuns
from quests.storing import StoredRun
from tests.support.quest_model import Model
from tests.support.quest_runs import Run as ModelRun


def bits(kept: bytes | memoryview) -> set[int]:
    number = int.from_bytes(bytes(kept), "little")
    return {n for n in range(number.bit_length()) if number >> n & 1}


def as_stated(data: Mapping[str, Any]) -> dict[str, Any]:
    kept = {name: data[name] for name in ("id", "run", "status", "step") if name in data}
    return kept | {"progress": round(data["progress"], 9)}


Shown = dict[str, Any]


def shown(player_ids: list[str], now: datetime) -> dict[tuple[str, str, int], Shown]:
    """(player, quest, run) → all that can be said of it."""
    world = World(now=now, player_ids=player_ids)
    for part in (Players, Tallies, QuestRuns):
        world.add(part(world))
    players, runs = world[Players], world[QuestRuns]
    players.read_unlocked()
    world.rules = publishing.current()
    found = runs.take_in(list(Run.objects.values_list(*StoredRun._fields)))
    return {(r.player_id, r.quest.id, r.number): _shown(r, runs, players) for r in found}


def _shown(run: running.Run, runs: QuestRuns, players: Players) -> Shown:
    has = runs.has(players.by_id[run.player_id])
    return {
        "version": run.quest.version,
        "status": run.status,
        "is_newest": run.is_newest,
        "started_at": run.started_at,
        "deadline": run.deadline,
        "completed_at": run.completed_at,
        "ended_at": run.ended_at,
        "current_step": run.current_step,
        "active": {s.id: run.steps[s.id].activated_at for s in run.active()},
        "done": {s.id: run.steps[s.id].completed_at for s in run.quest.steps if run.is_done(s)},
        "skipped": run.skipped,
        "steps": {id_: round(value, 9) for id_, value in running.step_progress(run, has).items()},
        "progress": round(running.progress(run, has), 9),
    }


def as_shown(model: Model, player_id: str, run: ModelRun, is_newest: bool) -> Shown:
    player = model.players[player_id]
    return {
        "version": run.version,
        "status": run.status,
        "is_newest": is_newest,
        "started_at": run.started_at,
        "deadline": run.deadline,
        "completed_at": run.completed_at,
        "ended_at": run.ended_at,
        "current_step": min((s["order"] for s in run.active if not s["is_optional"]), default=None),
        "active": {s["id"]: run.reached[s["id"]].at for s in run.active},
        "done": run.done,
        "skipped": run.skipped,
        "steps": {id_: round(value, 9) for id_, value in model.progress.of_steps(player, run).items()},
        "progress": round(model.progress.of_run(player, run), 9),
    }
