"""The console's own version of screens that Django brings."""

from django.contrib import admin

from gamification.console import people

for model, screen in people.ADMINS.items():
    if admin.site.is_registered(model):  # by django.contrib.auth, which is loaded before
        admin.site.unregister(model)
    admin.site.register(model, screen)
