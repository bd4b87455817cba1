"""What may not be published, with its path and code."""

from __future__ import annotations

from typing import Any

import pytest

from gamification.kernel.models import Version
from tests.support.authoring import Json, achievement, coins, count, designer, errors, metric, send

pytestmark = pytest.mark.django_db

API = "/api/v1"
DAY = {"duration": 1, "unit": "days"}
LEVEL_3 = {"type": "LEVEL", "operator": "gte", "threshold": 3}


def of(type_: str, threshold: float, operator: str = "gte", metric: str = "damage", **fields: Any) -> Json:
    return {"type": type_, "metric": metric, "operator": operator, "threshold": threshold, **fields}


def needs(*ids: str) -> list[Json]:
    return [{"type": "ACHIEVEMENT", "target": id_} for id_ in ids]


def refused(body: Json) -> set[tuple[str, str]]:
    """What is wrong with an achievement, where `kills` are worth 1 each and `damage` has values and members."""
    client = designer()
    send(client, "metrics", metric(), metric("damage", value_field="damage", member_field="weapon"))
    send(client, "metrics", metric("told", reported_by="PLAYER"))
    response = client.post(f"{API}/achievements", body)
    if response.status_code == 201:
        return set()
    assert (response.status_code, response.json()["code"]) == (400, "unpublishable")
    assert not Version.objects.filter(kind="achievement").exists()
    return errors(response)


@pytest.mark.parametrize(
    "requirement",
    [
        of("COUNT", 2.5, "eq"),
        of("COUNT", -1, "lte"),
        of("COUNT", -1, "eq"),
        of("COUNT", 0, "lt"),
        of("COUNT", 2**63),
        of("DISTINCT", 0, "lt"),
        of("DISTINCT", 1.5, "eq"),
        of("STREAK", 2.5, "eq"),
        of("STREAK", -3, "lte"),
        of("SUM", 2.5, "eq", metric="kills"),
        of("MAX", 2, metric="kills"),
        of("MAX", 1, "gt", metric="kills"),
        of("MIN", 0, "lte", metric="kills"),
        of("LATEST", 3, "eq", metric="kills"),
    ],
)
def test_a_threshold_that_can_never_be_met_is_refused(requirement: Json) -> None:
    assert refused(achievement("a", requirement, match="ANY")) == {("requirements[0].threshold", "never_met")}


@pytest.mark.parametrize(
    "requirement",
    [
        of("COUNT", 2.5),
        of("COUNT", 3, "eq"),
        of("SUM", -10, "lte"),
        of("SUM", 2.5, "eq"),
        of("MAX", -5, "lt"),
        of("MAX", 1, metric="kills"),
        of("MAX", 50, metric="told"),
        of("MIN", 1, "lte", metric="kills"),
        of("LATEST", 0, "eq"),
        of("COUNT", 3, timeframe=DAY),
        of("MAX", 3, "gt", timeframe=DAY),
    ],
)
def test_a_threshold_that_can_be_met_is_published(requirement: Json) -> None:
    assert refused(achievement("a", requirement)) == set()


def test_distinct_needs_a_member_field() -> None:
    found = refused(achievement("a", of("DISTINCT", 2, metric="kills")))
    assert found == {("requirements[0].metric", "no_member_field")}


@pytest.mark.parametrize(
    "requirement",
    [
        of("STREAK", 3, timeframe=DAY),
        of("MIN", 3, "gte", timeframe=DAY),
        of("LATEST", 3, timeframe=DAY),
        of("COUNT", 3, "eq", timeframe=DAY),
        of("COUNT", 3, "lt", timeframe=DAY),
    ],
)
def test_a_time_frame_where_it_has_no_meaning_is_refused(requirement: Json) -> None:
    found = refused(achievement("a", requirement, count()))
    assert found == {("requirements[0].timeframe", "timeframe_not_allowed")}


@pytest.mark.parametrize(
    ("requirements", "match"),
    [
        ([of("COUNT", 0)], "ALL"),
        ([of("COUNT", 5, "lte")], "ALL"),
        ([of("COUNT", 0, "eq")], "ALL"),
        ([of("SUM", 10, "lt")], "ALL"),
        ([of("SUM", -1, "gt")], "ALL"),
        ([of("DISTINCT", 3, "lt")], "ALL"),
        ([of("STREAK", 0)], "ALL"),
        ([of("COUNT", 5, "lte"), of("SUM", 5, "lte")], "ALL"),
        ([of("COUNT", 10), of("COUNT", 5, "lte")], "ANY"),
        ([of("COUNT", 10), of("COUNT", 5, "lte"), of("SUM", 1, "lt")], {"at_least": 2}),
    ],
)
def test_what_every_player_would_have_before_playing_is_refused(requirements: list[Json], match: Any) -> None:
    found = refused(achievement("a", *requirements, match=match))
    assert found == {("requirements", "met_before_playing")}


@pytest.mark.parametrize(
    ("requirements", "match"),
    [
        ([of("COUNT", 10), of("SUM", 5, "lte")], "ALL"),
        ([of("MIN", 5, "lte")], "ALL"),
        ([of("MAX", 5, "lt")], "ANY"),
        ([of("COUNT", 10), of("COUNT", 5, "lte"), of("SUM", 1, "gte")], {"at_least": 2}),
    ],
)
def test_what_playing_has_to_meet_is_published(requirements: list[Json], match: Any) -> None:
    assert refused(achievement("a", *requirements, match=match)) == set()


def test_nothing_to_do_is_allowed_only_after_something_else() -> None:
    assert refused({"id": "a", "title": "A"}) == {("requirements", "no_requirements")}
    client = designer()
    send(client, "achievements", achievement("first"))
    send(client, "achievements", {"id": "then", "title": "Then", "prerequisites": ["first"]})


def test_more_requirements_than_there_are_is_refused() -> None:
    assert refused(achievement("a", match={"at_least": 2})) == {("match", "never_met")}


@pytest.mark.parametrize(
    ("fields", "path", "code"),
    [
        ({"requirements": [count("deaths")]}, "requirements[0].metric", "unknown_metric"),
        ({"requirements": needs("nobody")}, "requirements[0].target", "unknown_target"),
        ({"requirements": [{"type": "QUEST", "target": "q"}]}, "requirements[0].target", "unknown_target"),
        (
            {"requirements": [count(), LEVEL_3]},
            "requirements[1].type",
            "level_not_allowed",
        ),
        ({"rewards": ["coins"]}, "rewards[0]", "unknown_reward"),
        ({"prerequisites": ["nobody"]}, "prerequisites[0]", "unknown_prerequisite"),
        ({"prerequisites": ["a"]}, "prerequisites[0]", "cycle"),
        ({"requirements": needs("a")}, "requirements[0].target", "cycle"),
        ({"starts_at": "2026-01-02T00:00:00Z", "ends_at": "2026-01-02T00:00:00Z"}, "ends_at", "ends_before_it_starts"),
        ({"requirements": [of("MAX", 5)], "repeat": "ALWAYS"}, "repeat", "repeat_needs_a_count"),
        ({"requirements": [of("STREAK", 2)], "repeat": "DAILY"}, "requirements[0].threshold", "never_met"),
        ({"requirements": [of("STREAK", 15)], "repeat": "WEEKLY"}, "requirements[0].threshold", "never_met"),
    ],
)
def test_what_else_cannot_work_is_refused(fields: Json, path: str, code: str) -> None:
    assert refused(achievement("a", **{"requirements": [count()], **fields})) == {(path, code)}


def test_a_circle_of_achievements_is_refused() -> None:
    client = designer()
    send(client, "metrics", metric())
    send(client, "achievements", achievement("a"), achievement("b", prerequisites=["a"]))
    send(client, "achievements", achievement("c", *needs("b")))
    response = client.patch(f"{API}/achievements/a", {"prerequisites": ["c"]})
    assert ("prerequisites[0]", "cycle") in errors(response)
    assert "a → c → b → a" in response.json()["detail"]
    assert client.get(f"{API}/achievements/a").json()["prerequisites"] == []


def test_what_a_metric_counts_never_changes_once_published() -> None:
    client = designer()
    send(client, "metrics", metric(conditions=[{"field": "weapon", "op": "eq", "value": "bow"}]))
    for name, value in (
        ("event_type", "enemy.hit"),
        ("value_field", "damage"),
        ("member_field", "weapon"),
        ("conditions", []),
    ):
        response = client.patch(f"{API}/metrics/kills", {name: value})
        assert errors(response) == {(name, "metric_is_fixed")}
    assert client.patch(f"{API}/metrics/kills", {"name": "Bow kills", "unit": "foes"}).json()["version"] == 2
    assert client.post(f"{API}/metrics", metric("hits", draft=True)).status_code == 201
    assert client.patch(f"{API}/metrics/hits", {"event_type": "enemy.hit"}).status_code == 200


@pytest.mark.parametrize(
    ("body", "path", "code"),
    [
        ({"type": "CURRENCY", "value": 5}, "currency", "required"),
        ({"type": "ITEM"}, "items", "required"),
        ({"type": "RANDOM"}, "table", "required"),
        ({"type": "XP", "value": 5, "currency": "gold"}, "currency", "not_allowed"),
        ({"type": "POINTS", "items": [{"id": "hat"}]}, "items", "not_allowed"),
        ({"type": "BADGE", "table": [{"reward": "ten-coins"}]}, "table", "not_allowed"),
        ({"type": "TITLE", "value": 3}, "value", "not_allowed"),
        ({"type": "RANDOM", "table": [{"reward": "ten-coins", "weight": 0}]}, "table", "no_weight"),
        ({"type": "RANDOM", "table": [{"reward": "nothing"}]}, "table[0].reward", "unknown_reward"),
        ({"type": "RANDOM", "table": [{"reward": "chest"}]}, "table[0].reward", "nested_random"),
    ],
)
def test_a_reward_that_could_not_be_given_is_refused(body: Json, path: str, code: str) -> None:
    client = designer()
    send(client, "rewards", coins(), {"id": "chest", "type": "RANDOM", "table": [{"reward": "ten-coins"}]})
    response = client.post(f"{API}/rewards", {"id": "new", **body})
    assert errors(response) == {(path, code)}
    assert client.get(f"{API}/rewards/new").status_code == 404


def test_the_xp_of_levels_rises() -> None:
    client = designer()
    send(client, "levels", {"level": 1, "xp": 0}, {"level": 3, "xp": 300})
    assert errors(client.post(f"{API}/levels", {"level": 4, "xp": 300})) == {("xp", "xp_not_rising")}
    assert errors(client.post(f"{API}/levels", {"level": 2, "xp": 300})) == {("levels[3].xp", "xp_not_rising")}
    unknown = client.post(f"{API}/levels", {"level": 2, "xp": 5, "rewards": ["x"]})
    assert errors(unknown) == {("rewards[0]", "unknown_reward")}
    send(client, "levels", {"level": 2, "xp": 299})


def test_every_problem_is_named_at_once() -> None:
    found = refused(achievement("a", count("deaths"), of("COUNT", 2.5, "eq"), rewards=["x"], prerequisites=["y"]))
    assert found == {
        ("requirements[0].metric", "unknown_metric"),
        ("requirements[1].threshold", "never_met"),
        ("rewards[0]", "unknown_reward"),
        ("prerequisites[0]", "unknown_prerequisite"),
    }
