"""Cells of a CSV: whatever somebody wrote, no spreadsheet takes it for a formula."""

from __future__ import annotations

import pytest

from gamification.kernel.core.encoding import cell


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1"])
def test_a_text_is_no_formula(text: str) -> None:
    assert cell(text) == f"'{text}"


@pytest.mark.parametrize(
    ("value", "said"),
    [(-5, -5), (-0.5, -0.5), (None, None), (True, "true"), ({"reason": "=1"}, '{"reason": "=1"}'), ("", ""),
     ("a=1", "a=1")],
)  # fmt: skip
def test_anything_else_is_what_it_is(value: object, said: object) -> None:
    assert cell(value) == said
