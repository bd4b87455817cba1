"""Backfills: counting players' pasts for what was newly published, some players at a time, and previews of it.

gamification.replaying says how one player is filled; here is who is, and what the job says of it.
"""

from __future__ import annotations

import logging
import math
import time
from datetime import datetime

from django.db import OperationalError
from django.db.models import F
from django.db.models.functions import Least

from achievements.completing import Shelf
from gamification.kernel import publishing
from gamification.kernel.messages import PlayerId
from gamification.kernel.publishing import Change, Unpublishable
from gamification.kernel.world import World
from gamification.replaying import fill, kept_events, replay
from progress.metering import Books
from progress.models import Backfill, Player

CHUNK = 20
"""Players a transaction."""

NOBODY = "~"
"""No player can be called so: the cursor of what is finished."""

log = logging.getLogger(__name__)


class _Impatient(Exception):
    """The time that was given is up; the clock goes on with the rest."""


def run_pending(now: datetime, *, seconds: float = math.inf) -> int:
    """Run what was asked for, oldest first, and whoever was missed; says how many players were looked at.

    Stops after `seconds`: what is left is taken up by the next run. Two runs at once do each player once.
    """
    deadline, done = time.monotonic() + seconds, 0
    try:
        unfinished = Backfill.objects.filter(state__in=(Backfill.State.PENDING, Backfill.State.RUNNING))
        for job in unfinished.order_by("id"):
            done += _run(job, now, deadline)
        newest = (
            Backfill.objects.filter(preview__isnull=True, state=Backfill.State.DONE).order_by("-publication").first()
        )
        if newest is not None:  # a player first seen by a batch that began before the publication
            while missed := _behind(newest.publication, deadline):
                done += fill(missed, now=now).looked_at
    except _Impatient:
        log.info("the backfill goes on by the clock")
    return done


def _run(job: Backfill, now: datetime, deadline: float) -> int:
    if job.state == Backfill.State.PENDING:
        Backfill.objects.filter(pk=job.pk).update(state=Backfill.State.RUNNING, players_total=_total(job))
    state, detail, players = Backfill.State.DONE, "", 0
    try:
        players = _preview(job, deadline) if job.preview else _fill_all(job, now, deadline)
    except Unpublishable as refused:
        state, detail = Backfill.State.FAILED, str(refused.errors)
    except (_Impatient, OperationalError):  # a database that is away or busy comes back
        raise
    except Exception:
        log.exception("backfill %s stopped", job.pk)
        state, detail = Backfill.State.FAILED, "It stopped for an error of the service; the log says which."
    # The cursor names a player, whom nobody would find here when that one is to be erased.
    Backfill.objects.filter(pk=job.pk).update(state=state, detail=detail, finished_at=now, cursor=NOBODY)
    return players


def _total(job: Backfill) -> int:
    return (Player.objects.all() if job.preview else Player.objects.filter(filled__lt=job.publication)).count()


def _behind(publication: int, deadline: float) -> list[PlayerId]:
    if time.monotonic() > deadline:
        raise _Impatient
    behind = Player.objects.filter(filled__lt=publication).order_by("player_id")
    return list(behind.values_list("player_id", flat=True)[:CHUNK])


def _fill_all(job: Backfill, now: datetime, deadline: float) -> int:
    looked_at = 0
    while chunk := _behind(job.publication, deadline):
        filled = fill(chunk, now=now)
        looked_at += filled.looked_at
        Backfill.objects.filter(pk=job.pk).update(
            players_done=Least(F("players_done") + filled.looked_at, F("players_total")),
            would_complete=F("would_complete") + filled.completed,
        )
    return looked_at


def _preview(job: Backfill, deadline: float) -> int:
    """How many players would complete what the definition says. Nothing of any player changes."""
    wanted = job.preview
    assert wanted is not None
    rules = publishing.rehearse([Change(wanted["kind"], wanted["id"], wanted["definition"])])
    players, looked_at = Player.objects.order_by("player_id"), 0
    while chunk := list(players.filter(player_id__gt=job.cursor).values_list("player_id", flat=True)[:CHUNK]):
        if time.monotonic() > deadline:
            raise _Impatient
        world = World(now=job.created_at, player_ids=chunk)
        world.rules = rules
        books, shelf = Books(world), Shelf(world)
        world.add(books)
        world.add(shelf)
        books.read_players()
        shelf.read_all()
        would = 0
        for player in books.players.values():
            past = replay(rules, player, kept_events(player.player_id), shelf, now=world.now)
            completed = {achievement.id for _, achievement, _ in past[Shelf].completed}
            would += wanted["id"] in completed if wanted["kind"] == "achievement" else bool(completed)
        after, job.cursor = job.cursor, chunk[-1]
        Backfill.objects.filter(pk=job.pk, cursor=after).update(  # whoever else runs it counts these players not again
            cursor=job.cursor,
            players_done=F("players_done") + len(chunk),
            would_complete=F("would_complete") + would,
        )
        looked_at += len(chunk)
    return looked_at
