"""How many players have what is edited, beside its form and in its list."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from gamification.kernel.console.lists import Reach
from gamification.kernel.content import drafts
from gamification.kernel.models import Content
from progress.models import Backfill, Rarity


def shared(kind: str, draft: Content) -> list[tuple[str, str]]:
    """What was rolled up last; nothing before it ever was."""
    found = Rarity.objects.filter(kind=kind, content_id=draft.pk).first()
    return [("Completed by", said(found))] if found else []


def previewed(kind: str, draft: Content, definition: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What the newest preview of this very draft has found."""
    of_it = Backfill.objects.filter(preview__kind=kind, preview__id=draft.pk, state=Backfill.State.DONE)
    newest = of_it.order_by("-id").first()
    if newest is None or not drafts.same(newest.preview and newest.preview["definition"], {**definition}):
        return []
    found = newest.figures()
    paid = [(f"Would pay {currency}", f"{amount:,}") for currency, amount in found["pays"].items()]
    return [("Would complete it", f"{found['gains']:,} ({percents(found['share'])})"), *paid]


def percents(share: Mapping[str, float] | None) -> str:
    """`4.9 %, 95 % sure of 4.3 to 5.6`"""
    if share is None:
        return "nobody looked at yet"
    value, low, high = (100 * share[name] for name in ("value", "low", "high"))
    return f"{value:.1f} %, with 95 % certainty {low:.1f} to {high:.1f} %"


def reach(kind: str, ids: Iterable[str]) -> dict[str, Reach]:
    """The same for a page of a list."""
    rows = Rarity.objects.filter(kind=kind, content_id__in=list(ids))
    return {row.content_id: Reach(said(row), f"{row.in_progress:,}") for row in rows}


def said(row: Rarity | None) -> str:
    """`212 (4.9 %)`"""
    if row is None or not row.players:
        return "-"
    return f"{row.holders:,} ({100 * row.holders / row.players:.1f} %)"
