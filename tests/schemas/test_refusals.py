"""The OpenAPI document names how each operation refuses, and docs/errors.md what each code means."""

from __future__ import annotations

import json
import os
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from gamification.schemas import codes, openapi
from gamification.schemas.refusals import refusals_of
from tests.support import declared_refusals, game

ROOT = Path(__file__).parents[2]
PAGE, CODES = ROOT / "docs/errors.md", ROOT / "gamification/schemas/codes.py"
HEAD = '''"""What each code of a refusal over HTTP means, as docs/errors.md has it: a test writes this by that page.

`WRITE_CODES=1 pytest tests/schemas/test_refusals.py`
"""

from __future__ import annotations
'''
Json = dict[str, Any]


@cache
def document() -> Json:
    return openapi.document()


def operations() -> list[tuple[str, str, Json]]:
    found = document()["paths"].items()
    return [(path, method, operation) for path, methods in found for method, operation in methods.items()]


def resolved(said: Json) -> Json:
    if "$ref" not in said:
        return said
    found: Json = document()["components"]["responses"][said["$ref"].rpartition("/")[2]]
    return found


def test_each_refusal_has_a_status_its_codes_and_an_example_of_each() -> None:
    shared = document()["components"]["responses"]
    for path, method, operation in operations():
        declared = refusals_of(operation, path)
        assert {400, 401, 403, 429, 503} <= declared.keys(), f"{method} {path}"
        for status, named in declared.items():
            said = operation["responses"][str(status)]
            said = shared[said["$ref"].rpartition("/")[2]] if "$ref" in said else said
            examples = said["content"]["application/problem+json"]["examples"]
            assert tuple(sorted(examples)) == named, f"{method} {path} {status}"
            for code, example in examples.items():
                assert (example["value"]["code"], example["value"]["status"]) == (code, status)
                assert f"`{code}`" in said["description"]


def test_what_may_be_tried_again_says_when() -> None:
    start = document()["paths"]["/api/v1/quests/{quest_id}/start"]["post"]["responses"]
    assert "Retry-After" in resolved(start["429"])["headers"]
    assert "`cooldown`" in resolved(start["409"])["description"]
    assert "Retry-After" in resolved(start["409"])["headers"]  # idempotency_in_progress


def test_no_answer_is_without_a_word() -> None:
    for path, method, operation in operations():
        for status, said in operation["responses"].items():
            assert resolved(said)["description"], f"{method} {path} {status}"
            assert "](" not in resolved(said)["description"], f"{method} {path} {status}"  # a link from another page


@pytest.mark.django_db
def test_a_refusal_that_is_not_declared_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    path = f"{game.API}/players/{{player_id}}"
    monkeypatch.setattr(declared_refusals, "refusals_of", lambda operation, path: {})
    declared_refusals._seen.discard((path[1:].replace("{", "<str:").replace("}", ">"), "GET", 401, "not_authenticated"))
    Client().get(f"{game.API}/players/ann")
    assert declared_refusals.undeclared() == [(path, "GET", 401, "not_authenticated")]


def on_the_page() -> tuple[dict[str, str], dict[str, tuple[str, str]]]:
    """What docs/errors.md says of events' codes, and of answers' with their statuses."""
    page = PAGE.read_text()
    answers, events = (page.partition(f"\n## {title}\n")[2].partition("\n## ")[0] for title in ("Answers", "Events"))
    of_events = re.findall(r"^\| `([a-z0-9_]+)` \| (.*) \|$", events, re.MULTILINE)
    of_answers = re.findall(r"^\| `([a-z0-9_]+)` \| ([\d, ]+) \| (.*) \|$", answers, re.MULTILINE)
    return dict(of_events), {code: (statuses, when) for code, statuses, when in of_answers}


def written(name: str, meanings: dict[str, str], says: str) -> str:
    lines = "".join(f'    "{code}": {json.dumps(when)},\n' for code, when in sorted(meanings.items()))
    return f'{name} = {{\n{lines}}}\n"""{says}"""\n'


def test_codes_mean_what_the_page_of_errors_says() -> None:
    """`WRITE_CODES=1` writes gamification/schemas/codes.py anew, by the page."""
    events, answers = on_the_page()
    if os.environ.get("WRITE_CODES"):
        meanings = {code: when for code, (_, when) in answers.items()}
        of_answers = written("ANSWERS", meanings, "Code → when, as a clause.")
        of_events = written("OF_EVENTS", events, "What may be wrong with one event, beside the others it came with.")
        CODES.write_text(f"{HEAD}\n{of_answers}\n{of_events}\nMEANINGS = OF_EVENTS | ANSWERS\n")
    else:
        assert {code: when for code, (_, when) in answers.items()} == codes.ANSWERS
        assert events == codes.OF_EVENTS


def test_the_page_of_errors_has_every_status_of_the_schema() -> None:
    _, answers = on_the_page()
    for path, _, operation in operations():
        for status, named in refusals_of(operation, path).items():
            for code in set(named) - codes.OF_EVENTS.keys():
                assert str(status) in answers[code][0].split(", "), f"{code} {status}"
