"""What tests of cases stand on."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import time_machine

from tests.support.rewarding import NOON


@pytest.fixture
def now() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(NOON, tick=False) as clock:
        yield clock
