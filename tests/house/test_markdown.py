"""Whoever follows a link in our Markdown arrives: it names a file that is there, and one of its headings."""

import re
from pathlib import Path

import pytest
from django.conf import settings

BASE: Path = settings.BASE_DIR
PAGES = sorted(
    str(page.relative_to(BASE))
    for pattern in ("*.md", "[!.]*/*.md", "docs/*/**/*.md")
    for page in BASE.glob(pattern)
    if "node_modules" not in page.parts
)
FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"!?\[[^\]]*\]\(\s*([^)\s]+)\s*\)")
HEADING = re.compile(r"^#+ +(.*)$", re.MULTILINE)


def text_of(page: Path) -> str:
    """Without what stands in fences, where brackets are code."""
    return FENCED.sub("", page.read_text())


def anchors(page: Path) -> set[str]:
    """As GitHub makes them: lower case, without punctuation, hyphens for spaces."""
    words = [re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading) for heading in HEADING.findall(text_of(page))]
    return {re.sub(r"[^\w\- ]", "", each.strip().lower()).replace(" ", "-") for each in words}


def broken(page: Path) -> list[str]:
    found = []
    for link in LINK.findall(re.sub(r"`[^`\n]*`", "", text_of(page))):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            found.append(link)
    return found


@pytest.mark.parametrize("name", PAGES)
def test_its_relative_links_lead_somewhere(name: str) -> None:
    assert broken(BASE / name) == []


def test_a_link_that_leads_nowhere_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "# A `head`, here\n[a](#a-head-here) [b](#gone) [c](gone.md) [d](page.md#a-head-here) <https://x.example>\n"
    )
    assert broken(page) == ["#gone", "gone.md"]


def test_every_decision_has_its_parts_and_a_line_in_the_index() -> None:
    folder = BASE / "docs" / "decisions"
    parts = ["Context", "Decision", "What was given up", "Consequences"]
    index = (folder / "README.md").read_text()
    for page in sorted(folder.glob("[0-9]*.md")):
        text = page.read_text()
        [title] = re.findall(rf"\A# {page.name[:4]}: (.+)$", text, re.MULTILINE)
        assert re.search(r"^- \*\*Status\*\*: .+\n- \*\*Date\*\*: \d{4}-\d\d-\d\d", text, re.MULTILINE), page.name
        assert re.findall(r"^## (.+)$", text, re.MULTILINE) == parts, page.name
        assert f"| [{page.name[:4]}]({page.name}) | {title} |" in index, page.name
