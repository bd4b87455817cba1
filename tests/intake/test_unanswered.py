"""What was refused or held of events by the broker, whose sender gets no answer, is stated as facts."""

from __future__ import annotations

import pytest

from gamification import pipeline
from gamification.feed.models import Message as FeedMessage
from gamification.intake.worker import Receiver
from gamification.kernel.core import bus
from gamification.kernel.core.actors import SYSTEM
from gamification.kernel.core.messages import GameEvent
from gamification.players.erasing import ErasePlayer
from progress.models import Player
from tests.support import rabbit
from tests.support.bodies import NOW
from tests.support.playing import count
from tests.support.receiving import Loop, happened, is_settled, send


@pytest.mark.rabbitmq
@pytest.mark.django_db(transaction=True)
def test_what_was_refused_or_held_is_stated_for_whoever_sent_it(kills: None, loop: Loop) -> None:
    pipeline.process([GameEvent("e0", player, "t", {}, NOW) for player in ("eve", "bob")], now=NOW)
    bus.handle(ErasePlayer(player_id="eve"), actor=SYSTEM, now=NOW)
    Player.objects.filter(pk="bob").update(banned=True)
    with rabbit.Listener("event.*") as listener:
        send([happened("e1"), happened("e1", data={"other": 1}), happened("e2", "bob"), happened("e3", "eve")])
        receiver = Receiver(loop.connection, loop)
        loop.until(lambda: count() == 1)
        assert is_settled(loop, receiver)
        told = {fact["data"]["id"]: fact for fact in listener.bodies(3)}
        assert listener.is_empty()
    assert [(id_, told[id_]["type"], told[id_]["data"].get("code")) for id_ in sorted(told)] == [
        ("e1", "event.rejected", "id_reused"),
        ("e2", "event.held", None),
        ("e3", "event.rejected", "player_erased"),
    ]
    assert told["e1"]["data"]["detail"]
    assert (told["e2"]["data"]["rule"], told["e2"]["subject"]) == ("banned", "bob")
    assert told["e3"]["subject"] != "eve"
    assert not FeedMessage.objects.filter(type__startswith="event.").exists()


@pytest.mark.django_db(transaction=True)
def test_who_is_answered_reads_no_such_facts() -> None:
    pipeline.process([GameEvent("e1", "ann", "t", {}, NOW)], now=NOW)
    outcome = pipeline.process([GameEvent("e1", "ann", "other", {}, NOW)], now=NOW)
    assert [code for _, code, _ in outcome.refused] == ["id_reused"]
    assert outcome.facts == []
