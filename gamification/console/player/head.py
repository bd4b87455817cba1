"""Who the player is, as the top of every one of their pages says it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Max

from anticheat import queries
from gamification.console.player import words
from gamification.kernel.core.messages import PlayerId
from gamification.kernel.models import Event
from gamification.players import profile
from progress.models import Player
from rewards.models import Wallet

MOST_HELD = 100


@dataclass(frozen=True, slots=True)
class Head:
    player: Player
    level: int
    zone: str
    wallets: list[Wallet]
    badges: list[str]
    titles: list[str]
    last_seen: datetime | None
    attributes: dict[str, Any]
    held: int
    """How many events are held; counting stops at MOST_HELD."""

    @property
    def id(self) -> PlayerId:
        return self.player.player_id

    def facts(self) -> Iterator[str]:
        """`level 6`, `345 salt`, `Europe/Lisbon`."""
        if self.player.display_name:
            yield self.player.display_name
        yield f"level {self.level}"
        for wallet in self.wallets:
            owed = f" (owes {words.amount(wallet.debt)})" if wallet.debt else ""
            yield f"{words.amount(wallet.balance)} {words.called('currency', wallet.currency)}{owed}"
        yield f"{words.amount(self.player.points)} points"
        yield f"{words.amount(self.player.xp)} experience"
        yield self.zone


def head(player_id: PlayerId) -> Head | None:
    """None: nobody of that id was ever seen. Seven queries."""
    player = Player.objects.filter(pk=player_id).first()
    if player is None:
        return None
    shown = profile.show(player_id)
    newest = Event.objects.filter(player_id=player_id).aggregate(newest=Max("timestamp"))["newest"]
    return Head(
        player=player,
        level=shown["statistics"]["level"],
        zone=shown["timezone"],
        wallets=list(Wallet.objects.filter(player_id=player_id).order_by("currency")),
        badges=[words.called("reward", id_) for id_ in shown["badges"]],
        titles=[words.called("reward", id_) for id_ in shown["titles"]],
        last_seen=newest,
        attributes=shown["attributes"],
        held=queries.held(player_id=player_id)[:MOST_HELD].count(),
    )
