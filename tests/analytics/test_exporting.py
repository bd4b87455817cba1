"""An export has a row for each of what is kept, and goes on where it was interrupted."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from achievements.models import Standing
from gamification.analytics import exporting
from gamification.kernel.models import AuditEntry, Event
from progress.models import Player
from quests.models import Run
from rewards.models import Distribution, Transfer
from tests.support import game

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def played() -> None:
    game.make()
    Player.objects.filter(pk="bob").update(is_test=True)


def export(kind: str, target: Path, **options: Any) -> None:
    call_command("export", kind, output=target, **options)


@pytest.mark.parametrize(
    ("kind", "rows"),
    [
        ("events", Event.objects.filter(state=Event.State.COUNTED)),
        ("achievements", Standing.objects.filter(completed_at__isnull=False)),
        ("quests", Run.objects.all()),
        ("distributions", Distribution.objects.all()),
        ("transfers", Transfer.objects.all()),
    ],
)
@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_what_is_kept_of_players_who_count_publicly_is_in_it_once(
    kind: str, rows: Any, form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "PAGE", 3)
    target = tmp_path / "out"
    export(kind, target, form=form)
    expected = rows.filter(player_id="ann").count()
    assert expected
    if form == "csv":
        found = list(csv.DictReader(target.read_text().splitlines()))
    else:
        found = [json.loads(line) for line in target.read_text().splitlines()]
    assert len(found) == expected
    assert {row["player_id"] for row in found} == {"ann"}
    assert list(found[0]) == list(exporting.KINDS[kind].fields)
    [entry] = AuditEntry.objects.filter(action="export")
    assert (entry.actor, entry.kind, entry.subject_id, entry.after["format"]) == ("system", "export", kind, form)  # type: ignore[index] # it has one
    assert target.stat().st_mode & 0o077 == 0


def test_an_export_that_was_interrupted_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exporting, "PAGE", 2)
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    export("events", whole)
    lines, calls = exporting.as_csv, []

    def failing(rows: Any) -> str:
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return lines(rows)

    monkeypatch.setitem(exporting.TEXTS, "csv", failing)
    with pytest.raises(KeyboardInterrupt):
        export("events", broken)
    monkeypatch.setitem(exporting.TEXTS, "csv", lines)
    with broken.open("a") as file:
        file.write("half a li")  # what was written, and not noted
    with pytest.raises(CommandError, match="begun as another export"):
        export("events", broken, form="jsonl")
    export("events", broken)
    assert broken.read_bytes() == whole.read_bytes()
    with pytest.raises(CommandError, match="there already"):
        export("events", broken)


def test_parquet_holds_the_same_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import pyarrow.parquet as parquet  # 0.3 s, for this test alone

    monkeypatch.setattr(exporting, "PAGE", 4)
    for kind in exporting.KINDS:
        export(kind, tmp_path / kind, form="parquet")
        export(kind, tmp_path / "lines", form="jsonl")
        parts = sorted((tmp_path / kind).iterdir())
        assert [part.name for part in parts] == [f"part-{n:06}.parquet" for n in range(len(parts))]
        found = [row for part in parts for row in parquet.read_table(part).to_pylist()]
        lines = [json.loads(line) for line in (tmp_path / "lines").read_text().splitlines()]
        assert [{name: flat(value) for name, value in row.items()} for row in lines] == found
        (tmp_path / "lines").unlink()


def flat(value: Any) -> Any:
    return json.dumps(value) if isinstance(value, dict | list) else value
