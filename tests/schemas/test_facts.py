"""Facts and messages are described by one table: as JSON Schema, in OpenAPI, in AsyncAPI and in docs/facts.md."""

from __future__ import annotations

import json
import os
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from django.conf import settings
from django.test import Client

from gamification.feed import consumer
from gamification.kernel.core.fact_types import FactType
from gamification.kernel.core.messages import PLAYER_ID, Fact
from gamification.kernel.messaging import outbox, topology
from gamification.schemas import asyncapi, openapi
from gamification.schemas.fact_shapes import DIGEST, DIGEST_SAYS, FACTS, MESSAGES, SHAPES, name_of
from tests.support import declared_facts
from tests.support.callers import assert_problem

Json = dict[str, Any]
NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
PAGE = Path(__file__).parents[2] / "docs/facts.md"


def test_each_type_of_fact_is_described() -> None:
    assert FACTS.keys() == set(FactType)
    assert {stated.data for stated in FACTS.values()} <= SHAPES.keys()


@pytest.mark.parametrize("type_", list(FactType))
def test_a_json_schema_is_served_where_the_cloud_event_says(type_: FactType) -> None:
    event = json.loads(outbox.cloud_event("ann", "~f", type_, NOW, "{}").body)
    assert event["dataschema"].startswith(settings.PUBLIC_URL)
    assert event["partitionkey"] == event["subject"] == "ann"
    response = Client().get(event["dataschema"].removeprefix(settings.PUBLIC_URL))
    assert response["Content-Type"] == "application/schema+json"
    schema = response.json()
    jsonschema_rs.Draft202012Validator(schema)
    assert schema["required"] == list(SHAPES[FACTS[type_].data]["properties"])


def test_a_fact_about_content_is_about_its_kind_and_id_and_has_no_key() -> None:
    event = json.loads(outbox.cloud_event("", "~f", "quest.created", NOW, '{"id": "tour"}').body)
    assert event["subject"] == "quest/tour"  # CloudEvents knows no empty subject
    assert not PLAYER_ID.fullmatch(event["subject"])
    assert "partitionkey" not in event


def test_a_type_that_nobody_states_has_no_schema() -> None:
    assert_problem(Client().get("/api/schema/v1/facts/quest.won.json"), 404, "not_found")
    assert_problem(Client().post("/api/schema/v1/facts/quest.created.json"), 405, "method_not_allowed")


def test_a_fact_that_says_something_else_is_noticed() -> None:
    said = {"id": "tour", "occurrence": "0", "reason": "r"}
    assert declared_facts.flaws(Fact("~f", "ann", FactType.ACHIEVEMENT_REVOKED, said, NOW)) == []
    for wrong in ({**said, "more": 1}, {**said, "reason": None}, {"id": "tour"}):
        assert declared_facts.flaws(Fact("~f", "ann", FactType.ACHIEVEMENT_REVOKED, wrong, NOW)) != []
    assert declared_facts.flaws(Fact("~f", "ann", FactType.ACHIEVEMENT_REVOKED, said, NOW, said)) != []


def test_openapi_has_a_fact_and_a_message_by_type() -> None:
    schemas = openapi.document()["components"]["schemas"]
    for name, types in (("Fact", {str(type_) for type_ in FACTS}), ("Message", MESSAGES.keys())):
        assert schemas[name]["discriminator"]["mapping"].keys() == types
        for type_ in types:
            assert schemas[f"{name_of(type_)}{name}"]["properties"]["type"]["const"] == type_


# -- AsyncAPI ----------------------------------------------------------------------------------------------------------


def test_asyncapi_names_the_exchanges_and_the_socket_of_this_deployment() -> None:
    document = Client().get("/api/schema/asyncapi.json").json()
    assert document["asyncapi"] == "3.0.0"
    channels = document["channels"]
    assert channels["events"]["address"] == topology.EVENT_KEY
    assert channels["events"]["bindings"]["amqp"]["exchange"]["name"] == topology.incoming().name
    assert channels["facts"]["bindings"]["amqp"]["exchange"]["name"] == topology.exchange().name
    assert channels["feed"]["address"] == settings.WS_PATH
    assert channels["facts"]["parameters"]["type"]["enum"] == [str(type_) for type_ in FACTS]


def test_asyncapi_is_made_once_and_not_sent_to_who_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    first = Client().get("/api/schema/asyncapi.json")
    assert first["Content-Type"] == "application/json"
    monkeypatch.setattr(asyncapi, "document", lambda: pytest.fail("it is made again"))
    again = Client().get("/api/schema/asyncapi.json", headers={"If-None-Match": first["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert Client().get("/api/schema/asyncapi.json").content == first.content


def test_a_cloud_event_is_as_asyncapi_says() -> None:
    document = asyncapi.document()
    data = {"id": "gold", "currency": "gold", "amount": 1, "reason": ""} | {
        "id": "0" * 8 + "-0000-4000-8000-" + "0" * 12
    }
    body = json.loads(outbox.cloud_event("ann", "~f", "currency.spent", NOW, json.dumps(data)).body)
    schema = {"$ref": "#/components/schemas/CurrencySpentFact", "components": document["components"]}
    validator = jsonschema_rs.Draft202012Validator(schema, validate_formats=True)
    assert list(validator.iter_errors(body)) == []
    assert not validator.is_valid({**body, "type": "reward.granted"})


def test_what_a_client_may_say_is_what_the_socket_understands() -> None:
    schemas = asyncapi.document()["components"]["schemas"]
    for name, said in (("ResumeWish", {"type": "resume", "after": 0}), ("PingWish", {"type": "ping"})):
        assert jsonschema_rs.is_valid(schemas[name], said)
        assert consumer._understood(json.dumps(said)) == said
        assert not jsonschema_rs.is_valid(schemas[name], {**said, "more": 1})
        with pytest.raises(consumer.Misunderstood):
            consumer._understood(json.dumps({**said, "more": 1}))


def test_every_reference_leads_somewhere() -> None:
    document = asyncapi.document()
    for reference in set(re.findall(r'"\$ref": "#/([^"]+)"', json.dumps(document))):
        found: Any = document
        for part in reference.split("/"):
            found = found[part]


# -- the page ----------------------------------------------------------------------------------------------------------


def kind(schema: Json) -> str:
    types = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    plain = {"string": "text", "integer": "integer", "number": "number", "boolean": "boolean", "object": "object"}
    words = [f"list of {kind(schema['items'])}s" if each == "array" else plain.get(each, each) for each in types]
    if "enum" in schema:
        words[0] = ", ".join(f"`{word}`" for word in schema["enum"] if word is not None)
    elif schema.get("format") in ("date-time", "uuid"):
        words[0] = {"date-time": "instant", "uuid": "UUID"}[schema["format"]]
    return " or ".join(str(word) for word in words)


def fields(shape: str) -> str:
    rows = [
        f"| `{name}` | {kind(each)} | {each['description']} |" for name, each in SHAPES[shape]["properties"].items()
    ]
    return "\n".join(["| field | what it is | |", "|---|---|---|", *rows])


def page() -> str:
    """docs/facts.md as it has to be."""
    head = PAGE.read_text().partition("\n## Facts\n")[0].rstrip() + "\n"
    shapes = sorted({stated.data for stated in FACTS.values()} | set(MESSAGES.values()))
    facts = [f"| `{type_}` | {stated.says} | {link(stated.data)} | {link(stated.message)} |"
             for type_, stated in FACTS.items()]  # fmt: skip
    told = [f"| `{DIGEST}` | {DIGEST_SAYS} | | {link(MESSAGES[DIGEST])} |"]
    parts = [
        head, "\n## Facts\n", "| type | when | `data` | the player is told |", "|---|---|---|---|", *facts, *told,
        "\n## Fields\n",
        *(f"### {shape}\n\n{SHAPES[shape]['description']}\n\n{fields(shape)}\n" for shape in shapes),
    ]  # fmt: skip
    return "\n".join(parts).rstrip() + "\n"


def link(shape: str | None) -> str:
    return f"[{shape}](#{shape.lower()})" if shape else "nothing"


def test_the_page_has_every_fact_and_message_with_its_fields() -> None:
    """`WRITE_FACTS=1` writes it anew."""
    if os.environ.get("WRITE_FACTS"):
        PAGE.write_text(page())
    assert PAGE.read_text() == page()
