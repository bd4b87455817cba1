"""How the answers look."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from gamification.analytics.unused import WHYS

Shape = serializers.Serializer[Any]
Count = serializers.IntegerField


class Amounts(serializers.DictField):
    child = Count()


class SummaryRowShape(Shape):
    day = serializers.DateField(help_text="Of a week its Monday, of a month its first.")
    active = Count(help_text="Players with an event that day; grouped, different players.")
    new = Count(help_text="Players whose first day it was.")
    events = Count(help_text="Events that counted.")
    completions = Count(help_text="Achievements completed and not revoked.")
    quests_completed = Count()
    claims = Count(help_text="Distributions claimed.")


class RetentionRowShape(Shape):
    first_day = serializers.DateField()
    players = Count(help_text="Whose first day it was.")
    returned = serializers.ListField(
        child=Count(allow_null=True),
        min_length=64,
        max_length=64,
        help_text="How many of them were active on that day (D0) and on each of the 63 after; null: it is to come.",
    )


class ContentRowShape(Shape):
    day = serializers.DateField()
    begun = Count(help_text="Runs of a quest; of an achievement, players whose first event counted towards it.")
    quarter = Count()
    half = Count()
    three_quarters = Count()
    completed = Count()
    failed = Count()
    expired = Count()
    claims = Count(help_text="Distributions of it that were claimed.")


class PercentilesShape(Shape):
    p10 = serializers.FloatField(allow_null=True)
    p50 = serializers.FloatField(allow_null=True)
    p90 = serializers.FloatField(allow_null=True)


class ContentTotalsShape(Shape):
    begun = Count()
    quarter = Count()
    half = Count()
    three_quarters = Count()
    completed = Count()
    failed = Count()
    expired = Count()
    claims = Count()
    players = Count(help_text="Different players who completed it, or claimed it, for the first time in these days.")
    seconds = PercentilesShape(help_text="From the start to completion, by the clock.")
    played = PercentilesShape(help_text="The same, of time played.")
    retention_lift = serializers.FloatField(
        allow_null=True,
        help_text="How many times as often as the others those came back in their second week who had completed it in "
        "their first, of the players whose first day is one of these and whose second week is over.",
    )
    pays = Amounts(help_text="Currency → how much its claimed rewards paid.")


class EconomyRowShape(Shape):
    day = serializers.DateField()
    out = Amounts(help_text="Cause → amount: SPEND, REVOKE or CASE.")
    balance = Count(help_text="In all wallets at the end.")

    def get_fields(self) -> dict[str, Any]:
        came = Amounts(help_text="Cause → amount: the source of the distribution, or CASE.")
        return {"day": self._declared_fields["day"], "in": came, **super().get_fields()}


class FunnelRowShape(Shape):
    version = Count()
    step = serializers.CharField()
    reached = Count(help_text="Runs in which it became active.")
    completed = Count()


class UnusedRowShape(Shape):
    kind = serializers.CharField(help_text="A kind of content, or event_type.")
    id = serializers.CharField()
    why = serializers.ChoiceField(choices=WHYS)


class QualityRowShape(Shape):
    day = serializers.DateField()
    type = serializers.CharField(help_text="Of the events.")
    rejected = Amounts(help_text="Code → how many the store refused.")
    held = Count(help_text="Held, or dismissed; not those that were released.")
    valueless = Count(help_text="That met a metric's conditions and had no number for it.")
    late = Count(help_text="Of days that no map of their player's activity holds.")


def answer(row: type[Shape], **more: serializers.Field[Any, Any, Any, Any]) -> Any:
    """The shape of an answer with such rows."""
    name = row.__name__.removesuffix("RowShape")
    fields: dict[str, Any] = {
        "as_of": serializers.DateTimeField(help_text="When this was answered."),
        "complete_until": serializers.DateTimeField(
            allow_null=True, help_text="Whatever was received until then is in it. Null: nothing was followed yet."
        ),
        "rows": row(many=True),
        **more,
    }
    return type(f"{name}Analytics", (serializers.Serializer,), fields)
