"""A clock that stands still, and the quest that the tests of routes and lists are about."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import time_machine
from rest_framework.test import APIClient

from tests.support.callers import game_server
from tests.support.content import NOON, metric, publish, quest, reward, step
from tests.support.quest_acting import KILLS


@pytest.fixture
def clock() -> Iterator[Any]:
    with time_machine.travel(NOON, tick=False) as clock:
        yield clock


@pytest.fixture
def hunt() -> APIClient:
    """A quest of two steps, the second for the player to complete; a game server's client."""
    publish(
        metric("kills"),
        reward("coin"),
        reward("chest", value=50),
        quest(
            "hunt",
            step("kill", KILLS, rewards=["coin"]),
            step("tell", order=2, completed_by="PLAYER"),
            rewards=["chest"],
            time_limit=3600,
        ),
    )
    return game_server()
