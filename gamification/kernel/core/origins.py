"""From which request something follows: its id, and the trace that it is part of (W3C Trace Context, `traceparent`).

It goes with the events of a request, through RabbitMQ in a header of their message, to the facts that they lead to. So
whoever hears of a fact finds the request, its lines in the log and its trace.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from itertools import groupby
from typing import Any, NamedTuple

import msgspec

from gamification.kernel.core.request_ids import REQUEST_ID

TRACEPARENT = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
HEADER = "x-origins"
"""Of a message whose events are of several requests: `[[events, request id, traceparent], …]` as JSON."""
MAX_HEADER = 64 * 1024
"""Characters. All headers of a message travel in one frame, for which brokers and clients take 128 KiB: a message that
had more in them would never arrive."""


class Origin(NamedTuple):
    request_id: str = ""
    traceparent: str = ""


current: ContextVar[Origin | None] = ContextVar("origin", default=None)
"""That of the request that is being answered; None outside of requests."""

Runs = Sequence[tuple[int, "Origin | None"]]
"""How many events follow from which request, in the order of the events."""


def said(request_id: object, traceparent: object) -> Origin | None:
    """What a caller says, where it can be believed to be one; None: nothing of it."""
    id_ = request_id if isinstance(request_id, str) and REQUEST_ID.fullmatch(request_id) else ""
    trace = traceparent if isinstance(traceparent, str) and TRACEPARENT.fullmatch(traceparent) else ""
    return Origin(id_, trace) if id_ or trace else None


def runs(of_events: Sequence[Origin | None]) -> Runs:
    return [(len(list(group)), origin) for origin, group in groupby(of_events)]


def header(of_runs: Runs) -> dict[str, str]:
    """The header that says so; none, where nothing is known."""
    if all(origin is None for _, origin in of_runs):
        return {}
    shown = [(count, *(origin or Origin())) for count, origin in of_runs]
    text = msgspec.json.encode(shown)
    return {HEADER: (text if len(text) <= MAX_HEADER else _beginning(shown)).decode()}


def _beginning(shown: Sequence[tuple[int, str, str]]) -> bytes:
    """The first of these, as many as there is room for. Of the events behind nothing is said."""
    room, place = MAX_HEADER - len('[[1000000,"",""]]'), 0
    while (room := room - len(msgspec.json.encode(shown[place])) - 1) >= 0:
        place += 1
    rest = sum(count for count, _, _ in shown[place:])
    return msgspec.json.encode([*shown[:place], (rest, "", "")])


_read = msgspec.json.Decoder(list[tuple[int, str, str]]).decode


def of_message(headers: Mapping[str, Any], events: int) -> list[Origin | None]:
    """The origin of each of so many events of a message: by our header, or by what its sender says of all of it."""
    text = headers.get(HEADER)
    if isinstance(text, str) and len(text) <= MAX_HEADER:
        try:
            told = _read(text)
        except (msgspec.MsgspecError, UnicodeEncodeError):
            told = []
        if sum(count for count, _, _ in told) == events and all(count > 0 for count, _, _ in told):
            return [said(id_, trace) for count, id_, trace in told for _ in range(count)]
    return [said(headers.get("x-request-id"), headers.get("traceparent"))] * events
