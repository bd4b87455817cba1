"""Facts and messages in the OpenAPI document: one shape a type, told apart by `type`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gamification.kernel.core.fact_types import FactType
from gamification.schemas.fact_shapes import FACTS, MESSAGES, SHAPES, name_of

Json = dict[str, Any]


def describe(result: Json, generator: Any, request: Any, public: bool) -> Json:
    """A hook of drf-spectacular: `Fact` is one of the facts, `Message` one of the messages."""
    schemas: Json = result["components"]["schemas"]
    words = {tuple(each["enum"]): name for name, each in schemas.items() if each.get("enum")}
    schemas["FactTypeEnum"] = {
        "type": "string",
        "enum": [str(type_) for type_ in FactType],
        "description": "What the service may state. A newer version may add some.",
    }
    _one_of(schemas, "Fact", {str(type_): stated.data for type_, stated in FACTS.items()})
    _one_of(schemas, "Message", MESSAGES)
    schemas["ResultingFact"]["properties"]["type"] = _ref("FactTypeEnum")
    for name in {stated.data for stated in FACTS.values()} | set(MESSAGES.values()):
        schemas[name] = _with_references(SHAPES[name], words)
    result["components"]["schemas"] = dict(sorted(schemas.items()))
    return result


def _one_of(schemas: Json, name: str, data: Mapping[str, str]) -> None:
    """Make a shape of this name for each type out of the one that is there, and of that the choice between them."""
    whole = schemas[name]
    said = whole.get("description", "")
    for type_, of_data in data.items():
        properties = {**whole["properties"], "type": {"type": "string", "const": type_}, "data": _ref(of_data)}
        schemas[f"{name_of(type_)}{name}"] = {**whole, "properties": properties, "description": said or f"`{type_}`."}
    named = {type_: f"{name_of(type_)}{name}" for type_ in data}
    schemas[name] = {
        "oneOf": [_ref(each) for each in named.values()],
        "discriminator": {
            "propertyName": "type",
            "mapping": {type_: _ref(each)["$ref"] for type_, each in named.items()},
        },
        "description": "By `type`. A newer version may add some: ask for, or pass over all but, those that you know.",
    }


def _with_references(schema: Json, words: Mapping[tuple[Any, ...], str]) -> Json:
    """The shape, with lists of words that the document has already named by those names."""
    found = dict(schema)
    if "properties" in schema:
        found["properties"] = {name: _with_references(each, words) for name, each in schema["properties"].items()}
    if isinstance(schema.get("items"), dict):
        found["items"] = _with_references(schema["items"], words)
    name = words.get(tuple(schema.get("enum", ())))
    if name is None:
        return found
    return {**_ref(name), "description": schema["description"]}


def _ref(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{name}"}
