"""A hub of the test's own, and the game that its players play."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from gamification.feed.hub import Hub
from tests.support.sockets import a_game, a_hub, apart


@pytest.fixture
async def here() -> AsyncIterator[Hub]:
    await apart(a_game)
    async with a_hub() as here:
        yield here
