"""Screening as part of the pipeline: what is held leaves no trace, and a person has the last word."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from anticheat.commands import AlreadyDecided, DismissEvent, ReleaseEvent
from anticheat.models import Finding, Rule, Trail
from gamification import pipeline
from gamification.kernel.core import bus
from gamification.kernel.core.actors import SYSTEM
from gamification.kernel.core.messages import GameEvent, NotFound, Outcome
from gamification.kernel.models import Event
from progress.models import Metric, Player, Tally
from tests.support.content import NOON, achievement, event, metric, publish, requirement

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def content() -> None:
    publish(
        metric("kills"),
        metric("damage", value_field="damage"),
        achievement("hunter", requirement("COUNT", "kills", 3)),
    )
    Metric.objects.bulk_create([Metric(id=id_, name=id_, event_type="enemy.killed") for id_ in ("kills", "damage")])


def rule(name: str, kind: str, **fields: Any) -> Rule:
    made = Rule(name=name, kind=kind, **fields)
    made.full_clean()
    made.save()
    return made


def process(*events: GameEvent) -> Outcome:
    return pipeline.process(events, now=NOON + timedelta(minutes=1))


def found() -> list[tuple[str, str, str]]:
    return list(Finding.objects.order_by("id").values_list("event_id", "rule", "status"))


def counted(metric_id: str = "kills", player: str = "ann") -> int:
    tally = Tally.objects.filter(player_id=player, metric_id=metric_id, scope="").first()
    return tally.count if tally else 0


def test_an_event_that_breaks_a_rule_is_accepted_kept_and_without_effect() -> None:
    rule("hits", "VALUE_RANGE", metric_id="damage", minimum=0, maximum=100)
    outcome = process(event("a", damage=50), event("b", damage=101), event("c", damage=-1))
    assert (outcome.accepted, outcome.held) == (3, {"ann": ["b", "c"]})
    assert outcome.metrics["ann"]["damage"] == {"count": 1, "sum": 50, "max": 50, "min": 50, "latest": 50}
    assert (counted(), counted("damage")) == (1, 1)
    assert dict(Event.objects.values_list("event_id", "state")) == {
        "a": Event.State.COUNTED,
        "b": Event.State.HELD,
        "c": Event.State.HELD,
    }
    held = Finding.objects.get(event_id="b")
    assert (held.player_id, held.type, held.rule, held.status) == ("ann", "enemy.killed", "hits", "HELD")
    assert held.values == {"value": 101, "maximum": 100}
    assert (held.timestamp, held.found_at, held.decided_at) == (NOON, NOON + timedelta(minutes=1), None)


def test_a_held_event_that_arrives_again_is_a_duplicate() -> None:
    rule("hits", "VALUE_RANGE", metric_id="damage", maximum=100)
    process(event("b", damage=101))
    again = process(event("b", damage=101))
    assert (again.accepted, again.duplicates, again.held) == (0, 1, {})
    assert len(found()) == 1


def test_a_rule_that_flags_lets_the_event_count() -> None:
    rule("hits", "MAX_PER_EVENT", metric_id="damage", maximum=100, action="FLAG")
    outcome = process(event("b", damage=101))
    assert outcome.held == {}
    assert counted("damage") == 1
    assert found() == [("b", "hits", "FLAGGED")]
    assert Event.objects.get().state == Event.State.COUNTED


def test_a_window_is_remembered_from_batch_to_batch() -> None:
    rule("rate", "MAX_PER_WINDOW", event_type="enemy.killed", maximum=2, seconds=10)
    assert process(event("a", at=0)).held == {}
    assert process(event("b", at=1), event("c", at=2)).held == {"ann": ["c"]}
    assert process(event("d", at=9), event("e", "bob", at=9)).held == {"ann": ["d"]}
    assert process(event("f", at=10)).held == {}
    assert counted() == 3
    assert Trail.objects.count() == 2


def test_what_was_held_for_one_rule_is_on_no_trail() -> None:
    rule("cooldown", "COOLDOWN", event_type="enemy.killed", seconds=10)
    rule("hits", "VALUE_RANGE", metric_id="damage", maximum=100)
    assert process(event("a", damage=101)).held == {"ann": ["a"]}
    assert not Trail.objects.exists()
    assert process(event("b", at=1, damage=1)).held == {}


def test_the_first_rule_by_name_is_the_one_that_is_named() -> None:
    rule("b", "VALUE_RANGE", metric_id="damage", maximum=1)
    rule("a", "MAX_PER_EVENT", metric_id="damage", maximum=1)
    rule("0", "MAX_PER_EVENT", metric_id="damage", maximum=1, action="FLAG")
    process(event("x", damage=2))
    assert found() == [("x", "a", "HELD")]


def test_a_clock_that_is_off_is_caught() -> None:
    rule("skew", "CLOCK_SKEW", event_type="enemy.killed", seconds=3600)
    assert process(event("a"), event("b", at=-3541)).held == {"ann": ["b"]}


def test_a_rule_that_is_switched_off_holds_nothing() -> None:
    rule("hits", "VALUE_RANGE", metric_id="damage", maximum=1, is_enabled=False)
    assert process(event("a", damage=9)).held == {}


def test_without_anti_cheat_everything_passes(settings: Settings) -> None:
    rule("hits", "VALUE_RANGE", metric_id="damage", maximum=1)
    settings.ENABLE_ANTI_CHEAT = False
    assert process(event("a", damage=9)).held == {}
    assert counted() == 1
    assert found() == []


@pytest.mark.parametrize("enabled", [True, False])
def test_events_of_a_banned_player_are_held(settings: Settings, enabled: bool) -> None:
    settings.ENABLE_ANTI_CHEAT = enabled
    process(event("a"), event("b", "bob"))
    Player.objects.filter(pk="ann").update(banned=True)
    outcome = process(event("c"), event("d", "bob"))
    assert outcome.held == {"ann": ["c"]}
    assert (counted(), counted(player="bob")) == (1, 2)
    assert found() == [("c", "banned", "HELD")]


def test_an_id_used_again_is_noted_once() -> None:
    process(event("a"))
    for _ in range(2):
        outcome = process(event("a", damage=1), event("a", damage=2))
        assert [code for _, code, _ in outcome.refused] == ["id_reused", "id_reused"]
    assert found() == [("a", "id_reused", "FLAGGED")]
    assert counted() == 1


def test_a_batch_of_500_asks_no_more_queries_than_a_batch_of_5() -> None:
    rule("rate", "MAX_PER_WINDOW", event_type="enemy.killed", maximum=2, seconds=10)
    rule("hits", "VALUE_RANGE", metric_id="damage", maximum=10, action="FLAG")
    rule("gap", "COOLDOWN", metric_id="damage", seconds=1)
    asked = []
    for size in (5, 500):
        batch = [event(f"{size}-{n}", f"p{n % 50}-{size}", at=n % 2, damage=99) for n in range(size)]
        batch += [event(f"{size}-more-{n}", f"p0-{size}", at=n, damage=99) for n in range(3)]
        with CaptureQueriesContext(connection) as queries:
            assert process(*batch).held
        asked.append(sum("anticheat" in query["sql"] for query in queries))
    assert asked == [4, 4]


# -- release and dismissal ---------------------------------------------------------------------------------------------


def held(*ids: str) -> list[int]:
    """Hold events by these ids; what their findings are called."""
    rule("hits", "VALUE_RANGE", metric_id="damage", maximum=1)
    process(*[event(id_, at=n, damage=9) for n, id_ in enumerate(ids)])
    return list(Finding.objects.order_by("event_id").values_list("id", flat=True))


def test_a_released_event_counts_with_its_own_timestamp() -> None:
    process(event("x"), event("y"))
    [finding] = held("a")
    later = NOON + timedelta(days=1)
    answer = bus.handle(ReleaseEvent(finding_id=finding), actor=SYSTEM, now=later)
    assert (answer.status, answer.decided_at) == ("RELEASED", later)
    assert (counted(), counted("damage")) == (3, 1)
    assert Event.objects.get(event_id="a").state == Event.State.COUNTED
    assert found() == [("a", "hits", "RELEASED")]
    row = Tally.objects.get(metric_id="damage", scope="")
    assert (row.latest, row.latest_at) == (9, NOON)
    assert Player.objects.get(pk="ann").achievements_completed == 1


def test_a_released_event_counts_once() -> None:
    [finding] = held("a")
    bus.handle(ReleaseEvent(finding_id=finding), actor=SYSTEM, now=NOON)
    for command in (ReleaseEvent(finding_id=finding), DismissEvent(finding_id=finding)):
        with pytest.raises(AlreadyDecided) as refused:
            bus.handle(command, actor=SYSTEM, now=NOON)
        assert (refused.value.status, refused.value.code) == (409, "already_decided")
    assert counted() == 1
    assert process(event("a", damage=9)).duplicates == 1
    assert counted() == 1


def test_a_dismissed_event_never_counts() -> None:
    [finding] = held("a")
    answer = bus.handle(DismissEvent(finding_id=finding), actor=SYSTEM, now=NOON)
    assert answer.status == "DISMISSED"
    assert Event.objects.get().state == Event.State.DISMISSED
    with pytest.raises(AlreadyDecided):
        bus.handle(ReleaseEvent(finding_id=finding), actor=SYSTEM, now=NOON)
    assert process(event("a", damage=9)).duplicates == 1
    assert counted() == 0


def test_a_release_that_fails_leaves_the_event_held(monkeypatch: pytest.MonkeyPatch) -> None:
    [finding] = held("a")

    def broken(*args: Any) -> None:
        raise RuntimeError

    monkeypatch.setattr(pipeline, "record", broken)
    with pytest.raises(RuntimeError):
        bus.handle(ReleaseEvent(finding_id=finding), actor=SYSTEM, now=NOON)
    assert found() == [("a", "hits", "HELD")]
    assert Event.objects.get().state == Event.State.HELD


def test_what_was_only_flagged_or_never_found_cannot_be_decided() -> None:
    rule("hits", "MAX_PER_EVENT", metric_id="damage", maximum=1, action="FLAG")
    process(event("a", damage=9))
    for id_ in (Finding.objects.get().pk, 0, 2**63, 10**30):
        for command in (ReleaseEvent(finding_id=id_), DismissEvent(finding_id=id_)):
            with pytest.raises(NotFound):
                bus.handle(command, actor=SYSTEM, now=NOON)
    assert counted() == 1


def test_a_cascade_that_does_not_end_is_held_for_a_person() -> None:
    chain = [metric("m0")] + [
        metric(
            f"m{n}",
            "achievement.completed",
            conditions=[{"field": "id", "op": "eq", "value": f"a{n - 1}"}],
        )
        for n in range(1, 11)
    ]
    publish(*chain, *[achievement(f"a{n}", requirement("COUNT", f"m{n}", 1)) for n in range(11)])
    outcome = process(event("start"))
    completed = [fact.data["id"] for fact in outcome.facts if fact.type == "achievement.completed"]
    assert completed == [f"a{n}" for n in range(8)]
    [finding] = Finding.objects.filter(rule="cascade")
    assert (finding.status, finding.type, finding.values) == ("HELD", "achievement.completed", {"rounds": 8})
    assert outcome.held == {"ann": [finding.event_id]}
    assert Event.objects.get(event_id=finding.event_id).state == Event.State.HELD
    bus.handle(ReleaseEvent(finding_id=finding.pk), actor=SYSTEM, now=NOON)
    assert Player.objects.get(pk="ann").achievements_completed == 11


# -- authoring ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "fields", "wrong"),
    [
        ("VALUE_RANGE", {"metric_id": "damage"}, {"maximum"}),
        ("VALUE_RANGE", {"metric_id": "damage", "minimum": 2, "maximum": 1}, {"maximum"}),
        ("VALUE_RANGE", {"event_type": "enemy.killed", "maximum": 1}, {"metric"}),
        ("VALUE_RANGE", {"metric_id": "damage", "maximum": 1, "seconds": 1}, {"seconds"}),
        ("VALUE_RANGE", {"maximum": 1}, {"event_type"}),
        ("VALUE_RANGE", {"metric_id": "damage", "event_type": "enemy.killed", "maximum": 1}, {"event_type"}),
        ("VALUE_RANGE", {"metric_id": "damage", "maximum": float("nan")}, {"maximum"}),
        ("MAX_PER_EVENT", {"metric_id": "damage"}, {"maximum"}),
        ("MAX_PER_EVENT", {"metric_id": "damage", "maximum": 1, "minimum": 0}, {"minimum"}),
        ("MAX_PER_WINDOW", {"event_type": "enemy.killed"}, {"maximum", "seconds"}),
        ("MAX_PER_WINDOW", {"event_type": "enemy.killed", "maximum": -1, "seconds": 1}, {"maximum"}),
        ("MAX_PER_WINDOW", {"event_type": "enemy.killed", "maximum": 1, "seconds": 0}, {"seconds"}),
        ("COOLDOWN", {"event_type": "enemy.killed"}, {"seconds"}),
        ("COOLDOWN", {"event_type": "enemy.killed", "seconds": 1, "maximum": 3}, {"maximum"}),
        ("COOLDOWN", {"event_type": "Enemy Killed", "seconds": 1}, {"event_type"}),
        ("COOLDOWN", {"event_type": "level.reached", "seconds": 1}, {"event_type"}),
        ("CLOCK_SKEW", {"event_type": "enemy.killed"}, {"seconds"}),
        ("GUESS", {"event_type": "enemy.killed"}, {"kind"}),
    ],
)
def test_a_rule_says_all_that_its_kind_needs_and_no_more(kind: str, fields: dict[str, Any], wrong: set[str]) -> None:
    with pytest.raises(ValidationError) as refused:
        rule("r", kind, **fields)
    assert wrong <= set(refused.value.message_dict)
    assert not Rule.objects.filter(name="r").exists()


@pytest.mark.parametrize("name", ["banned", "cascade", "id_reused"])
def test_a_rule_is_not_called_what_the_service_calls_its_own_findings(name: str) -> None:
    with pytest.raises(ValidationError):
        rule(name, "COOLDOWN", event_type="enemy.killed", seconds=1)
