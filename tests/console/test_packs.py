"""Content packs: loaded whole or not at all, dumped so that they load again as the same."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.management import CommandError, call_command

from achievements.models import Achievement
from gamification.console import pack_files, packs
from gamification.kernel.core.actors import SYSTEM
from gamification.kernel.models import PublicationHead, Version
from progress.models import Backfill, Metric
from quests.models import Quest
from tests.support.authoring import NOON, Json, achievement, coins, count, designer, metric, needs, quest, send, step

pytestmark = pytest.mark.django_db


def game() -> Json:
    """Named before what they need, on purpose: a pack has no order."""
    return {
        "achievements": [
            achievement("veteran", {"type": "ACHIEVEMENT", "target": "hunter"}, prerequisites=["hunter"]),
            achievement("walker", needs("QUEST", "walk")),
            achievement("hunter", rewards=["chest"], metadata={"hint": ["a", 1.5, None]}, tags=["boss"], min_seconds=9),
        ],
        "levels": [{"level": 1, "xp": 0}, {"level": 2, "xp": 100, "rewards": ["ten-coins", "ten-coins"]}],
        "rewards": [
            {"id": "chest", "type": "RANDOM", "table": [{"reward": "ten-coins", "weight": 3}]},
            coins(expires_at="2030-01-01T00:00:00+01:00"),
        ],
        "metrics": [metric(conditions=[{"field": "weapon", "op": "in", "value": ["bow", 1, True]}])],
        "currencies": [{"id": "gold", "tags": ["shop"]}],
        "pools": [{"id": "daily", "quests": ["trail", "walk"], "pick": 2}],
        "quests": [
            quest(
                "walk", step("go", needs("QUEST", "trail"), rewards=["chest"]), fail_conditions=[count(threshold=99)]
            ),
            quest("trail", step("hunt", count(), branch="left"), step("talk", branch="right"), rewards=["ten-coins"]),
        ],
    }


def written(folder: Path, pack: Any, name: str = "pack.yaml") -> Path:
    file = folder / name
    file.write_text(json.dumps(pack) if name.endswith(".json") else yaml.safe_dump(pack))
    return file


def load(*files: Path, dry_run: bool = False) -> packs.Loaded:
    return packs.load(files, actor=SYSTEM, now=NOON, dry_run=dry_run)


def refusals(*files: Path) -> set[tuple[str, str]]:
    with pytest.raises(pack_files.BadPack) as refusal:
        load(*files)
    return {(error["path"], error["code"]) for error in refusal.value.errors}


@pytest.mark.parametrize("name", ["pack.yaml", "pack.json"])
def test_a_pack_is_loaded_in_one_publication(tmp_path: Path, name: str) -> None:
    loaded = load(written(tmp_path, game(), name))
    assert len(loaded.created) == 12
    assert (loaded.updated, loaded.unchanged) == ([], [])
    assert PublicationHead.objects.get().number == 1
    assert Version.objects.filter(publication=1).count() == 12
    assert Backfill.objects.get().pk == loaded.backfill


def test_loading_again_changes_nothing(tmp_path: Path) -> None:
    file = written(tmp_path, game())
    load(file)
    loaded = load(file)
    assert (loaded.created, loaded.updated, len(loaded.unchanged)) == ([], [], 12)
    assert (PublicationHead.objects.get().number, Version.objects.count()) == (1, 12)


def test_only_what_changed_gets_a_version(tmp_path: Path) -> None:
    load(written(tmp_path, game()))
    pack = game()
    pack["achievements"][2]["points"] = 99
    loaded = load(written(tmp_path, pack))
    assert loaded.updated == [("achievements", "hunter")]
    assert list(Version.objects.filter(publication=2).values_list("content_id", "number")) == [("hunter", 2)]


@pytest.mark.parametrize("form", ["yaml", "json"])
def test_what_is_dumped_loads_as_exactly_the_same(tmp_path: Path, form: str) -> None:
    pack = game()
    pack["achievements"][2]["description"] = 'Quotes ", colons: and\nlines — 🏹 2026-01-01'
    pack["achievements"][2]["title"] = "yes"
    load(written(tmp_path, pack))
    out = io.StringIO()
    call_command("dump_content", format=form, stdout=out)
    file = tmp_path / f"dumped.{form}"
    file.write_text(out.getvalue())
    assert pack_files.read(file) == packs.dump() == packs.dump(drafts=True)
    loaded = load(file)
    assert (loaded.created, loaded.updated, len(loaded.unchanged)) == ([], [], 12)


def test_a_dry_run_says_what_would_change_and_changes_nothing(tmp_path: Path) -> None:
    out = io.StringIO()
    call_command("load_content", written(tmp_path, game()), dry_run=True, stdout=out)
    assert "would be created: achievements hunter" in out.getvalue()
    assert "12 would be created, 0 would be updated, 0 unchanged" in out.getvalue()
    assert not Achievement.objects.exists()
    assert not Version.objects.exists()
    assert not Backfill.objects.exists()


def test_one_mistake_keeps_everything_out(tmp_path: Path) -> None:
    pack = game()
    pack["achievements"][0]["requirements"] = [count("deaths")]
    pack["rewards"][0]["table"] = [{"reward": "nothing"}]
    assert refusals(written(tmp_path, pack)) == {
        ("achievements[0].requirements[0].metric", "unknown_metric"),
        ("rewards[0].table[0].reward", "unknown_reward"),
    }
    assert not Metric.objects.exists()
    assert not Version.objects.exists()


def test_every_mistake_of_shape_is_named_with_its_place(tmp_path: Path) -> None:
    pack = game()
    pack["achievements"][2]["requirements"][0]["threshold"] = "ten"
    pack["metrics"][0]["colour"] = "red"
    pack["metrics"].append(metric())
    pack["monsters"] = []
    pack["levels"] = {}
    assert refusals(written(tmp_path, pack)) == {
        ("achievements[2].requirements[0].threshold", "invalid"),
        ("metrics[0].colour", "unknown_field"),
        ("monsters", "unknown_field"),
        ("levels", "not_a_list"),
    }


def test_an_id_twice_is_refused(tmp_path: Path) -> None:
    assert refusals(written(tmp_path, {"metrics": [metric(), metric()]})) == {("metrics[1]", "duplicate_id")}
    one = written(tmp_path, {"metrics": [metric()]}, "one.yaml")
    two = written(tmp_path, {"metrics": [metric()]}, "two.yaml")
    assert refusals(one, two) == {("two.yaml: metrics[0]", "duplicate_id")}


def test_what_needs_more_than_one_file_can_be_loaded_from_several(tmp_path: Path) -> None:
    pack = game()
    metrics = {"metrics": pack.pop("metrics")}
    loaded = load(written(tmp_path, pack, "a.yaml"), written(tmp_path, metrics, "b.json"))
    assert len(loaded.created) == 12


def test_mistakes_in_quests_and_pools_are_named_with_their_place(tmp_path: Path) -> None:
    pack = game()
    pack["quests"][0]["steps"].append(step("rest", order=2, is_optional=True))
    pack["quests"][1]["requirements"] = [needs("ACHIEVEMENT", "walker")]
    pack["pools"][0]["pick"] = 3
    assert refusals(written(tmp_path, pack)) == {
        ("quests[0].steps[1]", "unreachable_step"),
        ("quests[0].steps[0].requirements[0].target", "cycle"),
        ("quests[1].requirements[0].target", "cycle"),
        ("achievements[1].requirements[0].target", "cycle"),
        ("pools[0].pick", "too_few_quests"),
    }
    pack["quests"][0]["steps"] = [step("go"), step("go"), {"title": "Stay"}]
    assert refusals(written(tmp_path, pack)) == {("quests[0].steps[2].id", "required")}
    assert not Quest.objects.exists()


def test_a_pack_of_quests_names_what_is_published_already(tmp_path: Path) -> None:
    load(written(tmp_path, game()))
    more = {"pools": [{"id": "daily", "quests": ["trail", "new"]}], "quests": [quest("new", step("go"))]}
    loaded = load(written(tmp_path, more))
    assert (loaded.created, loaded.updated) == ([("quests", "new")], [("pools", "daily")])
    assert PublicationHead.objects.get().number == 2
    assert [pool["quests"] for pool in packs.dump()["pools"]] == [["trail", "new"]]


def test_quests_beside_achievements_do_not_change_how_players_are_told(tmp_path: Path) -> None:
    pack = game()
    pack["achievements"] = [{**each, "backfill": "SILENT"} for each in pack["achievements"]]
    load(written(tmp_path, pack))
    assert Backfill.objects.get().mode == "SILENT"


def test_a_retired_id_is_not_given_again(tmp_path: Path) -> None:
    client = designer()
    send(client, "metrics", metric())
    client.delete("/api/v1/metrics/kills")
    assert refusals(written(tmp_path, {"metrics": [metric()]})) == {("metrics[0]", "already_exists")}


def test_a_pack_may_break_what_is_published_no_more_than_anybody(tmp_path: Path) -> None:
    load(written(tmp_path, game()))
    changed = {"metrics": [metric(event_type="enemy.hit")]}
    assert refusals(written(tmp_path, changed)) == {
        ("metrics[0].event_type", "metric_is_fixed"),
        ("metrics[0].conditions", "metric_is_fixed"),
    }
    assert refusals(written(tmp_path, {"levels": [{"level": 3, "xp": 50}]})) == {("levels[0].xp", "xp_not_rising")}


@pytest.mark.parametrize(
    "text", ["metrics: [", "metrics: []\nmetrics: []", "- 1", "metrics:\n- id: kills\n  id: deaths", "\x00"]
)
def test_a_file_that_is_no_pack_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "pack.yaml"
    file.write_text(text)
    with pytest.raises(pack_files.BadPack):
        load(file)
    with pytest.raises(CommandError, match="Nothing was loaded"):
        call_command("load_content", file)


def test_instants_in_yaml_need_no_quotes(tmp_path: Path) -> None:
    file = tmp_path / "pack.yaml"
    file.write_text("rewards:\n- {id: r, type: XP, value: 5, expires_at: 2030-01-01T00:00:00Z}\n")
    load(file)
    assert packs.dump()["rewards"][0]["expires_at"] == "2030-01-01T00:00:00Z"
