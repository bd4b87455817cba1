"""The shapes that our clients were made of are those of the service."""

from __future__ import annotations

import runpy
from typing import Any

import pytest
from django.conf import settings

CLIENTS = settings.BASE_DIR / "clients"


@pytest.fixture(scope="module")
def made() -> dict[str, Any]:
    return runpy.run_path(str(CLIENTS / "generate.py"))


def test_what_they_know_of_the_schema_is_so(made: dict[str, Any]) -> None:
    """After a change of shapes: `make clients`."""
    shapes = made["of_games"](made["live_schema"]())
    assert made["written"](shapes) == (CLIENTS / "schema.json").read_text()
