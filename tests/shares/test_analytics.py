"""The figures are of the players of all shares, whoever is killed while counting them."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta

import pytest
from django.utils import timezone

from gamification import pipeline
from gamification.analytics import following, queries, rebuilding
from gamification.kernel.core.messages import GameEvent
from gamification.kernel.storage import shares
from rewards.models import Wallet
from tests.support import figures
from tests.support.content import NOON, achievement, metric, publish, quest, requirement, reward, step
from tests.support.killing import kill_again_and_again
from tests.support.sharing import everywhere, player_of
from tests.support.waiting import until

pytestmark = [pytest.mark.shares, pytest.mark.django_db(transaction=True)]

FOLLOWING = """
from django.utils import timezone
from gamification.analytics import following
from gamification.kernel.storage import shares
following.PAGE, following.TIME_SLICE = 3, 60.0

def turn():
    shares.in_each(following.follow)(timezone.now())
"""


def is_followed() -> bool:
    shares.in_each(following.follow)(timezone.now())
    return all(shares.each(following.is_done))


CONTENT = (
    metric("hits", "hit"),
    reward("coins", value=5),
    achievement("two", requirement("COUNT", "hits", 2), rewards=["coins"]),
    quest("trail", step("one", requirement("COUNT", "hits", 1), rewards=["coins"]), auto_start=True, repeat="ALWAYS"),
)


def test_a_follower_that_is_killed_comes_to_the_figures_of_all_shares() -> None:
    publish(*CONTENT, now=NOON - timedelta(days=1))
    for share in shares.every():
        for nth in range(2):
            player = player_of(share, nth)
            with shares.within(share):
                times = [NOON + timedelta(days=8 * n, seconds=share) for n in range(nth + 2)]
                pipeline.process(
                    [GameEvent(f"e{n}", player, "hit", {}, at) for n, at in enumerate(times)], now=times[-1]
                )
    assert kill_again_and_again(FOLLOWING, times=10, most=80) == 10
    until(is_followed)
    grown = {key: n for key, n in figures.grown().items() if not key[3].startswith(("seconds ", "played "))}
    obvious = sum(shares.each(figures.obvious), Counter[figures.Key]())
    assert grown == {key: n for key, n in obvious.items() if n}
    assert sum(n for key, n in grown.items() if key[3] == "new") == 2 * len(shares.every())
    found = rebuilding.look(date(2000, 1, 1))
    assert (found.wrong, found.players) == (Counter(), [])
    money = queries.economy("gold", queries.Span(NOON.date(), NOON.date() + timedelta(days=30)))
    assert money[-1]["balance"] == sum(wallet.balance for wallet in everywhere(Wallet.objects.all())) > 0
