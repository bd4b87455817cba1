"""Reviewing over HTTP: what requests may say, and what answers look like."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from gamification.kernel.web.strict_fields import MAX_TEXT, Choice, Id, Instant, Integer, JsonObject, Shape, Text
from gamification.review.rules import State, Verdict
from gamification.review.verdicts import OUTCOMES
from progress.player_standing import PlayerStanding

APPEAL = 2_000
"""Characters of an appeal."""
OUTCOME_CHOICES = [(each.value, each.label) for each in OUTCOMES]


# -- requests ----------------------------------------------------------------------------------------------------------


class StandingWish(Shape):
    standing = Choice(choices=PlayerStanding.choices())
    reason = Text(max_length=MAX_TEXT)
    expires_at = Instant(allow_null=True, default=None, help_text="When it ends by itself; null: it stays.")
    case = Integer(min_value=1, allow_null=True, default=None, help_text="The case that it follows from.")


class PreviewWish(Shape):
    since = Instant(
        allow_null=True, default=None, help_text="All that was earned from then on; null: what is withheld alone."
    )


class VoteWish(Shape):
    verdict = Choice(choices=Verdict.choices(), help_text="CONFIRMED or CLEARED; of an appeal UPHELD or OVERTURNED.")
    note = Text(max_length=MAX_TEXT, allow_blank=True, default="")
    standing = Choice(
        choices=OUTCOME_CHOICES, allow_null=True, default=None, help_text="Of whoever is CONFIRMED; null: UNRANKED."
    )
    since = Instant(
        allow_null=True, default=None, help_text="CONFIRMED: all that was earned from then on is revoked as well."
    )


class AppealWish(Shape):
    text = Text(max_length=APPEAL)


class FindingWish(Shape):
    player_id = Text()
    rule = Id(help_text="What you call it: each finds something of a player once a day.")
    values = JsonObject(default=dict, help_text="What it saw, in fields of your own: reviewers are shown it.")
    note = Text(max_length=MAX_TEXT, allow_blank=True, default="")


# -- answers -----------------------------------------------------------------------------------------------------------


class StandingShape(serializers.Serializer[Any]):
    """How a player stands. Nothing of it is for the player's eyes."""

    player_id = serializers.CharField()
    standing = serializers.ChoiceField(choices=PlayerStanding.choices())
    expires_at = serializers.DateTimeField(allow_null=True)
    case = serializers.IntegerField(allow_null=True)
    is_test = serializers.BooleanField()


class CaseReasonShape(serializers.Serializer[Any]):
    rule = serializers.CharField()
    family = serializers.CharField()
    value = serializers.FloatField(allow_null=True)
    limit = serializers.FloatField(allow_null=True)
    n = serializers.IntegerField(allow_null=True)
    to = serializers.DateTimeField(allow_null=True)
    day = serializers.DateField()
    log10_tail = serializers.FloatField(allow_null=True)
    action = serializers.CharField()
    source = serializers.CharField()  # type: ignore[assignment] # Field has one too

    def get_fields(self) -> dict[str, Any]:
        return {**super().get_fields(), "from": serializers.DateTimeField(allow_null=True)}


class VoteShape(serializers.Serializer[Any]):
    who = serializers.CharField()
    verdict = serializers.ChoiceField(choices=Verdict.choices())
    note = serializers.CharField(allow_blank=True)
    at = serializers.DateTimeField()
    standing = serializers.ChoiceField(choices=OUTCOME_CHOICES, allow_null=True)
    since = serializers.DateTimeField(allow_null=True)


class CaseShape(serializers.Serializer[Any]):
    """What gave reason to look at how a player plays, and what became of it."""

    id = serializers.IntegerField()
    player_id = serializers.CharField()
    state = serializers.ChoiceField(choices=State.choices())
    reasons = CaseReasonShape(many=True)
    stake = serializers.FloatField()
    weight = serializers.FloatField(help_text="Its place in the queue: -log10(tail) * stake, the greatest first.")
    withheld = serializers.BooleanField(help_text="Whether the player's rewards were withheld because of it.")
    opened_at = serializers.DateTimeField()
    due_at = serializers.DateTimeField()
    decided_at = serializers.DateTimeField(allow_null=True)
    standing = serializers.ChoiceField(choices=OUTCOME_CHOICES, allow_null=True)
    since = serializers.DateTimeField(allow_null=True)
    appeal = serializers.CharField(allow_null=True)
    appealed_at = serializers.DateTimeField(allow_null=True)
    votes = VoteShape(many=True)


class WholeCaseShape(CaseShape):
    evidence = JsonObject(
        help_text="What was known of the player when it was opened and with each finding that joined it: `{gaps, hours,"
        " types, sessions, findings}`."
    )


class OwnCaseShape(serializers.Serializer[Any]):
    """A case as its player is shown it."""

    id = serializers.IntegerField()
    state = serializers.ChoiceField(choices=State.choices())
    families = serializers.ListField(
        child=serializers.CharField(), help_text="Which side of how they play: rhythm, endurance, volume, identity."
    )
    opened_at = serializers.DateTimeField()
    due_at = serializers.DateTimeField()
    decided_at = serializers.DateTimeField(allow_null=True)
    appealed_at = serializers.DateTimeField(allow_null=True)
    closed_at = serializers.DateTimeField(allow_null=True)
    may_appeal = serializers.BooleanField()


class EffectShape(serializers.Serializer[Any]):
    """What a verdict would take. Amounts are by currency, `points`, `xp` or `item:<id>`."""

    distributions = serializers.ListField(
        child=JsonObject(
            help_text="`{id, reward_id, type, was, withheld, taken, owed}`. `was`: its status before. `taken` and"
            " `owed` are amounts; of items, quantities by item."
        )
    )
    achievements = serializers.ListField(child=JsonObject(help_text="`{id, occurrence, points}`."))
    takes = serializers.DictField(child=serializers.IntegerField(), help_text="What the player still has of it.")
    owes = serializers.DictField(child=serializers.IntegerField(), help_text="What is spent, and becomes a debt.")


class ReportedShape(serializers.Serializer[Any]):
    player_id = serializers.CharField()
    rule = serializers.CharField()
    day = serializers.DateField()
    is_new = serializers.BooleanField(help_text="Whether the rule had found nothing of this player that day.")
    case = serializers.IntegerField(allow_null=True, help_text="The case that it opened or joined.")
