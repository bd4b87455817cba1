"""How many players have what is edited, beside its form and in its list."""

from __future__ import annotations

from collections.abc import Iterable

from gamification.kernel.console.lists import Reach
from gamification.kernel.models import Content
from progress.models import Rarity


def shared(kind: str, draft: Content) -> list[tuple[str, str]]:
    """What was rolled up last; nothing before it ever was."""
    found = Rarity.objects.filter(kind=kind, content_id=draft.pk).first()
    return [("Completed by", said(found))] if found else []


def reach(kind: str, ids: Iterable[str]) -> dict[str, Reach]:
    """The same for a page of a list."""
    rows = Rarity.objects.filter(kind=kind, content_id__in=list(ids))
    return {row.content_id: Reach(said(row), f"{row.in_progress:,}") for row in rows}


def said(row: Rarity | None) -> str:
    """`212 (4.9 %)`"""
    if row is None or not row.players:
        return "-"
    return f"{row.holders:,} ({100 * row.holders / row.players:.1f} %)"
