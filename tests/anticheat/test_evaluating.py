"""Labelled play goes through the default rules: cheats are found, honest players not, and no database is touched."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from collections.abc import Iterable
from io import StringIO
from pathlib import Path
from random import Random
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from anticheat.judging import KINDS
from benchmarks.cheating_play import CHEATS, NOT_DETECTABLE
from benchmarks.labelled_play import lines, write

REAL = settings.BASE_DIR.parent / "shared" / "data" / "wave-combinator.jsonl"


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Three players of each honest kind and of each kind of cheat, evaluated where there is no database."""
    folder = tmp_path_factory.mktemp("labelled")
    write(folder, honest=3, cheats=3, seed=2026)
    asked = ["manage.py", "evaluate_anticheat", str(folder / "events.jsonl"), "--labels", str(folder / "labels.csv")]
    nowhere = {**os.environ, "DB_HOST": "database.invalid"}
    done = subprocess.run(
        [sys.executable, *asked, "--json"],
        cwd=settings.BASE_DIR,
        env=nowhere,
        capture_output=True,
        text=True,
        check=True,
    )
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_the_answer_has_the_shape_of_the_contract(played: dict[str, Any]) -> None:
    assert list(played) == ["players", "events", "rules", "classes"]
    assert set(played["rules"]) == set(KINDS)
    assert set(played["classes"]) == {"honest", *CHEATS}
    for found in played["rules"].values():
        assert set(found) == set(played["classes"])
    for found in played["classes"].values():
        assert list(found) == ["players", "flagged", "acted_on", "first_flag_at"]
        assert list(found["first_flag_at"]) == ["p50", "p90"]


def test_no_honest_player_is_found(played: dict[str, Any]) -> None:
    assert played["classes"]["honest"]["players"] == 3 * 52
    assert played["classes"]["honest"]["flagged"] == 0
    assert played["classes"]["honest"]["acted_on"] == 0
    assert played["classes"]["honest"]["first_flag_at"] == {"p50": None, "p90": None}


IN_A_COHORT = {"forger", "hasty", "farmer", "speed_hack"}
"""Are found beside two hundred others, or a thousand completions: more than are played here."""


@pytest.mark.parametrize("cheat", sorted(CHEATS.keys() - {*NOT_DETECTABLE, *IN_A_COHORT}))
def test_each_kind_of_cheat_is_found(played: dict[str, Any], cheat: str) -> None:
    found = played["classes"][cheat]
    assert found["flagged"] == found["players"] == 3
    assert 0 < found["first_flag_at"]["p50"] <= found["first_flag_at"]["p90"]


@pytest.mark.parametrize("cheat", NOT_DETECTABLE)
def test_what_is_said_not_to_be_detectable_is_not(played: dict[str, Any], cheat: str) -> None:
    assert played["classes"][cheat]["flagged"] == 0


def test_the_same_seed_makes_the_same_play() -> None:
    labels: dict[str, str] = {}
    first = [line for line, _ in zip(lines(1, 1, 5, labels), range(500), strict=False)]
    assert first == [line for line, _ in zip(lines(1, 1, 5, {}), range(500), strict=False)]
    assert first != [line for line, _ in zip(lines(1, 1, 6, {}), range(500), strict=False)]
    assert labels["idle-0"] == "honest"
    assert labels["macro-0"] == "macro"


# -- files -------------------------------------------------------------------------------------------------------------


def evaluate(
    folder: Path, events: Iterable[dict[str, Any] | str], labels: dict[str, str]
) -> tuple[dict[str, Any], str]:
    file = folder / "events.jsonl"
    file.write_text("".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in events))
    with (folder / "labels.csv").open("w", newline="") as csv_file:
        csv.writer(csv_file).writerows([("player_id", "class"), *labels.items()])
    out, err = StringIO(), StringIO()
    call_command("evaluate_anticheat", str(file), labels=str(folder / "labels.csv"), json=True, stdout=out, stderr=err)
    return json.loads(out.getvalue().splitlines()[-1]), err.getvalue()


def said(number: int, player_id: str = "bot", type_: str = "enemy.killed", every: float = 4.0) -> dict[str, Any]:
    seconds = number * every
    at = f"2026-03-{1 + int(seconds // 86400):02}T{int(seconds // 3600) % 24:02}:{int(seconds // 60) % 60:02}"
    return {
        "id": f"{player_id}-{type_}-{number}", "player_id": player_id, "type": type_, "data": {"n": 1},
        "timestamp": f"{at}:{seconds % 60:06.3f}Z",
    }  # fmt: skip


def irregular(player_id: str, many: int = 60) -> list[dict[str, Any]]:
    luck, at, found = Random(player_id), 0.0, []
    for n in range(many):
        at += luck.lognormvariate(2, 0.9)
        found.append(said(n, player_id, every=at / max(n, 1)))
    return found


def test_lines_that_are_no_events_are_named_and_left_out(tmp_path: Path) -> None:
    found, wrong = evaluate(tmp_path, [said(1), "{", '{"id": 3}', "", said(2)], {"bot": "cheat"})
    assert found["events"] == 2
    assert "line 2 is left out" in wrong
    assert "line 3 is left out" in wrong


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="nowhere"):
        call_command("evaluate_anticheat", str(tmp_path / "nowhere.jsonl"), labels=str(tmp_path / "nowhere.csv"))


def test_labelled_players_without_events_count_and_others_are_a_class_of_their_own(tmp_path: Path) -> None:
    found, _ = evaluate(tmp_path, [said(1, "ann"), said(1, "bob")], {"ann": "honest", "cid": "honest"})
    assert found["players"] == 2
    assert found["classes"]["honest"]["players"] == 2
    assert found["classes"]["unlabelled"]["players"] == 1


def test_a_program_among_others_who_do_the_same_is_found(tmp_path: Path) -> None:
    others = [line for number in range(6) for line in irregular(f"p{number}")]
    found, _ = evaluate(tmp_path, [*others, *(said(n) for n in range(320))], {"bot": "cheat"})
    assert found["classes"]["cheat"]["flagged"] == 1
    assert found["rules"]["PACE"] == {"cheat": 1, "unlabelled": 0}


def test_what_all_do_in_the_same_rhythm_is_the_games_own(tmp_path: Path) -> None:
    players = [f"p{number}" for number in range(6)]
    beats = [said(n, player_id, "game.heartbeat", 30.0) for n in range(400) for player_id in players]
    found, _ = evaluate(tmp_path, beats, dict.fromkeys(players, "honest"))
    assert found["classes"]["honest"]["flagged"] == 0


def test_what_comes_twice_changes_nothing(tmp_path: Path) -> None:
    events = [line for number in range(6) for line in irregular(f"p{number}")] + [said(n) for n in range(320)]
    labels = {"bot": "cheat"}
    once, _ = evaluate(tmp_path, events, labels)
    twice, _ = evaluate(tmp_path, [line for line in events for _ in range(2)], labels)
    assert twice["rules"] == once["rules"]
    assert twice["rules"]["REUSE"] == {"cheat": 0, "unlabelled": 0}


def test_an_id_that_says_something_else_is_a_reuse(tmp_path: Path) -> None:
    found, _ = evaluate(tmp_path, [said(1), said(2) | {"id": said(1)["id"]}], {"bot": "cheat"})
    assert found["rules"]["REUSE"] == {"cheat": 1}


# -- a real game -------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(not REAL.exists(), reason=f"the real game's events are not at {REAL}")
def test_none_of_the_players_of_a_real_game_is_found_and_a_program_among_them_is(tmp_path: Path) -> None:
    events = [json.loads(line) for line in REAL.read_text().splitlines()]
    labels = {each["player_id"]: "honest" for each in events}
    found, _ = evaluate(tmp_path, events, labels)
    assert found["players"] == 49
    assert found["classes"]["honest"] == {
        "players": 49, "flagged": 0, "acted_on": 0, "first_flag_at": {"p50": None, "p90": None}
    }  # fmt: skip
    bots = [said(n, "bot", "slider_move_release") for n in range(330)]
    found, _ = evaluate(tmp_path, [*events, *bots], labels | {"bot": "cheat"})
    assert found["classes"]["honest"]["flagged"] == 0
    assert found["classes"]["cheat"]["flagged"] == 1
