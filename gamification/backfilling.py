"""Backfills: counting players' pasts for what was newly published, some players at a time, and previews of it.

gamification.replaying counts the past of one player. This module chooses whose is counted, and notes in the job how far
it has come.
"""

from __future__ import annotations

import logging
import math
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from hashlib import blake2b
from heapq import nsmallest
from itertools import chain
from typing import Any

from django.db import OperationalError
from django.db.models import F, QuerySet, Value
from django.db.models.functions import Least

from achievements.rules import AchievementRules
from achievements.standings import Standings
from gamification.kernel.content import publishing
from gamification.kernel.content.previews import Figures, Found, Gain
from gamification.kernel.content.publishing import Change, Rules, Unpublishable
from gamification.kernel.core.halving import Parts
from gamification.kernel.core.messages import PlayerId
from gamification.kernel.core.world import World
from gamification.kernel.storage import shares
from gamification.replaying import Backfilled, Kept, backfill, kept_events, replay
from progress.models import Backfill, LeftOut, Player
from progress.players import Players
from rewards.rules import RewardRules, Source, distribution_id, paid

CHUNK = 20
"""How many players are counted in one transaction."""
RETRY_AFTER = timedelta(hours=1)
"""How long the clock waits before it tries again whom a backfill left out. The next backfill tries them at once."""

SAMPLE = 200
"""How many players a preview looks at first, where there are more."""

END = "~"
"""The cursor of a job that is finished: no player can have this id."""

log = logging.getLogger(__name__)


class _OutOfTime(Exception):
    """The time that a run was given is over; the clock's next run goes on with the rest."""


def run_pending(now: datetime, *, seconds: float = math.inf) -> int:
    """Run the jobs that were asked for, oldest first, then count whoever they missed. Returns how many players were
    looked at.

    It stops after `seconds`, and the next run goes on with the rest. Two runs at once count each player once.
    """
    deadline, done = time.monotonic() + seconds, 0
    try:
        unfinished = Backfill.objects.filter(state__in=(Backfill.State.PENDING, Backfill.State.RUNNING))
        for job in unfinished.order_by("id"):
            done += _run(job, now, deadline)
        finished = Backfill.objects.filter(preview__isnull=True, state=Backfill.State.DONE)
        if newest := finished.order_by("-publication").first():
            done += _backfill_missed(newest.publication, now, deadline)
    except _OutOfTime:
        log.info("the backfill goes on by the clock")
    return done


def _run(job: Backfill, now: datetime, deadline: float) -> int:
    begins = Backfill.objects.filter(pk=job.pk, state=Backfill.State.PENDING)
    # A backfill that runs again adds to what its earlier runs found; a preview begins anew.
    would_complete = Value(0) if job.preview else F("would_complete")
    begins.update(
        state=Backfill.State.RUNNING,
        players_done=0,
        players_total=_total(job),
        would_complete=would_complete,
        found={},
        cursor="",
    )
    job.refresh_from_db()
    state, detail, players = Backfill.State.DONE, "", 0
    try:
        if job.preview:
            players, detail = _preview(job, deadline)
        else:
            players = _backfill_all(job, now, deadline)
    except Unpublishable as refused:
        state, detail = Backfill.State.FAILED, str(refused.errors)
    except (_OutOfTime, OperationalError):  # a database that is away or busy comes back
        raise
    except Exception:
        log.exception("backfill %s stopped", job.pk)
        state, detail = Backfill.State.FAILED, "It stopped for an error of the service; the log says which."
    # The cursor names a player: a finished job needs it no more, so it is not kept.
    Backfill.objects.filter(pk=job.pk).update(state=state, detail=detail, finished_at=now, cursor=END)
    return players


def _total(job: Backfill) -> int:
    players = Player.objects.all() if job.preview else _behind(job.publication)
    return sum(shares.each(players.count))


# -- backfilling -------------------------------------------------------------------------------------------------------


def _behind(publication: int) -> QuerySet[Player]:
    """The players whose past is still to be counted. The banned wait until they are let in again: while they are banned
    they earn nothing.
    """
    return Player.objects.filter(backfilled_to__lt=publication, banned=False)


def _backfill_all(job: Backfill, now: datetime, deadline: float) -> int:
    return sum(_backfill_share(job, share, now, deadline) for share in shares.every())


def _backfill_share(job: Backfill, share: int, now: datetime, deadline: float) -> int:
    tried = LeftOut.objects.filter(backfill=job.pk)
    looked_at = 0
    for chunk in _chunks(share, _behind(job.publication).exclude(player_id__in=tried.values("player_id")), deadline):
        outcome = _backfill(chunk, job.pk, now)
        looked_at += outcome.looked_at
        Backfill.objects.filter(pk=job.pk).update(
            players_done=Least(F("players_done") + outcome.looked_at, F("players_total")),
            would_complete=F("would_complete") + outcome.completed,
        )
    return looked_at


def _backfill_missed(publication: int, now: datetime, deadline: float) -> int:
    """Backfill whoever was missed: first seen by a batch that began before the publication, banned then, or left out
    (these are tried only now and then).
    """
    tried = LeftOut.objects.filter(tried_at__gt=now - RETRY_AFTER)
    players = _behind(publication).exclude(player_id__in=tried.values("player_id"))
    chunks = chain.from_iterable(_chunks(share, players, deadline) for share in shares.every())
    return sum(_backfill(chunk, None, now).looked_at for chunk in chunks)


def _chunks(share: int, players: QuerySet[Player], deadline: float) -> Iterator[list[PlayerId]]:
    """The players' ids in a share, some at a time, until `players` is empty: the caller must make those it took leave
    it."""
    ids = players.order_by("player_id").values_list("player_id", flat=True)[:CHUNK]
    while chunk := _found(share, ids):
        if time.monotonic() > deadline:
            raise _OutOfTime
        yield chunk


def _found(share: int, ids: QuerySet[Any]) -> list[PlayerId]:
    with shares.within(share):
        return list(ids.all())


def _backfill(player_ids: Sequence[PlayerId], job: int | None, now: datetime) -> Backfilled:
    """Count the past of these players. Where that fails, halves of them, until the one whose past cannot be replayed
    stands alone and is left out by name.
    """
    looked_at = completed = 0
    todo = Parts(player_ids)
    while todo:
        part = todo.next
        try:
            outcome = backfill(part, now=now)
        except OperationalError:
            raise
        except Exception as problem:
            if len(part) > 1:
                todo.halve()
                continue
            log.warning("the past of player %s cannot be replayed", part[0], exc_info=True)
            _leave_out(part[0], problem, job, now)
        else:
            looked_at += outcome.looked_at
            completed += outcome.completed
        todo.done()
    return Backfilled(looked_at, completed)


def _leave_out(player_id: PlayerId, problem: Exception, job: int | None, now: datetime) -> None:
    said = f"{type(problem).__name__}: {problem}".splitlines()[0][:300]
    with shares.of(player_id):
        player = Player.objects.select_for_update().filter(pk=player_id).first()
        if player is not None:  # erased in the meantime
            found = {"backfilled_to": player.backfilled_to, "reason": said, "backfill": job, "tried_at": now}
            LeftOut.objects.update_or_create(player_id=player_id, defaults=found)


# -- previews ----------------------------------------------------------------------------------------------------------


def _preview(job: Backfill, deadline: float) -> tuple[int, str]:
    """Count how many players would complete what the definition says, of a sample first; nothing of any player changes.

    Returns how many were looked at, and the job's `detail`: which pasts could not be read.
    """
    preview = job.preview
    assert preview is not None
    rules = publishing.dry_run([Change(preview["kind"], preview["id"], preview["definition"])])
    found = Found(job.found)
    if not job.cursor and job.players_total > SAMPLE:
        _look_at_a_sample(job, found, rules, deadline)
    players = Player.objects.order_by("player_id").values_list("player_id", flat=True)
    looked_at = unreadable = 0
    first, after = job.place()
    for share in shares.every()[first:]:
        with shares.within(share):
            while chunk := list(players.filter(player_id__gt=after)[:CHUNK]):
                if time.monotonic() > deadline:
                    raise _OutOfTime
                gains = found.of_all.gains
                unreadable += _look_at(job, found.of_all, rules, chunk)
                _move_on(job, chunk[-1], found, len(chunk), found.of_all.gains - gains)
                looked_at += len(chunk)
                after = chunk[-1]
        after = ""
        if share + 1 in shares.every():
            _move_on(job, Backfill.beginning(share + 1), found)
    said = f"The pasts of {unreadable} players could not be replayed; the log names them." if unreadable else ""
    return looked_at, said


def _look_at_a_sample(job: Backfill, found: Found, rules: Rules, deadline: float) -> None:
    """Look at some players whom chance has chosen, always the same: what their ids are hashed to."""

    def luck(player_id: PlayerId) -> bytes:
        return blake2b(player_id.encode(), digest_size=8).digest()

    ids = Player.objects.values_list("player_id", flat=True)
    drawn = nsmallest(SAMPLE, chain.from_iterable(shares.each(lambda: list(ids.iterator()))), key=luck)
    for player_id in drawn[found.of_sample.players :]:
        if time.monotonic() > deadline:
            raise _OutOfTime
        with shares.within_share_of(player_id):
            _look_at(job, found.of_sample, rules, [player_id])
        Backfill.objects.filter(pk=job.pk, cursor="").update(found=found.dump())


def _look_at(job: Backfill, figures: Figures, rules: Rules, player_ids: list[PlayerId]) -> int:
    """Take in what these players would complete. Returns of how many the past could not be read."""
    world = World(now=job.created_at, player_ids=player_ids)
    world.rules = rules
    for part in (Players, Standings):
        world.add(part(world))
    standings = world[Standings]
    world[Players].read_unlocked()
    standings.read_all()
    unreadable = 0
    preview: Any = job.preview
    bit = rules[AchievementRules].bits.get(preview["id"], 0) if preview["kind"] == "achievement" else 0
    for player in world[Players].by_id.values():
        events = kept_events(player.player_id)
        try:
            past = replay(rules, player, events, standings, now=world.now)
        except OperationalError:
            raise
        except Exception:
            log.warning("the past of player %s cannot be replayed", player.player_id, exc_info=True)
            unreadable += 1
            continue
        figures.add(_gain(preview, past, events), keeps=bool(player.earned & bit))
    return unreadable


def _gain(preview: dict[str, Any], past: World, events: Sequence[Kept]) -> Gain | None:
    """What the player would get of it: of another kind of content, all that is new."""
    completed = [
        each for each in past[Standings].completed if preview["kind"] != "achievement" or each[1].id == preview["id"]
    ]
    if not completed:
        return None
    pays: Counter[str] = Counter()
    for player, achievement, occurrence in completed:
        for line, reward_id in enumerate(achievement.rewards):
            id_ = distribution_id(player.player_id, Source.ACHIEVEMENT, achievement.id, occurrence, line)
            currency, amount = paid(past.rules[RewardRules], reward_id, id_)
            if amount:
                pays[currency] += amount
    first = min(
        past[Standings].standings[player.player_id, achievement.id, occurrence].completed_at or past.now
        for player, achievement, occurrence in completed
    )
    began = events[0].event.timestamp if events else first
    return Gain(completed[0][0].player_id, max(0.0, (first - began).total_seconds()), pays)


def _move_on(job: Backfill, to: str, found: Found, players: int = 0, would_complete: int = 0) -> None:
    after, job.cursor = job.cursor, to
    # Of two runs at once only one finds the job at this cursor, so no player is added twice.
    Backfill.objects.filter(pk=job.pk, cursor=after).update(
        cursor=job.cursor,
        players_done=F("players_done") + players,
        would_complete=F("would_complete") + would_complete,
        found=found.dump(),
    )
