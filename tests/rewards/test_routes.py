"""What callers see of distributions, wallets and inventories, and what they are refused."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest
import time_machine
from rest_framework.test import APIClient

from rewards.models import Distribution, Transfer
from rewards.rules import Given
from tests.support.callers import assert_problem, game_server, player
from tests.support.content import currency, publish, reward
from tests.support.rewarding import facts, give, inventory, items, later, manual, statuses, wallets

pytestmark = pytest.mark.django_db

API = "/api/v1"


@pytest.fixture(autouse=True)
def clock() -> Any:
    with time_machine.travel(later(1), tick=False) as traveller:
        yield traveller


def spend(server: APIClient, body: Any, key: str | None = "k1", path: str = "players/ann/wallet/gold/spend") -> Any:
    headers = {} if key is None else {"Idempotency-Key": key}
    return server.post(f"{API}/{path}", body, headers=headers)


# -- reading -----------------------------------------------------------------------------------------------------------


def test_a_player_reads_what_was_given() -> None:
    publish(manual("brief", claim_within=60), reward("coins"))
    brief, coins = give("brief"), give("coins", now=later(0.5))
    give("coins", "bob")
    found = player("ann").get(f"{API}/players/me/distributions").json()
    assert (found["next"], found["previous"]) == (None, None)
    assert [row["id"] for row in found["results"]] == [str(coins.id), str(brief.id)]
    assert found["results"][1] == {
        "id": str(brief.id),
        "player_id": "ann",
        "reward_id": "brief",
        "source": "GRANT",
        "source_id": brief.source_id,
        "occurrence": "0",
        "line": 0,
        "status": "PENDING",
        "created_at": "2026-11-20T12:00:00Z",
        "claimed_at": None,
        "expires_at": "2026-11-20T12:01:00Z",
        "revoked_at": None,
        "drawn": None,
        "withheld": False,
    }


def test_what_is_over_reads_as_expired_at_once(clock: Any) -> None:
    publish(manual("brief", claim_within=60))
    give("brief")
    clock.move_to(later(60))
    server = game_server("players:read")
    for state, count in (("PENDING", 0), ("EXPIRED", 1), ("CLAIMED", 0)):
        rows = server.get(f"{API}/players/ann/distributions", {"state": state}).json()["results"]
        assert [row["status"] for row in rows] == ["EXPIRED"] * count
    assert statuses() == ["PENDING"]


def test_distributions_are_found_by_player_state_reward_and_source() -> None:
    publish(manual("coins"), reward("star", "BADGE", 0))
    for player_id, reward_id in (("ann", "coins"), ("ann", "star"), ("bob", "star")):
        give(reward_id, player_id)
    server = game_server("players:read")

    def found(**query: str) -> list[tuple[str, str]]:
        rows = server.get(f"{API}/distributions", query).json()["results"]
        return sorted((row["player_id"], row["reward_id"]) for row in rows)

    assert found() == [("ann", "coins"), ("ann", "star"), ("bob", "star")]
    assert found(player_id="ann", reward="star") == [("ann", "star")]
    assert found(state="PENDING") == [("ann", "coins")]
    assert found(source="LEVEL") == []
    assert found(source="GRANT", state="CLAIMED", player_id="bob") == [("bob", "star")]


@pytest.mark.parametrize(
    ("path", "named"),
    [
        ("distributions?state=SOLD", "state"),
        ("distributions?source=LUCK", "source"),
        ("distributions?player_id=a%00b", "player_id"),
        ("distributions?reward=%00", "reward"),
        ("players/ann/distributions?state=", "state"),
        ("players/ann/wallet/transfers?page_size=0", "page_size"),
    ],
)
def test_a_filter_that_makes_no_sense_is_named(path: str, named: str) -> None:
    response = game_server("players:read").get(f"{API}/{path}")
    assert_problem(response, 400, "invalid", named)


def test_pages_go_on_where_the_last_one_ended() -> None:
    publish(reward("coins"))
    ids = [str(give("coins", now=later(n / 10)).id) for n in range(5)][::-1]
    server = game_server("players:read")
    seen, address = [], f"{API}/players/ann/distributions?page_size=2"
    while address:
        page = server.get(address).json()
        seen.append([row["id"] for row in page["results"]])
        address = page["next"]
    assert seen == [ids[:2], ids[2:4], ids[4:]]


def test_wallet_transfers_and_inventory_show_what_a_player_holds() -> None:
    publish(reward("coins"), reward("kit", "ITEM", 0, items=items(("axe", 1))))
    given = give("coins")
    give("kit")
    ann = player("ann")
    assert ann.get(f"{API}/players/me/wallet").json()["results"] == [{"currency": "gold", "balance": 5, "debt": 0}]
    assert ann.get(f"{API}/players/ann/inventory").json()["results"] == [
        {"item_id": "axe", "type": "tool", "quantity": 1}
    ]
    [transfer] = ann.get(f"{API}/players/me/wallet/transfers").json()["results"]
    assert transfer == {
        "id": str(Transfer.objects.get().pk),
        "debit_account": "issuance",
        "credit_account": "player:ann",
        "currency": "gold",
        "amount": 5,
        "cause": f"claim:{given.id}",
        "created_at": "2026-11-20T12:00:00Z",
    }


@pytest.mark.parametrize("what", ["distributions", "wallet", "wallet/transfers", "inventory"])
def test_a_player_nobody_saw_has_nothing_and_others_players_are_unknown(what: str) -> None:
    server, ann = game_server("players:read"), player("ann")
    assert server.get(f"{API}/players/new/{what}").json() == {"next": None, "previous": None, "results": []}
    assert_problem(ann.get(f"{API}/players/bob/{what}"), 404, "not_found")
    assert_problem(server.get(f"{API}/players/%00/{what}"), 404, "not_found")
    assert_problem(APIClient().get(f"{API}/players/ann/{what}"), 401, "not_authenticated")
    assert_problem(game_server("players:write").get(f"{API}/players/ann/{what}"), 403, "missing_scope")


# -- claiming ----------------------------------------------------------------------------------------------------------


def test_a_player_claims_and_is_answered_the_same_again(clock: Any) -> None:
    publish(manual("coins"))
    given = give("coins")
    ann = player("ann")
    first = ann.post(f"{API}/rewards/{given.id}/claim")
    assert first.status_code == 200
    assert (first.json()["status"], first.json()["claimed_at"]) == ("CLAIMED", "2026-11-20T12:00:01Z")
    clock.move_to(later(50))
    again = ann.post(f"{API}/rewards/{given.id}/claim", {})
    assert (again.status_code, again.json()) == (200, first.json())
    assert wallets() == {("ann", "gold"): (5, 0)}


@pytest.mark.parametrize("query", [True, False])
def test_a_game_server_says_for_whom_it_claims(query: bool) -> None:
    publish(manual("coins"))
    path = f"{API}/rewards/{give('coins').id}/claim"
    server = game_server("players:write")
    assert_problem(server.post(path, {}), 400, "invalid", "player_id")
    response = server.post(f"{path}?player_id=ann") if query else server.post(path, {"player_id": "ann"})
    assert response.status_code == 200
    assert statuses() == ["CLAIMED"]


def test_what_cannot_be_claimed_is_refused_and_left_as_it_was(clock: Any) -> None:
    publish(manual("brief", claim_within=60))
    given, revoked = give("brief"), give("brief")
    ann, server = player("ann"), game_server()
    assert_problem(player("bob").post(f"{API}/rewards/{given.id}/claim"), 404, "not_found")
    assert_problem(ann.post(f"{API}/rewards/{given.id}/claim", {"player_id": "bob"}), 404, "not_found")
    assert_problem(server.post(f"{API}/rewards/{given.id}/claim", {"player_id": "bob"}), 404, "not_found")
    assert_problem(ann.post(f"{API}/rewards/{given.id}/claim", {"all": True}), 400, "invalid", "all")
    for unknown in (uuid4(), "brief", "%7Bx%7D", given.id.hex):
        assert_problem(ann.post(f"{API}/rewards/{unknown}/claim"), 404, "not_found")
    server.post(f"{API}/distributions/{revoked.id}/revoke", {"reason": "x"})
    assert_problem(ann.post(f"{API}/rewards/{revoked.id}/claim"), 409, "reward_revoked")
    assert_problem(game_server("rewards:grant").post(f"{API}/rewards/{given.id}/claim"), 403, "missing_scope")
    clock.move_to(later(60))
    assert_problem(ann.post(f"{API}/rewards/{given.id}/claim"), 409, "reward_expired")
    assert sorted(statuses()) == ["PENDING", "REVOKED"]
    assert wallets() == {}
    assert "reward.claimed" not in facts()


# -- granting and revoking ---------------------------------------------------------------------------------------------


def test_a_reward_is_given_by_hand_and_taken_back() -> None:
    publish(reward("coins"))
    server = game_server("rewards:grant")
    granted = server.post(f"{API}/rewards/coins/distribute", {"player_id": "ann", "reason": "sorry"})
    assert granted.status_code == 201
    body = granted.json()
    assert (body["player_id"], body["source"], body["status"]) == ("ann", "GRANT", "CLAIMED")
    assert Distribution.objects.get().reason == "sorry"
    path = f"{API}/distributions/{body['id']}/revoke"
    revoked = server.post(path, {"reason": "not sorry"})
    assert (revoked.status_code, revoked.json()["status"]) == (200, "REVOKED")
    assert server.post(path, {"reason": "again"}).json() == revoked.json()
    assert wallets() == {("ann", "gold"): (0, 0)}


def test_a_grant_with_a_key_is_made_once() -> None:
    publish(reward("coins"))
    server = game_server()
    path, body, headers = (
        f"{API}/rewards/coins/distribute",
        {"player_id": "ann", "reason": ""},
        {"Idempotency-Key": "g"},
    )
    first, again = (server.post(path, body, headers=headers) for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    assert_problem(server.post(path, {**body, "reason": "x"}, headers=headers), 422, "idempotency_key_reused")
    assert wallets() == {("ann", "gold"): (5, 0)}


def test_grants_and_revocations_that_make_no_sense_are_refused() -> None:
    publish(manual("coins"))
    server = game_server()
    path = f"{API}/rewards/coins/distribute"
    assert_problem(server.post(path, {"reason": ""}), 400, "invalid", "player_id")
    assert_problem(server.post(path, {"player_id": "me", "reason": ""}), 400, "invalid", "player_id")
    assert_problem(server.post(path, {"player_id": "ann", "amount": 3}), 400, "invalid", "amount")
    assert_problem(server.post(path, ["ann"]), 400, "invalid")
    assert_problem(server.post(f"{API}/rewards/gems/distribute", {"player_id": "ann"}), 404, "not_found")
    assert_problem(server.post(f"{API}/rewards/%00/distribute", {"player_id": "ann"}), 404, "not_found")
    assert_problem(server.post(f"{API}/distributions/{uuid4()}/revoke", {"reason": ""}), 404, "not_found")
    for client in (player("ann"), game_server("players:write")):
        assert client.post(path, {"player_id": "ann"}).status_code == 403
        assert client.post(f"{API}/distributions/{UUID(int=1)}/revoke", {}).status_code == 403
    assert Distribution.objects.count() == 0


def test_a_refusing_currency_says_so() -> None:
    publish(currency("gold", "REFUSE"), reward("coins"))
    given: Given = give("coins")
    server = game_server()
    spend(server, {"amount": 1, "reason": ""})
    response = server.post(f"{API}/distributions/{given.id}/revoke", {"reason": ""})
    assert_problem(response, 409, "insufficient_balance")
    assert statuses() == ["CLAIMED"]


# -- spending and consuming --------------------------------------------------------------------------------------------


def test_spending_needs_a_key_and_happens_once_with_it() -> None:
    publish(reward("coins"))
    give("coins")
    server = game_server("players:write")
    assert_problem(spend(server, {"amount": 2, "reason": "hat"}, None), 400, "idempotency_key_required")
    first, again = (spend(server, {"amount": 2, "reason": "hat"}) for _ in range(2))
    assert first.status_code == again.status_code == 200
    assert first.json() == again.json()
    assert (first.json()["balance"], first.json()["transfer"]["amount"]) == (3, 2)
    assert wallets() == {("ann", "gold"): (3, 0)}


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"amount": 0, "reason": ""}, "amount"),
        ({"amount": -1, "reason": ""}, "amount"),
        ({"amount": 1.5, "reason": ""}, "amount"),
        ({"amount": "1", "reason": ""}, "amount"),
        ({"amount": True, "reason": ""}, "amount"),
        ({"amount": 10**30, "reason": ""}, "amount"),
        ({"reason": ""}, "amount"),
        ({"amount": 1, "reason": "x" * 201}, "reason"),
        ({"amount": 1, "reason": 5}, "reason"),
        ({"amount": 1, "reason": "", "to": "bob"}, "to"),
    ],
)
def test_an_amount_that_makes_no_sense_is_not_spent(body: Any, named: str) -> None:
    publish(reward("coins"))
    give("coins")
    assert_problem(spend(game_server(), body), 400, "invalid", named)
    assert wallets() == {("ann", "gold"): (5, 0)}


def test_what_is_not_there_is_not_spent_and_players_spend_nothing_themselves() -> None:
    publish(reward("coins"))
    give("coins")
    body = {"amount": 6, "reason": ""}
    assert_problem(spend(game_server(), body), 409, "insufficient_balance")
    assert_problem(spend(game_server(), body, path="players/new/wallet/gold/spend"), 409, "insufficient_balance")
    assert_problem(spend(game_server(), body, path="players/ann/wallet/%00/spend"), 404, "not_found")
    assert_problem(spend(player("ann"), {"amount": 1, "reason": ""}), 403, "not_for_players")
    assert_problem(spend(game_server("players:read"), {"amount": 1, "reason": ""}), 403, "missing_scope")
    assert wallets() == {("ann", "gold"): (5, 0)}
    assert Transfer.objects.count() == 1


def test_items_are_consumed_down_to_nothing_and_no_further() -> None:
    publish(reward("kit", "ITEM", 0, items=items(("axe", 2))))
    give("kit")
    server, path = game_server("players:write"), f"{API}/players/ann/inventory/axe/consume"
    assert_problem(server.post(path, {"quantity": 3, "reason": ""}), 409, "insufficient_items")
    assert inventory() == {"axe": (2, 0)}
    assert server.post(path, {"quantity": 2, "reason": ""}).json() == {"item_id": "axe", "type": "tool", "quantity": 0}
    assert game_server().get(f"{API}/players/ann/inventory").json()["results"] == []
    assert_problem(server.post(path, {"quantity": 0, "reason": ""}), 400, "invalid", "quantity")
    assert_problem(player("ann").post(path, {"quantity": 1, "reason": ""}), 403, "not_for_players")
    assert inventory() == {"axe": (0, 0)}
