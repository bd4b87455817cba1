"""Lists of tables that grow with the players: nothing that a person clicks there reads such a table whole.

A list shows the newest rows first, by the table's key. It is not sorted by other columns, a search names a player, and
what is filtered by has an index, but for the filters that are offered once a player is searched for. Rows are counted
up to `MOST_COUNTED`; who wants what lies further back narrows the list.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.admin.views.main import SEARCH_VAR
from django.core.paginator import Paginator
from django.db import connection, models
from django.http import HttpRequest
from django.utils.functional import cached_property

if TYPE_CHECKING:  # generic for mypy only
    AnyModelAdmin = admin.ModelAdmin[Any]
    AnyPaginator = Paginator[Any]
else:
    AnyModelAdmin, AnyPaginator = admin.ModelAdmin, Paginator

MOST_COUNTED = 1_000
MOST_VALUES = 100


def is_large(model: type[models.Model]) -> bool:
    """Whether a table grows with the players."""
    return any(field.attname == "player_id" for field in model._meta.concrete_fields)


class Counted(AnyPaginator):
    @cached_property
    def count(self) -> int:
        rows: Any = self.object_list
        return int(rows[:MOST_COUNTED].count())


class LargeList(AnyModelAdmin):
    """What a list of such a table does otherwise; of any other table nothing changes."""

    indexed_filters: Sequence[Any] = ()
    """The filters that an index serves; the others are offered where a player is searched for."""

    def get_paginator(self, request: HttpRequest, *args: Any, **named: Any) -> Any:
        return (Counted if is_large(self.model) else Paginator)(*args, **named)

    def get_sortable_by(self, request: HttpRequest) -> Any:
        return () if is_large(self.model) else super().get_sortable_by(request)

    def get_list_filter(self, request: HttpRequest) -> Any:
        is_narrow = bool(request.GET.get(SEARCH_VAR, "").strip()) or "player_id__exact" in request.GET
        found = super().get_list_filter(request)
        return found if is_narrow or not is_large(self.model) else [*self.indexed_filters]

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> Any:
        if not is_large(self.model):
            return super().get_search_results(request, queryset, search_term)
        term = search_term.strip()
        return (self.searched(queryset, term) if term else queryset), False

    def searched(self, rows: models.QuerySet[Any], term: str) -> models.QuerySet[Any]:
        """The rows of the player who is called so."""
        return rows.filter(player_id=term)


class IndexedValues(admin.AllValuesFieldListFilter):
    """The values of a column that an index begins with: one look-up for each, however many rows have it."""

    def __init__(self, field: Any, request: Any, params: Any, model: Any, model_admin: Any, field_path: Any) -> None:
        super().__init__(field, request, params, model, model_admin, field_path)
        self.lookup_choices: Any = values(model, field)


def values(model: type[models.Model], field: models.Field[Any, Any]) -> list[Any]:
    quote = connection.ops.quote_name
    table, column = quote(model._meta.db_table), quote(str(field.column))
    least = f"SELECT MIN({column}) FROM {table}"  # noqa: S608 - names of a model
    statement = (
        f"WITH RECURSIVE found(v) AS ({least} UNION ALL "  # noqa: S608
        f"SELECT ({least} WHERE {column} > found.v) FROM found WHERE found.v IS NOT NULL) "
        f"SELECT v FROM found WHERE v IS NOT NULL LIMIT {MOST_VALUES}"
    )
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return [row[0] for row in cursor.fetchall()]
