"""The examples of the OpenAPI document are what a service has answered, and fit the shapes beside which they stand."""

from __future__ import annotations

import json
import os
import re
from typing import Any

import jsonschema_rs
import pytest
from django.db import transaction
from rest_framework.test import APIClient

from gamification.schemas import examples, openapi
from tests.support import game
from tests.support.routes import Call, calls

pytestmark = pytest.mark.django_db

Json = dict[str, Any]
SECRETS = {"token": "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.…", "secret": "whsec_…"}
ROWS = 1
"""How many rows of a list an example keeps."""


def operation(document: Json, call: Call) -> Json:
    path = f"{game.API}/" + re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", call.route)
    found: Json = document["paths"][path][call.method.lower()]
    return found


def short(value: Any) -> Any:
    """The value with little of each list, and without what is secret."""
    if isinstance(value, list):
        return [short(each) for each in value[:ROWS]]
    if isinstance(value, dict):
        return {name: SECRETS.get(name) or short(each) for name, each in value.items()}
    return value


def record(server: APIClient, document: Json) -> None:
    found = {}
    for call in calls():
        with transaction.atomic():
            response = call.send(server)
            transaction.set_rollback(True)
        example: Json = {} if call.body is None else {"request": call.body}
        if response.content:
            example |= {"status": str(response.status_code), "response": short(json.loads(response.content))}
        found[operation(document, call)["operationId"]] = example
    lines = (f"{json.dumps(name)}: {json.dumps(example)}" for name, example in sorted(found.items()))
    examples.FILE.write_text("{\n" + ",\n".join(lines) + "\n}\n")


def test_each_operation_has_an_example_that_fits(server: APIClient) -> None:
    document = openapi.document()
    if os.environ.get("WRITE_EXAMPLES"):
        record(server, document)
        examples.recorded.cache_clear()
    wrong, components = [], document["components"]
    for call in calls():
        described = operation(document, call)
        example = examples.recorded()[described["operationId"]]
        assert ("request" in example) == ("requestBody" in described), str(call)
        answer = described["responses"].get(example.get("status"))
        pairs = [(described.get("requestBody"), "request"), (answer, "response")]
        for said, name in pairs:
            if name in example:
                schema = {**said["content"]["application/json"]["schema"], "components": components}
                validator = jsonschema_rs.Draft202012Validator(schema, validate_formats=True)
                wrong += [f"{call} {name}: {error.message[:200]}" for error in validator.iter_errors(example[name])]
    assert wrong == []


def test_each_body_and_each_answer_in_the_document_has_one() -> None:
    for methods in openapi.document()["paths"].values():
        for described in methods.values():
            done = [said for status, said in described["responses"].items() if status[0] == "2" and "content" in said]
            shown = [said["content"]["application/json"] for said in done if "application/json" in said["content"]]
            assert not shown or any(media.keys() & {"example", "examples"} for media in shown), described["operationId"]
            if "requestBody" in described:
                media = described["requestBody"]["content"]["application/json"]
                assert media.keys() & {"example", "examples"}, described["operationId"]
