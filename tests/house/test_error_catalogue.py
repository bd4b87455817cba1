"""docs/errors.md names every code that the service may refuse with, and no other."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/errors.md"
APPS = ("gamification", "progress", "rewards", "achievements", "quests", "anticheat")
A_CODE = re.compile(r"[a-z][a-z0-9_]*")
OF_THE_FRAMEWORK = {
    "authentication_failed", "not_authenticated", "missing_scope", "method_not_allowed", "not_acceptable",
    "unsupported_media_type", "banned", "revoked_token",
}  # fmt: skip
"""Raised by Django REST framework, or composed of several words where it is raised."""
OF_FIELDS = {
    "required", "null", "blank", "invalid", "invalid_choice", "max_length", "min_length", "max_value", "min_value",
    "empty", "not_a_list", "read_only", "unknown_field", "not_allowed",
}  # fmt: skip
WHY_NOT = {"disabled", "not_open", "revoked", "repeat_changed", "pending", "prerequisite"}
"""What `explain` says stands in the way: no refusals."""
PLACES = {
    "problem_response": 1,
    "Problem": 3,
    "ErrorDetail": 1,
    "Reference": 3,
    "NotCounted": 0,
    "Misunderstood": 0,
    "BadToken": 0,
}
"""What is called with a code, and at which place."""
IN_TRIPLES = ("gamification/intake/decoding.py", "gamification/kernel/storage/inbox.py")
"""Files in which a code stands in the middle of three."""


def sources() -> Iterator[tuple[str, ast.Module]]:
    for app in APPS:
        for path in sorted((ROOT / app).rglob("*.py")):
            if not {"migrations", "management", "sample"} & set(path.parts):
                yield str(path.relative_to(ROOT)), ast.parse(path.read_text())


def text(node: ast.expr | None) -> Iterator[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str) and A_CODE.fullmatch(node.value):
        yield node.value


def codes_in(path: str, module: ast.Module) -> Iterator[str]:
    for node in ast.walk(module):
        match node:
            case ast.ClassDef():
                for line in node.body:
                    if isinstance(line, ast.Assign) and getattr(line.targets[0], "id", "") == "code":
                        yield from text(line.value)
                    if isinstance(line, ast.AnnAssign) and getattr(line.target, "id", "") == "code":
                        yield from text(line.value)
            case ast.Call():
                name = getattr(node.func, "id", getattr(node.func, "attr", ""))
                place = PLACES.get(name)
                if place is not None and len(node.args) > place:
                    yield from text(node.args[place])
                for keyword in node.keywords:
                    if keyword.arg == "code":
                        yield from text(keyword.value)
            case ast.Dict():
                for key, value in zip(node.keys, node.values, strict=True):
                    if isinstance(key, ast.Constant) and key.value == "code":
                        yield from text(value)
            case ast.Yield(value=ast.Tuple(elts=[_, code, _])) if path.endswith("checks.py") or "simulation" in path:
                yield from text(code)
            case ast.Tuple(elts=[_, code, _]) if path in IN_TRIPLES:
                yield from text(code)


def raised() -> dict[str, str]:
    """Code → a file that raises it."""
    found = {code: path for path, module in sources() for code in codes_in(path, module)}
    return {code: path for code, path in found.items() if code not in WHY_NOT}


def documented(page: str) -> set[str]:
    """The codes that have a line with each of its cells filled in."""
    return {
        code
        for code, rest in re.findall(r"^\| `([a-z0-9_]+)` \|(.*)\|$", page, re.MULTILINE)
        if all(cell.strip() for cell in rest.split("|"))
    }


def test_every_code_that_is_raised_has_a_line() -> None:
    lines = documented(PAGE.read_text())
    assert {code: path for code, path in raised().items() if code not in lines | OF_FIELDS} == {}


def test_every_line_is_of_a_code_that_is_raised() -> None:
    assert documented(PAGE.read_text()) - raised().keys() - OF_THE_FRAMEWORK - OF_FIELDS == set()


@pytest.mark.parametrize("code", ["cooldown", "too_old", "tier_twice", "bad_cursor"])
def test_a_line_that_is_missing_is_missed(code: str) -> None:
    page = "\n".join(line for line in PAGE.read_text().splitlines() if not line.startswith(f"| `{code}`"))
    assert code in raised().keys() - documented(page)
