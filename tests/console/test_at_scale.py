"""With 10,000 players no page of the console asks too much of the database.

`benchmarks/console_pages.py` does the same with 200,000 players and 5 million events, and takes the time.
"""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests.support import console_pages, crowd, plans

pytestmark = [pytest.mark.django_db, pytest.mark.postgres]

PLAYERS = 10_000
MOST_QUERIES = 25
STILL_MORE: dict[str, int] = {}
"""Editors that still ask more, of tables of content alone: they may come down, not go up."""


def test_every_page_of_the_console_has_a_row() -> None:
    assert console_pages.unknown() == set()


def test_no_page_reads_a_table_of_players_whole_or_asks_more_than_25_times(client: Client) -> None:
    crowd.content()
    crowd.fill(PLAYERS, events=5)
    player = crowd.name(PLAYERS // 2)
    large = plans.sizes(model._meta.db_table for model in crowd.owned())
    assert len(large) > 15
    client.force_login(User.objects.create_superuser("root"))
    client.raise_request_exception = False
    wrong: list[str] = []
    for path in [*console_pages.own_pages(player), *console_pages.of_screens(client, player)]:
        with CaptureQueriesContext(connection) as captured:
            answer = client.get(path)
        queries = [query["sql"] for query in captured.captured_queries if not query["sql"].startswith(("SAVE", "REL"))]
        if answer.status_code not in (200, 302):
            wrong.append(f"{path}: {answer.status_code}")
        if len(queries) > STILL_MORE.get(path, MOST_QUERIES):
            wrong.append(f"{path}: {len(queries)} queries")
        for sql in dict.fromkeys(queries):
            wrong += [f"{path}: {told}\n    {sql[:300]}" for told in plans.read_whole(sql, large)]
    assert not wrong, "\n".join(wrong)
