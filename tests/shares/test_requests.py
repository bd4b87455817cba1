"""What callers see of shares: nothing, but that a request about several is several transactions."""

from __future__ import annotations

import asyncio
import threading
from typing import Any, cast

import httpx
import pytest
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.utils import timezone
from rest_framework.test import APIClient

from gamification import backfilling, clock, pipeline
from gamification.feed.models import Message
from gamification.feed.reading import read
from gamification.intake.application import Events
from gamification.intake.group_commit import GroupCommit
from gamification.kernel.core.actors import SYSTEM
from gamification.kernel.core.messages import GameEvent, Outcome
from gamification.kernel.models import Event, IdempotencyKey, OutboxFact
from gamification.kernel.storage import shares
from gamification.kernel.web.access import create_key, game_server
from gamification.players.erasing import tables
from progress.backfill import schedule_preview
from progress.models import Backfill, ErasedPlayer, LeftOut, Player, Tally
from rewards.models import Transfer
from tests.support import game
from tests.support.callers import assert_problem, player
from tests.support.content import NOON
from tests.support.game import API, event
from tests.support.routes import calls
from tests.support.sharing import everywhere, in_share, one_of_each, player_of
from tests.support.waiting import until

Json = dict[str, Any]


@pytest.fixture
def server() -> APIClient:
    return game.make()


def kills(player_id: str, number: int = 2) -> list[Json]:
    return [event(f"e{n}", player_id, "enemy.killed", {"damage": n}) for n in range(number)]


def everybody(number: int = 2) -> list[Json]:
    return [each for player_id in one_of_each() for each in kills(player_id, number)]


def pages(server: APIClient, path: str, link: str = "next") -> list[Json]:
    found, address = [], f"{API}/{path}"
    while address:
        answer = server.get(address)
        assert answer.status_code == 200, answer.content
        found += answer.json()["results"]
        address = answer.json()[link]
    return found


def test_a_request_with_players_of_all_shares_is_answered_when_all_are_committed(server: APIClient) -> None:
    events = everybody()
    answer = server.post(f"{API}/events", {"events": events}).json()
    assert (answer["accepted"], answer["duplicates"]) == (2 * settings.SHARES, 0)
    for player_id in one_of_each():
        facts = [fact["type"] for fact in answer["results"][player_id]["facts"]]
        assert "achievement.completed" in facts
        assert answer["results"][player_id]["metrics"]["kills"]["count"] == 2
        mine = in_share(shares.share_of(player_id), Player.objects.filter(pk=player_id))
        assert [row.achievements_completed for row in mine] == [1]
    again = server.post(f"{API}/events", {"events": events}).json()
    assert (again["accepted"], again["duplicates"]) == (0, 2 * settings.SHARES)


def test_with_an_idempotency_key_the_first_answer_comes_again(server: APIClient) -> None:
    body, headers = {"events": everybody()}, {"Idempotency-Key": "k"}
    first = server.post(f"{API}/events", body, headers=headers)
    assert first.json()["accepted"] == 2 * settings.SHARES
    again = server.post(f"{API}/events", body, headers=headers)
    assert again["Idempotent-Replayed"] == "true"
    assert again.content == first.content


def test_where_one_share_fails_the_request_is_refused_and_a_retry_counts_what_is_left(
    server: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, broken = pipeline.process, settings.SHARES - 1

    def fails(batch: Any, **named: Any) -> Any:
        if shares.share_of(batch[0].player_id) == broken:
            raise RuntimeError("this share's node is away")
        return whole(batch, **named)

    monkeypatch.setattr(pipeline, "process", fails)
    events = everybody()
    refused = server.post(f"{API}/events", {"events": events})
    assert_problem(refused, 503, "not_all_committed")
    assert refused["Retry-After"] == "1"
    monkeypatch.undo()
    answer = server.post(f"{API}/events", {"events": events}).json()
    assert answer["accepted"] == 2
    assert answer["duplicates"] == 2 * (settings.SHARES - 1)


@pytest.mark.parametrize("by", ["the application", "Django"])
def test_a_key_whose_players_are_in_several_shares_is_free_after_a_failure_and_then_has_one_effect(
    server: APIClient, by: str, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.KEY_CACHE = 60
    alone, together, away, broken = pipeline.process, pipeline.process_each, [True], settings.SHARES - 1

    def refuse(batch: Any) -> None:
        if away and shares.share_of(batch[0].player_id) == broken:
            raise RuntimeError("this share's node is away")

    def process(batch: Any, **named: Any) -> Any:
        refuse(batch)
        return alone(batch, **named)

    def process_each(batches: Any, **named: Any) -> Any:
        refuse(batches[0])
        return together(batches, **named)

    monkeypatch.setattr(pipeline, "process", process)
    monkeypatch.setattr(pipeline, "process_each", process_each)
    application = Events(get_asgi_application())
    key = create_key("game", ["events:write"])[1]
    game_server(key, timezone.now())  # or Django would be asked, since the key is not known yet
    said = {"Authorization": f"Api-Key {key}", "Idempotency-Key": "k", "Prefer": "wait"}
    if by == "Django":
        said["Origin"] = "http://localhost:3000"
    body = {"events": everybody()}

    def post() -> httpx.Response:
        async def play() -> httpx.Response:
            transport = httpx.ASGITransport(cast(Any, application))
            async with httpx.AsyncClient(transport=transport, base_url="http://localhost", headers=said) as client:
                return await client.post(f"{API}/events", json=body)

        return asyncio.run(play())

    refused = post()
    assert (refused.status_code, refused.json()["code"]) == (503, "not_all_committed")
    assert not IdempotencyKey.objects.exists()
    away.clear()
    first, again = post(), post()
    assert (first.status_code, first.json()["accepted"], first.json()["duplicates"]) == (200, 2, 2 * broken)
    assert (again.status_code, again.content, again.headers["Idempotent-Replayed"]) == (200, first.content, "true")
    for player_id in one_of_each():
        mine = Tally.objects.filter(player_id=player_id, metric_id="kills", scope="")
        assert [tally.count for tally in in_share(shares.share_of(player_id), mine)] == [2]


def test_what_a_player_may_do_is_done_in_their_share(server: APIClient) -> None:
    for player_id in one_of_each():
        server.post(f"{API}/events", {"events": kills(player_id, 6)})
        me = player(player_id)
        assert me.get(f"{API}/players/me").json()["statistics"]["achievements_completed"] == 1
        given = me.get(f"{API}/players/me/distributions?state=PENDING").json()["results"]
        [chest] = [row for row in given if row["reward_id"] == "chest"]
        claimed = me.post(f"{API}/rewards/{chest['id']}/claim", {}, headers={"Idempotency-Key": chest["id"]})
        assert claimed.status_code == 200, claimed.content
        assert claimed.json()["status"] == "CLAIMED"
        wallet = me.get(f"{API}/players/me/wallet").json()["results"]
        assert [row["currency"] for row in wallet] == ["gold"]
        messages = me.get(f"{API}/players/me/messages").json()["results"]
        assert [row["seq"] for row in messages] == list(range(1, len(messages) + 1))
        assert me.post(f"{API}/players/me/messages/read", {"up_to": 1}).json() == {"read_up_to": 1}
        spent = server.post(
            f"{API}/players/{player_id}/wallet/gold/spend", {"amount": 1, "reason": "r"},
            headers={"Idempotency-Key": f"spend-{player_id}"},
        )  # fmt: skip
        assert spent.status_code == 200, spent.content
        started = me.post(f"{API}/quests/errand/start", {})
        assert started.json()["status"] == "IN_PROGRESS", started.content
        assert me.get(f"{API}/achievements/hunter/explain").status_code == 200
        assert me.get(f"{API}/players/me/achievements").status_code == 200
        revoked = server.post(f"{API}/distributions/{chest['id']}/revoke", {"reason": "r"})
        assert revoked.json()["status"] == "REVOKED", revoked.content


def test_what_only_an_id_names_is_found(server: APIClient) -> None:
    for player_id in one_of_each():
        server.post(f"{API}/events", event("held", player_id, "enemy.killed", {"damage": 1e6}))
        [held] = server.get(f"{API}/held?player_id={player_id}").json()["results"]
        assert server.post(f"{API}/held/{held['id']}/release", {"reason": "r"}).json()["status"] == "RELEASED"
        [tally] = in_share(shares.share_of(player_id), Tally.objects.filter(player_id=player_id, metric_id="kills"))[:1]
        assert tally.count == 1
    assert_problem(server.post(f"{API}/held/999999/release", {"reason": "r"}), 404, "not_found")
    nobody = "00000000-0000-0000-0000-000000000001"
    assert_problem(server.post(f"{API}/distributions/{nobody}/revoke", {"reason": "r"}), 404, "not_found")
    assert_problem(player(player_of(0)).post(f"{API}/rewards/{nobody}/claim", {}), 404, "not_found")


def test_lists_over_players_go_share_after_share_forwards_and_back(server: APIClient) -> None:
    server.post(f"{API}/events", {"events": everybody()})
    for path in ("distributions", "held", "events/rejected"):
        all_ = pages(server, f"{path}?page_size=200")
        assert len({row["player_id"] for row in all_}) > 1
        order = [shares.share_of(row["player_id"]) for row in all_]
        assert order == sorted(order)
        assert pages(server, f"{path}?page_size=1") == all_
        last = server.get(f"{API}/{path}?page_size=2").json()
        while last["next"]:
            last = server.get(last["next"]).json()
        before = pages(server, last["previous"].partition(f"{API}/")[2], "previous") if last["previous"] else []
        backwards = [row["id"] for row in before]
        assert sorted(backwards) == sorted(row["id"] for row in all_[: len(backwards)])
        assert len(backwards) + len(last["results"]) == len(all_)
    one = one_of_each()[0]
    assert {row["player_id"] for row in pages(server, f"distributions?player_id={one}&page_size=2")} == {one}


def test_each_share_has_a_log_of_facts(server: APIClient) -> None:
    server.post(f"{API}/events", {"events": everybody()})
    assert_problem(server.get(f"{API}/facts"), 400, "share_required", "share")
    assert_problem(server.get(f"{API}/facts?share={settings.SHARES}"), 400, "invalid", "share")
    found = []
    for share in shares.every():
        page = server.get(f"{API}/facts?share={share}&page_size=200").json()
        assert {shares.share_of(row["player_id"]) for row in page["results"]} == {share}
        assert page["next"] is None
        after = server.get(f"{API}/facts?share={share}&after={page['after']}").json()
        assert after["results"] == []
        found += page["results"]
    assert len(found) == len(everywhere(OutboxFact.objects.all()))
    one = one_of_each()[1]
    mine = server.get(f"{API}/facts?player_id={one}").json()["results"]
    assert {row["player_id"] for row in mine} == {one}


def test_an_erased_player_leaves_nothing_in_any_share_and_stays_erased(server: APIClient) -> None:
    gone = player_of(2, 5)
    server.post(f"{API}/events", {"events": kills(gone) + kills(player_of(2, 6))})
    assert server.get(f"{API}/players/{gone}/export").json()["data"]["progress.player"]
    assert server.delete(f"{API}/players/{gone}").status_code == 204
    for model in tables():
        if model is not Transfer:
            assert everywhere(model._default_manager.filter(player_id=gone)) == []
    assert everywhere(Transfer.objects.filter(debit_account__contains=gone)) == []
    assert in_share(2, ErasedPlayer.objects.all())
    answer = server.post(f"{API}/events", kills(gone)[0])
    assert_problem(answer, 400, "player_erased")
    assert_problem(server.get(f"{API}/players/{gone}/export"), 404, "not_found")
    assert server.get(f"{API}/players/{player_of(2, 6)}/export").status_code == 200


def test_what_is_published_late_counts_the_past_of_all_shares(server: APIClient) -> None:
    server.post(f"{API}/events", {"events": everybody(3)})
    late = {
        "id": "late",
        "title": "Late",
        "requirements": [{"type": "COUNT", "metric": "kills", "operator": "gte", "threshold": 3}],
        "rewards": ["star"],
    }
    game.send(server, "achievements", late)
    backfilling.run_pending(timezone.now())
    job = Backfill.objects.filter(preview__isnull=True).latest("pk")
    assert (job.state, job.players_done) == ("DONE", job.players_total)
    assert job.would_complete >= settings.SHARES
    for player_id in one_of_each():
        shown = server.get(f"{API}/achievements/late/progress?player_id={player_id}").json()
        assert shown["is_completed"], shown


def test_a_preview_looks_at_the_players_of_all_shares_and_goes_on_where_it_was_stopped(server: APIClient) -> None:
    server.post(f"{API}/events", {"events": everybody(3)})
    definition = {
        "id": "late", "title": "Late", "rewards": [],
        "requirements": [{"type": "COUNT", "metric": "kills", "operator": "gte", "threshold": 3}],
    }  # fmt: skip
    game.send(server, "achievements", {**definition, "draft": True})
    published = server.get(f"{API}/achievements/hunter").json()
    job = schedule_preview("achievement", {**published, **definition}, SYSTEM, timezone.now())
    for _ in range(100):
        backfilling.run_pending(timezone.now(), seconds=0.0001)
    backfilling.run_pending(timezone.now())
    job.refresh_from_db()
    assert job.state == "DONE", job.detail
    assert job.players_done == job.players_total == len(everywhere(Player.objects.all()))
    # ann and bob have three each, too.
    assert job.would_complete == settings.SHARES + 2
    assert not in_share(0, LeftOut.objects.all())


def test_a_feed_is_read_for_players_of_all_shares_at_once(server: APIClient) -> None:
    server.post(f"{API}/events", {"events": everybody()})
    names = one_of_each()
    answer = read(names, [(name, 0) for name in names])
    for name in names:
        kept = in_share(shares.share_of(name), Message.objects.filter(player_id=name).order_by("seq"))
        assert [message.seq for message in answer.pages[name, 0]] == [message.seq for message in kept]
        assert answer.heads[name].last_seq == len(kept)


def test_the_chores_of_the_clock_visit_every_share(server: APIClient, caplog: pytest.LogCaptureFixture) -> None:
    server.post(f"{API}/events", {"events": everybody()})
    for chore in clock.CHORES:
        chore.due = None
    clock.tick(Backfill.objects.latest("pk").created_at)
    assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == []
    shown = server.get(f"{API}/achievements/hunter").json()
    assert shown.get("rarity") is None or 0 < shown["rarity"] <= 1
    assert len(everywhere(Event.objects.all())) > 0


def test_every_read_of_the_api_answers_whoever_asks(server: APIClient) -> None:
    for call in calls():
        if call.method != "GET" and not call.only_reads:
            continue
        with shares.within_share_of("ann"):  # what is in ann's name and has an id of the service's own
            path = call.path()
        if call.route == "facts":
            path += "?player_id=ann"
        assert call.send(server, path=path).status_code == call.status, call
        if call.open_to_players:
            assert call.send(player("ann"), path=path).status_code == call.status, call
    for asked in ("ann", one_of_each()[0]):
        assert server.get(f"{API}/quests?available_to={asked}").status_code == 200


def test_requests_that_wait_at_once_are_committed_share_by_share() -> None:
    bodies = [
        [GameEvent(f"a{n}", player_id, "enemy.killed", {}, NOON) for player_id in one_of_each()] for n in range(5)
    ]
    bodies += [[GameEvent(f"b{n}", player_of(1), "enemy.killed", {}, NOON)] for n in range(5)]

    async def play() -> list[Outcome]:
        group = GroupCommit(pipeline.process_each)
        return await asyncio.gather(*(group.process(events) for events in bodies))

    outcomes = asyncio.run(play())
    assert [outcome.accepted for outcome in outcomes] == [settings.SHARES] * 5 + [1] * 5
    assert [sorted(event.player_id for event in outcome.fresh) for outcome in outcomes[:5]] == [
        sorted(one_of_each())
    ] * 5
    assert len(everywhere(Event.objects.all())) == 5 * settings.SHARES + 5
    until(lambda: "group-commit" not in {thread.name for thread in threading.enumerate()}, 30)
