from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from rest_framework.request import Request
from rest_framework.test import APIClient, APIRequestFactory

from gamification.feed.models import Message
from gamification.kernel.models import RejectedEvent
from gamification.kernel.web import paginate, paginate_list
from tests.support.callers import assert_problem, game_server

pytestmark = pytest.mark.django_db

MESSAGES = "/api/v1/players/ada/messages"
AT = datetime(2026, 5, 30, tzinfo=UTC)


def tell(count: int) -> None:
    Message.objects.bulk_create(
        Message(player_id="ada", seq=seq, type="level.reached", data={}, timestamp=AT, created_at=AT)
        for seq in range(1, count + 1)
    )


def numbers(page: dict[str, Any]) -> list[int]:
    return [row["seq"] for row in page["results"]]


def walk(client: APIClient, first: str, link: str = "next") -> list[list[int]]:
    pages, url = [], first
    while url:
        page = client.get(url).json()
        pages.append(numbers(page))
        url = page[link]
    return pages


def test_pages_follow_each_other_without_gap_or_repeat() -> None:
    tell(5)
    assert walk(game_server(), f"{MESSAGES}?page_size=2") == [[1, 2], [3, 4], [5]]


def test_the_way_back_passes_the_same_rows() -> None:
    tell(5)
    server = game_server()
    page = server.get(f"{MESSAGES}?page_size=2").json()
    assert page["previous"] is None
    page = server.get(server.get(page["next"]).json()["next"]).json()
    assert (numbers(page), page["next"]) == ([5], None)
    assert walk(server, page["previous"], "previous") == [[3, 4], [1, 2]]


def test_a_page_that_is_just_full_has_no_next() -> None:
    tell(2)
    page = game_server().get(f"{MESSAGES}?page_size=2").json()
    assert (numbers(page), page["next"], page["previous"]) == ([1, 2], None, None)


def test_rows_that_come_meanwhile_shift_no_page() -> None:
    tell(4)
    server = game_server()
    page = server.get(f"{MESSAGES}?page_size=2").json()
    Message.objects.filter(seq=1).delete()
    assert numbers(server.get(page["next"]).json()) == [3, 4]


def test_a_link_keeps_the_other_parameters() -> None:
    tell(5)
    page = game_server().get(f"{MESSAGES}?after=1&page_size=2").json()
    assert numbers(page) == [2, 3]
    assert page["next"].startswith("http://testserver/api/v1/players/ada/messages?")
    assert "after=1" in page["next"]
    assert "page_size=2" in page["next"]


def test_a_page_has_50_rows_unless_asked_for_more_and_200_at_most() -> None:
    tell(201)
    server = game_server()
    assert len(server.get(MESSAGES).json()["results"]) == 50
    assert len(server.get(f"{MESSAGES}?page_size=200").json()["results"]) == 200


@pytest.mark.parametrize("size", ["0", "201", "-1", "abc", "", "1.5", "1e2", "99999999999999999999", "%00", "%D9%A3"])
def test_a_page_size_out_of_range_is_refused(size: str) -> None:
    assert_problem(game_server().get(f"{MESSAGES}?page_size={size}"), 400, "invalid", "page_size")


@pytest.mark.parametrize("cursor", ["x", "%00", "bnVsbA", "a:b:c", "😀", "9" * 5000])
def test_a_cursor_that_nobody_made_is_refused(cursor: str) -> None:
    assert_problem(game_server().get(MESSAGES, {"cursor": cursor}), 400, "bad_cursor", "cursor")


def test_a_cursor_of_another_list_is_refused() -> None:
    tell(3)
    server = game_server()
    cursor = server.get(f"{MESSAGES}?page_size=2").json()["next"].split("cursor=")[1].split("&")[0]
    assert_problem(server.get(f"/api/v1/players/ada/metrics?cursor={cursor}"), 400, "bad_cursor")


@pytest.mark.parametrize("after", ["-1", "abc", "", "1.5", "99999999999999999999", "%00"])
def test_after_is_the_number_of_a_message(after: str) -> None:
    assert_problem(game_server().get(f"{MESSAGES}?after={after}"), 400, "invalid", "after")


def request(url: str) -> Request:
    return Request(APIRequestFactory().get(url))


def test_a_list_ordered_by_two_fields_each_its_own_way_is_walked_whole() -> None:
    for index in range(6):
        RejectedEvent.objects.create(
            player_id=f"p{index}",
            event_id="e",
            type="t",
            code="too_old",
            detail="",
            timestamp=AT,
            rejected_at=AT + timedelta(microseconds=index // 3),
        )

    def page(url: str) -> dict[str, Any]:
        data: dict[str, Any] = paginate(
            request(url),
            RejectedEvent.objects.all(),
            ordering=["-rejected_at", "player_id"],
            show=lambda row: row.player_id,
        ).data
        return data

    first = page("/list?page_size=2")
    second = page(first["next"])
    third = page(second["next"])
    assert [first["results"], second["results"], third["results"]] == [["p3", "p4"], ["p5", "p0"], ["p1", "p2"]]
    assert third["next"] is None
    assert page(third["previous"])["results"] == ["p5", "p0"]
    assert page(second["previous"])["results"] == ["p3", "p4"]


@pytest.mark.parametrize("descending", [False, True])
def test_a_list_at_hand_is_walked_both_ways(descending: bool) -> None:
    rows = sorted(({"id": letter} for letter in "abcde"), key=lambda row: row["id"], reverse=descending)
    expected = ["ed", "cb", "a"] if descending else ["ab", "cd", "e"]

    def page(url: str) -> tuple[str, str | None, str | None]:
        data = paginate_list(
            request(url),
            rows,
            key=lambda row: row["id"],
            show=lambda page: [row["id"] for row in page],
            descending=descending,
        ).data
        return "".join(data["results"]), data["next"], data["previous"]

    found, link, previous = [], "/list?page_size=2", None
    while link:
        letters, link, previous = page(link)  # type: ignore[assignment]
        found.append(letters)
    assert found == expected
    assert previous is not None
    assert page(previous)[0] == expected[1]
    before = page(previous)[2]
    assert before is not None
    assert page(before)[0] == expected[0]
    assert page(before)[2] is None
