from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_network

import pytest
from pytest_django import Settings

from gamification.webhooks import sending
from tests.support.webhook_receiver import Receiver, receiving


@pytest.fixture(autouse=True)
def this_machine_is_allowed(settings: Settings) -> Iterator[None]:
    settings.WEBHOOK_ALLOW_SUBNETS = [ip_network("127.0.0.0/8")]
    yield
    sending.stop()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver
