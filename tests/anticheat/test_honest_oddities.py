"""What looks odd and is honest: the servers' doing, the game's, a body's, or that somebody has to be the quickest."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from random import Random

from anticheat.evaluating import Evaluation

START = 1_767_571_200_000
"""Milliseconds: a Monday."""
SECOND = 1_000
Sent = tuple[str, float, float | None]
"""A type, seconds since the start, and when it arrived, if not at once."""


def found(players: Mapping[str, Iterable[Sent]]) -> dict[str, set[str]]:
    """player → the default rules that find something, of these who play one after the other."""
    evaluation, number = Evaluation(), 0
    for player_id, sent in players.items():
        for type_, at, arrived in sorted(sent, key=lambda each: each[2] if each[2] is not None else each[1]):
            number += 1
            data = {"id": "round"} if type_ == "achievement.completed" else {}
            received = START + round((at if arrived is None else arrived) * SECOND)
            evaluation.play(player_id, f"e{number}", type_, data, START + round(at * SECOND), received, number)
    evaluation.finish()
    return {name: {rule for rule, _ in of.found} for name, of in evaluation.players.items() if of.found}


def person(luck: Random, many: int = 900, median: float = 1.9) -> Iterator[Sent]:
    at = 0.0
    for _ in range(many):
        at += luck.lognormvariate(median, 0.9)
        yield luck.choice(("hit", "hit", "jump")), at, None


# -- a server that gives all that has happened one time ----------------------------------------------------------------


def test_timestamps_of_a_server_that_looks_once_a_minute_are_no_rhythm_of_a_player() -> None:
    luck = Random(1)
    stamped = [(type_, (at // 60 + 1) * 60 + 7, None) for type_, at, _ in person(luck, 1_500, 2.5)]
    assert found({"ann": stamped}) == {}


def test_a_program_that_does_two_things_at_once_has_a_rhythm_all_the_same() -> None:
    paired = [(type_, 20.0 * n, None) for n in range(400) for type_ in ("hit", "loot")]
    assert found({"bot": paired})["bot"] >= {"PACE", "GRID"}


# -- a key that is held ------------------------------------------------------------------------------------------------


def holding(luck: Random, runs: int, most: int) -> Iterator[Sent]:
    """Runs of one pace, and a person's pause between them."""
    at = 0.0
    for _ in range(runs):
        for _ in range(luck.randint(4, most)):
            yield "hit", at, None
            at += 0.3 + luck.gauss(0, 0.004)
        at += luck.lognormvariate(1.5, 0.8)


def test_a_key_that_is_held_is_no_program() -> None:
    assert found({"ann": holding(Random(2), 150, 12)}) == {}


def test_a_program_that_is_as_quick_as_a_held_key_is_found() -> None:
    assert "GRID" in found({"bot": holding(Random(3), 6, 200)})["bot"]


# -- what the game sends late ------------------------------------------------------------------------------------------


def refereed(luck: Random, late_type: str) -> Iterator[Sent]:
    """A match every quarter of an hour; its result is confirmed minutes later, while the next one goes on."""
    for match in range(40):
        begins = match * 900.0
        for n in range(40):
            yield "hit", begins + n * 20 + luck.uniform(0, 15), None
        yield late_type, begins + 5, begins + 5 + luck.uniform(400, 800)


def test_what_arrives_late_for_all_who_have_it_is_the_games_doing() -> None:
    luck = Random(4)
    assert found({f"p{n}": list(refereed(luck, "result.confirmed")) for n in range(4)}) == {}


def test_what_arrives_late_for_one_only_is_backdated() -> None:
    luck = Random(5)
    assert found({"cheat": list(refereed(luck, "result.confirmed"))}) == {"cheat": {"CLOCK"}}
    assert found({f"p{n}": list(refereed(luck, "hit")) for n in range(4)}) == {f"p{n}": {"CLOCK"} for n in range(4)}


def beside(luck: Random, late: float, spread: float) -> Iterator[Sent]:
    """Plays at a computer, and now and then with a telephone whose events come late by so many seconds."""
    for n, (type_, at, _) in enumerate(person(luck)):
        yield type_, at, None
        if n % 20 == 19:
            yield "chat", at + 1 - late - luck.uniform(0, spread), at + 1


def test_a_second_device_that_is_slow_by_the_same_is_a_wrong_clock() -> None:
    luck = Random(6)
    assert found({"ann": beside(luck, 420, 2)}) == {}
    assert found({"cheat": beside(luck, 420, 1_200)}) == {"cheat": {"CLOCK"}}
    assert found({"cheat": beside(luck, 86_400, 2)}) == {"cheat": {"CLOCK"}}


# -- the quickest ------------------------------------------------------------------------------------------------------


def finishing(luck: Random, seconds: float) -> Iterator[Sent]:
    """Somebody who plays for so long, and has then completed what everybody completes."""
    at = 0.0
    while at < seconds:
        yield "hit", at, None
        at += luck.uniform(40, 80)
    yield "hit", seconds, None
    yield "achievement.completed", seconds + 1, None


def test_somebody_is_always_the_quickest_and_only_who_is_out_of_proportion_is_found() -> None:
    luck = Random(6)
    crowd = {f"p{n}": list(finishing(luck, luck.lognormvariate(6.3, 0.35))) for n in range(1_050)}
    crowd["quickest"] = list(finishing(luck, 150))
    crowd["cheat"] = list(finishing(luck, 20))
    assert found(crowd) == {"cheat": {"VELOCITY"}}
