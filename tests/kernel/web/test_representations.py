"""What a read's answer bears beside its body."""

from __future__ import annotations

import gzip
from typing import Any

import pytest
from rest_framework.test import APIClient

from progress.models import Player
from tests.support import callers

pytestmark = pytest.mark.django_db

ANN = "/api/v1/players/ann"


@pytest.fixture
def server() -> APIClient:
    return callers.game_server()


def test_who_has_the_answer_is_told_so_until_it_changes(server: APIClient) -> None:
    first = server.get(ANN)
    tag = first["ETag"]
    assert tag.startswith('"')
    for said in (tag, f"W/{tag}", f'"another", {tag}', "*"):
        again = server.get(ANN, headers={"If-None-Match": said})
        assert (again.status_code, again.content, again["ETag"]) == (304, b"", tag)
        assert "Content-Length" not in again
        assert "Content-Type" not in again
    server.patch(ANN, {"display_name": "Ann"})
    changed = server.get(ANN, headers={"If-None-Match": tag})
    assert (changed.status_code, changed.json()["display_name"]) == (200, "Ann")
    assert changed["ETag"] != tag


def test_a_tag_that_makes_no_sense_is_no_tag(server: APIClient) -> None:
    for said in ("", "abc", '"', server.get(ANN)["ETag"].strip('"')):
        assert server.get(ANN, headers={"If-None-Match": said}).status_code == 200


def test_a_head_has_the_tag_of_its_get(server: APIClient) -> None:
    tag = server.get(ANN)["ETag"]
    assert server.head(ANN)["ETag"] == tag
    assert server.head(ANN, headers={"If-None-Match": tag}).status_code == 304


def test_caches_keep_an_answer_for_its_caller_and_ask_each_time(server: APIClient) -> None:
    answer = server.get(ANN)
    assert answer["Cache-Control"] == "private, no-cache"
    assert {"authorization", "accept-encoding", "origin"} <= {
        each.strip().lower() for each in answer["Vary"].split(",")
    }


def test_what_no_cache_may_keep_is_left_alone(server: APIClient) -> None:
    Player.objects.create(player_id="ann", attributes={"story": "x" * 2000})
    answer = server.get(f"{ANN}/export", headers={"Accept-Encoding": "gzip"})
    assert answer["Cache-Control"] == "no-store"
    assert "ETag" not in answer
    assert "Content-Encoding" not in answer


def test_refusals_and_writes_bear_no_tag(server: APIClient) -> None:
    for answer in (server.get("/api/v1/nothing"), APIClient().get(ANN), server.patch(ANN, {})):
        assert "ETag" not in answer


def test_a_304_counts_against_limits_and_says_so(server: APIClient, settings: Any) -> None:
    settings.RATE_LIMIT_KEY = 50
    tag = server.get(ANN)["ETag"]
    assert "RateLimit" in server.get(ANN, headers={"If-None-Match": tag})


@pytest.mark.parametrize(
    ("accepts", "is_compressed"),
    [
        ("gzip", True),
        ("br, GZIP;q=0.5", True),
        ("*", True),
        ("gzip;q=1.0, *;q=0", True),
        ("", False),
        ("br", False),
        ("gzip;q=0", False),
        ("gzip; q=0.000, *", False),
    ],
)
def test_what_is_large_is_compressed_for_who_can_read_it(server: APIClient, accepts: str, is_compressed: bool) -> None:
    Player.objects.create(player_id="ann", attributes={"story": "x" * 2000})
    plain = server.get(ANN)
    answer = server.get(ANN, headers={"Accept-Encoding": accepts})
    assert ("Content-Encoding" in answer) is is_compressed
    assert answer["Content-Length"] == str(len(answer.content))
    body = gzip.decompress(answer.content) if is_compressed else answer.content
    assert body == plain.content
    assert (answer["ETag"] == plain["ETag"]) is not is_compressed  # each encoding is a representation of its own
    said = {"Accept-Encoding": accepts, "If-None-Match": answer["ETag"]}
    assert server.get(ANN, headers=said).status_code == 304


def test_what_is_small_is_sent_as_it_is(server: APIClient) -> None:
    assert "Content-Encoding" not in server.get(ANN, headers={"Accept-Encoding": "gzip"})


def test_pages_for_people_are_left_alone(client: Any) -> None:
    assert "ETag" not in client.get("/admin/login/")
