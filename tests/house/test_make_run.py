"""What a fresh machine is left with by `make run`."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from django.conf import LazySettings
from django.core.management import call_command

from gamification.console.management.commands import serve


@pytest.fixture
def house(tmp_path: Path, settings: LazySettings) -> Path:
    settings.BASE_DIR, settings.SECRET_KEY = tmp_path, settings.INSECURE_SECRET_KEY
    return tmp_path


def made(house: Path) -> str:
    call_command("make_secret_key")
    lines = (house / ".env").read_text().splitlines()
    [key] = [line.removeprefix("SECRET_KEY=") for line in lines if line.startswith("SECRET_KEY=")]
    assert len(key) >= 50
    assert oct((house / ".env").stat().st_mode)[-3:] == "600"
    assert [file.name for file in house.iterdir()] == [".env"]
    return key


def test_a_random_secret_key_is_made_that_nobody_else_can_read(house: Path) -> None:
    first = made(house)
    (house / ".env").unlink()
    assert made(house) != first


def test_what_stands_in_the_env_file_stays(house: Path) -> None:
    (house / ".env").write_text("PORT=4000\nSECRET_KEY=\nTIME_ZONE=Europe/Madrid")
    (house / ".env").chmod(0o644)
    made(house)
    assert (house / ".env").read_text().splitlines()[:2] == ["PORT=4000", "TIME_ZONE=Europe/Madrid"]


def test_a_secret_key_that_is_set_stays(house: Path, settings: LazySettings) -> None:
    settings.SECRET_KEY = "of their own"
    call_command("make_secret_key")
    assert list(house.iterdir()) == []


def test_every_step_of_it_leaves_files_to_their_owner_alone(settings: LazySettings) -> None:
    told = subprocess.run(["make", "-n", "run"], cwd=settings.BASE_DIR, capture_output=True, text=True, check=True)
    steps = told.stdout.replace("\\\n", "").splitlines()
    [run] = [step for step in steps if "manage.py" in step]
    assert run.startswith("umask 077;")
    assert re.findall(r"manage\.py (\w+)", run) == ["make_secret_key", "migrate", "setup_sample", "serve"]


def test_it_is_reached_from_this_machine_alone_unless_told_otherwise(settings: LazySettings) -> None:
    def host(*arguments: str) -> object:
        return serve.Command().create_parser("manage.py", "serve").parse_args(arguments).host

    assert host() == "127.0.0.1"
    assert host("--host", "0.0.0.0") == "0.0.0.0"
    settings.PRODUCTION = True
    assert host() == "0.0.0.0"


def test_what_counts_as_this_machine() -> None:
    assert [host for host in ("127.0.0.1", "127.1.2.3", "::1", "localhost") if not serve.is_this_machine(host)] == []
    assert [host for host in ("0.0.0.0", "::", "192.168.0.7", "game.local") if serve.is_this_machine(host)] == []
