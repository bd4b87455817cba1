"""The OpenAPI document of every route, made once a process: it takes seconds, and nothing in it changes before the next
start."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import yaml
from drf_spectacular.generators import SchemaGenerator

from gamification.kernel.web.parameters import GENERATING
from gamification.schemas import older_openapi

NEWEST, OLDER = "3.1", "3.0"
VERSIONS = {NEWEST: NEWEST, "3.1.0": NEWEST, OLDER: OLDER, older_openapi.VERSION: OLDER}
"""What may be asked for, and which of the two documents is meant."""

Json = dict[str, Any]


def document(version: str = NEWEST) -> Json:
    """The document of one of `VERSIONS`; the caller's own to change."""
    found: Json = json.loads(text(version))
    return found


def text(version: str = NEWEST) -> bytes:
    """The same as JSON text."""
    with GENERATING:
        return _text(VERSIONS[version])


def yaml_text(version: str = NEWEST) -> bytes:
    return _yaml(VERSIONS[version])


@cache
def _text(version: str) -> bytes:
    made = json.loads(_text(NEWEST)) if version == OLDER else _generated()
    return json.dumps(older_openapi.downgraded(made) if version == OLDER else made, indent=1).encode()


@cache
def _yaml(version: str) -> bytes:
    return yaml.dump(document(version), Dumper=_Plain, sort_keys=False, allow_unicode=True).encode()


class _Plain(yaml.CSafeDumper):
    """Without the anchors of YAML, which not every reader of OpenAPI knows."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _generated() -> Json:
    made: Json = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    return made
