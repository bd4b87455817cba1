"""Bad input of every kind on every route: a problem that names path and reason, and nothing has changed.

Each test sends one kind of nonsense to all calls that take it, looks at the row counts of all tables after each
refusal, and at every value in the database at its end. Nothing is left out but when an API key was used last. (What
only the store can refuse of an event is noted in RejectedEvent and Finding, by contract: tests/intake holds that.)
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from django.conf import settings
from django.db import transaction
from rest_framework.test import APIClient

from gamification.kernel.access import SCOPES, create_key
from gamification.kernel.models import ApiKey
from rewards.models import Distribution
from tests.api import game
from tests.api.routes import FILTERS, Call, calls
from tests.callers import game_server, player

pytestmark = pytest.mark.django_db

LONG = "x" * 5000


@pytest.fixture
def server(caplog: pytest.LogCaptureFixture) -> Iterator[APIClient]:
    """May do everything; at the end, nothing has changed and nothing went wrong within."""
    client = game.make()
    client.raise_request_exception = False
    before = game.contents()
    caplog.clear()
    yield client
    assert game.contents() == before
    assert [record.getMessage() for record in caplog.records if record.levelname in ("ERROR", "CRITICAL")] == []


class Watch:
    """Collects what was not refused as it should be, so that a test tells all of it."""

    def __init__(self) -> None:
        self.wrong: list[str] = []
        self.rows = game.counts()

    def refused(self, what: Any, response: Any, status: int | Sequence[int], code: str = "", path: str = "") -> None:
        """A problem of this status; with `code` and an error at `path` (or within), where they are given."""
        found = self._flaw(response, [status] if isinstance(status, int) else status, code, path)
        rows = game.counts()
        if rows != self.rows:
            found = f"{ {name: n for name, n in rows.items() if n != self.rows[name]} } rows, {found}"
            self.rows = rows
        if found:
            said = " ".join(map(str, what)) if isinstance(what, tuple) else str(what)
            self.wrong.append(f"{said[:120]}: {response.status_code}, {found}: {response.content[:200]!r}")

    def _flaw(self, response: Any, statuses: Sequence[int], code: str, path: str) -> str:
        if response.status_code not in statuses:
            return f"not {statuses}"
        if response["Content-Type"] != "application/problem+json":
            return response["Content-Type"]
        problem = json.loads(response.content)
        if not {"type", "title", "status", "detail", "code"} <= set(problem) or not problem["detail"]:
            return "no problem"
        if problem["status"] != response.status_code or (code and problem["code"] != code):
            return f"not {code}"
        errors = problem.get("errors", [])
        if not all({"path", "code", "detail"} <= set(error) and error["detail"] for error in errors):
            return "errors without a reason"
        if path and not any(_within(error["path"], path) for error in errors):
            return f"nothing at {path}"
        return ""


def _within(path: str, place: str) -> bool:
    return path == place or path.startswith((f"{place}.", f"{place}["))


@pytest.fixture
def watch(server: APIClient) -> Iterator[Watch]:
    found = Watch()
    yield found
    if found.wrong:
        pytest.fail("\n".join([f"{len(found.wrong)} wrong", *found.wrong[:50]]), pytrace=False)


def of(wanted: Callable[[Call], object]) -> list[Call]:
    found = [call for call in calls() if wanted(call)]
    assert found
    return found


def the(last: str) -> Call:
    [call] = of(lambda call: call.route.endswith(f"/{last}"))
    return call


def with_body() -> list[Call]:
    return of(lambda call: call.takes_body)


# -- the table itself --------------------------------------------------------------------------------------------------


def test_the_table_names_every_call_of_the_url_conf() -> None:
    prefix = f"{game.API}/"
    there = {f"{m} {route.removeprefix(prefix)}" for route, view in game.routes().items() for m in game.methods(view)}
    assert {str(call) for call in calls()} == there


def test_what_the_table_says_is_granted_so_that_what_is_refused_is_refused_for_its_one_fault(server: APIClient) -> None:
    wrong = []
    for call in calls():
        with transaction.atomic():
            response = call.send(server)
            if response.status_code != call.status:
                wrong.append((str(call), response.status_code, response.content[:300]))
            transaction.set_rollback(True)
    assert wrong == []


# -- who calls ---------------------------------------------------------------------------------------------------------


def forged(algorithm: str = "HS256", key: str | None = None, **changes: Any) -> str:
    """A token like those of the service but for what is given; None takes a claim away."""
    now = int(time.time())
    claims = {"sub": "ann", "iss": settings.TOKEN_ISSUER, "aud": settings.TOKEN_AUDIENCE, "iat": now, "exp": now + 600}
    claims = {name: value for name, value in {**claims, **changes}.items() if value is not None}
    return jwt.encode(claims, settings.TOKEN_KEY if key is None else key, algorithm=algorithm)


def test_no_credentials_or_none_that_open_anything(server: APIClient, watch: Watch) -> None:
    now = datetime.now(UTC)
    expired = create_key("old", SCOPES, now - timedelta(seconds=1))[1]
    gone, revoked = create_key("gone", SCOPES)
    gone.revoked_at = now
    gone.save()
    known = gone.prefix
    head, body, signature = forged().split(".")
    watch.rows = game.counts()
    credentials = {
        "none": None, "empty": "", "another scheme": "Basic YW5uOmFubg==", "only a scheme": "Api-Key",
        "no key": "Api-Key nonsense", "an unknown key": f"Api-Key abcdef012345.{'x' * 43}",
        "a wrong secret": f"Api-Key {known}.{'x' * 43}", "two words": f"Api-Key {known} x", "not ASCII": "Api-Key \xe9.x",
        "an expired key": f"Api-Key {expired}", "a revoked key": f"Api-Key {revoked}", "a key as a token": f"Bearer {expired}",
        "only Bearer": "Bearer", "no token": "Bearer x.y.z", "a token as a key": f"Api-Key {forged()}",
        "alg none": f"Bearer {forged('none', '')}", "alg none, unsigned": f"Bearer {head}.{body}.",
        "another algorithm": f"Bearer {forged('HS512')}", "another's key": f"Bearer {forged(key='k' * 64)}",
        "a changed body": f"Bearer {head}.{body[:-2]}AA.{signature}", "expired": f"Bearer {forged(exp=int(time.time()) - 1)}",
        "another audience": f"Bearer {forged(aud='elsewhere')}", "another issuer": f"Bearer {forged(iss='elsewhere')}",
        "too long a life": f"Bearer {forged(exp=int(time.time()) + 90_000)}", "no end": f"Bearer {forged(exp=None)}",
        "nobody's": f"Bearer {forged(sub='me')}", "an erased player's": f"Bearer {forged(sub='eve')}",
        "two": f"Api-Key {expired}, Bearer {forged()}",
    }  # fmt: skip
    for call in calls():
        for name, header in credentials.items():
            client = APIClient(headers={} if header is None else {"Authorization": header})
            response = call.send(client)
            watch.refused((call, name), response, 401)
            if not response.headers.get("WWW-Authenticate"):
                watch.wrong.append(f"{call} {name}: no WWW-Authenticate")
    gone.delete()
    ApiKey.objects.filter(name="old").delete()


def test_a_key_without_the_scope(server: APIClient, watch: Watch) -> None:
    for scope in SCOPES:
        others = game_server(*(other for other in SCOPES if other != scope))
        watch.rows = game.counts()
        for call in calls():
            if call.scope == scope:
                watch.refused(call, call.send(others), 403, "missing_scope")
                watch.refused(call, call.send(others, body=b"{nonsense"), 403, "missing_scope")
    ApiKey.objects.exclude(pk=ApiKey.objects.order_by("pk")[0].pk).delete()
    assert {call.scope for call in calls()} == set(SCOPES) - {"analytics:read"}


def test_a_players_token_where_only_servers_may(server: APIClient, watch: Watch) -> None:
    ann, may = player("ann"), []
    for call in calls():
        with transaction.atomic():
            response = call.send(ann)
            if call.open_to_players:
                may.append((str(call), response.status_code))
                transaction.set_rollback(True)
            else:
                watch.refused(call, response, 403, "not_for_players")
    assert [call for call, status in may if status not in (200, 403)] == []
    assert [call for call, status in may if status == 403] == ["POST achievements/<str:achievement_id>/progress"], (
        "kills are reported by servers"
    )


def test_another_players_id(server: APIClient, watch: Watch) -> None:
    ann, theirs = player("ann"), Distribution.objects.get(player_id="bob", reward_id="chest").pk
    for call in of(lambda call: call.open_to_players and (call.names_player or "distribution_id" in call.route)):
        if call.names_player == "path":
            watch.refused(call, call.send(ann, path=call.path(player_id="bob")), 404, "not_found")
        elif call.names_player == "query":
            path = f"{call.path(player_id='').split('?')[0]}?player_id=bob"
            watch.refused(call, call.send(ann, path=path), 404, "not_found")
        else:
            watch.refused(call, call.send(ann, body={**(call.body or {}), "player_id": "bob"}), 404, "not_found")
    claim = of(lambda call: call.route == "rewards/<str:distribution_id>/claim")[0]
    path = claim.path(distribution_id=theirs)
    watch.refused("bob's chest", claim.send(ann, path=path), 404, "not_found")
    watch.refused("bob's chest", claim.send(ann, path=path, body={"player_id": "bob"}), 404, "not_found")
    watch.refused("bob's chest", claim.send(server, path=path, body={"player_id": "ann"}), 404, "not_found")


def test_a_player_who_was_erased(server: APIClient, watch: Watch) -> None:
    """Nothing is given to, taken from or counted for somebody whose rows are gone; reading finds nobody's."""
    for call in of(lambda call: call.names_player and call.method not in ("GET", "DELETE")):
        if call.route == "events":
            continue  # a 400 that the store notes, under the hash that stays: tests/progress/test_erasing holds it
        path = call.path(player_id="eve") if call.names_player == "path" else None
        body = {**(call.body or {}), "player_id": "eve"} if call.names_player == "body" else None
        watch.refused(call, call.send(server, path=path, body=body), 409, "player_erased")
    for call in of(lambda call: call.names_player == "path" and call.method == "GET" and call.is_list):
        listed = call.send(server, path=call.path(player_id="eve"))
        assert listed.status_code == 200
        assert not [row for row in listed.json()["results"] if row.get("is_completed") or "seq" in row], str(call)
    watch.refused("erase", server.delete(f"{game.API}/players/eve"), 404, "not_found")
    watch.refused("export", server.get(f"{game.API}/players/eve/export"), 404, "not_found")


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


def test_a_body_that_is_not_strict_json(server: APIClient, watch: Watch) -> None:
    for call in with_body():
        for name, body in NOT_JSON.items():
            if call.route == "events" and name == "too deep":
                continue  # it is read to the end: the event has a field `a`
            watch.refused((call, name), call.send(server, body=body), 400, "bad_json")


def test_a_body_that_is_not_an_object(server: APIClient, watch: Watch) -> None:
    for call in with_body():
        for body in (b"[]", b"null", b"true", b"1", b'"text"', json.dumps([call.body]).encode()):
            watch.refused((call, body), call.send(server, body=body), 400, "invalid")


def test_no_body_where_something_must_be_said(server: APIClient, watch: Watch) -> None:
    silent = ("publish", "preview", "claim", "token", "revoke", "release", "dismiss")
    for call in with_body():
        if call.method == "PATCH" or call.route.rsplit("/", 1)[-1] in silent:
            continue
        watch.refused((call, "{}"), call.send(server, body=b"{}"), 400)
        watch.refused((call, "nothing"), call.send(server, body=b" "), 400)


def test_another_kind_of_body(server: APIClient, watch: Watch) -> None:
    for call in with_body():
        if call.route == "events":
            continue  # read as JSON whatever it is called
        for type_ in ("text/plain", "application/xml", "multipart/form-data", "application/x-www-form-urlencoded", "no"):
            response = call.send(server, **{"Content-Type": type_})
            if call.body or call.method == "PATCH":
                watch.refused((call, type_), response, 400, "unsupported_media_type")


def test_a_body_that_is_too_large(server: APIClient, watch: Watch) -> None:
    body = b'{"a": "' + b"x" * 1_400_000 + b'"}'
    for call in with_body():
        watch.refused(call, call.send(server, body=body), 413, "too_large" if call.route != "events" else "")
        watch.refused((call, "spaces"), call.send(server, body=b" " * 1_400_000), 413)


def test_a_field_that_is_not_known(server: APIClient, watch: Watch) -> None:
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
NULLABLE = {"value_field", "member_field", "series", "tier", "starts_at", "ends_at", "icon", "currency", "items", "table",
            "claim_within", "expires_at"}  # fmt: skip
BEYOND = {"points", "value", "xp", "level", "tier", "amount", "quantity", "claim_within"}
"""Amounts: none takes less than 0 or more than 2^53."""


def kind(value: Any) -> type:
    return float if type(value) in (int, float) else type(value)


def test_a_field_of_the_wrong_kind(server: APIClient, watch: Watch) -> None:
    """Whatever stands in a field: refused with its path, or (where it makes sense after all) granted."""
    for call in with_body():
        for name, good in (call.body or {}).items():
            for value in VALUES if call.method == "POST" and "preview" not in call.route else VALUES[::6]:
                if value == good and kind(value) is kind(good):
                    continue
                with transaction.atomic():
                    response = call.send(server, body={**(call.body or {}), name: value})
                    must = kind(value) is not kind(good) and not (value is None and name in NULLABLE)
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


def test_a_required_field_that_is_left_out(server: APIClient, watch: Watch) -> None:
    required = {
        "metrics": ["id", "event_type"], "achievements": ["id", "title"], "rewards": ["id", "type"],
        "levels": ["level", "xp"], "currencies": ["id"], "events": ["id", "player_id", "type", "data", "timestamp"],
        "achievements/<str:achievement_id>/progress": ["player_id", "metrics"],
        "achievements/<str:achievement_id>/claim": ["player_id"],
        "achievements/<str:achievement_id>/revoke": ["player_id"],
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


def test_an_instant_that_is_none_or_out_of_range(server: APIClient, watch: Watch) -> None:
    names = ("timestamp", "starts_at", "ends_at", "expires_at")
    for call in with_body():
        for name in (name for name in call.body or {} if name in names):
            for value in [*INSTANTS, *EDGES]:
                with transaction.atomic():
                    response = call.send(server, body={**(call.body or {}), name: value})
                    must = value in INSTANTS and not (value == "" and name in NULLABLE)
                    must |= name == "timestamp" and value != EDGES[-1]  # too early, or in the future
                    if must or response.status_code >= 400:
                        either = name if name == "timestamp" else "ends_at" if b"ends_at" in response.content else name
                        watch.refused((call, name, value), response, 400, path=either)
                    transaction.set_rollback(True)


ZONES: list[Any] = [
    "Mars/Olympus", "", "europe/madrid", "Europe/Madrid ", "../../etc/passwd", "/etc/localtime", "+02:00", "GMT+99",
    "localtime", "Factory", "posixrules", "Europe", "Europe/", ".", "UTC\n", LONG, "\N{GRINNING FACE}", 2, None, ["UTC"],
]  # fmt: skip


def test_a_time_zone_that_does_not_exist(server: APIClient, watch: Watch) -> None:
    for zone in ZONES:
        watch.refused(zone, server.patch(f"{game.API}/players/ann", {"timezone": zone}), 400, "invalid", "timezone")


def test_an_amount_that_is_none(server: APIClient, watch: Watch) -> None:
    for name, call in (("amount", the("spend")), ("quantity", the("consume"))):
        for amount in (0, -1, 2**53 + 1, 10**40, 0.5, 1e300, "1", None, True, [1], {"a": 1}):
            body = {name: amount, "reason": "r"}
            watch.refused((call, amount), call.send(server, body=body), 400, "invalid", name)


def test_more_than_there_is(server: APIClient, watch: Watch) -> None:
    spend, consume = the("spend"), the("consume")
    watch.refused(spend, spend.send(server, body={"amount": 2**53}), 409, "insufficient_balance")
    watch.refused("silver", spend.send(server, path=spend.path(currency="silver")), 409, "insufficient_balance")
    watch.refused(consume, consume.send(server, body={"quantity": 2**31 - 1}), 409, "insufficient_items")
    watch.refused("bow", consume.send(server, path=consume.path(item_id="bow")), 409, "insufficient_items")


# -- addresses ---------------------------------------------------------------------------------------------------------

NO_ID = [
    "%00", "a%00b", "%2F", "a%2Fb", "..%2F..", "%252F", "%F0%9F%98%80", "%C3%A9", "%ff", "%ED%A0%80", "%25", "%", "%zz",
    "a%20b", "%20", "%0A", "a%0Ab", "a%3Fb", "%23", "'", '"', "%3Cscript%3E", "%E2%80%AE", "x" * 65, LONG, "{id}", "*",
    "%D9%A1",
]  # fmt: skip


def test_an_id_that_nothing_can_have(server: APIClient, watch: Watch) -> None:
    for call in of(lambda call: call.parameters):
        for _, name in call.parameters:
            for text in NO_ID:
                watch.refused((call, name, text), call.send(server, path=call.path(**{name: text})), 404, "not_found")


def test_an_id_that_nothing_has(server: APIClient, watch: Watch) -> None:
    for call in of(lambda call: call.parameters):
        for _, name in call.parameters:
            if name in ("player_id", "currency", "item_id"):  # unseen players, currencies and items are at nothing
                continue
            for text in ("nothing", "0", "99999999999999999999", "-1", "1.5", "00000000-0000-0000-0000-000000000000"):
                watch.refused((call, name, text), call.send(server, path=call.path(**{name: text})), 404, "not_found")


def test_a_game_server_is_nobody_and_says_so(server: APIClient, watch: Watch) -> None:
    for call in of(lambda call: call.names_player):
        if call.names_player == "path":
            watch.refused(call, call.send(server, path=call.path(player_id="me")), 404, "not_found")
        elif call.names_player == "query":
            for query in ("", "?player_id=", "?player_id=me", "?player_id=a%00b", "?player_id=%F0%9F%98%80", f"?player_id={LONG}"):
                path = call.path(player_id="").split("?")[0] + query
                watch.refused((call, query), call.send(server, path=path), 400, path="player_id")
        else:
            for id_ in ("", "me", "a b", "x" * 65, "\N{GRINNING FACE}", "a/b", 5, None, ["ann"], {"id": "ann"}):
                body = {**(call.body or {}), "player_id": id_}
                watch.refused((call, id_), call.send(server, body=body), 400, path="player_id")


def test_a_page_that_cannot_be(server: APIClient, watch: Watch) -> None:
    garbage = [
        "0", "-1", "201", "abc", "1.5", "", "%00", "%F0%9F%98%80", "1e2", "%D9%A1", "99999999999999999999", "+5", "5%20",
    ]  # fmt: skip
    for call in of(lambda call: call.is_list):
        for text in garbage:
            watch.refused((call, text), call.send(server, path=f"{call.path()}?page_size={text}"), 400, path="page_size")


def test_a_cursor_that_was_not_made_here(server: APIClient, watch: Watch) -> None:
    other = server.get(f"{game.API}/metrics?page_size=1").json()["next"].partition("cursor=")[2].partition("&")[0]
    for call in of(lambda call: call.is_list):
        for text in ("x", "a:b:c", "%00", "%F0%9F%98%80", LONG, ".", "::", other + "x", other):
            if call.route == "metrics" and text == other:
                continue
            watch.refused((call, text), call.send(server, path=f"{call.path()}?cursor={text}"), 400, "bad_cursor", "cursor")


def test_a_filter_that_makes_no_sense(server: APIClient, watch: Watch) -> None:
    """Refused with its name, or it matches nothing."""
    for call in of(lambda call: call.method == "GET"):
        for name in FILTERS.get(call.route, []):
            for text in ("%00", "a%00b", "%F0%9F%98%80", "%ff", LONG, "'", "%25", "~", "[]"):
                for client in (server, player("ann")) if call.open_to_players else (server,):
                    path = call.path(player_id="ann").split("?")[0]
                    response = call.send(client, path=f"{path}?{name}={text}")
                    if response.status_code != 200:
                        watch.refused((call, name, text), response, 400, "invalid", name)
                    elif json.loads(response.content)["results"]:
                        watch.wrong.append(f"{call} {name} {text}: found something")


# -- methods and headers -----------------------------------------------------------------------------------------------


def test_a_method_that_a_route_does_not_have(server: APIClient, watch: Watch) -> None:
    there = {(call.route, call.method) for call in calls()}
    for call in {call.route: call for call in calls()}.values():
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE", "TRACE", "QUERY", "get"):
            if (call.route, method.upper()) not in there:
                for client in (server, player("ann")):
                    response = client.generic(method, call.path(), b"{}", content_type="application/json")
                    watch.refused((call, method), response, 405, "method_not_allowed")
                    if call.method not in response.headers.get("Allow", ""):
                        watch.wrong.append(f"{call} {method}: Allow does not say so")


def test_an_idempotency_key_that_cannot_be(server: APIClient, watch: Watch) -> None:
    for call in of(lambda call: call.method == "POST"):
        if call.route.endswith("/token"):
            continue  # changes nothing, and a token is not kept to be given again
        for key in ("", " ", "a b", "x" * 256, "\xe9", "a\tb", "\x7f", "\N{GRINNING FACE}"):
            response = call.send(server, **{"Idempotency-Key": key})
            watch.refused((call, key), response, 400, path="Idempotency-Key")


def test_an_answer_nobody_here_can_write(server: APIClient, watch: Watch) -> None:
    for call in calls():
        for accept in ("text/html", "application/xml", "nonsense"):
            if call.route != "events":
                watch.refused((call, accept), call.send(server, Accept=accept), 400, "not_acceptable")
