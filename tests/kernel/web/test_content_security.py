"""The Content-Security-Policy: every answer has one, and no page holds what it would forbid."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client

from gamification.kernel.web.content_security import HEADER, POLICY

TEMPLATES = sorted((settings.BASE_DIR / "templates").rglob("*.html"))


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/admin/login/", "/api/docs/", "/api/schema/", "/nowhere", "/healthz", "/api/v1/me"])
def test_every_answer_says_what_may_run_in_it(client: Client, path: str) -> None:
    assert client.get(path)[HEADER] == POLICY


def test_the_policy_lets_nothing_unsafe_in() -> None:
    assert "default-src 'self'" in POLICY
    assert "unsafe" not in POLICY
    assert "*" not in POLICY


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_no_template_holds_a_script_a_style_or_a_handler(template: Path) -> None:
    text = template.read_text()
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=", text)
    assert not re.search(r"<script(?![^>]*\ssrc=)", text)
