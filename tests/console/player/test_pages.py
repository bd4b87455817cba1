"""The player's page: what happened, how far they are, and why something is not unlocked."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from gamification.console.player import timeline
from gamification.console.player.sessions import cut
from gamification.kernel.core import bus
from gamification.kernel.core.actors import Actor
from gamification.kernel.models import AuditEntry
from gamification.review.models import Case
from gamification.review.rules import Verdict
from gamification.review.verdicts import AppealVerdict, CastVote
from tests.support import game
from tests.support.callers import game_server
from tests.support.console_forms import logged_in
from tests.support.queries import queries_of
from tests.support.reviewing import find, finding

pytestmark = pytest.mark.django_db

TABS = ("", "achievements/", "quests/", "rewards/", "ledger/", "counters/", "sessions/")
BELLS = {
    "id": "storm-bells",
    "name": "Bells in a storm",
    "event_type": "bell.rung",
    "member_field": "bell",
    "conditions": [{"field": "weather", "op": "eq", "value": "storm"}],
}
THREE = {
    "id": "bells",
    "title": "Storm bells",
    "requirements": [{"type": "DISTINCT", "metric": "storm-bells", "operator": "gte", "threshold": 3}],
}


@pytest.fixture
def server() -> APIClient:
    first = game_server()
    game.send(first, "metrics", BELLS)
    game.send(first, "achievements", THREE)
    game.send(first, "achievements", {"id": "after", "title": "After", "prerequisites": ["bells"], "requirements": []})
    made = game.make()
    rung = [("great-brine", "storm"), ("chapel", "storm"), ("harbour", "calm")]
    for n, (bell, weather) in enumerate(rung):
        sent = game.event(f"b{n}", "ann", "bell.rung", {"bell": bell, "weather": weather}, ago=600 - n)
        assert made.post(f"{game.API}/events", sent).status_code == 200
    return made


@pytest.fixture
def sue(client: Client) -> Client:
    return logged_in(client, "sue", "support")


def page(client: Client, tab: str = "", **query: Any) -> Any:
    answer = client.get(f"/admin/players/ann/{tab}", query)
    assert answer.status_code == 200, answer.content
    return answer


@pytest.mark.usefixtures("server")
def test_the_search_box_leads_to_the_page(sue: Client) -> None:
    assert b'href="/admin/players/ann/"' in sue.get("/admin/find/?q=ann").content


@pytest.mark.usefixtures("server")
def test_it_says_who_the_player_is(sue: Client) -> None:
    said = list(page(sue).context["head"].facts())
    assert said[0] == "level 2"
    assert any(line.endswith(" gold") for line in said)


@pytest.mark.usefixtures("server")
def test_why_not_is_the_very_condition_that_failed(sue: Client) -> None:
    why = page(sue, "achievements/", why="bells").context["why"]
    assert why.first == "1 different one of “Bells in a storm” is missing."
    [asked] = why.asked
    assert (asked.far, [line.why for line in asked.lines]) == (
        "2 of 3",
        ["weather is “calm”, the metric asks for “storm”", "", ""],
    )
    assert "the metric asks for “storm”" in page(sue, "achievements/", why="bells").content.decode()


@pytest.mark.usefixtures("server")
def test_why_names_the_event_that_completed_it(sue: Client) -> None:
    why = page(sue, "achievements/", why="hunter").context["why"]
    assert why.is_done
    assert [line.partition(" by the event ")[2] for line in why.events] == ["k1, version 1"]


@pytest.mark.usefixtures("server")
def test_what_comes_first_is_said_by_its_title(sue: Client) -> None:
    assert page(sue, "achievements/", why="after").context["why"].first == "Storm bells comes first."


@pytest.mark.usefixtures("server")
def test_a_quest_says_which_step_waits_and_for_what(sue: Client) -> None:
    why = page(sue, "quests/", why="trail").context["why"]
    assert why.first == "Hunt: 5 more: kills: at least 5 times."
    assert [(step.title, step.state) for step in why.steps] == [("Hunt", "active"), ("Tell of it", "active")]
    never = page(sue, "quests/", why="errand").context["why"]
    assert never.first == "It was never started. It can be started now."


@pytest.mark.usefixtures("server")
def test_the_ledger_runs_down_to_nothing(sue: Client, server: APIClient) -> None:
    spent = {"amount": 30, "reason": "a hat"}
    sent = server.post(f"{game.API}/players/ann/wallet/gold/spend", spent, headers={"Idempotency-Key": "hat"})
    assert sent.status_code == 200
    rows = page(sue, "ledger/").context["rows"]
    [balance] = [row["balance"] for row in server.get(f"{game.API}/players/ann/wallet").json()["results"]]
    assert (rows[0].moved, rows[0].balance) == (-30, balance)
    assert rows[-1].balance == rows[-1].moved
    assert [row.cause for row in rows] == ["spent: a hat", "coins for Hunter"]
    assert rows[-1].key.startswith("claim:")
    for newer, older in pairwise(rows):
        assert newer.balance - newer.moved == older.balance


@pytest.mark.usefixtures("server")
def test_the_ledger_says_of_what_was_taken_back_what_it_had_been_given_for(sue: Client, server: APIClient) -> None:
    given = server.post(f"{game.API}/rewards/coins/distribute", {"player_id": "ann", "reason": "sorry"}).json()
    undone = server.post(f"{game.API}/distributions/{given['id']}/revoke", {"reason": "twice"})
    assert undone.status_code == 200, undone.content
    assert [row.cause for row in page(sue, "ledger/").context["rows"]][:2] == [
        "taken back: coins by hand", "coins by hand",
    ]  # fmt: skip


@pytest.mark.usefixtures("server")
def test_a_quest_says_its_state_in_words_and_nothing_that_it_has_not(sue: Client) -> None:
    rows = {row.id: row for row in page(sue, "quests/").context["rows"]}
    assert (rows["trail"].said, rows["errand"].said) == ("in progress", "not started")
    assert rows["errand"].far == []
    assert "in_progress" not in page(sue, "quests/").content.decode()


@pytest.mark.usefixtures("server")
def test_a_timeline_is_every_entry_once_however_it_is_cut(sue: Client) -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    AuditEntry.objects.bulk_create(
        AuditEntry(at=at, actor="user:sue", action=f"act_{n}", kind="player", subject_id="ann", player_id="ann")
        for n in range(7)
    )
    everything = list(timeline._sources.values())
    whole = timeline.read("ann", everything, size=1_000)
    assert not whole.next
    cursor, found = "", []
    while True:
        part = timeline.read("ann", everything, cursor, size=3)
        found += part.entries
        if not part.next:
            break
        cursor = part.next
    assert found == whole.entries
    assert sorted((entry.at for entry in found), reverse=True) == [entry.at for entry in found]
    assert {entry.kind for entry in found} == {
        "Staff",
        "Cases",
        "Findings",
        "Refused events",
        "Facts",
        "Money",
        "Messages",
        "Events",
    }


@pytest.mark.usefixtures("server")
def test_a_timeline_shows_the_kinds_that_are_asked_for(sue: Client) -> None:
    entries = page(sue, kind="findings").context["page"].entries
    assert {entry.kind for entry in entries} == {"Findings"}
    assert "no-giants: held" in [entry.said for entry in entries]


@pytest.mark.usefixtures("server")
def test_a_timeline_tells_what_happens_to_a_case_once(sue: Client, server: APIClient) -> None:
    Case.objects.filter(player_id="ann").delete()
    find(finding("PACE", now=timezone.now()))
    case = Case.objects.get(player_id="ann")

    def vote(who: str, verdict: Verdict, note: str) -> None:
        bus.handle(
            CastVote(case_id=case.pk, verdict=verdict, note=note), actor=Actor.user(who), now=timezone.now()
        )  # fmt: skip

    def told() -> list[str]:
        return [entry.said for entry in page(sue, kind="cases").context["page"].entries]

    assert told() == [f"Case {case.pk} was opened"]
    vote("rae", Verdict.CONFIRMED, "a macro")
    appeal = AppealVerdict(case_id=case.pk, player_id="ann", text="It was me")
    bus.handle(appeal, actor=Actor.player("ann"), now=timezone.now())
    vote("ron", Verdict.OVERTURNED, "it was ann")
    in_order = [
        f"The verdict of case {case.pk} was overturned", f"The player appealed the verdict of case {case.pk}",
        f"Case {case.pk} was confirmed: unranked", f"Case {case.pk} was opened",
    ]  # fmt: skip
    assert told() == in_order
    everything = [entry for entry in page(sue).context["page"].entries if "ase" in entry.said]
    assert [entry.said for entry in everything] == in_order
    assert everything[2].more == "confirmed by rae: “a macro”"
    assert {entry.address for entry in everything} == {f"/admin/review/{case.pk}/"}
    by_staff = [entry.said for entry in page(sue, "notes/").context["page"].entries]
    assert in_order[0] in by_staff
    assert queries_of(lambda: page(sue)) <= 25


@pytest.mark.usefixtures("server")
def test_a_cursor_that_nobody_gave_is_refused(sue: Client) -> None:
    assert sue.get("/admin/players/ann/?after=made-up").status_code == 400


@pytest.mark.usefixtures("server")
@pytest.mark.parametrize("tab", TABS)
def test_a_page_asks_a_fixed_number_of_questions(sue: Client, tab: str) -> None:
    page(sue, tab)
    assert queries_of(lambda: page(sue, tab, why="bells")) <= 25


@pytest.mark.usefixtures("server")
def test_who_may_not_see_players_sees_no_page_of_one(client: Client) -> None:
    designer = logged_in(client, "mia", "designers")
    assert {designer.get(f"/admin/players/ann/{tab}").status_code for tab in TABS} == {403}


@pytest.mark.usefixtures("server")
def test_nobody_of_that_name_is_said_and_nobody_is_made(sue: Client) -> None:
    assert sue.get("/admin/players/nobody/").status_code == 302
    assert sue.get("/admin/players/me/").status_code == 404
    assert sue.get("/admin/players/ann/nothing/").status_code == 404


def test_a_gap_of_more_than_half_an_hour_ends_a_session() -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    minutes = [0, 30, 61, 62]
    found = list(cut(at + timedelta(minutes=m) for m in reversed(minutes)))
    assert [(each.events, each.lasts) for each in found] == [(2, "1 min"), (2, "30 min")]
