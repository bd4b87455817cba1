"""An app stands wherever the tools are told of apps: one that is forgotten is not checked, or not in the image."""

import re
import tomllib
from configparser import ConfigParser
from pathlib import Path

from django.conf import settings

BASE: Path = settings.BASE_DIR
INSTALLED = {name.partition(".")[0] for name in settings.INSTALLED_APPS}
OURS = {name for name in INSTALLED if (BASE / name).is_dir()}
PROJECT = tomllib.loads((BASE / "pyproject.toml").read_text())


def test_the_layers_of_imports_know_every_app() -> None:
    linter = ConfigParser()
    linter.read(BASE / ".importlinter")
    assert set(linter["importlinter"]["root_packages"].split()) == OURS
    in_rooms = linter["importlinter:contract:rooms-of-an-app"]["containers"].split()
    off_the_network = linter["importlinter:contract:no-network-in-apps"]["source_modules"].split()
    assert set(in_rooms) == set(off_the_network) == OURS - {"gamification"}


def test_types_and_layout_are_checked_in_every_app() -> None:
    assert set(PROJECT["tool"]["mypy"]["files"]) >= OURS
    assert set(PROJECT["tool"]["ruff"]["lint"]["isort"]["known-first-party"]) >= OURS


def test_ci_looks_for_holes_in_every_app() -> None:
    [named] = re.findall(r"^ours=\(([^)]*)\)", (BASE / ".ci" / "run").read_text(), re.MULTILINE)
    assert set(named.split()) == OURS


def test_every_app_is_in_the_image() -> None:
    taken = re.findall(r"^!(\w+)/$", (BASE / ".dockerignore").read_text(), re.MULTILINE)
    assert set(taken) == OURS | {"templates"}
