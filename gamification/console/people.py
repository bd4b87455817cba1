"""The people of the console and their groups: Django's own screens, whose changes the audit log tells of."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group, User
from django.db.models import Exists, Manager, Model, OuterRef, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django_otp.plugins.otp_totp.models import TOTPDevice

from gamification.console import second_factor
from gamification.kernel.console.readonly_admin import SeenHistory, acting
from gamification.kernel.core.audit import Change, Subject
from gamification.kernel.storage import audit_log

PASSWORDS = {"password", "password1", "password2", "usable_password"}


class AuditedAdmin(SeenHistory):
    """Writes an entry beside each row that Django's own history gets, in the same transaction.

    What a row has several of is chosen from lists of the browser's own: the two lists with arrows between them that
    Django makes by script are wider than a phone, and have labels that no screen reader may say.
    """

    filter_horizontal = ()

    def formfield_for_manytomany(self, db_field: Any, request: Any = None, **kwargs: Any) -> Any:
        chosen = forms.CheckboxSelectMultiple() if db_field.name == "groups" else forms.SelectMultiple({"size": 16})
        return super().formfield_for_manytomany(db_field, request, **{"widget": chosen, **kwargs})

    def construct_change_message(self, request: HttpRequest, form: Any, formsets: Any, add: bool = False) -> Any:
        request.audited = _changed(form)  # type: ignore[attr-defined] # for the methods below
        return super().construct_change_message(request, form, formsets, add)

    def log_addition(self, request: HttpRequest, object: Any, message: Any) -> Any:
        _, after = request.audited  # type: ignore[attr-defined]
        self._write(request, "create", object, None, after)
        return super().log_addition(request, object, message)

    def log_change(self, request: HttpRequest, object: Any, message: Any) -> Any:
        self._write(request, "change", object, *request.audited)  # type: ignore[attr-defined]
        return super().log_change(request, object, message)

    def log_deletions(self, request: HttpRequest, queryset: QuerySet[Any]) -> Any:
        for row in queryset:
            self._write(request, "delete", row, {"existed": True}, None)
        return super().log_deletions(request, queryset)

    def _write(self, request: HttpRequest, verb: str, row: Model, before: Any, after: Any) -> None:
        kind = self.opts.model_name or ""
        changes = [Change(Subject(kind, str(row)), before=before, after=after)]
        audit_log.put(acting(request), f"{verb}_{kind}", changes, at=timezone.now())


class PersonAdmin(AuditedAdmin, UserAdmin):  # type: ignore[type-arg] # generic for mypy only
    list_display = ("username", "first_name", "last_name", "in_groups", "has_factor", "is_active", "last_login")
    list_filter = ("is_active", "is_superuser", "groups")
    actions = ("remove_second_factor",)
    readonly_fields = ("last_login", "date_joined")

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        confirmed = TOTPDevice.objects.filter(user_id=OuterRef("pk"), confirmed=True)
        found: QuerySet[User] = super().get_queryset(request).annotate(factor=Exists(confirmed))
        return found.prefetch_related("groups")

    @admin.display(description="groups")
    def in_groups(self, person: User) -> str:
        return ", ".join(group.name for group in person.groups.all()) or "-"

    @admin.display(description="second factor", boolean=True)
    def has_factor(self, person: Any) -> bool:
        return bool(person.factor)

    @admin.action(description="Take the second factor away: of who has lost it", permissions=["change"])
    def remove_second_factor(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        now = timezone.now()
        names = [user.get_username() for user in queryset if second_factor.remove(user, acting(request), now)]
        if names:
            messages.success(request, f"{', '.join(names)}: by the password alone, until it is set up anew.")
        else:
            messages.info(request, "There was none.")


class PeopleGroupAdmin(AuditedAdmin, GroupAdmin):
    pass


ADMINS = {User: PersonAdmin, Group: PeopleGroupAdmin}


def _changed(form: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Before and after of what a form changed. Of a password only that it changed."""
    names = [name for name in form.changed_data if name not in PASSWORDS]
    before = {name: _said(form.initial.get(name)) for name in names}
    after = {name: _said(form.cleaned_data.get(name)) for name in names}
    if PASSWORDS.intersection(form.changed_data):
        after["has_new_password"] = True
    return before, after


def _said(value: Any) -> Any:
    if isinstance(value, QuerySet | Manager | list | tuple):
        return sorted(str(each) for each in (value.all() if isinstance(value, Manager) else value))
    return value if isinstance(value, bool | int | str | None) else str(value)
