"""What our clients know of the schema: the shapes on the routes that a game and its servers call.

    .venv/bin/python -m clients.generate

writes clients/schema.json, and of the client in Python its models and the half that blocks. In clients/typescript, `npm
run schema` and `npm run types` make types of the same file. `make clients` does all of it.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from clients.blocking import blocking
from clients.python_models import models

HERE = Path(__file__).parent
PACKAGE = HERE / "python" / "gamification_client"
Json = dict[str, Any]

CONTENT = "achievements|quests|rewards|currencies|levels"
CALLED = re.compile(
    rf"(get|post) /api/v1/(events|facts)|get /api/v1/({CONTENT})(/{{id}})?|get /api/v1/(events/rejected|held)"
    r"|\w+ /api/v1/players/.*|(get|post) /api/v1/achievements/{achievement_id}/(progress|claim)"
    r"|\w+ /api/v1/quests/{quest_id}/.*|post /api/v1/rewards/{(distribution_id}/claim|reward_id}/distribute)"
)
"""Methods and routes. Whoever authors, judges or analyses has tools of their own."""


def of_games(schema: Json) -> Json:
    """The shapes on these routes, without the routes: those our clients have by hand."""
    paths = {
        path: {method: operation for method, operation in operations.items() if CALLED.fullmatch(f"{method} {path}")}
        for path, operations in schema["paths"].items()
    }
    paths = {path: operations for path, operations in paths.items() if operations}
    components = schema["components"]
    names = set(reached(paths, components["schemas"]))
    schemas = {name: shape for name, shape in components["schemas"].items() if name in names}
    # Examples are for readers of the docs: they would change more often than what they are examples of.
    return {
        "openapi": schema["openapi"],
        "info": {"title": schema["info"]["title"], "version": schema["info"]["version"]},
        "paths": {},
        "components": {"schemas": without_examples(schemas)},
    }


def reached(part: object, schemas: Json, known: set[str] | None = None) -> set[str]:
    """The names of all components that `part` refers to, and of those that they refer to."""
    known = set() if known is None else known
    for name in references(part):
        if name not in known and name in schemas:
            known.add(name)
            reached(schemas[name], schemas, known)
    return known


def references(part: object) -> Iterator[str]:
    if isinstance(part, dict):
        if isinstance(part.get("$ref"), str):
            yield part["$ref"].rpartition("/")[2]
        for value in part.values():
            yield from references(value)
    elif isinstance(part, list):
        for value in part:
            yield from references(value)


def without_examples(part: Any, is_named: bool = False) -> Any:
    """`is_named`: the keys are names of fields, one of which may be `example`."""
    if isinstance(part, dict):
        return {
            key: without_examples(value, key in ("properties", "schemas"))
            for key, value in part.items()
            if is_named or key not in ("example", "examples")
        }
    return [without_examples(value) for value in part] if isinstance(part, list) else part


def live_schema() -> Json:
    """As the code has it."""
    from gamification.schemas import openapi

    return openapi.document()


def written(schema: Json) -> str:
    return json.dumps(schema, indent=1, ensure_ascii=False) + "\n"


def made() -> Iterator[tuple[Path, str]]:
    """Each file of the client in Python that is made of another, and what it has to say."""
    shapes = json.loads((HERE / "schema.json").read_text())["components"]["schemas"]
    yield PACKAGE / "models.py", in_form(models(shapes), PACKAGE / "models.py")
    for name in ("player", "rest", "sending", "server"):
        file = PACKAGE / "sync" / f"{name}.py"
        yield file, in_form(blocking((PACKAGE / "aio" / f"{name}.py").read_text()), file)


def in_form(source: str, file: Path) -> str:
    """As ruff would have it at that place."""
    for command in (["check", "--fix-only", "--quiet"], ["format", "--quiet"]):
        ruff = [sys.executable, "-m", "ruff", *command, "--stdin-filename", str(file), "-"]
        source = subprocess.run(ruff, input=source, capture_output=True, text=True, check=True, cwd=HERE.parent).stdout
    return source


def main() -> None:
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gamification.settings")
    django.setup()
    (HERE / "schema.json").write_text(written(of_games(live_schema())))
    for file, source in made():
        file.write_text(source)


if __name__ == "__main__":
    main()
