"""Which members were seen in a scope: a row each, so that a scope may have any number of them. One query each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from django.db import connection

from gamification.kernel.core.messages import PlayerId
from gamification.kernel.storage import sql
from gamification.kernel.storage.columns import unique_key
from progress.models import MemberSeen

ScopeKey = tuple[PlayerId, str, str]
"""(player, metric, scope)."""

_MEMBER = unique_key(MemberSeen)
_SCOPE = _MEMBER[:-1]


def ask_seen(members: Sequence[tuple[PlayerId, str, str, str]]) -> sql.Asked:
    """Which of these (player, metric, scope, member) were seen."""
    wanted = dict(zip(_MEMBER, zip(*members, strict=True), strict=True)) if members else {}
    return sql.ask_in(MemberSeen, _MEMBER, wanted) if members else list


def load_members(scopes: Iterable[ScopeKey]) -> dict[ScopeKey, set[str]]:
    """All members of these scopes; a scope without any is left out."""
    found: dict[ScopeKey, set[str]] = {}
    keys = dict.fromkeys(scopes)
    wanted = dict(zip(_SCOPE, zip(*keys, strict=True), strict=True)) if keys else {}
    for player_id, metric, scope, member in sql.select_in(MemberSeen, _MEMBER, wanted) if keys else ():
        found.setdefault((player_id, metric, scope), set()).add(member)
    return found


def keep_members(members: Iterable[tuple[PlayerId, str, str, str]]) -> None:
    """Note (player, metric, scope, member) that were seen."""
    sql.insert(MemberSeen, _MEMBER, sorted(members), ignore_conflicts=True)


def forget_members(scopes: Iterable[ScopeKey]) -> None:
    """Delete which members were seen in these (player, metric, scope), in one statement."""
    keys = sorted(scopes)
    if not keys:
        return
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                """
                DELETE FROM progress_memberseen m
                USING unnest(%s::text[], %s::text[], %s::text[]) AS k(player, metric, scope)
                WHERE m.player_id = k.player AND m.metric_id = k.metric AND m.scope = k.scope
                """,
                [list(column) for column in zip(*keys, strict=True)],
            )
        else:
            cursor.executemany(
                "DELETE FROM progress_memberseen WHERE player_id = %s AND metric_id = %s AND scope = %s", keys
            )
