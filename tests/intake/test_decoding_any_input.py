"""Whatever is sent: the fast way says what the slow way says, and neither breaks."""

import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from gamification.intake import decoding
from gamification.intake.decoding import Decoded, decode
from gamification.kernel.core.messages import Invalid, Refused
from tests.support.bodies import NOW, event, said

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(-(10**320), 10**320),
    st.floats(),
    st.text(st.characters(codec=None, exclude_categories=())),
    st.sampled_from([":", "a:b", "\\u003a", "{", "[", '"', "\0", "\ud800", "~", "me", "9" * 320]),
)
values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner))


def nearly(good: Any, *others: Any) -> Any:
    """Mostly the good value, else something odd."""
    return st.one_of(st.just(good), st.just(good), st.just(good), *[st.just(other) for other in others], scalars)


events = st.fixed_dictionaries(
    {},
    optional={
        "id": nearly("e1", "e2", "~x", "a b"),
        "player_id": nearly("ada", "me", "bob:1"),
        "type": nearly("enemy.killed", "level.reached", "X"),
        "data": st.one_of(st.dictionaries(st.text(max_size=3), values, max_size=3), st.just({}), values),
        "timestamp": nearly(
            "2026-05-30T17:59:59Z", "2026-05-30T19:59:59.1234567+02:00", "2026-05-30 17:59:59Z", "2027-01-01T00:00:00Z"
        ),
    },
) | st.builds(event, data=st.dictionaries(st.text(max_size=3), values, max_size=3))


def spoilt(body: bytes, at: int, how: str) -> bytes:
    """The body with a change that json.dumps does not make."""
    at %= len(body) + 1
    return {
        "not": lambda: body,
        "cut": lambda: body[:at],
        "colon": lambda: body.replace(b":", b"\\u003a", 1) if at % 2 else body.replace(b": ", b":"),
        "twice": lambda: body.replace(b'"id":', b'"id": "e1", "id":', 1),
        "insert": lambda: body[:at] + b"\xc3\xa9" + body[at:],
        "byte": lambda: body[:at] + b"\xff" + body[at + 1 :],
        "nul": lambda: body[:at] + b"\\u0000" + body[at:],
    }[how]()


def outcome_of(run: Callable[[], Decoded]) -> Any:
    try:
        return said(run())
    except Refused as refused:
        return type(refused), refused.detail


@given(
    st.one_of(events, st.lists(events, max_size=4), st.lists(events, max_size=4).map(lambda found: {"events": found})),
    st.booleans(),
    st.booleans(),
    st.integers(0, 1_000),
    st.sampled_from(["not", "not", "cut", "colon", "twice", "insert", "byte", "nul"]),
)
@example({"events": [event(data={"a": 1e16}), event(data={"a": [[[[[[[1]]]]]]]})]}, True, False, 0, "not")
@example([event(data={"a": 1e16}), event(id="e2")], True, True, 0, "twice")
def test_the_fast_way_and_the_slow_way_say_the_same(body: Any, lists: bool, escaped: bool, at: int, how: str) -> None:
    raw = json.dumps(body, ensure_ascii=escaped).encode("utf-8", "surrogatepass")
    raw = spoilt(raw, at, how)
    fast, slow = (
        outcome_of(lambda: decode(raw, now=NOW, lists=lists)),
        outcome_of(lambda: decoding._slow(raw, NOW, lists)),
    )
    assert fast == slow


@given(st.lists(events, max_size=4))
def test_lines_and_bodies_say_the_same(found: list[Any]) -> None:
    lines = [json.dumps(each).encode() for each in found]
    by_lines = decoding.decode_lines(lines, now=NOW)
    by_body = decode(b'{"events":[' + b",".join(lines) + b"]}", now=NOW)
    assert said(by_lines)[1:] == said(by_body)[1:]


@given(st.binary(max_size=200))
@example(b'{"events": [{"id": \xf0\x9f\x98}]}')
def test_arbitrary_bytes_are_refused_and_nothing_worse(raw: bytes) -> None:
    good: list[Any] = []
    with suppress(Invalid):
        good = decode(raw, now=NOW).good
    assert good == []


@given(st.text(alphabet='{}[]":,\\ux0e-1 antrfls\n', max_size=60))
def test_text_that_looks_like_json_is_decoded_or_refused(raw: str) -> None:
    good: list[Any] = []
    with suppress(Invalid):
        good = decode(raw.encode(), now=NOW).good
    assert good == []
