"""Deletes what is past its retention; docs/operators.md says it table by table.

Every chore here may run twice, or in two processes at once. Rows go in chunks, each a transaction of its own: a longer
one would keep SQLite's only writer waiting.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models import Exists, F, IntegerField, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import StrIndex, Substr

from achievements.models import Standing
from anticheat.models import Finding, StatisticalFinding
from gamification.feed.models import MESSAGES_KEPT, MESSAGES_KEPT_FOR, Message
from gamification.kernel.content import publishing
from gamification.kernel.core import liveness
from gamification.kernel.core.encoding import instant
from gamification.kernel.models import Event, PublicationHead, RejectedEvent, WorkerHeartbeat
from gamification.kernel.storage import claims
from progress.models import Backfill, MemberSeen, Player, Tally, WindowSample
from progress.rule_index import RuleIndex
from progress.rules.windows import WINDOW_MEMORY
from quests.models import Run
from quests.reading import HISTORY
from quests.running import Status

CHUNK = 5_000
"""Rows deleted in one transaction."""
CUT_MARGIN = timedelta(minutes=10)
"""How much older than the limit an event must be to be deleted. A batch that began just before the cut refuses by its
own clock whatever the cut deletes, so it cannot take a copy of a deleted event for a new one."""
REJECTED_KEPT_FOR = timedelta(days=30)
"""For how long a game server may ask what was refused."""
MAX_PERIOD = timedelta(days=63)
"""A month, and the one more that the first under a new time zone may last."""
JOBS_KEPT_FOR = timedelta(days=90)


def forget_events(now: datetime) -> None:
    """Delete events past retention, and what anti-cheat found of them; held ones stay until a person has decided.

    The cut is on record before the first event is gone: from then on anything older is refused, whatever the setting
    says later.
    """
    if not settings.EVENT_RETENTION_DAYS:
        return
    cut = now - timedelta(days=settings.EVENT_RETENTION_DAYS) - CUT_MARGIN
    past = Event.objects.filter(timestamp__lt=cut).exclude(state=Event.State.HELD)
    if not past.exists():
        return
    with transaction.atomic():
        PublicationHead.objects.get_or_create(pk=1)
        PublicationHead.objects.filter(Q(retention_cut=None) | Q(retention_cut__lt=cut), pk=1).update(retention_cut=cut)
    _delete(past)
    _delete(Finding.objects.filter(timestamp__lt=cut).exclude(status=Finding.Status.HELD))
    _delete(StatisticalFinding.objects.filter(found_at__lt=cut))


def forget_periods(now: datetime) -> None:
    """Delete what was counted in periods that no event can reach any more: all of theirs are past retention, and none
    of the player's that old is held. What was completed in them stays.
    """
    cut = PublicationHead.objects.filter(pk=1).values_list("retention_cut", flat=True).first()
    if cut is None:
        return
    opened_before = instant(cut - MAX_PERIOD)
    held = Event.objects.filter(state=Event.State.HELD, timestamp__lt=cut).values("player_id")
    for model in (MemberSeen, Tally):
        of_periods = model._default_manager.filter(scope__contains="#").exclude(player_id__in=held)
        opening = Substr("scope", StrIndex("scope", Value("#")) + 1)
        _delete(of_periods.annotate(opens=opening).filter(opens__lt=opened_before))
    unfinished = Standing.objects.filter(completed_at__isnull=True, revoked_at__isnull=True)
    unreachable = unfinished.filter(occurrence__contains="-", occurrence__lt=opened_before)
    _delete(unreachable.exclude(player_id__in=held))


def forget_window_samples(now: datetime) -> None:
    """Delete the samples that no window can hold any more: those that are older than their player's newest of the
    metric by the longest window and 35 days, and those of metrics that no time frame asks for.
    """
    rules = publishing.current()
    for metric, (longest, _) in rules[RuleIndex].windows.items():
        memory = WINDOW_MEMORY + timedelta(seconds=longest)
        mine = Tally.objects.filter(player_id=OuterRef("player_id"), metric_id=metric, scope="")
        samples = WindowSample.objects.filter(metric_id=metric, at__lt=now - WINDOW_MEMORY)
        _delete(samples.filter(Exists(mine.filter(latest_at__gt=OuterRef("at") + memory))), rules.number)
    _delete(WindowSample.objects.exclude(metric_id__in=rules[RuleIndex].windows), rules.number)


def forget_answers(now: datetime) -> None:
    _delete(claims.expired(now))


def forget_rejected(now: datetime) -> None:
    _delete(RejectedEvent.objects.filter(rejected_at__lt=now - REJECTED_KEPT_FOR))


def forget_messages(now: datetime) -> None:
    _delete(Message.objects.filter(created_at__lt=now - MESSAGES_KEPT_FOR))
    last_seq = Subquery(Player.objects.filter(pk=OuterRef("player_id")).values("last_seq")[:1])
    over_limit = Player.objects.filter(last_seq__gt=MESSAGES_KEPT).values("pk")
    _delete(Message.objects.filter(player_id__in=over_limit, seq__lte=last_seq - MESSAGES_KEPT))


def forget_runs(now: datetime) -> None:
    """Delete closed runs of a quest beyond the newest that are shown; the last completed one always stays."""
    of_same = Run.objects.filter(player_id=OuterRef("player_id"), quest_id=OuterRef("quest_id"))
    newest = Subquery(of_same.filter(is_newest=True).values("run")[:1], output_field=IntegerField())
    completed_later = of_same.filter(status=Status.COMPLETED, run__gt=OuterRef("run"))
    # The open one is always the newest.
    beyond = Run.objects.filter(is_newest=False).annotate(newest=newest).filter(run__lt=F("newest") - HISTORY)
    _delete(beyond.filter(~Q(status=Status.COMPLETED) | Exists(completed_later)))


def forget_jobs(now: datetime) -> None:
    """Delete backfills and previews that were finished long ago; the newest of a publication says how far all are."""
    finished = Backfill.objects.filter(state=Backfill.State.DONE, finished_at__lt=now - JOBS_KEPT_FOR)
    newest = Backfill.objects.filter(preview__isnull=True).order_by("-publication").values_list("pk", flat=True)[:1]
    _delete(finished.exclude(pk__in=list(newest)))


def forget_sessions(now: datetime) -> None:
    """Delete the sessions of people at the console that have ended."""
    _delete(Session.objects.filter(expire_date__lt=now))


def _delete(rows: QuerySet[Any], publication: int | None = None) -> None:
    """Delete rows in the order of their keys, so that one pass finds them all. With a publication: as long as it is the
    newest, since after another one they may be wanted again.
    """
    last = None
    while True:
        liveness.still_busy()
        with transaction.atomic():
            if publication is not None and publishing.lock().number != publication:
                return
            left = rows if last is None else rows.filter(pk__gt=last)
            chunk = list(left.order_by("pk").values_list("pk", flat=True)[:CHUNK])
            rows.model._default_manager.filter(pk__in=chunk).delete()
        if len(chunk) < CHUNK:
            return
        last = chunk[-1]


def forget_workers(now: datetime) -> None:
    """Delete the rows of workers that have shown no heartbeat for a day: they have ended."""
    _delete(WorkerHeartbeat.objects.filter(at__lt=now - timedelta(days=1)).order_by("pk"))
