"""The game that tests of the whole API are played on, and what watches that a refusal changes nothing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from rest_framework.test import APIClient

from tests.support import game
from tests.support.watching import Watcher


@pytest.fixture
def server(db: None, caplog: pytest.LogCaptureFixture) -> Iterator[APIClient]:
    """A game server that may do everything; at the end, nothing has changed and nothing went wrong within."""
    client = game.make()
    client.raise_request_exception = False
    before = game.contents()
    caplog.clear()
    yield client
    assert game.contents() == before
    assert [record.getMessage() for record in caplog.records if record.levelname in ("ERROR", "CRITICAL")] == []


@pytest.fixture
def watch(server: APIClient) -> Iterator[Watcher]:
    found = Watcher()
    yield found
    if found.wrong:
        pytest.fail("\n".join([f"{len(found.wrong)} wrong", *found.wrong[:50]]), pytrace=False)
