"""Players' rows in the console, where the players are cut into shares: a list shows one share, a page finds its own.

A list shows the share that the filter names; without, that of the player who is searched for, or the first.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import parse_qs

from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.contrib.admin.views.main import SEARCH_VAR
from django.db import models
from django.http import HttpRequest

from gamification.kernel.core.messages import PLAYER_ID
from gamification.kernel.storage import shares

PARAMETER = "share"


class ByShare(admin.SimpleListFilter):
    title = "share"
    parameter_name = PARAMETER

    def lookups(self, request: HttpRequest, model_admin: Any) -> Sequence[tuple[str, str]]:
        return [(str(share), str(share)) for share in shares.every()]

    def queryset(self, request: HttpRequest, queryset: models.QuerySet[Any]) -> models.QuerySet[Any]:
        return queryset  # the screen is in that share already

    def choices(self, changelist: Any) -> Any:
        """Without "All": there is no list of all."""
        here = str(shares.here())
        for share, title in self.lookup_choices:
            address = changelist.get_query_string({PARAMETER: share})
            yield {"selected": share == here, "query_string": address, "display": title}


def is_spread(model: type[models.Model]) -> bool:
    return shares.number() > 1 and shares.is_owned(model)


def of_list(request: HttpRequest) -> int:
    """The share that a list shows."""
    if (named := _named(request.GET.get(PARAMETER))) is not None:
        return named
    sought = request.GET.get(SEARCH_VAR, "").strip()
    return shares.share_of(sought) if PLAYER_ID.fullmatch(sought) else 0


def of_row(request: HttpRequest, model: type[models.Model], object_id: str) -> int:
    """The share in which a row is found: by its key, where that says it, else the list that people came from, else the
    first that has such a row."""
    text, key = unquote(object_id), model._meta.pk
    if (by_key := _by_key(key, text)) is not None:
        return by_key
    before = parse_qs(request.GET.get("_changelist_filters", "")).get(PARAMETER, [None])
    if (named := _named(before[0])) is not None:
        return named
    look: Callable[[], bool] = model._default_manager.filter(pk=text).exists
    try:
        return next((share for share, has in enumerate(shares.each(look)) if has), 0)
    except (ValueError, TypeError):
        return 0


def _by_key(key: Any, text: str) -> int | None:
    if key.attname == "player_id":
        return shares.share_of(text)
    if isinstance(key, models.AutoField | models.BigAutoField) and text.isascii() and text.isdigit() and len(text) < 20:
        return shares.share_of_row(int(text))
    return None


def _named(text: str | None) -> int | None:
    is_one = text is not None and text.isascii() and text.isdigit() and len(text) <= 3 and int(text) in shares.every()
    return int(text) if is_one and text is not None else None
