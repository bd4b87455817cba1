"""Any quest and any pool is read as it was saved."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from progress.rules.scopes import Repeat
from quests.content import POOL, QUEST
from quests.models import Quest
from quests.rules import POOL_PERIODS
from tests.support.any_content import INSTANT, OBJECT, REQUIREMENT, TEXT, TITLE, no_health, says_the_same
from tests.support.authoring import designer, needs

pytestmark = pytest.mark.django_db

STEP = st.fixed_dictionaries(
    {"id": st.sampled_from(["a", "b", "c.d"]), "title": TITLE},
    optional={
        "description": TEXT,
        "order": st.integers(0, 2**15 - 1),
        "requirements": st.lists(REQUIREMENT, max_size=3),
        "match": st.sampled_from(["ALL", "ANY", {"at_least": 2}]),
        "rewards": st.lists(st.just("coins"), max_size=2),
        "is_optional": st.booleans(),
        "branch": st.none() | TEXT,
        "completed_by": st.sampled_from(["SERVER", "PLAYER"]),
    },
)
START = REQUIREMENT | st.just({"type": "LEVEL", "operator": "gte", "threshold": 2}) | st.just(needs("QUEST", "other"))
STEPS: st.SearchStrategy[Any] = st.lists(STEP, max_size=3, unique_by=lambda each: str(each["id"]))
A_QUEST = st.fixed_dictionaries(
    {"id": st.just("q"), "title": TITLE, "steps": STEPS},
    optional={
        "description": TEXT,
        "type": st.sampled_from(Quest.Type.values),
        "difficulty": st.sampled_from(Quest.Difficulty.values),
        "rewards": st.lists(st.just("coins"), max_size=3),
        "requirements": st.lists(START, max_size=3),
        "fail_conditions": st.lists(REQUIREMENT, max_size=3),
        "time_limit": st.none() | st.integers(1, 2**31 - 1),
        "start_date": st.none() | INSTANT,
        "end_date": st.none() | INSTANT,
        "repeat": st.sampled_from(list(Repeat)),
        "cooldown": st.none() | st.integers(1, 2**31 - 1),
        "auto_start": st.booleans(),
        "is_active": st.booleans(),
        "metadata": OBJECT,
    },
)
A_POOL = st.fixed_dictionaries(
    {"id": st.just("p"), "quests": st.lists(st.just("q"), max_size=2)},
    optional={"pick": st.integers(1, 9), "period": st.sampled_from(POOL_PERIODS)},
)


@no_health
@given(A_QUEST)
def test_a_quest_is_read_as_it_was_saved(body: Any) -> None:
    says_the_same(QUEST, body)


@no_health
@given(A_POOL)
def test_a_pool_is_read_as_it_was_saved(body: Any) -> None:
    Quest.objects.get_or_create(pk="q", defaults={"title": "Q", "serial": 0})
    says_the_same(POOL, body)


def test_a_step_needs_no_more_than_an_id() -> None:
    made = designer().post("/api/v1/quests", {"id": "trail", "title": "Trail", "steps": [{"id": "one"}]}).json()
    assert made["steps"] == [
        {
            "id": "one", "title": "one", "description": "", "order": 1, "requirements": [], "match": "ALL",
            "rewards": [], "is_optional": False, "branch": None, "completed_by": "SERVER",
        }
    ]  # fmt: skip
