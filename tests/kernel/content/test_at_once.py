"""Several designers at the same moment."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connections

from achievements.models import Achievement
from gamification.kernel.models import PublicationHead, Version
from tests.support.authoring import achievement, designer, metric, send

pytestmark = pytest.mark.django_db(transaction=True)

API = "/api/v1"


def at_once(*calls: Callable[[], int]) -> list[int]:
    def closing(call: Callable[[], int]) -> int:
        try:
            return call()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(closing, calls))


def test_an_id_asked_for_by_many_is_given_to_one() -> None:
    client = designer()
    send(client, "metrics", metric())

    def create() -> int:
        return client.post(f"{API}/achievements", achievement()).status_code

    assert sorted(at_once(*[create] * 6)) == [201, 409, 409, 409, 409, 409]
    assert Version.objects.filter(kind="achievement").count() == 1


def test_each_achievement_has_a_serial_and_a_publication_of_its_own() -> None:
    client = designer()
    send(client, "metrics", metric())

    def create(id_: str) -> Callable[[], int]:
        return lambda: client.post(f"{API}/achievements", achievement(id_)).status_code

    assert at_once(*[create(f"a{n}") for n in range(6)]) == [201] * 6
    assert len(set(Achievement.objects.values_list("serial", flat=True))) == 6
    assert PublicationHead.objects.get().number == 7
    assert sorted(Version.objects.values_list("publication", flat=True)) == [1, 2, 3, 4, 5, 6, 7]


def test_two_changes_at_once_both_stay() -> None:
    client = designer()
    send(client, "metrics", metric())
    send(client, "achievements", achievement())

    def change(**fields: object) -> Callable[[], int]:
        return lambda: client.patch(f"{API}/achievements/hunter", fields).status_code

    assert at_once(change(points=5), change(title="Great hunter"), change(icon="bow.png")) == [200, 200, 200]
    body = client.get(f"{API}/achievements/hunter").json()
    assert (body["points"], body["title"], body["icon"], body["version"]) == (5, "Great hunter", "bow.png", 4)
