"""The client in Python: a wheel with types, made of the schema and of one source, used by a game."""

from __future__ import annotations

import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from django.conf import settings

from clients import generate
from gamification.kernel.web.access import SCOPES, create_key
from tests.support import game
from tests.support.nodes import environment
from tests.support.packages import PYTHON, run
from tests.support.service import free_port, serving

pytestmark = pytest.mark.once

GAMES = Path(__file__).parent / "games"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what the wheel has in it."""
    pytest.importorskip("hatchling")
    folder = tmp_path_factory.mktemp("wheel")
    wheel = ("wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", str(folder))
    run(folder, sys.executable, "-m", "pip", *wheel, str(PYTHON))
    [file] = folder.glob("*.whl")
    with zipfile.ZipFile(file) as packed:
        packed.extractall(folder / "site")
    return folder / "site"


def test_its_version_is_that_of_the_service() -> None:
    assert tomllib.loads((PYTHON / "pyproject.toml").read_text())["project"]["version"] == settings.VERSION
    assert f'__version__ = "{settings.VERSION}"' in (PYTHON / "gamification_client" / "__init__.py").read_text()


def test_what_is_made_of_the_schema_and_of_the_asyncio_client_is_so() -> None:
    """After a change of either: `make clients`."""
    assert [str(path) for path, text in generate.made() if path.read_text() != text] == []


@pytest.mark.django_db(transaction=True)
def test_a_game_in_python_plays_blocking_and_with_asyncio(installed: Path, tmp_path: Path) -> None:
    assert (installed / "gamification_client" / "py.typed").exists()
    game.make()
    _, key = create_key("a game", SCOPES)
    env, port = environment(), free_port()
    with serving(env, port):
        play = (
            sys.executable,
            "-W",
            "error",
            str(GAMES / "game.py"),
            f"http://127.0.0.1:{port}",
            key,
            "events.sqlite3",
        )
        run(tmp_path, *play, env={**env, "PYTHONPATH": str(installed)})


def test_calls_end_whatever_the_service_asks_for_and_what_is_kept_is_sent(installed: Path, tmp_path: Path) -> None:
    command = (sys.executable, "-W", "error", str(GAMES / "waits.py"))
    run(tmp_path, *command, env={**environment(), "PYTHONPATH": str(installed)})


def test_what_is_kept_is_sent_though_the_games_own_functions_and_its_file_fail(installed: Path, tmp_path: Path) -> None:
    command = (sys.executable, "-W", "error", str(GAMES / "troubled.py"), str(tmp_path))
    run(tmp_path, *command, env={**environment(), "PYTHONPATH": str(installed)})
