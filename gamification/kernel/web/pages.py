"""Lists, a page at a time: `{next, previous, results}` by a cursor that says after which row to go on.

A cursor is signed: it opens the list it was made for, and nothing that a client invents reaches the database. A list
is ordered by fields that are never null and together name one row.
"""

from __future__ import annotations

import json
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

from django.core import signing
from django.db.models import Model, Q, QuerySet
from drf_spectacular.utils import OpenApiParameter, PolymorphicProxySerializer, inline_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import remove_query_param, replace_query_param

from gamification.kernel.core.messages import Invalid
from gamification.kernel.storage import shares

DEFAULT_SIZE = 50
MAX_SIZE = 200


class BadCursor(Invalid):
    code = "bad_cursor"


class Cursor(NamedTuple):
    """Where a page begins: after the row with this `key`; with `back`, before it."""

    key: list[Any]
    back: bool


class Page(NamedTuple):
    rows: list[Any]
    next: str | None
    previous: str | None

    def response(self, results: list[Any]) -> Response:
        return Response({"next": self.next, "previous": self.previous, "results": results})


def paginate(
    request: Request,
    rows: QuerySet[Any],
    *,
    ordering: Sequence[str],
    show: Callable[[Any], Any],
    fetch: Callable[[list[Any]], object] = list,
) -> Response:
    """A page of a queryset, each row as `show` shows it; `ordering` as in order_by, `-` for descending. `fetch` is
    given the page before, to fetch along what is shown.

    Rows of players, where the request has named no share, come share after share.
    """
    spread = shares.number() > 1 and shares.here() is None and shares.is_owned(rows.model)
    page = _page_over_shares(request, rows, ordering) if spread else _queryset_page(request, rows, ordering)
    fetch(page.rows)
    return page.response([show(row) for row in page.rows])


def paginate_list(
    request: Request,
    rows: Sequence[Any],
    *,
    key: Callable[[Any], Any],
    show: Callable[[list[Any]], list[Any]] = list,
    descending: bool = False,
) -> Response:
    """A page of rows that are at hand, sorted by `key` (JSON values, one a row, texts or numbers or tuples of them), as
    `show` shows the page."""

    def place(row: Any) -> list[Any]:
        found = key(row)
        return list(found) if isinstance(found, tuple | list) else [found]

    size, cursor = page_size(request), _cursor(request)
    ascending = rows[::-1] if descending else rows
    downwards = (cursor is not None and cursor.back) != descending
    try:
        if downwards:
            end = len(rows) if cursor is None else bisect_left(ascending, cursor.key, key=place)
            span = list(ascending[max(0, end - size - 1) : end])[::-1]
        else:
            start = 0 if cursor is None else bisect_right(ascending, cursor.key, key=place)
            span = list(ascending[start : start + size + 1])
    except TypeError:  # the list is ordered otherwise than when the cursor was made
        raise _bad_cursor() from None
    page = _cut(request, span, size, cursor, place)
    return page.response(show(page.rows))


PARAMETERS = [
    OpenApiParameter("cursor", str, required=False),
    OpenApiParameter(
        "page_size",
        {"type": "integer", "minimum": 1, "maximum": MAX_SIZE, "default": DEFAULT_SIZE},
        required=False,
    ),
]


def paged(row: type[serializers.Serializer[Any]], or_: type[serializers.Serializer[Any]] | None = None) -> Any:
    """What a list tells OpenAPI of itself: `@extend_schema(**paged(RowShape))`. `or_`: what a row may look like
    instead."""
    name = row.__name__.removesuffix("Serializer").removesuffix("Shape")
    rows: Any = row(many=True) if or_ is None else one_of(row, or_, many=True)
    fields = {
        "next": serializers.URLField(allow_null=True),
        "previous": serializers.URLField(allow_null=True),
        "results": rows,
    }
    return {"parameters": PARAMETERS, "responses": inline_serializer(f"{name}Page", fields)}


def one_of(
    row: type[serializers.Serializer[Any]], or_: type[serializers.Serializer[Any]], *, many: bool = False
) -> Any:
    """Either of two shapes, which differ in their fields."""
    name = row.__name__.removesuffix("Serializer").removesuffix("Shape")
    return PolymorphicProxySerializer(
        component_name=f"{name}Or{or_.__name__.removesuffix('Shape')}",
        serializers=[row, or_],
        resource_type_field_name=None,
        many=many,
    )


# -- the work ----------------------------------------------------------------------------------------------------------


def _queryset_page(request: Request, rows: QuerySet[Any], ordering: Sequence[str]) -> Page:
    size, cursor = page_size(request), _cursor(request)
    names = [name.lstrip("-") for name in ordering]
    if cursor is not None:
        if len(cursor.key) != len(names):
            raise _bad_cursor()
        rows = rows.filter(_beyond(ordering, cursor))
    back = cursor is not None and cursor.back
    wanted = rows.order_by(*(_turned(name) for name in ordering) if back else ordering)
    return _cut(request, list(wanted[: size + 1]), size, cursor, lambda row: [_value(row, name) for name in names])


class _Placed(NamedTuple):
    """A row, and the share in which it was found."""

    share: int
    row: Any


def _page_over_shares(request: Request, rows: QuerySet[Any], ordering: Sequence[str]) -> Page:
    size, cursor = page_size(request), _cursor(request)
    names = [name.lstrip("-") for name in ordering]
    back = cursor is not None and cursor.back
    order = list(shares.every())[:: -1 if back else 1]
    beyond: Cursor | None = None
    if cursor is not None:
        if len(cursor.key) != len(names) + 1 or cursor.key[0] not in order:
            raise _bad_cursor()
        order = order[order.index(cursor.key[0]) :]
        beyond = Cursor(cursor.key[1:], cursor.back)
    span: list[_Placed] = []
    for share in order:
        wanted = rows.filter(_beyond(ordering, beyond)) if beyond is not None else rows.all()
        wanted = wanted.order_by(*(_turned(name) for name in ordering) if back else ordering)
        with shares.within(share):
            span += [_Placed(share, row) for row in wanted[: size + 1 - len(span)]]
        beyond = None
        if len(span) > size:
            break
    place = lambda placed: [placed.share, *(_value(placed.row, name) for name in names)]  # noqa: E731
    page = _cut(request, span, size, cursor, place)
    return page._replace(rows=[placed.row for placed in page.rows])


def _beyond(ordering: Sequence[str], cursor: Cursor) -> Q:
    """(a, b) > (x, y) spelled out, each field in its own direction."""
    found, equal = Q(), Q()
    for name, value in zip(ordering, cursor.key, strict=True):
        field = name.lstrip("-")
        compare = "lt" if name.startswith("-") != cursor.back else "gt"
        found |= equal & Q(**{f"{field}__{compare}": value})
        equal &= Q(**{field: value})
    return found


def _turned(name: str) -> str:
    return name[1:] if name.startswith("-") else f"-{name}"


def _value(row: Any, name: str) -> Any:
    return getattr(row, name) if isinstance(row, Model) else row[name]


def _cut(
    request: Request, span: list[Any], size: int, cursor: Cursor | None, place: Callable[[Any], list[Any]]
) -> Page:
    """`span` is one row more than asked for where there are more, in the direction of reading."""
    more = len(span) > size
    rows = span[:size]
    if cursor is not None and cursor.back:
        rows.reverse()
        forth, back = True, more
    else:
        forth, back = more, cursor is not None
    return Page(
        rows,
        _link(request, Cursor(place(rows[-1]), back=False)) if rows and forth else None,
        _link(request, Cursor(place(rows[0]), back=True)) if rows and back else None,
    )


def page_size(request: Request) -> int:
    text = request.query_params.get("page_size")
    if text is None:
        return DEFAULT_SIZE
    if not (text.isascii() and text.isdigit() and len(text) <= 4 and 1 <= int(text) <= MAX_SIZE):
        detail = f"A page has 1 to {MAX_SIZE} rows."
        raise Invalid(detail, [{"path": "page_size", "code": "invalid", "detail": detail}])
    return int(text)


def _cursor(request: Request) -> Cursor | None:
    text = request.query_params.get("cursor")
    if not text:
        return None
    # The second way reads cursors that were made before 0.2.0, with the hour in them.
    for read in (signing.Signer(salt=_salt(request)).unsign_object, partial(signing.loads, salt=_salt(request))):
        try:
            key, back = read(text)
        except (signing.BadSignature, ValueError, TypeError):
            continue
        return Cursor(key, back)
    raise _bad_cursor()


def _bad_cursor() -> BadCursor:
    detail = "This cursor was not made for this list."
    return BadCursor(detail, [{"path": "cursor", "code": "bad_cursor", "detail": detail}])


def _link(request: Request, cursor: Cursor) -> str:
    # Through JSON with str for what it does not know: datetimes and UUIDs come back as text that the ORM reads again.
    key = json.loads(json.dumps(cursor.key, default=str))
    # Without the hour, so that the same page has the same links, and with them the same ETag.
    text = signing.Signer(salt=_salt(request)).sign_object([key, cursor.back])
    url = remove_query_param(request.build_absolute_uri(), "cursor")
    return replace_query_param(url, "cursor", text)


def _salt(request: Request) -> str:
    return f"cursor {request.path}"
