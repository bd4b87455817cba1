"""A log-in to the console is complete only with a code, for whoever has set one up, or for everybody."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
import time_machine
from django.conf import LazySettings
from django.contrib.auth.models import Group, User
from django.core.management import CommandError, call_command
from django.test import Client
from django_otp.oath import TOTP
from django_otp.plugins.otp_static.models import StaticToken
from django_otp.plugins.otp_totp.models import TOTPDevice

from gamification.console import second_factor
from gamification.kernel.models import AuditEntry
from tests.support.console_forms import said

pytestmark = pytest.mark.django_db

PASSWORD = "a long way to the sea"
ASKED, OWN, HOME = "/admin/second-factor/", "/admin/second-factor/own/", "/admin/"


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(datetime(2026, 11, 30, 12, 0, 10, tzinfo=UTC), tick=False) as clock:
        yield clock


@pytest.fixture
def mia(clock: Any) -> User:
    user = User.objects.create_user("mia", password=PASSWORD, is_staff=True)
    user.groups.add(Group.objects.get(name="designers"))
    return user


def code_of(user: User) -> str:
    device = TOTPDevice.objects.get(user=user)
    totp = TOTP(device.bin_key, drift=device.drift)
    totp.time = datetime.now(UTC).timestamp()
    return f"{totp.token():06}"


def with_password(going: str = HOME) -> Client:
    client = Client()
    answer = client.post(f"/admin/login/?next={going}", {"username": "mia", "password": PASSWORD, "next": going})
    assert answer.status_code == 302
    return client


def set_up(client: Client, user: User, at: str = OWN) -> list[str]:
    client.get(at)
    answer = client.post(at, {"code": code_of(user)})
    assert "no-store" in answer["Cache-Control"]
    return re.findall(r"<code>([a-z2-7]{8})</code>", answer.content.decode())


def is_in(client: Client) -> bool:
    return client.get(HOME).status_code == 200


def test_whoever_has_none_logs_in_by_the_password(mia: User) -> None:
    assert is_in(with_password())


def test_set_up_it_is_asked_for_at_the_next_log_in(mia: User, clock: Any) -> None:
    client = with_password()
    page = client.get(OWN)
    assert "no-store" in page["Cache-Control"]
    assert "data:image/svg+xml" in page.content.decode()
    assert len(set_up(client, mia)) == 10
    assert is_in(client)
    clock.shift(timedelta(minutes=1))
    other = with_password("/admin/kernel/release/")
    for path in (HOME, "/admin/kernel/release/", "/admin/packs/", OWN, "/admin/password_change/", "/admin/jsi18n/"):
        answer = other.get(path)
        assert answer.status_code == 302, path
        assert answer["Location"].startswith("/admin/login/"), path
    asked = other.get("/admin/kernel/release/", follow=True)
    assert asked.request["PATH_INFO"] == ASKED
    assert "Six digits of your app" in asked.content.decode()
    answer = other.post(ASKED, {"code": code_of(mia), "next": "/admin/kernel/release/"})
    assert answer["Location"] == "/admin/kernel/release/"
    assert is_in(other)


def test_nothing_is_done_by_the_password_alone(mia: User, clock: Any) -> None:
    set_up(with_password(), mia)
    half = with_password()
    for path in ("/admin/achievements/achievement/add/", "/admin/packs/", OWN):
        assert half.post(path, {"_remove": "1", "code": "000000"})["Location"].startswith("/admin/login/")
    assert TOTPDevice.objects.filter(user=mia, confirmed=True).exists()


def test_a_code_works_once(mia: User, clock: Any) -> None:
    set_up(with_password(), mia)
    clock.shift(timedelta(minutes=1))
    code = code_of(mia)
    first, second = with_password(), with_password()
    first.post(ASKED, {"code": f"{code[:3]} {code[3:]}"})
    assert is_in(first)
    clock.shift(timedelta(seconds=1))
    assert "used already" in second.post(ASKED, {"code": code}).content.decode()
    assert not is_in(second)


def test_a_recovery_code_works_once(mia: User, clock: Any) -> None:
    codes = set_up(with_password(), mia)
    first = with_password()
    first.post(ASKED, {"code": codes[3].upper()})
    assert is_in(first)
    assert "9 recovery codes are left" in first.get(OWN).content.decode()
    second = with_password()
    second.post(ASKED, {"code": codes[3]})
    assert not is_in(second)


def test_whoever_guesses_waits_longer_each_time(mia: User, clock: Any) -> None:
    set_up(with_password(), mia)
    clock.shift(timedelta(minutes=5))
    client = with_password()
    waits = []
    for _ in range(6):
        assert client.post(ASKED, {"code": "000000"}).status_code == 200
        refused = client.post(ASKED, {"code": code_of(mia)})
        assert refused.status_code == 429
        waits.append(second_factor.wait(mia, datetime.now(UTC)) - 1)
        clock.shift(timedelta(seconds=waits[-1] + 1))
    assert waits == [1, 2, 4, 8, 16, 32]
    client.post(ASKED, {"code": code_of(mia)})
    assert is_in(client)
    tried = AuditEntry.objects.filter(action="second_factor_failed", subject_id="mia")
    assert tried.count() == 6  # those that were not looked at fill no log


CODES = ["", "12345", "\uff11" * 6, "a" * 8, "x" * 500, "\u2028", "-12345", "1e5   "]


@pytest.mark.parametrize("code", CODES, ids=range(len(CODES)))
def test_what_is_no_code_is_refused(mia: User, clock: Any, code: str) -> None:
    set_up(with_password(), mia)
    client = with_password()
    assert client.post(ASKED, {"code": code}).status_code == 200
    assert not is_in(client)


def test_required_nobody_works_without(mia: User, clock: Any, settings: LazySettings) -> None:
    settings.SECOND_FACTOR = "required"
    client = with_password()
    assert client.get(HOME).status_code == 302
    assert client.get(HOME, follow=True).request["PATH_INFO"] == ASKED
    assert len(set_up(client, mia, ASKED)) == 10
    assert is_in(client)


def test_it_is_kept_from_whoever_has_no_password(client: Client) -> None:
    for path in (ASKED, OWN):
        for answer in (client.get(path), client.post(path, {"code": "123456"})):
            assert answer.status_code == 302
            assert "second-factor/" not in answer["Location"].partition("?")[0]
    assert not TOTPDevice.objects.exists()


def test_a_secret_in_force_is_shown_to_nobody_again(mia: User, clock: Any) -> None:
    client = with_password()
    set_up(client, mia)
    secret = second_factor.as_text(TOTPDevice.objects.get(user=mia))
    for path in (OWN, "/admin/auth/user/", "/admin/internals/"):
        assert secret not in client.get(path, follow=True).content.decode()
    User.objects.create_superuser("root")
    root = Client()
    root.force_login(User.objects.get(username="root"))
    assert "otp" not in root.get("/admin/internals/").content.decode().lower()


def test_changing_it_takes_a_code(mia: User, clock: Any) -> None:
    client = with_password()
    old = set_up(client, mia)
    assert "not a code of yours" in said(client.post(OWN, {"_remove": "1", "code": "000000"}, follow=True))[0]
    clock.shift(timedelta(minutes=1))
    renewed = client.post(OWN, {"_renew": "1", "code": code_of(mia)}).content.decode()
    assert not any(code in renewed for code in old)
    assert StaticToken.objects.count() == 10
    clock.shift(timedelta(minutes=1))
    client.post(OWN, {"_remove": "1", "code": code_of(mia)})
    assert not TOTPDevice.objects.exists()
    assert is_in(with_password())
    actions = AuditEntry.objects.filter(actor="user:mia").values_list("action", flat=True)
    assert {"set_up_second_factor", "renew_recovery_codes", "remove_second_factor"} <= set(actions)


def test_an_administrator_takes_it_from_whoever_lost_it(mia: User, clock: Any) -> None:
    set_up(with_password(), mia)
    User.objects.create_superuser("root")
    root = Client()
    root.force_login(User.objects.get(username="root"))
    assert root.get("/admin/auth/user/").status_code == 200
    chosen = {"action": "remove_second_factor", "_selected_action": [mia.pk]}
    assert "mia" in said(root.post("/admin/auth/user/", chosen, follow=True))[0]
    assert is_in(with_password())
    assert AuditEntry.objects.get(action="remove_second_factor").actor == "user:root"


def test_an_operator_takes_it_by_a_command(mia: User, clock: Any) -> None:
    set_up(with_password(), mia)
    out = StringIO()
    call_command("remove_second_factor", "mia", stdout=out)
    call_command("remove_second_factor", "mia", stdout=out)
    assert out.getvalue() == "mia logs in by the password alone.\nmia had none.\n"
    with pytest.raises(CommandError, match="Nobody"):
        call_command("remove_second_factor", "nobody")


def test_whoever_is_half_in_may_leave(mia: User, clock: Any) -> None:
    set_up(with_password(), mia)
    half = with_password()
    assert half.post(ASKED, {"_leave": "1"})["Location"] == "/admin/login/"
    assert "_auth_user_id" not in half.session


def test_it_leads_to_no_other_site(mia: User, clock: Any) -> None:
    set_up(with_password(), mia)
    clock.shift(timedelta(minutes=1))
    half = with_password()
    answer = half.post(ASKED, {"code": code_of(mia), "next": "https://evil.example/"})
    assert answer["Location"] == HOME
