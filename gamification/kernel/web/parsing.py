"""JSON bodies, read strictly: what is ambiguous, or cannot be stored, is refused with its place and reason."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import IO, Any, NoReturn

from rest_framework import parsers
from rest_framework.exceptions import ParseError, ValidationError

MAX_DEPTH = 64
"""Deeper than any content is nested, and far less than what exhausts a recursive reader."""

_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


class BadJson(ValueError):
    """A body that is not the JSON we take. The message says why."""


def strict_json(raw: bytes) -> Any:
    """The JSON value in `raw`. Raises BadJson, for what JSON's readers disagree on too: repeated keys, NaN, U+0000,
    lone surrogates, numbers beyond a double."""
    try:
        value = _decoder.decode(raw.decode("utf-8"))
        _check(value, 0)
    except UnicodeDecodeError:
        raise BadJson("the body is not UTF-8") from None
    except json.JSONDecodeError as bad:
        raise BadJson(f"{bad.msg} at line {bad.lineno}, column {bad.colno}") from None
    except RecursionError:
        raise BadJson("nested too deeply") from None
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise BadJson("a key is repeated in one object")
    return found


def _constant(name: str) -> NoReturn:
    raise BadJson(f"{name} is not JSON")


def _float(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise BadJson("a number is beyond a double")
    return value


def _integer(text: str) -> int:
    # 309 digits are the longest integers of a double; Python refuses to read ones of thousands of digits.
    if len(text) > 310 or math.isinf(float(text)):
        raise BadJson("a number is beyond a double")
    return int(text)


_decoder = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_constant, parse_float=_float, parse_int=_integer)


def _check(value: Any, depth: int) -> None:
    if isinstance(value, str):
        if _UNSTORABLE.search(value):
            raise BadJson("a text holds U+0000 or half of a surrogate pair")
    elif isinstance(value, dict | list):
        if depth == MAX_DEPTH:
            raise BadJson("nested too deeply")
        if isinstance(value, dict):
            for key in value:
                _check(key, depth)
            value = value.values()
        for inner in value:
            _check(inner, depth + 1)


class JSONParser(parsers.JSONParser):
    """A body is one JSON object."""

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        raw = stream.read()
        if not raw.strip():
            return {}
        try:
            value = strict_json(raw)
        except BadJson as bad:
            raise ParseError(f"The body is not JSON as this service takes it: {bad}.") from None
        if not isinstance(value, dict):
            raise ValidationError("The body is one JSON object.", code="not_an_object")
        return value
