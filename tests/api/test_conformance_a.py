"""Promises of the contract, seen from outside: content, counting, achievements, and what is said about them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from rest_framework.test import APIClient

from gamification import backfilling
from gamification.kernel.core.encoding import instant
from gamification.kernel.models import OutboxFact
from tests.support.callers import assert_problem, game_server

pytestmark = pytest.mark.django_db
API = "/api/v1"
T0 = datetime(2026, 5, 6, 12, 0, tzinfo=UTC)
"""A Wednesday."""
DAY = 86400
Json = dict[str, Any]


@pytest.fixture
def server() -> APIClient:
    return game_server()


def at(seconds: float) -> str:
    return (T0 + timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")


def create(server: APIClient, plural: str, **body: Any) -> Json:
    response = server.post(f"{API}/{plural}", body, format="json")
    assert response.status_code == 201, response.content
    return response.json()  # type: ignore[no-any-return]


def change(server: APIClient, achievement: str, **fields: Any) -> Json:
    response = server.patch(f"{API}/achievements/{achievement}", fields, format="json")
    assert response.status_code == 200, response.content
    fill()
    return response.json()  # type: ignore[no-any-return]


def fill() -> None:
    """Count players' pasts for what was published, as the clock does."""
    backfilling.run_pending(datetime.now(UTC))


def metric(server: APIClient, id_: str = "kills", **fields: Any) -> None:
    create(server, "metrics", id=id_, event_type=f"did.{id_}", **fields)


def need(type_: str, threshold: float, operator: str = "gte", metric: str = "kills", **fields: Any) -> Json:
    return {"type": type_, "metric": metric, "operator": operator, "threshold": threshold, **fields}


def achievement(server: APIClient, id_: str, *requirements: Json, **fields: Any) -> Json:
    return create(server, "achievements", id=id_, title=id_.title(), requirements=list(requirements), **fields)


def play(server: APIClient, *times: float, player: str = "ann", metric: str = "kills", **data: Any) -> Json:
    """One event at each of these seconds after T0, in one batch."""
    events = [
        {"id": f"{metric}@{t}", "player_id": player, "type": f"did.{metric}", "data": data, "timestamp": at(t)}
        for t in times
    ]
    answer: Json = server.post(f"{API}/events", {"events": events}, format="json").json()
    assert answer["rejected"] == []
    return answer


def progress(server: APIClient, achievement: str, player: str = "ann") -> Json:
    read = server.get(f"{API}/achievements/{achievement}/progress", {"player_id": player})
    assert read.status_code == 200, read.content
    return read.json()  # type: ignore[no-any-return]


def completions(server: APIClient, achievement: str, player: str = "ann") -> list[str]:
    """When it was completed, each time, as the facts say, in the order they were stated."""
    facts = OutboxFact.objects.filter(type="achievement.completed", player_id=player).order_by("pk")
    return [instant(fact.timestamp) for fact in facts if fact.data["id"] == achievement]


# -- content -----------------------------------------------------------------------------------------------------------


def test_publishing_answers_with_the_contents_own_backfill_mode_and_with_the_backfills_id(server: APIClient) -> None:
    metric(server)
    made = achievement(server, "one", need("COUNT", 1), backfill="SILENT")
    assert made["backfill"] == "SILENT"
    assert server.get(f"{API}/backfills/{made['backfill_id']}").status_code == 200


def test_content_is_found_by_text(server: APIClient) -> None:
    metric(server)
    achievement(server, "one", need("COUNT", 1), description="Slay a wolf")
    achievement(server, "two", need("COUNT", 2))
    for text, expected in (("WOLF", ["one"]), ("two", ["two"]), ("nothing such", [])):
        found = server.get(f"{API}/achievements", {"text": text}).json()["results"]
        assert [row["id"] for row in found] == expected


def test_true_is_not_1_to_designers_either(server: APIClient) -> None:
    condition = {"field": "boss", "op": "eq", "value": 1}
    metric(server, conditions=[condition])
    path = f"{API}/metrics/kills"
    assert server.patch(path, {"conditions": [condition | {"value": 1.0}]}, format="json").status_code == 200
    refused = server.patch(path, {"conditions": [condition | {"value": True}]}, format="json")
    assert_problem(refused, 400, "unpublishable", "conditions")
    achievement(server, "one", need("COUNT", 1), metadata={"x": 1})
    assert change(server, "one", metadata={"x": True})["version"] == 2
    assert server.get(f"{API}/achievements/one").json()["metadata"]["x"] is True


@pytest.mark.parametrize(
    ("high", "low", "match", "status"),
    [
        (("COUNT", 10, "gte"), ("COUNT", 5, "lt"), "ALL", 400),
        (("COUNT", 4, "gt"), ("COUNT", 5, "lt"), "ALL", 400),
        (("MAX", 10, "eq"), ("MAX", 10, "lt"), "ALL", 400),
        (("COUNT", 10, "gte"), ("COUNT", 11, "lt"), "ALL", 201),
        (("COUNT", 10, "gte"), ("SUM", 5, "lt"), "ALL", 201),
        (("SUM", 10, "gte"), ("SUM", 5, "lt"), "ALL", 201),  # what was reached stays so, and sums may fall
        (("MIN", 10, "gte"), ("MIN", 5, "lt"), "ALL", 201),
        (("COUNT", 10, "gte"), ("LATEST", 5, "lt"), {"at_least": 2}, 201),
        (("MAX", 10, "gte"), ("MAX", 5, "lt"), "ANY", 201),
    ],
)
def test_what_would_have_to_be_high_and_low_at_once_can_never_be_met(
    server: APIClient, high: Any, low: Any, match: Any, status: int
) -> None:
    metric(server, value_field="n")
    body = {"id": "one", "title": "One", "requirements": [need(*high), need(*low)], "match": match}
    response = server.post(f"{API}/achievements", body, format="json")
    assert response.status_code == status, response.content
    if status == 400:
        assert_problem(response, 400, "unpublishable", "requirements[1].threshold")


# -- counting ----------------------------------------------------------------------------------------------------------


def test_an_integer_beyond_a_double_cannot_be_reported(server: APIClient) -> None:
    metric(server)
    achievement(server, "one", need("SUM", 1))
    for value in (2**53 + 1, -(2**53) - 1, 10**300):
        said = {"player_id": "ann", "metrics": {"kills": value}}
        refused = server.post(f"{API}/achievements/one/progress", said, format="json")
        assert_problem(refused, 400, "invalid", "metrics.kills")
    assert server.get(f"{API}/players/ann/metrics").json()["results"] == []


def test_the_zone_a_player_comes_with_is_theirs_from_the_start(server: APIClient) -> None:
    metric(server)
    achievement(server, "daily", need("COUNT", 1), repeat="DAILY")
    server.patch(f"{API}/players/ann", {"display_name": "Ann"}, format="json")
    server.patch(f"{API}/players/ann", {"timezone": "America/New_York"}, format="json")
    answer = play(server, 8 * 3600, 15 * 3600, 17 * 3600)  # 16:00, 23:00 and 01:00 there
    facts = [fact for fact in answer["results"]["ann"]["facts"] if fact["type"] == "achievement.completed"]
    assert [fact["data"]["occurrence"] for fact in facts] == ["2026-05-06T04:00:00Z", "2026-05-07T04:00:00Z"]


def test_once_something_happened_another_zone_waits_for_the_end_of_the_period(server: APIClient) -> None:
    metric(server)
    achievement(server, "daily", need("COUNT", 1), repeat="DAILY")
    play(server, 0)
    server.patch(f"{API}/players/ann", {"timezone": "Pacific/Kiritimati"}, format="json")
    play(server, 60, -DAY)
    assert completions(server, "daily") == [at(0), at(-DAY)]


# -- achievements ------------------------------------------------------------------------------------------------------


def test_enabling_one_that_repeats_always_counts_its_runs_and_leaves_the_rest_to_the_open_one(
    server: APIClient,
) -> None:
    metric(server, member_field="zone")
    achievement(server, "twice", need("COUNT", 2), repeat="ALWAYS", is_enabled=False)
    achievement(server, "places", need("DISTINCT", 2), repeat="ALWAYS", is_enabled=False)
    achievement(server, "sum", need("SUM", 2), need("COUNT", 2), repeat="ALWAYS", is_enabled=False)
    for t in range(5):
        play(server, t, zone=str(t))
    for id_ in ("twice", "places", "sum"):
        change(server, id_, is_enabled=True)
        read = progress(server, id_)
        assert (read["completions"], read["metrics"], read["progress"]) == (2, {"kills": 1}, 0.5)
    play(server, 5, zone="0")
    play(server, 6, zone="6")
    for id_ in ("twice", "places", "sum"):
        assert completions(server, id_) == [at(1), at(3), at(5)]


def test_enabling_one_that_repeats_always_looks_at_what_came_late_to_its_open_run(server: APIClient) -> None:
    metric(server)
    achievement(server, "twice", need("COUNT", 2), repeat="ALWAYS")
    play(server, 10, 11)
    change(server, "twice", is_enabled=False)
    play(server, 1, 2)
    change(server, "twice", is_enabled=True)
    assert completions(server, "twice") == [at(11), at(11)]
    play(server, 12, 13)
    assert completions(server, "twice") == [at(11), at(11), at(13)]
    assert [entry["progress"] for entry in progress(server, "twice")["history"]].count(1) == 4


def test_a_run_that_is_counted_anew_begins_after_the_event_that_completed_the_last(server: APIClient) -> None:
    metric(server, value_field="n")
    create(server, "metrics", id="big", event_type="did.kills", conditions=[{"field": "n", "op": "gte", "value": 5}])
    achievement(server, "twice", need("COUNT", 2), repeat="ALWAYS")
    play(server, 0, 1, n=7)
    change(server, "twice", requirements=[need("COUNT", 2), need("COUNT", 2, metric="big")])
    assert [row["value"] for row in progress(server, "twice")["requirements"]] == [0, 0]
    play(server, 2, n=7)
    play(server, 3, n=1)
    assert completions(server, "twice") == [at(1)]
    play(server, 4, n=7)
    assert completions(server, "twice") == [at(1), at(4)]


@pytest.mark.parametrize("repeat", ["DAILY", "ALWAYS"])
def test_what_once_repeated_stays_completed_when_it_does_no_more(server: APIClient, repeat: str) -> None:
    metric(server)
    achievement(server, "one", need("COUNT", 1), repeat=repeat)
    play(server, 0, DAY)
    change(server, "one", repeat="NEVER")
    read = progress(server, "one")
    assert (read["is_completed"], read["completed_at"], read["progress"]) == (True, at(DAY), 1)
    play(server, 2 * DAY)
    assert completions(server, "one") == [at(0), at(DAY)]
