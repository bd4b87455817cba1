"""`manage.py import_events`."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from gamification.kernel.models import Event
from progress.models import Tally
from tests.support.content import metric, publish

pytestmark = pytest.mark.django_db


def line(id_: str, **changes: Any) -> str:
    event = {"id": id_, "player_id": "ann", "type": "enemy.killed", "data": {}, "timestamp": "2026-01-01T00:00:00Z"}
    return json.dumps(event | changes) + "\n"


def run(path: Path | str) -> tuple[str, str, int]:
    """Standard output, standard error and the exit code."""
    out, err = io.StringIO(), io.StringIO()
    try:
        call_command("import_events", str(path), stdout=out, stderr=err, no_color=True)
    except SystemExit as end:
        return out.getvalue(), err.getvalue(), int(str(end.code))
    return out.getvalue(), err.getvalue(), 0


@pytest.fixture
def file(tmp_path: Path) -> Path:
    publish(metric("kills"))
    return tmp_path / "events.jsonl"


def test_a_file_is_played_in_batches_and_may_be_played_again(file: Path) -> None:
    file.write_text("".join(line(f"e{n}") for n in range(1_100)))
    expected = "1100 events: 1100 accepted, 0 duplicates, 0 held, 0 rejected; 0 facts\n"
    assert run(file) == (expected, "", 0)
    assert Tally.objects.get(metric_id="kills", scope="").count == 1_100
    assert run(file) == ("1100 events: 0 accepted, 1100 duplicates, 0 held, 0 rejected; 0 facts\n", "", 0)
    assert Tally.objects.get(metric_id="kills", scope="").count == 1_100


def test_what_is_wrong_is_said_with_its_line_and_the_rest_counts(file: Path) -> None:
    file.write_text(
        line("a") + "\n" + "oops\n" + line("b", type="X") + line("a", data={"n": 1}) + line("c").strip(), "utf-8"
    )
    out, err, code = run(file)
    assert out == "5 events: 2 accepted, 0 duplicates, 0 held, 3 rejected; 0 facts\n"
    assert [said.split(":")[:2] for said in err.splitlines()] == [
        ["line 3", " bad_json"],
        ["line 4", " bad_type"],
        ["line 5", " id_reused"],
    ]
    assert code == 1
    assert sorted(Event.objects.values_list("event_id", flat=True)) == ["a", "c"]


def test_a_line_without_an_end_fills_no_memory(file: Path) -> None:
    file.write_text("x" * 3_000_000 + "\n" + line("a"))
    out, err, code = run(file)
    assert out == "2 events: 1 accepted, 0 duplicates, 0 held, 1 rejected; 0 facts\n"
    assert err.startswith("line 1: bad_json")
    assert code == 1


def test_standard_input_is_read(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Stdin:
        buffer = io.BytesIO(line("a").encode())

    monkeypatch.setattr("sys.stdin", Stdin)
    assert run("-")[0].startswith("1 events: 1 accepted")


def test_a_file_that_cannot_be_read_is_said_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="No such file"):
        run(tmp_path / "nothing.jsonl")


def test_an_empty_file_is_nothing(file: Path) -> None:
    file.write_text("\n\n")
    assert run(file) == ("0 events: 0 accepted, 0 duplicates, 0 held, 0 rejected; 0 facts\n", "", 0)
