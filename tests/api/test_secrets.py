"""What a player must not learn, nowhere and by no question: SECRET achievements, and anything of another player.

The secret one is swept for by a telltale word that all of it bears but its id. Where the question itself bears the word
(a search, an id), the answer has to be the one that a word nobody ever used would get.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from django.db import transaction
from django.utils import timezone
from rest_framework.test import APIClient

from anticheat.models import Rule
from gamification import backfilling
from rewards.models import Distribution
from tests.support import game
from tests.support.callers import player
from tests.support.routes import FILTERS, Call, calls

pytestmark = pytest.mark.django_db

API = game.API
WORD, OTHER = "zanzibar", "xanzibar"
"""The telltale, and a word like it that nothing bears."""
OF_BOB = "quagga"

SECRET: dict[str, list[game.Json]] = {
    "metrics": [
        {
            "id": "zanzibar-cows", "name": "Zanzibar", "description": "zanzibar", "unit": "zanzibars",
            "event_type": "cow.clicked", "value_field": "n", "reported_by": "PLAYER",
        },
        {"id": "moos", "event_type": "cow.mooed"},
    ],
    "currencies": [{"id": "zanzibar-bells", "name": "Zanzibar bells"}],
    "rewards": [
        {"id": "zanzibar-coins", "type": "CURRENCY", "value": 5, "currency": "zanzibar-bells", "claim": "AUTO"},
        {"id": "zanzibar-horn", "type": "BADGE", "metadata": {"hint": "zanzibar"}},
        {"id": "zanzibar-chest", "type": "RANDOM", "table": [{"reward": "zanzibar-horn"}]},
        {"id": "bell", "type": "BADGE"},
    ],
    "achievements": [
        {
            "id": "s-2", "title": "Zanzibar", "description": "zanzibar", "type": "SECRET", "category": "STORY",
            "points": 33, "series": "zanzibar", "tier": 7, "icon": "zanzibar.png", "metadata": {"zanzibar": "zanzibar"},
            "requirements": [{"type": "SUM", "metric": "zanzibar-cows", "operator": "gte", "threshold": 10}],
            "rewards": ["zanzibar-coins", "zanzibar-chest", "coins"],
        },
        {
            "id": "s-3", "title": "Moo", "type": "SECRET", "rewards": ["bell"],
            "requirements": [{"type": "COUNT", "metric": "moos", "operator": "gte", "threshold": 5}],
        },
        {
            "id": "after", "title": "After", "prerequisites": ["s-2", "hunter"],
            "requirements": [
                {"type": "COUNT", "metric": "kills", "operator": "gte", "threshold": 50},
                {"type": "ACHIEVEMENT", "target": "s-2"},
            ],
        },
    ],
    "quests": [
        {
            "id": "errands", "title": "Errands", "rewards": ["coins"], "steps": [{"id": "one", "title": "One"}],
            "requirements": [{"type": "ACHIEVEMENT", "target": "s-2"}],
        },
        {
            "id": "flight", "title": "Flight", "steps": [{"id": "one", "title": "One"}],
            "fail_conditions": [{"type": "ACHIEVEMENT", "target": "s-2"}],
        },
        {
            "id": "ride", "title": "Ride",
            "steps": [
                {
                    "id": "one", "title": "One", "completed_by": "PLAYER",
                    "requirements": [
                        {"type": "ACHIEVEMENT", "target": "s-2"},
                        {"type": "COUNT", "metric": "moos", "operator": "gte", "threshold": 2},
                    ],
                    "rewards": ["bell"],
                },
            ],
        },
    ],
}  # fmt: skip


@pytest.fixture
def server() -> APIClient:
    """The game with a secret that ann is half way to, by events, a report and one that was held; and bob's doings."""
    server = game.make()
    for plural, bodies in SECRET.items():
        for body in bodies:
            game.send(server, plural, body)
    backfilling.run_pending(timezone.now())
    for name, kind in (("zanzibar-most", "MAX_PER_EVENT"), ("zanzibar-rate", "MAX_PER_WINDOW")):
        seconds = 60 if kind == "MAX_PER_WINDOW" else None
        Rule.objects.create(name=name, kind=kind, metric_id="zanzibar-cows", maximum=1000, seconds=seconds)
    assert server.post(f"{API}/quests/ride/start", {"player_id": "ann"}).status_code == 200
    click(server, "c1", 2)
    click(server, "c2", 5000)
    report = {"player_id": "ann", "metrics": {"zanzibar-cows": 3}}
    assert server.post(f"{API}/achievements/s-2/progress", report).json()["progress"] == 0.5
    server.patch(f"{API}/players/bob", {"display_name": OF_BOB, "attributes": {OF_BOB: OF_BOB}})
    server.post(f"{API}/events", game.event(OF_BOB, "bob", "enemy.killed", {OF_BOB: OF_BOB}))
    server.post(f"{API}/events", game.event(OF_BOB, "bob", "enemy.killed", {OF_BOB: "again"}))
    server.post(f"{API}/rewards/chest/distribute", {"player_id": "bob", "reason": OF_BOB})
    return server


def click(server: APIClient, id_: str, cows: int, player_id: str = "ann") -> None:
    sent = game.event(id_, player_id, "cow.clicked", {"n": cows})
    assert server.post(f"{API}/events", sent).json()["accepted"] == 1


IDS = {
    "achievement_id": ["hunter", "after", "s-2", "zanzibar"],
    "id": [
        "hunter",
        "after",
        "kills",
        "coins",
        "gold",
        "1",
        "errands",
        "zanzibar-cows",
        "zanzibar-coins",
        "zanzibar-bells",
    ],
    "reward_id": ["zanzibar-coins"],
    "quest_id": ["errands", "flight", "ride", "s-2", "zanzibar"],
    "step_id": ["one", "zanzibar"],
    "player_id": ["me", "ann"],
    "currency": ["zanzibar-bells"],
    "item_id": ["zanzibar"],
}


def addresses(call: Call) -> Iterator[str]:
    """Where a player may look by this call: known and secret ids, filters and searches for known and secret words."""
    plain = [call.path(player_id="me")]
    for _, name in call.parameters:
        plain += [call.path(**{"player_id": "me", name: id_}) for id_ in IDS.get(name, [])]
    for address in (address.split("?")[0] for address in plain):
        yield address
        if call.names_player == "query":
            yield f"{address}?player_id=ann"
    words = (WORD, "Zanz", "s-2", "SECRET", "STORY", "cow.clicked", "zanzibar-bells", "COMPLETED")
    if call.is_list:
        address = plain[0]
        for query in (
            "page_size=1",
            "available_to=me",
            f"cursor={WORD}",
            *(f"{n}={w}" for n in FILTERS.get(call.route, []) for w in words),
        ):
            yield f"{address}?{query}"


def sweep(client: APIClient) -> Iterator[tuple[str, Any]]:
    """Every GET of the API by every address that could tell something, pages followed to their end."""
    seen: set[str] = set()
    for call in calls():
        if call.method == "GET":
            todo = list(addresses(call))
            while todo:
                address = todo.pop()
                if address in seen:
                    continue
                seen.add(address)
                response = client.get(address)
                yield address, response
                if response.status_code == 200:
                    found = response.json()
                    todo += [found[way] for way in ("next", "previous") if found.get(way)]


def text(response: Any) -> str:
    """All of an answer: status, headers and body, but for when it was given and what the request is called."""
    said = sorted((name, value) for name, value in response.headers.items() if name != "X-Request-ID")
    headers = "\n".join(f"{name}: {value}" for name, value in said)
    return re.sub(r"\"exported_at\":\"[^\"]*\"", "", f"{response.status_code}\n{headers}\n{response.content.decode()}")


def posts(client: APIClient, old: str = "", new: str = "") -> Iterator[tuple[str, Any]]:
    """What a player might try besides, by words of the secret; `new` in place of the word `old`."""
    tries: list[tuple[str, game.Json]] = [
        ("achievements/s-2/claim", {}),
        ("achievements/s-2/progress", {"metrics": {"zanzibar-cows": 1}}),
        ("achievements/s-2/progress", {"metrics": {"kills": 1}}),
        ("achievements/hunter/progress", {"metrics": {"zanzibar-cows": 1}}),
        ("achievements/after/progress", {"metrics": {"zanzibar-cows": 1}}),
        ("achievements/s-2/revoke", {"player_id": "ann"}),
        ("achievements/s-2/preview", {}),
        ("achievements/s-2/publish", {}),
        ("quests/s-2/start", {}),
        ("quests/errands/start", {}),
        ("quests/ride/steps/one/complete", {}),
        ("quests/ride/steps/zanzibar/complete", {}),
        ("rewards/zanzibar-coins/distribute", {"player_id": "ann"}),
        ("rewards/zanzibar-coins/claim", {}),
        ("achievements", {"id": "s-2", "title": "x"}),
        ("metrics", {"id": "zanzibar-cows", "event_type": "a"}),
        ("players/me/wallet/zanzibar-bells/spend", {"amount": 1}),
        ("players/me/inventory/zanzibar/consume", {"quantity": 1}),
    ]
    for path, body in tries:
        for added in ({}, {"nonsense": 1}, {"player_id": "me"}):
            said = json.loads(json.dumps({**body, **added}).replace(old, new))
            address = f"{API}/{path.replace(old, new)}"
            yield f"{address} {said}", client.post(address, said, headers={"Idempotency-Key": "k"})


def test_a_locked_secret_shows_in_nothing_that_a_player_can_get(server: APIClient) -> None:
    ann, found, looked = player("ann"), [], 0
    for address, response in sweep(ann):
        looked += 1
        assert response.status_code in (200, 400, 403, 404), (address, response.status_code)
        if WORD not in address.lower() and "zanz" not in address.lower() and WORD in text(response).lower():
            found.append((address, text(response)[:2000]))
    assert found == []
    assert looked > 150
    for said, response in posts(ann):
        assert response.status_code >= 400, said
        assert WORD in said or WORD not in text(response).lower(), said


def test_asking_for_a_locked_secret_is_answered_as_asking_for_nothing(server: APIClient) -> None:
    """Words of the secret and words of nothing; its id and an id of nothing."""
    ann, differing = player("ann"), []

    def compare(what: str, one: Any, other: Any, old: str, new: str) -> None:
        if text(one).replace(old, new).replace(old.title(), new.title()) != text(other):
            differing.append((what, text(one)[:600], text(other)[:600]))

    for address, response in sweep(ann):
        for old, new in ((WORD, OTHER), ("Zanz", "Xanz"), ("cow.clicked", "owc.clicked")):
            if old in address and "signature" not in address and "cursor=" not in address:
                compare(address, response, ann.get(address.replace(old, new)), old, new)
                break
    for old, new in ((WORD, OTHER), ("s-2", "s-9")):
        for (said, one), (_, other) in zip(posts(ann), posts(ann, old, new), strict=True):
            compare(said, one, other, old, new)
    for route in ("progress", "explain"):
        for query in ("", "?player_id=ann", "?player_id=me"):
            one, other = (ann.get(f"{API}/achievements/{id_}/{route}{query}") for id_ in ("s-2", "s-9"))
            compare(f"{route}{query}", one, other, "s-2", "s-9")
    assert differing == []


def test_the_secrets_id_stands_alone(server: APIClient) -> None:
    """Beside `{id, type, points}` in the two lists and at its own address, the id is named nowhere."""
    ann, stub = player("ann"), {"id": "s-2", "type": "SECRET", "points": 33}
    assert ann.get(f"{API}/achievements/s-2").json() == stub
    for address, response in sweep(ann):
        if "s-2" in address or response.status_code != 200 or "json" not in response["Content-Type"]:
            continue
        body = response.json()
        rows = body.get("results", [body])  # a cursor's signature may hold any three characters
        if "s-2" not in str(rows):
            continue
        assert [row for row in rows if "s-2" in str(row)] == [stub], address
    for number in (1, 2):  # as many as there are, whether or not the secret is about
        names = [row["id"] for row in ann.get(f"{API}/achievements?text=a&page_size={number}").json()["results"]]
        assert "s-2" not in names


def test_what_a_quest_names_is_no_secret_though_a_secret_names_it_too(server: APIClient) -> None:
    ann = player("ann")
    for path in ("metrics/moos", "rewards/bell"):
        assert ann.get(f"{API}/{path}").status_code == 200, path
    [ride] = [row for row in ann.get(f"{API}/players/me/quests").json()["results"] if row["id"] == "ride"]
    for shown in (ride, ann.get(f"{API}/quests/ride").json()):
        assert [[r["metric"] for r in step["requirements"]] for step in shown["steps"]] == [["moos"]]
        assert [step["rewards"] for step in shown["steps"]] == [["bell"]]
    for id_, name in (("errands", "requirements"), ("flight", "fail_conditions")):
        assert ann.get(f"{API}/quests/{id_}").json()[name] == []
        assert server.get(f"{API}/quests/{id_}").json()[name][0]["target"] == "s-2"
    [seen] = [row for row in server.get(f"{API}/players/ann/quests").json()["results"] if row["id"] == "ride"]
    assert [r.get("target") for r in seen["steps"][0]["requirements"]] == ["s-2", None]


def test_once_unlocked_it_shows_to_its_player_and_to_nobody_else(server: APIClient) -> None:
    click(server, "c3", 5)
    ann, bob = player("ann"), player("bob")
    shown = {address for address, response in sweep(ann) if WORD in text(response).lower()}
    for path in (
        "achievements", "achievements/s-2/progress", "achievements/s-2/explain", "metrics", "rewards", "currencies",
        "players/me/achievements", "players/me/metrics", "players/me/messages", "players/me/wallet",
        "players/me/distributions", "players/me/wallet/transfers", "players/me/export",
    ):  # fmt: skip
        assert f"{API}/{path}" in shown, path
    assert ann.get(f"{API}/achievements/s-2").json()["title"] == "Zanzibar"
    claimed = ann.post(f"{API}/achievements/s-2/claim", {}).json()["distributions"]
    assert {row["reward_id"] for row in claimed} == {"zanzibar-coins", "zanzibar-chest", "coins"}
    assert ann.get(f"{API}/players/me").json()["badges"][-1] == "zanzibar-horn"
    for address, response in sweep(bob):
        if "zanz" not in address.lower():
            assert WORD not in text(response).lower(), address


def test_a_player_gets_nothing_of_another(server: APIClient) -> None:
    mine = Distribution.objects.filter(player_id="bob").values_list("pk", flat=True)
    for client in (player("ann"), player("nobody-yet")):
        for address, response in sweep(client):
            said = re.sub(r"cursor=[\w%.-]+", "", text(response))  # whose signature may read like anything
            assert OF_BOB not in said, address
            assert "bob" not in said, address
            assert not [id_ for id_ in mine if str(id_) in said], address


def test_another_player_is_as_unknown_as_one_who_never_was(server: APIClient) -> None:
    ann = player("ann")
    theirs = str(Distribution.objects.filter(player_id="bob", reward_id="chest").first().pk)  # type: ignore[union-attr]
    before = game.contents()
    looked = 0
    for call in calls():
        if not call.open_to_players:
            continue
        pairs: list[tuple[dict[str, str], Any]] = []
        if call.names_player == "path":
            pairs = [({"player_id": "bob"}, None), ({"player_id": "nobody"}, None)]
        elif call.names_player == "query":
            pairs = [({"query": "bob"}, None), ({"query": "nobody"}, None)]
        elif call.names_player == "body":
            bodies = [{**(call.body or {}), "player_id": id_} for id_ in ("bob", "nobody")]
            pairs = [({}, body) for body in bodies]
        if not pairs:
            continue
        answers = []
        for ids, body in pairs:
            query = ids.pop("query", None)
            path = call.path(**ids) if query is None else f"{call.path(player_id='').split('?')[0]}?player_id={query}"
            response = call.send(ann, path=path, body=body)
            assert response.status_code == 404, (str(call), response.content)
            answers.append(text(response).replace("bob", "nobody"))
        assert answers[0] == answers[1], str(call)
        looked += 1
    assert looked >= 14
    for id_ in (theirs, str(uuid4())):
        with transaction.atomic():
            response = ann.post(f"{API}/rewards/{id_}/claim", {})
        assert response.status_code == 404
        assert response.json()["detail"] == "There is no such distribution."
    assert game.contents() == before
