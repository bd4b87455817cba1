"""Rewards and currencies as designers write them; what was given to whom."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from gamification.kernel.console.authoring import ContentAdmin, LineInline
from gamification.kernel.console.forms import LineForm, ShapedForm, Suggesting
from gamification.kernel.console.readonly_admin import ReadOnlyAdmin, ReasonedActionForm, handled, may_decide
from rewards.commands import RevokeDistribution
from rewards.content import CURRENCY, REWARD
from rewards.content_serializers import ChanceShape, CurrencyShape, ItemShape, RewardShape
from rewards.models import (
    Currency,
    Distribution,
    InventoryItem,
    Reward,
    RewardChance,
    RewardItem,
    Transfer,
    Wallet,
)
from rewards.rules import RewardType, Status


class RewardForm(ShapedForm):
    shape = RewardShape
    only_for: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "value": tuple(each.value for each in RewardType if each.has_amount),
        "currency": tuple(each.value for each in RewardType if each.needs == "currency"),
    }
    empty: ClassVar[Mapping[str, str]] = {"value": "0"}

    class Meta:
        model = Reward
        fields = ("id", "type", "value", "currency", "claim", "claim_within", "expires_at", "metadata", "tags")
        help_texts = {  # noqa: RUF012 - declared so by Django
            "type": "Items, and the table that a random reward is drawn from, stand below. A badge or a title is known "
            "by the reward's id.",
            "value": "How many points, how much experience or money.",
            "currency": "Which money: gold",
            "claim": "Auto: given at once. Manual: the player has to claim it.",
            "claim_within": "Seconds a player has to claim it; empty: for ever. A day has 86,400.",
            "expires_at": "Nobody can claim it after this (UTC). Empty: never.",
            "metadata": 'Anything the game wants to keep with it, in JSON: {"icon": "chest.png"}',
        }
        labels = {"value": "Amount"}  # noqa: RUF012 - declared so by Django
        widgets = {"currency": Suggesting(lambda: known_currencies())}  # noqa: RUF012

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if isinstance(choices := self.fields.get("type"), forms.ChoiceField):
            choices.choices = [("", "—"), *((each.value, each.described) for each in RewardType)]


def known_currencies() -> list[str]:
    described = Currency.objects.filter(retired_at=None).values_list("pk", flat=True)
    return sorted({*described, *Reward.objects.exclude(currency="").values_list("currency", flat=True)})


class ItemForm(LineForm, ShapedForm):
    shape = ItemShape
    called = {"item_id": "id"}  # noqa: RUF012 - declared so by the base class

    class Meta:
        model = RewardItem
        fields = ("item_id", "type", "quantity", "metadata", "position")
        labels = {"item_id": "item"}  # noqa: RUF012 - declared so by Django
        help_texts = {"item_id": "The game's own id of it.", "type": "For the game: weapon"}  # noqa: RUF012


class ItemInline(LineInline):
    model = RewardItem
    form = ItemForm
    verbose_name = "item"
    verbose_name_plural = "items"
    applies_to = RewardType.ITEM.value

    def formfield_for_dbfield(self, db_field: Any, request: Any, **kwargs: Any) -> Any:
        if db_field.name == "metadata":
            kwargs["widget"] = forms.Textarea(attrs={"rows": 1, "cols": 30})
        return super().formfield_for_dbfield(db_field, request, **kwargs)


class ChanceForm(LineForm, ShapedForm):
    shape = ChanceShape

    class Meta:
        model = RewardChance
        fields = ("reward", "weight", "position")
        help_texts = {  # noqa: RUF012 - declared so by Django
            "weight": "A line of weight 3 is drawn three times as often as one of weight 1.",
        }


class ChanceInline(LineInline):
    model = RewardChance
    form = ChanceForm
    fk_name = "table"
    autocomplete_fields = ("reward",)
    verbose_name = "line"
    verbose_name_plural = "table: one line of it is drawn"
    applies_to = RewardType.RANDOM.value


@admin.register(Reward)
class RewardAdmin(ContentAdmin):
    kind = REWARD
    form = RewardForm
    inlines = (ItemInline, ChanceInline)
    list_display = ("id", "state", "type", "value", "currency", "claim", "tagged", "changed_last")
    list_filter = (*ContentAdmin.list_filter, "type", "claim")
    search_fields = ("id", "currency")
    own_fieldsets = (
        (None, {"fields": ("id", "type", "value", "currency")}),
        ("Claiming", {"fields": ("claim", "claim_within", "expires_at")}),
        ("For the game", {"fields": ("metadata",)}),
    )


class CurrencyForm(ShapedForm):
    shape = CurrencyShape

    class Meta:
        model = Currency
        fields = ("id", "name", "on_revoke", "tags")
        help_texts = {  # noqa: RUF012 - declared so by Django
            "on_revoke": "When a reward is taken back whose money is spent already. Debt: the player owes it, and "
            "later rewards repay it. Clamp: take what is left. Refuse: do not take the reward back.",
        }


@admin.register(Currency)
class CurrencyAdmin(ContentAdmin):
    kind = CURRENCY
    form = CurrencyForm
    list_display = ("name_and_id", "state", "on_revoke", "tagged", "changed_last")
    search_fields = ("id", "name")
    own_fieldsets = ((None, {"fields": ("id", "name", "on_revoke")}),)


# -- what was given ----------------------------------------------------------------------------------------------------


@admin.register(Distribution)
class DistributionAdmin(ReadOnlyAdmin):
    list_display = ("reward_id", "player_id", "status", "cause", "created_at")
    list_filter = ("status", "source", "kind")
    indexed_filters = ("status", "source")
    search_fields = ("=player_id", "=reward_id", "=source_id")
    ordering = ("-created_at",)
    action_form = ReasonedActionForm
    actions = ("revoke_selected",)

    @admin.display(description="for", ordering="source_id")
    def cause(self, given: Distribution) -> str:
        return f"{given.get_source_display().lower()} {given.source_id}"

    def open_to_action(self, row: Distribution) -> bool:
        return row.status in (Status.PENDING, Status.CLAIMED)

    @admin.action(description="Revoke: undo what claiming it did", permissions=["revoke"])
    def revoke_selected(self, request: HttpRequest, queryset: QuerySet[Distribution]) -> None:
        reason = request.POST.get("reason", "")[:4000]
        for row in queryset.order_by("player_id", "pk"):
            if handled(request, RevokeDistribution(distribution_id=row.pk, reason=reason), str(row)):
                messages.success(request, f"Revoked {row}.")

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        return may_decide(self, request)


@admin.register(Wallet)
class WalletAdmin(ReadOnlyAdmin):
    list_display = ("player_id", "currency", "balance", "debt")
    search_fields = ("=player_id",)
    ordering = ("-id",)


@admin.register(Transfer)
class TransferAdmin(ReadOnlyAdmin):
    list_display = ("created_at", "player_id", "amount", "currency", "debit_account", "credit_account")
    search_fields = ("=player_id",)
    ordering = ("-id",)


@admin.register(InventoryItem)
class InventoryItemAdmin(ReadOnlyAdmin):
    list_display = ("player_id", "item_id", "type", "quantity", "owed", "updated_at")
    search_fields = ("=player_id", "=item_id")
    ordering = ("-id",)
