"""Asking for a backfill: the counting of every player's past for what was newly published, or its preview."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

from django.conf import settings
from django.db import transaction

from gamification.kernel.core.actors import Actor
from gamification.kernel.core.vocabulary import BackfillMode
from progress.models import Backfill

REQUEST_TIME_SLICE = 1.0
"""Seconds of a publishing request that go to its backfill, without a broker. A small game's backfill is then done when
the answer comes; the clock does the rest of a larger one."""

_run: Callable[[datetime], object] | None = None


def connect(run: Callable[[datetime], object]) -> None:
    """Register what runs backfills, right after the commit that asked for one. `gamification` does so at start-up."""
    global _run
    _run = run


def schedule(number: int, mode: BackfillMode, now: datetime) -> Backfill:
    """Ask that players' pasts be counted for publication `number`; `mode` says how they are told."""
    return _begin(Backfill.objects.create(publication=number, mode=mode, created_at=now), now)


def schedule_preview(kind: str, definition: dict[str, Any], actor: Actor, now: datetime) -> Backfill:
    """Ask how many would complete what a definition says; nothing of any player changes."""
    preview = {"kind": kind, "id": definition["id"], "definition": definition}
    job = Backfill(preview=preview, mode=BackfillMode.SILENT, created_at=now, asked_by=actor.signature)
    job.save()
    return _begin(job, now)


def _begin(job: Backfill, now: datetime) -> Backfill:
    run_soon(now)
    return job


def run_soon(now: datetime) -> None:
    """Run what is pending after the commit. With a broker this is left to the clock, in a worker."""
    if _run is not None and not settings.RABBITMQ_URL:
        transaction.on_commit(partial(_run, now), robust=True)
