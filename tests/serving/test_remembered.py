"""What is not worked out again is what would come out the same."""

from __future__ import annotations

import asyncio
import random
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import httpx
import pytest
from django.core.asgi import get_asgi_application
from django.db import connection, transaction
from django.utils import timezone
from rest_framework.test import APIClient

from achievements.tasks import roll_up_rarity
from gamification.backfilling import run_pending
from gamification.kernel.web.access import create_key
from gamification.kernel.web.tokens import issue_token
from gamification.serving import reads
from gamification.serving.reads import Reads
from progress import versions
from progress.models import Player
from quests.tasks import roll_up_rarity as roll_up_rarity_of_quests
from tests.support import callers, game
from tests.support.game import API, Json, event
from tests.support.waiting import until
from tests.support.watching import of

pytestmark = pytest.mark.django_db(transaction=True)

django = get_asgi_application()
PATHS = (
    "",
    "/metrics",
    "/wallet",
    "/wallet/transfers?page_size=2",
    "/inventory",
    "/distributions",
    "/distributions?state=PENDING&page_size=1",
    "/achievements",
    "/achievements?state=COMPLETED",
    "/quests",
)
OF_ONE = ("/achievements/walker/progress", "/achievements/daily/progress", "/quests/short/progress")


class Clock:
    """The hour as the service reads it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._by = timedelta()
        monkeypatch.setattr(timezone, "now", lambda: datetime.now(UTC) + self._by)

    def forward(self, seconds: float) -> None:
        self._by += timedelta(seconds=seconds)


class Client:
    """One caller at the reads of one process, who sends the tag of what it has."""

    def __init__(self, authorization: str) -> None:
        self.said = {"Authorization": authorization, "X-Request-ID": "r"}
        self.has: dict[str, httpx.Response] = {}
        self.reads = Reads(django)
        self.worked_out = 0
        answer = self.reads._handler.answer

        def counted(scope: Any) -> Any:
            self.worked_out += 1
            return answer(scope)

        self.reads._handler.answer = counted  # type: ignore[method-assign]

    def ask(self, *paths: str, **more: str) -> list[httpx.Response]:
        async def play() -> list[httpx.Response]:
            transport = httpx.ASGITransport(cast(Any, self.reads))
            async with httpx.AsyncClient(transport=transport, base_url="http://localhost", headers=self.said) as client:
                return await asyncio.gather(*(client.get(path, headers=self._tag(path) | more) for path in paths))

        found = asyncio.run(play())
        self.has |= {path: each for path, each in zip(paths, found, strict=True) if each.status_code == 200}
        return found

    def _tag(self, path: str) -> dict[str, str]:
        return {"If-None-Match": self.has[path].headers["ETag"] if path in self.has else '"none"'}

    def learn(self, *paths: str, **more: str) -> None:
        """Ask until the answers are remembered. With a file that is once all else has been committed."""
        self.ask(*paths, **more)
        until(lambda: all(self.told(path, **more) for path in paths))

    def is_remembered(self, path: str) -> bool:
        """Whether it is told that nothing has changed, without the answer's being worked out."""
        return bool(self.told(path))

    def told(self, path: str, **more: str) -> list[httpx.Response]:
        before = self.worked_out
        answers = self.ask(path, **more)
        return answers if answers[0].status_code == 304 and self.worked_out == before else []


@pytest.fixture(autouse=True)
def much_is_known(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys for as long as in earnest, and with SQLite a connection by which commits are counted."""
    settings.KEY_CACHE = 60
    monkeypatch.setattr(reads, "IDLE", 2.0)


@pytest.fixture
def server() -> APIClient:
    Player.objects.create(player_id="ann")
    return callers.game_server()


@pytest.fixture
def client() -> Client:
    return Client(f"Api-Key {create_key('reader', ['players:read'])[1]}")


ANN = f"{API}/players/ann"


def kills(number: int, player: str = "ann") -> Json:
    return {"events": [event(f"r{random.random()}", player, "enemy.killed", {"damage": 1}) for _ in range(number)]}


def test_what_has_not_changed_is_not_worked_out_again_and_what_has_is(client: Client) -> None:
    server = game.make()
    paths = [ANN, *(f"{ANN}{path}" for path in PATHS[1:]), *(f"{API}{path}?player_id=ann" for path in OF_ONE[:1])]
    client.learn(*paths)
    server.post(f"{API}/events", kills(1))
    assert not [path for path in paths if client.is_remembered(path)]
    client.learn(*paths)


def test_a_304_from_memory_says_what_one_that_was_worked_out_says(
    server: APIClient, client: Client, settings: Any
) -> None:
    settings.RATE_LIMIT_KEY = 100
    for more in ({}, {"Origin": "http://localhost:3000"}, {"Accept-Encoding": "gzip"}):
        client.has.clear()
        client.ask(ANN, **more)
        client.reads._memory._kept.clear()
        [worked_out] = client.ask(ANN, **more)
        found: list[httpx.Response] = []
        until(lambda more=more, found=found: found.extend(client.told(ANN, **more)) or found)  # type: ignore[misc]
        [told] = found
        assert told.content == worked_out.content == b""
        assert told.headers.pop("ratelimit").startswith('"key";r=')
        del worked_out.headers["ratelimit"]
        assert sorted(told.headers.items()) == sorted(worked_out.headers.items())


def test_only_for_what_lasts_a_version_is_looked_up(
    server: APIClient, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    game.make()
    client.ask(f"{API}/players/bob")  # the key is known from then on
    together = client.reads._memory._together
    look_up, looked, noted = together._look_up, list[Any](), list[Any]()
    answer = client.reads._handler.answer

    async def counted(player_ids: Any) -> Any:
        looked.append(player_ids)
        return await look_up(player_ids)

    def seen(scope: Any) -> Any:
        response, about = answer(scope)
        assert response.status_code == 200, scope["path"]
        noted.append(about)
        return response, about

    monkeypatch.setattr(together, "_look_up", counted)
    monkeypatch.setattr(client.reads._handler, "answer", seen)
    about_players = of(lambda call: call.method == "GET" and call.route.startswith("players/"))
    paths = [path for call in about_players if not (path := call.path()).endswith("/export")]
    assert len(paths) >= 10
    for path in paths:
        looked.clear()
        client.ask(path)
        assert bool(looked) == (noted.pop() is not None), path


def test_a_304_from_memory_is_counted_under_the_route_of_its_answer(server: APIClient, client: Client) -> None:
    reads, states = client.reads, list[dict[str, Any]]()

    async def noting(scope: Any, receive: Any, send: Any) -> None:
        states.append(scope.setdefault("state", {}))
        await reads(scope, receive, send)

    client.reads = cast(Reads, noting)
    client.learn(ANN)
    assert {state["route"] for state in states} == {"/api/v1/players/<player_id>"}


def test_another_caller_another_address_and_other_headers_are_not_taken_for_the_same(
    server: APIClient, client: Client
) -> None:
    client.learn(ANN)
    other = create_key("other", ["players:read"])[1]
    mine = client.has[ANN]
    for more in (
        {"Authorization": f"Api-Key {other}"},
        {"Accept": "application/json; indent=2"},
        {"Host": "elsewhere"},
    ):
        before = client.worked_out
        client.ask(ANN, **more)
        assert client.worked_out == before + 1
        client.has[ANN] = mine
    client.has[f"{API}/players/bob"] = client.has[ANN]
    assert not client.is_remembered(f"{API}/players/bob")
    assert not client.is_remembered(f"{ANN}?page_size=2")
    client.learn(ANN)


def test_what_a_proxy_in_front_says_of_one_request_makes_it_no_other(server: APIClient, client: Client) -> None:
    client.learn(ANN, **{"X-Amzn-Trace-Id": "Root=1", "CF-Ray": "1"})
    assert client.told(ANN, **{"X-Amzn-Trace-Id": "Root=2", "CF-Ray": "2"})


def test_who_may_no_longer_come_in_or_asks_too_much_is_refused(
    server: APIClient, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = Client(f"Bearer {issue_token('ann', datetime.now(UTC))[0]}")
    me = f"{API}/players/me"
    mine.learn(me)
    settings.RATE_LIMIT_PLAYER_READS = 1
    assert [answer.status_code for _ in range(9) for answer in mine.ask(me)].count(429) >= 2
    settings.RATE_LIMIT_PLAYER_READS = 0
    mine.learn(me)
    assert server.delete(f"{ANN}/token").status_code == 204
    assert [answer.status_code for answer in mine.ask(me)] == [401]
    key, text = create_key("reader", ["players:read"])
    reader = Client(f"Api-Key {text}")
    reader.learn(ANN)
    settings.KEY_CACHE = 0
    type(key).objects.filter(pk=key.pk).update(revoked_at=timezone.now())
    assert [answer.status_code for answer in reader.ask(ANN)] == [401]


def test_nothing_is_remembered_of_what_a_transaction_under_way_may_change(server: APIClient, client: Client) -> None:
    client.learn(ANN)
    if connection.vendor != "postgresql":
        pytest.skip("a file has one writer, and a reader sees its commits")
    locked, go_on = threading.Event(), threading.Event()

    def write() -> None:
        with transaction.atomic():
            list(Player.objects.select_for_update().filter(pk="ann"))
            locked.set()
            go_on.wait(10)
        connection.close()

    writing = threading.Thread(target=write)
    writing.start()
    assert locked.wait(10)
    assert not client.is_remembered(ANN)
    assert not client.is_remembered(ANN)
    go_on.set()
    writing.join()
    client.learn(ANN)


@pytest.mark.postgres
def test_vacuum_does_not_make_a_row_that_was_locked_look_like_one_that_was_not() -> None:
    Player.objects.create(player_id="ann")
    seen = set()
    for _ in range(3):
        with transaction.atomic():
            list(Player.objects.select_for_update().filter(pk="ann"))
        seen |= set(versions.versions(["ann"]).values())
        with connection.cursor() as cursor:
            cursor.execute("VACUUM (FREEZE) progress_player")
        seen |= set(versions.versions(["ann"]).values())
    assert len(seen) == 6


def test_what_one_connection_told_is_compared_with_nothing_of_another() -> None:
    Player.objects.create(player_id="ann")
    told = versions.versions(["ann"])
    assert versions.versions(["ann"]) == told
    connection.close()  # as it is where the server has crashed, and gives lost numbers of transactions again
    assert versions.versions(["ann"]) != told


# -- whatever happens --------------------------------------------------------------------------------------------------

MORE: dict[str, list[Json]] = {
    "rewards": [{"id": "brief", "type": "CURRENCY", "value": 3, "currency": "gold", "claim_within": 600}],
    "achievements": [
        {
            "id": "daily",
            "title": "Daily",
            "repeat": "DAILY",
            "rewards": ["brief"],
            "requirements": [
                {"type": "COUNT", "metric": "kills", "operator": "gte", "threshold": 2},
                {"type": "STREAK", "metric": "kills", "operator": "gte", "threshold": 1},
            ],
        },
        {
            "id": "rush",
            "title": "Rush",
            "requirements": [
                {
                    "type": "SUM",
                    "metric": "damage",
                    "operator": "gte",
                    "threshold": 50,
                    "timeframe": {"duration": 10, "unit": "minutes"},
                }
            ],
        },
    ],
    "quests": [
        {
            "id": "short",
            "title": "Short",
            "time_limit": 900,
            "repeat": "DAILY",
            "steps": [
                {
                    "id": "one",
                    "title": "One",
                    "requirements": [{"type": "COUNT", "metric": "kills", "operator": "gte", "threshold": 40}],
                }
            ],
        },
    ],
    "pools": [{"id": "turns", "quests": ["short", "errand"], "pick": 1}],
}


def happenings(server: APIClient, clock: Clock, dice: random.Random) -> list[Callable[[], object]]:
    """What may happen to ann, to everybody, and to the hour."""

    def play() -> None:
        told = kills(dice.randrange(1, 4), dice.choice(["ann", "ann", "bob"]))
        for each in told["events"]:
            each["data"]["damage"] = dice.choice([1, 30, 9500])
            each["timestamp"] = timezone.now().isoformat()
        server.post(f"{API}/events", told)

    def claim() -> None:
        pending = server.get(f"{ANN}/distributions?state=PENDING").json()["results"]
        if pending:
            server.post(f"{API}/rewards/{dice.choice(pending)['id']}/claim", {"player_id": "ann"})

    def roll_up() -> None:
        roll_up_rarity(timezone.now())
        roll_up_rarity_of_quests(timezone.now())

    def revoke() -> None:
        name = dice.choice(["hunter", "daily"])
        server.post(f"{API}/achievements/{name}/revoke", {"player_id": "ann", "reason": "r"})

    def edit() -> None:
        server.patch(f"{API}/achievements/walker", {"points": dice.randrange(1000)})
        run_pending(timezone.now())

    def reveal() -> None:
        server.patch(f"{API}/achievements/s-1", {"type": dice.choice(["SECRET", "SKILL"])})

    def spend() -> None:
        server.post(f"{ANN}/wallet/gold/spend", {"amount": 1, "reason": "r"})

    return [
        play, play, play, claim, roll_up, revoke, edit, reveal, spend,
        lambda: server.patch(ANN, {"display_name": str(dice.random())}),
        lambda: server.patch(ANN, {"timezone": dice.choice(["UTC", "Asia/Kathmandu", "America/Los_Angeles"])}),
        lambda: server.post(f"{API}/quests/short/start", {"player_id": "ann"}),
        lambda: server.post(f"{API}/quests/short/abandon", {"player_id": "ann"}),
    ]  # fmt: skip


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def test_what_the_clock_changes_is_worked_out_when_it_has(clock: Clock) -> None:
    server = game.make()
    for plural in ("rewards", "achievements", "quests"):
        for body in MORE[plural]:
            game.send(server, plural, body)
    now = timezone.now().isoformat()
    server.post(f"{API}/events", {"events": [each | {"timestamp": now} for each in kills(3)["events"]]})
    assert server.post(f"{API}/quests/short/start", {"player_id": "ann"}).status_code == 200
    mine = Client(f"Bearer {issue_token('ann', datetime.now(UTC))[0]}")
    paths = [f"{API}/players/me/{what}" for what in ("wallet", "distributions", "quests", "achievements")]
    mine.learn(*paths)
    _, distributions, quests, achievements = paths
    for seconds, changed in ((1, set()), (610, {distributions}), (310, {quests}), (90_000, {quests, achievements})):
        clock.forward(seconds)
        told = {path for path in paths if mine.is_remembered(path)}
        assert not told & changed
        assert paths[0] in told


@pytest.mark.parametrize("seed", [1, 2])
def test_whoever_is_told_that_nothing_has_changed_has_the_answer_byte_for_byte(clock: Clock, seed: int) -> None:
    server, dice = game.make(), random.Random(seed)
    for plural, bodies in MORE.items():
        for body in bodies:
            game.send(server, plural, body)
    anybody = create_key("reader", ["players:read"])[1]
    everybody = {
        f"Api-Key {anybody}": [f"{ANN}{path}" for path in PATHS] + [f"{API}{path}?player_id=ann" for path in OF_ONE],
        f"Bearer {issue_token('ann', datetime.now(UTC))[0]}": [f"{API}/players/me{path}" for path in PATHS],
    }
    clients = {name: Client(name) for name in everybody}
    acts = happenings(server, clock, dice)
    told, chosen_of = 0, {}
    for step in range(20):
        if step % 2 == 0:
            dice.choice(acts)()
            chosen_of = {name: dice.sample(paths, 3) for name, paths in everybody.items()}
        else:
            clock.forward(dice.choice([0, 1, 300, 610, 910, 40_000, 90_000]))
        for name, chosen in chosen_of.items():
            client = clients[name]
            before = client.worked_out
            answers = client.ask(*chosen)
            told += len(chosen) - (client.worked_out - before)
            for path, answer in zip(chosen, answers, strict=True):
                if answer.status_code == 304:
                    plain = APIClient(headers={"Authorization": name}).get(path, headers={"Host": "localhost"})
                    assert client.has[path].content == plain.content, path
                else:
                    assert answer.status_code == 200, answer.content
    assert told  # or nothing was tried
