"""The shapes of clients/schema.json as types of Python: dictionaries whose fields mypy and editors know."""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterator
from typing import Any

Json = dict[str, Any]

HEAD = '''"""The shapes that the service takes and answers, made of its schema: see `make clients`."""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypeAlias, TypedDict, final
'''
SIMPLE = {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "null": "None"}


def models(schemas: Json) -> str:
    """Python's source. A shape that is written inside another is named after its field."""
    found: dict[str, str] = {}
    waiting = list(schemas.items())
    while waiting:
        name, shape = waiting.pop(0)
        inner: dict[str, Json] = {}
        found[name] = _definition(name, shape, inner)
        waiting[:0] = inner.items()
    return HEAD + "".join(f"\n\n{found[name]}\n" for name in sorted(found))


def _definition(name: str, shape: Json, inner: dict[str, Json]) -> str:
    if "properties" not in shape:
        kind = _type(shape, name, inner)
        return f"{name}: TypeAlias = {kind}" if kind.startswith("Literal") else f"{name}: TypeAlias = {kind!r}"
    required = set(shape.get("required", ()))
    fields = {
        field: kind if field in required else f"NotRequired[{kind}]"
        for field, kind in (
            (each, _type(value, _inner(name, each), inner)) for each, value in shape["properties"].items()
        )
    }
    if any(keyword.iskeyword(field) or not field.isidentifier() for field in fields):
        items = "".join(f'        "{field}": "{kind}",\n' for field, kind in fields.items())
        return f'{name} = TypedDict(\n    "{name}",\n    {{\n{items}    }},\n)'
    said = re.split(r"(?<=[.:]) |\n", shape.get("description", "").strip())[0].replace('"', "'")
    doc = f'    """{said}"""\n\n' if said else ""
    # Who looks whether a field is in it may be sure only where no other shape extends this one.
    final = "@final\n" if shape.get("additionalProperties") is False else ""
    return (
        f"{final}class {name}(TypedDict):\n{doc}"
        + "".join(f"    {field}: {kind}\n" for field, kind in fields.items()).rstrip()
    )


def _inner(name: str, field: str) -> str:
    return name + "".join(word.capitalize() for word in re.split(r"[_.]", field))


def _type(shape: Json, name: str, inner: dict[str, Json]) -> str:
    """`name`: what an object without a name of its own would be called."""
    return " | ".join(dict.fromkeys(_kinds(shape, name, inner)))


def _kinds(shape: Json, name: str, inner: dict[str, Json]) -> Iterator[str]:
    if "$ref" in shape:
        yield shape["$ref"].rpartition("/")[2]
    elif "const" in shape:
        yield f"Literal[{_literal(shape['const'])}]"
    elif "enum" in shape:
        yield f"Literal[{', '.join(map(_literal, shape['enum']))}]"
    elif len(shape.get("allOf", ())) == 1:
        yield from _kinds(shape["allOf"][0], name, inner)
    elif shape.get("oneOf") or shape.get("anyOf"):
        for option in shape.get("oneOf") or shape["anyOf"]:
            yield from _kinds(option, name, inner)
    else:
        types = shape.get("type", "any")
        for type_ in types if isinstance(types, list) else [types]:
            yield _of_type(type_, shape, name, inner)


def _of_type(type_: str, shape: Json, name: str, inner: dict[str, Json]) -> str:
    if type_ == "array":
        return f"list[{_type(shape.get('items', {}), name, inner)}]"
    if type_ == "object" and "properties" in shape:
        inner[name] = shape
        return name
    if type_ == "object":
        values = shape.get("additionalProperties")
        return f"dict[str, {_type(values, name, inner) if isinstance(values, dict) and values else 'Any'}]"
    return SIMPLE.get(type_, "Any")


def _literal(value: object) -> str:
    return "None" if value is None else f'"{value}"' if isinstance(value, str) else repr(value)
