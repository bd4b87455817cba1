"""Bodies and fields of every wrong kind on every route: a 400 that names path and reason, and nothing has changed."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.db import transaction
from rest_framework.test import APIClient

from tests.support import game
from tests.support.watching import Watcher, of, some, the, with_body

pytestmark = pytest.mark.django_db

LONG = "x" * 5000

# -- bodies ------------------------------------------------------------------------------------------------------------

NOT_JSON = {
    "cut off": b'{"a": 1',
    "single quotes": b"{'a': 1}",
    "a comma too many": b'{"a": 1,}',
    "two values": b"{} {}",
    "a byte order mark": b"\xef\xbb\xbf{}",
    "UTF-16": '{"a": 1}'.encode("utf-16"),
    "not UTF-8": b'{"a": "\xff"}',
    "a surrogate in UTF-8": b'{"a": "\xed\xa0\x80"}',
    "a repeated key": b'{"a": 1, "a": 1}',
    "a repeated key further in": b'{"a": {"b": 1, "b": 2}}',
    "NaN": b'{"a": NaN}',
    "Infinity": b'{"a": [-Infinity]}',
    "beyond a double": b'{"a": 1e999}',
    "an integer beyond a double": b'{"a": 1' + b"0" * 400 + b"}",
    "an integer of 10,000 digits": b'{"a": 1' + b"0" * 10_000 + b"}",
    "U+0000": rb'{"a": "\u0000"}',
    "U+0000 in a key": rb'{"\u0000": 1}',
    "a raw control character": b'{"a": "\x00"}',
    "half of a surrogate pair": rb'{"a": "\ud83d"}',
    "half of one in a key": rb'{"a": {"\udc00": 1}}',
    "too deep": b'{"a": ' + b"[" * 5_000 + b"]" * 5_000 + b"}",
    "deep beyond any stack": b'{"a":' * 100_000,
}


def test_a_body_that_is_not_strict_json(server: APIClient, watch: Watcher) -> None:
    for call in with_body():
        for name, body in NOT_JSON.items():
            if call.route == "events" and name == "too deep":
                continue  # it is read to the end: the event has a field `a`
            watch.refused((call, name), call.send(server, body=body), 400, "bad_json")


def test_a_body_that_is_not_an_object(server: APIClient, watch: Watcher) -> None:
    for call in with_body():
        for body in (b"[]", b"null", b"true", b"1", b'"text"', json.dumps([call.body]).encode()):
            watch.refused((call, body), call.send(server, body=body), 400, "invalid")


def test_no_body_where_something_must_be_said(server: APIClient, watch: Watcher) -> None:
    silent = {"publish", "restore", "preview", "claim", "token", "revoke", "release", "dismiss"}
    silent |= {"submit", "cancel", "unschedule", "revert"}  # steps of a release, which need no words
    silent |= {"test", "rotate"}  # of a webhook
    for call in with_body():
        if call.method == "PATCH" or call.route.rsplit("/", 1)[-1] in silent:
            continue
        watch.refused((call, "{}"), call.send(server, body=b"{}"), 400)
        watch.refused((call, "nothing"), call.send(server, body=b" "), 400)


def test_another_kind_of_body(server: APIClient, watch: Watcher) -> None:
    for call in with_body():
        if call.route == "events":
            continue  # read as JSON whatever it is called
        for type_ in (
            "text/plain",
            "application/xml",
            "multipart/form-data",
            "application/x-www-form-urlencoded",
            "no",
        ):
            response = call.send(server, **{"Content-Type": type_})
            if call.body or call.method == "PATCH":
                watch.refused((call, type_), response, 400, "unsupported_media_type")


def test_a_body_that_is_too_large(server: APIClient, watch: Watcher) -> None:
    body = b'{"a": "' + b"x" * 1_400_000 + b'"}'
    for call in with_body():
        watch.refused(call, call.send(server, body=body), 413, "too_large" if call.route != "events" else "")
        watch.refused((call, "spaces"), call.send(server, body=b" " * 1_400_000), 413)


def test_a_field_that_is_not_known(server: APIClient, watch: Watcher) -> None:
    for call in with_body():
        for name in ("surprise", "Reason", "__proto__", "pk", "\N{GRINNING FACE}"):
            code = "unknown_field" if call.route == "events" else "invalid"
            shown = name.encode("ascii", "backslashreplace").decode()
            watch.refused((call, name), call.send(server, body={**(call.body or {}), name: 1}), 400, code, shown)


# -- fields ------------------------------------------------------------------------------------------------------------

VALUES: list[Any] = [
    None, True, 0, -1, 1.5, 5e-324, 1e308, 2**53 + 1, 2**63, -(2**63) - 1, 10**30, "", " ", "7", LONG,
    "\N{GRINNING FACE}" * 300, "\u202e", "null", "../..", "' OR 1=1 --", "a\nb", [], [None], [[]], [1], ["x", "x"],
    ["text"] * 500, [{}], {}, {"": 1}, {"a": {"b": {}}}, {"at_least": 0}, {"at_least": 2**70}, {"at_least": "1"},
]  # fmt: skip
NULLABLE = {
    "value_field", "member_field", "series", "tier", "starts_at", "ends_at", "icon", "currency", "items", "table",
    "claim_within", "expires_at", "time_limit", "start_date", "end_date", "cooldown", "standing", "since"}  # fmt: skip
BEYOND = {
    "points",
    "value",
    "xp",
    "level",
    "tier",
    "amount",
    "quantity",
    "claim_within",
    "time_limit",
    "cooldown",
    "pick",
}
"""Amounts: none takes less than 0 or more than 2^53."""


def kind(value: Any) -> type:
    return float if type(value) in (int, float) else type(value)


def test_a_field_of_the_wrong_kind(server: APIClient, watch: Watcher) -> None:
    """Whatever stands in a field: refused with its path, or (where it makes sense after all) granted."""
    for call in with_body():
        for number, (name, good) in enumerate((call.body or {}).items()):
            values = VALUES[number % 3 :: 3] if call.method == "PATCH" or "preview" in call.route else VALUES
            for value in some(values, call):
                if value == good and kind(value) is kind(good):
                    continue
                with transaction.atomic():
                    response = call.send(server, body={**(call.body or {}), name: value})
                    may_be_null = name in NULLABLE or (call.only_reads and name == "player_id")
                    must = kind(value) is not kind(good) and not (value is None and may_be_null)
                    must |= value == LONG or (name in BEYOND and type(value) is not str and _beyond(value))
                    must &= not (name == "match" and value == {"at_least": 1})
                    if must or response.status_code >= 400:
                        statuses: tuple[int, ...] = (409,) if response.status_code == 409 and not must else (400,)
                        path = name if response.status_code == 400 else ""
                        if name == "player_id" and isinstance(value, str):  # some other player, maybe
                            statuses, path = (400, 404, 409), name if response.status_code == 400 else ""
                        watch.refused((call, name, value), response, statuses, path=path)
                    transaction.set_rollback(True)


def _beyond(value: Any) -> bool:
    return isinstance(value, int | float) and not 0 <= value <= 2**53


def test_a_required_field_that_is_left_out(server: APIClient, watch: Watcher) -> None:
    required = {
        "metrics": ["id", "event_type"], "achievements": ["id", "title"], "rewards": ["id", "type"],
        "levels": ["level", "xp"], "currencies": ["id"], "quests": ["id", "title"], "pools": ["id"],
        "events": ["id", "player_id", "type", "data", "timestamp"],
        "achievements/<str:achievement_id>/progress": ["player_id", "metrics"],
        "achievements/<str:achievement_id>/claim": ["player_id"],
        "achievements/<str:achievement_id>/revoke": ["player_id"],
        "quests/<str:quest_id>/start": ["player_id"],
        "quests/<str:quest_id>/abandon": ["player_id"],
        "quests/<str:quest_id>/steps/<str:step_id>/complete": ["player_id"],
        "rewards/<str:distribution_id>/claim": ["player_id"],
        "rewards/<str:reward_id>/distribute": ["player_id"],
        "players/<str:player_id>/wallet/<str:currency>/spend": ["amount"],
        "players/<str:player_id>/inventory/<str:item_id>/consume": ["quantity"],
    }  # fmt: skip
    for call in of(lambda call: call.method == "POST" and call.route in required):
        for name in required.pop(call.route):
            body = {key: value for key, value in (call.body or {}).items() if key != name}
            watch.refused((call, name), call.send(server, body=body), 400, path=name)
    assert required == {}


INSTANTS = [
    "", "now", "2026-01-31", "2026-01-31T12:00:00", "2026-02-30T00:00:00Z", "2026-01-31T24:00:01Z",
    "2026-01-31T12:00:00+24:00", "2026-01-31T12:00:00 Europe/Madrid", "0000-01-01T00:00:00Z",
    "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "10000-01-01T00:00:00Z", "2026-W05-6T12:00:00Z",
    "٢٠٢٦-01-31T12:00:00Z", "2026-01-31T12:00:00Z\n", " 2026-01-31T12:00:00Z", 1767225600, 1e300,
]  # fmt: skip
EDGES = [
    "0001-01-01T00:00:00Z", "0001-01-01T00:00:00-14:00", "0001-01-02T00:00:00+14:00", "1899-12-31T23:59:59Z",
    "9999-12-31T23:59:59.999999Z", "9999-12-31T00:00:00+14:00", "2026-01-31T12:00:00.1234567890123Z",
]  # fmt: skip


def test_an_instant_that_is_none_or_out_of_range(server: APIClient, watch: Watcher) -> None:
    names = ("timestamp", "starts_at", "ends_at", "expires_at", "start_date", "end_date")
    for call in with_body():
        for name in (name for name in call.body or {} if name in names):
            for value in [*INSTANTS, *EDGES]:
                with transaction.atomic():
                    response = call.send(server, body={**(call.body or {}), name: value})
                    must = value in INSTANTS and not (value == "" and name in NULLABLE)
                    must |= name == "timestamp" and value != EDGES[-1]  # too early, or in the future
                    if must or response.status_code >= 400:
                        ends = {"starts_at": "ends_at", "start_date": "end_date"}.get(name, name)
                        either = ends if f'"{ends}"' in response.content.decode() else name
                        watch.refused((call, name, value), response, 400, path=either)
                    transaction.set_rollback(True)


ZONES: list[Any] = [
    "Mars/Olympus", "", "europe/madrid", "Europe/Madrid ", "../../etc/passwd", "/etc/localtime", "+02:00", "GMT+99",
    "localtime", "Factory", "posixrules", "Europe", "Europe/", ".", "UTC\n", LONG, "\N{GRINNING FACE}", 2, None,
    ["UTC"],
]  # fmt: skip


def test_a_time_zone_that_does_not_exist(server: APIClient, watch: Watcher) -> None:
    for zone in ZONES:
        watch.refused(zone, server.patch(f"{game.API}/players/ann", {"timezone": zone}), 400, "invalid", "timezone")


def test_an_amount_that_is_none(server: APIClient, watch: Watcher) -> None:
    for name, call in (("amount", the("spend")), ("quantity", the("consume"))):
        for amount in (0, -1, 2**53 + 1, 10**40, 0.5, 1e300, "1", None, True, [1], {"a": 1}):
            body = {name: amount, "reason": "r"}
            watch.refused((call, amount), call.send(server, body=body), 400, "invalid", name)


def test_more_than_there_is(server: APIClient, watch: Watcher) -> None:
    spend, consume = the("spend"), the("consume")
    watch.refused(spend, spend.send(server, body={"amount": 2**53}), 409, "insufficient_balance")
    watch.refused("silver", spend.send(server, path=spend.path(currency="silver")), 409, "insufficient_balance")
    watch.refused(consume, consume.send(server, body={"quantity": 2**31 - 1}), 409, "insufficient_items")
    watch.refused("bow", consume.send(server, path=consume.path(item_id="bow")), 409, "insufficient_items")
