"""The receiver of webhooks in Node that the docs show verifies what comes, deals with it once, and refuses the rest."""

from __future__ import annotations

import os
import subprocess
from ipaddress import ip_network
from pathlib import Path

import httpx
import pytest
from django.conf import settings
from pytest_django import Settings

from gamification.webhooks.models import Delivery, Endpoint
from tests.support.node import assert_names_no_registry, installed
from tests.support.service import free_port
from tests.support.waiting import until
from tests.support.webhooks import endpoint, follow, send, state

EXAMPLE = Path(settings.BASE_DIR) / "docs" / "webhook-receiver"


def test_the_lock_names_no_registry() -> None:
    assert_names_no_registry(EXAMPLE / "package-lock.json")


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return installed(EXAMPLE, tmp_path_factory.mktemp("receiver"))


@pytest.fixture
def hook(settings: Settings) -> Endpoint:
    settings.WEBHOOK_ALLOW_SUBNETS = [ip_network("127.0.0.0/8")]
    return endpoint(f"http://127.0.0.1:{free_port()}/hook")


@pytest.mark.node
@pytest.mark.django_db(transaction=True)
def test_a_fact_is_dealt_with_once_and_a_forged_one_refused(node: Path, hook: Endpoint) -> None:
    port = hook.url.split(":")[2].split("/")[0]
    env = {**os.environ, "WEBHOOK_SECRET": hook.secrets[0]["secret"], "PORT": port}
    with subprocess.Popen(["node", "receiver.mjs"], cwd=node, env=env, stdout=subprocess.PIPE, text=True) as receiver:
        try:
            assert receiver.stdout is not None
            assert receiver.stdout.readline() == f"listening on {port}\n"
            state("ann", id="hunter", title="Höhle ⛰")
            follow()
            assert send(hook) == 1
            assert receiver.stdout.readline() == 'achievement.completed ann {"id":"hunter","title":"Höhle ⛰"}\n'
            Delivery.objects.update(state="PENDING")
            assert send(hook) == 1
            until(lambda: [row.state for row in Delivery.objects.all()] == ["DELIVERED"])
            state("bob", id="second")
            follow()
            send(hook)
            assert receiver.stdout.readline().startswith("achievement.completed bob")  # and nothing in between
            row = Delivery.objects.first()
            assert row is not None
            forged = {"webhook-id": row.fact_id, "webhook-timestamp": "1", "webhook-signature": "v1,AAAA"}
            assert httpx.post(hook.url, content=row.body, headers=forged).status_code == 400
        finally:
            receiver.kill()
