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
    paired = [(type_, 20.017 * n, None) for n in range(400) for type_ in ("hit", "loot")]
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
        for n in range(20):
            yield "hit", begins + n * 40 + luck.uniform(0, 25), None
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


# -- clocks that count in whole seconds, or minutes --------------------------------------------------------------------


def cut(sent: Iterable[Sent], to: float) -> list[Sent]:
    return [(type_, at // to * to, at) for type_, at, _ in sent]


def test_whole_minutes_are_no_rhythm_however_many_fall_into_one() -> None:
    for seed, median in enumerate((1.4, 2.5, 3.5, 4.5)):
        assert found({"ann": cut(person(Random(seed), 400, median), 60)}) == {}, median


def test_whole_seconds_of_a_quick_game_are_no_rhythm() -> None:
    luck, at, hits = Random(7), 0.0, list[Sent]()
    for _ in range(1_200):
        at += max(0.05, luck.gauss(0.4, 0.12))
        hits.append(("hit", at, None))
    assert found({"ann": cut(hits, 1)}) == {}


def test_a_program_whose_client_writes_whole_seconds_is_found() -> None:
    luck = Random(8)
    assert "PACE" in found({"bot": cut([("hit", n * 5 + luck.uniform(-1, 1), None) for n in range(400)], 1)})["bot"]


def test_a_first_batch_of_one_time_is_no_burst_and_a_tool_that_gives_all_one_time_is() -> None:
    luck = Random(9)
    batch = [(f"kind.{luck.randrange(14)}", 0.321, None) for _ in range(120)]
    assert found({"ann": batch}) == {}
    assert found({"cheat": [(f"secret.{n}", 0.321, None) for n in range(14)]}) == {"cheat": {"BURST"}}


def test_what_a_client_that_writes_whole_minutes_shows_first_is_no_burst() -> None:
    assert found({"ann": [(f"tutorial.{n}", n // 12 * 60, float(n * 5)) for n in range(24)]}) == {}


# -- what goes on by itself --------------------------------------------------------------------------------------------


def by_itself(luck: Random, hours: float) -> list[Sent]:
    at, sent = luck.uniform(0, 20) * 3600, list[Sent]()
    end = at + hours * 3600
    while at < end:
        sent.append(("expedition.returned", at, None))
        at += min(luck.lognormvariate(5.3, 0.6), 1_100)
    return sent


def test_what_never_stops_for_most_is_the_game_and_for_one_it_is_somebody_who_never_sleeps() -> None:
    luck = Random(10)
    away = {f"p{n}": by_itself(luck, 70) for n in range(6)}
    assert found(away) == {}
    people = {f"p{n}": [("expedition.returned", at, None) for _, at, _ in person(luck, 300, 3)] for n in range(6)}
    assert found({**people, "cheat": by_itself(luck, 70)}) == {"cheat": {"MARATHON", "AROUND_THE_CLOCK"}}


def test_what_a_telephone_says_every_hour_does_not_hide_who_never_sleeps() -> None:
    luck = Random(11)
    beats = [("offline.earned", hour * 3600 + luck.uniform(0, 90), None) for hour in range(24 * 9)]
    homes = {f"p{n}": beats + [(t, at + 66_000, None) for t, at, _ in person(luck, 200, 2)] for n in range(6)}
    awake = [
        (luck.choice(("hit", "jump")), 4 * 86_400 + n * 300 + luck.uniform(0, 290), None) for n in range(24 * 12 * 5)
    ]
    assert found(homes | {"cheat": [*beats, *awake]}) == {"cheat": {"MARATHON", "AROUND_THE_CLOCK"}}


# -- a pace that most keep, some of them to the point ------------------------------------------------------------------


def dancing(luck: Random, off: float) -> Iterator[Sent]:
    """Steps to one beat, so many of them beside it."""
    at = 0.0
    for _ in range(600):
        yield "step", at, None
        at += 0.47 * (luck.choice((0.5, 2)) if luck.random() < off else 1)


def test_a_beat_that_a_few_keep_to_the_point_is_the_songs() -> None:
    luck = Random(12)
    assert found({f"p{n}": list(dancing(luck, 0.002 if n < 2 else 0.03)) for n in range(8)}) == {}


# -- what comes late now and then --------------------------------------------------------------------------------------


def test_one_event_in_a_hundred_that_comes_late_is_a_network_for_as_long_as_somebody_plays() -> None:
    luck = Random(13)
    late = [
        (t, at, at + luck.uniform(320, 1_200) if n % 100 == 50 else None)
        for n, (t, at, _) in enumerate(person(luck, 6_000))
    ]
    assert found({"ann": late}) == {}


# -- how some play -----------------------------------------------------------------------------------------------------


def hitting(luck: Random, amount: float) -> list[tuple[str, float, dict[str, float]]]:
    return [(type_, at, {"amount": amount * luck.lognormvariate(0, 0.3)}) for type_, at, _ in person(luck, 200)]


def test_what_some_of_a_game_do_in_another_measure_is_no_forgery_and_what_one_does_is() -> None:
    luck = Random(14)
    for many in (30, 1):
        evaluation, number = Evaluation(), 0
        for player in range(300):
            for type_, at, data in hitting(luck, 1e5 if player < many else 10):
                number += 1
                when = START + round(at * SECOND)
                evaluation.play(f"p{player}", f"e{number}", type_, data, when, when, number)
        evaluation.finish()
        flagged = {name for name, of in evaluation.players.items() if of.found}
        assert flagged == ({"p0"} if many == 1 else set())


def test_the_hasty_are_found_even_where_one_completion_in_two_hundred_is_theirs() -> None:
    luck = Random(15)
    crowd = {f"p{n}": list(finishing(luck, luck.lognormvariate(6.3, 0.35))) for n in range(1_400)}
    hasty = {f"cheat{n}": list(finishing(luck, luck.uniform(5, 30))) for n in range(7)}
    assert found(crowd | hasty) == {name: {"VELOCITY"} for name in hasty}
