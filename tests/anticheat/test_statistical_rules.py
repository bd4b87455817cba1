"""Rules on how players play in the console: born in shadow, tried on the past, put back when they are often wrong."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random

import pytest
import time_machine
from django.contrib.auth.models import Group, User
from django.contrib.messages import get_messages
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from anticheat import precision, trying
from anticheat.cohort_rows import Judged, _encode
from anticheat.judging import KINDS
from anticheat.models import CohortPart, Rule
from anticheat.precision import Verdicts
from anticheat.proving import Proof, make_defaults, proof
from gamification import pipeline
from gamification.kernel.core.messages import GameEvent
from gamification.kernel.models import AuditEntry
from tests.support.content import achievement, event, metric, publish, requirement
from tests.support.rewarding import later

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 5, 1, 12, 0, 0, 250_000, tzinfo=UTC)
PAGE = "/admin/anticheat/rule/"


@pytest.fixture
def reviewer(client: Client) -> Client:
    user = User.objects.create_user("rob", is_staff=True)
    user.groups.add(Group.objects.get(name="reviewers"))
    client.force_login(user)
    return client


@pytest.fixture(autouse=True)
def rules(monkeypatch: pytest.MonkeyPatch) -> None:
    make_defaults()
    monkeypatch.setattr(precision, "_verdicts", precision._verdicts)


def form(name: str, action: str, kind: str = "PACE", **more: str) -> dict[str, str]:
    return {
        "name": name, "kind": kind, "action": action, "is_enabled": "on", "metric": "", "event_type": "",
        "minimum": "", "maximum": "", "seconds": "", **more,
    }  # fmt: skip


def prove(rule: Rule, players: int, days: int) -> None:
    state = _encode(Judged(players, 20_000, 20_000 + days - 1))
    CohortPart.objects.update_or_create(key=f"rule:{rule.slot}", defaults={"state": state})


def test_there_is_one_of_each_kind_in_shadow() -> None:
    assert set(Rule.objects.values_list("name", "kind", "action")) == {(kind, kind, "SHADOW") for kind in KINDS}
    make_defaults()
    assert Rule.objects.count() == len(KINDS) == len(set(Rule.objects.values_list("slot", flat=True)))


def test_a_rule_acts_only_once_it_is_proven(reviewer: Client) -> None:
    rule = Rule.objects.get(name="PACE")
    address = f"{PAGE}{rule.pk}/change/"
    prove(rule, 999, 20)
    refused = reviewer.post(address, form("PACE", "FLAG"))
    assert "It has judged 999 players over 20 days" in refused.content.decode()
    assert Rule.objects.get(name="PACE").action == "SHADOW"
    prove(rule, 1_000, 14)
    assert reviewer.post(address, form("PACE", "FLAG")).status_code == 302
    assert Rule.objects.get(name="PACE").action == "FLAG"


@pytest.mark.parametrize(
    ("players", "days", "suffices"), [(1_000, 14, True), (999, 27, False), (5_000, 13, False), (3, 28, True)]
)
def test_what_a_proof_takes(players: int, days: int, suffices: bool) -> None:
    assert Proof(players, days).suffices is suffices


def test_parameters_are_fields_of_their_kind_and_an_empty_one_is_the_default(reviewer: Client) -> None:
    given = form("strict", "SHADOW", pace_share="0.95", pace_gaps="400", grid_bits="1")
    assert reviewer.post(f"{PAGE}add/", given).status_code == 302
    rule = Rule.objects.get(name="strict")
    assert rule.parameters == {"share": 0.95, "gaps": 400}
    assert rule.slot == len(KINDS)
    assert 'value="0.95"' in reviewer.get(f"{PAGE}{rule.pk}/change/").content.decode()


@pytest.mark.parametrize(
    ("kind", "action", "more"),
    [("PACE", "HOLD", {}), ("PACE", "SHADOW", {"event_type": "hit"}), ("COOLDOWN", "SHADOW", {"event_type": "hit"}),
     ("PACE", "SHADOW", {"pace_share": "-1"})],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(reviewer: Client, kind: str, action: str, more: dict[str, str]) -> None:
    more = {"seconds": "3", **more} if kind == "COOLDOWN" else more
    assert reviewer.post(f"{PAGE}add/", form("odd", action, kind, **more)).status_code == 200
    assert not Rule.objects.filter(name="odd").exists()


def test_what_a_rule_has_judged_proves_nothing_of_another(reviewer: Client) -> None:
    proven = Rule.objects.get(name="PACE")
    prove(proven, 1_200, 15)
    assert reviewer.post(f"{PAGE}{proven.pk}/change/", form("PACE", "FLAG", "GRID")).status_code == 200
    hard = Rule.objects.create(name="hard", kind="COOLDOWN", event_type="hit", seconds=1, action="FLAG")
    assert reviewer.post(f"{PAGE}{hard.pk}/change/", form("hard", "FLAG", "PACE")).status_code == 200
    assert reviewer.post(f"{PAGE}{proven.pk}/change/", form("PACE", "SHADOW", "GRID")).status_code == 302
    another = Rule.objects.get(name="PACE")
    assert (another.kind, proof(another.slot)) == ("GRID", Proof())
    assert reviewer.post(f"{PAGE}add/", form("new", "SHADOW")).status_code == 302
    assert proof(Rule.objects.get(name="new").slot) == Proof()


def test_the_list_says_what_each_has_judged_and_how_often_it_was_right(reviewer: Client) -> None:
    prove(Rule.objects.get(name="PACE"), 1_200, 15)
    precision.connect(lambda: {"PACE": Verdicts(40, 20, 20, 0)})
    precision.count()
    Rule.objects.create(name="hard", kind="COOLDOWN", event_type="hit", seconds=1)
    page = reviewer.get(PAGE).content.decode()
    assert "1200 players, 15 days<" in page
    assert "20 of 20 right, 84% to 100%: too often wrong" in page
    assert "0 players, 0 days: not proven" in page
    assert "hard" in page


def test_a_rule_can_be_tried_on_the_past(reviewer: Client) -> None:
    luck, events = Random(3), []
    for who in ("ann", "bob", "cid", "bot"):
        at = NOW
        for number in range(320):
            at += timedelta(seconds=3.0 if who == "bot" else luck.lognormvariate(1.5, 0.9))
            events.append(GameEvent(f"{who}{number}", who, "hit", {}, at))
    for first in range(0, len(events), 500):
        pipeline.process(events[first : first + 500], now=NOW + timedelta(hours=1))
    pace, velocity = Rule.objects.get(name="PACE"), Rule.objects.get(name="VELOCITY")
    tried = trying.preview([pace, velocity], 28, NOW + timedelta(hours=2))
    assert tried == [(4, 1, ["bot"], True, Proof(4, 1)), (4, 0, [], True, Proof(0, 1))]
    assert trying.preview([pace], 1, NOW + timedelta(days=3))[0].players == 0
    answer = reviewer.post(PAGE, {"action": "try_selected", "_selected_action": [Rule.objects.get(name="PACE").pk]})
    assert "PACE would have found" in str(next(iter(get_messages(answer.wsgi_request))))


def test_however_many_rules_are_tried_the_past_is_read_once(reviewer: Client) -> None:
    pipeline.process([GameEvent("1", "ann", "hit", {}, NOW)], now=NOW)
    with CaptureQueriesContext(connection) as one:
        reviewer.post(PAGE, {"action": "try_selected", "_selected_action": [Rule.objects.get(name="PACE").pk]})
    with CaptureQueriesContext(connection) as all_:
        keys = list(Rule.objects.values_list("pk", flat=True))
        reviewer.post(PAGE, {"action": "try_selected", "_selected_action": keys})
    reads = [[each["sql"] for each in queries if '"data"' in each["sql"]] for queries in (one, all_)]
    assert len(reads[0]) == len(reads[1]) == 1


def test_who_only_looks_at_a_rule_sees_what_it_goes_by(client: Client) -> None:
    user = User.objects.create_user("ana", is_staff=True)
    user.groups.add(Group.objects.get(name="analysts"))
    client.force_login(user)
    Rule.objects.filter(name="MARATHON").update(parameters={"hours": 18})
    page = client.get(f"{PAGE}{Rule.objects.get(name='MARATHON').pk}/change/").content.decode()
    assert f"{KINDS['MARATHON'].parameters['hours'].label}: 18" in page
    assert "Event type" not in page
    assert "None" not in page
    hard = Rule.objects.create(name="hard", kind="COOLDOWN", event_type="hit", seconds=1)
    page = client.get(f"{PAGE}{hard.pk}/change/").content.decode()
    assert "Event type" in page
    assert "Of how players play" not in page


@pytest.mark.parametrize("kind", ["REUSE", "TWINS"])
def test_what_the_past_does_not_show_is_said_to_be_so(reviewer: Client, kind: str) -> None:
    answer = reviewer.post(PAGE, {"action": "try_selected", "_selected_action": [Rule.objects.get(name=kind).pk]})
    assert f"{kind} cannot be tried on the past" in str(next(iter(get_messages(answer.wsgi_request))))


def test_what_an_author_thinks_is_needed_counts_when_a_rule_is_tried() -> None:
    quick = achievement("quick", requirement("COUNT", "kills", 2), min_seconds=60)
    publish(metric("kills"), quick)
    pipeline.process([event("1", at=0), event("2", at=5)], now=later(6))
    [tried] = trying.preview([Rule.objects.get(name="VELOCITY")], 28, later(60))
    assert (tried.found, tried.named) == (1, ["ann"])


@time_machine.travel(NOW + timedelta(days=27, hours=2), tick=False)
def test_a_rule_is_tried_before_it_is_saved_and_that_counts(reviewer: Client) -> None:
    luck, events, at = Random(3), [], NOW
    for number in range(400):
        at += timedelta(seconds=luck.lognormvariate(1.5, 0.9))
        events.append(GameEvent(str(number), "ann", "hit", {}, at))
    for day, part in ((0, events[:350]), (27, events[350:])):
        pipeline.process(part, now=NOW + timedelta(days=day, hours=1))
    rule = Rule.objects.get(name="PACE")
    page = f"{PAGE}{rule.pk}/change/"
    wish = form("PACE", "FLAG", pace_gaps="250")
    assert "It has judged 0 players" in reviewer.post(page, wish).content.decode()
    tried = reviewer.post(page, {**wish, "_try": "1"}).content.decode()
    assert "PACE would have found 0 of 1 players. It judged 1 over 28 days: enough for it to act." in tried
    assert "It has judged" not in tried
    assert "Please correct" not in tried
    assert 'value="250' in tried
    rule.refresh_from_db()
    assert (rule.action, rule.parameters) == ("SHADOW", {})
    assert reviewer.post(page, {**wish, "pace_gaps": "240"}).status_code == 200  # that was not tried
    assert reviewer.post(page, wish).status_code == 302
    rule.refresh_from_db()
    assert (rule.action, rule.parameters) == ("FLAG", {"gaps": 250})
    fresh = reviewer.post(f"{PAGE}add/", {**form("new", "WITHHOLD", "GRID"), "_try": "1"})
    assert "New would have found 0 of 1 players" in fresh.content.decode()
    assert not Rule.objects.filter(name="new").exists()
    hard = {**form("hard", "HOLD", "COOLDOWN"), "event_type": "hit", "_try": "1"}
    assert "This kind of rule needs it" in reviewer.post(f"{PAGE}add/", hard).content.decode()
    assert "looks at one event at a time" in reviewer.post(f"{PAGE}add/", {**hard, "seconds": "2"}).content.decode()
    assert not Rule.objects.filter(name="hard").exists()


def test_a_rule_that_is_often_wrong_goes_back_to_shadow_and_says_so() -> None:
    Rule.objects.filter(name__in=("PACE", "GRID", "LOOP")).update(action="FLAG")
    precision.connect(
        lambda: {"PACE": Verdicts(30, 20, 19, 1), "GRID": Verdicts(30, 19, 1, 0), "LOOP": Verdicts(90, 60, 60, 0)}
    )
    precision.demote(NOW)
    precision.demote(NOW)
    found = dict(Rule.objects.filter(name__in=("PACE", "GRID", "LOOP")).values_list("name", "action"))
    assert found == {"PACE": "SHADOW", "GRID": "FLAG", "LOOP": "FLAG"}
    entry = AuditEntry.objects.get(action="demote_rule")
    assert entry.before == {"action": "FLAG"}
