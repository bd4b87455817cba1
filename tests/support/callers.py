"""Who calls the service in tests."""

import json
from datetime import UTC, datetime
from typing import Any

from rest_framework.test import APIClient

from gamification.kernel.web.access import SCOPES, create_key
from gamification.kernel.web.tokens import issue_token


def game_server(*scopes: str) -> APIClient:
    """A game server with these scopes, or with all."""
    _, key = create_key("game", scopes or SCOPES)
    return APIClient(headers={"Authorization": f"Api-Key {key}"})


def player(player_id: str) -> APIClient:
    token, _ = issue_token(player_id, datetime.now(UTC))
    return APIClient(headers={"Authorization": f"Bearer {token}"})


def assert_problem(response: Any, status: int, code: str, *paths: str) -> None:
    """An RFC 9457 problem with this status and code, and errors at these paths."""
    assert response.status_code == status, response.content
    assert response["Content-Type"] == "application/problem+json"
    problem = json.loads(response.content)
    assert {"type", "title", "status", "detail", "code"} <= set(problem)
    assert problem["status"] == status
    assert problem["code"] == code, problem
    if paths:
        assert [error["path"] for error in problem["errors"]] == list(paths)
