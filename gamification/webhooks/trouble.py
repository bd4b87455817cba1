"""What is amiss with webhooks, for `doctor` and the console's front page."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from gamification.webhooks.models import Endpoint

WORTH_SAYING_AFTER = timedelta(hours=1)
"""How long there must have been failures only: a receiver that is being replaced is no trouble."""


def found(now: datetime) -> Iterator[tuple[Endpoint, str]]:
    """Each webhook that the service has disabled, or that does nothing but fail, with a sentence on it."""
    for endpoint in Endpoint.objects.order_by("pk"):
        if not endpoint.is_enabled and endpoint.why_disabled:
            yield endpoint, f"The webhook {endpoint} is disabled. {endpoint.why_disabled}"
        elif endpoint.is_enabled and endpoint.failing_since and now - endpoint.failing_since > WORTH_SAYING_AFTER:
            since = f"{endpoint.failing_since:%d %b %H:%M} UTC"
            yield endpoint, f"Nothing but failures has come of the webhook {endpoint} since {since}."
