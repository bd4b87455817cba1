"""Asking for a backfill: the counting of every player's past for what was newly published, or its preview."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

from django.conf import settings
from django.db import transaction

from gamification.kernel.core.actors import Actor
from progress.models import Backfill

REQUEST_TIME_SLICE = 1.0
"""Seconds that whoever publishes waits, without a broker: a small game's pasts are counted when the answer comes."""

_run: Callable[[datetime], object] | None = None


def connect(run: Callable[[datetime], object]) -> None:
    """Say what begins to run, right after the commit, what was asked for. `gamification` does so at start-up."""
    global _run
    _run = run


def schedule(number: int, mode: str, now: datetime) -> Backfill:
    """Ask that players' pasts be counted for publication `number`; `mode` says how they are told."""
    return _begin(Backfill.objects.create(publication=number, mode=mode, created_at=now), now)


def schedule_preview(kind: str, definition: dict[str, Any], actor: Actor, now: datetime) -> Backfill:
    """Ask how many would complete what a definition says; nothing of any player changes."""
    preview = {"kind": kind, "id": definition["id"], "definition": definition}
    return _begin(
        Backfill.objects.create(preview=preview, mode="SILENT", created_at=now, asked_by=actor.signature), now
    )


def _begin(job: Backfill, now: datetime) -> Backfill:
    run_soon(now)
    return job


def run_soon(now: datetime) -> None:
    """Have whoever is behind looked at after the commit; with a broker the clock does."""
    if _run is not None and not settings.RABBITMQ_URL:
        transaction.on_commit(partial(_run, now), robust=True)
