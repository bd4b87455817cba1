"""Players and what was counted for them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, cast
from urllib.parse import quote_plus

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db import models
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from gamification.kernel.console.readonly_admin import ReadOnlyAdmin
from gamification.kernel.content import publishing
from progress.leveling import LevelRules
from progress.models import ErasedPlayer, HomeZone, MemberSeen, Player, Rarity, Tally, WindowSample
from progress.queries import beginning_with


class PlayersListed(ChangeList):
    def url_for_result(self, result: Any) -> str:
        """The player's page, which people come for; the row itself is linked there."""
        return reverse("admin:player", args=[result.pk])

    def get_results(self, request: HttpRequest) -> None:
        """With each player's level, by the levels as they are published now: asked for once a page."""
        super().get_results(request)
        self.result_list = list(cast("PlayerAdmin", self.model_admin).prepared(self.result_list))


@admin.register(Player)
class PlayerAdmin(ReadOnlyAdmin):
    list_display = ("player_id", "display_name", "level_now", "xp", "points", "achievements_completed", "standing")
    list_filter = indexed_filters = ("standing", "is_test")
    search_fields = ("^player_id",)
    ordering = ("player_id",)
    hides = ("level", "last_seq", "backfilled_to")  # a player without experience has the level at 0, which no row says
    also = ("level_now", "elsewhere")

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return PlayersListed

    def searched(self, rows: Any, term: str) -> Any:
        return beginning_with(term, rows)

    def prepared(self, rows: Iterable[Any]) -> Iterator[Any]:
        levels = publishing.current()[LevelRules]
        for player in rows:
            player.level_shown = levels.at(player.xp)
            yield player

    @admin.display(description="level")
    def level_now(self, player: Any) -> int:
        shown: int | None = getattr(player, "level_shown", None)
        return shown if shown is not None else publishing.current()[LevelRules].at(player.xp)

    @admin.display(description="see also")
    def elsewhere(self, player: Player) -> SafeString:
        """The rows of this player on every other screen."""
        screens = [model._meta for model in self.admin_site._registry if model is not Player and _of_players(model)]
        links = (
            (reverse(f"admin:{of.app_label}_{of.model_name}_changelist"), quote_plus(player.pk), name)
            for name, of in sorted((str(of.verbose_name_plural), of) for of in screens)
        )
        return format_html_join(" · ", '<a href="{}?player_id__exact={}">{}</a>', links)


def _of_players(model: type[models.Model]) -> bool:
    return any(field.name == "player_id" for field in model._meta.get_fields())


@admin.register(Tally)
class TallyAdmin(ReadOnlyAdmin):
    list_display = ("player_id", "metric_id", "scope", "count", "sum", "max", "min", "latest", "members")
    search_fields = ("=player_id", "=metric_id")
    ordering = ("-id",)


@admin.register(MemberSeen)
class MemberSeenAdmin(ReadOnlyAdmin):
    list_display = ("player_id", "metric_id", "scope", "member")
    search_fields = ("=player_id", "=metric_id")
    ordering = ("-id",)


@admin.register(WindowSample)
class WindowSampleAdmin(ReadOnlyAdmin):
    list_display = ("player_id", "metric_id", "at", "value", "event_id")
    search_fields = ("=player_id", "=metric_id")
    ordering = ("-id",)


@admin.register(HomeZone)
class HomeZoneAdmin(ReadOnlyAdmin):
    list_display = ("name", "since")
    ordering = ("-id",)


@admin.register(Rarity)
class RarityAdmin(ReadOnlyAdmin):
    list_display = ("kind", "content_id", "holders", "players", "at")
    list_filter = ("kind",)
    search_fields = ("=content_id",)
    ordering = ("kind", "content_id")


@admin.register(ErasedPlayer)
class ErasedPlayerAdmin(ReadOnlyAdmin):
    list_display = ("hash", "erased_at")
    ordering = ("-erased_at",)
