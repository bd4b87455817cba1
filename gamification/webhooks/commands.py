"""What may be wished about webhooks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings

from gamification.kernel.core.audit import Subject, change
from gamification.kernel.core.encoding import instant
from gamification.kernel.core.messages import Command, Invalid, NotFound, PlayerId, Refused
from gamification.kernel.core.world import World
from gamification.webhooks import messages
from gamification.webhooks.addresses import is_open, literal
from gamification.webhooks.models import Endpoint

MAX_ENDPOINTS = 50
MAX_SECRETS = 5
"""Secrets that sign at once: each makes the header longer."""


class TooMany(Refused):
    code = "too_many"


def find(id_: int, *, for_update: bool = False) -> Endpoint:
    rows = Endpoint.objects.select_for_update() if for_update else Endpoint.objects.all()
    endpoint = rows.filter(pk=id_).first() if id_ < 2**63 else None
    if endpoint is None:
        raise NotFound("There is no such webhook.")
    return endpoint


@dataclass(frozen=True, slots=True)
class Made:
    endpoint: Endpoint
    secret: str
    """What its messages are signed with from now on: nobody is told again."""


@dataclass(frozen=True, kw_only=True)
class WebhookCommand(Command):
    id: int = 0
    reason: str = ""

    def players(self) -> Sequence[PlayerId]:
        return ()

    def subject(self) -> Subject:
        return Subject("webhook", str(self.id or ""))


@dataclass(frozen=True, kw_only=True)
class CreateWebhook(WebhookCommand):
    """Send facts of these types to an address, from now on. Answers with `Made`."""

    url: str
    types: Sequence[str] = ("*",)
    description: str = ""
    is_enabled: bool = True

    def handle(self, world: World) -> Made:
        _check(self.url, self.types)
        if Endpoint.objects.count() >= MAX_ENDPOINTS:
            raise TooMany(f"There are {MAX_ENDPOINTS} webhooks already.")
        secret = messages.new_secret()
        endpoint = Endpoint.objects.create(
            url=self.url,
            types=list(self.types),
            description=self.description,
            is_enabled=self.is_enabled,
            secrets=[{"secret": secret, "until": None}],
            created_at=world.now,
            created_by=world.actor.signature,
        )
        world.changes.append(change("webhook", str(endpoint.pk), None, told(endpoint)))
        return Made(endpoint, secret)


@dataclass(frozen=True, kw_only=True)
class ChangeWebhook(WebhookCommand):
    """Set what `changes` names: url, types, description, is_enabled. Whoever enables it has it tried at once."""

    changes: Mapping[str, Any] = field(default_factory=dict)

    def handle(self, world: World) -> Endpoint:
        endpoint = find(self.id, for_update=True)
        before = told(endpoint)
        for name, value in self.changes.items():
            setattr(endpoint, name, value)
        _check(endpoint.url, endpoint.types)
        if self.changes.get("is_enabled") or "url" in self.changes:
            endpoint.failures, endpoint.failing_since, endpoint.paused_until = 0, None, None
            endpoint.why_disabled = ""
        endpoint.save()
        world.changes.append(change("webhook", str(endpoint.pk), before, told(endpoint)))
        return endpoint


@dataclass(frozen=True, kw_only=True)
class RotateWebhookSecret(WebhookCommand):
    """Sign with a new secret too; the ones before go on signing for `overlap`. Answers with `Made`."""

    overlap: timedelta = timedelta(days=1)

    def handle(self, world: World) -> Made:
        endpoint = find(self.id, for_update=True)
        ends = world.now + self.overlap
        secret = messages.new_secret()
        working = [
            {"secret": each["secret"], "until": min(filter(None, (each["until"], ends.isoformat())))}
            for each in endpoint.secrets
            if each["secret"] in messages.signing(endpoint.secrets, world.now) and self.overlap
        ]
        endpoint.secrets = [{"secret": secret, "until": None}, *working][:MAX_SECRETS]
        endpoint.save(update_fields=["secrets"])
        rotated = {"old_secrets_sign_until": instant(ends)}
        world.changes.append(change("webhook", str(endpoint.pk), {}, rotated))
        return Made(endpoint, secret)


@dataclass(frozen=True, kw_only=True)
class DeleteWebhook(WebhookCommand):
    """Send nothing more to it. Its messages are deleted soon after."""

    def handle(self, world: World) -> None:
        endpoint = find(self.id, for_update=True)
        world.changes.append(change("webhook", str(endpoint.pk), told(endpoint), None))
        endpoint.delete()


def told(endpoint: Endpoint) -> dict[str, Any]:
    """What the audit log says of it: never its secrets."""
    return {
        "url": endpoint.url,
        "types": list(endpoint.types),
        "description": endpoint.description,
        "is_enabled": endpoint.is_enabled,
    }


def _check(url: str, types: Sequence[str]) -> None:
    if wrong := wrong_with(url, types):
        raise Invalid(wrong[0][1], [{"path": path, "code": "invalid", "detail": detail} for path, detail in wrong])


def wrong_with(url: str | None, types: Sequence[str]) -> list[tuple[str, str]]:
    """What stands in the way of such an endpoint, each with the field it is about. A url of None is not looked at."""
    wrong = [] if url is None else [("url", detail) for detail in _wrong_with_address(url)]
    if unknown := messages.unknown(types):
        wrong.append(("types", f"No fact has a type like {unknown[0]}."))
    return wrong


def _wrong_with_address(url: str) -> list[str]:
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        return ["Expected an address such as https://game.example/webhooks."]
    if parts.scheme not in ("https", "http") or not host or not url.isascii() or not url.isprintable() or " " in url:
        return ["Expected an address such as https://game.example/webhooks."]
    if parts.username is not None or parts.password is not None or parts.fragment:
        return ["Expected an address without a name, a password or a fragment."]
    if parts.scheme == "http" and not settings.WEBHOOK_ALLOW_SUBNETS:
        return ["Expected https: messages tell of players."]
    address = literal(host)
    if address is not None and not is_open(address, settings.WEBHOOK_ALLOW_SUBNETS):
        return ["Messages are sent to addresses of the open internet, and to those that WEBHOOK_ALLOW_SUBNETS names."]
    return []
