"""What nobody uses: content without completions, metrics without samples, events that nothing listens to."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator

from django.db.models import Sum

from gamification.analytics.queries import Row, Span
from gamification.compiling import Metrics
from gamification.kernel.content import publishing
from gamification.kernel.core.fact_types import OWN_TYPES
from gamification.kernel.core.messages import REPORTED
from progress.models import MetricDay

NEVER_COMPLETED = "never_completed"
NOBODY_IS_NEAR = "nobody_is_near"
"""It was begun, and nobody has come to a quarter of it."""
NO_SAMPLES = "no_samples"
NOT_LISTENED_TO = "not_listened_to"
NEVER_CLAIMED = "never_claimed"
WHYS = (NEVER_COMPLETED, NOBODY_IS_NEAR, NO_SAMPLES, NOT_LISTENED_TO, NEVER_CLAIMED)


def unused(span: Span) -> list[Row]:
    """What is in play and was not used in these days, by kind and id."""
    found = [{"kind": kind, "id": id_, "why": why} for kind, id_, why in _unused(span)]
    return sorted(found, key=lambda row: (row["kind"], row["id"]))


def _unused(span: Span) -> Iterator[tuple[str, str, str]]:
    rules = publishing.current()
    in_play = {
        kind: {id_ for id_, each in published.items() if not each.retired}
        for kind, published in rules.published.items()
    }
    counts: defaultdict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    measures = ("begun", "quarter", "completed", "claims", "events")
    figures = span.of(kind__in=("achievement", "quest", "reward", "event"), measure__in=measures)
    for kind, subject, measure, amount in (
        figures.values("kind", "subject", "measure")
        .annotate(sum=Sum("amount"))
        .values_list("kind", "subject", "measure", "sum")
    ):
        counts[kind, subject][measure] += amount
    for kind in ("achievement", "quest"):
        for id_ in in_play.get(kind, ()):
            seen = counts[kind, id_]
            if seen["completed"] <= 0:
                is_far = kind == "achievement" and seen["begun"] > 0 and seen["quarter"] <= 0
                yield kind, id_, NOBODY_IS_NEAR if is_far else NEVER_COMPLETED
    for id_ in in_play.get("reward", ()):
        if counts["reward", id_]["claims"] <= 0:
            yield "reward", id_, NEVER_CLAIMED
    days = MetricDay.objects.filter(day__gte=span.first, day__lte=span.last).values("metric_id")
    sampled = {id_ for id_, samples in days.annotate(sum=Sum("samples")).values_list("metric_id", "sum") if samples}
    for id_ in in_play.get("metric", set()) - sampled:
        yield "metric", id_, NO_SAMPLES
    heard = {metric.event_type for metric in rules[Metrics].values()} | OWN_TYPES | {REPORTED}
    for kind, subject in list(counts):
        if kind == "event" and subject not in heard and counts[kind, subject]["events"] > 0:
            yield "event_type", subject, NOT_LISTENED_TO
