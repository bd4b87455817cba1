"""Whoever does something is named by the command, and by the rows that it leaves."""

from dataclasses import dataclass
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth import get_user_model
from django.test import Client

from achievements.models import Standing
from anticheat.models import Finding
from gamification import pipeline
from gamification.kernel.core import bus
from gamification.kernel.core.actors import MAX_SIGNATURE, SYSTEM, Actor
from gamification.kernel.core.messages import Command
from gamification.kernel.core.world import World
from gamification.kernel.models import ApiKey, Version
from progress.models import Backfill, ErasedPlayer, Player
from rewards.models import Distribution, Transfer
from tests.support.callers import game_server, player
from tests.support.content import NOON, achievement, event, metric, publish, requirement, reward

pytestmark = pytest.mark.django_db

API = "/api/v1"
WHY: Any = {"reason": "a bug of ours"}


@dataclass(frozen=True, kw_only=True)
class WhoAmI(Command):
    def handle(self, world: World) -> str:
        return str(world.actor)


def the_key() -> str:
    return f"key:{ApiKey.objects.latest('pk').prefix}"


@pytest.fixture
def mia(client: Client) -> Client:
    client.force_login(get_user_model().objects.create_superuser("mia"))
    return client


@pytest.fixture
def played() -> None:
    """ann has completed an achievement that pays 5 gold, and has an event that is held."""
    publish(
        metric("kills"),
        reward("coin", claim="AUTO"),
        achievement("first", requirement("COUNT", "kills", 1), rewards=["coin"]),
    )
    pipeline.process([event("e1")], now=NOON)
    Player.objects.filter(pk="ann").update(banned=True)
    pipeline.process([event("e2")], now=NOON)
    Player.objects.filter(pk="ann").update(banned=False)


def test_a_command_is_told_who_sent_it() -> None:
    named = {"user:mia": Actor.user("mia"), "key:ab12": Actor.key("ab12"), "player:ann": Actor.player("ann")}
    for text, actor in (named | {"system": SYSTEM}).items():
        assert bus.handle(WhoAmI(), actor=actor, now=NOON) == text == str(actor)
    assert len(str(Actor.user("m" * 150))) <= MAX_SIGNATURE


def test_a_version_names_whoever_published_it() -> None:
    publish(metric("kills"))
    assert Version.objects.get().who == "system"


@pytest.mark.usefixtures("played")
def test_what_game_events_earned_names_nobody() -> None:
    given, moved = Distribution.objects.get(), Transfer.objects.get()
    assert (given.granted_by, given.revoked_by, moved.made_by) == ("", "", "")


@pytest.mark.usefixtures("played")
def test_what_a_key_did_can_be_told_from_the_rows() -> None:
    server = game_server()
    key = the_key()
    assert server.post(f"{API}/rewards/coin/distribute", {"player_id": "ann", **WHY}).status_code == 201
    assert Distribution.objects.get(source="GRANT").granted_by == key
    spent = server.post(
        f"{API}/players/ann/wallet/gold/spend", {"amount": 1, "reason": "hat"}, headers={"Idempotency-Key": "1"}
    )
    assert spent.status_code == 200
    assert Transfer.objects.get(credit_account="spending").made_by == key
    assert server.post(f"{API}/achievements/first/revoke", {"player_id": "ann", **WHY}).status_code == 200
    standing = Standing.objects.get(achievement_id="first")
    assert (standing.revoked_by, standing.revoke_reason) == (key, WHY["reason"])
    given = Distribution.objects.get(source="ACHIEVEMENT")
    assert (given.revoked_by, (given.undone or {})["reason"]) == (key, WHY["reason"])
    held = Finding.objects.get()
    assert server.post(f"{API}/held/{held.pk}/dismiss", WHY).status_code == 200
    held.refresh_from_db()
    assert (held.decided_by, held.decision_reason) == (key, WHY["reason"])
    assert server.patch(f"{API}/players/ann", {"banned": True}).status_code == 200
    ann = Player.objects.get(pk="ann")
    assert ann.banned_by == key
    assert ann.banned_at is not None
    assert server.delete(f"{API}/players/ann").status_code == 204
    assert ErasedPlayer.objects.get().erased_by == key


@pytest.mark.usefixtures("played")
def test_what_a_person_did_on_the_console_can_be_told_from_the_rows(mia: Client) -> None:
    standing, held = Standing.objects.get(), Finding.objects.get()
    action = {"action": "revoke_selected", "_selected_action": [standing.pk], **WHY}
    mia.post("/admin/achievements/standing/", action)
    mia.post("/admin/anticheat/finding/", {"action": "release_selected", "_selected_action": [held.pk], **WHY})
    standing.refresh_from_db()
    held.refresh_from_db()
    assert (standing.revoked_by, standing.revoke_reason) == ("user:mia", WHY["reason"])
    assert (held.status, held.decided_by, held.decision_reason) == ("RELEASED", "user:mia", WHY["reason"])
    assert Distribution.objects.get().revoked_by == "user:mia"


def test_a_preview_names_who_asked_for_it() -> None:
    server = game_server()
    server.post(f"{API}/metrics", {"id": "kills", "name": "Kills", "event_type": "enemy.killed"})
    wanted = {"type": "COUNT", "metric": "kills", "operator": "gte", "threshold": 1}
    server.post(f"{API}/achievements", {"id": "one", "title": "One", "requirements": [wanted]})
    answer = server.post(f"{API}/achievements/one/preview", {})
    assert answer.status_code == 202
    assert Backfill.objects.get(pk=answer.json()["id"]).asked_by == the_key()


@pytest.mark.usefixtures("played")
def test_a_player_is_not_told_who_of_the_staff_did_what(mia: Client) -> None:
    held = Finding.objects.get()
    mia.post("/admin/anticheat/finding/", {"action": "dismiss_selected", "_selected_action": [held.pk], **WHY})
    assert "user:mia" in game_server().get(f"{API}/players/ann/export").content.decode()
    assert "user:mia" not in player("ann").get(f"{API}/players/me/export").content.decode()


@pytest.mark.usefixtures("played")
def test_an_erased_player_is_nobodys_actor() -> None:
    publish(reward("gift", claim="MANUAL"))
    game_server().post(f"{API}/rewards/gift/distribute", {"player_id": "ann", "reason": ""})
    gift = Distribution.objects.get(reward_id="gift")
    assert player("ann").post(f"{API}/rewards/{gift.pk}/claim").status_code == 200
    assert game_server().delete(f"{API}/players/ann").status_code == 204
    left = [row for model in apps.get_models() for row in model._default_manager.values() if "player:ann" in str(row)]
    assert left == []
