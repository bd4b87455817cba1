"""Asking for a backfill: the counting of every player's past for what was newly published, or its preview."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from progress.models import Backfill


def schedule(number: int, mode: str, now: datetime) -> Backfill:
    """Ask that players' pasts be counted for publication `number`; `mode` says how they are told."""
    return Backfill.objects.create(publication=number, mode=mode, created_at=now)


def schedule_preview(kind: str, definition: dict[str, Any], now: datetime) -> Backfill:
    """Ask how many would complete what a definition says; nothing of any player changes."""
    preview = {"kind": kind, "id": definition["id"], "definition": definition}
    return Backfill.objects.create(preview=preview, mode="SILENT", created_at=now)
