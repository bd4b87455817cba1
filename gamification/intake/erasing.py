"""Everything that is held of one player: to hand out, and to erase.

Which tables those are is read off the models: whatever has a `player_id` column. A new table cannot be forgotten.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.apps import apps
from django.db.models import Model, QuerySet

from anticheat.models import Rule
from gamification.kernel.encoding import instant
from gamification.kernel.http import idempotency
from gamification.kernel.messages import REPORTED, Command, NotFound, PlayerId
from gamification.kernel.models import ActorField, Event
from gamification.kernel.pseudonyms import pseudonym
from gamification.kernel.world import World
from progress.metering import Books
from progress.models import ErasedPlayer, Player
from rewards.erasure import pseudonymise
from rewards.models import Transfer


def tables() -> list[type[Model]]:
    """Every model whose rows belong to a player."""
    return [
        model
        for model in apps.get_models()
        if any(field.attname == "player_id" for field in model._meta.concrete_fields)
    ]


# -- erasing -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class ErasePlayer(Command):
    """Every row goes. Transfers stay, because money must add up, under a random name that leads nowhere; a keyed hash
    stays, so that later events are refused."""

    for_anyone = True
    player_id: PlayerId

    def handle(self, world: World) -> None:
        state = world[Books].players.get(self.player_id)
        if state is None or state.is_new:
            raise NotFound("There is no such player.")
        world.forget(self.player_id)
        for model in tables():
            if model not in (Transfer, Player):
                _rows(model, self.player_id).delete()
        pseudonymise(self.player_id)
        idempotency.forget_player(self.player_id)
        Player.objects.filter(pk=self.player_id).delete()
        noted = {"erased_at": world.now, "erased_by": world.actor.signature}
        ErasedPlayer.objects.get_or_create(hash=pseudonym(self.player_id), defaults=noted)


# -- handing out -------------------------------------------------------------------------------------------------------


def export(player_id: PlayerId, now: datetime, hidden: dict[str, set[str]], *, for_player: bool) -> dict[str, Any]:
    """Everything held about a player: `{player_id, exported_at, data: {table: [row, …]}}`.

    `hidden` names the content, by kind, of which whoever asks must not learn: rows about it are left out. Nor does a
    player learn who of the staff did what. Raises NotFound for a player never seen.
    """
    if not Player.objects.filter(pk=player_id).exists():
        raise NotFound("There is no such player.")
    data = {
        model._meta.label_lower: [
            _shown(row) for row in _visible(model, player_id, hidden).values(*_columns(model, for_player))
        ]
        for model in tables()
    }
    return {"player_id": player_id, "exported_at": instant(now), "data": data}


def _columns(model: type[Model], for_player: bool) -> list[str]:
    fields = model._meta.concrete_fields
    return [field.attname for field in fields if not (for_player and isinstance(field, ActorField))]


def _visible(model: type[Model], player_id: PlayerId, hidden: dict[str, set[str]]) -> QuerySet[Any]:
    rows = _rows(model, player_id).order_by("pk")
    columns = {field.attname for field in model._meta.concrete_fields}
    for kind, ids in hidden.items():
        if ids and f"{kind}_id" in columns:
            rows = rows.exclude(**{f"{kind}_id__in": ids})
    if model is Event and hidden.get("achievement"):  # a report names its achievement and metrics in its data
        rows = rows.exclude(type=REPORTED, data__achievement__in=list(hidden["achievement"]))
    if "rule" in columns and hidden.get("metric"):  # what anti-cheat noted names the rule, and that the metric
        rows = rows.exclude(rule__in=Rule.objects.filter(metric_id__in=hidden["metric"]).values("name"))
    return rows


def _rows(model: type[Model], player_id: PlayerId) -> QuerySet[Any]:
    return model._default_manager.filter(player_id=player_id)


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    return {name: _json(value) for name, value in row.items()}


def _json(value: Any) -> Any:
    if isinstance(value, datetime):
        return instant(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, bytes | memoryview):
        return bytes(value).hex()
    return value
