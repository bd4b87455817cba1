"""What `/metrics` says of the stages of batches."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client
from prometheus_client.parser import text_string_to_metric_families

from anticheat.models import Rule
from gamification import pipeline
from gamification.kernel.core.stages import timed
from gamification.kernel.messaging import outbox
from progress.models import Metric
from tests.support.content import NOON, achievement, event, metric, publish, requirement

Counted = Callable[[str], float]


@pytest.fixture
def counted() -> Counted:
    """How much more a sample is than when the test began."""

    def read() -> dict[str, float]:
        found = {}
        for family in text_string_to_metric_families(Client().get("/metrics").content.decode()):
            for sample in family.samples:
                if "le" not in sample.labels:
                    found[f"{sample.name}{''.join(f'/{value}' for value in sample.labels.values())}"] = sample.value
        return found

    before = read()
    return lambda name: read()[f"gamification_{name}"] - before[f"gamification_{name}"]


@pytest.mark.django_db
def test_a_batch_passes_each_stage_once(counted: Counted) -> None:
    publish(metric("kills"), achievement("first", requirement("COUNT", "kills", 1)))
    pipeline.process([event("e1"), event("e2")], now=NOON)
    stages = ["lock", "admit", "read", "screen", "decide", "write", "commit", "after_commit"]
    assert {stage: counted(f"stage_seconds_count/{stage}") for stage in stages} == dict.fromkeys(stages, 1)
    assert all(counted(f"stage_seconds_sum/{stage}") > 0 for stage in stages)


@pytest.mark.django_db
def test_a_batch_says_how_much_it_was_once_it_is_committed(counted: Counted) -> None:
    publish(
        metric("kills", value_field="damage"),
        metric("done", "achievement.completed"),
        achievement("first", requirement("COUNT", "kills", 1)),
        achievement("second", requirement("COUNT", "done", 1)),
    )
    Metric.objects.create(id="kills", event_type="enemy.killed")
    Rule.objects.create(name="no-giants", kind="VALUE_RANGE", metric_id="kills", maximum=10)
    batch = [event("e1", damage=1), event("e2", damage=1), event("e3", damage=11)]
    facts = pipeline.process(batch, now=NOON).facts
    assert facts
    assert (counted("facts_total"), counted("events_held_total")) == (len(facts), 1)
    assert (counted("batch_events_count"), counted("batch_events_sum")) == (1, 3)
    assert counted("batch_rounds_count") == 1
    assert counted("batch_rounds_sum") > 1


@pytest.mark.django_db
def test_a_batch_that_fails_states_nothing(counted: Counted, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError

    publish(metric("kills"), achievement("first", requirement("COUNT", "kills", 1)))
    monkeypatch.setattr(outbox, "put", fail)
    with pytest.raises(RuntimeError):
        pipeline.process([event("e1")], now=NOON)
    assert (counted("facts_total"), counted("batch_events_count"), counted("stage_seconds_count/commit")) == (0, 0, 0)
    assert counted("stage_seconds_count/write") == 1


def test_a_stage_that_fails_took_its_time_all_the_same(counted: Counted) -> None:
    @timed("lock")
    def fail() -> None:
        raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert counted("stage_seconds_count/lock") == 1
