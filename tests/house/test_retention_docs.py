"""Whoever adds a table says how long its rows are kept, or why they stay."""

from pathlib import Path

from django.apps import apps

PAGE = Path(__file__).parents[2] / "docs/operators.md"


def said(page: str) -> set[str]:
    """The tables that stand in the section on retention, each in a row with its three cells filled in."""
    section = page.partition("## Retention")[2].partition("\n## ")[0]
    found: set[str] = set()
    for line in section.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("| `") and len(cells) == 3 and all(cells):
            found |= {name.strip("` ") for name in cells[0].split(",")}
    return found


def test_every_table_has_a_retention_or_a_reason_not_to() -> None:
    assert said(PAGE.read_text()) == {model._meta.db_table for model in apps.get_models()}


def test_a_table_without_a_line_or_whose_line_says_nothing_is_found_out() -> None:
    page = PAGE.read_text()
    assert said(page) - said(page.replace("`progress_tally`, ", "")) == {"progress_tally"}
    [line] = [line for line in page.splitlines() if line.startswith("| `quests_run`")]
    assert said(page) - said(page.replace(line, "| `quests_run` | a player's quest | |")) == {"quests_run"}
