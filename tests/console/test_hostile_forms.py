"""Every form of the console, filled in by nobody who looked at it: no answer is a failure of ours.

The forms are those that the pages show, each with its buttons, so a page that is added is tried too. Fields that keep
JSON are also sent with one part of it after another replaced. Actions of lists are in test_hostile_addresses.py.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from html.parser import HTMLParser
from itertools import cycle
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.utils import quote
from django.contrib.auth.models import User
from django.db import transaction
from django.test import Client
from django.urls import reverse

from gamification.review.models import Case
from tests.support import console_pages
from tests.support import game as small_game

pytestmark = pytest.mark.django_db

VALUES = [
    *("", "x", "-1", "9" * 5_000, "1e999", "null", "[" * 20_000, "\x00", "2026-13-45T99:00Z"),
    *("[]", '[{"type": []}]', '{"requirements": [{"type": []}]}', '{"id": {}, "events": 7}'),
]
PARTS: list[Any] = [None, True, -1, 1e300, "x", [], {}, [[]], [{"type": []}], {"type": {}}]
HUNTER = "/admin/achievements/achievement/hunter/change/"
LEFT_OUT = {"/admin/logout/", "/admin/login/"}
MOST_PARTS = 30
"""So many places of a piece of JSON are tried."""


@dataclass(slots=True)
class Form:
    action: str
    fields: dict[str, str] = field(default_factory=dict)
    buttons: list[tuple[str, str]] = field(default_factory=list)


class Forms(HTMLParser):
    """The forms of a page that are sent by POST."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.page = page
        self.found: list[Form] = []
        self.by_id: dict[str, Form] = {}
        self.open: Form | None = None
        self.text_of: tuple[Form, str] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        own = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.open = Form(own.get("action", "") or self.page)
            if own.get("method", "").lower() == "post":
                self.found.append(self.open)
            self.by_id[own.get("id", "")] = self.open
        of = self.by_id.get(own["form"]) if own.get("form") else self.open
        if of is None or not own.get("name"):
            return
        name, value = own["name"], own.get("value", "")
        match tag, own.get("type", ""):
            case ("button", _) | ("input", "submit"):
                of.buttons.append((name, value))
            case ("input" | "select" | "textarea", _):
                of.fields.setdefault(name, value)
                self.text_of = (of, name) if tag == "textarea" else None

    def handle_data(self, data: str) -> None:
        if self.text_of is not None:
            of, name = self.text_of
            of.fields[name] += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self.open = None
        if tag == "textarea":
            self.text_of = None


@pytest.fixture
def root() -> Client:
    """A game with something of everything that has a page."""
    server = small_game.make()
    server.patch(f"{small_game.API}/achievements/hunter", {"points": 3, "draft": True})
    client = Client(raise_request_exception=False)
    client.force_login(User.objects.create_superuser("root", password="x"))
    return client


def pages(root: Client) -> Iterator[str]:
    yield from console_pages.own_pages("ann")
    for model in admin.site._registry:
        opts = model._meta
        row = model._default_manager.order_by("pk").first()
        if row is not None:
            yield reverse(f"admin:{opts.app_label}_{opts.model_name}_change", args=[quote(row.pk)])
        yield reverse(f"admin:{opts.app_label}_{opts.model_name}_add")
    for act in root.get("/admin/players/ann/").context["acts"]:
        yield f"/admin/players/ann/act/{act.name}/"
    yield "/admin/players/ann/act/move-run/?quest=trail"
    yield HUNTER
    yield "/admin/achievements/achievement/hunter/compare/?from=1&to=draft"
    for case in Case.objects.order_by("pk"):
        yield f"/admin/review/{case.pk}/"
    yield "/admin/figures/exports/"
    yield "/admin/second-factor/own/"


def forms(root: Client) -> list[Form]:
    found: dict[tuple[str, frozenset[str]], Form] = {}
    read = [of(page, root.get(page)) for page in dict.fromkeys(pages(root))]
    [edited] = [each for each in of(HUNTER, root.get(HUNTER)) if "_base" in each.fields]
    read.append(of(HUNTER, root.post(HUNTER, edited.fields | {"_seen": "long ago", "title": "Another"})))
    for shown in read:
        for form in shown:
            address = form.action.partition("?")[0]
            if address not in LEFT_OUT and ACTION_CHECKBOX_NAME not in form.fields:
                found.setdefault((address, frozenset(form.fields)), form)
    return list(found.values())


def of(page: str, answer: Any) -> list[Form]:
    parser = Forms(page)
    parser.feed(answer.content.decode())
    return parser.found


def sent(form: Form) -> Iterator[dict[str, str]]:
    """What is sent instead of what was meant, by one button after another."""
    buttons = cycle([dict([each]) for each in form.buttons] or [{}])
    counts = {name: value for name, value in form.fields.items() if name.endswith("_FORMS")}
    for value in VALUES:
        yield dict.fromkeys(form.fields, value) | next(buttons)
        if counts:
            yield dict.fromkeys(form.fields, value) | counts | next(buttons)
    for name, value in form.fields.items():
        if value[:1] in ("[", "{"):
            for each in [*VALUES, *(json.dumps(other) for other in with_other_parts(json.loads(value)))]:
                yield form.fields | {name: each} | next(buttons)


def with_other_parts(whole: Any) -> Iterator[Any]:
    parts = cycle(PARTS)
    for place in list(places(whole))[:MOST_PARTS]:
        other = deepcopy(whole)
        at = other
        for step in place[:-1]:
            at = at[step]
        at[place[-1]] = next(parts)
        yield other


def places(whole: Any) -> Iterator[tuple[Any, ...]]:
    steps = whole.items() if isinstance(whole, dict) else enumerate(whole) if isinstance(whole, list) else ()
    for step, inner in steps:
        yield (step,)
        yield from ((step, *more) for more in places(inner))


def test_no_form_fails_whatever_is_sent(root: Client) -> None:
    failures, asked = set(), forms(root)
    assert len(asked) > 50
    for form in asked:
        for data in sent(form):
            with transaction.atomic():
                answer = root.post(form.action, data)
                transaction.set_rollback(True)
            if answer.status_code >= 500:
                failures.add(f"{form.action}: {str(data)[:300]}")
                break
    assert failures == set()
