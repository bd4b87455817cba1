"""What tests share lies in tests/support: a test module that others import cannot be changed by itself."""

import ast
from collections.abc import Iterator
from pathlib import Path

TESTS = Path(__file__).parents[1]


def imported(file: Path) -> Iterator[str]:
    """Every module that is imported anywhere in it, and every name imported from one, as if it were a module."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def is_a_test_module(name: str) -> bool:
    last = TESTS.parent.joinpath(*name.split("."))
    return last.name.startswith(("test_", "conftest")) and last.with_suffix(".py").exists()


def test_no_test_module_is_imported() -> None:
    files = sorted(TESTS.rglob("*.py"))
    assert files
    found = {
        (str(file.relative_to(TESTS)), name) for file in files for name in imported(file) if is_a_test_module(name)
    }
    assert found == set()
