from django.contrib import admin

from gamification.feed.models import Message
from gamification.kernel.looking import ReadOnlyAdmin


@admin.register(Message)
class MessageAdmin(ReadOnlyAdmin):
    list_display = ("player_id", "seq", "type", "timestamp")
    list_filter = ("type",)
    search_fields = ("=player_id",)
    ordering = ("-id",)
