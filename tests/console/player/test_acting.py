"""What staff may do about a player: seen before it is done, done by one command, and told in the audit log."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from achievements.models import Standing
from anticheat.models import Finding
from gamification.console.models import Note
from gamification.console.player import acts
from gamification.kernel.core import bus
from gamification.kernel.core.actors import Actor
from gamification.kernel.models import AuditEntry, OutboxFact
from gamification.players.erasing import tables
from gamification.players.resetting import NotATestPlayer, ResetPlayer
from progress.models import Player
from quests.models import Run
from rewards.models import Distribution, Transfer, Wallet
from tests.support import game
from tests.support.console_forms import logged_in, said
from tests.support.rewarding import assert_the_books_balance

pytestmark = pytest.mark.django_db


@pytest.fixture
def server() -> APIClient:
    return game.make()


@pytest.fixture
def sue(client: Client, server: APIClient) -> Client:
    return logged_in(client, "sue", "support", "reviewers")


def at(name: str) -> str:
    return f"/admin/players/ann/act/{name}/"


def see(client: Client, name: str, **fields: Any) -> Any:
    answer = client.post(at(name), {"reason": "ticket 4711", **fields, "_preview": "1"})
    assert answer.status_code == 200
    return answer.context


def do(client: Client, name: str, **fields: Any) -> list[str]:
    answer = client.post(at(name), {"reason": "ticket 4711", **fields, "_do": "1"}, follow=True)
    assert answer.status_code == 200, answer.content
    assert "form" not in answer.context or not answer.context["form"].errors, answer.context["form"].errors
    return said(answer)


def newest() -> AuditEntry:
    return AuditEntry.objects.order_by("-pk")[0]


def gold() -> int:
    return Wallet.objects.get(player_id="ann", currency="gold").balance


def test_a_preview_changes_no_table(sue: Client) -> None:
    before = game.contents()
    chest = Distribution.objects.filter(player_id="ann", reward_id="chest")[0]
    coins = Distribution.objects.filter(player_id="ann", reward_id="coins")[0]
    held = Finding.objects.filter(player_id="ann", status="HELD")[0]
    said_of_each: dict[str, dict[str, Any]] = {
        "grant": {"reward": "coins"},
        "revoke-since": {"since": "2020-01-01T00:00:00"},
        "release": {"finding": held.pk},
        "dismiss": {"finding": held.pk},
        "note": {},
        "end-tokens": {},
        "ban": {},
        "set-standing": {"standing": "WATCHED"},
        "mark-test": {},
        "export": {},
        "erase": {"typed": "ann", "reason": "The player asked for it"},
        "claim": {"distribution": chest.pk},
        "revoke": {"distribution": coins.pk},
        "revoke-achievement": {"achievement": "hunter", "occurrence": ""},
        "move-run": {"quest": "trail"},
        "complete-step": {"quest": "trail", "step": "tell"},
    }
    for name, fields in said_of_each.items():
        found = see(sue, name, **fields)
        assert "effect" in found or found["refused"], (name, found["form"].errors)
    left_out = {"unban", "unmark-test", "remove-note", "reset"}  # there is nothing yet to which they apply
    assert {act.name for act in acts.known()} - said_of_each.keys() - left_out == set()
    after = game.contents()
    assert {name for name in before if before[name] != after[name]} == set()


def test_a_grant_is_seen_before_it_is_given_and_given_once(sue: Client) -> None:
    had = gold()
    page = see(sue, "grant", reward="coins")
    assert ("gold", f"{had}", f"{had + 50}") in page["effect"].changes
    assert page["effect"].facts == ["Was given 50 gold", "Got 50 gold"]
    assert gold() == had
    once = page["form"].data.get("once") or "a-grant"
    assert do(sue, "grant", reward="coins", once=once) == ["Granted coins."]
    assert do(sue, "grant", reward="coins", once=once) == ["Granted coins."]
    assert gold() == had + 50
    entry = AuditEntry.objects.filter(action="grant_reward")[0]
    assert (entry.actor, entry.reason, entry.player_id) == ("user:sue", "ticket 4711", "ann")


def test_a_reward_is_claimed_for_them_and_revoked(sue: Client) -> None:
    chest = Distribution.objects.filter(player_id="ann", reward_id="chest", status="PENDING")[0]
    had = gold()
    assert do(sue, "claim", distribution=chest.pk) == ["Claimed chest."]
    assert (gold(), newest().action, newest().reason) == (had + 7, "claim_reward", "ticket 4711")
    assert do(sue, "revoke", distribution=chest.pk) == ["Revoked chest."]
    assert (gold(), newest().action, newest().reason) == (had, "revoke_distribution", "ticket 4711")


def test_another_players_reward_is_not_touched(sue: Client) -> None:
    theirs = Distribution.objects.filter(player_id="bob")[0]
    answer = sue.post(at("revoke"), {"reason": "x", "distribution": theirs.pk, "_do": "1"})
    assert answer.context["form"].errors["distribution"] == ["This player was given no such reward."]
    theirs.refresh_from_db()
    assert theirs.status != "REVOKED"


def test_all_since_an_instant_is_taken_back_once(sue: Client) -> None:
    Player.objects.filter(pk="ann").update(points=10)
    fields = {"since": "2020-01-01T00:00:00"}
    seen = see(sue, "revoke-since", **fields)["effect"]
    assert ("gold", f"{gold()}", "0") in seen.changes
    [done] = do(sue, "revoke-since", **fields)
    assert done.startswith("Took back 1 achievements")
    assert gold() == 0
    assert set(Distribution.objects.filter(player_id="ann").values_list("status", flat=True)) == {"REVOKED"}
    assert Standing.objects.get(player_id="ann", achievement_id="hunter").revoked_at is not None
    assert_the_books_balance()
    [again] = do(sue, "revoke-since", **fields)
    assert "not taken back already" in again
    assert Distribution.objects.filter(player_id="bob", status="REVOKED").count() == 0


def test_what_came_before_that_instant_stays(sue: Client) -> None:
    later = (timezone.now()).strftime("%Y-%m-%dT%H:%M:%S")
    Distribution.objects.filter(player_id="ann").update(created_at="2026-01-01T00:00:00Z")
    Standing.objects.filter(player_id="ann").update(completed_at="2026-01-01T00:00:00Z")
    [done] = do(sue, "revoke-since", since=later)
    assert "not taken back already" in done


def test_an_achievement_is_taken_back_from_its_row(sue: Client) -> None:
    assert do(sue, "revoke-achievement", achievement="hunter", occurrence="") == ["Revoked hunter, 1 times."]
    assert newest().action == "revoke_achievement"


def test_a_ban_is_lifted_by_the_act_that_stands_in_its_place(sue: Client) -> None:
    offered = {act.name for act in sue.get("/admin/players/ann/").context["acts"]}
    assert "ban" in offered
    assert "unban" not in offered
    assert do(sue, "ban") == ["Banned."]
    assert Player.objects.get(pk="ann").banned
    assert (newest().action, newest().reason) == ("change_profile", "ticket 4711")
    assert do(sue, "unban") == ["The ban is lifted."]
    assert not Player.objects.get(pk="ann").banned
    assert do(sue, "unban") == ["Lift the ban: there is nothing to do about ann."]


def test_a_standing_is_set_until_an_instant_and_a_player_marked_as_a_test(sue: Client) -> None:
    assert do(sue, "set-standing", standing="UNRANKED", ends_at="2126-01-01T00:00:00") == [
        "The player is unranked now."
    ]
    ann = Player.objects.get(pk="ann")
    assert (ann.standing, ann.standing_ends_at and ann.standing_ends_at.year) == ("UNRANKED", 2126)
    assert (newest().action, newest().reason) == ("set_standing", "ticket 4711")
    assert "unranked until" in sue.get("/admin/players/ann/").content.decode()
    assert do(sue, "mark-test") == ["Marked as a player for testing."]
    assert Player.objects.get(pk="ann").is_test
    assert do(sue, "unmark-test") == ["A player like any other."]


def test_a_held_event_is_released_or_dismissed(sue: Client) -> None:
    first = Finding.objects.filter(player_id="ann", status="HELD")[0]
    assert do(sue, "release", finding=first.pk) == [f"Released {first.event_id}."]
    first.refresh_from_db()
    assert (first.status, first.decided_by, first.decision_reason) == ("RELEASED", "user:sue", "ticket 4711")


def test_a_run_moves_to_the_newest_version_or_it_is_said_why_not(sue: Client, server: APIClient) -> None:
    assert see(sue, "move-run", quest="trail")["refused"] == ["The run is on version 1, which is the newest."]
    steps = [*game.CONTENT["quests"][0]["steps"], {"id": "rest", "title": "Rest", "order": 2}]
    assert server.patch(f"{game.API}/quests/trail", {"steps": steps}).status_code == 200
    assert do(sue, "move-run", quest="trail") == ["trail goes on in version 2."]
    assert (newest().before, newest().after, newest().player_id) == ({"version": 1}, {"version": 2}, "ann")
    assert do(sue, "complete-step", quest="trail", step="tell") == ["Completed the step tell."]
    assert server.patch(f"{game.API}/quests/trail", {"steps": steps[:1]}).status_code == 200
    assert see(sue, "move-run", quest="trail")["refused"] == [
        "Version 3 lacks a step that this run has done, so it stays on 2."
    ]


def test_a_run_moves_to_a_chosen_version_and_back(sue: Client, server: APIClient) -> None:
    steps = [*game.CONTENT["quests"][0]["steps"], {"id": "rest", "title": "Rest", "order": 2}]
    server.patch(f"{game.API}/quests/trail", {"steps": steps})
    steps[-1] = {**steps[-1], "title": "A long rest"}
    server.patch(f"{game.API}/quests/trail", {"steps": steps})
    page = sue.get(at("move-run"), {"quest": "trail"}).context["form"]
    assert [number for number, _ in page.fields["version"].choices] == ["", 3, 2, 1]
    assert ("rest", "A long rest") in page.fields["step"].choices
    assert do(sue, "move-run", quest="trail", version=2) == ["trail goes on in version 2."]
    assert do(sue, "move-run", quest="trail", version=1) == ["trail goes on in version 1."]
    assert (newest().before, newest().after) == ({"version": 2}, {"version": 1})
    assert do(sue, "move-run", quest="trail", version=1)[0].endswith("The run is on version 1.")
    answer = sue.post(at("move-run"), {"reason": "x", "quest": "trail", "version": 7, "_do": "1"})
    assert "version" in answer.context["form"].errors


def test_a_run_is_put_at_a_step_and_what_is_passed_over_gives_nothing(sue: Client, server: APIClient) -> None:
    first = {**game.CONTENT["quests"][0]["steps"][0], "order": 1}
    steps = [first, {"id": "sail", "title": "Sail", "order": 2, "rewards": ["coins"]}, {"id": "rest", "title": "Rest",
             "order": 3}]  # fmt: skip
    server.patch(f"{game.API}/quests/trail", {"steps": steps})
    had = gold()
    seen = see(sue, "move-run", quest="trail", version=2, step="rest")["effect"]
    assert ("quest The trail", "in progress, version 1", "in progress, version 2") in seen.changes
    assert do(sue, "move-run", quest="trail", version=2, step="rest") == ["trail goes on in version 2, at rest."]
    assert newest().after == {"version": 2, "active": ["rest"]}
    assert do(sue, "move-run", quest="trail", step="sail") == ["trail goes on in version 2, at sail."]
    assert (newest().before, newest().after) == ({"active": ["rest"]}, {"active": ["sail"]})
    do(sue, "move-run", quest="trail", step="rest")
    assert do(sue, "move-run", quest="trail", step="rest")[0].endswith("The run stands at the step rest already.")
    assert (gold(), Run.objects.get(player_id="ann", quest_id="trail").state["skipped"]) == (had, ["hunt", "sail"])
    server.patch(f"{game.API}/quests/trail", {"title": "The long trail"})
    assert do(sue, "move-run", quest="trail") == ["trail goes on in version 3."]
    assert Run.objects.get(player_id="ann", quest_id="trail").state["skipped"] == ["hunt", "sail"]
    assert do(sue, "complete-step", quest="trail", step="rest") == ["Completed the step rest."]
    assert Run.objects.get(player_id="ann", quest_id="trail").status == "COMPLETED"
    assert server.get(f"{game.API}/quests/trail/progress", {"player_id": "ann"}).json()["progress"] == 1


def test_a_note_is_for_colleagues_and_goes_when_it_is_taken_away(sue: Client, server: APIClient) -> None:
    assert do(sue, "note", reason="lost her phone in May") == ["Written down."]
    note = Note.objects.get(player_id="ann")
    assert (note.text, note.written_by) == ("lost her phone in May", "user:sue")
    assert "lost her phone" not in str(AuditEntry.objects.filter(player_id="ann").values_list("reason", "after"))
    assert "lost her phone in May" in sue.get("/admin/players/ann/notes/").content.decode()
    assert do(sue, "remove-note", note=note.pk) == ["The note is gone."]
    assert not Note.objects.exists()
    assert newest().action == "remove_note"


def test_a_test_player_begins_anew_and_nobody_else_does(sue: Client, server: APIClient) -> None:
    assert "reset" not in {act.name for act in sue.get("/admin/players/ann/").context["acts"]}
    with pytest.raises(NotATestPlayer):
        bus.handle(ResetPlayer(player_id="ann", reason="x"), actor=Actor.user("sue"), now=timezone.now())
    do(sue, "note", reason="mine, for trying out")
    do(sue, "mark-test")
    Player.objects.filter(pk="ann").update(display_name="Ann", attributes={"clan": "red"})
    others = rows_of_others()
    before = game.contents()
    seen = see(sue, "reset")["effect"]
    assert ("gold", f"{gold()}", "0") in seen.changes
    assert game.contents() == before
    assert do(sue, "reset") == ["Begins anew."]
    ann = Player.objects.get(pk="ann")
    assert (ann.display_name, ann.attributes, ann.is_test, ann.points, ann.earned) == (
        "Ann", {"clan": "red"}, True, 0, b"",
    )  # fmt: skip
    left = {model.__name__ for model in tables() if model.objects.filter(player_id="ann").exists()}  # type: ignore[attr-defined] # each has one
    assert left == {"Player", "Note", "AuditEntry"}
    assert rows_of_others() == others
    assert_the_books_balance()
    assert (newest().action, newest().reason, newest().player_id) == ("reset_player", "ticket 4711", "ann")
    for n in range(2):  # the very events that completed it before
        sent = server.post(f"{game.API}/events", game.event(f"k{n}", "ann", "enemy.killed", {"damage": 5}))
        assert sent.status_code == 200, sent.content
    assert Standing.objects.filter(player_id="ann", achievement_id="hunter", completed_at__isnull=False).exists()


def test_a_reset_says_that_a_ban_has_ended(sue: Client) -> None:
    do(sue, "mark-test")
    do(sue, "ban")
    assert ("standing", "banned", "clear") in see(sue, "reset")["effect"].changes
    do(sue, "reset")
    [fact] = OutboxFact.objects.filter(player_id="ann")
    assert (fact.type, fact.data["before"], fact.data["standing"], fact.data["reason"]) == (
        "standing.changed", "BANNED", "CLEAR", "ticket 4711",
    )  # fmt: skip
    entry = newest()
    assert ((entry.before or {})["standing"], (entry.after or {})["standing"]) == ("BANNED", "CLEAR")


def rows_of_others() -> dict[str, int]:
    """How many rows there are of all others; of a transfer's player a random name may stand instead."""
    mine = Transfer.objects.filter(player_id="ann").count()
    pseudonyms = Transfer.objects.filter(player_id__startswith="~").count()
    found = {model.__name__: model.objects.exclude(player_id="ann").count() for model in tables()}  # type: ignore[attr-defined] # each has one
    return found | {"Transfer": found["Transfer"] - pseudonyms, "of ann's": mine + pseudonyms}


def test_an_export_is_handed_out_and_noted(sue: Client) -> None:
    answer = sue.post(at("export"), {"reason": "asked by mail", "_do": "1"})
    assert answer["Content-Disposition"] == 'attachment; filename="ann.json"'
    assert "no-store" in answer["Cache-Control"]
    assert answer.json()["player_id"] == "ann"
    assert (newest().action, newest().reason) == ("export_player", "asked by mail")


def test_erasing_takes_the_id_and_leaves_nobodys_name(sue: Client) -> None:
    do(sue, "note", reason="ann is ann")
    why = {"reason": "The player asked for it"}
    wrong = sue.post(at("erase"), {**why, "typed": "bob", "_do": "1"})
    assert wrong.context["form"].errors["typed"] == ["This is not the player's id, which is ann."]
    assert do(sue, "erase", **why, typed="ann") == ["Erased."]
    assert not Player.objects.filter(pk="ann").exists()
    assert not Note.objects.exists()
    assert (newest().action, newest().player_id, newest().reason) == ("erase_player", "", why["reason"])


def test_nothing_is_done_without_a_reason(sue: Client) -> None:
    answer = sue.post(at("ban"), {"reason": "", "_do": "1"})
    assert answer.context["form"].errors["reason"]
    assert not Player.objects.get(pk="ann").banned


def test_who_may_not_act_is_neither_offered_nor_allowed(client: Client, server: APIClient) -> None:
    analyst = logged_in(client, "lea", "analysts")
    page = analyst.get("/admin/players/ann/")
    assert [act.name for act in page.context["acts"]] == ["export"]
    for act in acts.known():
        if act.name != "export":
            assert analyst.post(at(act.name), {"reason": "x", "_do": "1"}).status_code == 403, act.name
