"""The console's own version of screens that Django brings, and its own table."""

from django.contrib import admin
from django_otp.plugins.otp_static.models import StaticDevice
from django_otp.plugins.otp_totp.models import TOTPDevice

from gamification.console import people
from gamification.console.models import Note
from gamification.kernel.console.readonly_admin import ReadOnlyAdmin

for secret in (TOTPDevice, StaticDevice):  # nobody needs a page that shows them
    if admin.site.is_registered(secret):
        admin.site.unregister(secret)
for model, screen in people.ADMINS.items():
    if admin.site.is_registered(model):  # by django.contrib.auth, which is loaded before
        admin.site.unregister(model)
    admin.site.register(model, screen)


@admin.register(Note)
class NoteAdmin(ReadOnlyAdmin):
    list_display = ("written_at", "player_id", "written_by", "text")
    search_fields = ("=player_id",)
    ordering = ("-id",)
