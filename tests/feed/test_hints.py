"""What a hint brings: the messages themselves, told at once where they follow on what a socket was told."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from achievements.reading import progressed
from gamification.feed.hints import MAX_MESSAGES, MAX_TEXT, Hint, Row
from gamification.feed.hub import Hub
from gamification.feed.reading import pages, read
from progress.models import Player
from tests.support.content import NOON
from tests.support.sockets import HandClock, a_hub, apart, assert_silence, kill, listening

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("here")]

Brought = dict[str, list[tuple[int, str, str]]]


def questions(here: Hub, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The messages that are read from the database from now on, as players and the numbers that they know."""
    asked: list[Any] = []
    ask = here._reader.ask

    async def noted(question: Callable[..., Any], *arguments: Any) -> Any:
        if question is read:
            asked.extend(arguments[1])
        return await ask(question, *arguments)

    monkeypatch.setattr(here._reader, "ask", noted)
    return asked


async def brought(player_id: str, *numbers: int) -> Brought:
    """These messages as a hint would bring them."""
    kept = (await apart(pages, [(player_id, 0)]))[player_id, 0]
    return {player_id: [tuple(message) for message in kept if message.seq in numbers]}  # type: ignore[misc]


async def test_what_a_hint_brings_is_told_without_being_read(here: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    await kill("ann", 2)
    async with listening("ann") as (ann, _):
        asked = questions(here, monkeypatch)
        await kill("ann", 10)
        assert await ann.numbers(13) == list(range(3, 14))
        await kill("ann")
        assert await ann.numbers(14) == [14]
        assert asked == []


async def test_what_was_brought_is_the_same_as_what_is_read() -> None:
    async with listening("ann") as (ann, _):
        await kill("ann", 10)
        told = [await ann.hear_kept() for _ in range(11)]
        await ann.say("resume", after=0)
        assert [await ann.hear_kept() for _ in range(11)] == told


async def test_hints_that_overtake_each_other_change_no_order(here: Hub, settings: Any) -> None:
    async with listening("ann") as (ann, _):
        settings.ENABLE_REAL_TIME = False  # the hints are given by hand
        await kill("ann", 4)
        here.hear({"ann": 4}, {}, {}, {}, await brought("ann", 3, 4))
        here.hear({"ann": 2}, {}, {}, {}, await brought("ann", 1, 2))
        assert await ann.numbers(4) == [1, 2, 3, 4]
        here.hear({"ann": 4}, {}, {}, {}, await brought("ann", 3, 4))
        await assert_silence(ann)


async def test_a_hint_with_a_gap_is_filled_from_the_database(here: Hub, settings: Any) -> None:
    async with listening("ann") as (ann, _):
        settings.ENABLE_REAL_TIME = False
        await kill("ann", 5)
        here.hear({"ann": 5}, {}, {}, {}, await brought("ann", 1, 2, 5))
        assert await ann.numbers(5) == [1, 2, 3, 4, 5]


async def test_whoever_is_locked_out_is_told_no_more(here: Hub, settings: Any) -> None:
    async with listening("ann") as (ann, _):
        settings.ENABLE_REAL_TIME = False
        await kill("ann", 2)
        here.hear({"ann": 2}, {}, {"ann": "banned"}, {}, await brought("ann", 1, 2))
        closed = await ann.receive_output(5)
        assert (closed["type"], closed["code"]) == ("websocket.close", 4403)


async def test_progress_that_was_read_before_a_completion_is_not_told_after_it(
    here: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask, was_read, may_go_on = here._reader.ask, asyncio.Event(), asyncio.Event()

    async def held_up(question: Callable[..., Any], *arguments: Any) -> Any:
        answer = await ask(question, *arguments)
        if question is progressed:
            was_read.set()
            await may_go_on.wait()
        return answer

    monkeypatch.setattr(here._reader, "ask", held_up)
    async with listening("ann") as (ann, _):
        await kill("ann", 9)
        await was_read.wait()
        await kill("ann")
        heard = [await ann.hear() for _ in range(11)]
        assert {message["data"]["id"] for message in heard} == {"each", "ten"}
        may_go_on.set()
        assert (await ann.hear())["data"] == {"id": "hundred", "progress": 0.09}
        assert (await ann.hear())["data"] == {"id": "hundred", "progress": 0.1}


async def test_who_comes_back_and_has_all_is_told_so_without_a_second_look(
    here: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    await kill("ann", 2)
    asked = questions(here, monkeypatch)
    async with listening("ann") as (ann, _):
        await ann.say("resume", after=2)
        assert await ann.hear() == {"type": "resumed", "data": {"last_seq": 2}}
        assert asked == []
        await ann.say("resume", after=1)
        assert await ann.numbers(2) == [2]


async def test_a_while_after_hello_whoever_resumes_is_looked_up_again(settings: Any) -> None:
    clock = HandClock()
    async with a_hub(clock), listening("ann") as (ann, _):
        settings.ENABLE_REAL_TIME = False  # as if the hint got lost
        await kill("ann")
        clock.move_on(2)
        await ann.say("resume", after=0)
        assert await ann.numbers(1) == [1]
        assert (await ann.hear_kept())["type"] == "resumed"


def test_a_hint_is_bounded() -> None:
    rows: list[Row] = [("ann", seq, "level.reached", {"level": "x" * 1_000}, NOON) for seq in range(1, 601)]
    hint = Hint({"ann": 600}, messages=rows)
    told = hint.message()["told"]["ann"]
    assert [seq for seq, _, _ in told] == list(range(1, len(told) + 1))
    assert MAX_TEXT - 2_000 < sum(len(text) for _, text, _ in told) <= MAX_TEXT
    hint.add(Hint({"ann": 1_200}, messages=[(*row[:1], row[1] + 600, *row[2:]) for row in rows]))
    assert (len(hint.messages), hint.last_seq) == (600, {"ann": 1_200})
    assert len(rows) <= MAX_MESSAGES


def test_of_many_who_are_compared_only_those_are_read_of_whom_something_else_is_true() -> None:
    heads = {"same": (3, 0, False), "told": (4, 0, False), "ended": (3, 2, False), "banned": (3, 0, True)}
    Player.objects.bulk_create(
        Player(player_id=id_, last_seq=seq, token_generation=generation, banned=banned)
        for id_, (seq, generation, banned) in heads.items()
    )
    unlike = read([], [], [(id_, 3, 0) for id_ in (*heads, "unseen")]).unlike
    assert {id_: tuple(head) for id_, head in unlike.items()} == {
        "told": (4, None, 0),
        "ended": (3, None, 2),
        "banned": (3, "banned", 0),
        "unseen": (0, None, 0),
    }
