"""Every status of a quest and everything that may be wished of it: what comes of it, or how it is refused."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from gamification import pipeline
from gamification.kernel.core import bus
from gamification.kernel.core.actors import SYSTEM
from gamification.kernel.core.messages import Command, Refused
from quests.commands import AbandonQuest, CompleteStep, MoveRuns, StartQuest
from quests.models import Run
from quests.running import Status
from quests.tasks import expire_runs
from tests.support.content import NOON, event, metric, publish, quest, requirement, reward, step
from tests.support.invariants import all_rows

pytestmark = pytest.mark.django_db

HOUR, DAY, GRACE = 3600, 86_400, 600
ONE_KILL, DEATH = requirement("COUNT", "kills", 1), requirement("COUNT", "deaths", 1)

# -- one quest: two steps that are active at once, one more after them -------------------------------------------------

STATUSES: dict[str, tuple[list[tuple[float, str]], float]] = {
    "never started": ([], 10),
    "open": ([(0, "start")], 10),
    "past its deadline": ([(0, "start")], HOUR + 1),
    "past all grace": ([(0, "start")], HOUR + GRACE + 1),
    "completed": ([(0, "start"), (1, "kill"), (2, "complete hand"), (3, "complete end")], 10),
    "failed": ([(0, "start"), (1, "die")], 10),
    "expired": ([(0, "start"), (HOUR + GRACE + 1, "sweep")], HOUR + GRACE + 2),
    "abandoned": ([(0, "start"), (1, "abandon")], 10),
}
"""How one comes to it, and when it is looked at."""


def hand_in(step_id: str) -> Command:
    return CompleteStep(player_id="ann", quest_id="hunt", step_id=step_id)


WISHES: dict[str, Callable[[], Command]] = {
    "start": lambda: StartQuest(player_id="ann", quest_id="hunt"),
    "abandon": lambda: AbandonQuest(player_id="ann", quest_id="hunt"),
    "complete hand": lambda: hand_in("hand"),
    "complete kill": lambda: hand_in("kill"),
    "complete end": lambda: hand_in("end"),
    "complete none": lambda: hand_in("none"),
    "move": lambda: MoveRuns(quest_id="hunt", player_ids=["ann"]),
}
HAPPENINGS = ("kill", "die", "sweep")

SAME = "nothing changes"
CLOSED = {
    "start": "run 2 is IN_PROGRESS",
    "abandon": "not_in_progress",
    "complete hand": "not_in_progress",
    "complete kill": "not_in_progress",
    "complete end": "not_in_progress",
    "complete none": "not_found",
    "move": SAME,
    "kill": SAME,
    "die": SAME,
    "sweep": SAME,
}
OUTCOMES: dict[str, dict[str, str]] = {
    "never started": CLOSED | {"start": "run 1 is IN_PROGRESS"},
    "open": {
        "start": "already_in_progress",
        "abandon": "run 1 is ABANDONED",
        "complete hand": "run 1 is IN_PROGRESS",
        "complete kill": "requirements_not_met",
        "complete end": "step_not_active",
        "complete none": "not_found",
        "move": SAME,
        "kill": "run 1 is IN_PROGRESS",
        "die": "run 1 is FAILED",
        "sweep": SAME,
    },
    "past its deadline": {
        "start": "already_in_progress",
        "abandon": "run 1 is ABANDONED",
        "complete hand": "step_not_active",
        "complete kill": "step_not_active",
        "complete end": "step_not_active",
        "complete none": "not_found",
        "move": SAME,
        "kill": SAME,
        "die": SAME,
        "sweep": SAME,
    },
    "past all grace": CLOSED | dict.fromkeys(("move", "kill", "die", "sweep"), "run 1 is EXPIRED"),
    "completed": CLOSED | {"start": "already_completed"},
    "failed": CLOSED,
    "expired": CLOSED,
    "abandoned": CLOSED,
}


@pytest.mark.parametrize(("status", "what"), [(status, what) for status in STATUSES for what in (*WISHES, *HAPPENINGS)])
def test_each_wish_and_happening_in_each_status(status: str, what: str, settings: Any) -> None:
    settings.QUEST_LATE_GRACE = GRACE
    publish(
        metric("kills"),
        metric("deaths", "died"),
        reward("coin"),
        quest(
            "hunt", step("hand", rewards=["coin"]), step("kill", ONE_KILL), step("end", order=2),
            fail_conditions=[DEATH], time_limit=HOUR, rewards=["coin"],
        ),
    )  # fmt: skip
    way, now = STATUSES[status]
    for seconds, each in way:
        do(each, seconds)
    assert outcome(what, now) == OUTCOMES[status][what]


def outcome(what: str, now: float) -> str:
    """The status of the newest run after it, or the code of its refusal, which must not have changed anything."""
    before, rows = list(Run.objects.order_by("pk").values()), all_rows()
    try:
        do(what, now)
    except Refused as refused:
        assert all_rows() == rows
        return refused.code
    if list(Run.objects.order_by("pk").values()) == before:
        return SAME
    newest = Run.objects.get(is_newest=True)
    earlier = Run.objects.exclude(pk=newest.pk)
    assert not earlier.filter(status="IN_PROGRESS").exists()
    return f"run {newest.run} is {newest.status}"


def do(what: str, seconds: float) -> None:
    now = NOON + timedelta(seconds=seconds)
    if what in WISHES:
        bus.handle(WISHES[what](), actor=SYSTEM, now=now)
    elif what == "sweep":
        expire_runs(now)
    else:
        type_ = {"kill": "enemy.killed", "die": "died"}[what]
        pipeline.process([event(f"{what}-{seconds}", type_=type_, at=seconds)], now=now)


def test_the_table_leaves_nothing_out() -> None:
    assert OUTCOMES.keys() == STATUSES.keys()
    assert all(outcomes.keys() == {*WISHES, *HAPPENINGS} for outcomes in OUTCOMES.values())
    statuses = {"never started", "open", *(status.lower() for status in Status)} - {"in_progress"}
    assert statuses < STATUSES.keys()


# -- starting again ----------------------------------------------------------------------------------------------------

NEXT_PERIOD = {"DAILY": DAY, "WEEKLY": 3 * DAY, "MONTHLY": 11 * DAY}
"""Seconds from NOON, a Friday's, the 20th of November, until NOON of a day in the next one."""


@pytest.mark.parametrize("repeat", ["NEVER", "DAILY", "WEEKLY", "MONTHLY", "ALWAYS"])
@pytest.mark.parametrize("status", ["completed", "failed", "expired", "abandoned"])
@pytest.mark.parametrize("cooldown", [None, HOUR])
def test_starting_again(repeat: str, status: str, cooldown: int | None) -> None:
    publish(
        metric("kills"),
        metric("deaths", "died"),
        quest(
            "hunt", step("hand"), fail_conditions=[DEATH], time_limit=60 if status == "expired" else None,
            repeat=repeat, cooldown=cooldown,
        ),
    )  # fmt: skip
    way = {
        "completed": (50, "complete hand"),
        "failed": (50, "die"),
        "expired": (90, "sweep"),
        "abandoned": (50, "abandon"),
    }
    do("start", 0)
    do(way[status][1], way[status][0])
    ended = 60 if status == "expired" else 50  # at its deadline, whenever that was noticed
    done = status == "completed"
    cooled_down = ended + (cooldown or 0)
    later = NEXT_PERIOD.get(repeat, 100 * DAY)
    if done and repeat == "NEVER":
        assert outcome("start", cooled_down) == outcome("start", later) == "already_completed"
    elif done and repeat in NEXT_PERIOD:
        assert outcome("start", cooled_down) == "already_completed"
        assert outcome("start", later - HOUR * 12 - 1) == "already_completed"
        assert outcome("start", later - HOUR * 12) == "run 2 is IN_PROGRESS"
    else:
        if cooldown:
            assert outcome("start", cooled_down - 1) == "cooldown"
        assert outcome("start", max(cooled_down, 91)) == "run 2 is IN_PROGRESS"
