"""Rules, what they remember of each player, the events they hold, how players play, and what was found of it."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.utils import timezone

from anticheat import judging, rules, verdicts
from gamification.kernel.core.fact_types import OWN_TYPES
from gamification.kernel.models import ActorField

FOUND_BY_THE_SERVICE = ("banned", "cascade", "id_reused")
"""What a finding names as its rule where it broke none that an author wrote."""


KIND_CHOICES = [
    *((name, kind.label) for name, kind in rules.KINDS.items()),
    *((name, kind.label) for name, kind in judging.KINDS.items()),
]
STATISTICAL = tuple(judging.KINDS)


class Rule(models.Model):
    """A hard rule about one metric's samples or one event type, or a statistical one about how players play."""

    personal = ()

    class Action(models.TextChoices):
        HOLD = rules.HOLD, "hold the event for a person to decide"
        SHADOW = verdicts.SHADOW, "show it to reviewers only"
        FLAG = rules.FLAG, "let it count, but note it"
        WITHHOLD = verdicts.WITHHOLD, "withhold what the player earns, once it is certain"

    name = models.SlugField(max_length=64, unique=True)
    kind = models.CharField(max_length=16, choices=KIND_CHOICES)
    metric = models.ForeignKey("progress.Metric", null=True, blank=True, on_delete=models.CASCADE, related_name="+")
    event_type = models.CharField(max_length=64, blank=True, default="")
    minimum = models.FloatField(null=True, blank=True)
    maximum = models.FloatField(null=True, blank=True)
    seconds = models.PositiveIntegerField(null=True, blank=True, help_text="window, cooldown or greatest skew")
    action = models.CharField(max_length=8, choices=Action.choices, default=Action.HOLD)
    parameters = models.JSONField(null=True, blank=True, default=dict)
    """Of a statistical rule: what differs from its kind's defaults."""
    slot = models.PositiveSmallIntegerField(null=True, editable=False)
    """Of a statistical rule: its bit in each profile, which says that it has judged this player."""
    is_enabled = models.BooleanField(default=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(metric__isnull=False, event_type="")
                | (Q(metric__isnull=True) & ~Q(event_type=""))
                | Q(kind__in=STATISTICAL, metric__isnull=True, event_type=""),
                name="a_metric_an_event_type_or_all_play",
            )
        ]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """Refuse a rule that lacks what its kind needs, or says what its kind ignores, for the form to show."""
        wrong = dict(self._wrong())
        if wrong:
            raise ValidationError(wrong)

    @property
    def is_statistical(self) -> bool:
        return self.kind in judging.KINDS

    def _wrong(self) -> Iterator[tuple[str, str]]:
        if self.is_statistical:
            yield from self._wrong_with_statistics()
            return
        if self.action not in (rules.HOLD, rules.FLAG):
            yield "action", "A hard rule holds the event, or flags it."
        kind = rules.KINDS.get(self.kind)
        if self.name in FOUND_BY_THE_SERVICE:
            yield "name", "The service itself uses this name."
        if (self.metric_id is None) == (self.event_type == ""):
            yield "event_type", "A rule is about a metric or about an event type: one of the two."
        elif self.event_type and not re.fullmatch(r"[a-z0-9._-]{1,64}", self.event_type):
            yield "event_type", "An event type is 1 to 64 of a-z 0-9 . _ -"
        elif self.event_type in OWN_TYPES:
            yield "event_type", "The service states these events itself; they are not screened."
        elif self.event_type and kind is not None and kind.is_about_values:
            yield "metric", "Only a metric gives an event a value: choose one, and no event type."
        if kind is None:
            return
        for name in ("minimum", "maximum", "seconds"):
            value = getattr(self, name)
            if value is None and name in kind.needs:
                yield name, "This kind of rule needs it."
            elif value is not None and name not in kind.fields:
                yield name, "This kind of rule has no use for it."
            elif value is not None and not math.isfinite(value):
                yield name, "A finite number is expected."
            elif name == "seconds" and value == 0:
                yield name, "At least one second."
        if self.kind == "VALUE_RANGE":
            if self.minimum is None and self.maximum is None:
                yield "maximum", "Give a minimum, a maximum or both."
            elif self.minimum is not None and self.maximum is not None and self.minimum > self.maximum:
                yield "maximum", "The maximum is below the minimum."
        elif self.maximum is not None and self.maximum < 0:
            yield "maximum", "Not below 0."

    def _wrong_with_statistics(self) -> Iterator[tuple[str, str]]:
        if self.name in FOUND_BY_THE_SERVICE:
            yield "name", "The service itself uses this name."
        if self.action == rules.HOLD:
            yield "action", "Only a hard rule can hold an event."
        for name in ("metric_id", "event_type", "minimum", "maximum", "seconds"):
            if getattr(self, name) not in (None, ""):
                yield name.removesuffix("_id"), "This kind of rule looks at all that players do."
        known = judging.KINDS[self.kind].parameters
        for name, value in (self.parameters or {}).items():
            if name not in known:
                yield "parameters", f"{self.kind} has no {name}: {', '.join(known)}."
            elif isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
                yield "parameters", f"{name}: a number from 0 on is expected."


class Trail(models.Model):
    """What a rule remembers of a player: `[[instant, amount], …]`, newest last, no more than the rule needs."""

    personal = ("player_id", "seen")

    player_id = models.CharField(max_length=64)
    rule = models.CharField(max_length=64)
    seen = models.JSONField(default=list)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["player_id", "rule"], name="one_trail_a_rule")]

    def __str__(self) -> str:
        return f"{self.rule} of {self.player_id}"


class Finding(models.Model):
    """An event that broke a rule: held until a person releases or dismisses it, or merely flagged."""

    personal = ("player_id", "event_id", "values", "decision_reason")
    shown_to_player = ("event_id", "type", "status", "timestamp", "found_at", "decided_at")

    class Status(models.TextChoices):
        HELD = "HELD"
        RELEASED = "RELEASED"
        DISMISSED = "DISMISSED"
        FLAGGED = "FLAGGED"

    player_id = models.CharField(max_length=64)
    event_id = models.CharField(max_length=64)
    type = models.CharField(max_length=64)
    rule = models.CharField(max_length=64)
    """The rule's name; `banned`, `cascade` or `id_reused` where the service itself found it."""
    values = models.JSONField(default=dict)
    status = models.CharField(max_length=9, choices=Status.choices, default=Status.HELD)
    timestamp = models.DateTimeField()
    found_at = models.DateTimeField()
    decided_at = models.DateTimeField(null=True)
    decided_by = ActorField()
    decision_reason = models.TextField(blank=True, default="", db_default="")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["player_id", "event_id", "rule"], name="one_finding_a_rule")]
        indexes = [
            models.Index(fields=["status", "id"]),
            models.Index(fields=["rule", "status", "id"], name="findings_of_a_rule"),
            models.Index(fields=["rule", "id"], name="newest_findings_of_a_rule"),
        ]

    def __str__(self) -> str:
        return f"{self.rule}: {self.event_id}"


class StatisticalFinding(models.Model):
    """How somebody played on a day was beyond what a rule takes for honest. It touches no event: people decide."""

    personal = ("player_id", "evidence")

    player_id = models.CharField(max_length=64)
    rule = models.CharField(max_length=64)
    day = models.DateField()
    """The day of arrival, in UTC, of the event at which it was found."""
    kind = models.CharField(max_length=24)
    family = models.CharField(max_length=16)
    """rhythm, endurance, volume or identity: rules of different families see different things."""
    action = models.CharField(max_length=8)
    """What the rule was to do at that time: SHADOW, FLAG or WITHHOLD."""
    value = models.FloatField(null=True)
    limit = models.FloatField(null=True)
    n = models.PositiveBigIntegerField(null=True)
    """The size of the sample: gaps, events, completions."""
    since = models.DateTimeField(null=True)
    until = models.DateTimeField(null=True)
    """The timestamps of the first and the last event that the value is of."""
    log10_tail = models.FloatField(null=True)
    """The logarithm of the probability that an honest player comes this far; -9 is one in a billion."""
    source = models.CharField(max_length=64)
    """`profiler`, or who else found it."""
    evidence = models.JSONField(default=dict)
    found_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["player_id", "rule", "day"], name="one_a_player_rule_and_day")]
        indexes = [models.Index(fields=["rule", "id"], name="play_found_by_a_rule")]

    def __str__(self) -> str:
        return f"{self.rule}: {self.player_id} on {self.day}"


class PlayProfile(models.Model):
    """How a player plays, as the profiler knows it: no more than 2 KB, whatever they do."""

    personal = ("player_id", "state", "device")

    player_id = models.CharField(primary_key=True, max_length=64)
    state = models.BinaryField()
    device = models.BigIntegerField(null=True, db_index=True)
    """A hash of the device that their events last named."""

    def __str__(self) -> str:
        return self.player_id


class CohortPart(models.Model):
    """What players have in common: of an event type, a currency or a piece of content. Sums, which name nobody."""

    personal = ()

    key = models.CharField(primary_key=True, max_length=160)
    state = models.BinaryField()

    def __str__(self) -> str:
        return self.key
