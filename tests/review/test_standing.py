"""How a player stands: who may say so, who is told, what follows, and when it ends."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine

from gamification import clock, pipeline
from gamification.kernel.models import AuditEntry, OutboxFact
from gamification.review.models import Case
from progress.models import Player
from progress.player_standing import PlayerStanding
from tests.support.callers import assert_problem, game_server, player
from tests.support.content import NOON, event

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("now")]
API = "/api/v1"


def stand(standing: str, **said: Any) -> Any:
    wish = {"standing": standing, "reason": "looked odd", **said}
    return game_server("anticheat:decide").patch(f"{API}/players/ann/standing", wish)


def changes() -> list[tuple[str, str]]:
    found = OutboxFact.objects.filter(type="standing.changed").order_by("id")
    return [(fact.data["before"], fact.data["standing"]) for fact in found]


def test_a_key_that_may_decide_sets_how_a_player_stands() -> None:
    answer = stand("UNRANKED", expires_at="2026-12-01T00:00:00Z")
    assert answer.json() == {
        "player_id": "ann", "standing": "UNRANKED", "expires_at": "2026-12-01T00:00:00Z", "case": None,
        "is_test": False,
    }  # fmt: skip
    [entry] = AuditEntry.objects.filter(player_id="ann")
    assert (entry.action, entry.reason) == ("set_standing", "looked odd")
    assert (entry.before, entry.after) == (
        {"standing": "CLEAR", "expires_at": None},
        {"standing": "UNRANKED", "expires_at": "2026-12-01T00:00:00Z"},
    )
    assert changes() == [("CLEAR", "UNRANKED")]


def test_to_stand_as_before_states_nothing() -> None:
    stand("WATCHED")
    stand("WATCHED", expires_at="2026-12-01T00:00:00Z")
    assert changes() == [("CLEAR", "WATCHED")]
    assert Player.objects.get().standing_ends_at is not None


def test_keys_are_told_how_somebody_stands_and_players_are_not() -> None:
    stand("WITHHELD")
    assert game_server("players:read").get(f"{API}/players/ann").json()["standing"] == "WITHHELD"
    assert game_server("players:read").get(f"{API}/players/nobody").json()["standing"] == "CLEAR"
    own = player("ann").get(f"{API}/players/me")
    assert own.json().keys().isdisjoint({"standing", "is_test"})
    assert b"WITHHELD" not in own.content + player("ann").get(f"{API}/players/me/export").content
    messages = player("ann").get(f"{API}/players/me/messages").json()
    assert messages["results"] == []


@pytest.mark.parametrize(
    ("wish", "path"),
    [
        ({"standing": "GREAT", "reason": "r"}, "standing"),
        ({"standing": "CLEAR"}, "reason"),
        ({"standing": "CLEAR", "reason": " "}, "reason"),
        ({"standing": "UNRANKED", "reason": "r", "expires_at": "2026-11-20T12:00:00Z"}, "expires_at"),
        ({"standing": "UNRANKED", "reason": "r", "expires_at": "tomorrow"}, "expires_at"),
    ],
)
def test_what_makes_no_sense_is_refused_by_its_path(wish: dict[str, Any], path: str) -> None:
    answer = game_server("anticheat:decide").patch(f"{API}/players/ann/standing", wish)
    assert_problem(answer, 400, "invalid", path)
    assert not Player.objects.exists()


def test_a_ban_is_a_standing_and_the_standing_a_ban() -> None:
    server = game_server()
    server.patch(f"{API}/players/ann", {"banned": True})
    ann = Player.objects.get()
    assert (ann.standing, ann.banned) == ("BANNED", True)
    server.patch(f"{API}/players/ann", {"banned": False})
    ann.refresh_from_db()
    assert (ann.standing, ann.banned) == ("CLEAR", False)
    stand("BANNED")
    ann.refresh_from_db()
    assert (ann.banned, ann.banned_at, ann.token_generation) == (True, NOON, 2)
    assert_problem(player("ann").get(f"{API}/players/me"), 401, "banned")
    assert pipeline.process([event("e1")], now=NOON).held == {"ann": ["e1"]}
    assert changes() == [("CLEAR", "BANNED"), ("BANNED", "CLEAR"), ("CLEAR", "BANNED")]


def test_what_an_older_release_says_of_a_ban_is_right() -> None:
    Player.objects.create(player_id="ann", banned=True)
    Player.objects.create(player_id="bob", standing="BANNED")
    shown = {id_: game_server().get(f"{API}/players/{id_}").json()["standing"] for id_ in ("ann", "bob")}
    assert shown == {"ann": "BANNED", "bob": "CLEAR"}
    assert PlayerStanding.of("WITHHELD", True) == PlayerStanding.BANNED


def test_the_clock_lifts_what_has_come_to_its_end_once(now: time_machine.Traveller) -> None:
    stand("BANNED", expires_at="2026-11-20T13:00:00Z")
    for chore in clock.CHORES:
        if chore.name == "lift standings that end":
            chore.run(NOON + timedelta(minutes=59))
            assert Player.objects.get().standing == "BANNED"
            chore.run(NOON + timedelta(hours=1))
            chore.run(NOON + timedelta(hours=2))
    ann = Player.objects.get()
    assert (ann.standing, ann.banned, ann.standing_ends_at) == ("CLEAR", False, None)
    assert changes() == [("CLEAR", "BANNED"), ("BANNED", "CLEAR")]


def test_a_test_player_is_marked_by_the_profile() -> None:
    server = game_server()
    assert server.patch(f"{API}/players/ann", {"is_test": True}).json()["is_test"] is True
    [entry] = AuditEntry.objects.filter(player_id="ann")
    assert (entry.before, entry.after) == ({"is_test": False}, {"is_test": True})


def test_a_standing_follows_from_a_case_about_that_player_or_from_none() -> None:
    of_another = Case.objects.create(
        player_id="bob", log10_tail=-9, stake=1, weight=9, opened_at=NOON, due_at=NOON + timedelta(days=7)
    )
    for case in (of_another.pk, of_another.pk + 1):
        assert_problem(stand("UNRANKED", case=case), 400, "invalid")
        assert not Player.objects.filter(standing="UNRANKED").exists()
    of_another.player_id = "ann"
    of_another.save()
    assert stand("UNRANKED", case=of_another.pk).json()["case"] == of_another.pk
