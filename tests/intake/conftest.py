"""A worker's loop, and something that its events count for."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.content import metric, publish
from tests.support.receiving import Loop


@pytest.fixture
def loop(exchange: str) -> Iterator[Loop]:
    loop = Loop()
    yield loop
    loop.connection.close()


@pytest.fixture
def kills(exchange: str) -> None:
    publish(metric("kills"))
