"""Callers, addresses and methods that are not in order: a problem that names the reason, and nothing has changed.

Each test sends one kind of nonsense to all calls that take it, looks at the row counts of all tables after each
refusal, and at every value in the database at its end. Nothing is left out but when an API key was used last. (What
only the store can refuse of an event is noted in RejectedEvent and Finding, by contract: tests/intake holds that.)
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from django.conf import settings
from django.db import transaction
from rest_framework.test import APIClient

from gamification.kernel.models import ApiKey, IdempotencyKey, RejectedEvent
from gamification.kernel.storage.pseudonyms import pseudonym
from gamification.kernel.web.access import INCLUDED, SCOPES, create_key
from rewards.models import Distribution
from tests.support import game
from tests.support.callers import game_server, player
from tests.support.routes import FILTERS, KINDS, Call, calls
from tests.support.watching import Watcher, of, some

pytestmark = pytest.mark.django_db

LONG = "x" * 5000
BODY_ONLY = ("events", "rewards/<str:reward_id>/distribute", "achievements/<str:achievement_id>/revoke")
"""Here the player is named in the body only."""


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


def test_with_every_answer_that_is_kept_it_is_kept_whom_it_is_about(server: APIClient) -> None:
    kept, about_nobody = 0, []
    for call in calls():
        with transaction.atomic():
            if call.method == "POST":
                call.send(server, **{"Idempotency-Key": "about-whom"})
                for answer in IdempotencyKey.objects.all():
                    kept += 1
                    if not answer.players.filter(pseudonym=pseudonym("ann")).exists():
                        about_nobody.append(call.route.partition("/")[0])
            transaction.set_rollback(True)
    assert kept > 30
    assert set(about_nobody) == {*KINDS, "releases", "webhooks"}  # what designers and operators author


# -- who calls ---------------------------------------------------------------------------------------------------------


def forged(algorithm: str = "HS256", key: str | None = None, **changes: Any) -> str:
    """A token like those of the service but for what is given; None takes a claim away."""
    now = int(time.time())
    claims = {"sub": "ann", "iss": settings.TOKEN_ISSUER, "aud": settings.TOKEN_AUDIENCE, "iat": now, "exp": now + 600}
    claims = {name: value for name, value in {**claims, **changes}.items() if value is not None}
    return jwt.encode(claims, settings.TOKEN_KEY if key is None else key, algorithm=algorithm)


def test_no_credentials_or_none_that_open_anything(server: APIClient, watch: Watcher) -> None:
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
        "a wrong secret": f"Api-Key {known}.{'x' * 43}", "two words": f"Api-Key {known} x",
        "not ASCII": "Api-Key \xe9.x", "an expired key": f"Api-Key {expired}", "a revoked key": f"Api-Key {revoked}",
        "a key as a token": f"Bearer {expired}",
        "only Bearer": "Bearer", "no token": "Bearer x.y.z", "a token as a key": f"Api-Key {forged()}",
        "alg none": f"Bearer {forged('none', '')}", "alg none, unsigned": f"Bearer {head}.{body}.",
        "another algorithm": f"Bearer {forged('HS512')}", "another's key": f"Bearer {forged(key='k' * 64)}",
        "a changed body": f"Bearer {head}.{body[:-2]}AA.{signature}",
        "expired": f"Bearer {forged(exp=int(time.time()) - 1)}",
        "another audience": f"Bearer {forged(aud='elsewhere')}", "another issuer": f"Bearer {forged(iss='elsewhere')}",
        "too long a life": f"Bearer {forged(exp=int(time.time()) + 90_000)}", "no end": f"Bearer {forged(exp=None)}",
        "nobody's": f"Bearer {forged(sub='me')}", "an erased player's": f"Bearer {forged(sub='eve')}",
        "two": f"Api-Key {expired}, Bearer {forged()}",
    }  # fmt: skip
    plain = {name: credentials[name] for name in ("none", "a wrong secret", "alg none", "expired")}
    whole = {"GET metrics", "POST events", "DELETE players/<str:player_id>", "POST rewards/<str:distribution_id>/claim"}
    for call in calls():
        for name, header in (credentials if str(call) in whole else plain).items():
            client = APIClient(headers={} if header is None else {"Authorization": header})
            response = call.send(client)
            watch.refused((call, name), response, 401)
            if not response.headers.get("WWW-Authenticate"):
                watch.wrong.append(f"{call} {name}: no WWW-Authenticate")
    gone.delete()
    ApiKey.objects.filter(name="old").delete()


def test_a_key_without_the_scope(server: APIClient, watch: Watcher) -> None:
    for scope in SCOPES:
        others = game_server(*(other for other in SCOPES if scope not in {other, *INCLUDED.get(other, ())}))
        watch.rows = game.counts()
        for call in calls():
            if call.scope == scope and str(call) != "GET held":  # which the right to decide opens too
                watch.refused(call, call.send(others), 403, "missing_scope")
                watch.refused(call, call.send(others, body=b"{nonsense"), 403, "missing_scope")
    ApiKey.objects.exclude(pk=ApiKey.objects.order_by("pk")[0].pk).delete()
    assert {call.scope for call in calls()} == set(SCOPES)


def test_a_key_that_may_a_part_of_what_another_may(server: APIClient, watch: Watcher) -> None:
    for scope in ("tokens:mint", "players:erase", "anticheat:decide"):
        only = game_server(scope)
        watch.rows = game.counts()
        for call in calls():
            if call.scope == scope or (scope, str(call)) == ("anticheat:decide", "GET held"):
                with transaction.atomic():
                    assert call.send(only).status_code == call.status, (scope, str(call))
                    transaction.set_rollback(True)
            else:
                watch.refused((scope, call), call.send(only), 403, "missing_scope")
    ApiKey.objects.exclude(pk=ApiKey.objects.order_by("pk")[0].pk).delete()


def test_a_players_token_where_only_servers_may(server: APIClient, watch: Watcher) -> None:
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


def test_another_players_id(server: APIClient, watch: Watcher) -> None:
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


def test_a_player_who_was_erased(server: APIClient, watch: Watcher) -> None:
    """Nothing is given to, taken from or counted for somebody whose rows are gone; reading finds nobody's."""
    for call in of(lambda call: call.names_player and call.method not in ("GET", "DELETE")):
        if call.scope == "events:write":
            continue  # a refused event, which the store notes under the hash that stays: below
        path = call.path(player_id="eve") if call.names_player == "path" else None
        body = {**(call.body or {}), "player_id": "eve"} if call.names_player == "body" else None
        watch.refused(call, call.send(server, path=path, body=body), 409, "player_erased")
    for call in of(lambda call: call.names_player == "path" and call.method == "GET" and call.is_list):
        listed = call.send(server, path=call.path(player_id="eve"))
        assert listed.status_code == 200
        assert not [row for row in listed.json()["results"] if row.get("is_completed") or "seq" in row], str(call)
    noted = RejectedEvent.objects.count()
    for call in of(lambda call: call.names_player == "body" and call.scope == "events:write"):
        with transaction.atomic():
            response = call.send(server, body={**(call.body or {}), "player_id": "eve"})
            assert (response.status_code, response.json()["code"]) in ((400, "player_erased"), (409, "player_erased"))
            assert RejectedEvent.objects.count() == noted + 1
            assert not RejectedEvent.objects.filter(player_id="eve").exists()
            transaction.set_rollback(True)
    watch.refused("erase", server.delete(f"{game.API}/players/eve"), 404, "not_found")
    watch.refused("export", server.get(f"{game.API}/players/eve/export"), 404, "not_found")


# -- addresses ---------------------------------------------------------------------------------------------------------

NO_ID = [
    "%00", "a%00b", "%2F", "a%2Fb", "..%2F..", "%252F", "%F0%9F%98%80", "%C3%A9", "%ff", "%ED%A0%80", "%25", "%", "%zz",
    "a%20b", "%20", "%0A", "a%0Ab", "a%3Fb", "%23", "'", '"', "%3Cscript%3E", "%E2%80%AE", "x" * 65, LONG, "{id}", "*",
    "%D9%A1",
]  # fmt: skip


def test_an_id_that_nothing_can_have(server: APIClient, watch: Watcher) -> None:
    for call in of(lambda call: call.parameters):
        for _, name in call.parameters:
            for text in some(NO_ID, call):
                watch.refused((call, name, text), call.send(server, path=call.path(**{name: text})), 404, "not_found")


def test_an_id_that_nothing_has(server: APIClient, watch: Watcher) -> None:
    for call in of(lambda call: call.parameters):
        for _, name in call.parameters:
            if name in ("player_id", "currency", "item_id"):  # unseen players, currencies and items are at nothing
                continue
            for text in ("nothing", "0", "99999999999999999999", "-1", "1.5", "00000000-0000-0000-0000-000000000000"):
                watch.refused((call, name, text), call.send(server, path=call.path(**{name: text})), 404, "not_found")


def test_a_game_server_is_nobody_and_says_so(server: APIClient, watch: Watcher) -> None:
    for call in of(lambda call: call.names_player):
        if call.names_player == "path":
            for named in ("me", "%2E", "%2E%2E"):  # what a client that leaves paths alone may send
                watch.refused(call, call.send(server, path=call.path(player_id=named)), 404, "not_found")
        elif call.names_player == "query":
            for query in (
                "",
                "?player_id=",
                "?player_id=me",
                "?player_id=..",
                "?player_id=a%00b",
                "?player_id=%F0%9F%98%80",
                f"?player_id={LONG}",
            ):
                path = call.path(player_id="").split("?")[0] + query
                watch.refused((call, query), call.send(server, path=path), 400, path="player_id")
        else:
            words = ("", "me", ".", "..", "a b", "x" * 65, "\N{GRINNING FACE}", "a/b")
            for id_ in (*words, 5, None, ["ann"], {"id": "ann"}):
                body = {**(call.body or {}), "player_id": id_}
                watch.refused((call, id_), call.send(server, body=body), 400, path="player_id")


def test_a_page_that_cannot_be(server: APIClient, watch: Watcher) -> None:
    garbage = [
        "0", "-1", "201", "abc", "1.5", "", "%00", "%F0%9F%98%80", "1e2", "%D9%A1", "99999999999999999999", "+5",
    ]  # fmt: skip
    for call in of(lambda call: call.is_list):
        for text in garbage:
            watch.refused(
                (call, text), call.send(server, path=f"{call.path()}?page_size={text}"), 400, path="page_size"
            )


def test_a_cursor_that_was_not_made_here(server: APIClient, watch: Watcher) -> None:
    other = server.get(f"{game.API}/metrics?page_size=1").json()["next"].partition("cursor=")[2].partition("&")[0]
    for call in of(lambda call: call.is_list):
        for text in ("x", "a:b:c", "%00", "%F0%9F%98%80", LONG, ".", "::", other + "x", other):
            if call.route == "metrics" and text == other:
                continue
            watch.refused(
                (call, text), call.send(server, path=f"{call.path()}?cursor={text}"), 400, "bad_cursor", "cursor"
            )


def test_a_filter_that_makes_no_sense(server: APIClient, watch: Watcher) -> None:
    """Refused with its name, or it matches nothing."""
    for call in of(lambda call: call.method == "GET"):
        for name in FILTERS.get(call.route, []):
            for text in ("%00", "a%00b", "%F0%9F%98%80", "%ff", LONG, "'", "%25", "~", "[]"):
                for client in (server, player("ann")) if call.open_to_players else (server,):
                    path = call.path(player_id="ann").split("?")[0]
                    response = call.send(client, path=f"{path}?{name}={text}")
                    if name == "available_to" and client is not server:  # somebody who is not this player
                        watch.refused((call, name, text), response, 404, "not_found")
                    elif response.status_code != 200:
                        watch.refused((call, name, text), response, 400, "invalid", name)
                    elif json.loads(response.content)["results"]:
                        watch.wrong.append(f"{call} {name} {text}: found something")


def asking(call: Call, names: Sequence[str]) -> str:
    """The call's path with these parameters besides."""
    return call.path() + ("&" if "?" in call.path() else "?") + "&".join(f"{name}=x" for name in names)


def test_a_query_parameter_that_nobody_knows(server: APIClient, watch: Watcher) -> None:
    """One alone, and several at once, each of which is named."""
    for call in calls():
        for names in (["nonsense"], ["status", "fields", "%00", ""]):
            for client in (server, player("ann")) if call.open_to_players else (server,):
                response = call.send(client, path=asking(call, names), **{"Idempotency-Key": "k"})
                shown = [name.replace("%00", "\0") for name in names]
                watch.refused((call, *names), response, 400, "unknown_parameter", shown)


def test_a_query_parameter_of_another_route(server: APIClient, watch: Watcher) -> None:
    known = {name for names in FILTERS.values() for name in names} | {"player_id", "cursor", "page_size"}
    for call in calls():
        taken = {*FILTERS.get(call.route, ())} if call.method == "GET" else set()
        taken |= {"cursor", "page_size"} if call.is_list else set()
        taken |= {"player_id"} if call.names_player in ("query", "body") and call.route not in BODY_ONLY else set()
        names = sorted(known - taken)
        response = call.send(server, path=asking(call, names), **{"Idempotency-Key": "k"})
        watch.refused(call, response, 400, "unknown_parameter", names)  # each of them is named


def test_who_calls_is_asked_before_what_for(server: APIClient, watch: Watcher) -> None:
    for call in calls():
        sign = "&" if "?" in call.path() else "?"
        path = f"{call.path()}{sign}nonsense=1"
        watch.refused(call, call.send(APIClient(), path=path), 401, "not_authenticated")
        if not call.open_to_players:
            watch.refused(call, call.send(player("ann"), path=path), 403, "not_for_players")


# -- methods and headers -----------------------------------------------------------------------------------------------


def test_a_method_that_a_route_does_not_have(server: APIClient, watch: Watcher) -> None:
    there = {(call.route, call.method) for call in calls()}
    for call in {call.route: call for call in calls()}.values():
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE", "TRACE", "QUERY", "get"):
            if (call.route, method.upper()) not in there:
                for client in (server, player("ann")):
                    response = client.generic(method, call.path(), "{}", content_type="application/json")
                    watch.refused((call, method), response, 405, "method_not_allowed")
                    if call.method not in response.headers.get("Allow", ""):
                        watch.wrong.append(f"{call} {method}: Allow does not say so")


def test_an_idempotency_key_that_cannot_be(server: APIClient, watch: Watcher) -> None:
    for call in of(lambda call: call.method == "POST"):
        if call.only_reads or call.route.endswith("/token"):
            continue  # changes nothing, and a token is not kept to be given again
        for key in ("", " ", "a b", "x" * 256, "\xe9", "a\tb", "\x7f", "\N{GRINNING FACE}"):
            response = call.send(server, **{"Idempotency-Key": key})
            watch.refused((call, key), response, 400, path="Idempotency-Key")


def test_an_answer_nobody_here_can_write(server: APIClient, watch: Watcher) -> None:
    for call in calls():
        for accept in ("text/html", "application/xml", "nonsense"):
            if call.route != "events":
                watch.refused((call, accept), call.send(server, Accept=accept), 400, "not_acceptable")
