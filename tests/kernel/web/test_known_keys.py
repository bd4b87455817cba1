"""An API key is looked up once in a while, and is good for longer while the database does not answer."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import OperationalError
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from gamification.kernel.models import ApiKey
from gamification.kernel.web import known_keys
from gamification.kernel.web.access import create_key
from tests.support.callers import assert_problem

pytestmark = pytest.mark.django_db


class Clock:
    now = 1_000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> Clock:
    settings.KEY_CACHE = 5
    monkeypatch.setattr(known_keys, "time", clock := Clock())
    return clock


@pytest.fixture
def client() -> Client:
    return Client(headers={"Authorization": f"Api-Key {create_key('game', ['content:read'])[1]}"})


def test_a_key_is_looked_up_once_in_five_seconds(
    clock: Clock, client: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    def ask() -> None:
        assert client.get("/api/v1/metrics/none/health").status_code == 404

    ask()
    with django_assert_num_queries(1) as unknown:
        ask()
    clock.now += 4
    with django_assert_num_queries(len(unknown)):
        ask()
    clock.now += 2
    with django_assert_num_queries(len(unknown) + 1):
        ask()


def test_a_revoked_key_is_refused_within_five_seconds(clock: Clock, client: Client) -> None:
    assert client.get("/api/v1/metrics").status_code == 200
    ApiKey.objects.update(revoked_at=timezone.now())
    assert client.get("/api/v1/metrics").status_code == 200
    clock.now += 5
    assert_problem(client.get("/api/v1/metrics"), 401, "key_revoked")


def test_a_key_that_expires_is_refused_at_once(clock: Clock, client: Client) -> None:
    ApiKey.objects.update(expires_at=timezone.now() + timedelta(hours=1))
    assert client.get("/api/v1/metrics").status_code == 200
    ApiKey.objects.update(expires_at=timezone.now())
    clock.now += 5
    assert_problem(client.get("/api/v1/metrics"), 401, "key_expired")


def test_while_the_database_does_not_answer_a_known_key_is_good_for_five_minutes(
    clock: Clock, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(prefix: str) -> None:
        raise OperationalError("nothing came")

    assert client.get("/api/v1/metrics").status_code == 200
    monkeypatch.setattr(known_keys, "_look_up", away)
    clock.now += 299
    assert client.get("/api/v1/metrics").status_code == 200
    clock.now += 2
    assert_problem(client.get("/api/v1/metrics"), 503, "unavailable")
