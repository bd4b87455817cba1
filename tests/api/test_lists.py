"""What lists may be asked for, and that none of it makes the database look at a whole table of players' rows."""

from __future__ import annotations

import re
from itertools import combinations
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from tests.support import game
from tests.support.callers import assert_problem
from tests.support.routes import FILTERS, calls

pytestmark = pytest.mark.django_db

API = game.API
PLAYERS_OWN = [
    model._meta.db_table for model in game.tables() if any(f.name == "player_id" for f in model._meta.concrete_fields)
]
VALUES = {
    "player_id": ["ann"],
    "state": ["HELD", "RELEASED", "PENDING", "CLAIMED", "EXPIRED", "REVOKED", "COMPLETED", "IN_PROGRESS"],
    "reward": ["coins"],
    "source": ["ACHIEVEMENT", "GRANT"],
    "code": ["id_reused"],
    "rule": ["no-giants"],
    "after": ["1"],
    "share": ["0"],
}


def rows(server: APIClient, path: str) -> list[dict[str, Any]]:
    response = server.get(f"{API}/{path}")
    assert response.status_code == 200, response.content
    found: list[dict[str, Any]] = response.json()["results"]
    return found


def test_rejected_events_are_found_by_player_and_code(server: APIClient) -> None:
    assert {row["player_id"] for row in rows(server, "events/rejected")} == {"ann", "bob"}
    assert [row["player_id"] for row in rows(server, "events/rejected?player_id=ann")] == ["ann"]
    assert {row["code"] for row in rows(server, "events/rejected?code=id_reused")} == {"id_reused"}
    assert rows(server, "events/rejected?code=too_old") == []


def test_held_events_are_found_by_player_rule_and_state(server: APIClient) -> None:
    assert [row["player_id"] for row in rows(server, "held?player_id=bob")] == ["bob"]
    assert {row["rule"] for row in rows(server, "held?rule=no-giants")} == {"no-giants"}
    assert rows(server, "held?rule=another") == []
    [held] = rows(server, "held?player_id=ann")
    with transaction.atomic():
        assert server.post(f"{API}/held/{held['id']}/dismiss").status_code == 200
        assert rows(server, "held?player_id=ann") == []
        assert [row["id"] for row in rows(server, "held?player_id=ann&state=DISMISSED")] == [held["id"]]
        transaction.set_rollback(True)
    assert_problem(server.get(f"{API}/held?state=FLAGGED"), 400, "invalid", "state")


def test_distributions_are_filtered_by_state_and_status_means_nothing(server: APIClient) -> None:
    assert {row["status"] for row in rows(server, "distributions?state=PENDING")} == {"PENDING"}
    assert_problem(server.get(f"{API}/distributions?status=PENDING"), 400, "unknown_parameter", "status")


def test_content_is_filtered_by_state(server: APIClient) -> None:
    with transaction.atomic():
        server.patch(f"{API}/achievements/hunter", {"title": "The hunter", "draft": True})
        server.delete(f"{API}/achievements/walker")
        for state, id_ in (("DRAFT", "plan"), ("PUBLISHED", "s-1"), ("CHANGED", "hunter"), ("RETIRED", "walker")):
            assert [row["id"] for row in rows(server, f"achievements?state={state}")] == [id_]
        transaction.set_rollback(True)
    assert_problem(server.get(f"{API}/achievements?state=published"), 400, "invalid", "state")


def lists() -> list[str]:
    """Every list of players' rows, asked for each thing that it can be asked for, and by pairs of them."""
    found = []
    for call in calls():
        if call.is_list and call.scope == "players:read":
            path = call.path(player_id="ann").removeprefix(f"{API}/")
            asked = [[f"{name}={value}" for value in VALUES[name]] for name in FILTERS.get(call.route, [])]
            one = [query for queries in asked for query in queries]
            two = [f"{a}&{b}" for first, second in combinations(asked, 2) for a in first for b in second]
            found += [path, *(f"{path}?{query}" for query in one + two)]
    return found


def test_no_list_scans_or_sorts_a_players_table_whole(server: APIClient) -> None:
    wrong = []
    for path in lists():
        with CaptureQueriesContext(
            connection,
        ) as captured:
            if server.get(f"{API}/{path}").status_code != 200:
                continue  # a state of another list's
        for query in captured.captured_queries:
            sql = query["sql"]
            if sql.startswith("SELECT") and any(f'FROM "{table}"' in sql for table in PLAYERS_OWN):
                wrong += [f"{path}: {flaw} in {sql.partition(' FROM ')[2]}" for flaw in flaws(sql)]
    assert not wrong, "\n".join(wrong)


def flaws(sql: str) -> list[str]:
    """Whole tables read, and rows of more than one player sorted. Tables this small would always be read whole on
    PostgreSQL, so that is made dear. What is over and not swept yet stands among the pending: two ranges of an index,
    whose rows alone are sorted."""
    may_sort = bool(re.search(r"\"player_id\" (= |IN )", sql)) or " OR " in sql
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_sort = off")
            cursor.execute(f"EXPLAIN {sql}")
            plan = [row[0].strip().removeprefix("->  ") for row in cursor.fetchall()]
            cursor.execute("SET LOCAL enable_seqscan = on; SET LOCAL enable_sort = on")
            found, sorts = [line for line in plan if line.startswith("Seq Scan")], "Sort"
        else:
            cursor.execute(f"EXPLAIN QUERY PLAN {sql}")
            plan = [row[3] for row in cursor.fetchall()]
            scans = {f"SCAN {table}" for table in PLAYERS_OWN if " WHERE " in sql}  # else it reads on by key
            found, sorts = [line for line in plan if line in scans], "USE TEMP B-TREE FOR ORDER BY"
    return found if may_sort else found + [line for line in plan if line.startswith(sorts)]
