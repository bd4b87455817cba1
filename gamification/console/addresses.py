"""Checks the query of a list's address, and the rows that an action names: only what the pages themselves send.

Django filters a list by any path of lookups over the model, and puts values into the query unchecked. What the database
then refuses would be answered as a failure of the service.
"""

from __future__ import annotations

from typing import Any

from django.contrib.admin import ModelAdmin
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.utils import unquote
from django.core.exceptions import BadRequest, FieldDoesNotExist, ValidationError
from django.db import models
from django.http import HttpRequest

PLAIN = {"", "exact", "gt", "gte", "lt", "lte", "isnull"}
"""Lookups by which a list may be filtered, on any column of its own."""
OF_ANOTHER = {"id__exact", "isnull"}
"""Lookups by which a filter names a row of another table."""
PARTS = {"year", "month", "day"}


def check(request: HttpRequest) -> None:
    """Raises BadRequest for U+0000, which no column of text can hold."""
    said = [value for form in (request.GET, request.POST) for _, values in form.lists() for value in values]
    if any("\0" in text for text in (unquote(request.path), *said)):
        raise BadRequest("There is nothing of that name.")


def check_list(request: HttpRequest, model_admin: ModelAdmin[Any]) -> None:
    """Raises BadRequest for a query that the list's page does not send, and for a row that cannot exist."""
    for name in request.GET:
        if not _may_ask(request, model_admin, name):
            raise BadRequest("This list cannot be asked for that.")
    for value in request.POST.getlist(ACTION_CHECKBOX_NAME):
        if not _is_key(model_admin.opts.pk, value):
            raise BadRequest("There is no such row.")


def _may_ask(request: HttpRequest, model_admin: ModelAdmin[Any], name: str) -> bool:
    column, _, lookup = name.partition("__")
    if column == model_admin.date_hierarchy and lookup in PARTS:
        return True
    try:
        field = model_admin.opts.pk if column == "pk" else model_admin.opts.get_field(column)
    except FieldDoesNotExist:
        return True  # a filter's own parameter, or one that Django ignores
    if not isinstance(field, models.Field) or isinstance(field, models.JSONField | models.BinaryField):
        return False
    if field.is_relation:
        return column in model_admin.get_list_filter(request) and lookup in OF_ANOTHER
    return lookup in PLAIN


def _is_key(key: models.Field[Any, Any], value: str) -> bool:
    try:
        key.clean(value, None)
    except ValidationError:
        return False
    return "\0" not in value
