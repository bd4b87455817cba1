"""Players' quests, worked out slowly: after each event, all over again from the list of what counted so far.

It shares no line with the service, and keeps no count of anything: how far a step has come is read off the whole list,
from when the step became active. It knows the contract only (runs, branches, deadlines, what each refusal is called).
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from tests.support.quest_progress import QuestProgress
from tests.support.quest_runs import PERIODS, Active, Definition, Happened, Message, Player, Run, Sent, key, parsed

ROUNDS = 8

Offered = Callable[[Definition, str, datetime], Collection[str]]
"""(pool, player, when its period opened) → the quests it offers: how they are drawn is nobody's business here."""


class Refusal(Exception):
    """A wish that is not granted, by its code."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass
class Model:
    metrics: Sequence[Definition]
    achievements: Sequence[Definition]
    """That never repeat: each of requirements that are reached once, by COUNT or by a quest."""
    rewards: Mapping[str, Definition]
    levels: Mapping[int, int]
    """level → xp."""
    grace: timedelta
    offered: Offered
    zones: Mapping[str, ZoneInfo]
    versions: dict[str, list[Definition | None]] = field(default_factory=dict)
    """quest → its versions, None where one retires it."""
    pools: list[Definition] = field(default_factory=list)
    players: dict[str, Player] = field(default_factory=dict)
    seen: set[tuple[str, str]] = field(default_factory=set)
    commands: int = 0

    def __post_init__(self) -> None:
        self.progress = QuestProgress(self.metrics, self.levels)
        self.players = {id_: Player(id_, zone) for id_, zone in self.zones.items()}

    # -- what happens --------------------------------------------------------------------------------------------------

    def publish(self, quest_id: str, definition: Definition | None) -> None:
        self.versions.setdefault(quest_id, []).append(definition)

    def current(self, quest_id: str) -> Definition | None:
        return self.versions[quest_id][-1] if quest_id in self.versions else None

    def last_definition(self, quest_id: str) -> Definition | None:
        return next((each for each in reversed(self.versions.get(quest_id, [])) if each is not None), None)

    def was_periodic(self, quest_id: str) -> bool:
        return any(each is not None and each["repeat"] in PERIODS for each in self.versions[quest_id])

    def overdue(self, now: datetime) -> list[str]:
        """Players with a run that nothing can count for any more."""
        return [
            player.id
            for player in self.players.values()
            if any((end := player.runs[id_][-1].deadline) is not None and now > end + self.grace for id_ in player.open)
        ]

    def process(self, batch: Sequence[tuple[str, Sent]], now: datetime) -> None:
        fresh: dict[str, list[Sent]] = {}
        for player_id, sent in batch:
            mine = fresh.setdefault(player_id, [])
            if (player_id, sent.id) not in self.seen:
                self.seen.add((player_id, sent.id))
                mine.append(sent)
        for player_id, mine in fresh.items():
            player = self._look_at(player_id, now)
            wave = sorted(mine, key=lambda sent: (sent.at, sent.id))
            self._play(player, [(sent.id, sent) for sent in wave], now)

    def expire(self, player_ids: Sequence[str], now: datetime) -> None:
        for player_id in player_ids:
            self._look_at(player_id, now)

    def start(self, player_id: str, quest_id: str, now: datetime) -> None:
        root, player = self._command(player_id, now)
        quest = self.current(quest_id)
        if quest is None:
            raise Refusal("not_found")
        if code := self._refusal(player, quest, now):
            raise Refusal(code)
        self._grant_all(player, self._begin(player, quest, now, root), now)
        self._play(player, [], now)

    def abandon(self, player_id: str, quest_id: str, now: datetime) -> None:
        _, player = self._command(player_id, now)
        run = player.newest(quest_id)
        if run is None or not run.is_open:
            raise Refusal("not_in_progress")
        self._close(player, run, "ABANDONED", now)
        self._state(player, "quest.abandoned", run, now)

    def complete(self, player_id: str, quest_id: str, step_id: str, now: datetime) -> None:
        root, player = self._command(player_id, now)
        run = player.newest(quest_id)
        quest = run.quest if run is not None and run.is_open else self.current(quest_id)
        if quest is None or step_id not in [step["id"] for step in quest["steps"]]:
            raise Refusal("not_found")
        if run is None or not run.is_open:
            raise Refusal("not_in_progress")
        steps = [step for step in run.active if step["id"] == step_id]
        if not steps or run.is_over(now):
            raise Refusal("step_not_active")
        if steps[0]["requirements"] and not self.progress.is_met(player, run, steps[0]):
            raise Refusal("requirements_not_met")
        self._complete(player, run, steps[0], now, root)
        self._grant_all(player, self._advance(player, run, now, root, [steps[0]]), now)
        self._play(player, [], now)

    def move(self, player_ids: Sequence[str], quest_id: str, now: datetime) -> int:
        """Put open runs on the newest version, where the steps they have done still exist."""
        quest = self.current(quest_id)
        if quest is None:
            raise Refusal("not_found")
        moved = 0
        for player_id in player_ids:
            root, player = self._command(player_id, now)
            run = player.newest(quest_id)
            if run is None or not run.is_open or run.version == len(self.versions[quest_id]):
                continue
            if not set(run.done) <= {step["id"] for step in quest["steps"]}:
                continue
            self._move(player, run, quest, now, root)
            self._grant_all(player, self._advance(player, run, now, root, []), now)
            self._play(player, [], now)
            moved += 1
        return moved

    def _move(self, player: Player, run: Run, quest: Definition, now: datetime, root: str) -> None:
        before, after = run.quest, {step["id"]: step for step in quest["steps"]}
        next_ = len(player.log) + 1
        kept = [condition for condition in quest["fail_conditions"] if condition in before["fail_conditions"]]
        run.since = {key(c): run.since[key(c)] if c in kept else next_ for c in quest["fail_conditions"]}
        added = [c for c in quest["fail_conditions"] if c not in kept and "metric" not in c]
        run.spared = [*run.spared, *(c for c in added if self.progress.has(player, c))]
        goes_on = {step["id"] for step in run.active} | set(run.done)
        run.quest, run.version, run.skipped = quest, len(self.versions[quest["id"]]), set()
        for step in sorted((s for s in run.steps if s["id"] in run.done), key=lambda s: run.done[s["id"]]):
            self._choose(run, step, len(player.log))
        for step_id in list(run.reached):
            is_done = step_id in run.done
            stays = step_id in after and step_id not in run.skipped and run.is_reached(after[step_id])
            if step_id in goes_on and (is_done or stays):
                since = run.reached[step_id].since
                run.reached[step_id].since = {key(r): since.get(key(r), next_) for r in after[step_id]["requirements"]}
            else:
                del run.reached[step_id]
        self._activate(player, run, now, root)

    # -- rounds --------------------------------------------------------------------------------------------------------

    def _look_at(self, player_id: str, now: datetime) -> Player:
        """What was completed before is known to all by now; whatever is past its deadline is expired."""
        player = self.players[player_id]
        player.known |= {("ACHIEVEMENT", id_) for id_ in player.earned}
        done = [id_ for id_, runs in player.runs.items() if any(run.status == "COMPLETED" for run in runs)]
        player.known |= {("QUEST", id_) for id_ in done}
        player.open = sorted(player.open, key=list(self.versions).index)
        for quest_id in list(player.open):
            run = player.runs[quest_id][-1]
            if run.deadline is not None and now > run.deadline + self.grace:
                self._close(player, run, "EXPIRED", run.deadline)
                self._state(player, "quest.expired", run, run.deadline)
        return player

    def _command(self, player_id: str, now: datetime) -> tuple[str, Player]:
        self.commands += 1
        player = self._look_at(player_id, now)
        player.root = f"command {self.commands}"
        return player.root, player

    def _play(self, player: Player, wave: list[tuple[str, Sent]], now: datetime) -> None:
        """`wave`: (what each follows from, event); nothing, where a command is the first round."""
        for _ in range(ROUNDS):
            for root, sent in wave:
                self._count(player, sent, root, now)
            wave, player.own = player.own, []

    def _count(self, player: Player, sent: Sent, root: str, now: datetime) -> None:
        player.root = root
        player.log.append(Happened(len(player.log) + 1, sent, root))
        if sent.type in ("achievement.completed", "quest.completed"):
            player.known.add((sent.type.partition(".")[0].upper(), sent.data["id"]))
        rewards: list[tuple[str, str, str, Sequence[str]]] = []
        for achievement in self.achievements:
            if achievement["id"] not in player.earned and self._is_earned(player, achievement):
                player.earned.add(achievement["id"])
                data = {name: achievement[name] for name in ("id", "type", "category", "points")}
                self._cause(player, "achievement.completed", achievement["id"], data, sent.at)
                rewards.append(("ACHIEVEMENT", achievement["id"], "0", achievement["rewards"]))
        self._grant_all(player, rewards, sent.at)
        rewards = []
        for quest in self._starting(player, sent.at, now):
            rewards += self._begin(player, quest, sent.at, root, counts=True)
        for quest_id in list(player.open):
            run = player.runs[quest_id][-1]
            run.starter = 0
            rewards += self._advance(player, run, sent.at, root, [])
        self._grant_all(player, rewards, sent.at)

    def _is_earned(self, player: Player, achievement: Definition) -> bool:
        return all(self.progress.has(player, requirement) for requirement in achievement["requirements"])

    def _starting(self, player: Player, at: datetime, now: datetime) -> Iterator[Definition]:
        for quest_id in sorted(self.versions):
            quest = self.current(quest_id)
            if quest is None or not quest["auto_start"]:
                continue
            end = player.deadline(quest, at)
            if end is not None and now > end + self.grace:
                continue  # by now its run would be over
            newest = player.newest(quest_id)
            if newest is not None and newest.status == "ABANDONED":
                opens = player.period(quest["repeat"], at)[0] if quest["repeat"] in PERIODS else None
                if opens is None or not newest.is_periodic or newest.started_at >= opens:
                    continue  # given up: not before the next period
            if self._refusal(player, quest, at) is None:
                yield quest

    # -- starting ------------------------------------------------------------------------------------------------------

    def _refusal(self, player: Player, quest: Definition, at: datetime) -> str | None:
        runs = player.runs.get(quest["id"], [])
        if not quest["is_active"]:
            return "quest_inactive"
        if (quest["start_date"] and at < parsed(quest["start_date"])) or (
            quest["end_date"] and at >= parsed(quest["end_date"])
        ):
            return "quest_not_open"
        if not all(self.progress.has(player, requirement) for requirement in quest["requirements"]):
            return "requirements_not_met"
        if any(run.is_open for run in runs):
            return "already_in_progress"
        if any(self._stands_in_the_way(player, quest, run, at) for run in runs):
            return "already_completed"
        if runs and quest["cooldown"]:
            ended_at = runs[-1].ended_at
            assert ended_at is not None
            if at < ended_at + timedelta(seconds=quest["cooldown"]):
                return "cooldown"
        pools = [pool for pool in self.pools if quest["id"] in pool["quests"]]
        if pools and not any(
            quest["id"] in self.offered(pool, player.id, player.period(pool["period"], at)[0]) for pool in pools
        ):
            return "not_offered"
        return None

    def _stands_in_the_way(self, player: Player, quest: Definition, run: Run, at: datetime) -> bool:
        if quest["repeat"] == "NEVER":
            return run.status == "COMPLETED"
        if quest["repeat"] not in PERIODS:
            return False
        opens, closes = player.period(quest["repeat"], at)
        if run.status != "COMPLETED" or run.completed_at is None:
            return run.started_at >= closes  # a period that passed is not played after a later one
        return (run.started_at if run.is_periodic else run.completed_at) >= opens

    def _begin(self, player: Player, quest: Definition, at: datetime, root: str, counts: bool = False) -> list[Any]:
        """`counts`: the event that starts it does, for its first steps."""
        first = len(player.log) + (not counts)
        runs = player.runs.setdefault(quest["id"], [])
        run = Run(
            quest=quest,
            version=len(self.versions[quest["id"]]),
            number=len(runs) + 1,
            started_at=at,
            deadline=player.deadline(quest, at),
            is_periodic=quest["repeat"] in PERIODS,
            since={key(condition): first for condition in quest["fail_conditions"]},
            spared=[c for c in quest["fail_conditions"] if "metric" not in c and self.progress.has(player, c)],
        )
        run.starter = len(player.log) if counts else 0
        runs.append(run)
        player.open.append(quest["id"])
        self._activate(player, run, at, None if counts else root, first)
        self._state(player, "quest.started", run, at)
        return self._advance(player, run, at, root, [])

    # -- steps ---------------------------------------------------------------------------------------------------------

    def _activate(self, player: Player, run: Run, at: datetime, root: str | None, first: int | None = None) -> None:
        since = len(player.log) + 1 if first is None else first
        for step in run.steps:
            if step["id"] not in run.reached and step["id"] not in run.skipped and run.is_reached(step):
                run.reached[step["id"]] = Active(at, {key(r): since for r in step["requirements"]}, root)

    def _choose(self, run: Run, step: Definition, last: int) -> None:
        if step["branch"] is None:
            return
        others = {other["branch"] for other in run.steps if other["order"] == step["order"]} - {None, step["branch"]}
        for other in run.steps:
            if other["branch"] in others and other["id"] not in run.done:
                run.skipped.add(other["id"])
                if other["id"] in run.reached and run.reached[other["id"]].until is None:
                    run.reached[other["id"]].until = last

    def _complete(self, player: Player, run: Run, step: Definition, at: datetime, root: str) -> None:
        run.done[step["id"]] = at
        self._choose(run, step, len(player.log))
        self._activate(player, run, at, root)

    def _advance(self, player: Player, run: Run, at: datetime, root: str, done: list[Definition]) -> list[Any]:
        """Fail it, or complete what is complete. `done`: steps that were completed by hand just now."""
        rewards: list[tuple[str, str, str, Sequence[str]]] = []
        stated = at
        if run.is_open and not run.is_over(at):
            if any(self.progress.fails(player, run, condition) for condition in run.quest["fail_conditions"]):
                self._close(player, run, "FAILED", max(at, run.started_at))
                self._state(player, "quest.failed", run, stated)
                return rewards
            while ready := [s for s in run.active if s["requirements"] and self.progress.is_met(player, run, s)]:
                at = max(at, run.reached[ready[0]["id"]].at)
                self._complete(player, run, ready[0], at, root)
                done.append(ready[0])
            if all(step["id"] in run.done for step in run.steps if run.is_mandatory(step)):
                run.completed_at = at
                player.quests_completed += 1
                self._close(player, run, "COMPLETED", at)
        quest, occurrence = run.quest, str(run.number)
        for step in done:
            self._state(player, "quest.advanced", run, stated, step["id"])
            once = "0" if quest["repeat"] == "NEVER" else occurrence
            lines = [] if player.had_rewards(run, step) else step["rewards"]
            rewards.append(("QUEST_STEP", f"{quest['id']}/{step['id']}", once, lines))
        if run.status == "COMPLETED":
            self._state(player, "quest.completed", run, stated)
            data = {name: quest[name] for name in ("id", "type", "difficulty")}
            self._cause(player, "quest.completed", f"{quest['id']}/{occurrence}", data, stated)
            rewards.append(("QUEST", quest["id"], occurrence, quest["rewards"]))
        return rewards

    def _close(self, player: Player, run: Run, status: str, at: datetime) -> None:
        run.final = self.progress.of_steps(player, run)
        run.status, run.ended_at = status, at
        player.open.remove(run.quest["id"])

    # -- what follows --------------------------------------------------------------------------------------------------

    def _state(self, player: Player, type_: str, run: Run, at: datetime, step: str | None = None) -> None:
        said = {
            "id": run.quest["id"],
            "run": run.number,
            "status": run.status,
            "progress": self.progress.of_run(player, run),
        }
        player.facts.append((type_, at, said if step is None else said | {"step": step}))

    @staticmethod
    def _cause(player: Player, type_: str, name: str, data: Message, at: datetime) -> None:
        player.own.append((player.root, Sent(f"~{type_}/{name}", type_, data, at)))

    def _grant_all(self, player: Player, rewards: Sequence[tuple[str, str, str, Sequence[str]]], at: datetime) -> None:
        for source, source_id, occurrence, lines in rewards:
            for line, reward_id in enumerate(lines):
                player.granted.append((source, source_id, occurrence, line, reward_id))
                reward = self.rewards[reward_id]
                if reward["claim"] != "AUTO":
                    continue
                name = f"{source}/{source_id}/{occurrence}/{line}"
                self._cause(player, "reward.claimed", name, {"id": reward_id}, at)
                if reward["type"] == "XP":
                    before, player.xp = player.xp, player.xp + reward["value"]
                    for level, xp in sorted(self.levels.items()):
                        if before < xp <= player.xp:
                            self._cause(player, "level.reached", str(level), {"level": level}, at)

    # -- wishes --------------------------------------------------------------------------------------------------------

    def attempt(self, wish: Callable[[], Any]) -> tuple[Any, str | None]:
        """What a wish answers, or the code of its refusal; refused, nothing has changed."""
        before = copy.deepcopy(self.players)
        try:
            return wish(), None
        except Refusal as refused:
            self.players = before
            return None, refused.code
