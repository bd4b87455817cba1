"""What people are shown of what was counted."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from gamification.kernel.core.encoding import number
from gamification.kernel.core.messages import Json, PlayerId
from gamification.kernel.core.world import World
from progress.players import Players, PlayerState
from progress.rules.tallies import Tally
from progress.tallies import Tallies


def look_at(world: World, player_id: PlayerId) -> PlayerState:
    """Read one player of this world without a lock. One who was never seen is shown as one who did nothing."""
    ask_to_look_at(world, player_id)()
    return world[Players].by_id[player_id]


def ask_to_look_at(world: World, player_id: PlayerId) -> Callable[[], None]:
    """Send the query of `look_at`; what it gives back takes the answer in."""
    players = world[Players]
    take_in = players.ask_unlocked()

    def look() -> None:
        take_in()
        players.by_id.setdefault(player_id, PlayerState(player_id, world, backfilled_to=world.rules.number))

    return look


def metrics(world: World, player_id: PlayerId) -> list[dict[str, Json]]:
    """What was counted over the player's whole life, a metric a row, as far as this world has read and counted it."""
    found = {
        metric: tally
        for (whose, metric, scope), tally in world[Tallies].by_key.items()
        if whose == player_id and not scope and tally.count  # one that was asked for and counted nothing is no row
    }
    return [
        {"metric": metric, **_lifetime(found[metric]), "value": number(found[metric].sum)} for metric in sorted(found)
    ]


class Summary(Mapping[PlayerId, dict[str, dict[str, Json]]]):
    """player → metric → the lifetime aggregates of what a world touched, worked out when they are asked for."""

    def __init__(self, tallies: Tallies) -> None:
        self._tallies = tallies

    def __getitem__(self, player_id: PlayerId) -> dict[str, dict[str, Json]]:
        metrics = sorted(self._tallies.metrics_touched[player_id])
        return {metric: _lifetime(self._tallies.by_key.get((player_id, metric, "")) or Tally()) for metric in metrics}

    def __iter__(self) -> Iterator[PlayerId]:
        return iter(self._tallies.metrics_touched)

    def __len__(self) -> int:
        return len(self._tallies.metrics_touched)


def _lifetime(tally: Tally) -> dict[str, Json]:
    """`{count, sum, max, min, latest}`."""
    return {
        "count": tally.count,
        "sum": number(tally.sum),
        "max": number(tally.max),
        "min": number(tally.min),
        "latest": number(tally.latest),
    }
