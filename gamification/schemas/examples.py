"""An example of each operation's body and answer, recorded from a service with a small game in it.

`examples.json` has a line an operation; a test writes it (`WRITE_EXAMPLES=1`) and holds it against the shapes.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_name("examples.json")

Json = dict[str, Any]


@cache
def recorded() -> dict[str, Json]:
    """operationId → `{request, status, response}`, each where there is one."""
    found: dict[str, Json] = json.loads(FILE.read_text())
    return found


def describe(result: Json, generator: Any, request: Any, public: bool) -> Json:
    """A hook of drf-spectacular: each operation has its example, where the view gives none of its own."""
    for methods in result["paths"].values():
        for operation in methods.values():
            example = recorded().get(operation["operationId"], {})
            if "request" in example:
                _put(operation["requestBody"], example["request"])
            if "response" in example:
                _put(operation["responses"][example["status"]], example["response"])
    return result


def _put(where: Json, example: Any) -> None:
    media = where["content"]["application/json"]
    if "examples" not in media:
        media["example"] = example
