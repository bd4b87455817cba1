"""Having messages sent again: by their ids, by time, or those that were given up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q

from gamification.kernel.core.actors import Actor
from gamification.kernel.core.audit import change
from gamification.kernel.core.encoding import instant
from gamification.kernel.core.messages import Invalid
from gamification.kernel.messaging.followers import CHUNK
from gamification.kernel.storage import audit_log, shares
from gamification.webhooks import sending
from gamification.webhooks.models import AT_ONCE, Delivery, Endpoint

MAX_IDS = 1_000
MAX_REPLAYED = 100_000
"""Messages that one request may ask for."""


class TooManyMessages(Invalid):
    code = "too_many_messages"


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Which messages: all conditions that are given must hold."""

    ids: Sequence[str] | None = None
    since: datetime | None = None
    until: datetime | None = None
    only_failed: bool = False

    def condition(self) -> Q:
        found = Q() if not self.only_failed else Q(state=Delivery.State.FAILED)
        if self.ids is not None:
            found &= Q(fact_id__in=self.ids)
        if self.since is not None:
            found &= Q(created_at__gte=self.since)
        if self.until is not None:
            found &= Q(created_at__lt=self.until)
        return found


def replay(endpoint: Endpoint, wanted: Wanted, *, actor: Actor, now: datetime) -> int:
    """Put messages back into the queue, each as it was first sent, and return how many those are. They are sent at
    once, if the endpoint is enabled. Raises TooManyMessages, with nothing changed."""
    rows = Delivery.objects.filter(wanted.condition(), endpoint=endpoint.pk).order_by("pk").values_list("pk", flat=True)
    found: dict[int, list[int]] = {}
    for share in shares.every():
        with shares.within(share):
            found[share] = list(rows[: MAX_REPLAYED + 1])
    queued = sum(map(len, found.values()))
    if queued > MAX_REPLAYED:
        detail = f"These are more than {MAX_REPLAYED} messages: ask for a shorter time."
        raise TooManyMessages(detail, [{"path": "since", "code": TooManyMessages.code, "detail": detail}])
    for share, pks in found.items():
        for start in range(0, len(pks), CHUNK):
            with shares.at(share):
                chunk = Delivery.objects.filter(pk__in=pks[start : start + CHUNK])
                chunk.update(state=Delivery.State.PENDING, due_at=AT_ONCE, tried=0)
    asked = {
        "queued": queued,
        **({"ids": list(wanted.ids)[:20]} if wanted.ids is not None else {}),
        **({"since": instant(wanted.since)} if wanted.since else {}),
        **({"until": instant(wanted.until)} if wanted.until else {}),
        **({"only_failed": True} if wanted.only_failed else {}),
    }
    audit_log.put(actor, "replay_webhook", [change("webhook", str(endpoint.pk), {}, asked)], at=now)
    sending.hint()
    return queued
