"""What may be asked about achievements: which of them, and what they name, a player may know of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from achievements.models import Standing
from achievements.rules import SECRET
from gamification.kernel.content import publishing
from gamification.kernel.content.publishing import Published, Rules
from gamification.kernel.core.messages import PlayerId


def visible(player_id: PlayerId) -> dict[str, Published]:
    """What is in play and this player may know of, SECRET ones only once unlocked."""
    rules = publishing.current()
    hidden = _secret(player_id, rules)
    return {id_: item for id_, item in _in_play(rules, "achievement") if id_ not in hidden}


def completed_since(player_id: PlayerId, since: datetime) -> list[str]:
    """What a player has completed from an instant on, and still has."""
    had = Standing.objects.filter(player_id=player_id, completed_at__gte=since, revoked_at=None)
    return sorted(set(had.values_list("achievement_id", flat=True)))


def hidden_ids(player_id: PlayerId) -> set[str]:
    """SECRET achievements that this player has not unlocked (or that were revoked)."""
    return _secret(player_id, publishing.current())


def hidden_metrics(player_id: PlayerId) -> set[str]:
    """Metrics that only hidden achievements name."""
    return hidden(player_id)["metric"]


def hidden_rewards(player_id: PlayerId) -> set[str]:
    """Rewards that only hidden achievements, or tables of hidden rewards, name."""
    return hidden(player_id)["reward"]


def hidden(player_id: PlayerId) -> dict[str, set[str]]:
    """kind → ids of what this player must not learn of: hidden achievements, retired ones too, and what only hidden
    content names.
    """
    rules = publishing.current()
    every = rules.published.get("achievement", {})
    secret = _locked(player_id, every.items())
    nothing: dict[str, set[str]] = {"achievement": secret, "metric": set(), "reward": set(), "currency": set()}
    if not secret:
        return nothing
    by_shown: dict[str, set[str]] = {"metric": set(), "reward": set()}
    by_hidden: dict[str, set[str]] = {"metric": set(), "reward": set()}
    for id_, item in every.items():
        if item.retired and id_ not in secret:
            continue
        names = by_hidden if id_ in secret else by_shown
        names["metric"].update(r["metric"] for r in item.definition["requirements"] if r.get("metric"))
        names["reward"].update(item.definition["rewards"])
    for _, item in _in_play(rules, "level"):
        by_shown["reward"].update(item.definition["rewards"])
    for _, item in _in_play(rules, "quest"):
        quest: dict[str, Any] = item.definition
        for part in (quest, *quest["steps"]):
            by_shown["metric"].update(r["metric"] for r in part["requirements"] if r.get("metric"))
            by_shown["reward"].update(part["rewards"])
        by_shown["metric"].update(r["metric"] for r in quest["fail_conditions"] if r.get("metric"))
    rewards, currencies = _hidden_rewards(rules, by_shown["reward"], by_hidden["reward"])
    return {**nothing, "metric": by_hidden["metric"] - by_shown["metric"], "reward": rewards, "currency": currencies}


def _hidden_rewards(rules: Rules, by_shown: set[str], by_hidden: set[str]) -> tuple[set[str], set[str]]:
    """Rewards that only hidden content names, and the currencies that only those pay. Tables do not nest: once it is
    known which tables are hidden, their rewards are.
    """
    definitions: dict[str, Any] = {id_: item.definition for id_, item in _in_play(rules, "reward")}
    tables = {id_: {c["reward"] for c in d["table"]} for id_, d in definitions.items() if d["table"]}
    hidden_tables = (by_hidden - by_shown) & tables.keys()
    by_shown = by_shown.union(*(tables[id_] for id_ in tables.keys() - hidden_tables))
    by_hidden = by_hidden.union(*(tables[id_] for id_ in hidden_tables))
    rewards = by_hidden - by_shown
    paid = {id_: d["currency"] for id_, d in definitions.items() if d["currency"]}
    seen = {currency for id_, currency in paid.items() if id_ not in rewards}
    return rewards, {currency for id_, currency in paid.items() if id_ in rewards} - seen


def _in_play(rules: Rules, kind: str) -> Iterator[tuple[str, Published]]:
    for id_, item in rules.published.get(kind, {}).items():
        if not item.retired:
            yield id_, item


def _secret(player_id: PlayerId, rules: Rules) -> set[str]:
    return _locked(player_id, _in_play(rules, "achievement"))


def _locked(player_id: PlayerId, achievements: Iterable[tuple[str, Published]]) -> set[str]:
    secret = {id_ for id_, item in achievements if item.definition["type"] == SECRET}
    if not secret:
        return secret
    unlocked = Standing.objects.filter(
        player_id=player_id, achievement_id__in=secret, completed_at__isnull=False, revoked_at=None
    )
    return secret - set(unlocked.values_list("achievement_id", flat=True))
