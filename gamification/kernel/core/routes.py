"""Which route a request has come to, as whoever answers it notes for whoever counts it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

NOWHERE = "none"
"""Of a request that was answered before any route was found, or for want of one."""
CONSOLE = "/admin"
"""All pages of the console count as one: there are hundreds, and people use them, not players."""

_CONVERTER = re.compile(r"<\w+:")


def note(scope: Mapping[str, Any], pattern: str) -> None:
    """`pattern` as Django has it: `api/v1/players/<str:player_id>`."""
    state = scope.get("state")
    if state is not None:
        state["route"] = _shown(pattern)


def note_again(scope: Mapping[str, Any], route: str) -> None:
    """The route of an earlier request that was the same, as `of` told it."""
    scope.get("state", {})["route"] = route


def of(scope: Mapping[str, Any]) -> str:
    return str(scope.get("state", {}).get("route", NOWHERE))


@lru_cache(maxsize=1024)
def _shown(pattern: str) -> str:
    return CONSOLE if pattern.startswith("admin/") else "/" + _CONVERTER.sub("<", pattern)
