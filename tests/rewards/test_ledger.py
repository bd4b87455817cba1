"""Whatever is granted, claimed, spent, revoked and expired, in whatever order: the books balance, and nothing is paid
twice. Against a model that is slow and obvious."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gamification.kernel.core import bus
from gamification.kernel.core.actors import SYSTEM
from gamification.kernel.core.messages import Refused
from gamification.kernel.models import OutboxFact
from rewards import queries, tasks
from rewards.commands import ClaimReward, ConsumeItem, RevokeDistribution, Spend
from rewards.models import Distribution
from tests.support.content import currency, publish, reward
from tests.support.rewarding import assert_the_books_balance, give, inventory, items, later, manual, wallets

pytestmark = pytest.mark.django_db

PLAYERS = ["ann", "bob"]
POLICIES = {"gold": "DEBT", "gem": "CLAMP", "ruby": "REFUSE"}
REWARDS: dict[str, dict[str, Any]] = {
    "gold": {"currency": "gold", "value": 7, "auto": True},
    "gold-box": {"currency": "gold", "value": 4, "auto": False},
    "gold-brief": {"currency": "gold", "value": 3, "auto": False, "within": 3},
    "gem": {"currency": "gem", "value": 5, "auto": True},
    "ruby": {"currency": "ruby", "value": 6, "auto": True},
    "nothing": {"currency": "gold", "value": 0, "auto": True},
    "axes": {"items": 2, "auto": True},
}


@dataclass
class Piece:
    id: Any
    player: str
    reward: str
    made: int
    status: str = "PENDING"


@dataclass
class Model:
    """What a person with a pencil would keep."""

    pieces: list[Piece] = field(default_factory=list)
    money: dict[tuple[str, str], int] = field(default_factory=dict)
    debts: dict[tuple[str, str], int] = field(default_factory=dict)
    axes: dict[str, int] = field(default_factory=dict)
    owed_axes: dict[str, int] = field(default_factory=dict)
    told: dict[str, int] = field(default_factory=dict)
    now: int = 0

    def is_over(self, piece: Piece) -> bool:
        within = REWARDS[piece.reward].get("within")
        return piece.status == "PENDING" and within is not None and self.now >= piece.made + within

    def tell(self, what: str) -> None:
        self.told[what] = self.told.get(what, 0) + 1

    def pay(self, piece: Piece) -> None:
        piece.status = "CLAIMED"
        self.tell("reward.claimed")
        what = REWARDS[piece.reward]
        if "items" in what:
            self.axes[piece.player] = self.axes.get(piece.player, 0) + what["items"]
            return
        key = (piece.player, what["currency"])
        for _ in range(what["value"]):  # coin by coin
            if self.debts.get(key):
                self.debts[key] -= 1
            else:
                self.money[key] = self.money.get(key, 0) + 1

    def claim(self, piece: Piece, player: str) -> str:
        if piece.player != player:
            return "not_found"
        if piece.status == "EXPIRED" or self.is_over(piece):
            return "reward_expired"
        if piece.status == "REVOKED":
            return "reward_revoked"
        if piece.status == "PENDING":
            self.pay(piece)
        return "CLAIMED"

    def spend(self, player: str, currency_: str, amount: int) -> str:
        if self.money.get((player, currency_), 0) < amount:
            return "insufficient_balance"
        self.money[player, currency_] -= amount
        return "ok"

    def consume(self, player: str, quantity: int) -> str:
        if self.axes.get(player, 0) < quantity:
            return "insufficient_items"
        self.axes[player] -= quantity
        return "ok"

    def revoke(self, piece: Piece) -> str:
        if piece.status == "EXPIRED" or self.is_over(piece):
            return "reward_expired"
        if piece.status == "REVOKED":
            return "REVOKED"
        if piece.status == "CLAIMED" and not self.take_back(piece):
            return "insufficient_balance"
        piece.status = "REVOKED"
        self.tell("reward.revoked")
        return "REVOKED"

    def take_back(self, piece: Piece) -> bool:
        what = REWARDS[piece.reward]
        if "items" in what:
            for _ in range(what["items"]):
                if self.axes[piece.player]:
                    self.axes[piece.player] -= 1
                else:
                    self.owed_axes[piece.player] = self.owed_axes.get(piece.player, 0) + 1
            return True
        key, policy = (piece.player, what["currency"]), POLICIES[what["currency"]]
        if policy == "REFUSE" and self.money.get(key, 0) < what["value"]:
            return False
        for _ in range(what["value"]):
            if self.money.get(key):
                self.money[key] -= 1
            elif policy == "DEBT":
                self.debts[key] = self.debts.get(key, 0) + 1
        return True

    def sweep(self) -> int:
        over = [piece for piece in self.pieces if self.is_over(piece)]
        for piece in over:
            piece.status = "EXPIRED"
            self.tell("reward.expired")
        return len(over)


players = st.sampled_from(PLAYERS)
some = st.integers(0, 30)
steps = st.one_of(
    st.tuples(st.just("grant"), players, st.sampled_from(sorted(REWARDS))),
    st.tuples(st.just("claim"), some, players),
    st.tuples(st.just("spend"), players, st.sampled_from(sorted(POLICIES)), st.integers(1, 12)),
    st.tuples(st.just("consume"), players, st.integers(1, 3)),
    st.tuples(st.just("revoke"), some),
    st.tuples(st.just("wait"), st.integers(1, 3)),
    st.tuples(st.just("sweep")),
)


def outcome(command: Any, model: Model) -> str:
    try:
        with transaction.atomic():
            answer = bus.handle(command, actor=SYSTEM, now=later(model.now))
    except Refused as refused:
        return refused.code
    return str(getattr(answer, "status", "ok"))


def take(step: tuple[Any, ...], model: Model) -> None:
    match step:
        case "grant", player, reward_id:
            given_ = give(reward_id, player, now=later(model.now))
            piece = Piece(given_.id, player, reward_id, model.now)
            model.pieces.append(piece)
            model.tell("reward.granted")
            if REWARDS[reward_id]["auto"]:
                model.pay(piece)
            assert given_.status == piece.status
        case "claim", n, player if model.pieces:
            piece = model.pieces[n % len(model.pieces)]
            command: Any = ClaimReward(player_id=player, distribution_id=piece.id)
            assert outcome(command, model) == model.claim(piece, player)
        case "spend", player, currency_, amount:
            command = Spend(player_id=player, currency=currency_, amount=amount, reason="")
            assert outcome(command, model) == model.spend(player, currency_, amount)
        case "consume", player, quantity:
            command = ConsumeItem(player_id=player, item_id="axe", quantity=quantity, reason="")
            assert outcome(command, model) == model.consume(player, quantity)
        case "revoke", n if model.pieces:
            piece = model.pieces[n % len(model.pieces)]
            command = RevokeDistribution(distribution_id=piece.id, reason="")
            assert outcome(command, model) == model.revoke(piece)
        case "wait", seconds:
            model.now += seconds
        case ("sweep",):
            assert tasks.expire_rewards(later(model.now)) == model.sweep()


def assert_as_the_model_says(model: Model) -> None:
    for player in PLAYERS:
        held = {c: (b, d) for (p, c), (b, d) in wallets().items() if p == player}
        for currency_ in POLICIES:
            key = (player, currency_)
            assert held.get(currency_, (0, 0)) == (model.money.get(key, 0), model.debts.get(key, 0))
        axes = (model.axes.get(player, 0), model.owed_axes.get(player, 0))
        assert inventory(player).get("axe", (0, 0)) == axes
    shown = {row.pk: queries.shown(row, later(model.now))["status"] for row in Distribution.objects.all()}
    assert shown == {piece.id: "EXPIRED" if model.is_over(piece) else piece.status for piece in model.pieces}
    told: dict[str, int] = {}
    for type_ in OutboxFact.objects.filter(type__startswith="reward.").values_list("type", flat=True):
        told[type_] = told.get(type_, 0) + 1
    assert told == model.told
    assert_the_books_balance()


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(steps, max_size=25))
def test_the_books_balance_after_anything(sequence: list[tuple[Any, ...]]) -> None:
    with transaction.atomic():
        publish(
            *(currency(id_, policy) for id_, policy in POLICIES.items()),
            reward("gold", value=7),
            manual("gold-box", "RANDOM", 0, table=[{"reward": "gold-piece", "weight": 1}]),
            reward("gold-piece", value=4),
            manual("gold-brief", value=3, claim_within=3),
            reward("gem", value=5, currency="gem"),
            reward("ruby", value=6, currency="ruby"),
            reward("nothing", value=0),
            reward("axes", "ITEM", 0, items=items(("axe", 2))),
        )
        model = Model()
        for step in sequence:
            take(step, model)
        assert_as_the_model_says(model)
        transaction.set_rollback(True)
