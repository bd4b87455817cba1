import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import jwt
import pytest
import time_machine
from django.conf import settings
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from rest_framework.test import APIClient

from gamification.environment import token_key
from gamification.kernel.models import ApiKey
from gamification.kernel.web import access
from gamification.kernel.web.access import create_key, rotate
from gamification.kernel.web.tokens import issue_token
from progress.models import Player
from tests.support.callers import assert_problem, game_server, player

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 5, 30, 12, tzinfo=UTC)


@pytest.fixture
def noon() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


def with_header(text: str) -> APIClient:
    return APIClient(headers={"Authorization": text})


def signed(**changes: object) -> str:
    now = int(datetime.now(UTC).timestamp())
    claims = {
        "sub": "ada",
        "iss": settings.TOKEN_ISSUER,
        "aud": settings.TOKEN_AUDIENCE,
        "iat": now,
        "exp": now + 60,
        **changes,
    }
    present = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode(present, settings.TOKEN_KEY, algorithm=settings.TOKEN_ALGORITHM)


# -- API keys ----------------------------------------------------------------------------------------------------------


def test_a_secret_is_long_and_only_its_hash_is_kept() -> None:
    key, text = create_key("game", ["players:read"])
    prefix, secret = text.split(".")
    assert prefix == key.prefix
    assert len(secret) * 6 >= 128
    assert secret not in str(ApiKey.objects.values().get())


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Api-Key",
        "Api-Key nonsense",
        "Api-Key abc.def",
        "Api-Key a.b.c",
        "Api-Key abc.\x00",
        "Api-Key abc def",
        "Basic YTpi",
        "Bearer",
        "Bearer nonsense",
        "Bearer a.b.c",
    ],
)
def test_no_or_bad_credentials_are_a_401_that_says_how_to_come_in(header: str) -> None:
    response = with_header(header).get("/api/v1/players/ada")
    assert response.status_code == 401
    assert response["WWW-Authenticate"] == 'Api-Key realm="gamification", Bearer realm="gamification"'
    assert response["Content-Type"] == "application/problem+json"


def test_a_known_prefix_with_another_secret_is_refused() -> None:
    key, _ = create_key("game", ["players:read"])
    response = with_header(f"Api-Key {key.prefix}.AAAAAAAAAAAAAAAAAAAAAAAA").get("/api/v1/players/ada")
    assert_problem(response, 401, "authentication_failed")


def test_a_revoked_key_stops_at_once() -> None:
    client = game_server()
    assert client.get("/api/v1/players/ada").status_code == 200
    ApiKey.objects.update(revoked_at=datetime.now(UTC))
    assert_problem(client.get("/api/v1/players/ada"), 401, "key_revoked")


def test_a_key_stops_when_it_expires(noon: time_machine.Traveller) -> None:
    _, text = create_key("game", ["players:read"], NOON + timedelta(hours=1))
    client = with_header(f"Api-Key {text}")
    noon.shift(3599)
    assert client.get("/api/v1/players/ada").status_code == 200
    noon.shift(1)
    assert_problem(client.get("/api/v1/players/ada"), 401, "key_expired")


def test_last_use_is_noted_once_a_minute(noon: time_machine.Traveller) -> None:
    client = game_server()
    client.get("/api/v1/players/ada")
    noon.shift(59)
    client.get("/api/v1/players/ada")
    assert ApiKey.objects.get().last_used_at == NOON
    noon.shift(1)
    client.get("/api/v1/players/ada")
    assert ApiKey.objects.get().last_used_at == NOON + timedelta(minutes=1)


def test_a_rotated_key_works_until_the_overlap_ends(noon: time_machine.Traveller) -> None:
    key, old = create_key("game", ["players:read"])
    successor, new = rotate(key, now=NOON, overlap=timedelta(hours=1))
    assert (successor.name, successor.scopes, successor.expires_at) == ("game", ["players:read"], None)
    assert with_header(f"Api-Key {old}").get("/api/v1/players/ada").status_code == 200
    noon.shift(3600)
    assert with_header(f"Api-Key {old}").get("/api/v1/players/ada").status_code == 401
    assert with_header(f"Api-Key {new}").get("/api/v1/players/ada").status_code == 200


def test_rotating_does_not_lengthen_a_key_that_ends_sooner() -> None:
    key, _ = create_key("game", ["players:read"], NOON + timedelta(minutes=1))
    rotate(key, now=NOON, overlap=timedelta(hours=1))
    assert key.expires_at == NOON + timedelta(minutes=1)


def test_a_key_without_the_scope_is_refused_and_changes_nothing() -> None:
    client = game_server("players:read", "events:write", "content:write", "rewards:grant", "analytics:read")
    assert_problem(client.patch("/api/v1/players/ada", {"display_name": "Ada"}), 403, "missing_scope")
    assert_problem(client.delete("/api/v1/players/ada"), 403, "missing_scope")
    assert_problem(client.post("/api/v1/players/ada/token"), 403, "missing_scope")
    assert not Player.objects.exists()


def test_a_method_nobody_serves_is_a_405() -> None:
    assert_problem(game_server().put("/api/v1/players/ada", {}), 405, "method_not_allowed")
    assert_problem(player("ada").put("/api/v1/players/ada", {}), 405, "method_not_allowed")


def test_a_view_that_names_no_scope_is_closed() -> None:
    from rest_framework.test import APIRequestFactory
    from rest_framework.views import APIView

    class Forgotten(APIView):
        def get(self, request: object) -> None:
            raise AssertionError("reached")

    _, key = create_key("game", access.SCOPES)
    request = APIRequestFactory().get("/", headers={"Authorization": f"Api-Key {key}"})
    assert Forgotten.as_view()(request).status_code == 403


def test_a_person_of_the_console_reads_the_docs_but_calls_nothing() -> None:
    client = APIClient()
    client.force_login(User.objects.create_superuser("designer"))
    assert client.get("/api/docs/").status_code == 200
    assert client.get("/api/v1/players/ada").status_code == 401


# -- players' tokens ---------------------------------------------------------------------------------------------------


def test_a_token_speaks_for_its_player_for_an_hour(noon: time_machine.Traveller) -> None:
    token, expires_at = issue_token("ada", NOON)
    assert expires_at == NOON + timedelta(hours=1)
    client = with_header(f"Bearer {token}")
    noon.shift(3599)
    assert client.get("/api/v1/players/me").json()["player_id"] == "ada"
    noon.shift(1)
    assert_problem(client.get("/api/v1/players/me"), 401, "expired_token")


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": "somebody-else"},
        {"iss": "somebody-else"},
        {"aud": None},
        {"iss": None},
        {"exp": None},
        {"iat": None},
        {"sub": None},
        {"sub": "me"},
        {"sub": "."},
        {"sub": ".."},
        {"sub": "no player!"},
        {"exp": "soon"},
        {"iat": "now"},
        {"gen": "0"},
        {"gen": True},
        {"exp": 99999999999},
    ],
    ids=str,
)
def test_a_token_with_other_claims_is_refused(changes: dict[str, object]) -> None:
    try:
        token = signed(**changes)
    except TypeError:  # the library itself would not sign it
        return
    assert_problem(with_header(f"Bearer {token}").get("/api/v1/players/me"), 401, "invalid_token")


def test_a_token_of_another_algorithm_or_key_is_refused() -> None:
    claims = jwt.decode(signed(), options={"verify_signature": False})
    for token in (
        jwt.encode(claims, None, algorithm="none"),  # type: ignore[arg-type]
        jwt.encode(claims, settings.TOKEN_KEY, algorithm="HS384"),
        jwt.encode(claims, "another secret that is long enough for it", algorithm="HS256"),
    ):
        assert_problem(with_header(f"Bearer {token}").get("/api/v1/players/me"), 401, "invalid_token")


def given(server: APIClient, player_id: str = "ada") -> APIClient:
    """The player, by a token that the service gives now."""
    answer = server.post(f"/api/v1/players/{player_id}/token")
    assert answer.status_code == 200
    assert answer["Cache-Control"] == "no-store"
    return with_header(f"Bearer {answer.json()['token']}")


def test_a_ban_ends_the_players_tokens_also_after_it_is_lifted() -> None:
    server = game_server()
    ada = given(server)
    assert server.patch("/api/v1/players/ada", {"banned": True}).status_code == 200
    assert_problem(ada.get("/api/v1/players/me"), 401, "banned")
    assert_problem(server.post("/api/v1/players/ada/token"), 409, "banned")
    server.patch("/api/v1/players/ada", {"banned": False})
    assert_problem(ada.get("/api/v1/players/me"), 401, "revoked_token")
    assert given(server).get("/api/v1/players/me").status_code == 200


def test_a_players_tokens_are_ended_at_once_and_new_ones_are_good() -> None:
    server = game_server()
    for player_id in ("ada", "ada", "never-seen"):
        before, bob = given(server, player_id), given(server, "bob")
        assert server.delete(f"/api/v1/players/{player_id}/token").status_code == 204
        assert_problem(before.get("/api/v1/players/me"), 401, "revoked_token")
        assert given(server, player_id).get("/api/v1/players/me").status_code == 200
        assert bob.get("/api/v1/players/me").status_code == 200


def test_whoever_may_write_players_may_all_that_a_part_of_it_may() -> None:
    whole = game_server("players:write")
    for scope in ("tokens:mint", "players:erase", "anticheat:decide"):
        assert scope in access.with_included(["players:write"])
    assert given(whole).get("/api/v1/players/me").status_code == 200
    assert whole.delete("/api/v1/players/ada/token").status_code == 204
    assert_problem(whole.post("/api/v1/held/1/release"), 404, "not_found")
    assert whole.delete("/api/v1/players/ada").status_code == 204


def test_only_a_key_that_may_ends_tokens() -> None:
    assert_problem(player("ada").delete("/api/v1/players/me/token"), 403, "not_for_players")
    assert_problem(game_server("players:read").delete("/api/v1/players/ada/token"), 403, "missing_scope")
    assert not Player.objects.exists()


def test_what_holds_a_token_or_all_about_a_player_is_kept_by_no_cache() -> None:
    server = game_server()
    server.patch("/api/v1/players/ada", {"display_name": "Ada"})
    for answer in (
        server.post("/api/v1/players/ada/token"),
        server.get("/api/v1/players/ada/export"),
        given(server).get("/api/v1/players/me/export"),
    ):
        assert answer["Cache-Control"] == "no-store"


def test_a_token_names_the_key_that_signed_it_and_every_listed_key_verifies(settings: Any) -> None:
    server, old = game_server(), settings.TOKEN_KEY
    before, unnamed = given(server), with_header(f"Bearer {signed()}")
    new = token_key("another secret that is long enough for it", "HS256")
    settings.TOKEN_KEY, settings.TOKEN_KEY_ID = new.signs, new.id
    settings.TOKEN_KEYS = {new.id: new.verifies} | settings.TOKEN_KEYS
    after = issue_token("ada", datetime.now(UTC))[0]
    assert jwt.get_unverified_header(after)["kid"] == new.id
    for ada in (before, unnamed, with_header(f"Bearer {after}")):
        assert ada.get("/api/v1/players/me").status_code == 200
    settings.TOKEN_KEYS = {new.id: new.verifies}
    for ada in (before, unnamed):
        assert_problem(ada.get("/api/v1/players/me"), 401, "invalid_token")
    claims = jwt.decode(after, options={"verify_signature": False})
    forged = jwt.encode(claims, old, "HS256", headers={"kid": new.id})  # names our key, is signed by another
    assert_problem(with_header(f"Bearer {forged}").get("/api/v1/players/me"), 401, "invalid_token")


def test_a_player_finds_nobody_else_and_changes_nothing() -> None:
    ada = player("ada")
    assert ada.get("/api/v1/players/ada").status_code == 200
    for route in ("", "/metrics", "/messages", "/export"):
        assert_problem(ada.get(f"/api/v1/players/bob{route}"), 404, "not_found")
    assert_problem(ada.patch("/api/v1/players/me", {"display_name": "Ada"}), 403, "not_for_players")
    assert_problem(ada.delete("/api/v1/players/me"), 403, "not_for_players")
    assert_problem(ada.post("/api/v1/players/me/token"), 403, "not_for_players")
    assert not Player.objects.exists()


def test_me_is_nobody_to_a_game_server() -> None:
    server = game_server()
    assert_problem(server.get("/api/v1/players/me"), 404, "not_found")
    assert_problem(server.patch("/api/v1/players/me", {"display_name": "x"}), 404, "not_found")
    assert not Player.objects.exists()


# -- the command -------------------------------------------------------------------------------------------------------


def test_create_api_key_prints_the_key_alone_on_the_last_line() -> None:
    out = StringIO()
    call_command("create_api_key", "game", "--scope", "players:read", "--scope", "events:write", stdout=out)
    key = out.getvalue().splitlines()[-1]
    assert re.fullmatch(r"[0-9a-f]{12}\.[A-Za-z0-9_-]{43}", key)
    assert with_header(f"Api-Key {key}").get("/api/v1/players/ada").status_code == 200
    assert ApiKey.objects.get().scopes == ["events:write", "players:read"]
    assert ApiKey.objects.get().expires_at is None


def test_create_api_key_can_make_one_that_ends(noon: time_machine.Traveller) -> None:
    call_command("create_api_key", "game", "--scope", "players:read", "--expires-days", "7", stdout=StringIO())
    assert ApiKey.objects.get().expires_at == NOON + timedelta(days=7)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["game", "--scope", "players:rule"], "unknown scope players:rule: choose from events:write, players:read"),
        (["game"], "give --scope"),
        (["x" * 101, "--scope", "players:read"], "1 to 100 characters"),
        (["game", "--scope", "players:read", "--expires-days", "0"], "--expires-days is from 1"),
    ],
)
def test_create_api_key_says_what_is_wrong_and_makes_none(arguments: list[str], said: str) -> None:
    with pytest.raises(CommandError, match=re.escape(said)):
        call_command("create_api_key", *arguments)
    assert not ApiKey.objects.exists()
