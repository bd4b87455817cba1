"""Addresses of the console that nobody is led to: none of them is a failure of ours."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from itertools import cycle
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from django.contrib import admin
from django.contrib.admin import helpers
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

pytestmark = pytest.mark.django_db

VALUES = [
    *("(", "\x00", "\\", "'", "%", "9" * 400, "-1", "1e999", "nan", "[]", "{}", "1,(", "2026-13-45", "a/b", ""),
]
LOOKUPS = [
    *("__exact", "__iregex", "__gt", "__range", "__isnull", "__contains", "__year", "__nonsense", "__pk__regex"),
    *("__password__startswith", "_id", "_id__exact"),
]
IDS = [
    *("1", "none", "_5", "_", "__", "%00", "_00x", "9" * 400, "a_2Fb", "0-0-0-0-g", "\u2028", "-1"),
]


@pytest.fixture
def staff() -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("ada", password="x"))
    return client


MODELS = sorted(admin.site._registry, key=lambda model: model._meta.label)


def failures(staff: Client, addresses: Iterator[tuple[str, str, Any]]) -> list[str]:
    found = []
    for method, address, data in addresses:
        try:
            status = getattr(staff, method)(address, data).status_code
        except Exception as failure:  # what would be a 500
            status = f"{type(failure).__name__}: {str(failure)[:80]}"
        if not (isinstance(status, int) and status < 500):
            found.append(f"{method} {address[:120]} {status}")
    return found


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model._meta.label)
def test_a_list_bears_any_query(staff: Client, model: Any) -> None:
    opts = model._meta
    path = reverse(f"admin:{opts.app_label}_{opts.model_name}_changelist")

    def addresses() -> Iterator[tuple[str, str, Any]]:
        hierarchy = admin.site._registry[model].date_hierarchy
        filters = [each for each in admin.site._registry[model].list_filter if isinstance(each, str)]
        values, lookups = cycle(VALUES), cycle(LOOKUPS)
        for name in [*(field.name for field in opts.get_fields()), "pk", "nonsense"]:
            for lookup in ["", "__in", next(lookups), next(lookups)]:
                yield "get", f"{path}?{urlencode({name + lookup: next(values)})}", None
            yield "get", f"{path}?{urlencode({name + '__regex': '('})}", None
        for name in ("p", "o", "q", "all", "e", "_facets", "_popup", "_to_field", "_changelist_filters"):
            yield "get", f"{path}?{urlencode({name: next(values)})}", None
        for name in filters:
            for lookup in ("", "__exact", "__in", "__id__exact", "__isnull", "__gte"):
                for value in (next(values), next(values)):
                    yield "get", f"{path}?{urlencode({name + lookup: value})}", None
        for part in ("year", "month", "day") if hierarchy else ():
            for value in ("0", "13", "99999", "-1", "x", "9" * 30):
                yield "get", f"{path}?{urlencode({f'{hierarchy}__{part}': value})}", None

    assert failures(staff, addresses()) == []


def test_what_a_list_offers_to_filter_by_it_takes(staff: Client) -> None:
    for model in MODELS:
        path = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
        offered = set(re.findall(r'href="\?([^"]+)"', staff.get(path).content.decode()))
        assert offered or not admin.site._registry[model].list_filter or not model._default_manager.exists()
        for query in offered:
            assert staff.get(f"{path}?{unescape(query)}").status_code == 200, f"{path}?{query}"


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model._meta.label)
def test_an_object_bears_any_id(staff: Client, model: Any) -> None:
    opts = model._meta
    path = reverse(f"admin:{opts.app_label}_{opts.model_name}_changelist")

    def addresses() -> Iterator[tuple[str, str, Any]]:
        for id_ in IDS:
            for page in ("change", "history", "delete"):
                for method in ("get", "post"):
                    yield method, f"{path}{quote(id_, safe='%')}/{page}/", {} if method == "post" else None

    assert failures(staff, addresses()) == []


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model._meta.label)
def test_an_action_bears_any_selection(staff: Client, model: Any) -> None:
    opts = model._meta
    path = reverse(f"admin:{opts.app_label}_{opts.model_name}_changelist")
    request: Any = staff.get(path).wsgi_request
    actions = [name for name, _ in admin.site._registry[model].get_action_choices(request, default_choices=[])]

    def addresses() -> Iterator[tuple[str, str, Any]]:
        for action in [*actions, "nonsense", ""]:
            for place, value in enumerate([*VALUES, *IDS]):
                chosen = {"action": action, helpers.ACTION_CHECKBOX_NAME: [value, "1"], "index": value, "reason": "x"}
                yield "post", path, chosen | ({}, {"post": "yes"}, {"select_across": value})[place % 3]
            yield "post", f"{path}?q=(&p=-1", {"action": action, helpers.ACTION_CHECKBOX_NAME: "x"}

    assert failures(staff, addresses()) == []


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model._meta.label)
def test_a_form_bears_any_values(staff: Client, model: Any) -> None:
    path = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist") + "add/"
    page = staff.get(path)
    names = set(re.findall(r' name="([^"]+)"', page.content.decode())) - {"csrfmiddlewaretoken"}

    def addresses() -> Iterator[tuple[str, str, Any]]:
        for value in VALUES if page.status_code == 200 else ():
            counts = {name: "3" for name in names if name.endswith("_FORMS")}
            yield "post", path, dict.fromkeys(names, value) | counts
            yield "post", path, dict.fromkeys(names, value)

    assert failures(staff, addresses()) == []


def test_what_is_not_of_one_kind_bears_anything(staff: Client) -> None:
    def addresses() -> Iterator[tuple[str, str, Any]]:
        for value in VALUES:
            for name in ("app_label", "model_name", "field_name", "term", "page"):
                asked = {"app_label": "quests", "model_name": "questrequirement", "field_name": "metric", "term": "a"}
                yield "get", f"/admin/autocomplete/?{urlencode(asked | {name: value})}", None
            yield "get", f"/admin/login/?{urlencode({'next': value})}", None
            yield "get", f"/admin/r/{quote(value, safe='')}/{quote(value, safe='')}/", None
            yield "get", f"/admin/jsi18n/?{urlencode({'language': value})}", None
            yield "get", f"/admin/{quote(value, safe='')}/", None

    assert failures(staff, addresses()) == []
