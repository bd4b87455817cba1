"""Events by the broker: a queue a share, from which one worker at a time takes; workers share out by leases."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.conf import settings

from gamification import relay
from gamification.intake import consuming
from gamification.intake.heartbeat import Unacked
from gamification.intake.leases import Leases
from gamification.kernel.messaging import topology
from gamification.kernel.models import Event, ShareLease, WorkerHeartbeat
from gamification.kernel.storage import shares
from tests.support import rabbit
from tests.support.callers import game_server
from tests.support.content import achievement, metric, publish, requirement
from tests.support.receiving import Loop, happened, parked, publish_to, send, waiting
from tests.support.sharing import everywhere, in_share, one_of_each, player_of

pytestmark = [pytest.mark.rabbitmq, pytest.mark.usefixtures("exchange")]


@pytest.fixture
def loop() -> Iterator[Loop]:
    found = Loop()
    yield found
    found.connection.close()


def counted() -> list[tuple[str, str]]:
    return sorted(everywhere(Event.objects.values_list("player_id", "event_id")))


def receivers(loop: Loop, *held: int) -> consuming.Receivers:
    leases = Leases("here:1")
    leases.held = frozenset(held)
    return consuming.Receivers(loop.connection, loop, Unacked(), leases)


def test_a_request_is_handed_over_as_a_message_for_each_share() -> None:
    server = game_server()
    with rabbit.channel() as channel:
        topology.declare(channel)
    events = [happened("e", player) for player in one_of_each()]
    answer = server.post("/api/v1/events", {"events": events})
    assert answer.status_code == 202, answer.content
    assert [waiting(topology.events_of(share).name) for share in shares.every()] == [1] * settings.SHARES
    assert waiting() == 0


def test_a_share_s_events_count_and_a_stray_is_sent_where_it_belongs(loop: Loop) -> None:
    own, other = player_of(1), player_of(2)
    publish_to("game.event.1", [happened("a", own), happened("b", other), happened("c", own)])
    taking = receivers(loop, 1)
    loop.until(lambda: len(counted()) == 2 and waiting(topology.events_of(2).name) == 1)
    assert counted() == [(own, "a"), (own, "c")]
    taking.finish()
    second = receivers(loop, 2)
    loop.until(lambda: len(counted()) == 3)
    second.finish()
    assert [waiting(queue.name) for queue in topology.all_events()] == [0] * (settings.SHARES + 1)
    assert in_share(2, Event.objects.values_list("event_id", flat=True)) == ["b"]


def test_what_is_published_as_before_is_regrouped_in_order_and_what_is_broken_is_parked(loop: Loop) -> None:
    players = one_of_each()
    send([happened(f"{n}", player) for n in range(3) for player in players], b"[broken", {"id": "x"})
    taking = receivers(loop, *shares.every())
    loop.until(lambda: len(counted()) == 3 * len(players))
    taking.finish()
    for share in shares.every():
        assert in_share(share, Event.objects.order_by("pk").values_list("event_id", flat=True)) == ["0", "1", "2"]
    assert len(parked()) == 2


def test_a_worker_gives_up_what_another_is_to_have() -> None:
    first, second = Leases("a"), Leases("b")
    first.is_taking = second.is_taking = True
    WorkerHeartbeat.objects.create(worker="a")
    first.renew()
    assert first.held == set(shares.every())
    WorkerHeartbeat.objects.create(worker="b")
    second.renew()
    assert second.held == frozenset()
    before = first.held
    first.renew()
    assert len(first.held) == settings.SHARES // 2
    first.release(before - first.held)
    second.renew()
    assert second.held == before - first.held
    second.stop()
    assert not ShareLease.objects.filter(worker="b").exists()


def test_facts_of_every_share_leave_for_the_broker(loop: Loop) -> None:
    publish(metric("kills"), achievement("one", requirement("COUNT", "kills", 1)))
    players = one_of_each()
    with rabbit.Listener("achievement.completed") as listener:
        send([happened("e", player) for player in players])
        taking = receivers(loop, *shares.every())
        loop.until(lambda: len([id_ for _, id_ in counted() if id_ == "e"]) == len(players))
        rabbit.until(lambda: relay.publish_waiting() is relay.Remaining.NOTHING)
        said = listener.bodies(len(players))
        taking.finish()
    assert {fact["subject"] for fact in said} == set(players)
