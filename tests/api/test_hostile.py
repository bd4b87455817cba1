"""Bad input of every kind on every route: a problem that names path and reason, and nothing has changed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import transaction
from rest_framework.test import APIClient

from tests.api import game
from tests.api.routes import Call, calls

pytestmark = pytest.mark.django_db


@pytest.fixture
def server() -> APIClient:
    client = game.make()
    client.raise_request_exception = False
    return client


def test_the_table_names_every_call_of_the_url_conf() -> None:
    there = {f"{method} {route.removeprefix(game.API + '/')}" for route, view in game.routes().items() for method in game.methods(view)}
    assert {str(call) for call in calls()} == there


def test_what_the_table_says_is_granted(server: APIClient) -> None:
    wrong = []
    for call in calls():
        with transaction.atomic():
            response = call.send(server)
            if response.status_code != call.status:
                wrong.append((str(call), response.status_code, response.content[:300]))
            transaction.set_rollback(True)
    assert wrong == []
