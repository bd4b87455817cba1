"""The OpenAPI document as it is served: in two versions of one source, as JSON or YAML, with an ETag."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml
from django.core.management import call_command
from django.test import Client

from gamification.schemas import openapi
from gamification.schemas.older_openapi import downgraded
from tests.support.callers import assert_problem

Json = dict[str, Any]
ADDRESS = "/api/schema/"


def nodes(node: Any) -> Iterator[Json]:
    if isinstance(node, list):
        for inner in node:
            yield from nodes(inner)
    elif isinstance(node, dict):
        yield node
        for name, inner in node.items():
            if name not in ("example", "examples", "default", "enum"):
                yield from nodes(inner)


@pytest.mark.parametrize(("asked", "said"), [("", "3.1.0"), ("3.1", "3.1.0"), ("3.0", "3.0.3"), ("3.0.3", "3.0.3")])
def test_it_is_had_in_either_version(asked: str, said: str) -> None:
    response = Client().get(ADDRESS, {"version": asked} if asked else {})
    assert (response.status_code, response["Content-Type"]) == (200, "application/json")
    assert response.json()["openapi"] == said


def test_a_version_that_nobody_has_is_refused() -> None:
    assert_problem(Client().get(ADDRESS, {"version": "2.0"}), 400, "invalid")
    assert_problem(Client().post(ADDRESS), 405, "method_not_allowed")


def test_it_is_yaml_for_who_wants_that_alone() -> None:
    for type_ in ("application/yaml", "application/vnd.oai.openapi"):
        response = Client().get(ADDRESS, headers={"Accept": type_})
        assert yaml.safe_load(response.content) == openapi.document()
    assert Client().get(ADDRESS, headers={"Accept": "application/yaml, */*"})["Content-Type"] == "application/json"


def test_who_has_it_is_not_sent_it_again() -> None:
    first = Client().get(ADDRESS)
    again = Client().get(ADDRESS, headers={"If-None-Match": first["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert Client().get(ADDRESS, {"version": "3.0"})["ETag"] != first["ETag"]


def test_the_older_one_describes_the_same_and_speaks_3_0() -> None:
    newer, older = openapi.document(), openapi.document("3.0")
    assert older["paths"].keys() == newer["paths"].keys()
    plain = {name.removesuffix("OrNull") for name in older["components"]["schemas"]}
    assert plain == newer["components"]["schemas"].keys()
    for node in nodes(older):
        assert not isinstance(node.get("type"), list), node
        assert node.get("type") != "null", node
        assert node.get("nullable") is not True or "type" in node, node
        assert "$ref" not in node or len(node) == 1, node
        assert "const" not in node, node


def test_what_3_1_says_is_said_in_the_words_of_3_0() -> None:
    said = {
        "maybe": {"type": ["string", "null"], "description": "A text."},
        "one_of": {"oneOf": [{"$ref": "#/components/schemas/Kind"}, {"type": "null"}]},
        "either": {"type": ["string", "integer", "null"]},
        "fixed": {"const": "x", "type": "string"},
        "above": {"type": "number", "exclusiveMinimum": 0},
        "told": {"$ref": "#/components/schemas/Kind", "description": "Which."},
        "type": {"type": "string", "examples": ["a", "b"]},
    }
    schemas = {"Row": {"type": "object", "properties": said}, "Kind": {"type": "string", "enum": ["A"]}}
    document = {"openapi": "3.1.0", "paths": {}, "components": {"schemas": schemas}, "webhooks": {}}
    older = downgraded(document)
    kind = {"$ref": "#/components/schemas/Kind"}
    assert older["components"]["schemas"]["KindOrNull"] == {"type": "string", "enum": ["A", None], "nullable": True}
    assert "webhooks" not in older
    assert older["components"]["schemas"]["Row"]["properties"] == {
        "maybe": {"type": "string", "nullable": True, "description": "A text."},
        "one_of": {"$ref": "#/components/schemas/KindOrNull"},
        "either": {"nullable": True, "anyOf": [{"type": "string"}, {"type": "integer"}]},
        "fixed": {"enum": ["x"], "type": "string"},
        "above": {"type": "number", "minimum": 0, "exclusiveMinimum": True},
        "told": {"allOf": [kind], "description": "Which."},
        "type": {"type": "string", "example": "a"},
    }


def test_both_are_written_to_files(tmp_path: Path) -> None:
    call_command("write_schemas", tmp_path, stdout=io.StringIO())
    assert json.loads((tmp_path / "openapi-3.1.json").read_text()) == openapi.document()
    assert json.loads((tmp_path / "openapi-3.0.json").read_text()) == openapi.document("3.0")


def test_it_says_where_it_is_from_and_what_each_tag_is_about() -> None:
    document = openapi.document()
    assert document["servers"][0]["url"] == "/"
    used = {tag for methods in document["paths"].values() for each in methods.values() for tag in each["tags"]}
    described = {tag["name"]: tag["description"] for tag in document["tags"]}
    assert used == described.keys()
    assert all(len(text) > 20 for text in described.values())


def test_each_schema_of_3_1_is_a_json_schema() -> None:
    document = openapi.document()
    for name in document["components"]["schemas"]:
        schema = {"$ref": f"#/components/schemas/{name}", "components": document["components"]}
        jsonschema_rs.validator_for(schema)  # raises for what is none
