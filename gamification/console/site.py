"""The console's front page: screens by what people come to do, not by the app that holds the tables."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse

DESKS = {
    "Design": (
        "achievements.achievement", "quests.quest", "quests.pool", "progress.metric", "rewards.reward",
        "rewards.currency", "progress.level", "kernel.version", "progress.backfill",
    ),
    "Players": (
        "progress.player", "achievements.standing", "quests.run", "rewards.distribution", "rewards.wallet",
        "rewards.transfer", "rewards.inventoryitem", "progress.tally", "feed.message",
    ),
    "Fair play": ("anticheat.rule", "anticheat.finding"),
    "Game servers": ("kernel.event", "kernel.rejectedevent", "kernel.apikey"),
    "People of the console": ("auth.user", "auth.group"),
}  # fmt: skip
"""Desk → its screens, in order. What stands on none is on the last one."""
BEHIND = "Behind the scenes"


class Console(admin.AdminSite):
    site_header = site_title = "Gamification"
    index_title = "Content, players and what came of them"

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        found = super().get_app_list(request, app_label)
        if app_label is not None:
            return found
        screens = {
            f"{app['app_label']}.{screen['object_name'].lower()}": screen for app in found for screen in app["models"]
        }
        desks = {name: [screens.pop(key) for key in keys if key in screens] for name, keys in DESKS.items()}
        desks[BEHIND] = list(screens.values())
        return [self._desk(name, models) for name, models in desks.items() if models]

    def _desk(self, name: str, models: list[Any]) -> dict[str, Any]:
        label = name.lower().replace(" ", "-")
        first = f"{label}-{models[0]['object_name'].lower()}"  # the id that the template gives its first row
        address = f"{reverse(f'{self.name}:index')}#{first}"
        return {"name": name, "app_label": label, "app_url": address, "has_module_perms": True, "models": models}
