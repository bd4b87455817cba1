"""What the routes answer, by the contract: shapes, days, groups, refusals."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from gamification.analytics import following
from tests.support import figures, game
from tests.support.callers import assert_problem, game_server
from tests.support.game import event, send

pytestmark = pytest.mark.django_db
API = "/api/v1/analytics"


@pytest.fixture
def analyst() -> APIClient:
    game.make()
    following.follow(timezone.now())
    return game_server("analytics:read")


def rows(client: APIClient, path: str) -> Any:
    answer = client.get(f"{API}/{path}")
    assert answer.status_code == 200, answer.content
    assert {"as_of", "complete_until", "rows"} <= answer.json().keys()
    assert answer.json()["as_of"] >= answer.json()["complete_until"]
    return answer.json()["rows"]


def test_the_summary_is_that_of_what_is_kept(analyst: APIClient) -> None:
    slowly = figures.obvious()
    found = rows(analyst, "summary")
    assert len(found) == 28
    for row in found:
        for name in ("active", "new", "events", "completions", "quests_completed", "claims"):
            expected = sum(n for (kind, _, day, measure), n in slowly.items()
                           if (kind, measure, day.isoformat()) == ("game", name, row["day"]))  # fmt: skip
            assert row[name] == expected, (row, name)
    assert sum(row["events"] for row in found) > 0
    assert sum(row["events"] for row in rows(analyst, "summary?group_by=month")) == sum(row["events"] for row in found)


def test_each_answer_has_the_shape_of_the_contract(analyst: APIClient) -> None:
    [cohort] = rows(analyst, "retention")
    assert (cohort["players"], len(cohort["returned"]), cohort["returned"][0]) == (2, 64, 2)
    assert cohort["returned"][63] is None
    content = analyst.get(f"{API}/content/achievement/hunter").json()
    ways = ["begun", "quarter", "half", "three_quarters", "completed", "failed", "expired", "claims"]
    assert list(content["rows"][0]) == ["day", *ways]
    totals = content["totals"]
    assert list(totals) == [*ways, "players", "seconds", "played", "retention_lift", "pays"]
    assert (totals["begun"], totals["completed"]) == (2, 2)
    assert list(totals["seconds"]) == ["p10", "p50", "p90"]
    assert totals["pays"]["gold"] >= 100
    last = rows(analyst, "economy/gold")[-1]
    assert last["balance"] == sum(last["in"].values()) > 0
    assert rows(analyst, "economy/nothing")[-1] == {"day": last["day"], "in": {}, "out": {}, "balance": 0}
    assert {"version": 1, "step": "hunt", "reached": 2, "completed": 0} in rows(analyst, "funnel/trail")
    assert {"kind": "metric", "id": "spare", "why": "no_samples"} in rows(analyst, "unused")
    quality = rows(analyst, "quality")
    assert sum(row["held"] for row in quality) == 2
    assert sum(row["rejected"].get("id_reused", 0) for row in quality) == 2
    assert list(quality[0]) == ["day", "type", "rejected", "held", "valueless", "late"]


@pytest.mark.parametrize(
    ("query", "path"),
    [
        ("from=yesterday", "from"), ("to=2026-13-01", "to"), ("from=2026-02-01&to=2026-01-01", "from"),
        ("from=2025-01-01&to=2026-03-01", "from"), ("group_by=year", "group_by"), ("from=0001-01-01", "from"),
        ("to=20260101", "to"),
    ],
)  # fmt: skip
def test_days_that_make_no_sense_are_refused(analyst: APIClient, query: str, path: str) -> None:
    assert_problem(analyst.get(f"{API}/summary?{query}"), 400, "invalid", path)


def test_a_span_may_be_chosen(analyst: APIClient) -> None:
    today = timezone.now().date()
    assert len(rows(analyst, f"summary?from={today - timedelta(days=399)}&to={today}")) == 400
    assert [row["day"] for row in rows(analyst, "summary?from=2026-03-01&to=2026-03-02")] == [
        "2026-03-01",
        "2026-03-02",
    ]
    assert rows(analyst, "summary?from=2026-03-04&to=2026-03-04&group_by=week")[0]["day"] == "2026-03-02"
    assert_problem(analyst.get(f"{API}/content/achievement/nothing"), 404, "not_found")
    assert_problem(analyst.get(f"{API}/content/pool/daily"), 404, "not_found")
    assert_problem(analyst.get(f"{API}/funnel/nothing"), 404, "not_found")


def test_what_nobody_uses_is_named_with_its_reason() -> None:
    server = game_server()
    send(server, "metrics", {"id": "kills", "event_type": "enemy.killed"})
    send(server, "metrics", {"id": "spare", "event_type": "nothing"})
    for id_, value in (("coins", "AUTO"), ("chest", "MANUAL")):
        send(server, "rewards", {"id": id_, "type": "POINTS", "value": 5, "claim": value})
    for id_, threshold in (("done", 2), ("begun", 5), ("far", 100)):
        hunting = {"type": "COUNT", "metric": "kills", "operator": "gte", "threshold": threshold}
        body = {"id": id_, "title": id_, "requirements": [hunting], "rewards": ["coins", "chest"]}
        send(server, "achievements", body)
    sent = [
        event("k1", "ann", "enemy.killed", {}),
        event("k2", "ann", "enemy.killed", {}),
        event("s", "ann", "sung", {}),
    ]
    assert server.post("/api/v1/events", {"events": sent}).status_code == 200
    following.follow(timezone.now())
    assert [(row["kind"], row["id"], row["why"]) for row in rows(game_server("analytics:read"), "unused")] == [
        ("achievement", "begun", "never_completed"),
        ("achievement", "far", "nobody_is_near"),
        ("event_type", "sung", "not_listened_to"),
        ("metric", "spare", "no_samples"),
        ("reward", "chest", "never_claimed"),
    ]


def test_those_who_completed_something_early_are_held_against_the_others() -> None:
    """All three who did so in their first week came back, and three of the four others; one is too new to be asked."""
    today = timezone.now().date()
    send(server := game_server(), "metrics", {"id": "kills", "event_type": "enemy.killed"})
    hunting = {"type": "COUNT", "metric": "kills", "operator": "gte", "threshold": 1}
    send(server, "achievements", {"id": "hunter", "title": "Hunter", "requirements": [hunting]})
    plays = {
        **{f"early{n}": [(30, "enemy.killed"), (30 - 7 - n, "walked")] for n in range(3)},
        **{f"other{n}": [(30, "walked"), *([(17, "walked")] if n < 2 else [])] for n in range(3)},
        "slow": [(40, "walked"), (33, "enemy.killed")],
        "new": [(5, "enemy.killed")],
    }
    for player, acts in plays.items():
        sent = [event(f"e{n}", player, type_, {}, ago=86_400 * days) for n, (days, type_) in enumerate(acts)]
        assert server.post("/api/v1/events", {"events": sent}).status_code == 200
    following.follow(timezone.now())
    asked = f"{API}/content/achievement/hunter?from={today - timedelta(days=60)}&to={today}"
    totals = game_server("analytics:read").get(asked).json()["totals"]
    assert (totals["players"], totals["completed"]) == (5, 5)
    assert totals["retention_lift"] == 1.333  # 3 of 3 beside 3 of 4: "slow" came back too, to complete it too late
    late = game_server("analytics:read").get(f"{API}/content/achievement/hunter?from={today - timedelta(days=13)}")
    assert late.json()["totals"]["retention_lift"] is None
