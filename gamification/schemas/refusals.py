"""How each operation may refuse: its statuses, and the codes behind each, with an example of every one.

What follows from how an operation is made (it takes a body, a cursor, an Idempotency-Key, a player's token …) is worked
out from its description. What the game's rules may refuse stands in a table. Tests hold every refusal of the suite
against both: one that is missing here fails the test that met it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any

from gamification.schemas.codes import MEANINGS

Json = dict[str, Any]
Refusal = tuple[int, str]

CONTENT_TYPE = "application/problem+json"

_PUBLISHING = (
    (400, "unpublishable"), (400, "example_failed"), (409, "review_required"), (409, "locked_by_release"),
)  # fmt: skip
_OF_CONTENT: Mapping[str, tuple[Refusal, ...]] = {
    "create": (*_PUBLISHING, (400, "immutable"), (409, "already_exists")),
    "update": (*_PUBLISHING, (400, "immutable")),
    "publish": _PUBLISHING,
    "restore": _PUBLISHING,
    "preview": ((400, "unpublishable"),),
    "retire": ((409, "still_needed"), (409, "review_required"), (409, "locked_by_release"), (400, "unpublishable")),
}
"""By what is done to it, whatever its kind."""
_KINDS = ("metrics", "achievements", "quests", "rewards", "levels", "currencies", "pools")
_ERASED: Refusal = (409, "player_erased")
_OF_AN_EVENT = tuple(
    (400, code)
    for code in (
        "bad_data", "bad_id", "bad_player_id", "bad_timestamp", "bad_type", "data_too_deep", "data_too_large",
        "from_the_future", "id_reused", "player_erased", "required", "reserved_type", "too_old", "unknown_field",
    )
)  # fmt: skip
_OF_A_RELEASE = ((409, "wrong_state"), (409, "changed_since"))
_GOES_LIVE = (*_OF_A_RELEASE, *_PUBLISHING, (409, "own_release"), (409, "still_needed"))
_BY_OPERATION: Mapping[str, tuple[Refusal, ...]] = {
    **{
        f"{kind}_{act}": refusals for kind in _KINDS for act, refusals in _OF_CONTENT.items()
    },
    "achievements_claim": (_ERASED, (409, "not_completed"), (409, "under_review")),
    "achievements_progress_report": (
        _ERASED, *_OF_AN_EVENT, (403, "not_for_players"), (409, "id_reused"), (503, "busy"), (503, "not_all_committed"),
    ),
    "achievements_revoke": (_ERASED, (409, "not_completed"), (409, "insufficient_balance"), (409, "not_overturned")),
    "anticheat_findings_create": (_ERASED,),
    "cases_votes_create": ((409, "already_decided"), (409, "already_voted"), (409, "own_verdict")),
    "distributions_revoke": ((409, "insufficient_balance"),),
    "events_create": (*_OF_AN_EVENT, (413, "too_many_events"), (503, "busy"), (503, "not_all_committed")),
    "facts_list": ((400, "share_required"), (410, "no_longer_kept")),
    "held_dismiss": ((409, "already_decided"),),
    "held_release": ((409, "already_decided"),),
    "players_cases_appeal": (_ERASED, (409, "already_appealed"), (409, "cannot_appeal")),
    "players_inventory_consume": (_ERASED, (409, "insufficient_items")),
    "players_messages_read": (_ERASED,),
    "players_standing_update": (_ERASED,),
    "players_token_create": (_ERASED, (409, "banned")),
    "players_token_end": (_ERASED,),
    "players_update": (_ERASED,),
    "players_wallet_spend": (_ERASED, (409, "insufficient_balance")),
    "quests_abandon": (_ERASED, (409, "not_in_progress")),
    "quests_start": (
        _ERASED, (400, "too_old"), (400, "from_the_future"), (403, "not_for_players"), (409, "quest_inactive"),
        (409, "quest_not_open"), (409, "requirements_not_met"), (409, "already_in_progress"),
        (409, "already_completed"), (409, "cooldown"), (409, "not_offered"),
    ),
    "quests_steps_complete": (
        _ERASED, (403, "forbidden"), (409, "not_in_progress"), (409, "requirements_not_met"), (409, "step_not_active"),
    ),
    "releases_update": ((409, "wrong_state"),),
    "releases_cancel": _OF_A_RELEASE,
    "releases_submit": (*_OF_A_RELEASE, (400, "unpublishable"), (400, "example_failed"), (409, "locked_by_release")),
    "releases_publish": _GOES_LIVE,
    "releases_schedule": _GOES_LIVE,
    "releases_unschedule": _OF_A_RELEASE,
    "releases_revert": _GOES_LIVE,
    "rewards_claim": (_ERASED, (409, "reward_expired"), (409, "reward_revoked"), (409, "under_review")),
    "rewards_distribute": (_ERASED,),
    "simulate": (
        _ERASED, (400, "unknown_draft"), (400, "unpublishable"), (400, "example_failed"), (413, "too_many_events"),
        (503, "took_too_long"),
    ),
    "webhooks_create": ((409, "too_many"),),
    "webhooks_replay": ((400, "too_many_messages"),),
}  # fmt: skip

_OF_A_KEY = ("not_authenticated", "authentication_failed", "key_expired", "key_revoked")
_OF_A_TOKEN = ("expired_token", "invalid_token", "revoked_token", "banned", "player_erased")
_NAMES = {
    400: "BadRequest", 401: "Unauthorized", 403: "Forbidden", 404: "NotFound", 409: "Conflict", 410: "Gone",
    413: "TooLarge", 422: "Unprocessable", 429: "TooManyRequests", 503: "Unavailable",
}  # fmt: skip
_DONE = {"get": "What was asked for.", "post": "Done: what came of it.", "201": "Made, as it is now.", "202": "Taken."}
_RETRY_AFTER = {
    "Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer", "format": "int32", "minimum": 1}}
}


def describe(result: Json, generator: Any, request: Any, public: bool) -> Json:
    """A hook of drf-spectacular: every operation names how it may refuse. What several share is said once."""
    found = {
        id(operation): refusals_of(operation, path)
        for path, methods in result["paths"].items()
        for operation in methods.values()
    }
    shared = _shared(list(found.values()))
    result["components"]["responses"] = {name: _response(*said) for said, name in shared.items()}
    for methods in result["paths"].values():
        for method, operation in methods.items():
            for status, said in operation["responses"].items():
                said["description"] = said["description"] or _DONE.get(status) or _DONE.get(method, _DONE["post"])
            for status, codes in found[id(operation)].items():
                name = shared.get((status, codes))
                refused = _response(status, codes) if name is None else {"$ref": f"#/components/responses/{name}"}
                operation["responses"].setdefault(str(status), refused)
    return result


def refusals_of(operation: Json, path: str) -> dict[int, tuple[str, ...]]:
    """Status → the codes with which an operation of the document refuses."""
    found: dict[int, set[str]] = {}
    for status, code in _all_of(operation, path):
        found.setdefault(status, set()).add(code)
    return {status: tuple(sorted(codes)) for status, codes in sorted(found.items())}


def _all_of(operation: Json, path: str) -> Iterator[Refusal]:
    parameters = {each["name"]: each for each in operation.get("parameters", ())}
    is_open_to_players = any("PlayerToken" in each for each in operation["security"])
    yield from ((400, "invalid"), (400, "unknown_parameter"), (400, "not_acceptable"))
    # A token is looked at wherever it is sent, and a player who may not call learns that first.
    yield from ((401, code) for code in (*_OF_A_KEY, *_OF_A_TOKEN))
    yield (403, "missing_scope")
    if not is_open_to_players:
        yield (403, "not_for_players")
    if "cursor" in parameters:
        yield (400, "bad_cursor")
    if "{" in path or "requestBody" in operation or "available_to" in parameters:
        yield (404, "not_found")
    if "requestBody" in operation:
        yield from ((400, "bad_json"), (400, "unsupported_media_type"), (400, "unreadable_body"), (413, "too_large"))
    if "Idempotency-Key" in parameters:
        yield from ((409, "idempotency_in_progress"), (422, "idempotency_key_reused"))
        if parameters["Idempotency-Key"]["required"]:
            yield (400, "idempotency_key_required")
    yield from _BY_OPERATION.get(operation["operationId"], ())
    yield from ((429, "rate_limited"), (503, "unavailable"))


def _shared(all_of: list[dict[int, tuple[str, ...]]]) -> dict[tuple[int, tuple[str, ...]], str]:
    """What more than one operation answers → its name. The commonest of a status bears the status's own name."""
    counted = Counter((status, codes) for refusals in all_of for status, codes in refusals.items())
    named: dict[tuple[int, tuple[str, ...]], str] = {}
    for (status, codes), times in counted.most_common():
        name = _NAMES[status]
        if times > 1 and name not in named.values():
            named[status, codes] = name
    return named


def _response(status: int, codes: tuple[str, ...]) -> Json:
    lines = "\n".join(f"* `{code}`: {_meaning(code)}" for code in codes)
    media = {
        "schema": {"$ref": "#/components/schemas/Problem"},
        "examples": {code: {"summary": code, "value": _example(status, code)} for code in codes},
    }
    described: Json = {"description": f"{HTTPStatus(status).phrase}. By `code`:\n\n{lines}"}
    if any("`Retry-After`" in MEANINGS[code] for code in codes):
        described["headers"] = _RETRY_AFTER
    return {**described, "content": {CONTENT_TYPE: media}}


def _meaning(code: str) -> str:
    """As docs/errors.md has it, but for links, which lead to other pages there and nowhere from here."""
    return re.sub(r" \(\[.*?\]\(.*?\)\)", "", MEANINGS[code])


def _example(status: int, code: str) -> Json:
    detail = _meaning(code).replace("`", "")
    return {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": f"{detail[0].upper()}{detail[1:]}.",
        "code": code,
    }
