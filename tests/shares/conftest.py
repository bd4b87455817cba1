"""Every test in this folder runs with SHARES > 1 only, and finds all shares empty."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import connection
from pytest_django import DjangoDbBlocker

from tests.support import citus, sharing


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.shares)


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """With a cluster, the shares are on its nodes before the first test."""
    if not os.environ.get("CITUS_HOST"):
        yield
        return
    with django_db_blocker.unblock():
        citus.make()
    yield
    with django_db_blocker.unblock():
        citus.remove()


@pytest.fixture(autouse=True)
def empty_shares(transactional_db: None) -> Iterator[None]:
    yield
    if connection.vendor == "postgresql":
        sharing.empty()
