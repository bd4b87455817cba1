"""When a message is tried again, and when an endpoint is left alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from gamification.webhooks.retrying import (
    FIRST_PAUSE,
    GIVEN_UP_AFTER,
    MAX_PAUSE,
    WAITS,
    Attempt,
    Health,
    next_due,
    retry_after,
)

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def failed(at: datetime = NOW, **more: object) -> Attempt:
    return Attempt(at, 0.1, 500, **more)  # type: ignore[arg-type]


def test_a_message_is_tried_ten_times_over_three_days() -> None:
    hours = [wait / timedelta(hours=1) for wait in WAITS]
    assert [round(each * 3600) for each in hours[:3]] == [5, 300, 1800]
    assert hours[3:] == [2, 5, 10, 14, 20, 24]
    assert [next_due(tried, failed(), 0.0) for tried in range(1, 10)] == [NOW + wait for wait in WAITS]
    assert next_due(10, failed(), 0.0) is None


def test_what_failed_together_does_not_come_again_together() -> None:
    assert next_due(2, failed(), 1.0) == NOW + timedelta(minutes=5.5)


def test_a_receiver_that_asks_for_more_time_gets_it() -> None:
    assert next_due(1, failed(retry_after=timedelta(minutes=1)), 0.5) == NOW + timedelta(minutes=1)
    assert next_due(3, failed(retry_after=timedelta(minutes=1)), 0.0) == NOW + timedelta(minutes=30)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("120", 120),
        ("Sun, 01 Mar 2026 12:05:00 GMT", 300),
        ("Sun, 01 Mar 2020 12:05:00 GMT", 0),
        ("9" * 40, 86_400),
        ("Fri, 01 Mar 2030 00:00:00 GMT", 86_400),
    ],
)
def test_retry_after_is_seconds_or_a_date_and_a_day_at_most(text: str, seconds: int) -> None:
    assert retry_after(text, NOW) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", [None, "", "soon", "-5", "1.5", "٣"])
def test_any_other_retry_after_says_nothing(text: str | None) -> None:
    assert retry_after(text, NOW) is None


def test_an_endpoint_that_fails_again_and_again_is_paused_for_longer_and_longer() -> None:
    health = Health()
    for _ in range(4):
        health = health.after(failed())
        assert not health.is_paused(NOW)
    pauses = []
    for _ in range(8):
        health = health.after(failed())
        pauses.append((health.paused_until or NOW) - NOW)
    assert pauses[:3] == [FIRST_PAUSE, 2 * FIRST_PAUSE, 4 * FIRST_PAUSE]
    assert pauses[-1] == MAX_PAUSE


def test_a_success_ends_it() -> None:
    health = Health(9, NOW, NOW).after(Attempt(NOW, 0.1, 204))
    assert health == Health()


def test_an_endpoint_is_given_up_after_five_days_of_failures_only() -> None:
    health = Health().after(failed())
    assert not health.after(failed(NOW + GIVEN_UP_AFTER - timedelta(seconds=1))).is_given_up
    assert health.after(failed(NOW + GIVEN_UP_AFTER)).is_given_up
    between = health.after(Attempt(NOW + timedelta(hours=60), 0.1, 200))
    assert not between.after(failed(NOW + GIVEN_UP_AFTER)).is_given_up


def test_one_that_says_it_is_gone_is_given_up_at_once() -> None:
    assert Health().after(Attempt(NOW, 0.1, 410)).is_given_up


@pytest.mark.parametrize("status", [None, 100, 199, 300, 302, 304, 400, 404, 429, 500, 503])
def test_only_an_answer_of_2xx_is_a_success(status: int | None) -> None:
    assert not Attempt(NOW, 0.1, status).succeeded
