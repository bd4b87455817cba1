"""What a client may write into an AMQP message besides its body stops no worker, and no look at the dead letters."""

from __future__ import annotations

import json
import signal
import struct
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any

import amqp
import pytest
from django.core.management import call_command

from gamification.kernel.messaging import topology
from gamification.kernel.models import Event
from tests.support import rabbit, workers
from tests.support.content import metric, publish
from tests.support.receiving import happened

pytestmark = [pytest.mark.rabbitmq, pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("exchange")]


class Raw(amqp.Message):
    """A message whose properties are these bytes: what py-amqp itself would not write."""

    def __init__(self, properties: bytes) -> None:
        super().__init__(b"")
        self.properties_as_bytes = properties

    def _serialize_properties(self) -> bytes:
        return self.properties_as_bytes


def header(item: bytes) -> Raw:
    """With one header `h`, whose type and value are these bytes."""
    table = b"\x01h" + item
    return Raw(struct.pack(">HI", 0x2000, len(table)) + table)


def nested(depth: int) -> bytes:
    item = b"V"
    for _ in range(depth):
        table = b"\x01h" + item
        item = b"F" + struct.pack(">I", len(table)) + table
    return item


def hostile() -> dict[str, amqp.Message]:
    """By what is odd about each."""
    counts: list[Any] = ["many", None, {"a": 1}, [], -1, True, 2**62, 1.5, Decimal("0.5"), b"\xff", "9" * 5_000]
    found = {f"x-delivery-count {value!r:.20}": headers(**{"x-delivery-count": value}) for value in counts}
    for name in ("content_type", "content_encoding", "correlation_id", "reply_to", "message_id", "type", "app_id"):
        found[f"{name} is no UTF-8"] = amqp.Message(b"", **{name: b"\xff\xfe caf\xe9"})
        found[f"{name} is long"] = amqp.Message(b"", **{name: "x" * 255})
    for encoding in ("gzip", "hex", "utf-16", "idna", "punycode", "unicode_escape", "\0"):
        found[f"encoded in {encoding!r}"] = amqp.Message(b"", content_encoding=encoding)
    for deaths in ("me", 7, [], [7], [{"reason": 7}], {"reason": "me"}, [{"reason": ["a"]}]):
        found[f"x-death {deaths!r}"] = headers(**{"x-death": deaths})
    return found | {
        "a time of no year": header(b"T" + struct.pack(">Q", 2**63)),
        "a time of the far future": amqp.Message(b"", timestamp=2**64 - 1),
        "headers within headers": header(nested(3_000)),
        "a decimal of 255 places": header(b"D" + struct.pack(">Bi", 255, 2**31 - 1)),
        "a header without a name": headers(**{"": ""}),
        "names that are no UTF-8": amqp.Message(b"", application_headers={b"\xff": b"\xff"}),
        "as if it were a task": headers(task="gamification.clock.tick", id=7, lang=["py"], eta="never"),
        "as if it were parked": headers(**{"x-reason-code": 7, "x-reason": None}),
        "transient, urgent, with an answer wanted": amqp.Message(b"", delivery_mode=1, priority=255, reply_to="nobody"),
    }


def headers(**values: Any) -> amqp.Message:
    return amqp.Message(b"", application_headers=values)


def send(messages: list[tuple[amqp.Message, bytes]], exchange: str, key: str = "") -> None:
    with rabbit.channel() as channel:
        topology.declare(channel)
        for message, body in messages:
            message.body = body
            channel.basic_publish_confirm(message, exchange, key, mandatory=True, timeout=10, confirm_timeout=10)


def listed(*more: str) -> list[str]:
    said = StringIO()
    call_command("deadletters", "list", "--limit", "1000", *more, stdout=said)
    return said.getvalue().splitlines()


def counted() -> set[str]:
    return set(Event.objects.values_list("event_id", flat=True))


def test_a_real_worker_counts_every_good_event_whatever_stands_around_it(tmp_path: Path) -> None:
    publish(metric("kills"))
    sent = {f"e{n}": message for n, message in enumerate(hostile().values())}
    send([(m, json.dumps(happened(id_)).encode()) for id_, m in sent.items()], topology.exchange().name, "game.event")
    with workers.running(tmp_path / "log") as worker:
        rabbit.until(lambda: counted() == set(sent), seconds=60)
        assert worker.poll() is None
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(timeout=30) == 0
    log = (tmp_path / "log").read_text()
    assert "Traceback" not in log
    assert listed() == ["nothing is parked"]


def test_odd_bodies_in_odd_messages_are_parked_with_a_reason(tmp_path: Path) -> None:
    bodies = [b"", b"\xff", b'{"id":', b"[[[[", b"null", b"\xef\xbb\xbf[]", "[]".encode("utf-16")]
    sent = [(message, bodies[n % len(bodies)]) for n, message in enumerate(hostile().values())]
    send(sent, topology.exchange().name, "game.event")
    with workers.running(tmp_path / "log") as worker:
        rabbit.until(lambda: len(listed()) == len(sent), seconds=60)
        assert worker.poll() is None
    assert all("  bad_json: " in line or "  invalid: " in line for line in listed())


def test_the_dead_letters_can_be_listed_whatever_headers_they_have() -> None:
    letters = hostile() | {
        "a code without a reason": headers(**{"x-reason-code": "odd"}),
        "a reason without a code": headers(**{"x-reason": "odd"}),
        "what moves a cursor": headers(**{"x-reason-code": "\x1b[2J", "x-reason": "a\r\nb\x1b]0;c\x07"}),
    }
    send([(message, b"letter %d" % n) for n, message in enumerate(letters.values())], topology.dead().exchange.name)
    rabbit.until(lambda: len(listed()) == len(letters))
    lines = {line.rpartition("'letter ")[2].rstrip("'"): line.split("  ")[1] for line in listed()}
    said = dict(zip(letters, (lines[str(n)] for n in range(len(letters))), strict=True))
    assert said["a code without a reason"] == "odd: without a reason"
    assert said["a reason without a code"] == "unknown: odd"
    assert said["as if it were parked"] == "7: None"
    assert said["a time of no year"].startswith("unreadable headers: OverflowError")
    assert said["x-death 'me'"] == "unknown: RabbitMQ parked it"
    assert all(line.isprintable() for line in listed())


def test_what_is_no_task_stops_no_worker_either(exchange: str, tmp_path: Path) -> None:
    publish(metric("kills"))
    odd = [(message, b"[[], {}, {}]") for message in hostile().values()]
    likely = {"task": "gamification.clock.tick", "id": "1", "content_type": "application/json"}
    changes: list[dict[str, Any]] = [
        {"id": None}, {"id": {}}, {"task": 7}, {"task": []}, {"eta": "never"}, {"expires": "never"}, {"expires": 2**62},
        {"retries": "many"}, {"timelimit": "long"}, {"argsrepr": 7}, {"lang": []}, {"headers": 7}, {"shadow": {}},
        {"root_id": []}, {"group": 7}, {"delivery_info": 7}, {"origin": {}}, {"ignore_result": "no"}, {"stamps": 7},
        {"stamped_headers": 7}, {"replaced_task_nesting": "x"},
    ]  # fmt: skip
    for change in changes:
        for body in (b"[[], {}, {}]", b"[]", b"7", b"{}", b"[7, 7, 7]", b'[[], {}, {"chain": 7, "callbacks": 7}]'):
            task = amqp.Message(b"", application_headers=likely | change, content_type="application/json")
            odd.append((task, body))
    with workers.own_tasks() as own, workers.running(tmp_path / "log", own) as worker:
        rabbit.until(lambda: "ready" in (tmp_path / "log").read_text(), seconds=180)
        send(odd, "", f"{exchange}.tasks")
        send([(amqp.Message(b""), json.dumps(happened("e1")).encode())], topology.exchange().name, "game.event")
        rabbit.until(lambda: counted() == {"e1"}, seconds=180)
        with rabbit.channel() as channel:
            rabbit.until(
                lambda: not channel.queue_declare(f"{exchange}.tasks", passive=True).message_count, seconds=180
            )
        assert worker.poll() is None, (tmp_path / "log").read_text()[-3000:]
