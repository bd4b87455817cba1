"""The AsyncAPI document: what goes over RabbitMQ and over a player's WebSocket, by the same words as the code.

OpenAPI says what is asked and answered over HTTP; this says the rest: events in and facts out at the broker, and a
player's feed. The view is the service's own: it *receives* game events and *sends* facts.
"""

from __future__ import annotations

import json
from functools import cache
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings

from gamification.intake.decoding import MAX_EVENTS
from gamification.kernel.core.fact_types import FactType
from gamification.kernel.messaging import outbox, topology
from gamification.schemas import openapi
from gamification.schemas.fact_shapes import (
    DIGEST,
    DIGEST_SAYS,
    FACTS,
    MESSAGES,
    PROGRESSED,
    SHAPES,
    instant,
    integer,
    name_of,
    one_of,
    shape,
    text,
)

Json = dict[str, Any]

VERSION = "3.0.0"
EXAMPLE_AT = "2026-05-30T18:00:00Z"
_AT_RABBITMQ, _AT_A_SOCKET = {"$ref": "#/servers/rabbitmq"}, {"$ref": "#/servers/websocket"}
_TAGS = {
    "events": "What happened in the game, reported by game servers.",
    "facts": "What the service has stated, for whoever listens.",
    "feed": "What a player is told, on the player's own device.",
}
_CONTROL: dict[str, tuple[str, str | None]] = {
    "hello": ("First of all: whatever comes later than `last_seq` follows by itself.", "LastSeq"),
    "resumed": ("All that `resume` asked for has been sent.", "LastSeq"),
    "resync": ("What `resume` asked for is no longer kept: read REST.", "LastSeq"),
    "pong": ("The answer to `ping`.", None),
    "error": ("What the client said means nothing; after ten of them the socket is closed.", "WhatIsWrong"),
}
"""What the server says of the conversation itself: its type → when, and the shape of its data."""


def document() -> Json:
    return {
        "asyncapi": VERSION,
        "id": "urn:gamification",
        "info": {
            "title": "Gamification, over RabbitMQ and WebSocket",
            "version": settings.SPECTACULAR_SETTINGS["VERSION"],
            "description": "Game events in, facts out; and what each player is told, as it happens.",
            "tags": [_tag(name) for name in _TAGS],
        },
        "defaultContentType": "application/json",
        "servers": _servers(),
        "channels": _channels(),
        "operations": _operations(),
        "components": {
            "messages": _messages(),
            "schemas": _schemas(),
            "tags": {name: {"name": name, "description": description} for name, description in _TAGS.items()},
            "securitySchemes": {
                "brokerUser": {"type": "userPassword", "description": "A user of RabbitMQ."},
                "playerToken": {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "JWT",
                    "description": "A player's token. A browser, which cannot send the header, offers the subprotocols"
                    " `gamification.v1` and `bearer.<token>`.",
                },
            },
        },
    }


@cache
def text_of_document() -> bytes:
    """The document as JSON text, made once a process: nothing in it changes before the next start."""
    return json.dumps(document()).encode()


def _tag(name: str) -> Json:
    return {"$ref": f"#/components/tags/{name}"}


def _servers() -> Json:
    public = urlsplit(settings.PUBLIC_URL)
    return {
        "rabbitmq": {
            "host": "rabbitmq:5672",
            "protocol": "amqp",
            "protocolVersion": "0.9.1",
            "description": "The deployment's RabbitMQ, where it has one.",
            "security": [{"$ref": "#/components/securitySchemes/brokerUser"}],
            "tags": [_tag("events"), _tag("facts")],
        },
        "websocket": {
            "host": public.netloc,
            "protocol": "wss" if public.scheme == "https" else "ws",
            "description": "The service itself.",
            "security": [{"$ref": "#/components/securitySchemes/playerToken"}],
            "tags": [_tag("feed")],
        },
    }


def _channels() -> Json:
    facts, feed = _of_facts(), [*_numbered(), name_of(PROGRESSED) + "Message", *map(_spoken, _CONTROL)]
    return {
        "events": {
            "address": topology.EVENT_KEY,
            "title": "Game events",
            "summary": "Where game servers publish what happened.",
            "description": f"One event, or an array of up to {MAX_EVENTS}. What makes no sense is parked with the"
            " reason; what became of an event that was refused or held is a fact, `event.rejected` or `event.held`.",
            "servers": [_AT_RABBITMQ],
            "messages": {name: _message(name) for name in ("GameEvent", "GameEvents")},
            "tags": [_tag("events")],
            "bindings": {"amqp": _routing(topology.incoming().name)},
        },
        "facts": {
            "address": "{type}",
            "title": "Facts",
            "summary": "Where facts leave. Bind a durable queue of your own to what you want to hear.",
            "description": "At least once, in order for each player; a fact that comes twice has the same `id`.",
            "servers": [_AT_RABBITMQ],
            "parameters": {
                "type": {
                    "description": "The fact's type: the routing key.",
                    "enum": [str(type_) for type_ in FACTS],
                    "examples": ["achievement.completed"],
                }
            },
            "messages": {name: _message(name) for name in facts},
            "tags": [_tag("facts")],
            "bindings": {"amqp": _routing(topology.exchange().name)},
        },
        "feed": {
            "address": settings.WS_PATH,
            "title": "A player's feed",
            "summary": "What a player is told, numbered without gaps, and a conversation about where to go on.",
            "servers": [_AT_A_SOCKET],
            "messages": {name: _message(name) for name in (*feed, "ResumeWish", "PingWish")},
            "tags": [_tag("feed")],
            "bindings": {"ws": {"method": "GET", "bindingVersion": "0.1.0"}},
        },
    }


def _routing(exchange: str) -> Json:
    named = {"name": exchange, "type": "topic", "durable": True, "autoDelete": False, "vhost": "/"}
    return {"is": "routingKey", "exchange": named, "bindingVersion": "0.3.0"}


def _operations() -> Json:
    def operation(action: str, channel: str, says: str, names: list[str], **more: Any) -> Json:
        return {
            "action": action,
            "channel": {"$ref": f"#/channels/{channel}"},
            "title": says,
            "summary": says,
            "description": f"{says}.",
            "messages": [{"$ref": f"#/channels/{channel}/messages/{name}"} for name in names],
            "tags": [_tag(channel)],
            **more,
        }

    def replied(*names: str) -> Json:
        messages = [{"$ref": f"#/channels/feed/messages/{name}"} for name in names]
        return {"channel": {"$ref": "#/channels/feed"}, "messages": messages}

    confirmed = {"amqp": {"deliveryMode": 2, "mandatory": True, "bindingVersion": "0.3.0"}}
    return {
        "takeEvents": operation("receive", "events", "Takes what game servers report", ["GameEvent", "GameEvents"]),
        "stateFacts": operation("send", "facts", "States what was decided", _of_facts(), bindings=confirmed),
        "greet": operation("send", "feed", "Says how far the player's feed goes", [_spoken("hello")]),
        "tell": operation("send", "feed", "Tells the player what happened", _numbered()),
        "showProgress": operation(
            "send", "feed", "Shows progress, unnumbered and at most once a second", [name_of(PROGRESSED) + "Message"]
        ),
        "resume": operation(
            "receive", "feed", "Sends again what came later than the last message that the device has", ["ResumeWish"],
            reply=replied(_spoken("resumed"), _spoken("resync"), _spoken("error")),
        ),
        "answerPing": operation(
            "receive", "feed", "Answers a ping", ["PingWish"], reply=replied(_spoken("pong"), _spoken("error"))
        ),
    }  # fmt: skip


# -- messages ----------------------------------------------------------------------------------------------------------


def _message(name: str) -> Json:
    return {"$ref": f"#/components/messages/{name}"}


def _schema(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{name}"}


def _of_facts() -> list[str]:
    return [name_of(type_) + "Fact" for type_ in FACTS]


def _numbered() -> list[str]:
    return [name_of(type_) + "Message" for type_ in MESSAGES]


def _spoken(type_: str) -> str:
    return f"{name_of(type_)}Said"


def _messages() -> Json:
    found = {
        "GameEvent": _described("One event", "GameEvent", "Something that happened in the game."),
        "GameEvents": _described("Several events", "GameEvents", "What happened in the game, applied together."),
        name_of(PROGRESSED) + "Message": _described(
            PROGRESSED, name_of(PROGRESSED) + "Message", "How far an achievement is. The newest wins."
        ),
        "ResumeWish": _described("resume", "ResumeWish", "Asks for every message later than `after`."),
        "PingWish": _described("ping", "PingWish", "Asks for a `pong`."),
    }
    for type_, stated in FACTS.items():
        name = name_of(type_) + "Fact"
        found[name] = {**_described(type_, name, stated.says), "contentType": outbox.CLOUD_EVENT}
    for told in MESSAGES:
        name = name_of(told) + "Message"
        found[name] = _described(told, name, FACTS[FactType(told)].says if told != DIGEST else DIGEST_SAYS)
    for word, (says, _) in _CONTROL.items():
        found[_spoken(word)] = _described(word, _spoken(word), says)
    return found


def _described(title: str, schema: str, says: str) -> Json:
    return {
        "name": schema,
        "title": str(title),
        "summary": says,
        "contentType": "application/json",
        "payload": _schema(schema),
    }


# -- shapes ------------------------------------------------------------------------------------------------------------


def _schemas() -> Json:
    event = openapi.document()["components"]["schemas"]["GameEvent"]
    found: Json = {
        **SHAPES,
        "GameEvent": event,
        "GameEvents": {
            "type": "array",
            "items": _schema("GameEvent"),
            "minItems": 1,
            "maxItems": MAX_EVENTS,
            "description": "Several events.",
        },
        "LastSeq": shape("Where the feed ends.", last_seq=integer("The number of the newest message.")),
        "WhatIsWrong": shape("What is wrong.", code=text("Stable."), detail=text("For people.")),
        "ResumeWish": _closed(
            "Go on after this message.", type=_only("resume"), after={**integer("0: from the beginning."), "minimum": 0}
        ),
        "PingWish": _closed("Are you there?", type=_only("ping")),
        name_of(PROGRESSED) + "Message": _told(PROGRESSED, "AchievementProgressedData", is_numbered=False),
    }
    for type_, stated in FACTS.items():
        found[name_of(type_) + "Fact"] = _cloud_event(type_, stated.data, stated.says)
    for told, shape_name in MESSAGES.items():
        found[name_of(told) + "Message"] = _told(told, shape_name)
    for word, (says, data) in _CONTROL.items():
        found[_spoken(word)] = shape(says, type=_only(word), **({"data": _schema(data)} if data else {}))
    return found


def _only(word: str) -> Json:
    return one_of([word], "What it is.")


def _closed(description: str, **fields: Json) -> Json:
    return {**shape(description, **fields), "additionalProperties": False}


def _told(type_: str, data: str, *, is_numbered: bool = True) -> Json:
    number = {"seq": integer("Its number: 1, 2, 3 … without gaps, for each player.")} if is_numbered else {}
    return shape(
        "What a player is told.", **number, type=_only(type_), player_id=text("Who."), data=_schema(data),
        timestamp=instant("When it happened."),
    )  # fmt: skip


def _cloud_event(type_: str, data: str, says: str) -> Json:
    found = shape(
        says,
        specversion=one_of(["1.0"], "The version of CloudEvents."),
        id=text("The same whenever this fact is sent."),
        source=text("The exchange.", format="uri-reference"),
        type=_only(type_),
        subject=text("The player; for facts about content its kind and id, such as `achievement/first-steps`."),
        time=instant("When it happened in the game."),
        datacontenttype=one_of(["application/json"], "The type of `data`."),
        dataschema=text("Where the JSON Schema of `data` is.", format="uri"),
        requestid=text("The `X-Request-ID` of the request that led to it, where it is known."),
        traceparent=text("The trace that it was part of, where it is known."),
        partitionkey=text("The player, whose facts have an order; none for facts about content."),
        data=_schema(data),
    )
    for name in ("requestid", "traceparent", "partitionkey"):
        found["required"].remove(name)
    return found
