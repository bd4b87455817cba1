"""Versions are compared by meaning: what becomes of each requirement, and which fields differ."""

from __future__ import annotations

from typing import Any

import pytest

from gamification.kernel.content.comparing import compare
from gamification.kernel.content.kinds import kind
from tests.support.authoring import achievement, coins, count, needs, quest, step

Json = dict[str, Any]


def compared(name: str, before: Json | None, after: Json | None) -> tuple[set[tuple[str, str]], set[str]]:
    """({(what is asked, its fate)}, the names of the fields that differ)"""
    of = kind(name)
    old, new = (None if each is None else of.parse(each) for each in (before, after))
    found = compare(of, old, new, lambda kind, id_: id_)
    asked = {(f"{line.where}: {line.said}".removeprefix(": "), str(line.fate)) for line in found.asked}
    return asked, {each.name for each in found.fields}


TEN, TWENTY = "kills: at least 10 times", "kills: at least 20 times"


def test_a_requirement_is_the_same_wherever_it_stands() -> None:
    before, after = achievement("a", count(), count(threshold=20)), achievement("a", count(threshold=20), count())
    assert compared("achievement", before, after) == ({(TEN, "KEPT"), (TWENTY, "KEPT")}, set())


def test_one_that_says_something_else_is_counted_anew_and_the_other_dropped() -> None:
    asked, fields = compared("achievement", achievement("a", count()), achievement("a", count(threshold=20), title="B"))
    assert asked == {(TWENTY, "NEW"), (TEN, "DROPPED")}
    assert fields == {"title"}


@pytest.mark.parametrize(
    "other", [{"repeat": "DAILY"}, {"starts_at": "2030-01-01T00:00:00Z"}, {"ends_at": "2030-01-01T00:00:00Z"}]
)
def test_where_other_samples_count_nothing_is_kept(other: Json) -> None:
    asked, fields = compared("achievement", achievement("a"), achievement("a", **other))
    assert asked == {(TEN, "NEW"), (TEN, "DROPPED")}
    assert fields == other.keys()


def test_of_two_alike_one_is_kept_and_one_dropped() -> None:
    of = kind("achievement")
    before, after = of.parse(achievement("a", count(), count())), of.parse(achievement("a", count()))
    fates = [str(line.fate) for line in compare(of, before, after, lambda kind, id_: id_).asked]
    assert fates == ["KEPT", "DROPPED"]


def test_steps_of_a_quest_are_told_apart_by_their_ids() -> None:
    before = quest("q", step("hunt", count()), step("talk", order=2))
    after = quest("q", step("talk", order=3, title="Speak"), step("hunt", count(), needs("QUEST", "trail")))
    asked, fields = compared("quest", before, after)
    assert asked == {(f"step hunt: {TEN}", "KEPT"), ("step hunt: complete the quest trail", "NEW")}
    assert fields == {"steps talk: order", "steps talk: title"}


def test_a_requirement_that_moves_to_another_step_is_another() -> None:
    before, after = quest("q", step("hunt", count()), step("b")), quest("q", step("hunt"), step("b", count()))
    asked, _ = compared("quest", before, after)
    assert asked == {(f"step b: {TEN}", "NEW"), (f"step hunt: {TEN}", "DROPPED")}


def test_numbers_and_truths_are_not_the_same() -> None:
    before, after = coins(metadata={"x": 1}), coins(metadata={"x": True})
    assert compared("reward", before, after) == (set(), {"metadata"})
    assert compared("reward", before, coins(metadata={"x": 1.0})) == (set(), set())


def test_beside_nothing_all_of_it_is_new() -> None:
    asked, fields = compared("achievement", None, achievement("a"))
    assert asked == {(TEN, "NEW")}
    assert {"id", "title", "points"} <= fields
    asked, _ = compared("achievement", achievement("a"), None)
    assert asked == {(TEN, "DROPPED")}


def test_a_step_that_only_one_version_has_is_one_field() -> None:
    _, fields = compared("quest", quest("q", step("hunt")), quest("q", step("hunt"), step("talk", order=2)))
    assert fields == {"steps talk"}
