from django.contrib import admin

from gamification.feed.models import Message, ReadMark
from gamification.kernel.console.readonly_admin import ReadOnlyAdmin


@admin.register(Message)
class MessageAdmin(ReadOnlyAdmin):
    list_display = ("player_id", "seq", "type", "timestamp")
    search_fields = ("=player_id",)
    ordering = ("-id",)


@admin.register(ReadMark)
class ReadMarkAdmin(ReadOnlyAdmin):
    list_display = ("player_id", "up_to")
    search_fields = ("=player_id",)
    ordering = ("player_id",)
