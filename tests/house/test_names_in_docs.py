"""What the contributor's pages name is there: a file that was renamed, or a class, is found out by its old name."""

import re
from functools import cache
from pathlib import Path

import pytest
from django.conf import settings

from gamification.kernel.core.fact_types import FactType
from progress.rules.vocabulary import Operator, RequirementType
from rewards.rules import RewardType

BASE: Path = settings.BASE_DIR
OURS = ("gamification", "progress", "rewards", "achievements", "quests", "anticheat")
CODE = [
    *OURS,
    "templates",
    "tests",
    "benchmarks",
    ".ci",
    "Makefile",
    "pyproject.toml",
    "docker-compose.yml",
    ".env.example",
]
PAGES = [
    "CONTRIBUTING.md",
    "docs/architecture.md",
    "docs/glossary.md",
    "docs/releasing.md",
    *(f"docs/decisions/{page.name}" for page in sorted((BASE / "docs/decisions").glob("*.md"))),
    *(f"{app}/README.md" for app in OURS[1:]),
]
QUOTED = re.compile(r"`([^`\n]+)`")
A_FILE = re.compile(r"(?!/)[\w.\-/]+(?:/|\.(?:py|md|yml|yaml|toml|js|mjs|svg|txt))")
MADE_UP = {"utils.py", "game.yaml", "NNNN-a-few-words.md"}
A_NAME = re.compile(r"(?:[A-Za-z_]\w*\.)*[A-Za-z_]\w{2,}(?:\([^`]*\))?")


@cache
def words(*places: str) -> frozenset[str]:
    """Every word of the code, but of migrations, which keep old names."""
    found: set[str] = set()
    for place in map(BASE.joinpath, places):
        files = (
            [place]
            if place.is_file()
            else [file for file in place.rglob("*") if file.suffix in SUFFIXES and file.is_file()]
        )
        for file in files:
            if "migrations" not in file.parts and file.name != Path(__file__).name:
                found.update(re.findall(r"\w+", file.read_text()))
    return frozenset(found)


SUFFIXES = {".py", ".js", ".html", ".yaml", ".mjs", ""}


def quoted(page: str) -> list[str]:
    return QUOTED.findall(re.sub(r"^```.*?^```", "", (BASE / page).read_text(), flags=re.MULTILINE | re.DOTALL))


def is_there(file: str, page: str) -> bool:
    places = (BASE, (BASE / page).parent, BASE / "gamification/console", *(BASE / app for app in OURS))
    return any((place / file).exists() for place in places)


@pytest.mark.parametrize("name", PAGES)
def test_the_files_that_it_names_are_there(name: str) -> None:
    assert {each for each in quoted(name) if A_FILE.fullmatch(each) and not is_there(each, name)} <= MADE_UP


def is_known(name: str) -> bool:
    """`module.name` by the files of that module; of anything else the last word by all of the code."""
    before, _, last = name.partition("(")[0].rpartition(".")
    module = before.rpartition(".")[2]
    files = [file for app in OURS for file in (BASE / app).rglob(f"{module}.py")] if module else []
    places = [str(file.relative_to(BASE)) for file in files]
    return last in words(*(places or CODE))


@pytest.mark.parametrize("name", PAGES)
def test_the_names_that_it_quotes_are_in_the_code(name: str) -> None:
    names = [each for each in quoted(name) if A_NAME.fullmatch(each) and not A_FILE.fullmatch(each)]
    assert [each for each in names if not is_known(each)] == []


def test_each_word_of_the_glossary_is_called_so_in_the_code() -> None:
    rows = [line.split("|") for line in (BASE / "docs/glossary.md").read_text().splitlines() if line.startswith("| **")]
    named = [(row[1].strip(), QUOTED.findall(row[2])) for row in rows]
    assert [word for word, names in named if not names] == []
    missing = [name for _, names in named for name in names if not set(re.findall(r"\w+", name)) <= words(*OURS)]
    assert missing == []


GIVEN_UP = re.compile(r"(?<![a-z.-])(?:doors?|pulses?)(?![a-z.-])", re.IGNORECASE)
"""Words of ours that gave way to the field's: an endpoint or a route, a heartbeat."""


def test_nobody_says_a_word_that_was_given_up() -> None:
    texts = [BASE / "docs", *(BASE / place for place in CODE), *BASE.glob("*.md")]
    files = [file for place in texts for file in ([place] if place.is_file() else place.rglob("*"))]
    read = [file for file in files if file.suffix in {".py", ".md", ".svg", ".html", ".js", ".yml"}]
    said = {str(file.relative_to(BASE)) for file in read if GIVEN_UP.search(file.read_text())}
    assert said == {str(Path(__file__).relative_to(BASE))}


@pytest.mark.parametrize("word", [*RequirementType, *RewardType, *Operator])
def test_designers_read_what_each_word_they_can_choose_is(word: str) -> None:
    assert re.search(rf"\b{word}\b", (BASE / "docs/designers.md").read_text())


@pytest.mark.parametrize("type_", FactType)
def test_game_servers_read_of_each_type_of_fact_that_they_may_hear(type_: str) -> None:
    assert f"`{type_}`" in (BASE / "docs/game-servers.md").read_text()
