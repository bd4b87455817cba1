"""Rewards and currencies as designers write them; what was given to whom."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from gamification.kernel.authoring import (
    ORDER_HELP,
    ContentAdmin,
    LineInline,
    ReadOnlyAdmin,
    ReasonedActionForm,
    ShapedForm,
    handled,
    may_decide,
)
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


class RewardForm(ShapedForm):
    shape = RewardShape

    class Meta:
        model = Reward
        fields = ("id", "type", "value", "currency", "claim", "claim_within", "expires_at", "metadata")
        help_texts = {  # noqa: RUF012 - declared so by Django
            "type": "ITEM gives the items below, RANDOM draws one line of the table below. A BADGE or TITLE is "
            "known by its id.",
            "value": "How many points, how much experience or money. 0 for all other types.",
            "currency": "For CURRENCY only: which one, such as gold.",
            "claim": "AUTO: given at once. MANUAL: the player has to claim it.",
            "claim_within": "Seconds a player has to claim it; empty: for ever. A day has 86,400.",
            "expires_at": "Nobody can claim it after this (UTC). Empty: never.",
            "metadata": 'Anything the game wants to keep with it, in JSON: {"icon": "chest.png"}',
        }


class ItemForm(ShapedForm):
    shape = ItemShape
    called = {"item_id": "id"}  # noqa: RUF012 - declared so by the base class

    class Meta:
        model = RewardItem
        fields = ("position", "item_id", "type", "quantity", "metadata")
        labels = {"item_id": "item"}  # noqa: RUF012 - declared so by Django
        help_texts = {"position": ORDER_HELP, "item_id": "The game's own id of it."}  # noqa: RUF012


class ItemInline(LineInline):
    model = RewardItem
    form = ItemForm
    verbose_name_plural = "items (for ITEM)"

    def formfield_for_dbfield(self, db_field: Any, request: Any, **kwargs: Any) -> Any:
        if db_field.name == "metadata":
            kwargs["widget"] = forms.Textarea(attrs={"rows": 1, "cols": 30})
        return super().formfield_for_dbfield(db_field, request, **kwargs)


class ChanceForm(ShapedForm):
    shape = ChanceShape

    class Meta:
        model = RewardChance
        fields = ("position", "reward", "weight")
        help_texts = {  # noqa: RUF012 - declared so by Django
            "position": ORDER_HELP,
            "weight": "A line of weight 3 is drawn three times as often as one of weight 1.",
        }


class ChanceInline(LineInline):
    model = RewardChance
    form = ChanceForm
    fk_name = "table"
    autocomplete_fields = ("reward",)
    verbose_name_plural = "table (for RANDOM)"


@admin.register(Reward)
class RewardAdmin(ContentAdmin):
    kind = REWARD
    form = RewardForm
    inlines = (ItemInline, ChanceInline)
    list_display = ("id", "type", "value", "currency", "claim", "state")
    list_filter = (*ContentAdmin.list_filter, "type", "claim")
    search_fields = ("id", "currency")
    own_fieldsets = (
        (None, {"fields": ("id", "type", "value", "currency")}),
        ("Claiming", {"fields": ("claim", "claim_within", "expires_at")}),
        ("For the game", {"fields": ("metadata",), "classes": ("collapse",)}),
    )


class CurrencyForm(ShapedForm):
    shape = CurrencyShape

    class Meta:
        model = Currency
        fields = ("id", "name", "on_revoke")
        help_texts = {  # noqa: RUF012 - declared so by Django
            "on_revoke": "When a reward is taken back whose money is spent already. DEBT: the player owes it, and "
            "later rewards repay it. CLAMP: take what is left. REFUSE: do not take the reward back.",
        }


@admin.register(Currency)
class CurrencyAdmin(ContentAdmin):
    kind = CURRENCY
    form = CurrencyForm
    list_display = ("id", "name", "on_revoke", "state")
    search_fields = ("id", "name")
    own_fieldsets = ((None, {"fields": ("id", "name", "on_revoke")}),)


# -- what was given ----------------------------------------------------------------------------------------------------


@admin.register(Distribution)
class DistributionAdmin(ReadOnlyAdmin):
    list_display = ("reward_id", "player_id", "source", "source_id", "occurrence", "status", "created_at")
    list_filter = ("status", "source", "kind")
    search_fields = ("=player_id", "=reward_id", "=source_id")
    ordering = ("-created_at",)
    action_form = ReasonedActionForm
    actions = ("revoke_selected",)

    @admin.action(description="Revoke what is selected: undoes what claiming it did", permissions=["revoke"])
    def revoke_selected(self, request: HttpRequest, queryset: QuerySet[Distribution]) -> None:
        reason = request.POST.get("reason") or f"revoked by {request.user.get_username()} on the console"
        for id_ in queryset.order_by("player_id", "pk").values_list("pk", flat=True):
            if handled(request, RevokeDistribution(distribution_id=id_, reason=reason), str(id_)):
                messages.success(request, f"Revoked {id_}.")

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        return may_decide(self, request)


@admin.register(Wallet)
class WalletAdmin(ReadOnlyAdmin):
    list_display = ("player_id", "currency", "balance", "debt")
    list_filter = ("currency",)
    search_fields = ("=player_id",)
    ordering = ("-id",)


@admin.register(Transfer)
class TransferAdmin(ReadOnlyAdmin):
    list_display = ("player_id", "amount", "currency", "debit_account", "credit_account", "cause", "created_at")
    list_filter = ("currency",)
    search_fields = ("=player_id", "=cause")
    ordering = ("-created_at",)


@admin.register(InventoryItem)
class InventoryItemAdmin(ReadOnlyAdmin):
    list_display = ("player_id", "item_id", "type", "quantity", "owed", "updated_at")
    search_fields = ("=player_id", "=item_id")
    ordering = ("-id",)
