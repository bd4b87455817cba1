"""A game server in another language: the example in Node reports events and hears what they came to."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest
from django.conf import settings

from gamification.kernel.messaging import topology
from gamification.kernel.models import Event
from tests.support import rabbit, workers
from tests.support.content import achievement, metric, publish, requirement, reward
from tests.support.node import assert_names_no_registry, installed

EXAMPLE = Path(settings.BASE_DIR) / "docs" / "game-server"


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return installed(EXAMPLE, tmp_path_factory.mktemp("node"))


def play(node: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["node", "game-server.mjs", *arguments],
        cwd=node,
        env={**os.environ, "RABBITMQ_URL": rabbit.BROKER, "RABBITMQ_EXCHANGE": settings.RABBITMQ_EXCHANGE},
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_the_lock_names_no_registry() -> None:
    assert_names_no_registry(EXAMPLE / "package-lock.json")


@pytest.mark.node
@pytest.mark.rabbitmq
@pytest.mark.django_db(transaction=True)
def test_a_game_server_in_node_hears_what_its_events_came_to(exchange: str, node: Path, tmp_path: Path) -> None:
    publish(
        metric("arrows", conditions=[{"field": "weapon", "op": "eq", "value": "bow"}]),
        reward("coin"),
        achievement("archer", requirement("COUNT", "arrows", 250), rewards=["coin"]),
    )
    log = tmp_path / "worker.log"
    kills = ("--player", "ada", "--type", "enemy.killed", "--data", '{"weapon": "bow"}', "--count", "250")
    with workers.running(log) as worker, rabbit.channel() as channel:
        topology.declare(channel)  # as a service does that has run before
        done = play(node, *kills, "--until", "reward.claimed")
        assert done.returncode == 0, done.stderr + log.read_text()
        facts = [json.loads(line) for line in done.stdout.splitlines()]
        assert {fact["subject"] for fact in facts} == {"ada"}
        types = [fact["type"] for fact in facts]
        assert types.index("achievement.completed") < types.index("reward.claimed")
        completed = facts[types.index("achievement.completed")]
        assert (completed["specversion"], completed["data"]["id"]) == ("1.0", "archer")
        assert Event.objects.filter(type="enemy.killed").count() == 250
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(timeout=30) == 0


@pytest.mark.node
@pytest.mark.rabbitmq
@pytest.mark.usefixtures("exchange")
def test_a_game_server_in_node_is_told_when_nobody_takes_its_events(node: Path) -> None:
    done = play(node, "--count", "1")
    assert done.returncode == 1
    assert "does the service run with this broker?" in done.stderr
