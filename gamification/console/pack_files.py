"""The files of content packs: YAML or JSON, read strictly and written so that reading gives the same again."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from gamification.kernel.content.kinds import Kind
from gamification.kernel.content.publishing import Definition
from gamification.kernel.core.messages import Invalid
from gamification.kernel.web import BadJson, strict_json

MAX_DEPTH = 40
MAX_VALUES = 1_000_000
"""Keys, texts, numbers and lists of one file, also once its aliases are written out."""


class BadPack(Invalid):
    """A pack that was not loaded, with what is wrong where."""

    code = "bad_pack"


def read(file: Path) -> Any:
    """The pack in a file: JSON if it is called so, else YAML. Raises BadPack."""
    try:
        raw = file.read_bytes()
    except OSError as why:
        raise _unreadable(str(file), why) from None
    return read_bytes(str(file), raw)


def read_bytes(name: str, raw: bytes) -> Any:
    """The same of a file that is called so."""
    try:
        return strict_json(raw) if name.endswith(".json") else _yaml(raw)
    except (UnicodeDecodeError, BadJson, yaml.YAMLError, RecursionError, ValueError) as why:
        raise _unreadable(name, why) from None


def problem(path: str, code: str, detail: str) -> dict[str, str]:
    return {"path": path, "code": code, "detail": detail}


def _unreadable(name: str, why: Exception) -> BadPack:
    detail = f"{name} cannot be read: {why}"
    return BadPack(detail, errors=[problem(name, "unreadable", detail)])


def _yaml(raw: bytes) -> Any:
    _require_bounds(raw)
    loader = _Loader(raw)
    try:
        node = loader.get_single_node()
        if node is None:
            return None
        _require_finite(node, {}, set())
        return loader.construct_document(node)
    finally:
        loader.dispose()


def _require_bounds(raw: bytes) -> None:
    """Raises ConstructorError for what is nested deeper, or holds more, than content does. libyaml's loader recurses
    without a limit, and takes a hundred bytes for each of the file's; its events do neither."""
    depth = 0
    for number, event in enumerate(yaml.parse(raw, _Safe)):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            raise _refused("it is nested too deeply", event)
        if number > MAX_VALUES:
            raise _refused(f"it holds more than {MAX_VALUES:,} values", event)


def _refused(why: str, at: Any) -> yaml.YAMLError:
    return yaml.constructor.ConstructorError(None, None, why, at.start_mark)


def _require_finite(node: yaml.Node, known: dict[int, int], under: set[int]) -> int:
    """How many values a node comes to once its aliases are written out. Few lines of aliases of aliases come to more
    than any machine holds. Raises ConstructorError."""
    if isinstance(node, yaml.ScalarNode):
        return 1
    if id(node) not in known:
        if id(node) in under:
            raise _refused("an alias stands within itself", node)
        inner = [each for pair in node.value for each in pair] if isinstance(node, yaml.MappingNode) else node.value
        known[id(node)] = 1 + sum(_require_finite(each, known, under | {id(node)}) for each in inner)
        if known[id(node)] > MAX_VALUES:
            raise _refused("its aliases come to too much", node)
    return known[id(node)]


def write(pack: Mapping[str, Any], form: str) -> str:
    if form == "json":
        return json.dumps(pack, indent=2, ensure_ascii=False)
    return yaml.dump(dict(pack), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120).rstrip("\n")


def of_kind(kind: Kind, definitions: Sequence[Definition]) -> str:
    """A pack of some content of one kind."""
    return write({kind.plural: [kind.parse(definition) for definition in definitions]}, "yaml")


_Safe: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # by libyaml, where it is: ten times faster


class _Loader(_Safe):  # type: ignore[misc] # which of the two it is, mypy cannot know
    """YAML restricted to what JSON can say: instants stay text, and a repeated key is an error."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        if len({str(key) for key in keys}) < len(keys):
            raise yaml.constructor.ConstructorError(None, None, "a key stands twice in one object", node.start_mark)
        found: dict[Any, Any] = super().construct_mapping(node, deep=deep)
        return found


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        return True

    def represent_str(self, data: str) -> yaml.ScalarNode:
        # Only between double quotes are these read as they were written.
        style = '"' if any(character in "\r\x85\u2028\u2029\ufeff" for character in data) else None
        return self.represent_scalar("tag:yaml.org,2002:str", data, style=style)


_Dumper.add_representer(str, _Dumper.represent_str)
