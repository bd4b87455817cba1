"""Who is shown to others and counted among all players, and that every look across players asks for it.

A roll-up that forgot the condition would show cheats and testers to everybody. So whatever looks across players stands
in a table here: either it asks for those who count publicly, or it says why it need not.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connection

from achievements.models import Standing
from achievements.tasks import roll_up_rarity
from progress.models import Player, Rarity
from progress.player_standing import PlayerStanding, counts_publicly_sql
from progress.queries import of_public
from tests.support.content import NOON, achievement, metric, publish, requirement

BASE: Path = settings.BASE_DIR
ROOMS = ("gamification", "progress", "rewards", "achievements", "quests", "anticheat")
ASKS = ("counts_publicly", "of_public", "counts_publicly_sql", "left_out_publicly")
"""Names by one of which a look asks for those who count publicly."""
ACROSS = ("each", "every", "in_each")
"""What of `storage.shares` somebody calls who looks into more than one player's share."""


WORK = """
gamification/backfilling.py:_backfill_all gamification/backfilling.py:_backfill_missed
gamification/backfilling.py:_behind gamification/backfilling.py:_leave_out gamification/backfilling.py:_total
gamification/clock.py:in_each(expire_rewards) gamification/clock.py:in_each(followers.forget_facts)
gamification/clock.py:in_each(quests.expire_runs) gamification/clock.py:in_each(retention.forget_events)
gamification/clock.py:in_each(retention.forget_messages) gamification/clock.py:in_each(retention.forget_periods)
gamification/analytics/exporting.py:pages gamification/analytics/exporting.py:is_more_than
gamification/analytics/queries.py:complete_until
gamification/analytics/management/commands/rebuild_analytics.py:Command.handle
gamification/analytics/rebuilding.py:_counted gamification/analytics/rebuilding.py:look
gamification/analytics/sinking.py:send_all
gamification/console/management/commands/setup_sample.py:Command.handle
gamification/console/sample/playing_past.py:play
gamification/clock.py:in_each(following.follow)
gamification/clock.py:in_each(retention.forget_rejected) gamification/clock.py:in_each(retention.forget_runs)
gamification/clock.py:in_each(retention.forget_window_samples) gamification/clock.py:in_each(review.lift_standings)
gamification/intake/leases.py:Leases.renew gamification/intake/leases.py:Leases.stop
gamification/relay.py:publish_waiting gamification/relay.py:sweep gamification/retention.py:forget_messages
gamification/review/queries.py:due progress/admin/backfills.py:BackfillAdmin.run_again progress/erasure.py:step_back
quests/tasks.py:move_runs
gamification/clock.py:in_each(profiling.follow) gamification/clock.py:in_each(webhooks.forget)
gamification/intake/heartbeat.py:Unacked.done_of_shares gamification/webhooks/following.py:follow
gamification/webhooks/replaying.py:replay gamification/webhooks/sending.py:_ToEndpoint._send
gamification/webhooks/sending.py:with_messages
"""
"""What is done for every player, whoever they are."""
FOR_STAFF = """
gamification/backfilling.py:_look_at_a_sample gamification/backfilling.py:_preview
gamification/console/at_rabbit.py:_newest_event gamification/console/management/commands/doctor.py:the_backfills
gamification/console/management/commands/doctor.py:the_clock
gamification/console/management/commands/doctor.py:the_facts gamification/console/navigation.py:held
gamification/console/search.py:_players progress/queries.py:beginning_with
gamification/console/search.py:named gamification/console/trying.py:shapes
gamification/console/waiting.py:backfills gamification/console/waiting.py:held_events
gamification/console/waiting.py:the_service gamification/console/waiting.py:unheard
progress/admin/samples.py:of_type progress/models.py:Backfill.left_out quests/queries.py:open_runs
quests/queries.py:runs_on_older_versions
gamification/review/queries.py:verdicts anticheat/proving.py:proof anticheat/proving.py:proofs
anticheat/trying.py:preview gamification/console/invariants.py:the_counts gamification/console/invariants.py:the_feeds
gamification/console/invariants.py:the_marks_of_what_is_earned gamification/console/invariants.py:the_players
gamification/console/management/commands/check_invariants.py:Command._found
gamification/console/management/commands/doctor.py:the_profiler gamification/monitoring/deployment.py:_followers
"""
"""What staff look after: they must see whoever is there."""
OF_NOBODY = "gamification/clock.py:in_each(lately.follow)"
"""Figures of how busy the service is, without anybody's name."""
OF_ONE = "gamification/players/commands.py:ChangeProfile._has_a_past"
"""What looks at one player in a way that this file does not see."""
NOT_SHOWN = {name for names in (WORK, FOR_STAFF, OF_NOBODY, OF_ONE) for name in names.split()}


def looks(file: str, source: str) -> Iterator[tuple[str, bool]]:
    """Each function that looks across players, and whether it asks for those who count publicly."""
    for function, body in _functions(ast.parse(source)):
        across = [node for node in body if isinstance(node, ast.Call) and _is_across(node)]
        if function == "-":  # a table of chores
            yield from ((f"{file}:{ast.unparse(node)}", False) for node in across)
        elif across:
            names = {getattr(node, "attr", getattr(node, "id", "")) for node in body}
            yield f"{file}:{function}", not names.isdisjoint(ASKS)


def _functions(tree: ast.Module) -> Iterator[tuple[str, list[ast.AST]]]:
    """Each function or method at the top, with all that is in it; what stands outside of any is called `-`."""
    outside: list[ast.AST] = []
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            yield node.name, list(ast.walk(node))
        elif isinstance(node, ast.ClassDef):
            for inner in node.body:
                if isinstance(inner, ast.FunctionDef):
                    yield f"{node.name}.{inner.name}", list(ast.walk(inner))
                else:
                    outside += ast.walk(inner)
        else:
            outside += ast.walk(node)
    yield "-", outside


def _is_across(call: ast.Call) -> bool:
    """Whether this looks into every share, or at players without saying at which."""
    called = ast.unparse(call.func)
    if called in ACROSS or (called.startswith("shares.") and called.removeprefix("shares.") in ACROSS):
        return True
    if not called.startswith(("Player.objects.", "Player._default_manager.")):
        return False
    chained = [each for each in ast.walk(call) if isinstance(each, ast.Call)]
    return not any(each.arg in ("pk", "player_id") for inner in chained for each in inner.keywords)


def found() -> dict[str, bool]:
    files = (path.relative_to(BASE) for room in ROOMS for path in sorted((BASE / room).rglob("*.py")))
    # The kernel knows no players: it only hands out what it is told to look for.
    ours = (path for path in files if "migrations" not in path.parts and "kernel" not in path.parts)
    return dict(look for path in ours for look in looks(str(path), (BASE / path).read_text()))


def test_every_look_across_players_asks_who_counts_publicly_or_says_why_it_need_not() -> None:
    forgetful = {name for name, asks in found().items() if not asks}
    assert forgetful - NOT_SHOWN == set(), "ask for counts_publicly() or of_public(), or say above why not"
    assert NOT_SHOWN - forgetful == set(), "nobody looks there any more"


def test_what_players_are_shown_of_all_players_is_among_those_that_ask() -> None:
    asking = {name for name, asks in found().items() if asks}
    assert asking >= {
        "progress/tasks.py:keep_rarities", "achievements/tasks.py:roll_up_rarity", "quests/tasks.py:roll_up_rarity",
    }  # fmt: skip


@pytest.mark.parametrize(
    "source",
    [
        "def board():\n    return shares.each(lambda: list(Standing.objects.all()))",
        "def board():\n    for share in shares.every():\n        look(share)",
        "def board():\n    return Player.objects.order_by('-points')[:10]",
        "class Board:\n    def rows(self):\n        return Player.objects.count()",
        "CHORES = [in_each(roll_up)]",
    ],
)
def test_a_look_that_is_added_is_found(source: str) -> None:
    [(_, asks)] = looks("new.py", source)
    assert not asks


@pytest.mark.django_db
def test_who_counts_publicly_is_the_same_by_the_query_and_by_the_statement() -> None:
    people = list(product(PlayerStanding, (False, True), (False, True)))
    for number, (standing, is_banned, is_test) in enumerate(people):
        Player.objects.create(player_id=f"p{number}", standing=standing, banned=is_banned, is_test=is_test)
    counted = {player.pk for player in Player.objects.counts_publicly()}
    assert counted == {
        f"p{number}"
        for number, (standing, is_banned, is_test) in enumerate(people)
        if not is_test
        and PlayerStanding.of(standing, is_banned) not in (PlayerStanding.UNRANKED, PlayerStanding.BANNED)
    }
    assert counted.isdisjoint(player.pk for player in Player.objects.left_out_publicly())
    assert len(counted) + Player.objects.left_out_publicly().count() == len(people)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT player_id FROM progress_player AS p WHERE {counts_publicly_sql('p')}")
        assert {player_id for (player_id,) in cursor.fetchall()} == counted


@pytest.mark.django_db
def test_rarity_counts_nobody_who_does_not_count_publicly() -> None:
    publish(metric("kills"), achievement("one", requirement("COUNT", "kills", 1)))
    left_out: dict[str, dict[str, Any]] = {
        "banned": {"banned": True},
        "tester": {"is_test": True},
        "cheat": {"standing": "UNRANKED"},
    }
    for player_id, how in (left_out | {"ann": {}, "bob": {}, "sus": {"standing": "WITHHELD"}}).items():
        Player.objects.create(player_id=player_id, **how)
        if player_id != "bob":
            Standing.objects.create(player_id=player_id, achievement_id="one", completed_at=NOON)
    assert set(of_public(Standing.objects.all()).values_list("player_id", flat=True)) == {"ann", "sus"}
    roll_up_rarity(NOON)
    one = Rarity.objects.get(content_id="one")
    assert (one.holders, one.players) == (2, 3)
