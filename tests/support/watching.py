"""Sending nonsense to many calls, and collecting what was not refused as it should be."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from tests.support import game
from tests.support.routes import KINDS, Call, calls


class Watcher:
    """Collects what was not refused as it should be, so that a test tells all of it."""

    def __init__(self) -> None:
        self.wrong: list[str] = []
        self.rows = game.counts()

    def refused(
        self, what: Any, response: Any, status: int | Sequence[int], code: str = "", path: str | Sequence[str] = ""
    ) -> None:
        """A problem of this status; with `code` and an error at `path` (or within), at each of several, where they are
        given.
        """
        paths = [path] if isinstance(path, str) else path
        found = self._flaw(response, [status] if isinstance(status, int) else status, code, paths)
        rows = game.counts()
        if rows != self.rows:
            found = f"{ {name: n for name, n in rows.items() if n != self.rows[name]} } rows, {found}"
            self.rows = rows
        if found:
            said = " ".join(map(str, what)) if isinstance(what, tuple) else str(what)
            self.wrong.append(f"{said[:120]}: {response.status_code}, {found}: {response.content[:200]!r}")

    def _flaw(self, response: Any, statuses: Sequence[int], code: str, paths: Sequence[str]) -> str:
        if response.status_code not in statuses:
            return f"not {statuses}"
        if response["Content-Type"] != "application/problem+json":
            return f"a {response['Content-Type']}"
        problem = json.loads(response.content)
        if not {"type", "title", "status", "detail", "code"} <= set(problem) or not problem["detail"]:
            return "no problem"
        if problem["status"] != response.status_code or (code and problem["code"] != code):
            return f"not {code}"
        errors = problem.get("errors", [])
        if not all({"path", "code", "detail"} <= set(error) and error["detail"] for error in errors):
            return "errors without a reason"
        for path in filter(None, paths):
            if not any(_within(error["path"], path) for error in errors):
                return f"nothing at {path}"
        return ""


def _within(path: str, place: str) -> bool:
    return path == place or path.startswith((f"{place}.", f"{place}["))


def of(wanted: Callable[[Call], object]) -> list[Call]:
    found = [call for call in calls() if wanted(call)]
    assert found
    return found


def the(last: str) -> Call:
    [call] = of(lambda call: call.route.endswith(f"/{last}"))
    return call


def with_body() -> list[Call]:
    return of(lambda call: call.takes_body)


def some(values: Sequence[Any], call: Call) -> Sequence[Any]:
    """All values for what has code of its own; every third, in turn, for the kinds of content, which share theirs."""
    plural = call.route.split("/")[0]
    if plural not in KINDS or call.names_player or "_id>" in call.route:
        return values
    return values[list(KINDS).index(plural) % 3 :: 3]
