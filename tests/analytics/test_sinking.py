"""Facts go to a sink at least once, a copy with the same id, and a sink that is dead costs nobody anything."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from uuid import UUID

import httpx
import pytest
from django.conf import LazySettings
from django.utils import timezone

from gamification.analytics import sinking
from gamification.kernel.core.encoding import instant
from gamification.kernel.core.fact_types import FactType
from gamification.kernel.core.messages import Fact
from gamification.kernel.messaging import outbox
from progress.models import Player
from tests.support.content import NOON
from tests.support.waiting import until

pytestmark = pytest.mark.django_db(transaction=True)


class Sink:
    """Takes what is posted to it; answers `status`."""

    def __init__(self) -> None:
        self.status = 200
        self.got: list[Any] = []
        self.headers: list[dict[str, str]] = []
        sink = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                said = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                sink.headers.append(dict(self.headers))
                sink.got.append(said)
                self.send_response(sink.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *arguments: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def batch(self) -> list[Any]:
        return [each for said in self.got for each in (said if isinstance(said, list) else said["batch"])]


@pytest.fixture
def sink(settings: LazySettings) -> Iterator[Sink]:
    found = Sink()
    settings.ANALYTICS_SINK_URL = f"http://a%2Fkey@{found.address}/batch"
    settings.ANALYTICS_SINK_FORMAT = "segment"
    yield found
    found.server.shutdown()
    found.server.server_close()


def state(number: int, player: str = "ann") -> None:
    data = {"id": f"a{number}"}
    outbox.put([Fact(f"~f{number}", player, FactType.ACHIEVEMENT_COMPLETED, data, NOON)], NOON)


def send_what_waits() -> None:
    def sent() -> bool:
        sinking.send_all()
        return not sinking.SINK.behind()

    until(sent)  # others write on this server, too


def test_each_fact_is_sent_once_in_order_with_its_id(sink: Sink, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sinking, "BATCH", 3)
    for number in range(8):
        state(number)
    send_what_waits()
    send_what_waits()
    assert [each["messageId"] for each in sink.batch] == [f"~f{number}" for number in range(8)]
    assert sink.batch[0] == {
        "type": "track", "userId": "ann", "event": "achievement.completed", "properties": {"id": "a0"},
        "timestamp": instant(NOON),
        "messageId": "~f0",
    }  # fmt: skip
    assert sink.headers[0]["Authorization"].startswith("Basic ")


def test_what_a_sink_refused_is_sent_again_with_the_same_id(sink: Sink) -> None:
    state(1)
    sink.status = 500
    with pytest.raises(httpx.HTTPStatusError):
        sinking.send_all()
    sink.status = 200
    send_what_waits()
    assert [each["messageId"] for each in sink.batch] == ["~f1", "~f1"]


def test_posthog_gets_a_uuid_that_the_id_makes(sink: Sink, settings: LazySettings) -> None:
    settings.ANALYTICS_SINK_FORMAT = "posthog"
    state(1)
    send_what_waits()
    assert sink.got[0]["api_key"] == "a/key"
    [event] = sink.batch
    assert UUID(event["uuid"]).version == 5
    assert event["distinct_id"] == "ann"
    assert event["properties"] == {"id": "a1", "fact_id": "~f1"}
    assert "Authorization" not in sink.headers[0]


def test_cloud_events_come_in_the_batch_format(sink: Sink, settings: LazySettings) -> None:
    settings.ANALYTICS_SINK_FORMAT = "cloudevents"
    state(1)
    send_what_waits()
    assert sink.headers[0]["Content-Type"] == "application/cloudevents-batch+json"
    [event] = sink.batch
    assert (event["id"], event["subject"], event["data"]) == ("~f1", "ann", {"id": "a1"})


def test_players_who_do_not_count_publicly_are_not_in_it(sink: Sink) -> None:
    Player.objects.create(player_id="tester", is_test=True)
    state(1, "tester")
    state(2)
    send_what_waits()
    assert [each["messageId"] for each in sink.batch] == ["~f2"]


def test_a_dead_sink_is_asked_later_and_later_and_nobody_waits(settings: LazySettings) -> None:
    settings.ANALYTICS_SINK_URL, settings.ANALYTICS_SINK_FORMAT = "http://127.0.0.1:9/", "segment"
    state(1)
    sender = sinking.Sender()
    sender.wake()
    sender.join()
    sender.wake()  # too soon: nothing begins
    assert sender.pause == sinking.FIRST_PAUSE
    sender.not_before = 0
    sender.wake()
    sender.join()
    assert sender.pause == 2 * sinking.FIRST_PAUSE
    assert sinking.SINK.behind() == 1


def test_without_an_address_nothing_is_kept_for_it(settings: LazySettings) -> None:
    settings.ANALYTICS_SINK_URL = ""
    assert not sinking.SINK.is_on()
    sinking.wake(timezone.now())
