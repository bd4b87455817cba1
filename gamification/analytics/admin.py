from django.contrib import admin

from gamification.analytics.models import Activity, RollUp
from gamification.kernel.console.readonly_admin import ReadOnlyAdmin


@admin.register(RollUp)
class RollUpAdmin(ReadOnlyAdmin):
    list_display = ("kind", "subject", "day", "measure", "amount")
    search_fields = ("=subject",)
    ordering = ("-id",)


@admin.register(Activity)
class ActivityAdmin(ReadOnlyAdmin):
    list_display = ("player_id", "first_day", "last_day", "sessions", "is_counted")
    search_fields = ("=player_id",)
    ordering = ("player_id",)
