"""Groups of the console's users and their permissions, made after every migration; what an operator adds stays."""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.contrib.auth.management import create_permissions
from django.contrib.auth.models import Group, Permission
from django.db.models import Q

CONTENT = {
    "progress": ("metric", "metriccondition", "level", "levelreward"),
    "rewards": ("reward", "rewarditem", "rewardchance", "currency"),
    "achievements": ("achievement", "achievementrequirement", "achievementreward", "achievementprerequisite"),
    "quests": ("quest", "step", "questrequirement", "questreward", "pool", "poolquest"),
}
LINES = ("metriccondition", "levelreward", "rewarditem", "rewardchance", "achievementrequirement",
         "achievementreward", "achievementprerequisite", "step", "questrequirement", "questreward",
         "poolquest")  # fmt: skip
"""Rows within a draft: they may be deleted, content itself is retired instead."""
OURS = ("kernel", "feed", "progress", "rewards", "achievements", "quests", "anticheat", "analytics", "console",
        "webhooks", "review")  # fmt: skip


def may(app: str, model: str, *actions: str) -> Q:
    return Q(content_type__app_label=app, codename__in=[f"{action}_{model}" for action in actions])


def _designing() -> Q:
    wanted = Q(pk=None)
    for app, models in CONTENT.items():
        for model in models:
            wanted |= may(app, model, "add", "change", "view", *(["delete"] if model in LINES else []))
    wanted |= may("kernel", "release", "add", "change", "view", "approve")
    wanted |= may("analytics", "rollup", "view")
    return wanted | may("kernel", "version", "view") | may("progress", "backfill", "view")


LOOKING = Q(content_type__app_label__in=OURS, codename__startswith="view_") & ~may("kernel", "auditentry", "view")
GROUPS = {
    "designers": _designing() | may("anticheat", "rule", "view") | may("kernel", "release", "approve"),
    "reviewers": LOOKING
    | may("anticheat", "finding", "change")
    | may("review", "case", "change")
    | may("anticheat", "rule", "add", "change", "delete")
    | may("progress", "player", "change")
    | may("console", "note", "add", "delete"),
    "support": LOOKING
    | may("rewards", "distribution", "change")
    | may("achievements", "standing", "change")
    | may("quests", "run", "change")
    | may("progress", "player", "change", "delete")
    | may("console", "note", "add", "delete"),
    "analysts": LOOKING,
    "auditors": may("kernel", "auditentry", "view"),
}
"""The permissions of each group. API keys are for superusers only."""


def make(sender: Any = None, using: str = "default", **kwargs: Any) -> None:
    """After `migrate`: the groups exist and have at least these permissions."""
    for label in OURS:
        create_permissions(apps.get_app_config(label), verbosity=0, using=using)
    for name, wanted in GROUPS.items():
        group, _ = Group.objects.using(using).get_or_create(name=name)
        permissions = Permission.objects.using(using).filter(wanted)
        group.permissions.add(*permissions.exclude(may("kernel", "apikey", "view")))


def role_of(user: Any) -> str:
    """What somebody is here, in one word: "designer" of the group of designers."""
    if user.is_superuser:
        return "superuser"
    names = sorted(user.groups.values_list("name", flat=True))
    return ", ".join(map(one_of, names))


def one_of(group: str) -> str:
    """A member of a group: "designer" of the designers."""
    return group.removesuffix("s")
