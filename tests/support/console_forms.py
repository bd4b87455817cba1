"""The console's forms as a browser sends them, and what its pages say."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import Group, User
from django.contrib.messages import get_messages
from django.test import Client

Form = dict[str, Any]


def logged_in(client: Client, name: str, *groups: str) -> Client:
    user = User.objects.create_user(name, is_staff=True)
    user.groups.set(Group.objects.filter(name__in=groups))
    client.force_login(user)
    return client


def rows(prefix: str, *forms: Form) -> Form:
    """A formset as a browser sends it."""
    found: Form = {f"{prefix}-TOTAL_FORMS": len(forms), f"{prefix}-INITIAL_FORMS": 0}
    for index, form in enumerate(forms):
        found |= {f"{prefix}-{index}-{name}": value for name, value in {"position": index + 1, **form}.items()}
    return found


def of_achievement(*requirements: Form, **fields: Any) -> Form:
    return {
        "id": "hunter", "title": "Hunter", "description": "Ten of them", "type": "SKILL", "category": "COMBAT",
        "points": 10, "match_0": "ALL", "match_1": "", "repeat": "NEVER", "series": "", "tier": "", "is_enabled": "on",
        "starts_at": "", "ends_at": "", "icon": "", "metadata": "",
        "backfill": "DIGEST", **fields, **rows("requirements", *requirements), **rows("prerequisites"),
        **rows("rewards", {"reward": "ten-coins"}),
    }  # fmt: skip


def requirement(type_: str = "COUNT", **fields: Any) -> Form:
    return {
        "type": type_, "metric": "kills", "operator": "gte", "threshold": "10", "duration": "", "unit": "",
        "target": "", **fields,
    }  # fmt: skip


def said(response: Any) -> list[str]:
    return [str(message) for message in get_messages(response.wsgi_request)]


def mistakes(response: Any) -> dict[str, list[str]]:
    """Field → what the page says next to it, rows of formsets included."""
    form = response.context["adminform"].form
    found = {name: list(errors) for name, errors in form.errors.items()}
    for formset in response.context["inline_admin_formsets"]:
        for index, errors in enumerate(formset.formset.errors):
            prefix = f"{formset.formset.prefix}-{index}"
            found |= {f"{prefix}-{name}": list(each) for name, each in errors.items()}
    return found
