"""What must hold of the tables, whatever has happened: read off them, without a line of the service's own deciding.

Each check yields a sentence for each thing that is wrong. It reads one state of the database and locks nothing, so it
may run while the service does; it reads whole tables, so it takes its time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import groupby

from django.db.models import (
    BigIntegerField,
    Case,
    Count,
    F,
    Max,
    Min,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Sum,
    Value,
    When,
)
from django.db.models.functions import Coalesce, Concat

from achievements.models import Achievement, Standing
from gamification.feed.models import Message
from gamification.kernel.content.kinds import kinds
from gamification.kernel.models import Event, PublicationHead, Version
from progress.models import Player
from quests.models import Run
from rewards.models import Distribution, Transfer, Wallet
from rewards.rules import Status

PAGE = 10_000

Check = Callable[[], Iterator[str]]


def the_ledger() -> Iterator[str]:
    """Each wallet is its credits minus its debits, and its debt what came in on account of `debt`."""
    mine = Concat(Value("player:"), F("player_id"))
    moved = (
        Transfer.objects.values("player_id", "currency")
        .annotate(
            balance=_net(credit=Q(credit_account=mine), debit=Q(debit_account=mine)),
            debt=_net(credit=Q(debit_account="debt"), debit=Q(credit_account="debt")),
        )
        .order_by("player_id", "currency")
        .values_list("player_id", "currency", "balance", "debt")
    )
    wallets = Wallet.objects.order_by("player_id", "currency").values_list("player_id", "currency", "balance", "debt")
    kept = {(player, currency): (balance, debt) for player, currency, balance, debt in wallets.iterator(PAGE)}
    for player, currency, balance, debt in moved.iterator(PAGE):
        found = kept.pop((player, currency), (0, 0))
        if not player.startswith("~") and found != (balance, debt):  # an erased player has no wallet any more
            yield f"{player} has {found[0]} {currency} and owes {found[1]}; the ledger says {balance} and {debt}."
    for (player, currency), found in kept.items():
        if found != (0, 0):
            yield f"{player} has {found[0]} {currency} and owes {found[1]}; the ledger knows of nothing."


def the_claims() -> Iterator[str]:
    """What was claimed says when, and what was revoked too."""
    wrong = Q(status=Status.CLAIMED, claimed_at=None) | Q(status=Status.REVOKED, revoked_at=None)
    for player, reward, status in Distribution.objects.filter(wrong).values_list("player_id", "reward_id", "status"):
        yield f"{reward} of {player} is {status}, and nothing says since when."


def the_counts() -> Iterator[str]:
    """A player's count of achievements is that of the completions that stand; of quests, at least of those kept."""
    completions = Standing.objects.filter(player_id=OuterRef("pk"), completed_at__isnull=False, revoked_at=None)
    runs = Run.objects.filter(player_id=OuterRef("pk"), status="COMPLETED")
    players = Player.objects.annotate(completions=_count(completions), runs=_count(runs))
    wrong = players.exclude(achievements_completed=F("completions")).order_by("pk")
    for player in wrong.iterator(PAGE):
        yield f"{player.pk} counts {player.achievements_completed} achievements, and has {player.completions}."
    for player in players.filter(quests_completed__lt=F("runs")).order_by("pk").iterator(PAGE):
        yield f"{player.pk} counts {player.quests_completed} quests, and has completed {player.runs}."


def the_marks_of_what_is_earned() -> Iterator[str]:
    """The bits by which other content asks what a player has are those of the completions that stand."""
    serials = dict(Achievement.objects.values_list("id", "serial"))
    rows = Standing.objects.filter(completed_at__isnull=False, revoked_at=None).order_by("player_id")
    by_player = groupby(rows.values_list("player_id", "achievement_id").iterator(PAGE), key=lambda row: row[0])
    earned = {player: {serials[id_] for _, id_ in found if id_ in serials} for player, found in by_player}
    for player, column in Player.objects.order_by("pk").values_list("pk", "earned").iterator(PAGE):
        number = int.from_bytes(bytes(column), "little")
        found = {place for place in range(number.bit_length()) if number >> place & 1}
        if found != earned.get(player, set()):
            yield f"{player} is known to have {len(found)} achievements, and has {len(earned.get(player, ()))}."


def the_feeds() -> Iterator[str]:
    """A player's messages are numbered without a gap, up to the number that the player's row says."""
    numbers = (
        Message.objects.values("player_id")
        .annotate(first=Min("seq"), last=Max("seq"), number=Count("pk"))
        .order_by("player_id")
        .values_list("player_id", "first", "last", "number")
    )
    known = dict(Player.objects.values_list("pk", "last_seq"))
    for player, first, last, number in numbers.iterator(PAGE):
        if last - first + 1 != number:
            yield f"The feed of {player} goes from {first} to {last}, and has {number} messages."
        if known.get(player) != last:
            yield f"The feed of {player} ends at {last}, and the player's row says {known.get(player)}."


def the_players() -> Iterator[str]:
    """Whoever has an event that counted has a row."""
    unknown = Event.objects.exclude(player_id__in=Player.objects.values("pk")).order_by("player_id")
    for player in unknown.values_list("player_id", flat=True).distinct()[:PAGE]:
        yield f"{player} has events, and no row."


def the_publications() -> Iterator[str]:
    """No version is newer than the publication head, and each draft names its newest version."""
    head = PublicationHead.objects.values_list("number", flat=True).first() or 0
    newest = Version.objects.aggregate(newest=Max("publication"))["newest"] or 0
    if newest > head:
        yield f"The newest version is of publication {newest}, and the head says {head}."
    rows = Version.objects.values_list("kind", "content_id").annotate(Max("number")).order_by()
    versions = {(kind, id_): number for kind, id_, number in rows}
    for kind in kinds():
        for draft in kind.model._default_manager.all():
            found = versions.get((kind.name, str(draft.pk)))
            if draft.published != found:
                yield f"The newest version of {kind.name} {draft.pk} is {found}, and the draft says {draft.published}."


OF_ALL: tuple[tuple[str, Check], ...] = (("publications", the_publications),)
OF_EACH_SHARE: tuple[tuple[str, Check], ...] = (
    ("ledger", the_ledger),
    ("claims", the_claims),
    ("counts", the_counts),
    ("marks", the_marks_of_what_is_earned),
    ("feeds", the_feeds),
    ("players", the_players),
)


def _net(*, credit: Q, debit: Q) -> Sum:
    signed = Case(When(credit, then=F("amount")), When(debit, then=-F("amount")), default=0)
    return Sum(signed, output_field=BigIntegerField())


def _count(rows: QuerySet[Run] | QuerySet[Standing]) -> Coalesce:
    counted = rows.order_by().values("player_id").annotate(number=Count("pk")).values("number")
    return Coalesce(Subquery(counted), 0)
