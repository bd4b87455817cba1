"""What a batch goes by is read after its players are locked."""

from __future__ import annotations

import pytest
from django.db import transaction

from gamification.committing import open_world
from progress.players import Players
from tests.support.content import NOON, metric, publish

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("seen", [[], ["ann"]])
def test_what_is_published_while_a_new_player_is_locked_is_gone_by(
    seen: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A backfill may have gone before that very lock, and have counted a player's past by the newer rules."""
    with transaction.atomic():
        open_world(seen, now=NOON)
    lock = Players.lock

    def locked_late(players: Players) -> None:
        publish(metric("kills"))
        lock(players)

    monkeypatch.setattr(Players, "lock", locked_late)
    with transaction.atomic():
        world = open_world(["ann", "bob"], now=NOON)
    assert "kills" in world.rules.published["metric"]
