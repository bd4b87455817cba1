from typing import Any

import pytest
from rest_framework.request import Request
from rest_framework.test import APIRequestFactory

from gamification.kernel.core.messages import Invalid, NotFound
from gamification.kernel.models import ApiKey
from gamification.kernel.web.access import GameServer, PlayerToken, Principal, acting_player, player_in_path, principal

SERVER = GameServer(ApiKey(pk=1), frozenset())
ADA = PlayerToken("ada")


def called_by(caller: Principal) -> Request:
    request = Request(APIRequestFactory().get("/"))
    request.user = caller  # type: ignore[assignment]
    return request


@pytest.mark.parametrize("named", [None, "ada", "me"])
def test_a_player_acts_as_the_tokens_subject(named: str | None) -> None:
    assert acting_player(called_by(ADA), named) == "ada"


@pytest.mark.parametrize("named", ["bob", "", "ADA", 5, ["ada"], {"ada": 1}])
def test_for_a_player_anybody_else_is_unknown(named: Any) -> None:
    with pytest.raises(NotFound):
        acting_player(called_by(ADA), named)


def test_a_game_server_acts_for_the_player_it_names() -> None:
    assert acting_player(called_by(SERVER), "A-z.0_9:@") == "A-z.0_9:@"


@pytest.mark.parametrize(
    ("named", "code"),
    [
        (None, "required"),
        ("", "required"),
        ("me", "invalid"),
        (".", "invalid"),
        ("..", "invalid"),
        ("x" * 65, "invalid"),
        ("a b", "invalid"),
        ("a\n", "invalid"),
        ("é", "invalid"),
        ("a\0", "invalid"),
        (5, "invalid"),
        (["ada"], "invalid"),
    ],
)
def test_a_game_server_must_name_a_player(named: Any, code: str) -> None:
    with pytest.raises(Invalid) as refused:
        acting_player(called_by(SERVER), named)
    assert [(error["path"], error["code"]) for error in refused.value.errors] == [("player_id", code)]


def test_a_name_that_only_begins_with_me_is_a_player() -> None:
    assert player_in_path(called_by(SERVER), "melanie") == "melanie"
    assert player_in_path(called_by(ADA), "me") == "ada"


def test_a_caller_without_a_name_has_no_principal() -> None:
    with pytest.raises(TypeError):
        principal(Request(APIRequestFactory().get("/")))
