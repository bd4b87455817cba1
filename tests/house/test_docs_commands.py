"""What README.md and the guides have a reader type is run as it stands there, against the sample game."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from django.conf import settings

from tests.support.service import free_port, key_in, manage, serving, without_servers

DOCS = settings.BASE_DIR / "docs"
pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")


@dataclass
class Reader:
    """Types what stands there; only the key is theirs, and the port and the Python are this test's."""

    env: dict[str, str]
    port: int

    def types(self, *commands: str) -> str:
        text = re.sub(r"^export KEY=\.\.\..*$", "", "\n".join(commands), flags=re.MULTILINE)
        text = text.replace("127.0.0.1:3000", f"127.0.0.1:{self.port}").replace(".venv/bin/python", sys.executable)
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", text],
            cwd=settings.BASE_DIR,
            env=self.env,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


def blocks(page: str, language: str) -> list[str]:
    """What stands between fences of that language."""
    text = (settings.BASE_DIR / page).read_text()
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def one(page: str, language: str, word: str) -> str:
    [found] = [block for block in blocks(page, language) if word in block]
    return found


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    env, port = without_servers(tmp_path_factory.mktemp("reader") / "game.sqlite3"), free_port()
    key = key_in(manage("setup_sample", env=env))
    with serving(env, port):
        yield Reader({**env, "KEY": key}, port)


def test_the_first_event_of_the_readme_unlocks_something_once(reader: Reader) -> None:
    send, look = one("README.md", "sh", "hello-1"), one("README.md", "sh", "/wallet")
    again = send.partition("NOW=")[2].partition("\n")[2]
    told = reader.types(send, "echo ---", again, "echo ---", look)
    first, second, has = told.split("---\n")
    facts = [(fact["type"], fact["data"].get("value")) for fact in json.loads(first)["results"]["you"]["facts"]]
    assert facts[0][0] == "achievement.completed"
    assert [value for type_, value in facts if type_ == "reward.claimed"] == [25, 60]
    assert json.loads(second)["duplicates"] == 1
    assert '"xp":60' in has
    assert "Down the Salt Stairs" in has
    assert '"balance":25' in has


def test_simulate_plays_as_the_readme_says(reader: Reader) -> None:
    command = one("README.md", "sh", "simulate").replace("--seconds 60", "--seconds 2")
    assert "achievements unlocked" in reader.types(f"{command.strip()} --url http://127.0.0.1:3000")


def test_the_packs_of_the_designers_page_can_be_loaded(reader: Reader, tmp_path: Path) -> None:
    files = [tmp_path / f"{number}.yaml" for number, _ in enumerate(blocks("docs/designers.md", "yaml"))]
    for file, text in zip(files, blocks("docs/designers.md", "yaml"), strict=True):
        file.write_text(text)
    reader.types(f".venv/bin/python manage.py load_content {' '.join(map(str, files))}")
    commands = one("docs/designers.md", "sh", "dump_content").splitlines()
    [dump] = [line for line in commands if "dump_content" in line]
    [tried] = [line for line in commands if "--dry-run" in line]
    told = reader.types(
        f"cd {tmp_path}", *(line.replace("manage.py", f"{settings.BASE_DIR}/manage.py") for line in (dump, tried))
    )
    assert "0 would be created, 0 would be updated" in told


def test_the_quest_of_the_designers_page_is_played_to_its_end(reader: Reader, tmp_path: Path) -> None:
    (tmp_path / "quest.yaml").write_text(one("docs/designers.md", "yaml", "night-watch"))
    reader.types(f".venv/bin/python manage.py load_content {tmp_path / 'quest.yaml'}")
    started, *_, ended, refused = reader.types(one("docs/designers.md", "sh", "night-watch")).splitlines()
    assert json.loads(started)["active_steps"] == ["light", "chat"]
    assert json.loads(ended)["status"] == "COMPLETED"
    assert json.loads(refused)["code"] == "already_completed"


# -- guides ------------------------------------------------------------------------------------------------------------


def test_a_reader_of_the_guides_is_told_what_to_put_into_the_environment() -> None:
    for name in ("KEY", "SERVICE"):
        assert f"export {name}=" in one("docs/guides.md", "sh", "export KEY")
        assert name in one("docs/guides.md", "js", "GameServer")


def in_a_folder_of_their_own(command: str, name: str, folder: Path) -> str:
    return f"export SERVICE=http://127.0.0.1:3000\n{command}".replace(f"../{name}", str(folder / name))


@pytest.mark.parametrize(("language", "file"), [("js", "game.mjs"), ("python", "game.py")])
def test_a_guide_shows_the_file_that_it_copies(language: str, file: str) -> None:
    assert blocks("docs/guides.md", language) == [(settings.BASE_DIR / "docs" / "guides" / file).read_text()]


@pytest.mark.node
@pytest.mark.skipif(shutil.which("npm") is None, reason="needs Node and npm: apt-get install nodejs npm")
def test_the_guide_for_node_ends_with_an_unlock(reader: Reader, tmp_path: Path) -> None:
    command = one("docs/guides.md", "sh", "node game.mjs")
    told = reader.types(in_a_folder_of_their_own(command, "my-node-game", tmp_path))
    assert "Down the Salt Stairs: 5 points\n3: salt-pinch\n" in told


def test_the_guide_for_python_ends_with_an_unlock(reader: Reader, tmp_path: Path) -> None:
    """With the sources in place of what pip would install: what httpx needs may not be there to fetch."""
    command = one("docs/guides.md", "sh", "game.py").replace("python3 -m venv .venv && ", "")
    command = re.sub(r"\.venv/bin/pip install .*(\"\$OLDPWD.*\")", r"export PYTHONPATH=\1", command)
    told = reader.types(in_a_folder_of_their_own(command, "my-python-game", tmp_path))
    assert told.startswith("Down the Salt Stairs: 5 points\n1: achievement.completed\n")


@pytest.mark.java
def test_the_guide_for_java_compiles_and_is_answered(reader: Reader, tmp_path: Path) -> None:
    [listing] = blocks("docs/guides.md", "java")
    (tmp_path / "Game.java").write_text(listing)
    compiled = f"cd {tmp_path}\nexport SERVICE=http://127.0.0.1:3000\njavac -Xlint:all -Werror Game.java\njava Game"
    [player] = json.loads(reader.types(compiled))["results"].values()
    assert player["facts"][0]["type"] == "achievement.completed"


def test_a_player_for_testing_is_marked_as_the_page_says(reader: Reader) -> None:
    assert json.loads(reader.types(one("docs/versioning.md", "sh", "is_test")))["player_id"] == "tester-1"


def test_an_endpoint_of_a_webhook_is_made_as_the_page_says(reader: Reader) -> None:
    made = json.loads(reader.types(one("docs/webhooks.md", "sh", "/webhooks")))
    assert made["secret"].startswith("whsec_"), made


def test_a_game_is_dumped_as_the_page_says_and_loaded_from_there(reader: Reader, tmp_path: Path) -> None:
    [dump] = [block for block in blocks("docs/production.md", "sh") if "dump_content" in block]
    reader.types(dump.replace("my-game.yaml", str(tmp_path / "my-game.yaml")))
    told = reader.types(f".venv/bin/python manage.py load_content --dry-run /dev/stdin < {tmp_path / 'my-game.yaml'}")
    assert "0 would be created, 0 would be updated" in told


# -- what is not run ---------------------------------------------------------------------------------------------------

RUN = {
    "README.md": ("hello-1", "/wallet", "simulate"),
    "docs/designers.md": ("dump_content", "night-watch"),
    "docs/guides.md": ("export KEY", "node game.mjs", "game.py"),
    "docs/production.md": ("dump_content",),
    "docs/versioning.md": ("is_test",),
    "docs/webhooks.md": ("/webhooks",),
}
"""Page → a word of each of its listings that a test above types."""
NOT_RUN = {
    "README.md": {
        "make run": "would install everything anew",
        "docker compose": "there is no Docker where the tests run",
    },
    "docs/analytics.md": {
        "rebuild_analytics": "what it calls is tested in tests/analytics, the command itself when analytics is off",
        "november.jsonl": "tests/analytics/test_exporting.py calls the command",
        "retention_triangle": "tests/analytics/test_triangle.py runs the script",
    },
    "docs/anti-cheat.md": {
        "evaluate_anticheat": "tests/anticheat/test_evaluating.py calls the command; its files are the reader's own"
    },
    "docs/game-servers.md": {
        "create_api_key": "tests/console/test_keys.py calls the command",
        "rabbitmqctl": "changes the broker's users for all",
        "game-server.mjs": "tests/clients/test_game_server.py runs it with a broker",
    },
    "docs/operators.md": {"remove_second_factor": "tests/console/test_second_factor.py calls the command"},
    "docs/production.md": {
        "make run": "would install everything anew",
        "docker compose": "there is no Docker where the tests run",
    },
}
"""Page → a word of each of its other listings → why nobody types it."""


def test_every_listing_of_a_shell_is_run_or_named_with_the_reason() -> None:
    for page in ("README.md", *sorted(str(file.relative_to(settings.BASE_DIR)) for file in DOCS.glob("*.md"))):
        words = [*RUN.get(page, ()), *NOT_RUN.get(page, ())]
        listings = blocks(page, "sh")
        assert len(listings) == len(words), page
        for listing in listings:
            assert any(word in listing for word in words), f"{page}: {listing}"
