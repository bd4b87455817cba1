"""What nobody uses: content without completions, metrics without samples, events that nothing listens to."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from django.db import connection
from django.db.models import Sum

from gamification.analytics.models import RollUp
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
    asked = [(kind, id_, measure) for kind, wanted in _MEASURES.items() for id_ in in_play.get(kind, ())
             for measure in wanted]  # fmt: skip
    happened = _happened(asked, span)
    for kind in ("achievement", "quest"):
        for id_ in in_play.get(kind, ()):
            if (kind, id_, "completed") not in happened:
                is_far = (kind, id_, "begun") in happened and (kind, id_, "quarter") not in happened
                yield kind, id_, NOBODY_IS_NEAR if is_far and kind == "achievement" else NEVER_COMPLETED
    for id_ in in_play.get("reward", ()):
        if ("reward", id_, "claims") not in happened:
            yield "reward", id_, NEVER_CLAIMED
    days = MetricDay.objects.filter(day__gte=span.first, day__lte=span.last).values("metric_id")
    sampled = {id_ for id_, samples in days.annotate(sum=Sum("samples")).values_list("metric_id", "sum") if samples}
    for id_ in in_play.get("metric", set()) - sampled:
        yield "metric", id_, NO_SAMPLES
    heard = {metric.event_type for metric in rules[Metrics].values()} | OWN_TYPES | {REPORTED}
    types = span.of(kind="event", measure="events", amount__gt=0).exclude(subject__in=heard)
    for type_ in types.values_list("subject", flat=True).distinct():
        yield "event_type", type_, NOT_LISTENED_TO


_AT_ONCE = 5_000
_MEASURES = {"achievement": ("begun", "quarter", "completed"), "quest": ("completed",), "reward": ("claims",)}


def _happened(asked: list[tuple[str, str, str]], span: Span) -> set[tuple[str, str, str]]:
    """Those figures, by kind, subject and measure, that are more than nothing on any of these days. Each is looked up
    by the index: adding all of them up would read most of the table.
    """
    found: set[tuple[str, str, str]] = set()
    table = connection.ops.quote_name(RollUp._meta.db_table)
    for begins in range(0, len(asked), _AT_ONCE):
        part = asked[begins : begins + _AT_ONCE]
        rows = ", ".join(["(%s, %s, %s)"] * len(part))
        with connection.cursor() as cursor:
            cursor.execute(
                f"WITH asked (kind, subject, measure) AS (VALUES {rows}) SELECT kind, subject, measure FROM asked"  # noqa: S608
                f" WHERE EXISTS (SELECT 1 FROM {table} AS f WHERE f.kind = asked.kind AND f.subject = asked.subject"
                " AND f.measure = asked.measure AND f.day BETWEEN %s AND %s AND f.amount > 0)",
                [*chain.from_iterable(part), span.first.isoformat(), span.last.isoformat()],
            )
            found.update(cursor.fetchall())
    return found
