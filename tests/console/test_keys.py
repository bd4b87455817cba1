"""Keys are made, rotated and revoked on the console, and whoever looks after them hears in time that one ends."""

from __future__ import annotations

import logging
import re
from datetime import timedelta
from io import StringIO

import pytest
from django.contrib.auth import get_user_model
from django.core.cache import cache
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from gamification.kernel.models import ApiKey
from gamification.kernel.web import keys
from gamification.kernel.web.access import create_key, rotate

pytestmark = pytest.mark.django_db

KEYS = "/admin/kernel/apikey/"
FORM = {"name": "shard 1", "scopes": ["players:read", "tokens:mint"], "expires_at_0": "", "expires_at_1": ""}


@pytest.fixture
def mia(client: Client) -> Client:
    client.force_login(get_user_model().objects.create_superuser("mia"))
    return client


def secret(page: bytes) -> str:
    found: list[str] = re.findall(r'id="secret">([0-9a-f]{12}\.[A-Za-z0-9_-]{43})<', page.decode())
    assert len(found) == 1
    return found[0]


def works(text: str) -> bool:
    client = APIClient(headers={"Authorization": f"Api-Key {text}"})
    return client.get("/api/v1/players/ann").status_code == 200


def test_a_key_is_made_whose_secret_is_shown_once(mia: Client) -> None:
    response = mia.post(f"{KEYS}add/", {**FORM, "rate_limit": "7"})
    assert response.status_code == 200
    assert "no-store" in response["Cache-Control"]
    text = secret(response.content)
    assert works(text)
    key = ApiKey.objects.get()
    assert (key.name, key.scopes, key.rate_limit) == ("shard 1", ["players:read", "tokens:mint"], 7)
    assert (key.created_by, key.expires_at) == ("user:mia", None)
    for page in (KEYS, f"{KEYS}{key.pk}/change/", f"{KEYS}{key.pk}/history/", "/admin/"):
        assert text.partition(".")[2] not in mia.get(page).content.decode()


def test_a_key_without_a_scope_or_with_an_unknown_one_is_not_made(mia: Client) -> None:
    for scopes in ([], ["players:rule"]):
        response = mia.post(f"{KEYS}add/", {**FORM, "scopes": scopes})
        assert list(response.context["adminform"].form.errors) == ["scopes"]
    assert not ApiKey.objects.exists()


def test_of_a_key_that_is_made_only_the_limit_changes(mia: Client) -> None:
    key, text = create_key("game", ["players:read"])
    mia.post(f"{KEYS}{key.pk}/change/", {**FORM, "rate_limit": "9", "hashed_secret": "x"})
    after = ApiKey.objects.get()
    assert (after.name, after.scopes, after.rate_limit) == ("game", ["players:read"], 9)
    assert works(text)


def test_a_key_is_rotated_and_revoked(mia: Client) -> None:
    key, before = create_key("game", ["players:read"], rate_limit=5)
    response = mia.post(KEYS, {"action": "rotate_selected", "_selected_action": [key.pk]})
    after = secret(response.content)
    assert works(before)
    assert works(after)
    successor = ApiKey.objects.get(prefix=after.partition(".")[0])
    assert (successor.scopes, successor.rate_limit, successor.created_by) == (["players:read"], 5, "user:mia")
    mia.post(KEYS, {"action": "revoke_selected", "_selected_action": [key.pk]})
    assert not works(before)
    assert ApiKey.objects.get(pk=key.pk).revoked_by == "user:mia"
    for chosen in ([key.pk], [key.pk, successor.pk, create_key("other", ["players:read"])[0].pk]):
        response = mia.post(KEYS, {"action": "rotate_selected", "_selected_action": chosen})
        assert response.status_code == 302
    assert ApiKey.objects.count() == 3


def test_who_is_no_superuser_makes_none(client: Client) -> None:
    user = get_user_model().objects.create_user("sue", is_staff=True)
    client.force_login(user)
    assert client.get(f"{KEYS}add/").status_code == 403
    assert client.post(f"{KEYS}add/", FORM).status_code == 403
    assert not ApiKey.objects.exists()


def test_create_api_key_takes_a_limit() -> None:
    call_command("create_api_key", "game", "--scope", "players:read", "--rate-limit", "100", stdout=StringIO())
    assert ApiKey.objects.get().rate_limit == 100
    with pytest.raises(CommandError, match="--rate-limit is from 0"):
        call_command("create_api_key", "game", "--scope", "players:read", "--rate-limit", "-1")


# -- before one ends ---------------------------------------------------------------------------------------------------


def make(name: str, days: float | None) -> ApiKey:
    return create_key(name, ["players:read"], None if days is None else timezone.now() + timedelta(days=days))[0]


def test_keys_that_end_soon_are_told_of_unless_they_have_a_successor() -> None:
    soon, sooner = make("soon", 13.9), make("sooner", 1)
    make("later", 14.1)
    make("never", None)
    make("over", -1)
    revoked, rotated = make("revoked", 5), make("rotated", 5)
    ApiKey.objects.filter(pk=revoked.pk).update(revoked_at=timezone.now())
    successor, _ = rotate(rotated, now=timezone.now())
    ApiKey.objects.filter(pk=successor.pk).update(expires_at=None)
    assert keys.ending(timezone.now()) == [sooner, soon]


def test_the_log_tells_once_a_day_of_keys_that_end_soon(caplog: pytest.LogCaptureFixture) -> None:
    cache.clear()
    now = timezone.now()
    make("soon", 3)
    for hours in (0, 0.001, 24, 24.001):
        keys.warn(now + timedelta(hours=hours))
    lines = [record.message for record in caplog.records if record.levelno == logging.WARNING]
    assert len(lines) == 2
    assert "soon" in lines[0]
    assert "rotate_api_key" in lines[0]


def test_the_console_and_doctor_tell_of_keys_that_end_soon(mia: Client) -> None:
    key = make("soon", 3)
    assert f"The API key {key} ends on" in mia.get("/admin/").content.decode()
    assert "(soon)" in mia.get(KEYS).content.decode()
    said = StringIO()
    with pytest.raises(CommandError):
        call_command("doctor", stdout=said)
    assert f"The API key {key} ends on" in said.getvalue()
