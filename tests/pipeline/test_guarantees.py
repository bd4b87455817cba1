"""What the database itself refuses, whatever the code above it does."""

from __future__ import annotations

from collections.abc import Callable
from uuid import uuid4

import pytest
from django.db import IntegrityError, models, transaction

from achievements.models import ProgressMark, Standing
from gamification.feed.models import Message
from gamification.kernel.models import Event
from progress.models import MemberSeen, Player, Tally, WindowSample
from rewards.models import Distribution, Transfer, Wallet
from tests.support.content import NOON, achievement, event, metric, publish, requirement, reward
from tests.support.playing import MINUTE, process

pytestmark = pytest.mark.django_db


def same_cause(row: Distribution) -> None:
    row.pk = uuid4()


def same_key(row: models.Model) -> None:
    """A surrogate key of its own, where it has one."""
    if row._meta.auto_field is not None:
        row.pk = None


@pytest.mark.parametrize(
    ("table", "change"),
    [
        (Player, same_key), (Event, same_key), (Tally, same_key), (MemberSeen, same_key), (WindowSample, same_key),
        (Standing, same_key), (ProgressMark, same_key), (Distribution, same_key), (Distribution, same_cause),
        (Transfer, same_key), (Wallet, same_key), (Message, same_key),
    ],
)  # fmt: skip
def test_nothing_is_kept_twice(table: type[models.Model], change: Callable[[models.Model], None]) -> None:
    publish(
        metric("kills", member_field="kind"),
        reward("coin"),
        achievement("first", requirement("DISTINCT", "kills", 1), rewards=["coin"]),
        achievement("burst", requirement("COUNT", "kills", 3, timeframe=MINUTE)),
        achievement("ten", requirement("COUNT", "kills", 3)),
    )
    process(event("a", kind="orc"), event("b", at=1, kind="orc"), now=NOON)
    row = table._default_manager.all()[0]
    before = table._default_manager.count()
    change(row)
    with pytest.raises(IntegrityError), transaction.atomic():
        row.save(force_insert=True)
    assert table._default_manager.count() == before


def test_a_wallet_is_never_below_0() -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Wallet.objects.create(player_id="ann", currency="gold", balance=-1)
