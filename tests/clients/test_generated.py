"""Clients that others' generators make of the OpenAPI schema compile, and read what a running service answers."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import openapi_generator_cli
import pytest
from django.core.management import call_command
from django.utils import timezone
from pytest_django.live_server_helper import LiveServer

from gamification.kernel.web.access import SCOPES, create_key
from gamification.kernel.web.tokens import issue_token
from tests.support import game

pytestmark = pytest.mark.once

TYPESCRIPT = Path(__file__).parent / "typescript"

GAMES = Path(__file__).parent / "generated"

# What the classes that openapi-generator makes for Java name and do not need: jakarta.annotation-api is not asked for.
ANNOTATIONS = {
    "Generated": '{ String[] value(); String date() default ""; String comments() default ""; }',
    "Nonnull": "{}",
    "Nullable": "{}",
}


@pytest.fixture
def callers(live_server: LiveServer, transactional_db: None) -> list[str]:
    """The address of a service with a game in it, a game server's key, and the token of a player."""
    game.make()
    _, key = create_key("generated", SCOPES)
    token, _ = issue_token("ann", timezone.now())
    return [live_server.url, key, token]


def run(folder: Path, *command: str) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"[-4000:]


def write_schema(folder: Path) -> None:
    call_command("spectacular", "--format", "openapi-json", "--file", str(folder / "schema.json"))


def play(folder: Path, name: str, callers: list[str]) -> None:
    """The game, judged by mypy as strictly as it can against the client, and played."""
    shutil.copy(GAMES / name, folder)
    strictly = ("--strict", "--follow-imports=silent", "--config-file=", "--cache-dir", str(folder / ".mypy_cache"))
    run(folder, sys.executable, "-m", "mypy", *strictly, name)
    run(folder, sys.executable, "-W", "error", name, *callers)


def test_a_client_in_python_pages_claims_spends_and_is_refused_in_types(callers: list[str], tmp_path: Path) -> None:
    write_schema(tmp_path)
    (tmp_path / "config.yaml").write_text("post_hooks: []\n")
    run(
        tmp_path, sys.executable, "-m", "openapi_python_client", "generate", "--path", "schema.json", "--meta", "none",
        "--output-path", "first_client", "--config", "config.yaml", "--fail-on-warning",
    )  # fmt: skip
    play(tmp_path, "first.py", callers)


def openapi_generator(folder: Path, language: str, *options: str) -> Path:
    """What it makes of the schema. Answers its own program, which holds the libraries that its Java needs."""
    program = Path(openapi_generator_cli.__file__).with_name("openapi-generator.jar")
    write_schema(folder)
    only = "apis,models,supportingFiles,apiTests=false,modelTests=false,apiDocs=false,modelDocs=false"
    run(
        folder, "java", "-jar", str(program), "generate", "--input-spec", "schema.json", "--generator-name", language,
        "--global-property", only, *options,
    )  # fmt: skip
    return program


@pytest.mark.java
def test_another_generators_client_in_python_does_so_too(callers: list[str], tmp_path: Path) -> None:
    openapi_generator(tmp_path, "python", "--output", ".", "--additional-properties=packageName=other_client")
    play(tmp_path, "other.py", callers)


@pytest.mark.java
def test_a_client_in_java_compiles_whole_and_does_so_too(callers: list[str], tmp_path: Path) -> None:
    packages = "invokerPackage=game,apiPackage=game.api,modelPackage=game.model"
    made = f"--additional-properties=openApiNullable=false,useJakartaEe=true,{packages}"
    program = openapi_generator(tmp_path, "java", "--library", "native", "--output", "client", made)
    annotations = tmp_path / "jakarta" / "annotation"
    annotations.mkdir(parents=True)
    for name, body in ANNOTATIONS.items():
        (annotations / f"{name}.java").write_text(f"package jakarta.annotation; public @interface {name} {body}")
    sources = [str(file) for file in (*annotations.iterdir(), *(tmp_path / "client/src/main/java").rglob("*.java"))]
    (tmp_path / "sources").write_text("\n".join(sources))
    run(tmp_path, "javac", "-proc:none", "-nowarn", "-d", "classes", "-cp", str(program), "@sources")
    known = f"classes:{program}"
    game_ = str(GAMES / "Generated.java")
    run(tmp_path, "javac", "-proc:none", "-Xlint:all", "-Werror", "-d", "classes", "-cp", known, game_)
    run(tmp_path, "java", "-cp", known, "Generated", *callers)


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
def test_a_client_in_typescript_compiles_strictly_and_reads_and_claims(callers: list[str], typescript: Path) -> None:
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
