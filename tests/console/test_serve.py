"""`manage.py serve` as a process of its own, on a database of its own."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from gamification.kernel.core.encoding import instant
from tests.support.service import free_port, key_in, manage, serving, without_servers


@dataclass(frozen=True)
class Service:
    url: str
    second_url: str
    key: str
    env: dict[str, str]


@pytest.fixture(scope="module")
def env(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A machine without any server, with a database that holds the tables and nothing else."""
    return without_servers(tmp_path_factory.mktemp("serve") / "sample.sqlite3") | {"COLUMNS": "120"}


@pytest.fixture(scope="module")
def service(env: dict[str, str]) -> Iterator[Service]:
    """The sample game, served at two ports."""
    said = manage("setup_sample", env=env)
    port, second = free_port(), free_port()
    with serving({**env, "WS_PORT": str(second)}, port):
        yield Service(f"http://127.0.0.1:{port}", f"http://127.0.0.1:{second}", key_in(said), env)


def test_a_first_event_sent_to_a_fresh_service_unlocks_an_achievement(service: Service) -> None:
    event = {
        "id": "hello-1",
        "player_id": "you",
        "type": "session.started",
        "data": {"platform": "desktop"},
        "timestamp": instant(datetime.now(UTC)),
    }
    with httpx.Client(base_url=f"{service.url}/api/v1", headers={"Authorization": f"Api-Key {service.key}"}) as http:
        answer = http.post("/events", json=event).json()
        assert answer["accepted"] == 1
        facts = answer["results"]["you"]["facts"]
        assert [fact["data"]["id"] for fact in facts if fact["type"] == "achievement.completed"] == ["first-steps"]
        shown = http.get("/players/you/achievements", params={"state": "COMPLETED"}).json()["results"]
        assert [row["achievement_id"] for row in shown] == ["first-steps"]
        assert http.post("/events", json=event).json()["duplicates"] == 1
        assert [row["balance"] for row in http.get("/players/you/wallet").json()["results"]] == [25]


def test_another_ws_port_leads_to_the_same_process(service: Service) -> None:
    assert httpx.get(f"{service.second_url}/healthz").json() == httpx.get(f"{service.url}/healthz").json()


def test_at_a_ws_port_of_its_own_is_the_feed_and_nothing_else(service: Service) -> None:
    assert httpx.get(f"{service.url}/api/schema/").status_code == 200
    for path in ("/api/schema/", "/admin/", "/api/v1/players/you", "/metrics"):
        assert httpx.get(f"{service.second_url}{path}").status_code == 404
    there, here = (url.replace("http", "ws") + "/game-events" for url in (service.second_url, service.url))
    with connect(there) as socket, pytest.raises(ConnectionClosed) as closed:
        socket.recv(timeout=5)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4401  # it was let in to be told that
    with pytest.raises(InvalidStatus):
        connect(here)


def test_simulated_players_unlock_and_claim(service: Service) -> None:
    players = ("simulate", "--players", "4", "--rate", "120", "--seconds", "5", "--seed", "7")
    said = manage(*players, "--url", service.url, env=service.env)
    figures = dict(re.findall(r"│ ([a-z ·]+?) +│ ([\d,]+)", said))
    assert int(figures["events sent"]) > 100
    assert figures["accepted"] == figures["events sent"]
    assert figures["duplicates"] == figures["rejected · held"] == "0"
    assert int(figures["achievements unlocked"]) >= 12


def test_a_wrong_key_ends_the_simulation_with_one_line(service: Service) -> None:
    with pytest.raises(subprocess.CalledProcessError) as failed:
        manage("simulate", "--seconds", "2", "--key", "no.key", "--url", service.url, env=service.env)
    assert failed.value.stderr.startswith("CommandError: 401 ")


def test_asked_to_end_it_ends_at_once_and_well(env: dict[str, str]) -> None:
    with serving(env, free_port()) as process:
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 0
        assert process.stdout is not None
        output = process.stdout.read()
        assert output.startswith("Serving at")
        assert "Traceback" not in output


def test_a_port_in_use_is_one_clear_line(env: dict[str, str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(subprocess.CalledProcessError) as failed:
            manage("serve", "--host", "127.0.0.1", "--port", str(port), env=env)
    assert failed.value.stderr.splitlines()[-1] == (
        f"CommandError: cannot listen at 127.0.0.1:{port}: Address already in use"
    )


def test_on_sqlite_more_than_one_process_is_refused_with_one_line(env: dict[str, str]) -> None:
    with pytest.raises(subprocess.CalledProcessError) as failed:
        manage("serve", "--processes", "2", "--port", str(free_port()), env=env)
    assert failed.value.stderr.startswith("CommandError: --processes: more than 1 needs PostgreSQL")
    assert len(failed.value.stderr.splitlines()) == 1


def test_without_a_broker_it_records_the_time_zone_it_is_started_with(tmp_path: Path) -> None:
    env = {**without_servers(tmp_path / "zone.sqlite3"), "TIME_ZONE": "Europe/Berlin"}
    with pytest.raises(subprocess.CalledProcessError) as other:
        manage("doctor", env=env)
    assert "TIME_ZONE is Europe/Berlin here, but UTC is recorded" in other.value.stdout
    with serving(env, free_port()):
        assert re.search(r"zone +ok +Europe/Berlin", manage("doctor", env=env))
