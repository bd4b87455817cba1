"""One request and its answer, without sending anything: what the blocking and the asyncio client have in common."""

from __future__ import annotations

import json
import re
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import httpx

from gamification_client.problems import Problem

Query = Mapping[str, str | int | bool | None]
Body = Mapping[str, Any]

TIMEOUT = 15.0
"""Seconds for an answer."""
TRIES = 4
MOST_WAIT = 30.0
"""Seconds that a call waits for its next try. Whoever is asked to wait longer is told so."""
try:
    AGENT = f"gamification-client/{version('gamification-client')}"
except PackageNotFoundError:  # run from its sources
    AGENT = "gamification-client"


@dataclass(frozen=True)
class Call:
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    content: bytes | None


def call(
    method: str,
    path: str,
    query: Query | None = None,
    body: Body | None = None,
    key: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> Call:
    """A POST bears an idempotency key, so that it may be tried again until an answer comes, and takes effect once. With
    "" for a key it bears none: events have ids of their own.
    """
    said = {"Accept": "application/json", "User-Agent": AGENT, **(headers or {})}
    content = None
    if method in ("POST", "PATCH"):
        said["Content-Type"] = "application/json"
        content = json.dumps(dict(body or {}), allow_nan=False).encode()
    if method == "POST" and key != "":
        said["Idempotency-Key"] = key or secrets.token_hex(16)
    asked = {name: _text(value) for name, value in (query or {}).items() if value is not None}
    return Call(method, f"/api/v1/{path}", asked, said, content)


def answer(response: httpx.Response) -> Any:
    """The JSON of a success. Raises Problem."""
    try:
        body = response.json() if response.content else {}
    except ValueError:
        detail = f"HTTP {response.status_code}, and no JSON"  # of a proxy in between
        raise Problem(0 if response.is_success else response.status_code, "no_answer", detail) from None
    if response.is_success:
        return body
    said = body if isinstance(body, dict) else {}
    raise Problem(
        response.status_code,
        str(said.get("code", "")),
        str(said.get("detail", "")),
        said.get("errors", ()),
        _seconds(response.headers.get("Retry-After")),
    )


def no_answer(problem: httpx.HTTPError) -> Problem:
    return Problem(0, "no_answer", f"{type(problem).__name__}: {problem}")


def cursor_of(next_page: str | None) -> str | None:
    """What the next page of a list is asked for with."""
    if not next_page:
        return None
    return parse_qs(urlsplit(next_page).query).get("cursor", [None])[0]


def part(text: str) -> str:
    """A part of a path."""
    return quote(text, safe="")


def _text(value: str | int | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _seconds(text: str | None) -> float | None:
    """`Retry-After`, in seconds or as a date; None where it says neither."""
    if not text:
        return None
    if re.fullmatch("[0-9]{1,9}", text):
        return float(text)
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    except ValueError:
        return None
