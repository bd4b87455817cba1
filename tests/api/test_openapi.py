"""What the OpenAPI schema says, so that others' generators can make clients of it, and that answers are as it says."""

from __future__ import annotations

import copy
import json
import os
import re
from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest
from django.core.management import call_command
from django.db import transaction
from rest_framework.test import APIClient

from tests.support import game
from tests.support.callers import player
from tests.support.routes import Call, calls
from tests.support.watching import of

pytestmark = pytest.mark.django_db

Json = dict[str, Any]


@pytest.fixture(scope="module")
def schema() -> Json:
    found: Json = APIClient().get("/api/schema/").json()
    return found


def nodes(node: Any, path: str = "") -> Iterator[tuple[str, Json]]:
    """Every schema, with where it stands."""
    if isinstance(node, list):
        for index, inner in enumerate(node):
            yield from nodes(inner, f"{path}[{index}]")
    elif isinstance(node, dict):
        yield path, node
        for name, inner in node.items():
            if name not in ("example", "examples", "default", "enum"):
                yield from nodes(inner, f"{path}.{name}")


def types(node: Json) -> list[str]:
    said = node.get("type", [])
    return said if isinstance(said, list) else [said] if isinstance(said, str) else []


def values(schema: Json) -> Iterator[tuple[str, Json]]:
    """Every schema of a value: of a field, of what a list or an object holds, of a body or a parameter."""
    for path, node in nodes(schema):
        for name, inner in node.get("properties", {}).items() if isinstance(node.get("properties"), dict) else ():
            yield f"{path}.{name}", inner
        for name in ("items", "schema"):
            if isinstance(node.get(name), dict):
                yield f"{path}.{name}", node[name]


def address(call: Call) -> str:
    """A call's route as the schema writes it."""
    return f"{game.API}/" + re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", call.route)


def operations(schema: Json) -> Iterator[tuple[str, Json]]:
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


def test_nothing_had_to_be_guessed() -> None:
    call_command("spectacular", "--fail-on-warn", "--file", os.devnull)


# -- what generators need ----------------------------------------------------------------------------------------------


def test_no_value_is_without_a_type_unless_it_says_why(schema: Json) -> None:
    typed = {"type", "$ref", "oneOf", "anyOf", "allOf", "enum", "const"}
    assert [path for path, node in values(schema) if not node.keys() & typed and not node.get("description")] == []


def test_no_object_is_free_unless_it_says_what_it_holds(schema: Json) -> None:
    free = []
    for path, node in nodes(schema):
        if "object" in types(node) and not node.get("properties"):
            assert "additionalProperties" in node, f"{path}: openapi-fetch takes it for an object without properties"
            if node["additionalProperties"] in ({}, True) and not node.get("description"):
                free.append(path)
    assert free == []


def test_every_integer_has_a_format(schema: Json) -> None:
    integers = {path: node for path, node in nodes(schema) if "integer" in types(node)}
    assert [path for path, node in integers.items() if node.get("format") not in ("int32", "int64")] == []
    amounts = re.compile(r"\.(balance|debt|amount|points|xp|seq|last_seq|up_to|read_up_to|value|count)$")
    narrow = [path for path, node in integers.items() if amounts.search(path) and node["format"] != "int64"]
    # An achievement's own points are bounded.
    assert [path for path in narrow if not path.endswith(".points")] == []


def test_null_is_a_type_and_no_choice_beside_anything(schema: Json) -> None:
    for path, node in nodes(schema):
        assert {} not in node.get("oneOf", []), path
        assert "NullEnum" not in str(node.get("$ref")), path


def test_names_are_given_and_not_made_up(schema: Json) -> None:
    names = schema["components"]["schemas"].keys()
    assert {"GameEvent", "EventBatch", "Fact", "Achievement", "SecretAchievement", "Problem"} <= names
    assert [name for name in names if re.search(r"Shape|Serializer|\d", name)] == []


def test_a_shape_within_another_has_a_name(schema: Json) -> None:
    shapes = schema["components"]["schemas"]
    named = {f".{name}" for name in shapes}
    found = [path for path, node in nodes(shapes) if isinstance(node.get("properties"), dict)]
    assert [path for path in found if path not in named] == []
    rest = {**schema, "components": {**schema["components"], "schemas": {}}}
    assert [path for path, node in nodes(rest) if isinstance(node.get("properties"), dict)] == []
    assert {"ProblemError", "AtLeast", "GivenItem", "DraftName"} <= shapes.keys()


def test_every_parameter_says_what_it_is(schema: Json) -> None:
    said = {
        f"{name} {parameter['name']}": parameter.get("description", "")
        for name, operation in operations(schema)
        for parameter in operation.get("parameters", [])
    }
    assert len(said) > 200
    assert [name for name, words in said.items() if len(words) < 8 or not words.endswith(".")] == []


def test_what_may_be_left_out_of_a_body_is_not_wanted_by_anybody(schema: Json) -> None:
    for name, shape in schema["components"]["schemas"].items():
        if name.endswith("Request"):
            assert not [field for field, node in shape.get("properties", {}).items() if "default" in node], name
    value = schema["components"]["schemas"]["RewardRequest"]["properties"]["value"]
    assert value["description"] == "Without: 0."


def test_enums_on_reads_are_those_on_writes(schema: Json) -> None:
    shapes = schema["components"]["schemas"]
    for written, read in (
        ("AchievementRequest", "Achievement"), ("AchievementRequest", "AchievementStanding"),
        ("QuestRequest", "QuestStanding"), ("RequirementRequest", "Requirement"),
        ("RequirementRequest", "ReadRequirement"), ("RewardRequest", "Reward"), ("StepRequest", "Step"),
    ):  # fmt: skip
        for name, node in shapes[written]["properties"].items():
            enums = enums_of(node)
            if enums and name in shapes[read]["properties"]:
                assert enums <= enums_of(shapes[read]["properties"][name]), f"{read}.{name}"


def enums_of(node: Json) -> set[str]:
    return set(re.findall(r"schemas/(\w+Enum)", json.dumps(node)))


def test_answers_always_have_what_the_contract_names(schema: Json) -> None:
    for name in ("Achievement", "Quest", "Metric", "Reward", "Level", "Currency", "Pool", "Step", "Item"):
        shape = schema["components"]["schemas"][name]
        assert set(shape["properties"]) - set(shape["required"]) <= {"draft"}, name


def test_an_idempotency_key_may_come_with_what_changes_something_and_must_with_spending(schema: Json) -> None:
    asked = {}
    for name, operation in operations(schema):
        for parameter in operation.get("parameters", []):
            if parameter["name"] == "Idempotency-Key":
                asked[name] = parameter["required"]
    assert [name for name, required in asked.items() if required] == [
        "POST /api/v1/players/{player_id}/wallet/{currency}/spend"
    ]
    posts = of(lambda call: call.method == "POST" and not call.only_reads)
    may = {f"POST {address(call)}" for call in posts if "token" not in call.route}
    assert (asked.keys() - may, may - asked.keys()) == (set(), set())


def test_each_operation_says_what_it_does_and_what_it_takes(schema: Json) -> None:
    said: dict[str, list[str]] = {}
    for name, operation in operations(schema):
        assert 5 < len(operation["summary"]) < 120, f"{name}: {operation['summary']}"
        assert not operation["summary"].endswith("."), name
        said.setdefault(name.partition(" ")[2], []).append(operation["summary"])
    assert [path for path, summaries in said.items() if len(set(summaries)) < len(summaries)] == []
    for call in calls():
        operation = schema["paths"][address(call)][call.method.lower()]
        assert f"`{call.scope}`" in operation["description"], str(call)
        assert ("A player's token opens it" in operation["description"]) == call.open_to_players, str(call)


def test_an_operation_names_those_who_may_call_it(schema: Json) -> None:
    said = {
        name: {scheme for each in operation["security"] for scheme in each} for name, operation in operations(schema)
    }
    for call in calls():
        name = f"{call.method} {address(call)}"
        assert said[name] == {"ApiKey", "PlayerToken"} if call.open_to_players else {"ApiKey"}, name


# -- answers are as it says --------------------------------------------------------------------------------------------


def closed(schema: Json) -> Json:
    """The schema's components, in which objects have no fields but those that are named."""
    components: Json = copy.deepcopy(schema["components"])
    for _, node in nodes(components):
        if "object" in types(node) and isinstance(node.get("properties"), dict):
            node.setdefault("additionalProperties", False)
    return components


def flaw(schema: Json, components: Json, call: Call, response: Any) -> str | None:
    """What of an answer the schema does not say."""
    said = schema["paths"][address(call)][call.method.lower()]["responses"]
    answer = said.get(str(response.status_code), said["default"])
    if "$ref" in answer:  # what several operations answer
        answer = schema["components"]["responses"][answer["$ref"].rpartition("/")[2]]
    if "content" not in answer:
        return None if not response.content else f"{call}: a body where none is said"
    type_ = response["Content-Type"].partition(";")[0]
    if type_ not in answer["content"]:
        return f"{call}: {type_}, not {list(answer['content'])}"
    validator = jsonschema_rs.Draft202012Validator(
        {**answer["content"][type_]["schema"], "components": components}, validate_formats=True
    )
    errors = [f"{error.message[:300]} at {list(error.instance_path)}" for error in
              validator.iter_errors(json.loads(response.content))]  # fmt: skip
    return f"{call} {response.status_code}: {errors[:3]}" if errors else None


def test_a_game_server_is_answered_as_the_schema_says(server: APIClient, schema: Json) -> None:
    wrong, components = [], closed(schema)
    for call in calls():
        with transaction.atomic():
            wrong.append(flaw(schema, components, call, call.send(server)))
            transaction.set_rollback(True)
        wrong.append(flaw(schema, components, call, call.send(server, path=f"{call.path().partition('?')[0]}?nope=1")))
    assert [each for each in wrong if each] == []


def test_a_player_is_answered_as_the_schema_says(server: APIClient, schema: Json) -> None:
    wrong, components = [], closed(schema)
    for call in calls():
        if call.open_to_players:
            with transaction.atomic():
                for name in ("ann", "stranger"):
                    path = call.path(player_id="me").partition("?")[0]
                    body = {**(call.body or {}), "player_id": name} if call.names_player == "body" else None
                    wrong.append(flaw(schema, components, call, call.send(player(name), path=path, body=body)))
                transaction.set_rollback(True)
    assert [each for each in wrong if each] == []


def test_a_players_lists_show_a_secret_one_in_a_shape_of_its_own(server: APIClient, schema: Json) -> None:
    secret = {"id": "s-1", "type": "SECRET", "points": 0}
    for path in ("players/me/achievements", "achievements"):
        assert secret in player("ann").get(f"{game.API}/{path}").json()["results"]
    whole = next(row for row in server.get(f"{game.API}/achievements").json()["results"] if row["id"] == "s-1")
    rows = {"$ref": "#/components/schemas/AchievementOrSecretAchievement", "components": schema["components"]}
    for row in (secret, whole):
        assert jsonschema_rs.is_valid(rows, row)
    assert not jsonschema_rs.is_valid(rows, {**secret, "title": "Nobody knows"})


def test_a_value_of_any_kind_may_be_null(schema: Json) -> None:
    condition = {"$ref": "#/components/schemas/ConditionRequest", "components": schema["components"]}
    for value in (None, "bow", 1, True, ["bow"]):
        assert jsonschema_rs.is_valid(condition, {"field": "weapon", "op": "eq", "value": value})


def test_why_something_did_not_count_is_as_it_was_said(server: APIClient, schema: Json) -> None:
    with transaction.atomic():
        bow = {
            "id": "bow",
            "event_type": "enemy.killed",
            "conditions": [{"field": "weapon", "op": "eq", "value": "bow"}],
        }
        game.send(server, "metrics", bow)
        once = {"type": "COUNT", "metric": "bow", "operator": "gte", "threshold": 1}
        game.send(server, "achievements", {"id": "archer", "title": "Archer", "requirements": [once]})
        answer = server.get(f"{game.API}/achievements/archer/explain?player_id=ann")
        transaction.set_rollback(True)
    events = answer.json()["requirements"][0]["not_counted"]
    not_counted = next(event for event in events if event["failed"] == "condition")
    assert (not_counted["op"], not_counted["value"], not_counted["found"]) == ("eq", "bow", None)
    explain = next(call for call in calls() if call.route.endswith("/explain"))
    assert flaw(schema, closed(schema), explain, answer) is None
