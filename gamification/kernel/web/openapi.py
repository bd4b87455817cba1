"""What OpenAPI cannot read off the views by itself: who may call, what may be sent again, and that any call may be
refused. And what other people's generators of clients need: no value without a type, no integer without a format.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, Literal

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema

from gamification.kernel.web.access import AllOf
from gamification.kernel.web.strict_fields import MAX_INT32, Shape

FIRST_SENTENCE = re.compile(r"^(.*?)[.:;](?:\s.*)?$")
Direction = Literal["request", "response"]

PROBLEM = {
    "type": "object",
    "required": ["type", "title", "status", "detail", "code"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string", "description": "Stable: made to be compared."},
        "errors": {
            "type": "array",
            "items": {
                "title": "ProblemError",
                "type": "object",
                "required": ["path", "code", "detail"],
                "properties": {
                    "path": {"type": "string", "description": "Of the field, such as `requirements[0].threshold`."},
                    "code": {"type": "string", "description": "Stable: made to be compared."},
                    "detail": {"type": "string", "description": "What was expected."},
                },
            },
        },
    },
}
PARAMETERS = {
    "achievement_id": "The achievement's id.",
    "case_id": "The case's id.",
    "currency": "The currency's id.",
    "cursor": "From `next` or `previous`.",
    "distribution_id": "The distribution's id.",
    "finding_id": "The id of what is held, as in `GET /held`.",
    "id": "The id of what is meant.",
    "item_id": "The item's id.",
    "kind": "The kind of content.",
    "page_size": "Rows of a page.",
    "player_id": "The player. A player's own token may say `me`.",
    "quest_id": "The quest's id.",
    "reward_id": "The reward's id.",
    "state": "Only those in this state.",
    "step_id": "The step's id, within its quest.",
}
"""What a parameter is, where its view says nothing of its own."""
IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "Sent again with the same body, the first answer is given again and nothing happens twice.",
    "schema": {"type": "string", "pattern": "^[!-~]{1,255}$"},
}
IF_NONE_MATCH = {
    "name": "If-None-Match",
    "in": "header",
    "description": "The `ETag` of an answer that the client has: 304 if it would get the same again.",
    "schema": {"type": "string"},
}


class ApiKeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "gamification.kernel.web.access.ApiKeyAuthentication"
    name = "ApiKey"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        return {
            "type": "apiKey",
            "in": "header",
            "name": "Authorization",
            "description": "A game server: `Api-Key <prefix>.<secret>`.",
        }


class PlayerTokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "gamification.kernel.web.access.PlayerTokenAuthentication"
    name = "PlayerToken"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        return {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}


class Operation(AutoSchema):
    """How one method of a view is described, from what the view declares for its own use: scopes, idempotency."""

    def get_auth(self) -> list[dict[str, Any]]:
        """The callers that `scopes` and `player_may` let in."""
        allowed = {
            "ApiKey": self.method in getattr(self.view, "scopes", ()),
            "PlayerToken": self.method in getattr(self.view, "player_may", ()),
        }
        return [each for each in super().get_auth() if all(allowed.get(name, True) for name in each)]

    def get_summary(self) -> str | None:
        """The first sentence of what is said of the method, or else of its view."""
        said = " ".join(super().get_description().split("\n\n")[0].split())
        return FIRST_SENTENCE.sub(r"\1", said)

    def get_description(self) -> str:  # type: ignore[override] # drf-spectacular takes none either
        """The description, and which scope a key needs for it, and whether a player's token opens it."""
        scopes = getattr(self.view, "scopes", {}).get(self.method, ())
        named = [f"`{scope}`" for scope in ((scopes,) if isinstance(scopes, str) else scopes)]
        may = f"A key needs the scope {' or '.join(named)}, or one that includes it." if named else ""
        if isinstance(scopes, AllOf):
            may = f"A key needs the scopes {' and '.join(named)}."
        if self.method in getattr(self.view, "player_may", ()):
            may += " A player's token opens it."
        return f"{super().get_description()}\n\n{may}".strip()

    def _get_parameters(self) -> list[dict[str, Any]]:
        """The parameters, with what a read may be asked by, and a key where the method is `idempotent`."""
        parameters = [self._described(each) for each in super()._get_parameters()]
        if self.method == "GET":
            parameters = [*parameters, IF_NONE_MATCH]
        needs_key = getattr(getattr(self.view, self.method.lower(), None), "needs_key", None)
        return parameters if needs_key is None else [*parameters, {**IDEMPOTENCY_KEY, "required": needs_key}]

    def _described(self, parameter: dict[str, Any]) -> dict[str, Any]:
        name = parameter["name"]
        if parameter.get("description") or name not in PARAMETERS:
            return parameter
        is_filter = name == "player_id" and parameter["in"] == "query"
        return {**parameter, "description": "Only what is of this player." if is_filter else PARAMETERS[name]}

    def get_serializer_name(self, serializer: Any, direction: Direction) -> str:
        name: str = super().get_serializer_name(serializer, direction)
        return name.removesuffix("Shape")

    def _get_serializer_name(self, serializer: Any, direction: Direction, bypass_extensions: bool = False) -> str:
        """Request and answer are told apart where a shape has both."""
        name: str = super()._get_serializer_name(serializer, direction, bypass_extensions)
        return name.removesuffix("Request") if getattr(serializer, "is_only_sent", False) else name

    def _map_basic_serializer(self, serializer: Any, direction: Direction) -> Any:
        """Bodies may have no fields that are not named; answers have all that a shape names, defaults filled in.

        What a body may leave out is said in words: openapi-typescript wants to be sent whatever has a `default`.
        """
        described = super()._map_basic_serializer(serializer, direction)  # type: ignore[no-untyped-call]
        if direction == "request":
            for field in described.get("properties", {}).values():
                if "default" in field:
                    said = f"Without: {json.dumps(field.pop('default'))}."
                    field["description"] = f"{field['description']} {said}" if "description" in field else said
        if direction == "request" or getattr(serializer, "is_closed", False):
            described["additionalProperties"] = False
        elif isinstance(serializer, Shape):
            described["required"] = sorted(described["properties"].keys() - set(serializer.answers_leave_out))
        return described


def refusals(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:
    """A hook of drf-spectacular: every operation may answer with a problem, a read that nothing has changed."""
    result.setdefault("components", {}).setdefault("schemas", {})["Problem"] = PROBLEM
    reference = {"schema": {"$ref": "#/components/schemas/Problem"}}
    refused = {"description": "Refused.", "content": {"application/problem+json": reference}}
    for path in result["paths"].values():
        for method, operation in path.items():
            operation["responses"].setdefault("default", refused)
            if method == "get":
                operation["responses"]["304"] = {"description": "What the client has is what it would get."}
    return result


def named_shapes(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:
    """A hook of drf-spectacular: a shape within another is a component by its `title`. Generators of clients would make
    up a name, and another one for each place at which it stands."""
    schemas = result["components"]["schemas"]
    for name, schema in list(schemas.items()):
        schemas[name] = {key: _with_names(value, schemas) for key, value in schema.items()}
    result["components"]["schemas"] = dict(sorted(schemas.items()))
    return result


def _with_names(node: Any, schemas: dict[str, Any]) -> Any:
    if isinstance(node, list):
        return [_with_names(each, schemas) for each in node]
    if not isinstance(node, dict):
        return node
    found = {key: _with_names(value, schemas) for key, value in node.items()}
    if "properties" not in found or not isinstance(found.get("title"), str):
        return found
    name = found.pop("title")
    if schemas.setdefault(name, found) != found:
        raise ValueError(f"two shapes are called {name}")
    return {"$ref": f"#/components/schemas/{name}"}


def plain_types(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:
    """A hook of drf-spectacular: types as generators of clients take them.

    `oneOf: [{}, null]` says no more than `{}`, and refuses null besides, which is both; null is a type and no enum of
    its own; an object without properties holds whatever the game puts there; an integer without a format is 32 bits
    wide to many languages. A choice of shapes that no word tells apart is `anyOf`: to a reader that does not mind what
    is missing a secret row is of either shape, and `oneOf` would refuse it.
    """
    result["components"]["schemas"].pop("NullEnum", None)
    for node in _nodes(result):
        if {} in node.get("oneOf", ()):
            del node["oneOf"]
        if "discriminator" not in node and all("$ref" in each for each in node.get("oneOf", [{}])):
            node["anyOf"] = node.pop("oneOf")
        if node.get("$ref") == "#/components/schemas/NullEnum":
            del node["$ref"]
            node["type"] = "null"
        types = node.get("type", ())
        types = [types] if isinstance(types, str) else types
        if "object" in types and not node.keys() & {"properties", "additionalProperties"}:
            node["additionalProperties"] = {}
        if "integer" in types:
            node["format"] = "int32" if abs(node.get("maximum", MAX_INT32 + 1)) <= MAX_INT32 else "int64"
    return result


def _nodes(node: Any) -> Iterator[dict[str, Any]]:
    """Every schema within a schema, and the objects around them; not what examples and defaults hold."""
    if isinstance(node, list):
        for inner in node:
            yield from _nodes(inner)
    elif isinstance(node, dict):
        yield node
        for name, inner in node.items():
            if name not in ("example", "examples", "default", "enum"):
                yield from _nodes(inner)
