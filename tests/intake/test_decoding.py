import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gamification.intake import decoding
from gamification.intake.decoding import BadJson, NoEvents, TooLarge, TooManyEvents, UnknownField, decode
from tests.support.bodies import GOOD, NOW, event, said, sent, text


def verdict(body: bytes) -> tuple[str, str]:
    """Code and path of a single event that is refused."""
    decoded = decode(body, now=NOW)
    assert decoded.single
    assert decoded.good == []
    [bad] = decoded.rejected
    assert bad.index == 0
    assert bad.detail
    return bad.code, bad.path


# -- good events -------------------------------------------------------------------------------------------------------


def test_a_single_event_is_read_as_it_was_sent() -> None:
    decoded = decode(json.dumps(GOOD).encode(), now=NOW)
    [(index, found)] = decoded.good
    assert (decoded.single, index, decoded.rejected) == (True, 0, [])
    assert (found.id, found.player_id, found.type) == ("e1", "ada", "enemy.killed")
    assert found.data == {"weapon": "bow", "damage": 12.5}
    assert found.timestamp == datetime(2026, 5, 30, 17, 59, 59, tzinfo=UTC)
    assert found.samples == ()


def test_a_batch_keeps_the_order_of_arrival() -> None:
    decoded = decode(sent(event(id="b"), event(id="a"), event(id="c")), now=NOW)
    assert [(index, e.id) for index, e in decoded.good] == [(0, "b"), (1, "a"), (2, "c")]
    assert not decoded.single


def test_an_empty_batch_is_one() -> None:
    assert said(decode(b'{"events": []}', now=NOW)) == (False, [], [])


def test_one_bad_event_does_not_sink_the_others() -> None:
    decoded = decode(sent(event(id="a"), event(id=""), 7, event(type="X"), event(id="b")), now=NOW)
    assert [index for index, _ in decoded.good] == [0, 4]
    assert [(bad.index, bad.code) for bad in decoded.rejected] == [(1, "bad_id"), (2, "invalid"), (3, "bad_type")]


def test_bad_json_within_one_event_does_not_sink_the_others() -> None:
    bodies = [json.dumps(GOOD).encode(), text("NaN"), text('{"a": 1, "a": 1}'), text('{"a": "\\u0000"}'), text("1e999")]
    decoded = decode(b'{"events": [' + b",".join(bodies) + b"]}", now=NOW)
    assert [index for index, _ in decoded.good] == [0]
    assert [(bad.index, bad.code, bad.path) for bad in decoded.rejected] == [
        (index, "bad_json", "data") for index in (1, 2, 3, 4)
    ]


# -- fields ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["id", "player_id", "type", "data", "timestamp"])
def test_every_field_is_required(name: str) -> None:
    body = {key: value for key, value in GOOD.items() if key != name}
    assert verdict(json.dumps(body).encode()) == ("required", name)


def test_an_unknown_field_is_named() -> None:
    assert verdict(json.dumps(event(userId="ada")).encode()) == ("unknown_field", "userId")


@pytest.mark.parametrize("value", ["", "~own", "x" * 65, "a b", "tab\t", "é", "a\x7f", 7, None, True, ["a"], "a\n"])
def test_a_bad_id(value: Any) -> None:
    assert verdict(json.dumps(event(id=value)).encode()) == ("bad_id", "id")


@pytest.mark.parametrize("value", ["!", "x" * 64, "a~", '"\\', "}"])
def test_any_visible_ascii_is_an_id(value: str) -> None:
    assert decode(json.dumps(event(id=value)).encode(), now=NOW).good[0][1].id == value


@pytest.mark.parametrize("value", ["", "me", ".", "..", "x" * 65, "a b", "é", "a/b", "a\n", "~", 7, None, {}])
def test_a_bad_player_id(value: Any) -> None:
    assert verdict(json.dumps(event(player_id=value)).encode()) == ("bad_player_id", "player_id")


@pytest.mark.parametrize("value", ["ME", "me2", "...", ".a", "a..", "steam:7656@eu-1_x.y", "x" * 64])
def test_a_good_player_id(value: str) -> None:
    assert decode(json.dumps(event(player_id=value)).encode(), now=NOW).good[0][1].player_id == value


@pytest.mark.parametrize("value", ["", "Enemy", "a b", "x" * 65, "a:b", "a\n", 7, None])
def test_a_bad_type(value: Any) -> None:
    assert verdict(json.dumps(event(type=value)).encode()) == ("bad_type", "type")


@pytest.mark.parametrize(
    "value", ["achievement.completed", "quest.completed", "reward.claimed", "level.reached", "metrics.reported"]
)
def test_the_services_own_types_are_reserved(value: str) -> None:
    assert verdict(json.dumps(event(type=value)).encode()) == ("reserved_type", "type")


@pytest.mark.parametrize(
    "value",
    [
        "",
        "2026-05-30",
        "2026-05-30T17:59:59",
        "2026-05-30 17:59:59Z",
        "20260530T175959Z",
        "2026-W22-6T17:59:59Z",
        "2026-02-30T17:59:59Z",
        "2026-05-30T24:00:00Z",
        "2026-05-30T17:59:60Z",
        "2026-05-30T17:59Z",
        "2026-05-30T17:59:59.Z",
        "2026-05-30T17:59:59,5Z",
        "2026-05-30T17:59:59+0200",
        "2026-05-30T17:59:59+02",
        "2026-05-30T17:59:59+24:00",
        "2026-05-30T17:59:59 Z",
        "2026-05-30T17:59:59Z\n",
        "٢٠٢٦-05-30T17:59:59Z",
        "0000-01-01T00:00:00Z",
        "0001-01-01T00:00:00+14:00",
        "1899-12-31T23:59:59Z",
        1780163999,
        1.5,
        None,
        True,
    ],
)
def test_a_bad_timestamp(value: Any) -> None:
    assert verdict(json.dumps(event(timestamp=value)).encode()) == ("bad_timestamp", "timestamp")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2026-05-30T17:59:59Z", datetime(2026, 5, 30, 17, 59, 59, tzinfo=UTC)),
        ("2026-05-30t17:59:59z", datetime(2026, 5, 30, 17, 59, 59, tzinfo=UTC)),
        ("2026-05-30T19:59:59+02:00", datetime(2026, 5, 30, 17, 59, 59, tzinfo=UTC)),
        ("2026-05-29T18:00:59-23:59", datetime(2026, 5, 30, 17, 59, 59, tzinfo=UTC)),
        ("2026-05-30T17:59:59-00:00", datetime(2026, 5, 30, 17, 59, 59, tzinfo=UTC)),
        ("2026-05-30T17:59:59.5Z", datetime(2026, 5, 30, 17, 59, 59, 500_000, tzinfo=UTC)),
        ("2026-05-30T17:59:59.1234569Z", datetime(2026, 5, 30, 17, 59, 59, 123_456, tzinfo=UTC)),
        ("2026-05-30T17:59:59.9999999999z", datetime(2026, 5, 30, 17, 59, 59, 999_999, tzinfo=UTC)),
        ("1900-01-01T00:00:00Z", datetime(1900, 1, 1, tzinfo=UTC)),
    ],
)
def test_a_timestamp_is_an_instant_in_utc_cut_to_microseconds(value: str, expected: datetime) -> None:
    [(_, found)] = decode(json.dumps(event(timestamp=value)).encode(), now=NOW).good
    assert found.timestamp == expected
    assert found.timestamp.tzinfo is UTC


def test_five_minutes_ahead_is_the_most() -> None:
    assert decode(json.dumps(event(timestamp="2026-05-30T18:05:00Z")).encode(), now=NOW).good
    late = json.dumps(event(timestamp="2026-05-30T18:05:00.000001Z")).encode()
    assert verdict(late) == ("from_the_future", "timestamp")
    assert verdict(json.dumps(event(timestamp="9999-12-31T00:00:00Z")).encode()) == ("from_the_future", "timestamp")


# -- data --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", ["[]", '"x"', "1", "null", "true"])
def test_data_is_an_object(value: str) -> None:
    assert verdict(text(value)) == ("bad_data", "data")


def nested(depth: int, leaf: str = "1") -> str:
    return '{"a": ' * depth + leaf + "}" * depth


def test_eight_levels_of_objects_and_lists_are_the_most() -> None:
    assert decode(text(nested(8)), now=NOW).good
    assert decode(text(nested(7, "[1]")), now=NOW).good
    assert verdict(text(nested(9))) == ("data_too_deep", "data")
    assert verdict(text(nested(8, "[]"))) == ("data_too_deep", "data")


@pytest.mark.parametrize("depth", [100, 900, 5_000, 80_000])
def test_depth_that_would_break_a_recursive_reader_is_that_events_own_fault(depth: int) -> None:
    for value in (nested(depth), '{"a": ' + "[" * depth + "]" * depth + "}"):
        body = b'{"events": [' + json.dumps(GOOD).encode() + b"," + text(value) + b"]}"
        decoded = decode(body, now=NOW)
        assert [index for index, _ in decoded.good] == [0]
        assert [(bad.index, bad.code) for bad in decoded.rejected] == [(1, "data_too_deep")]


def test_depth_without_an_end_is_not_json() -> None:
    for body in (b"[" * 1_000_000, b'{"a":' * 200_000, b'{"a":"' * 150_000, b'["\\' * 300_000):
        with pytest.raises(BadJson):
            decode(body, now=NOW)


def test_16_kib_of_compact_json_are_the_most() -> None:
    room = 16_384 - len('{"a":""}')
    assert decode(text('{"a":   "' + "x" * room + '"}'), now=NOW).good
    assert verdict(text('{"a":"' + "x" * (room + 1) + '"}')) == ("data_too_large", "data")


def test_size_is_what_data_say_and_not_how_they_were_escaped() -> None:
    room = (16_384 - len('{"a":""}')) // 2
    assert decode(text('{"a":"' + "\\u00e9" * room + '"}'), now=NOW).good
    assert verdict(text('{"a":"' + "\\u00e9" * (room + 1) + '"}')) == ("data_too_large", "data")
    assert verdict(text('{"a":"' + "é" * (room + 1) + '"}')) == ("data_too_large", "data")


@pytest.mark.parametrize(
    "value",
    [
        '{"a": 1, "a": 2}',
        '{"a": {"b": 1, "b": 1}}',
        '{"a": [{"b": 1, "\\u0062": 1}]}',
        '{"x": 1, "x": 2, "y": "\\u003a"}',
        '{"x": 1, "x": 2, "y": "\\u003A"}',
        '{"a": "\\u0000"}',
        '{"a\\u0000": 1}',
        '{"a": "\\ud800"}',
        '{"a": "\\udc00x"}',
        '{"\\ud83d": 1}',
        '{"a": NaN}',
        '{"a": [Infinity]}',
        '{"a": -Infinity}',
        '{"a": 1e309}',
        '{"a": -1e400}',
        '{"a": 1' + "0" * 309 + "}",
        '{"a": -2' + "0" * 308 + "}",
        '{"a": ' + "9" * 5_000 + "}",
        '{"a": ' + "9" * 400 + ".5}",
    ],
)
def test_json_that_readers_disagree_on_is_refused(value: str) -> None:
    assert verdict(text(value)) == ("bad_json", "data")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ('{"a": "\\\\u0000"}', "\\u0000"),
        ('{"a": "\\ud83d\\ude00"}', "😀"),
        ('{"a": "a:b\\u003a"}', "a:b:"),
        ('{"a": 1' + "0" * 308 + "}", 10**308),
        ('{"a": 1e-400}', 0),
        ('{"a": -0}', 0),
        ('{"a": 1.7976931348623157e308}', 1.7976931348623157e308),
        ('{"a": "' + "9" * 400 + '"}', "9" * 400),
        ('{"a": "\\u007f\\u2028"}', "\x7f\u2028"),
    ],
)
def test_unusual_json_that_means_one_thing_is_taken(value: str, expected: Any) -> None:
    [(_, found)] = decode(text(value), now=NOW).good
    assert found.data == {"a": expected}


def test_a_field_given_twice_is_refused() -> None:
    body = json.dumps(GOOD).encode()
    batch = b'{"events": [' + body + b", " + body[:-1] + b', "id": "e1"}]}'
    decoded = decode(batch, now=NOW)
    assert [index for index, _ in decoded.good] == [0]
    assert [(bad.index, bad.code) for bad in decoded.rejected] == [(1, "bad_json")]


# -- the body as a whole -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"{",
        b"hello",
        b"\xff",
        b"\xef\xbb\xbf{}",
        b'{"events": [1,]}',
        b'{"events": []} x',
        b"{'events': []}",
        b'{"events": [], "events": []}',
        b'{"id": "a", "id": "b"}',
        json.dumps(GOOD).encode("utf-16"),
        b'{"a": "\t"}',
        b"\0",
        b'{"events": [' + json.dumps(GOOD).encode().replace(b"ada", b"ad\xe9") + b"]}",
    ],
)
def test_a_body_that_is_not_json_is_refused_whole(body: bytes) -> None:
    with pytest.raises(BadJson) as refused:
        decode(body, now=NOW)
    assert (refused.value.status, refused.value.code) == (400, "bad_json")


@pytest.mark.parametrize("body", [b"[]", b"1", b"null", b'"x"', b"NaN", b'{"events": {}}', b'{"events": null}'])
def test_a_body_that_holds_no_events_is_refused_whole(body: bytes) -> None:
    with pytest.raises((NoEvents, BadJson)) as refused:
        decode(body, now=NOW)
    assert refused.value.status == 400


def test_nothing_stands_beside_events() -> None:
    with pytest.raises(UnknownField) as refused:
        decode(b'{"events": [], "async": true}', now=NOW)
    assert refused.value.errors == [{"path": "async", "code": "unknown_field", "detail": "There is no such field."}]


def test_a_thousand_events_are_the_most() -> None:
    assert len(decode(sent(*[event(id=f"e{n}") for n in range(1_000)]), now=NOW).good) == 1_000
    with pytest.raises(TooManyEvents) as refused:
        decode(sent(*[event(id=f"e{n}") for n in range(1_001)]), now=NOW)
    assert (refused.value.status, refused.value.code) == (413, "too_many_events")


def test_a_mebibyte_is_the_most() -> None:
    body = json.dumps(GOOD).encode()
    assert decode(body + b" " * (1_048_576 - len(body)), now=NOW).good
    with pytest.raises(TooLarge) as refused:
        decode(body + b" " * (1_048_577 - len(body)), now=NOW)
    assert refused.value.status == 413


def test_a_list_of_events_is_taken_where_it_may_be() -> None:
    body = json.dumps([event(id="a"), event(id="b")]).encode()
    assert [e.id for _, e in decode(body, now=NOW, lists=True).good] == ["a", "b"]
    with pytest.raises(NoEvents):
        decode(body, now=NOW)


# -- lines -------------------------------------------------------------------------------------------------------------


def test_each_line_is_one_event() -> None:
    good = json.dumps(GOOD).encode()
    half, rest = good[:20], good[20:]
    lines = [good + b"\n", b"oops\n", good + b" " + good, half, rest, b'{"events": []}', text("NaN"), good + b"\r\n"]
    decoded = decoding.decode_lines(lines, now=NOW)
    assert [index for index, _ in decoded.good] == [0, 7]
    assert [(bad.index, bad.code) for bad in decoded.rejected] == [
        (1, "bad_json"),
        (2, "bad_json"),
        (3, "bad_json"),
        (4, "bad_json"),
        (5, "unknown_field"),
        (6, "bad_json"),
    ]


def test_nothing_that_was_decoded_is_ahead_of_the_clock_by_more_than_five_minutes() -> None:
    stamps = [(NOW + timedelta(minutes=m)).isoformat() for m in range(-10, 10)]
    decoded = decode(sent(*[event(timestamp=stamp) for stamp in stamps]), now=NOW)
    assert [index for index, _ in decoded.good] == list(range(16))
