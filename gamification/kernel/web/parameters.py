"""Query parameters: each route takes those that its operation declares in the OpenAPI schema, and no others.

A parameter that is mistyped would otherwise be ignored, and a list that should have shown one player's rows would show
everybody's.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Sequence
from functools import cache
from typing import Any

from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from gamification.kernel.core.messages import Invalid
from gamification.kernel.web.strict_fields import shown_id

GENERATING = threading.Lock()
"""Held while drf-spectacular is used. At its first use it loads its extensions, which two threads must not do at once;
and the first requests of a fresh process arrive together."""


class UnknownParameter(Invalid):
    code = "unknown_parameter"


class KnownParameters(BasePermission):
    """Refuses query parameters that the operation does not declare.

    It stands among the default permissions because every view runs those, once it is known who calls: no view has to
    remember it.
    """

    def has_permission(self, request: Request, view: Any) -> bool:
        if not request.query_params:
            return True
        method = "GET" if request.method == "HEAD" else request.method or ""
        if method == "OPTIONS" or not hasattr(view, method.lower()):
            return True  # on to "method not allowed"
        made: Any = type(view)
        declared = _declared(made, method)
        unknown = [name for name in request.query_params if name not in declared]
        if unknown:
            may = f"It takes {', '.join(sorted(declared))}." if declared else "It takes none."
            errors = [
                {"path": shown_id(name), "code": "unknown_parameter", "detail": f"There is no such parameter. {may}"}
                for name in unknown
            ]
            raise UnknownParameter(f"{errors[0]['path']}: {errors[0]['detail']}", errors)
        return True


@cache
def _declared(view: Any, method: str) -> frozenset[str]:
    """The names of the query parameters that the schema shows for one method of a view."""
    from drf_spectacular.generators import SchemaGenerator  # the views that it imports import this module

    with GENERATING:
        generator = SchemaGenerator()  # type: ignore[no-untyped-call]
        made = generator.create_view(view.as_view(), method)  # type: ignore[no-untyped-call]
        operation = made.schema.get_operation("/", "/", "", method, generator.registry)
    return frozenset(each["name"] for each in operation.get("parameters", ()) if each["in"] == "query")


def chosen(request: Request, name: str, options: Sequence[str]) -> str | None:
    """What a query asks for by `name`; None where it does not. Raises Invalid for what is no option."""
    text: str | None = request.query_params.get(name)
    if text is not None and text not in options:
        raise bad_parameter(name, f"One of {', '.join(options)}.")
    return text


def matching(request: Request, name: str, pattern: re.Pattern[str], expected: str) -> str | None:
    """The same for a text of one pattern, said in words by `expected`."""
    text: str | None = request.query_params.get(name)
    if text is not None and not pattern.fullmatch(text):
        raise bad_parameter(name, expected)
    return text


def bad_parameter(name: str, detail: str) -> Invalid:
    return Invalid(detail, [{"path": name, "code": "invalid", "detail": detail}])
