"""Raw JSON in, game events out: each event judged by itself, so that a bad one never sinks the others.

There are two ways in, and both end in `_judge`. The fast one lets msgspec decode the whole body at once. It does not
see everything that the contract refuses (a repeated key, for one), so what it read is written again and compared with
what came; at the least doubt, and whenever msgspec refuses, the slow way reads the body with the standard library,
which can say which event is wrong and why. The slow way alone would give the same verdicts.

Sizes are measured in what `data` *says*, not in how it was sent: as compact UTF-8 JSON, so that white space and
escapes make no event too large. Its depth counts objects and lists, `data` itself being the first.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from gamification.kernel.core.messages import A_PLAYER_ID, PLAYER_ID, RESERVED_TYPES, GameEvent, Invalid

MAX_BODY = 1_048_576
MAX_EVENTS = 1_000
MAX_DATA = 16_384
MAX_DEPTH = 8
MAX_AHEAD = timedelta(minutes=5)
"""How far a game server's clock may be ahead of ours."""

EARLIEST = datetime(1900, 1, 1, tzinfo=UTC)
"""Before any game, and late enough that the period an event falls into has a beginning in every time zone."""

FIELDS = ("id", "player_id", "type", "data", "timestamp")

_id = re.compile(r"(?!~)[\x21-\x7e]{1,64}").fullmatch
_player_id = PLAYER_ID.fullmatch
_type = re.compile(r"[a-z0-9._-]{1,64}").fullmatch
_timestamp = re.compile(
    r"\d{4}-\d\d-\d\d[Tt](?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d+)?(?:[Zz]|[+-](?:[01]\d|2[0-3]):[0-5]\d)", re.ASCII
).fullmatch
_surrogate = re.compile("[\ud800-\udfff]").search
_batch = re.compile(rb'[ \t\r\n]*\{[ \t\r\n]*"events"').match
_list = re.compile(rb"[ \t\r\n]*\[").match
_structure = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\Z)|[\[\]{}]', re.DOTALL).finditer
_DIGITS = 309
"""A whole number of fewer digits fits into a double."""
_SHORT = 390
"""An event of no more bytes is too short to hold a number of _DIGITS digits beside its fields."""
_NOT_DIGITS = bytes(sorted(set(range(256)) - set(b"0123456789")))
_PRUNED = 32
"""The depth from which on `_pruned` leaves JSON out: deeper than any event may be, and not too deep for a reader."""


class BadJson(Invalid):
    """The body as a whole is not JSON as the contract wants it."""

    code = "bad_json"


class NoEvents(Invalid):
    """The body is JSON, but neither an event nor a list of events."""


class UnknownField(Invalid):
    code = "unknown_field"


class TooLarge(Invalid):
    code = "too_large"
    status = 413


class TooManyEvents(TooLarge):
    code = "too_many_events"


@dataclass(slots=True, frozen=True)
class Rejected:
    """What is wrong with the event at `index`. `path` names the field within it, "" the event as a whole."""

    index: int
    code: str
    detail: str
    path: str = ""


@dataclass(slots=True)
class Decoded:
    """`good` events with their index in what came, in order of arrival. `single`: it was one event, not a batch."""

    good: list[tuple[int, GameEvent]] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    single: bool = False

    def add(self, index: int, verdict: Verdict) -> None:
        if isinstance(verdict, GameEvent):
            self.good.append((index, verdict))
        else:
            path, code, detail = verdict
            self.rejected.append(Rejected(index, code, detail, path))


def decode(body: bytes, *, now: datetime, lists: bool = False) -> Decoded:
    """The events of a body: one event or `{"events": […]}`; with `lists`, a bare list as well.

    Raises BadJson, NoEvents, UnknownField, TooLarge or TooManyEvents when the body as a whole makes no sense.
    """
    if len(body) > MAX_BODY:
        raise TooLarge(f"A body may be {MAX_BODY} bytes at most.")
    decoded = _fast(body, now, lists)
    return _slow(body, now, lists) if decoded is None else decoded


def decode_lines(lines: Sequence[bytes], *, now: datetime) -> Decoded:
    """The events of JSON lines, one a line; `index` is the line's place. Never raises."""
    decoded = Decoded()
    horizon = now + MAX_AHEAD
    for index, line in enumerate(lines):
        try:
            wire = _one(line)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            wire = None
        small = _faithful(line, [wire], keys=0) if wire else None
        if wire and small:
            decoded.add(index, _judge(wire.id, wire.player_id, wire.type, wire.data, wire.timestamp, horizon, small[0]))
            continue
        try:
            decoded.add(index, judge_any(_read(line), horizon))
        except BadJson as bad:
            decoded.rejected.append(Rejected(index, bad.code, bad.detail))
    return decoded


# -- what makes an event good ------------------------------------------------------------------------------------------

Verdict = GameEvent | tuple[str, str, str]
"""The event, or `(path, code, detail)`."""


def _judge(
    id_: Any, player_id: Any, type_: Any, data: Any, timestamp: Any, horizon: datetime, small: bool = False
) -> Verdict:
    """`small`: it is known already that `data` is neither too deep nor too large."""
    if type(id_) is not str or not _id(id_):
        return "id", "bad_id", "An id is 1 to 64 visible ASCII characters, the first not ~."
    if type(player_id) is not str or not _player_id(player_id):
        return "player_id", "bad_player_id", A_PLAYER_ID
    if type(type_) is not str or not _type(type_):
        return "type", "bad_type", "A type is 1 to 64 of a-z 0-9 . _ -"
    if type_ in RESERVED_TYPES:
        return "type", "reserved_type", f"Events of type {type_} are stated by the service itself."
    at = _instant(timestamp)
    if at is None:
        return (
            "timestamp",
            "bad_timestamp",
            "A timestamp is RFC 3339 with an offset, from 1900 on: 2026-01-31T18:00:00Z",
        )
    if at > horizon:
        return "timestamp", "from_the_future", "The timestamp is more than 5 minutes ahead of the clock."
    if type(data) is not dict:
        return "data", "bad_data", "Data is an object."
    if not small:
        if _depth(data) > MAX_DEPTH:
            return "data", "data_too_deep", f"Data may be {MAX_DEPTH} objects and lists deep at most."
        if len(msgspec.json.encode(data)) > MAX_DATA:
            return "data", "data_too_large", f"Data may be {MAX_DATA} bytes of compact JSON at most."
    return GameEvent(id_, player_id, type_, data, at)


def _instant(text: Any) -> datetime | None:
    if type(text) is not str or not _timestamp(text):
        return None
    try:
        at = datetime.fromisoformat(text.upper())
        if at.tzinfo is not UTC:
            at = at.astimezone(UTC)
    except (ValueError, OverflowError):  # a 30th of February; a day before the year 1
        return None
    return at if at >= EARLIEST else None


def _depth(data: Any) -> int:
    depth, level = 0, [data]
    while level:
        depth += 1
        level = [item for box in level for item in (box.values() if type(box) is dict else box) if _is_box(item)]
    return depth


def _is_box(value: Any) -> bool:
    return type(value) is dict or type(value) is list


# -- the fast way ------------------------------------------------------------------------------------------------------


class _Wire(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    """An event as it was sent. The timestamp stays text: msgspec reads more than RFC 3339, and rounds."""

    id: str
    player_id: str
    type: str
    data: dict[str, Any]
    timestamp: str


class _Wires(msgspec.Struct, forbid_unknown_fields=True):
    events: list[_Wire]


_one = msgspec.json.Decoder(_Wire).decode
_many = msgspec.json.Decoder(_Wires).decode
_bare = msgspec.json.Decoder(list[_Wire]).decode
_encode_lines = msgspec.json.Encoder().encode_lines


def _fast(body: bytes, now: datetime, lists: bool) -> Decoded | None:
    """What the body says; None: only the slow way can tell."""
    wrapped = bool(_batch(body))
    single = not wrapped and not (lists and _list(body))
    try:
        wires = [_one(body)] if single else _many(body).events if wrapped else _bare(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    if len(wires) > MAX_EVENTS:
        return None
    small = _faithful(body, wires, keys=int(wrapped))
    if small is None:
        return None
    decoded, horizon = Decoded(single=single), now + MAX_AHEAD
    for index, (wire, is_small) in enumerate(zip(wires, small, strict=True)):
        decoded.add(index, _judge(wire.id, wire.player_id, wire.type, wire.data, wire.timestamp, horizon, is_small))
    return decoded


def _faithful(body: bytes, wires: list[_Wire], keys: int) -> list[bool] | None:
    r"""Whether `wires` say all that `body` said (None: in doubt), and of each whether its data are surely small.

    Written again, they have as many colons as before: those within strings, and one a key (`keys` of them outside the
    events). A key that was given twice has left fewer. Only a colon written as \u003a could make up for one; it is
    looked for in what was sent, and so are U+0000 and integers beyond a double, which msgspec lets through.
    """
    if b"\\u0000" in body or b"\\u003a" in body or b"\\u003A" in body:
        return None
    again = _encode_lines(wires)
    if body.count(b":") != again.count(b":") + keys:
        return None
    lines = again.splitlines()
    if any(len(line) > _SHORT and len(line.translate(None, _NOT_DIGITS)) >= _DIGITS for line in lines):
        return None
    if again.count(b"{") == 2 * len(wires) and b"[" not in again:
        return [len(line) <= MAX_DATA for line in lines]
    return [len(line) <= MAX_DATA and line.count(b"{") + line.count(b"[") <= MAX_DEPTH + 1 for line in lines]


# -- the slow way ------------------------------------------------------------------------------------------------------


@dataclass(slots=True, frozen=True)
class _Bad:
    """Stands in a decoded value for what must not be there."""

    why: str


def _slow(body: bytes, now: datetime, lists: bool) -> Decoded:
    top, horizon = _read(body), now + MAX_AHEAD
    if type(top) is _Bad:
        raise BadJson(top.why)
    if type(top) is dict and "events" not in top:
        decoded = Decoded(single=True)
        decoded.add(0, judge_any(top, horizon))
        return decoded
    events = top
    if type(top) is dict:
        if len(top) > 1:
            raise UnknownField(
                "Beside events there is nothing else.", [_beside(name) for name in top if name != "events"]
            )
        events = top["events"]
    elif not lists:
        raise NoEvents('A body is one event or {"events": [...]}.')
    if type(events) is not list:
        raise NoEvents("Events are a list.", [{"path": "events", "code": "invalid", "detail": "This is no list."}])
    if len(events) > MAX_EVENTS:
        raise TooManyEvents(f"A batch may be {MAX_EVENTS} events at most.")
    decoded = Decoded()
    for index, event in enumerate(events):
        decoded.add(index, judge_any(event, horizon))
    return decoded


def _beside(name: str) -> dict[str, str]:
    return {"path": _shown(name), "code": "unknown_field", "detail": "There is no such field."}


def judge_any(event: Any, horizon: datetime) -> Verdict:
    if type(event) is _Bad:
        return "", "bad_json", event.why
    if type(event) is not dict:
        return "", "invalid", "An event is an object."
    for name, value in event.items():
        why = _flaw(name) or _flaw(value)
        if why:
            return _shown(name), "bad_json", why
    for name in event:
        if name not in FIELDS:
            return _shown(name), "unknown_field", "An event has id, player_id, type, data and timestamp, nothing else."
    for name in FIELDS:
        if name not in event:
            return name, "required", "This field is required."
    return _judge(event["id"], event["player_id"], event["type"], event["data"], event["timestamp"], horizon)


def _flaw(value: Any) -> str:
    """What `value`, at any depth, holds that the contract refuses though JSON may not."""
    stack = [value]
    while stack:
        item = stack.pop()
        if type(item) is str:
            if "\0" in item or _surrogate(item):
                return "U+0000 and lone surrogates cannot be kept."
        elif type(item) is dict:
            stack.extend(item)
            stack.extend(item.values())
        elif type(item) is list:
            stack.extend(item)
        elif type(item) is _Bad:
            return item.why
    return ""


def _shown(name: str) -> str:
    """A name that came from outside, fit to be sent back."""
    return name[:64].encode("ascii", "backslashreplace").decode().replace("\0", "\\0")


def _read(body: bytes) -> Any:
    """The JSON value of `body`, with _Bad where something in it must be refused. Raises BadJson."""
    try:
        text = body.decode()
    except UnicodeDecodeError as wrong:
        raise BadJson(f"Byte {wrong.start} is not UTF-8.") from None
    try:
        try:
            return _parse(text)
        except RecursionError:
            return _parse(_pruned(text))
    except json.JSONDecodeError as wrong:
        raise BadJson(f"{wrong.msg} at line {wrong.lineno}, column {wrong.colno}.") from None


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any] | _Bad:
    found = dict(pairs)
    return found if len(found) == len(pairs) else _Bad("A key is given more than once.")


def _float(text: str) -> float | _Bad:
    value = float(text)
    return _Bad("A number is outside a double.") if math.isinf(value) else value


def _int(text: str) -> int | _Bad:
    if len(text) < _DIGITS or not math.isinf(float(text)):
        return int(text)
    return _Bad("A number is outside a double.")


_parse = json.JSONDecoder(
    object_pairs_hook=_pairs,
    parse_float=_float,
    parse_int=_int,
    parse_constant=lambda text: _Bad(f"{text} is not a JSON number."),
).decode


def _pruned(text: str) -> str:
    """`text` with whatever is nested deeper than any event may be replaced by 0: a reader that recurses can read it."""
    kept, start, depth, since = [], 0, 0, 0
    for found in _structure(text):
        mark = found.group()
        if mark in "[{":
            depth += 1
            if depth == _PRUNED + 1:
                since = found.start()
        elif mark in "]}":
            if depth == _PRUNED + 1:
                kept += [text[start:since], "0"]
                start = found.end()
            depth -= 1
    return "".join([*kept, text[start:]]) if depth <= _PRUNED else text[:since]
