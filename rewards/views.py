"""Routes of what players were given and hold."""

from __future__ import annotations

from typing import ClassVar
from uuid import UUID

from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from gamification.kernel.core import bus
from gamification.kernel.core.messages import A_PLAYER_ID, PLAYER_ID, NotFound
from gamification.kernel.storage import shares
from gamification.kernel.web import idempotent, paginate, paginate_list, strict_fields
from gamification.kernel.web.access import acting_player, actor, concerned, player_in_path
from gamification.kernel.web.lasting import lasts
from gamification.kernel.web.pages import paged
from gamification.kernel.web.parameters import chosen, matching
from gamification.kernel.web.strict_fields import parse
from rewards import facts, queries
from rewards.commands import ClaimReward, ConsumeItem, GrantReward, RevokeDistribution, Spend
from rewards.rules import Source, Status
from rewards.serializers import (
    ClaimWish,
    ConsumeWish,
    DistributeWish,
    DistributionShape,
    RevokeWish,
    SpendWish,
    SpentShape,
    StackShape,
    TransferShape,
    WalletShape,
)

NEWEST_FIRST = ["-created_at", "-id"]
_page = paged(DistributionShape)
_uuid = OpenApiParameter("distribution_id", OpenApiTypes.UUID, OpenApiParameter.PATH)
STATES = [status.value for status in Status]
SOURCES = [source.value for source in Source]
_state = OpenApiParameter("state", enum=STATES, required=False)


# -- reading -----------------------------------------------------------------------------------------------------------


class PlayerDistributions(APIView):
    """What a player was given, newest first."""

    scopes: ClassVar = {"GET": "players:read"}
    player_may: ClassVar = {"GET"}

    @extend_schema(
        operation_id="players_distributions_list",
        parameters=[_state, *_page["parameters"]],
        responses=_page["responses"],
    )
    def get(self, request: Request, player_id: str) -> Response:
        now, player_id = timezone.now(), player_in_path(request, player_id)
        found = queries.distributions(now, state=chosen(request, "state", STATES), player_id=player_id)
        lasts(request, player_id, until=lambda: [queries.next_expiry(player_id, now)])
        return paginate(request, found, ordering=NEWEST_FIRST, show=lambda row: queries.shown(row, now))


class Distributions(APIView):
    """What anybody was given, newest first."""

    scopes: ClassVar = {"GET": "players:read"}

    @extend_schema(
        operation_id="distributions_list",
        parameters=[
            OpenApiParameter("player_id", required=False),
            _state,
            OpenApiParameter("reward", description="A reward's id.", required=False),
            OpenApiParameter("source", enum=SOURCES, description="Only those of this kind of cause.", required=False),
            *_page["parameters"],
        ],
        responses=_page["responses"],
    )
    def get(self, request: Request) -> Response:
        now, player_id = timezone.now(), matching(request, "player_id", PLAYER_ID, A_PLAYER_ID)
        if player_id is not None:
            shares.enter(player_id)
        found = queries.distributions(
            now,
            state=chosen(request, "state", STATES),
            player_id=player_id,
            reward_id=matching(request, "reward", strict_fields.ID, "This is not a reward's id."),
            source=chosen(request, "source", SOURCES),
        )
        return paginate(request, found, ordering=NEWEST_FIRST, show=lambda row: queries.shown(row, now))


class PlayerWallet(APIView):
    """A player's money, a currency a row. What is owed is repaid first by what comes in."""

    scopes: ClassVar = {"GET": "players:read"}
    player_may: ClassVar = {"GET"}

    @extend_schema(operation_id="players_wallet_list", **paged(WalletShape))
    def get(self, request: Request, player_id: str) -> Response:
        player_id = player_in_path(request, player_id)
        lasts(request, player_id)
        rows = queries.wallet(player_id)
        return paginate_list(request, rows, key=lambda row: row["currency"])


class PlayerTransfers(APIView):
    """Every movement of a player's money, newest first."""

    scopes: ClassVar = {"GET": "players:read"}
    player_may: ClassVar = {"GET"}

    @extend_schema(operation_id="players_wallet_transfers_list", **paged(TransferShape))
    def get(self, request: Request, player_id: str) -> Response:
        player_id = player_in_path(request, player_id)
        lasts(request, player_id)
        found = queries.transfers(player_id)
        return paginate(request, found, ordering=NEWEST_FIRST, show=queries.shown_transfer)


class PlayerInventory(APIView):
    """The things a player has."""

    scopes: ClassVar = {"GET": "players:read"}
    player_may: ClassVar = {"GET"}

    @extend_schema(operation_id="players_inventory_list", **paged(StackShape))
    def get(self, request: Request, player_id: str) -> Response:
        player_id = player_in_path(request, player_id)
        lasts(request, player_id)
        rows = queries.inventory(player_id)
        return paginate_list(request, rows, key=lambda row: row["item_id"])


# -- changing ----------------------------------------------------------------------------------------------------------


class Claim(APIView):
    """Claims a distribution. It is paid once, however often and by however many this is sent."""

    scopes: ClassVar = {"POST": "players:write"}
    player_may: ClassVar = {"POST"}

    @extend_schema(
        operation_id="rewards_claim",
        parameters=[
            OpenApiParameter("player_id", description="Whose; a player's token says so by itself.", required=False),
            _uuid,
        ],
        request=ClaimWish,
        responses=DistributionShape,
    )
    @idempotent
    def post(self, request: Request, distribution_id: str) -> Response:
        named = parse(ClaimWish, request.data).get("player_id") or request.query_params.get("player_id")
        player_id, now = acting_player(request, named), timezone.now()
        given = bus.handle(
            ClaimReward(player_id=player_id, distribution_id=_id(distribution_id)), actor=actor(request), now=now
        )
        return Response(facts.distribution(given, now))


class Distribute(APIView):
    """Gives a player a reward by hand."""

    scopes: ClassVar = {"POST": "rewards:grant"}

    @extend_schema(operation_id="rewards_distribute", request=DistributeWish, responses={201: DistributionShape})
    @idempotent
    def post(self, request: Request, reward_id: str) -> Response:
        wish, now = parse(DistributeWish, request.data), timezone.now()
        player_id = acting_player(request, wish["player_id"])
        given = bus.handle(
            GrantReward(player_id=player_id, reward_id=reward_id, reason=wish["reason"]), actor=actor(request), now=now
        )
        return Response(facts.distribution(given, now), status=201)


class Revoke(APIView):
    """Takes a distribution back and undoes what claiming it did, once."""

    scopes: ClassVar = {"POST": "rewards:grant"}

    @extend_schema(
        operation_id="distributions_revoke", parameters=[_uuid], request=RevokeWish, responses=DistributionShape
    )
    @idempotent
    def post(self, request: Request, distribution_id: str) -> Response:
        wish, now = parse(RevokeWish, request.data), timezone.now()
        command = RevokeDistribution(distribution_id=_id(distribution_id), reason=wish["reason"])
        given = bus.handle(command, actor=actor(request), now=now)
        concerned(request).add(given.player_id)
        return Response(facts.distribution(given, now))


class SpendMoney(APIView):
    """Pays out of a player's wallet, all of it or nothing."""

    scopes: ClassVar = {"POST": "players:write"}

    @extend_schema(operation_id="players_wallet_spend", request=SpendWish, responses=SpentShape)
    @idempotent(required=True)
    def post(self, request: Request, player_id: str, currency: str) -> Response:
        player_id, wish = player_in_path(request, player_id), parse(SpendWish, request.data)
        if not strict_fields.ID.fullmatch(currency):
            raise NotFound("There is no such currency.")
        return Response(
            bus.handle(Spend(player_id=player_id, currency=currency, **wish), actor=actor(request), now=timezone.now())
        )


class Consume(APIView):
    """Uses up things of a player's inventory, all of them or none."""

    scopes: ClassVar = {"POST": "players:write"}

    @extend_schema(operation_id="players_inventory_consume", request=ConsumeWish, responses=StackShape)
    @idempotent
    def post(self, request: Request, player_id: str, item_id: str) -> Response:
        player_id, wish = player_in_path(request, player_id), parse(ConsumeWish, request.data)
        if not strict_fields.ID.fullmatch(item_id):
            raise NotFound("There is no such item.")
        return Response(
            bus.handle(
                ConsumeItem(player_id=player_id, item_id=item_id, **wish), actor=actor(request), now=timezone.now()
            )
        )


# -- parsing -----------------------------------------------------------------------------------------------------------


def _id(text: str) -> UUID:
    try:
        id_ = UUID(text)
    except ValueError:
        raise NotFound("There is no such distribution.") from None
    if str(id_) != text.lower():  # braces, no hyphens: an address has one spelling
        raise NotFound("There is no such distribution.")
    return id_
