"""A draft's rows say exactly what the definition said, whatever a designer writes."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from achievements.content import ACHIEVEMENT
from gamification.console import pack_files
from progress.content import METRIC
from rewards.content import REWARD
from tests.support.any_content import INSTANT, JSON, OBJECT, REQUIREMENT, TEXT, TITLE, no_health, says_the_same

pytestmark = pytest.mark.django_db

AN_ACHIEVEMENT = st.fixed_dictionaries(
    {"id": st.just("a"), "title": TITLE, "requirements": st.lists(REQUIREMENT, max_size=3)},
    optional={
        "description": TEXT,
        "points": st.integers(0, 2**31 - 1),
        "match": st.sampled_from(["ALL", "ANY", {"at_least": 2}]),
        "rewards": st.lists(st.just("coins"), max_size=3),
        "prerequisites": st.lists(st.just("a"), max_size=2),
        "series": st.none() | TEXT,
        "tier": st.none() | st.integers(0, 100),
        "is_enabled": st.booleans(),
        "starts_at": st.none() | INSTANT,
        "metadata": OBJECT,
        "min_seconds": st.none() | st.integers(1, 10**6),
        "tags": st.lists(st.sampled_from(["boss", "winter-2026", "Q4", "a.b"]), max_size=4),
    },
)
A_REWARD = st.fixed_dictionaries(
    {"id": st.just("r"), "type": st.sampled_from(["ITEM", "RANDOM", "XP"]), "value": st.integers(0, 10**12)},
    optional={
        "currency": st.none() | st.just("gold"),
        "items": st.lists(st.fixed_dictionaries({"id": st.just("hat")}, optional={"type": TEXT, "metadata": OBJECT})),
        "table": st.lists(st.fixed_dictionaries({"reward": st.just("coins"), "weight": st.integers(0, 9)})),
        "expires_at": st.none() | INSTANT,
        "metadata": OBJECT,
    },
)
A_METRIC = st.fixed_dictionaries(
    {"id": st.just("m"), "event_type": st.just("a.b")},
    optional={
        "name": TITLE,
        "description": TEXT,
        "conditions": st.lists(st.fixed_dictionaries({"field": st.just("x"), "op": st.just("eq"), "value": JSON})),
    },
)


@no_health
@given(AN_ACHIEVEMENT)
def test_an_achievement_is_read_as_it_was_saved(body: Any) -> None:
    says_the_same(ACHIEVEMENT, body)


@no_health
@given(A_REWARD)
def test_a_reward_is_read_as_it_was_saved(body: Any) -> None:
    says_the_same(REWARD, body)


@no_health
@given(A_METRIC)
def test_a_metric_is_read_as_it_was_saved(body: Any) -> None:
    says_the_same(METRIC, body)


@given(OBJECT, st.sampled_from(["yaml", "json"]))
def test_a_file_says_what_was_written_into_it(tmp_path_factory: pytest.TempPathFactory, pack: Any, form: str) -> None:
    file = tmp_path_factory.getbasetemp() / f"pack.{form}"
    file.write_text(pack_files.write(pack, form), encoding="utf-8", newline="\n")
    assert pack_files.read(file) == pack
