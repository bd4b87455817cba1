"""The review queue and the page of a case: who may see and decide, and what they show."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client
from django.utils import timezone

from anticheat.cohorts import Sketch
from gamification.console.review import pictures
from gamification.pipeline import process
from gamification.review.models import Case, Vote
from progress.models import Player
from tests.support.browsing import PASSWORD
from tests.support.content import achievement, event, metric, publish, requirement, reward
from tests.support.queries import queries_of
from tests.support.reviewing import find, finding

pytestmark = pytest.mark.django_db


def person(name: str, group: str = "reviewers") -> Client:
    user = User.objects.create_user(name, password=PASSWORD, is_staff=True)
    user.groups.add(Group.objects.get(name=group))
    client = Client()
    client.force_login(user)
    return client


def played() -> Case:
    """Somebody who beats a foe every two seconds, in two sittings; withheld, and then given something."""
    now = timezone.now()
    publish(
        metric("kills"), reward("coins", value=50),
        achievement("one", requirement("COUNT", "kills", 1), rewards=["coins"]),
    )  # fmt: skip
    start = now - timedelta(hours=3)
    events = [event(f"e{n}", "ann", hp=n) for n in range(240)]
    for n, each in enumerate(events):
        each.timestamp = start + timedelta(seconds=2 * n + (4000 if n > 120 else 0))
    spread = [[0.1, 3], [0.3, 40], [0.6, 220], [1.0, 90]]
    find(finding("PACE", now=now, evidence={"cohort": spread, "value": 0.08}), finding("MARATHON", now=now))
    process(events, now=now)
    find(finding("GRID", now=now, action="SHADOW"))
    return Case.objects.get()


def test_reviewers_decide_others_look_and_designers_see_nothing() -> None:
    case = played()
    address = f"/admin/review/{case.pk}/"
    for group, sees, decides in (
        ("reviewers", True, True), ("support", True, False), ("analysts", True, False), ("designers", False, False),
        ("auditors", False, False),
    ):  # fmt: skip
        client = person(group, group)
        assert client.get("/admin/review/").status_code == (200 if sees else 403), group
        shown = client.get(address)
        assert shown.status_code == (200 if sees else 403), group
        if sees:
            assert (b'id="verdict"' in shown.content) is decides, group
        if not decides:
            assert client.post(address, {"verdict": "CLEARED"}).status_code == 403, group
    assert Case.objects.get().state == "OPEN"
    assert person("rosa").get("/admin/review/77/").status_code == 404


def test_the_queue_and_a_case_take_few_queries() -> None:
    case, client = played(), person("rosa")
    for address in ("/admin/review/", "/admin/review/?tab=decided", f"/admin/review/{case.pk}/"):
        assert queries_of(lambda address=address: client.get(address)) <= 25, address  # type: ignore[misc]


def test_a_player_is_seen_among_others_by_what_the_rule_itself_has_found() -> None:
    """With the evidence as VELOCITY, RATE and INCOME write it: which has no value of its own."""
    sketch = Sketch()
    for place in range(500):
        sketch.move(None, 10.0 + place / 10)
    sketch.move(None, 900.0)
    rate = {"type": "foe.beaten", "what": "damage", "median": 35.0, "cohort": sketch.coarse()}
    find(finding("RATE", value=900.0, limit=350.0, now=timezone.now(), action="FLAG", evidence=rate))
    [kept] = Case.objects.get().evidence["findings"]
    picture = pictures.cohort(kept)
    assert picture is not None
    assert picture.rule == "rate, damage of foe.beaten"
    [own] = [bar for bar in picture.bars if bar.is_own]
    assert own is picture.bars[-1]
    assert own.count == 1
    assert own.height >= 10
    assert sum(bar.count for bar in picture.bars) == 501
    shown = person("rosa").get(f"/admin/review/{Case.objects.get().pk}/").content.decode()
    assert "Among others: rate, damage of foe.beaten" in shown


def test_a_case_shows_why_and_pictures_with_their_figures() -> None:
    case = played()
    shown = person("rosa").get(f"/admin/review/{case.pk}/").content.decode()
    for said in ("pace", "marathon", "shadow", "Hours of the day", "The last sessions", "Among others", "1 in 10^"):
        assert said in shown, said
    assert "style=" not in shown
    assert shown.count("<table>") >= 4


def test_a_verdict_is_previewed_given_and_leads_to_the_next_case() -> None:
    case, client = played(), person("rosa")
    find(finding("RATE", "bob", action="FLAG", now=timezone.now()))
    other = Case.objects.get(player_id="bob")
    address = f"/admin/review/{case.pk}/"
    previewed = client.post(address, {"verdict": "CONFIRMED", "_preview": "1", "since": "2020-01-01 00:00:00"})
    assert b"What confirming it would take" in previewed.content
    assert b"gold" not in previewed.content  # what waits was never paid
    assert Case.objects.get(pk=case.pk).state == "OPEN"
    answer = client.post(address, {"verdict": "CONFIRMED", "note": "a macro", "standing": "BANNED"})
    assert (answer.status_code, answer["Location"]) == (302, f"/admin/review/{other.pk}/")
    assert Player.objects.get(pk="ann").standing == "BANNED"
    [vote] = Vote.objects.all()
    assert (vote.who, vote.note, vote.verdict) == ("user:rosa", "a macro", "CONFIRMED")
    assert b"Case" in client.get("/admin/review/?tab=decided").content


def test_what_a_currency_refuses_to_go_without_is_said() -> None:
    case, client = played(), person("rosa")
    answer = client.post(f"/admin/review/{case.pk}/", {"verdict": "CONFIRMED", "since": "soon"})
    assert answer.status_code == 200
    assert b"errorlist" in answer.content
    assert Case.objects.get().state == "OPEN"


def test_home_says_what_waits_and_navigation_counts_it() -> None:
    played()
    home = person("rosa").get("/admin/").content.decode()
    assert "Cases to review" in home
    assert "/admin/review/" in person("sue", "support").get("/admin/").content.decode()


def test_pictures_say_nothing_where_nothing_was_kept() -> None:
    assert pictures.gaps([]) is None
    assert pictures.hours([0] * 24) == []
    assert pictures.cohort({}) is None
    assert pictures.cohort({"cohort": [[1, 2]], "value": None}) is None


def test_who_stands_beyond_everybody_is_in_the_last_bar() -> None:
    found = pictures.cohort({"rule": "rate", "cohort": [[1, 10], [2, 5]], "value": 99})
    assert found is not None
    assert [bar.is_own for bar in found.bars] == [False, True]
