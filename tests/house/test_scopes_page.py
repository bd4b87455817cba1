"""docs/scopes.md says of every route which scope it takes and whether a player's token opens it.

`WRITE_SCOPES=1 pytest tests/house/test_scopes_page.py` writes the table anew. Read what changed before you commit it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.urls import URLPattern, URLResolver

from gamification.kernel.web.access import AllOf, scopes_of
from gamification.urls import api

PAGE = Path(__file__).parents[2] / "docs/scopes.md"
HEAD = "| route | method | scope | players |\n|---|---|---|---|\n"
METHODS = ("GET", "POST", "PATCH", "PUT", "DELETE")


def routes(patterns: list[URLPattern | URLResolver], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for each in patterns:
        route = prefix + str(each.pattern)
        if isinstance(each, URLResolver):
            yield from routes(each.url_patterns, route)
        elif (view := getattr(each.callback, "view_class", None)) is not None:
            yield re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", route), view


def rows() -> list[str]:
    found = []
    for route, view in routes(api):
        for method in METHODS:
            if hasattr(view, method.lower()):
                scopes = scopes_of(view, method)
                said = (" and " if isinstance(scopes, AllOf) else " or ").join(f"`{scope}`" for scope in scopes) or "-"
                players = "yes" if method in getattr(view, "player_may", ()) else "-"
                found.append(f"| `/{route}` | {method} | {said} | {players} |")
    return sorted(set(found))


def test_every_route_stands_there_as_it_is() -> None:
    page, table = PAGE.read_text(), "\n".join(rows()) + "\n"
    if "WRITE_SCOPES" in os.environ:
        page = page.partition(HEAD)[0] + HEAD + table
        PAGE.write_text(page)
    assert page.partition(HEAD)[2] == table


def test_no_route_is_left_without_anybody_who_may_call_it() -> None:
    assert [row for row in rows() if row.endswith("| - | - |")] == []
