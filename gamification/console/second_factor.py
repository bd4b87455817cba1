"""The console's second factor: a code of an app beside the password, or one of ten that were written down.

django-otp keeps the secrets and checks the codes, each once, and makes whoever guesses wait twice as long each time. A
log-in is complete only with a code, for whoever has set the factor up; SECOND_FACTOR = required lets nobody in without.
"""

from __future__ import annotations

import re
from base64 import b32encode
from datetime import datetime
from typing import Any

import segno
from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone
from django_otp import login
from django_otp.plugins.otp_static.models import StaticDevice, StaticToken
from django_otp.plugins.otp_totp.models import TOTPDevice

from gamification.kernel.core.actors import Actor
from gamification.kernel.core.audit import Change, Subject
from gamification.kernel.storage import audit_log

RECOVERY_CODES = 10
OF_THE_APP = re.compile(r"\d{6}", re.ASCII)
RECOVERY = re.compile(r"[a-z2-7]{8}", re.ASCII)


def device_of(user: Any) -> TOTPDevice | None:
    """What makes this person's codes, once it was shown to work."""
    return TOTPDevice.objects.filter(user_id=user.pk, confirmed=True).first()


def is_missing(request: HttpRequest) -> bool:
    """Whether this person gave a password only, and has to give a code or set the factor up. Asked once a request."""
    # Whom no backend of ours has found is taken to have one: nobody comes in by a mistake in the settings.
    known: bool | None = getattr(request, "lacks_second_factor", None)
    if known is None:
        known = getattr(request.user, "otp_device", None) is None and (
            settings.SECOND_FACTOR == "required" or bool(getattr(request.user, "has_second_factor", True))
        )
        request.lacks_second_factor = known  # type: ignore[attr-defined] # the frame asks again
    return known


# -- setting it up -----------------------------------------------------------------------------------------------------


def begin(user: Any) -> TOTPDevice:
    """A secret that is not in force before a code of it was given; the same one however often the page is shown."""
    found = TOTPDevice.objects.filter(user_id=user.pk, confirmed=False).order_by("pk").first()
    return found or TOTPDevice.objects.create(user_id=user.pk, name="app", confirmed=False)


def as_text(device: TOTPDevice) -> str:
    """Its secret, for whoever cannot scan it."""
    text = b32encode(device.bin_key).decode()
    return " ".join(text[at : at + 4] for at in range(0, len(text), 4))


def as_picture(device: TOTPDevice) -> str:
    """The address of its secret as a QR code, drawn here and within the page: nobody else learns it."""
    drawn = segno.make(device.config_url, error="m", micro=False)
    return str(drawn.svg_data_uri(scale=5, border=3, light="#ffffff", dark="#000000"))


def confirm(request: HttpRequest, code: str) -> list[str] | None:
    """Put the secret in force, by a code of it. Returns the recovery codes; None: the code is not of it."""
    user: Any = request.user
    with transaction.atomic():
        device = TOTPDevice.objects.select_for_update().filter(user_id=user.pk, confirmed=False).order_by("pk").first()
        if device is None or device_of(user) is not None or not _is_right(device, code):
            return None
        device.confirmed = True
        device.save(update_fields=["confirmed"])
        codes = _recovery_codes(user)
        _note(request, "set_up_second_factor")
    _complete(request, device)
    return codes


def renew_codes(request: HttpRequest) -> list[str]:
    """Ten new recovery codes; the old ones are void."""
    with transaction.atomic():
        codes = _recovery_codes(request.user)
        _note(request, "renew_recovery_codes")
    return codes


def _recovery_codes(user: Any) -> list[str]:
    StaticDevice.objects.filter(user_id=user.pk).delete()
    device = StaticDevice.objects.create(user_id=user.pk, name="recovery codes")
    codes = [StaticToken.random_token() for _ in range(RECOVERY_CODES)]
    StaticToken.objects.bulk_create(StaticToken(device=device, token=code) for code in codes)
    return codes


def codes_left(user: Any) -> int:
    return int(StaticToken.objects.filter(device__user_id=user.pk).count())


def remove(user: User, actor: Actor, now: datetime) -> bool:
    """Take the factor from a person; says whether there was one."""
    with transaction.atomic():
        removed = TOTPDevice.objects.filter(user_id=user.pk).delete()[0]
        removed += StaticDevice.objects.filter(user_id=user.pk).delete()[0]
        if removed:
            audit_log.put(actor, "remove_second_factor", [Change(Subject("user", user.get_username()))], at=now)
    return bool(removed)


# -- giving a code -----------------------------------------------------------------------------------------------------


def give(request: HttpRequest, code: str) -> bool:
    """Complete the log-in by a code of the app, or by a recovery code, which is spent. Says whether it was right."""
    if (device := _matching(request.user, code)) is not None:
        _complete(request, device)
        return True
    return False


def is_right(request: HttpRequest, code: str) -> bool:
    """Whether it is a code of this person; it is spent by that."""
    return _matching(request.user, code) is not None


def wait(user: Any, now: datetime) -> int:
    """For how many seconds no code is looked at, after wrong ones."""
    devices = [*TOTPDevice.objects.filter(user_id=user.pk), *StaticDevice.objects.filter(user_id=user.pk)]
    verdicts = [device.verify_is_allowed() for device in devices]
    locked = [said["locked_until"] for is_open, said in verdicts if not is_open]
    return max((int((until - now).total_seconds()) + 1 for until in locked), default=0)


def _matching(user: Any, code: str) -> TOTPDevice | StaticDevice | None:
    code = plain(code)
    model = TOTPDevice if OF_THE_APP.fullmatch(code) else StaticDevice if RECOVERY.fullmatch(code) else None
    if model is None:
        return None
    with transaction.atomic():
        # All of this person's codes wait for each other, so that none is taken twice.
        device = model.objects.select_for_update().filter(user_id=user.pk, confirmed=True).first()
        return device if device is not None and device.verify_token(code) else None


def _is_right(device: TOTPDevice, code: str) -> bool:
    return bool(OF_THE_APP.fullmatch(plain(code)) and device.verify_token(plain(code)))


def plain(code: str) -> str:
    """As people type one: spaces in the middle, capitals."""
    return re.sub(r"[\s-]", "", code[:40]).lower()


def _complete(request: HttpRequest, device: TOTPDevice | StaticDevice) -> None:
    request.session.cycle_key()  # whoever knew the session before does not know this one
    login(request, device)
    request.lacks_second_factor = False  # type: ignore[attr-defined]


def _note(request: HttpRequest, action: str) -> None:
    name = request.user.get_username()
    audit_log.put(Actor.user(name), action, [Change(Subject("user", name))], at=timezone.now())
