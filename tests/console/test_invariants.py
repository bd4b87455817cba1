"""`check_invariants` finds nothing in what was played, and finds each thing that was tampered with."""

from __future__ import annotations

from collections.abc import Callable
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db.models import F

from achievements.models import Standing
from gamification.feed.models import Message
from gamification.kernel.models import PublicationHead
from progress.models import Player
from quests.models import Quest
from rewards.models import Distribution, Transfer, Wallet
from tests.support import game

pytestmark = pytest.mark.django_db(transaction=True)


def examine() -> tuple[str, str]:
    """What it wrote, and what it ended with."""
    out = StringIO()
    try:
        call_command("check_invariants", stdout=out)
    except CommandError as error:
        return out.getvalue(), str(error)
    return out.getvalue(), ""


def wrong(said: str) -> list[str]:
    return [line.split()[0] for line in said.splitlines() if line.endswith("WRONG")]


def test_what_was_played_adds_up() -> None:
    game.make()
    said, ended = examine()
    assert wrong(said) == []
    assert (said.splitlines()[-1], ended) == ("All of it adds up.", "")


@pytest.mark.parametrize(
    ("tamper", "found"),
    [
        (lambda: Wallet.objects.update(balance=F("balance") + 1), ["ledger"]),
        (lambda: Wallet.objects.update(debt=F("debt") + 1), ["ledger"]),
        (lambda: Wallet.objects.all().delete(), ["ledger"]),
        (lambda: Transfer.objects.filter(player_id="ann").delete(), ["ledger"]),
        (lambda: Distribution.objects.update(status="CLAIMED", claimed_at=None), ["claims"]),
        (lambda: Player.objects.update(achievements_completed=F("achievements_completed") + 1), ["counts"]),
        (lambda: Player.objects.update(earned=b""), ["marks"]),
        (lambda: Standing.objects.filter(completed_at__isnull=False).delete(), ["counts", "marks"]),
        (lambda: Message.objects.filter(seq=2).delete(), ["feeds"]),
        (lambda: Player.objects.update(last_seq=F("last_seq") + 1), ["feeds"]),
        (lambda: Player.objects.filter(pk="bob").delete(), ["feeds", "players"]),
        (lambda: PublicationHead.objects.update(number=1), ["publications"]),
        (lambda: Quest.objects.update(published=99), ["publications"]),
    ],
)
def test_what_was_tampered_with_is_found(tamper: Callable[[], object], found: list[str]) -> None:
    game.make()
    tamper()
    said, ended = examine()
    assert wrong(said) == found
    assert ended == f"{len(found)} of what must hold does not."


def test_of_many_things_that_are_wrong_ten_are_named() -> None:
    game.make()
    Player.objects.bulk_create(Player(player_id=f"p{number}", achievements_completed=1) for number in range(20))
    said, _ = examine()
    assert said.count("counts 1 achievements") <= 10
    assert "  and more" in said
