"""Answers are written as REST framework writes them."""

from __future__ import annotations

import json
from collections import OrderedDict
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

import pytest
from django.utils.functional import lazystr
from django.utils.safestring import mark_safe
from hypothesis import given
from hypothesis import strategies as st
from rest_framework.renderers import JSONRenderer
from rest_framework.serializers import Serializer
from rest_framework.utils.serializer_helpers import ReturnDict, ReturnList

from gamification.kernel.web.rendering import Renderer

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
LEAF = st.none() | st.booleans() | st.integers() | TEXT
JSON = st.recursive(LEAF, lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner), max_leaves=20)


class Word(StrEnum):
    YES = "YES"


@given(JSON)
def test_any_json_is_written_to_the_byte_as_rest_framework_writes_it(value: Any) -> None:
    assert Renderer().render(value) == JSONRenderer().render(value)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_any_number_is_the_same_double(value: float) -> None:
    assert json.loads(Renderer().render(value)) == value


@pytest.mark.parametrize(
    "value",
    [
        mark_safe("<b>"),
        lazystr("later"),
        Word.YES,
        {Word.YES: Word.YES},
        OrderedDict(b=1, a=2),
        ReturnDict({"a": 1}, serializer=Serializer()),
        ReturnList([1], serializer=Serializer()),
        (1, 2),
        {1: "a", 2.5: "b"},
        {None: 1, True: 2},
        Decimal("1.5"),
        UUID(int=7),
        date(2026, 1, 2),
        2**70,
        "line\u2028and\u2029paragraph",
    ],
    ids=repr,
)
def test_what_is_no_plain_json_is_written_alike(value: Any) -> None:
    for each in (value, [value], {"in": value}):
        assert Renderer().render(each) == JSONRenderer().render(each)


def test_who_asks_for_indentation_gets_it() -> None:
    asked = "application/json; indent=2"
    assert Renderer().render({"a": [1]}, asked) == JSONRenderer().render({"a": [1]}, asked)
    assert b"\n" in Renderer().render({"a": [1]}, asked)


def test_what_cannot_be_written_is_refused_as_before() -> None:
    with pytest.raises(TypeError):
        Renderer().render({"a": object()})
