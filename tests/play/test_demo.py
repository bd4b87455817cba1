"""The demo player's two routes: what they take, and when they are not there at all."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from gamification.console import packs
from gamification.console.management.commands.setup_sample import load_content
from gamification.console.sample import CONTENT
from gamification.kernel.content import publishing
from gamification.kernel.core import bus
from gamification.kernel.core.actors import SYSTEM
from gamification.kernel.models import Event
from gamification.kernel.web.tokens import read_token
from gamification.play.moves import MOVES
from progress.models import Player
from quests import reading
from quests.commands import StartQuest

pytestmark = pytest.mark.django_db


@pytest.fixture
def sample(settings: Any) -> None:
    settings.RABBITMQ_URL = ""
    load_content()


@pytest.fixture
def visitor() -> Client:
    return Client()


def post(visitor: Client, path: str, body: object = None, headers: dict[str, str] | None = None) -> Any:
    return visitor.post(f"/play/{path}", json.dumps(body or {}), content_type="application/json", headers=headers)


def assert_nothing_is_there(visitor: Client) -> None:
    for answer in (visitor.get("/play/"), post(visitor, "token"), post(visitor, "event", {"move": "foe"})):
        assert answer.status_code == 404
        assert json.loads(answer.content)["code"] == "not_found"
    assert not Event.objects.exists()


def test_the_token_is_the_demo_players(visitor: Client, sample: None) -> None:
    answer = post(visitor, "token", {"player_id": "mara"})
    player_id, ends, _ = read_token(answer.json()["token"])
    assert player_id == "demo"
    assert 3500 < (ends - timezone.now()).total_seconds() <= 3600
    assert "no-store" in answer["Cache-Control"]


def test_a_move_is_an_event_of_the_demo_player_and_counts(visitor: Client, sample: None) -> None:
    answer = post(visitor, "event", {"move": "foe"})
    assert answer.status_code == 200
    [sent] = answer.json()["sent"]
    assert sent["type"] == "foe.beaten"
    kept = Event.objects.exclude(event_id__startswith="~").values_list("player_id", "type", "data")
    assert list(kept) == [("demo", "foe.beaten", sent["data"])]
    assert Player.objects.get(pk="demo").achievements_completed >= 1


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"move": "foe", "player_id": "mara"}, "invalid"),
        ({"move": "foe", "data": {"damage": 9999}}, "invalid"),
        ({"move": "become-rich"}, "invalid"),
        ({"move": ["foe"]}, "invalid"),
        ({}, "invalid"),
        ([], "invalid"),
    ],
)
def test_nothing_but_a_move_of_the_list_can_be_asked_for(
    visitor: Client, sample: None, body: object, code: str
) -> None:
    answer = visitor.post("/play/event", json.dumps(body), content_type="application/json")
    assert answer.status_code == 400
    assert answer.json()["code"] == code
    assert not Event.objects.exists()


def test_what_is_no_json_is_refused(visitor: Client, sample: None) -> None:
    answer = visitor.post("/play/event", "{", content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_json")


def test_in_production_nothing_is_there(visitor: Client, sample: None, settings: Any) -> None:
    settings.PRODUCTION = True
    assert_nothing_is_there(visitor)


def test_without_the_sample_game_nothing_is_there(visitor: Client) -> None:
    assert_nothing_is_there(visitor)


def test_beside_a_game_that_somebody_designs_nothing_is_there(visitor: Client) -> None:
    packs.load(CONTENT, actor=SYSTEM, now=timezone.now())
    assert_nothing_is_there(visitor)


def test_another_site_can_neither_play_nor_get_a_token(sample: None) -> None:
    strict = Client(enforce_csrf_checks=True)
    token = strict.get("/play/").context["csrf_token"]
    assert post(strict, "token").status_code == 403
    assert post(strict, "event", {"move": "foe"}).status_code == 403
    foreign = {"X-CSRFToken": token, "Origin": "https://elsewhere.example"}
    assert post(strict, "event", {"move": "foe"}, foreign).status_code == 403
    assert not Event.objects.exists()
    assert post(strict, "event", {"move": "foe"}, {"X-CSRFToken": token}).status_code == 200


def test_the_page_runs_no_script_but_its_own(visitor: Client, sample: None) -> None:
    page = visitor.get("/play/")
    rules = dict(rule.strip().split(" ", 1) for rule in page["Content-Security-Policy"].split(";"))
    assert rules["default-src"] == "'none'"
    assert rules["script-src"] == rules["style-src"] == "'self'"
    assert rules["connect-src"] == "'self' ws://testserver/game-events"
    text = page.content.decode()
    assert text.count("<script") == text.count('<script type="module" src="/static/play/')
    assert "style=" not in text
    assert " on" not in {part[:3] for part in text.split("<button")[1:]}


def test_with_a_port_of_its_own_the_feed_is_there(visitor: Client, sample: None, settings: Any) -> None:
    settings.WS_PORT = settings.PORT + 1
    page = visitor.get("/play/", headers={"host": "localhost:3000"}).content.decode()
    assert f'feed="ws://localhost:{settings.PORT + 1}/game-events"' in page


def test_the_game_sees_to_the_steps_that_wait_for_it_and_no_others(visitor: Client, sample: None) -> None:
    for move in ("go-out", "foe", *["find"] * 5):
        post(visitor, "event", {"move": move})
    assert post(visitor, "event", {"move": "oblige"}).json() == {"completed": []}
    [tutorial] = reading.rows("demo", timezone.now(), state="IN_PROGRESS", for_player=True)
    assert (tutorial["quest_id"], "sign" in tutorial["active_steps"]) == ("learning-the-flats", True)  # a player's step

    bus.handle(StartQuest(player_id="demo", quest_id="handle-with-care"), actor=SYSTEM, now=timezone.now())
    bus.handle(StartQuest(player_id="mara", quest_id="century-procession"), actor=SYSTEM, now=timezone.now())
    answer = post(visitor, "event", {"move": "oblige"}).json()
    assert answer == {"completed": [{"quest": "handle-with-care", "step": "collect"}]}


@pytest.mark.parametrize("name", MOVES)
def test_every_move_is_of_types_that_the_sample_game_counts(sample: None, name: str) -> None:
    counted = {item.definition["event_type"] for item in publishing.current().published["metric"].values()}
    for seed in range(5):
        events = MOVES[name].play(random.Random(seed))
        assert events
        assert {type_ for type_, _ in events} <= counted
