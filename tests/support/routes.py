"""Every call that the API takes, with what is needed for it to be granted. Tests change one thing and watch it refused.

The table is written by hand from the contract, so that it can disagree with the code; test_hostile compares it with the
URL conf, so that no route can be forgotten.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from rest_framework.test import APIClient

from anticheat.models import Finding
from rewards.models import Distribution
from tests.support.game import API, APPEALABLE, OPEN_CASE, RELEASES, WEBHOOK, Json, event

EXAMPLE = {
    "name": "walking is not enough", "events": [{"id": None, "type": "walked", "data": {"steps": 1}, "at": 5}],
    "expect": [],
}  # fmt: skip
KINDS: dict[str, tuple[str, Json]] = {
    "metrics": (
        "spare",
        {
            "id": "new", "name": "New", "description": "d", "unit": "u", "event_type": "a.b", "value_field": "a.b",
            "member_field": "m", "conditions": [{"field": "weapon", "op": "eq", "value": "bow"}],
            "reported_by": "SERVER", "tags": ["t"], "draft": False, "reason": "r",
        },
    ),
    "achievements": (
        "hunter",
        {
            "id": "new", "title": "New", "description": "d", "type": "SKILL", "category": "COMBAT", "points": 5,
            "requirements": [
                {
                    "type": "COUNT", "metric": "kills", "operator": "gte", "threshold": 3,
                    "timeframe": {"duration": 1, "unit": "days"},
                }
            ],
            "match": "ANY", "rewards": ["coins"], "prerequisites": ["walker"], "repeat": "DAILY", "series": "s",
            "tier": 1, "is_enabled": True, "starts_at": "2026-01-01T00:00:00Z", "ends_at": "2099-01-01T00:00:00Z",
            "icon": "i.png", "metadata": {"a": 1}, "backfill": "SILENT", "min_seconds": 30, "tags": ["t"],
            "examples": [EXAMPLE],
            "draft": False, "reason": "r",
        },
    ),
    "quests": (
        "trail",
        {
            "id": "new", "title": "New", "description": "d", "type": "MAIN", "difficulty": "HARD",
            "steps": [
                {
                    "id": "one", "title": "One", "description": "d", "order": 1,
                    "requirements": [
                        {"type": "COUNT", "metric": "kills", "operator": "gte", "threshold": 3, "timeframe": None}
                    ],
                    "match": "ANY", "rewards": ["coins"], "is_optional": False, "branch": "left",
                    "completed_by": "SERVER",
                },
                {"id": "two", "title": "Two", "branch": "right", "completed_by": "PLAYER"},
            ],
            "rewards": ["coins"], "requirements": [{"type": "LEVEL", "operator": "gte", "threshold": 2}],
            "fail_conditions": [{"type": "MAX", "metric": "damage", "operator": "gte", "threshold": 9000}],
            "time_limit": 3600, "start_date": "2026-01-01T00:00:00Z", "end_date": "2099-01-01T00:00:00Z",
            "repeat": "DAILY", "cooldown": 60, "auto_start": False, "is_active": True, "metadata": {"a": 1},
            "min_seconds": 30, "tags": ["t"], "examples": [EXAMPLE],
            "draft": False, "reason": "r",
        },
    ),
    "pools": (
        "daily",
        {
            "id": "new", "quests": ["trail"], "pick": 1, "period": "WEEKLY", "tags": ["t"], "draft": False,
            "reason": "r",
        },
    ),
    "rewards": (
        "chest",
        {
            "id": "new", "type": "CURRENCY", "value": 5, "currency": "gold", "items": [], "table": [],
            "claim": "MANUAL", "claim_within": 60, "expires_at": "2099-01-01T00:00:00Z", "metadata": {"a": 1},
            "tags": ["t"], "draft": False, "reason": "r",
        },
    ),
    "levels": ("2", {"level": 3, "xp": 500, "rewards": ["coins"], "tags": ["t"], "draft": False, "reason": "r"}),
    "currencies": (
        "gold", {"id": "new", "name": "New", "on_revoke": "CLAMP", "tags": ["t"], "draft": False, "reason": "r"},
    ),
}  # fmt: skip
"""Plural → an id in play, and a whole body to create another with."""

_CONTENT = ["state", "tags", "text", "q", "search"]
FILTERS = {
    "facts": ["after", "types", "player_id", "share", "page_size"],
    "achievements": ["type", "category", "is_enabled", "repeat", "series", *_CONTENT],
    "quests": ["type", "difficulty", "is_active", "repeat", "auto_start", "available_to", *_CONTENT],
    "pools": ["period", *_CONTENT],
    "metrics": ["event_type", "reported_by", *_CONTENT],
    "rewards": ["type", "currency", "claim", *_CONTENT],
    "levels": _CONTENT,
    "currencies": ["on_revoke", *_CONTENT],
    "distributions": ["player_id", "state", "reward", "source"],
    "events/rejected": ["player_id", "code"],
    "held": ["player_id", "rule", "state"],
    "releases": ["state"],
    "webhooks/<int:id>/deliveries": ["state", "type", "player_id"],
    "cases": ["player_id", "state"],
    "audit": ["actor", "action", "kind", "id", "player_id", "from", "to", "format"],
    "analytics/summary": ["from", "to", "group_by"],
    "analytics/retention": ["from", "to"],
    "analytics/content/<str:kind>/<str:id>": ["from", "to", "group_by"],
    "analytics/economy/<str:currency>": ["from", "to", "group_by"],
    "analytics/funnel/<str:quest_id>": ["from", "to"],
    "analytics/unused": ["from", "to"],
    "analytics/quality": ["from", "to", "group_by"],
    "players/<str:player_id>/achievements": ["state"],
    "players/<str:player_id>/quests": ["state"],
    "players/<str:player_id>/distributions": ["state"],
    "players/<str:player_id>/messages": ["after"],
}
"""Route of a list → the query parameters that it takes beside the cursor and the size of a page."""


@dataclass(frozen=True)
class Call:
    """One method of one route. `body` names every field that it takes."""

    method: str
    route: str
    """After the prefix, as the URL conf writes it."""
    scope: str
    body: Json | None = None
    open_to_players: bool = False
    names_player: str = ""
    """Where the player is named for whom it acts: path, body or query."""
    status: int = 200
    is_list: bool = False
    takes_body: bool = False
    only_reads: bool = False
    """Whether it changes nothing although it is a POST."""
    needs_key: bool = False
    """Whether it is refused without an Idempotency-Key."""
    ids: Json = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.method} {self.route}"

    def path(self, **ids: Any) -> str:
        """Its address, with these values in place of the usual ones; percent-encode them yourself."""
        values = {**KNOWN, **_rows(), **self.ids, **ids}
        path = re.sub(r"<(?:\w+:)?(\w+)>", lambda found: str(values[found.group(1)]), self.route)
        query = "?player_id=ann" if self.names_player == "query" and "player_id" not in ids else ""
        return f"{API}/{path}{query}"

    @property
    def parameters(self) -> list[tuple[str, str]]:
        """(converter, name) of each variable in the path."""
        return re.findall(r"<(\w+):(\w+)>", self.route)

    def send(self, client: APIClient, *, path: str | None = None, body: Any = None, **headers: str) -> Any:
        """Sends it as it is granted, but for what is given. `body`: JSON, or bytes as they are."""
        if self.needs_key:
            headers.setdefault("Idempotency-Key", "k")
        content = self.body if body is None else body
        raw = content if isinstance(content, bytes) else b"" if content is None else json.dumps(content).encode()
        type_ = headers.pop("Content-Type", "application/json") if raw or self.takes_body else ""
        request: Any = client.generic  # whose stubs know of text only
        return request(self.method, path or self.path(), raw, content_type=type_, headers=headers)


KNOWN = {
    "player_id": "ann",
    "achievement_id": "hunter",
    "reward_id": "coins",
    "currency": "gold",
    "item_id": "axe",
    "quest_id": "trail",
    "step_id": "tell",
    "case_id": OPEN_CASE,
}


def _rows() -> Json:
    """What is in ann's name and got its id from the service."""
    return {
        "distribution_id": Distribution.objects.get(player_id="ann", reward_id="chest").pk,
        "finding_id": Finding.objects.get(player_id="ann", event_id="h1").pk,
    }


def calls() -> list[Call]:
    return [*_content(), *_releases(), *_webhooks(), *_players(), *_acts(), *_events()]


def _content() -> Iterator[Call]:
    for plural, (id_, body) in KINDS.items():
        key = "level" if plural == "levels" else "id"
        one, ids = f"{plural}/<str:id>", {"id": id_}
        unused = {"achievements": "walker", "rewards": "spare", "quests": "errand"}.get(plural, id_)
        changes = {name: value for name, value in body.items() if name != key}
        if plural == "metrics":  # what a metric counts is fixed
            changes = {name: changes[name] for name in ("name", "description", "unit", "reported_by", "tags", "reason")}
        if plural == "achievements":
            changes["prerequisites"] = []
        yield Call("GET", plural, "content:read", is_list=True, open_to_players=True)
        yield Call("POST", plural, "content:write", body, status=201, takes_body=True)
        yield Call("GET", one, "content:read", open_to_players=True, ids=ids)
        yield Call("PATCH", one, "content:write", changes, takes_body=True, ids=ids)
        yield Call("DELETE", one, "content:write", status=204, ids={"id": unused})
        yield Call("POST", f"{one}/publish", "content:write", {"reason": "r"}, takes_body=True, ids=ids)
        yield Call("POST", f"{one}/restore", "content:write", {"reason": "r"}, takes_body=True, ids=ids)
        tried = {name: value for name, value in changes.items() if name not in ("draft", "reason")}
        yield Call("POST", f"{one}/preview", "content:write", tried, status=202, takes_body=True, ids=ids)
        yield Call("GET", f"{one}/versions", "content:read", is_list=True, ids=ids)
    yield Call("GET", "metrics/<str:id>/health", "content:read", ids={"id": "kills"})
    yield Call("GET", "backfills/<str:id>", "content:read", ids={"id": 1})


def _releases() -> Iterator[Call]:
    """Of the releases that game.make has made."""
    body = {"title": "Autumn", "note": "n", "items": [{"kind": "achievement", "id": "plan"}]}
    writes: Any = {"scope": "content:write", "takes_body": True}
    yield Call("GET", "releases", "content:read", is_list=True)
    yield Call("POST", "releases", body=body, status=201, **writes)
    one, opened = "releases/<int:id>", {"id": RELEASES["OPEN"]}
    yield Call("GET", one, "content:read", ids=opened)
    yield Call("PATCH", one, body=body, ids=opened, **writes)
    for step in ("submit", "publish", "cancel"):
        yield Call("POST", f"{one}/{step}", body={}, ids=opened, **writes)
    yield Call("POST", f"{one}/schedule", body={"publish_at": "2099-01-01T00:00:00Z"}, ids=opened, **writes)
    yield Call("POST", f"{one}/unschedule", body={}, ids={"id": RELEASES["SCHEDULED"]}, **writes)
    yield Call("POST", f"{one}/revert", body={}, ids={"id": RELEASES["PUBLISHED"]}, **writes)


def _webhooks() -> Iterator[Call]:
    """Of the webhook that game.make has made."""
    body = {"url": "https://game.example/hook", "types": ["quest.*"], "description": "d", "is_enabled": True}
    asks: Any = {"scope": "webhooks:write"}
    yield Call("GET", "webhooks", is_list=True, **asks)
    yield Call("POST", "webhooks", body=body, status=201, takes_body=True, **asks)
    one, ids = "webhooks/<int:id>", {"id": WEBHOOK}
    yield Call("GET", one, ids=ids, **asks)
    yield Call("PATCH", one, body=body, ids=ids, takes_body=True, **asks)
    yield Call("DELETE", one, ids=ids, status=204, **asks)
    yield Call("POST", f"{one}/rotate", body={"overlap_seconds": 60}, ids=ids, takes_body=True, **asks)
    yield Call("POST", f"{one}/test", body={}, ids=ids, takes_body=True, only_reads=True, **asks)
    yield Call("GET", f"{one}/deliveries", ids=ids, is_list=True, **asks)
    wish = {"ids": ["f"], "since": "2026-01-01T00:00:00Z", "until": "2099-01-01T00:00:00Z", "only_failed": True}
    yield Call("POST", f"{one}/replay", body=wish, ids=ids, takes_body=True, **asks)


def _players() -> Iterator[Call]:
    player = "players/<str:player_id>"
    profile = {
        "display_name": "Ann",
        "timezone": "Europe/Madrid",
        "attributes": {"a": 1},
        "banned": False,
        "is_test": True,
    }
    standing = {"standing": "WATCHED", "reason": "r", "expires_at": "2099-01-01T00:00:00Z", "case": None}
    path: Any = {"names_player": "path"}
    yield Call("GET", player, "players:read", open_to_players=True, **path)
    yield Call("PATCH", player, "players:write", profile, takes_body=True, **path)
    yield Call("DELETE", player, "players:erase", status=204, **path)
    yield Call("PATCH", f"{player}/standing", "anticheat:decide", standing, takes_body=True, **path)
    yield Call("GET", f"{player}/export", "players:read", open_to_players=True, **path)
    for what in (
        "achievements", "quests", "distributions", "wallet", "wallet/transfers", "inventory", "metrics", "messages",
    ):  # fmt: skip
        yield Call("GET", f"{player}/{what}", "players:read", open_to_players=True, is_list=True, **path)
    yield Call(
        "POST", f"{player}/messages/read", "players:write", {"up_to": 1}, open_to_players=True, takes_body=True, **path
    )
    yield Call("GET", f"{player}/cases", "players:read", open_to_players=True, is_list=True, **path)
    yield Call(
        "POST", f"{player}/cases/<int:case_id>/appeal", "players:write", {"text": "it was me"}, open_to_players=True,
        takes_body=True, ids={"case_id": APPEALABLE}, **path,
    )  # fmt: skip
    yield Call("POST", f"{player}/token", "tokens:mint", {}, takes_body=True, **path)
    yield Call("DELETE", f"{player}/token", "tokens:mint", status=204, **path)
    spend, consume = {"amount": 1, "reason": "r"}, {"quantity": 1, "reason": "r"}
    yield Call(
        "POST", f"{player}/wallet/<str:currency>/spend", "players:write", spend, takes_body=True, needs_key=True, **path
    )
    yield Call("POST", f"{player}/inventory/<str:item_id>/consume", "players:write", consume, takes_body=True, **path)


def _acts() -> Iterator[Call]:
    achievement = "achievements/<str:achievement_id>"
    report = {"player_id": "ann", "metrics": {"kills": 1}, "timestamp": "2026-01-01T00:00:00Z"}
    revoke = {"player_id": "ann", "reason": "r", "occurrence": "0"}
    me, grant = {"player_id": "ann"}, {"player_id": "ann", "reason": "r"}
    body: Any = {"names_player": "body", "takes_body": True}
    yield Call("GET", f"{achievement}/progress", "players:read", open_to_players=True, names_player="query")
    yield Call("POST", f"{achievement}/progress", "events:write", report, open_to_players=True, **body)
    yield Call("GET", f"{achievement}/explain", "players:read", open_to_players=True, names_player="query")
    yield Call("POST", f"{achievement}/claim", "players:write", me, open_to_players=True, **body)
    yield Call("POST", f"{achievement}/revoke", "rewards:grant", revoke, **body)
    quest = "quests/<str:quest_id>"
    yield Call("GET", f"{quest}/progress", "players:read", open_to_players=True, names_player="query")
    yield Call("POST", f"{quest}/start", "players:write", me, open_to_players=True, ids={"quest_id": "errand"}, **body)
    yield Call("POST", f"{quest}/abandon", "players:write", me, open_to_players=True, **body)
    yield Call("POST", f"{quest}/steps/<str:step_id>/complete", "players:write", me, open_to_players=True, **body)
    yield Call("POST", "rewards/<str:distribution_id>/claim", "players:write", me, open_to_players=True, **body)
    yield Call("POST", "rewards/<str:reward_id>/distribute", "rewards:grant", grant, status=201, **body)
    yield Call("POST", "distributions/<str:distribution_id>/revoke", "rewards:grant", {"reason": "r"}, takes_body=True)
    yield Call("GET", "distributions", "players:read", is_list=True)


def _events() -> Iterator[Call]:
    fresh = event("fresh", "ann", "enemy.killed", {"damage": 1})
    yield Call("POST", "events", "events:write", fresh, names_player="body", takes_body=True)
    whose = {name: value for name, value in fresh.items() if name != "player_id"}
    tried = {"player_id": "ann", "events": [whose], "now": None, "drafts": [{"kind": "achievement", "id": "hunter"}]}
    yield Call("POST", "simulate", "content:read", tried, takes_body=True, only_reads=True)
    yield Call("GET", "facts", "facts:read")
    yield Call("GET", "audit", "audit:read", is_list=True)
    yield from _analytics()
    yield Call("GET", "events/rejected", "players:read", is_list=True)
    yield Call("GET", "held", "players:read", is_list=True)
    yield Call("GET", "cases", "anticheat:decide", is_list=True)
    yield Call("GET", "cases/<int:case_id>", "anticheat:decide")
    verdict = {"verdict": "CONFIRMED", "note": "n", "standing": "UNRANKED", "since": "2026-01-01T00:00:00Z"}
    yield Call("POST", "cases/<int:case_id>/votes", "anticheat:decide", verdict, status=201, takes_body=True)
    since = {"since": "2026-01-01T00:00:00Z"}
    yield Call("POST", "cases/<int:case_id>/preview", "anticheat:decide", since, takes_body=True, only_reads=True)
    seen = {"player_id": "ann", "rule": "flew", "values": {"value": 9}, "note": "n"}
    yield Call("POST", "anticheat/findings", "anticheat:write", seen, names_player="body", status=201, takes_body=True)
    for decision in ("release", "dismiss"):
        yield Call("POST", f"held/<int:finding_id>/{decision}", "anticheat:decide", {"reason": "r"}, takes_body=True)


def _analytics() -> Iterator[Call]:
    for question in ("summary", "retention", "economy/<str:currency>", "funnel/<str:quest_id>", "unused", "quality"):
        yield Call("GET", f"analytics/{question}", "analytics:read")
    yield Call(
        "GET", "analytics/content/<str:kind>/<str:id>", "analytics:read", ids={"kind": "achievement", "id": "hunter"}
    )
