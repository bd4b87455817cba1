"""Our own clients, as somebody has them who installed them."""

from __future__ import annotations

import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest
from django.conf import settings

CLIENTS: Path = settings.BASE_DIR / "clients"
TYPESCRIPT = CLIENTS / "typescript"
PYTHON = CLIENTS / "python"


def with_node(folder: Path) -> Path:
    """A copy of the package for Node and browsers, with what it is made with; skipped without Node or its registry."""
    if not (shutil.which("node") and shutil.which("npm")):
        pytest.skip("needs Node and npm: apt-get install nodejs npm")
    shutil.copytree(TYPESCRIPT, folder / "typescript", ignore=shutil.ignore_patterns("node_modules"))
    shutil.copy(CLIENTS / "schema.json", folder)
    package = folder / "typescript"
    command = ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"]
    done = subprocess.run(command, cwd=package, capture_output=True, text=True, timeout=120)
    if done.returncode:
        pytest.skip(f"npm cannot fetch what the client is made with: {done.stderr.strip().splitlines()[-1:]}")
    return package


def installed_in(package: Path, game: Path) -> Path:
    """A folder of a game that has the package as npm packs it, and beside it what it was made with."""
    modules = game / "node_modules"
    modules.mkdir(parents=True)
    for name in ("ws", "@types", "undici-types", "typescript", ".bin"):
        (modules / name).symlink_to(package / "node_modules" / name)
    packed = run(package, "npm", "pack", "--silent", "--pack-destination", str(game)).strip()
    with tarfile.open(game / packed) as files:
        files.extractall(game, filter="data")
    (game / "package").rename(modules / "gamification-client")
    (game / "package.json").write_text('{"type": "module"}')
    return game


def run(folder: Path, *command: str, env: dict[str, str] | None = None) -> str:
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"[-4000:]
    return done.stdout
