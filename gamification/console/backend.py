"""Who somebody at the console is."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import User
from django.db.models import Exists, OuterRef
from django_otp.plugins.otp_totp.models import TOTPDevice


class People(ModelBackend):
    """Django's own, which finds out with the person whether they have a second factor: every page asks."""

    def get_user(self, user_id: Any) -> User | None:
        confirmed = TOTPDevice.objects.filter(user_id=OuterRef("pk"), confirmed=True)
        user = User.objects.annotate(has_second_factor=Exists(confirmed)).filter(pk=user_id).first()
        return user if user is not None and self.user_can_authenticate(user) else None
