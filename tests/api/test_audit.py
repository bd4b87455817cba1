"""What staff and game servers do is written down with its actor and reason, and nobody can take it out again."""

from __future__ import annotations

import csv
import io
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth import get_user_model
from django.db import IntegrityError, connection, transaction
from django.test import Client
from rest_framework.test import APIClient

from gamification.kernel.core import bus
from gamification.kernel.core.actors import SYSTEM, Actor
from gamification.kernel.core.audit import Audited
from gamification.kernel.core.messages import Command, Refused
from gamification.kernel.models import ApiKey, AuditEntry
from gamification.players.erasing import ErasePlayer
from progress.models import Player
from rewards.commands import ClaimReward, ExpireRewards, GrantReward
from rewards.models import Distribution
from tests.support import authoring
from tests.support.callers import assert_problem, game_server, player
from tests.support.content import NOON, achievement, currency, event, metric, publish, requirement, reward
from tests.support.playing import process

pytestmark = pytest.mark.django_db

API = "/api/v1"


def entries(**wanted: Any) -> list[dict[str, Any]]:
    response = game_server("audit:read").get(f"{API}/audit", wanted)
    assert response.status_code == 200, response.content
    found: list[dict[str, Any]] = response.json()["results"]
    return [entry for entry in found if "api_key" not in entry["kind"]]  # that of whoever asks


def key_of(client: APIClient) -> str:
    """The actor behind a client with a key."""
    return f"key:{ApiKey.objects.latest('pk').prefix}"


# -- what is written -------------------------------------------------------------------------------------------------


def test_a_ban_says_who_did_it_and_what_it_changed() -> None:
    server = game_server("players:write")
    actor = key_of(server)
    server.patch(f"{API}/players/ann", {"banned": True, "display_name": "Ann"}, headers={"X-Request-ID": "r-1"})
    [entry] = entries(player_id="ann")
    at = entry.pop("at")
    assert at.endswith("Z")
    assert entry == {
        "actor": actor, "action": "change_profile", "kind": "player", "id": "ann", "player_id": "ann", "reason": "",
        "before": {"banned": False, "display_name": ""}, "after": {"banned": True, "display_name": "Ann"},
        "request_id": "r-1",
    }  # fmt: skip


def test_content_is_told_of_by_the_fields_that_changed() -> None:
    designer = game_server("content:write", "content:read")
    designer.post(f"{API}/metrics", authoring.metric())
    designer.patch(f"{API}/metrics/kills", {"name": "Slain", "reason": "as players say"})
    designer.delete(f"{API}/metrics/kills")
    retired, changed, made = entries(kind="metric", id="kills")
    assert [each["action"] for each in (made, changed, retired)] == [
        "create_content", "update_content", "retire_content",
    ]  # fmt: skip
    assert made["before"] is None
    assert made["after"]["event_type"] == "enemy.killed"
    assert (changed["before"], changed["after"]) == ({"name": "Kills"}, {"name": "Slain"})
    assert changed["reason"] == "as players say"
    assert (retired["before"], retired["after"]) == ({"retired": False}, {"retired": True})


def test_a_draft_that_is_changed_is_told_of_too() -> None:
    designer = game_server("content:write", "content:read")
    designer.post(f"{API}/metrics", authoring.metric() | {"draft": True})
    designer.patch(f"{API}/metrics/kills", {"name": "Slain", "draft": True})
    changed, made = entries(kind="metric")
    assert made["before"] is None
    assert (changed["before"], changed["after"]) == ({"name": "Kills"}, {"name": "Slain"})


def test_a_grant_and_its_revocation_name_the_distribution() -> None:
    publish(currency("gold"), reward("coins"))
    server = game_server("rewards:grant")
    given = server.post(f"{API}/rewards/coins/distribute", {"player_id": "ann", "reason": "sorry"}).json()
    server.post(f"{API}/distributions/{given['id']}/revoke", {"reason": "twice"})
    revoked, granted = entries(kind="distribution", id=given["id"])
    assert (granted["action"], granted["reason"], granted["before"]) == ("grant_reward", "sorry", None)
    assert granted["after"] == {"reward_id": "coins", "status": "CLAIMED"}
    assert (revoked["action"], revoked["reason"]) == ("revoke_distribution", "twice")
    assert (revoked["before"], revoked["after"]) == ({"status": "CLAIMED"}, {"status": "REVOKED"})
    assert {each["player_id"] for each in (granted, revoked)} == {"ann"}


def test_an_achievement_taken_back_is_told_of_with_the_rewards_that_go_with_it() -> None:
    publish(
        metric("kills"), currency("gold"), reward("coins"),
        achievement("hunter", requirement("COUNT", "kills", 1), rewards=["coins"]),
    )  # fmt: skip
    process(event("e1"))
    game_server("rewards:grant").post(f"{API}/achievements/hunter/revoke", {"player_id": "ann", "reason": "a bot"})
    told = entries(action="revoke_achievement")
    assert {(each["kind"], each["reason"]) for each in told} == {("achievement", "a bot"), ("distribution", "a bot")}


def test_what_is_refused_leaves_nothing() -> None:
    server = game_server("rewards:grant")
    assert server.post(f"{API}/rewards/no/distribute", {"player_id": "ann", "reason": "x"}).status_code == 404
    assert entries() == []


def test_what_players_do_for_themselves_is_written_only_where_staff_did_it(client: Client) -> None:
    publish(currency("gold"), reward("coins", claim="MANUAL"))

    def pending() -> Distribution:
        bus.handle(GrantReward(player_id="ann", reward_id="coins", reason=""), actor=SYSTEM, now=NOON)
        return Distribution.objects.latest("pk")

    for caller in (player("ann"), game_server("players:write")):
        assert caller.post(f"{API}/rewards/{pending().pk}/claim", {"player_id": "ann"}).status_code == 200
    assert entries(action="claim_reward") == []

    theirs = pending()
    wish = ClaimReward(player_id="ann", distribution_id=theirs.pk)
    bus.handle(wish, actor=Actor.user("mia"), now=NOON)
    [entry] = entries(action="claim_reward")
    assert (entry["actor"], entry["id"]) == ("user:mia", str(theirs.pk))


def test_the_services_own_daily_work_is_not_in_it() -> None:
    process(event("e1"))
    bus.handle(ExpireRewards(due=[(uuid4(), "ann")]), actor=SYSTEM, now=NOON)
    assert entries() == []


def commands(of: type[Command] = Command) -> list[type[Command]]:
    found = [of] if "handle" in vars(of) and of is not Command else []
    return found + [each for under in of.__subclasses__() for each in commands(under)]


def test_every_command_says_whom_it_is_audited_of_and_only_daily_work_is_never() -> None:
    never = {command.__name__ for command in commands() if command.audited is Audited.NEVER}
    # The last two are of previews: one is undone, the other does nothing.
    assert never == {"ExpireRewards", "ExpireRuns", "PreviewVerdict", "NothingElse"}
    players_own = {command.__name__ for command in commands() if command.audited is Audited.FOR_STAFF}
    assert players_own == {
        "ClaimReward", "ClaimAll", "ClaimRewards", "Spend", "ConsumeItem", "StartQuest", "AbandonQuest",
        "CompleteStep", "MarkRead", "AppealVerdict",
    }  # fmt: skip


def test_tokens_and_exports_are_told_of() -> None:
    process(event("e1"))
    server = game_server("tokens:mint", "players:read")
    actor = key_of(server)
    server.post(f"{API}/players/ann/token", {})
    server.get(f"{API}/players/ann/export")
    player("ann").get(f"{API}/players/me/export")
    assert [(each["action"], each["actor"]) for each in entries(player_id="ann")] == [
        ("export_player", "player:ann"), ("export_player", actor), ("mint_token", actor),
    ]  # fmt: skip


def test_log_ins_are_told_of_right_or_wrong(client: Client) -> None:
    get_user_model().objects.create_superuser("mia", password="right")
    for password in ("wrong", "right"):
        client.post("/admin/login/", {"username": "mia", "password": password})
    right, wrong = entries(kind="user", id="mia")
    assert (right["action"], right["actor"]) == ("log_in", "user:mia")
    assert (wrong["action"], wrong["actor"]) == ("log_in_failed", "system")
    assert wrong["after"] == {"address": "127.0.0.1"}


def test_people_and_groups_are_told_of_without_their_passwords(client: Client) -> None:
    client.force_login(get_user_model().objects.create_superuser("mia"))
    new = {"username": "tom", "usable_password": "true", "password1": "a7c-quiet-river", "password2": "a7c-quiet-river"}
    client.post("/admin/auth/user/add/", new)
    client.post("/admin/auth/group/add/", {"name": "testers"})
    group, user = entries(actor="user:mia")
    assert (user["action"], user["kind"], user["id"]) == ("create_user", "user", "tom")
    assert user["after"] == {"username": "tom", "has_new_password": True}
    assert (group["action"], group["after"]["name"]) == ("create_group", "testers")


def test_keys_are_told_of_without_their_secret(client: Client) -> None:
    client.force_login(get_user_model().objects.create_superuser("mia"))
    client.post("/admin/kernel/apikey/add/", {
        "name": "shard", "scopes": ["players:read"], "expires_at_0": "", "expires_at_1": "", "rate_limit": "",
    })  # fmt: skip
    key = ApiKey.objects.get()
    client.post("/admin/kernel/apikey/", {"action": "revoke_selected", "_selected_action": [key.pk]})
    revoked, made = AuditEntry.objects.filter(kind="api_key", subject_id=key.prefix).order_by("-id")
    assert (made.action, made.actor) == ("create_api_key", "user:mia")
    assert made.after == {"name": "shard", "scopes": ["players:read"], "expires_at": None, "rate_limit": None}
    assert (revoked.action, revoked.after) == ("revoke_api_key", {"revoked": True})
    assert key.hashed_secret not in str(list(AuditEntry.objects.values()))


# -- append only -----------------------------------------------------------------------------------------------------


def test_the_database_refuses_to_delete_or_change_an_entry() -> None:
    game_server("players:write").patch(f"{API}/players/ann", {"banned": True})
    mine = AuditEntry.objects.filter(player_id="ann")
    tries: list[Any] = [
        mine.delete,
        lambda: mine.update(reason="nothing happened"),
        lambda: mine.update(player_id=""),
        lambda: mine.update(player_id="", subject_id="", reason="", before=None, after=None, actor="user:tom"),
        lambda: AuditEntry.objects.filter(kind="api_key").update(reason=""),
    ]
    for attempt in tries:
        with pytest.raises(IntegrityError, match="append only"), transaction.atomic():
            attempt()
    assert mine.count() == 1


def test_erasing_empties_what_entries_say_of_the_player_and_keeps_who_did_what() -> None:
    server = game_server("players:write", "players:erase", "players:read")
    actor = key_of(server)
    for player_id in ("ann", "bob"):
        server.patch(f"{API}/players/{player_id}", {"display_name": f"I am {player_id}"})
        player(player_id).get(f"{API}/players/me/export")
    server.delete(f"{API}/players/ann")
    rows = list(AuditEntry.objects.exclude(kind="api_key").order_by("id").values())
    assert "ann" not in str([row for row in rows if row["player_id"] != "bob"])
    assert [(row["action"], row["actor"], row["subject_id"]) for row in rows] == [
        ("change_profile", actor, ""), ("export_player", "player:", ""),
        ("change_profile", actor, "bob"), ("export_player", "player:bob", "bob"),
        ("erase_player", actor, ""),
    ]  # fmt: skip


def test_the_entry_is_committed_with_what_it_tells_of_or_not_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    publish(currency("gold"), reward("coins"))

    def fails(*args: Any, **kwargs: Any) -> None:
        raise RuntimeError("the disk is full")

    monkeypatch.setattr(AuditEntry.objects, "bulk_create", fails)
    with pytest.raises(RuntimeError):
        bus.handle(GrantReward(player_id="ann", reward_id="coins", reason=""), actor=SYSTEM, now=NOON)
    assert not Distribution.objects.exists()


def test_a_replayed_refusal_of_erasing_somebody_unknown_is_no_entry() -> None:
    with pytest.raises(Refused):
        bus.handle(ErasePlayer(player_id="nobody"), actor=SYSTEM, now=NOON)
    assert not AuditEntry.objects.exists()
    assert not Player.objects.exists()


def test_both_databases_have_their_triggers() -> None:
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SELECT tgname FROM pg_trigger WHERE tgname LIKE 'kernel_auditentry%%'")
        else:
            cursor.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")
        assert cursor.fetchall()


# -- reading ---------------------------------------------------------------------------------------------------------


def test_it_is_read_by_its_own_scope_only() -> None:
    others = game_server("players:read", "players:write", "content:write", "analytics:read")
    assert_problem(others.get(f"{API}/audit"), 403, "missing_scope")
    assert player("ann").get(f"{API}/audit").status_code == 403


def test_it_is_filtered_and_pages_go_back_in_time() -> None:
    server = game_server("players:write")
    for n in range(5):
        server.patch(f"{API}/players/p{n}", {"display_name": "x"})
    auditor = game_server("audit:read")
    page = auditor.get(f"{API}/audit?action=change_profile&page_size=2").json()
    assert [each["id"] for each in page["results"]] == ["p4", "p3"]
    page = auditor.get(page["next"]).json()
    assert [each["id"] for each in page["results"]] == ["p2", "p1"]
    at = page["results"][0]["at"]
    asked: dict[str, str] = {"action": "change_profile", "from": at}
    assert [each["id"] for each in auditor.get(f"{API}/audit", asked).json()["results"]] == ["p4", "p3", "p2"]
    asked = {"action": "change_profile", "to": at}
    assert [each["id"] for each in auditor.get(f"{API}/audit", asked).json()["results"]] == ["p1", "p0"]
    assert_problem(auditor.get(f"{API}/audit", {"from": "yesterday"}), 400, "invalid", "from")
    assert_problem(auditor.get(f"{API}/audit", {"actor": "mia"}), 400, "invalid", "actor")
    assert_problem(auditor.get(f"{API}/audit", {"who": "mia"}), 400, "unknown_parameter", "who")


@pytest.mark.parametrize("asked", [{"headers": {"Accept": "text/csv"}}, {"query_params": {"format": "csv"}}])
def test_it_is_also_csv_that_no_spreadsheet_takes_for_formulas(asked: Any) -> None:
    publish(currency("gold"), reward("coins"))
    said = {"player_id": "ann", "reason": '=HYPERLINK("x")'}
    game_server("rewards:grant").post(f"{API}/rewards/coins/distribute", said)
    response = game_server("audit:read").get(f"{API}/audit", **asked)
    assert response["Content-Type"].startswith("text/csv")
    [granted] = [row for row in csv.DictReader(io.StringIO(response.content.decode())) if row["kind"] == "distribution"]
    assert granted["reason"] == '\'=HYPERLINK("x")'
    assert "CLAIMED" in granted["after"]


def test_whoever_takes_the_log_along_is_in_it() -> None:
    server = game_server("audit:read")
    actor = key_of(server)
    server.head(f"{API}/audit", query_params={"format": "csv"})
    server.get(f"{API}/audit")
    response = server.get(f"{API}/audit", {"format": "csv", "action": "create_api_key"})
    assert b"download_list" not in response.content
    [entry] = entries(action="download_list")
    assert (entry["actor"], entry["kind"]) == (actor, "auditentry")
    assert entry["after"] == {"list": "audit log", "action": "create_api_key"}


def test_auditors_read_and_download_it_on_the_console(client: Client) -> None:
    game_server("players:write").patch(f"{API}/players/ann", {"banned": True})
    client.force_login(get_user_model().objects.create_superuser("mia"))
    assert b"change_profile" in client.get("/admin/kernel/auditentry/").content
    chosen = {"action": "download_all", "select_across": "1", "_selected_action": [AuditEntry.objects.latest("pk").pk]}
    response: Any = client.post("/admin/kernel/auditentry/", chosen)
    text = b"".join(response.streaming_content)
    assert b"change_profile" in text
    assert b"download_list" not in text
    entry = AuditEntry.objects.latest("pk")
    assert (entry.actor, entry.action, entry.kind) == ("user:mia", "download_list", "auditentry")


def test_a_download_of_the_audit_log_has_an_end(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gamification.kernel.admin.MAX_ROWS", 2)
    server = game_server("players:write")
    for n in range(4):
        server.patch(f"{API}/players/p{n}", {"is_test": True})
    client.force_login(get_user_model().objects.create_superuser("mia"))
    chosen = {"action": "download_all", "select_across": "1", "_selected_action": [AuditEntry.objects.latest("pk").pk]}
    response: Any = client.post("/admin/kernel/auditentry/", chosen)
    found = [row["player_id"] for row in csv.DictReader(io.StringIO(b"".join(response.streaming_content).decode()))]
    assert found == ["p3", "p2"]
