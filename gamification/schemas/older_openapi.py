"""OpenAPI 3.0.3, made of the 3.1 document: one source, for the generators that read no 3.1 yet.

3.1 takes its schemas from JSON Schema 2020-12; 3.0 has a dialect of its own. What they say is the same, apart from what
3.0 has no word for (`webhooks`), which is left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Json = dict[str, Any]

VERSION = "3.0.3"
ONLY_IN_3_1 = ("webhooks", "jsonSchemaDialect")
_OF_SCHEMAS = ("allOf", "anyOf", "oneOf")
_NULL = {"type": "null"}


def downgraded(document: Mapping[str, Any]) -> Json:
    """The document as OpenAPI 3.0.3."""
    older = {name: _outside(inner) for name, inner in document.items() if name not in ONLY_IN_3_1}
    older["openapi"] = VERSION
    schemas = {name: _schema(each) for name, each in document["components"].get("schemas", {}).items()}
    older["components"]["schemas"] = schemas
    or_null: Json = {}
    for node in _nodes(older):
        if node.get("nullable") is True and "type" not in node and "allOf" in node:
            _refer_to_nullable(node, schemas, or_null)
    schemas.update(or_null)
    named = {node.get("$ref") for node in _nodes(older)}
    for name in [twin.removesuffix("OrNull") for twin in or_null]:
        if f"#/components/schemas/{name}" not in named:
            del schemas[name]
    return older


def _refer_to_nullable(node: Json, schemas: Json, or_null: Json) -> None:
    """3.0 has no exact word for "this shape, or null": the shape has a twin that may be null."""
    name = node.pop("allOf")[0]["$ref"].rpartition("/")[2]
    del node["nullable"]
    shape = schemas[name]
    more = {"enum": [*shape["enum"], None]} if "enum" in shape else {}
    or_null[f"{name}OrNull"] = {**shape, **more, "nullable": True}
    twin = {"$ref": f"#/components/schemas/{name}OrNull"}
    node.update({"allOf": [twin]} if node else twin)


def _nodes(node: Any) -> Iterator[Json]:
    if isinstance(node, list):
        for inner in node:
            yield from _nodes(inner)
    elif isinstance(node, dict):
        yield node
        for inner in node.values():
            yield from _nodes(inner)


def _outside(node: Any) -> Any:
    """What is no schema: the schemas within it are found by the names under which OpenAPI has them."""
    if isinstance(node, list):
        return [_outside(inner) for inner in node]
    if not isinstance(node, dict):
        return node
    return {
        name: _schema(inner) if name == "schema" else inner if name in ("example", "examples") else _outside(inner)
        for name, inner in node.items()
    }


def _schema(schema: Any) -> Any:
    if not isinstance(schema, dict):  # `additionalProperties: false`
        return schema
    older: Json = {}
    for name, said in schema.items():
        match name:
            case "properties":
                older[name] = {each: _schema(inner) for each, inner in said.items()}
            case "items" | "additionalProperties" | "not":
                older[name] = _schema(said)
            case "allOf" | "anyOf" | "oneOf":
                older[name] = [_schema(inner) for inner in said]
            case "const":
                older["enum"] = [said]
            case "examples":
                older["example"] = said[0]
            case _:
                older[name] = said
    _say_nullable(older)
    _say_bounds(older)
    if "$ref" in older and len(older) > 1:  # 3.0 reads nothing that stands beside a reference
        older = {"allOf": [{"$ref": older.pop("$ref")}], **older}
    return older


def _say_nullable(schema: Json) -> None:
    """Null is no type in 3.0, but a word beside one."""
    types = schema.get("type")
    if isinstance(types, list):
        rest = [each for each in types if each != "null"]
        if len(rest) < len(types):
            schema["nullable"] = True
        if len(rest) == 1:
            schema["type"] = rest[0]
        else:
            del schema["type"]
            schema["anyOf"] = [{"type": each, **_for(schema, each)} for each in rest]
    elif types == "null":
        schema |= {"type": "object", "nullable": True, "enum": [None]}
    for name in _OF_SCHEMAS:
        if any(_is_null(each) for each in schema.get(name, ())):
            rest = [each for each in schema[name] if not _is_null(each)]
            del schema[name]
            schema["nullable"] = True
            if len(rest) == 1 and "$ref" not in rest[0]:
                schema.update(rest[0])
            else:
                schema["allOf" if len(rest) == 1 else name] = rest


def _is_null(schema: Json) -> bool:
    return schema.get("nullable") is True and schema.get("enum") == [None]


def _for(schema: Json, type_: str) -> Json:
    """What an alternative needs beside its type."""
    return {"items": schema.pop("items", {})} if type_ == "array" else {}


def _say_bounds(schema: Json) -> None:
    """A bound that is not reached itself is a word beside the bound."""
    for exclusive, bound in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        if exclusive in schema and not isinstance(schema[exclusive], bool):
            schema[bound] = schema[exclusive]
            schema[exclusive] = True
