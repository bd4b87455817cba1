"""One version in one place; the changelog knows it, and what is released has said what changed."""

import runpy
import tomllib
from typing import Any

import pytest
from django.conf import settings
from django.test import Client

RELEASE: dict[str, Any] = runpy.run_path(str(settings.BASE_DIR / ".ci" / "release"))
PROJECT: dict[str, Any] = tomllib.loads((settings.BASE_DIR / "pyproject.toml").read_text())["project"]
CHANGELOG = (
    "# Changelog\n\n## [Unreleased]\n\n## [0.2.0] - 2026-11-30\n\n### Added\n- x\n\n## [0.1.0] - 2026-11-01\n- y\n"
)


@pytest.mark.django_db
def test_the_schema_says_the_version_of_the_project() -> None:
    schema = Client().get("/api/schema/").json()
    assert schema["info"]["version"] == PROJECT["version"]


def test_the_newest_version_of_the_changelog_is_that_of_the_project() -> None:
    text = (settings.BASE_DIR / "CHANGELOG.md").read_text()
    names = [heading.group("name") for heading in RELEASE["HEADING"].finditer(text)]
    assert names[:2] == ["Unreleased", PROJECT["version"]]


def test_what_is_locked_fits_what_the_project_asks_for() -> None:
    lock = (settings.BASE_DIR / "requirements.txt").read_text()
    assert list(RELEASE["not_locked"](PROJECT["dependencies"], lock)) == []
    assert list(RELEASE["not_locked"](["Django>=99"], lock)) != []


def test_a_changelog_in_order_can_be_released() -> None:
    assert list(RELEASE["missing"]("0.2.0", CHANGELOG)) == []


@pytest.mark.parametrize(
    ("version", "change"),
    [
        ("0.3.0", ("", "")),
        ("0.2", ("", "")),
        ("0.2.0", ("[Unreleased]\n", "[Unreleased]\n- z\n")),
        ("0.2.0", ("2026-11-30", "3026-11-30")),
        ("0.2.0", (" - 2026-11-30", "")),
        ("0.2.0", ("### Added\n- x\n", "")),
        ("0.2.0", ("[0.1.0]", "[0.2.1]")),
    ],
)
def test_a_release_that_lacks_something_is_found_out(version: str, change: tuple[str, str]) -> None:
    assert len(list(RELEASE["missing"](version, CHANGELOG.replace(*change) if change[0] else CHANGELOG))) == 1
