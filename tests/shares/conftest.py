"""Every test in this folder runs with SHARES > 1 only, and finds all shares empty."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import connection

from tests.support import sharing


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.shares)


@pytest.fixture(autouse=True)
def empty_shares(transactional_db: None) -> Iterator[None]:
    yield
    if connection.vendor == "postgresql":
        sharing.empty()
