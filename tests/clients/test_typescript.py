"""The client for browsers and Node: a package whose types are those of the schema, used by a game in TypeScript."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client

from gamification.kernel.web.access import SCOPES, create_key
from tests.support import game
from tests.support.node import assert_names_no_registry
from tests.support.nodes import environment
from tests.support.packages import TYPESCRIPT, installed_in, run, with_node
from tests.support.service import free_port, serving

pytestmark = pytest.mark.once

GAMES = Path(__file__).parent / "games"


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return with_node(tmp_path_factory.mktemp("client"))


def test_the_lock_names_no_registry() -> None:
    assert_names_no_registry(TYPESCRIPT / "package-lock.json")


def test_its_version_is_that_of_the_service() -> None:
    told = json.loads((TYPESCRIPT / "package.json").read_text())["version"]
    assert told == settings.VERSION
    assert f'VERSION = "{told}"' in (TYPESCRIPT / "src" / "version.js").read_text()


def test_nothing_has_to_be_installed_for_it() -> None:
    assert "dependencies" not in json.loads((TYPESCRIPT / "package.json").read_text())


def test_every_file_that_it_exports_is_there() -> None:
    exported = json.loads((TYPESCRIPT / "package.json").read_text())["exports"].values()
    files = [file for each in exported for file in (each.values() if isinstance(each, dict) else [each])]
    assert [file for file in files if not (TYPESCRIPT / file).is_file()] == []


@pytest.mark.node
def test_its_types_are_those_of_its_source_and_of_the_schema(package: Path) -> None:
    """`make clients` makes them anew."""
    run(package, "npm", "run", "-s", "schema")
    run(package, "npm", "run", "-s", "types")
    made = {file.name: file.read_text() for file in (package / "types").iterdir()}
    kept = {file.name: file.read_text() for file in (TYPESCRIPT / "types").iterdir()}
    assert made.keys() == kept.keys()
    assert [name for name in made if made[name] != kept[name]] == []


@pytest.fixture
def played(tmp_path: Path) -> Callable[..., str]:
    """Runs a program that imports the package."""
    if not shutil.which("node"):
        pytest.skip("needs Node: apt-get install nodejs")
    (tmp_path / "node_modules").mkdir()
    (tmp_path / "node_modules" / "gamification-client").symlink_to(TYPESCRIPT)

    def play(name: str, *arguments: str) -> str:
        shutil.copy(GAMES / name, tmp_path)
        return run(tmp_path, "node", name, *arguments)

    return play


@pytest.mark.node
def test_a_token_that_followed_another_is_not_refused_with_it(played: Callable[..., str]) -> None:
    played("tokens.mjs")


@pytest.mark.node
def test_calls_end_whatever_the_service_asks_for_and_what_is_kept_is_sent(played: Callable[..., str]) -> None:
    played("waits.mjs")


@pytest.mark.node
def test_a_file_is_lost_to_nobody_though_two_have_the_same_host_and_id(
    played: Callable[..., str], tmp_path: Path
) -> None:
    (tmp_path / "events").mkdir()
    played("stores.mjs", "events")


@pytest.mark.django_db
def test_pages_get_it_from_the_service_with_and_without_its_version() -> None:
    for name in ("gamification.js", "panel.js"):
        texts = {
            b"".join(Client().get(f"/static/play/{version}{name}").streaming_content)  # type: ignore[attr-defined]
            for version in ("", f"{settings.VERSION}/")
        }
        assert len(texts) == 1
    other = Client().get("/static/play/0.0.1/gamification.js")
    assert (other.status_code, other["Location"]) == (302, "/static/play/gamification.js")
    assert other["Access-Control-Allow-Origin"] == "*"
    assert Client().get("/static/play/0.0.1/..%2Fsettings.js").status_code == 404


@pytest.mark.node
@pytest.mark.django_db(transaction=True)
def test_a_game_in_typescript_compiles_strictly_and_plays(package: Path, tmp_path: Path) -> None:
    game.make()
    _, key = create_key("a game", SCOPES)
    folder = installed_in(package, tmp_path / "game")
    shutil.copy(GAMES / "game.ts", folder)
    strictly = ("--strict", "--noUncheckedIndexedAccess", "--exactOptionalPropertyTypes", "--target", "es2022")
    run(folder, "node_modules/.bin/tsc", *strictly, "--module", "nodenext", "game.ts")
    env, port = environment(), free_port()
    with serving(env, port):
        run(folder, "node", "game.js", f"http://127.0.0.1:{port}", key, str(tmp_path / "events"))
    assert list((tmp_path / "events").iterdir()) == []
