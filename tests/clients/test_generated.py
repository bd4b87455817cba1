"""Clients that others' generators make of the OpenAPI schema compile, and read what a running service answers."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import call_command
from django.utils import timezone
from pytest_django.live_server_helper import LiveServer

from gamification.kernel.web.access import SCOPES, create_key
from gamification.kernel.web.tokens import issue_token
from tests.support import game

TYPESCRIPT = Path(__file__).parent / "typescript"

IN_PYTHON = """
import importlib, pkgutil, sys
from datetime import UTC, datetime

import game_client
from game_client import models
from game_client.api.events import events_create
from game_client.api.players import players_achievements_list, players_quests_list, players_wallet_spend
from game_client.client import AuthenticatedClient

for module in pkgutil.walk_packages(game_client.__path__, "game_client."):
    importlib.import_module(module.name)

url, key, token = sys.argv[1:]
server = AuthenticatedClient(url, key, prefix="Api-Key", raise_on_unexpected_status=True)
player = AuthenticatedClient(url, token, raise_on_unexpected_status=True)

data = models.GameEventData.from_dict({"weapon": "bow", "damage": 3})
event = models.GameEvent("generated", "ann", "enemy.killed", data, datetime.now(UTC))
sent = events_create.sync(client=server, body=models.EventBatch([event]), prefer="wait")
assert sent.accepted == 1 and sent.results["ann"].metrics["kills"].count == 4, sent

rows = players_achievements_list.sync("me", client=player, page_size=200).results
secret = [row for row in rows if isinstance(row, models.SecretAchievement)]
assert [(row.id, row.points) for row in secret] == [("s-1", 0)]
assert "Hunter" in [row.title for row in rows if not isinstance(row, models.SecretAchievement)]

[trail] = [quest for quest in players_quests_list.sync("me", client=player).results if quest.id == "trail"]
assert trail.steps[0].requirements[0].threshold == 5

body = models.SpendWishRequest(amount=1)
assert players_wallet_spend.sync("ann", "gold", client=server, body=body, idempotency_key="py").transfer.amount == 1
"""


@pytest.fixture
def callers(live_server: LiveServer, transactional_db: None) -> list[str]:
    """The address of a service with a game in it, a game server's key, and the token of a player."""
    game.make()
    _, key = create_key("generated", SCOPES)
    token, _ = issue_token("ann", timezone.now())
    return [live_server.url, key, token]


def run(folder: Path, *command: str) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"[-4000:]


def write_schema(folder: Path) -> None:
    call_command("spectacular", "--format", "openapi-json", "--file", str(folder / "schema.json"))


def test_a_client_in_python_reads_a_players_lists(callers: list[str], tmp_path: Path) -> None:
    write_schema(tmp_path)
    (tmp_path / "config.yaml").write_text("post_hooks: []\n")
    run(
        tmp_path, sys.executable, "-m", "openapi_python_client", "generate", "--path", "schema.json", "--meta", "none",
        "--output-path", "game_client", "--config", "config.yaml", "--fail-on-warning",
    )  # fmt: skip
    (tmp_path / "play.py").write_text(IN_PYTHON)
    run(tmp_path, sys.executable, "play.py", *callers)


@pytest.fixture(scope="module")
def typescript(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The game in a folder of its own, with what it needs."""
    if not (shutil.which("node") and shutil.which("npm")):
        pytest.skip("needs Node and npm: apt-get install nodejs npm")
    folder = tmp_path_factory.mktemp("typescript")
    for file in TYPESCRIPT.glob("*.*"):
        shutil.copy(file, folder)
    command = ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)
    if done.returncode:
        pytest.skip(f"npm cannot fetch openapi-typescript: {done.stderr.strip().splitlines()[-1:]}")
    return folder


@pytest.mark.node
def test_a_client_in_typescript_compiles_strictly_and_reads_a_players_lists(
    callers: list[str], typescript: Path
) -> None:
    write_schema(typescript)
    run(typescript, "npx", "openapi-typescript", "schema.json", "--output", "schema.d.ts")
    run(typescript, "npx", "tsc")
    run(typescript, "node", "game.js", *callers)


@pytest.mark.node
def test_another_generators_client_pages_spends_and_is_refused_in_types(callers: list[str], typescript: Path) -> None:
    write_schema(typescript)
    run(typescript, "npx", "openapi-ts")
    run(typescript, "npx", "tsc", "--project", "tsconfig.other.json")
    run(typescript, "node", "other.js", *callers)


def test_the_lock_names_no_registry() -> None:
    packages = json.loads((TYPESCRIPT / "package-lock.json").read_text())["packages"]
    assert not [name for name, package in packages.items() if name and "resolved" in package]
