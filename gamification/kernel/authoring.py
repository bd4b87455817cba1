"""What the console's screens have in common: content that is authored and published, rows that are only read.

The forms edit drafts. Publishing is a command like everywhere else: what it refuses is shown with its path, and the
draft is kept.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ActionForm
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from rest_framework import serializers

from gamification.kernel import bus, content
from gamification.kernel.content import Kind
from gamification.kernel.encoding import instant
from gamification.kernel.messages import Command, Refused
from gamification.kernel.models import Content, Version
from gamification.kernel.shapes import Shape, flatten

if TYPE_CHECKING:  # generic for mypy only
    AnyModelAdmin = admin.ModelAdmin[Any]
    AnyInline = admin.TabularInline[Any, Any]
    AnyForm = forms.ModelForm[Any]
else:
    AnyModelAdmin, AnyInline, AnyForm = admin.ModelAdmin, admin.TabularInline, forms.ModelForm

ORDER_HELP = "Smaller numbers come first."


# -- forms -------------------------------------------------------------------------------------------------------------


class ShapedForm(AnyForm):
    """A form whose fields obey the contract's shape too, so that its refusals stand next to the field."""

    shape: ClassVar[type[Shape]]
    called: ClassVar[Mapping[str, str]] = {}
    """Form field → the shape's field, where they differ."""

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        for name in list(cleaned):
            column = self.instance._meta.get_field(name) if name in self._columns() else None
            if isinstance(column, models.JSONField) and not column.null and cleaned[name] is None:
                cleaned[name] = column.get_default()  # an emptied field
        fields = self.shape().fields
        for name in [name for name in self._meta.fields or () if name in cleaned]:
            field = fields.get(self.called.get(name, name))
            if field is None or isinstance(field, serializers.BaseSerializer):
                continue
            value = _plain(cleaned[name])
            try:
                field.run_validation(None if value == "" and field.allow_null else value)
            except serializers.ValidationError as problem:
                for error in flatten(problem.detail):
                    self.add_error(name, ValidationError(error["detail"], error["code"]))
        return cleaned

    def _columns(self) -> set[str]:
        return {field.name for field in self.instance._meta.get_fields()}


def _plain(value: Any) -> Any:
    """A cleaned value as it would come in JSON."""
    if isinstance(value, datetime):
        return instant(value)
    return value.pk if isinstance(value, models.Model) else value


class JsonOrText(forms.CharField):
    """A JSON value for people who do not write JSON: what is none is taken as a text."""

    class Typed(str):
        """What somebody typed, to be shown again as it was."""

        __slots__ = ()

    def bound_data(self, data: Any, initial: Any) -> Any:
        return None if data is None else self.Typed(data)

    def prepare_value(self, value: Any) -> Any:
        if value is None or isinstance(value, self.Typed) or (isinstance(value, str) and _read(value) == value):
            return value
        return json.dumps(value, ensure_ascii=False)

    def to_python(self, value: Any) -> Any:
        text = (super().to_python(value) or "").strip()
        return None if text == "" else _read(text)

    def has_changed(self, initial: Any, data: Any) -> bool:
        return bool(self.to_python(data if isinstance(data, str) else "") != initial)


def _read(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


class ReasonedActionForm(ActionForm):
    reason = forms.CharField(required=False, label="Why", max_length=4000)


# -- content -----------------------------------------------------------------------------------------------------------


class StateFilter(admin.SimpleListFilter):
    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(name, name) for name in ("draft", "published", "changed", "retired")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        in_play = queryset.filter(retired_at=None)
        match self.value():
            case "draft":
                return in_play.filter(published=None)
            case "published":
                return in_play.filter(published__isnull=False, has_changes=False)
            case "changed":
                return in_play.filter(published__isnull=False, has_changes=True)
            case "retired":
                return queryset.exclude(retired_at=None)
        return queryset


class ContentAdmin(AnyModelAdmin):
    """`kind` names what is authored here. "Save" keeps a draft, "Save and publish" makes it a version."""

    kind: Kind
    change_form_template = "admin/content/change_form.html"
    action_form = ReasonedActionForm
    actions: Sequence[Any] = ("publish_selected", "retire_selected")
    list_filter: ClassVar[Any] = (StateFilter,)
    own_fieldsets: Sequence[tuple[str | None, dict[str, Any]]] = ()

    # What a designer sees of it

    @admin.display(description="state", ordering=F("published").asc(nulls_first=True))
    def state(self, draft: Content) -> str:
        if draft.retired_at is not None:
            return "retired"
        if draft.published is None:
            return "draft"
        return f"published v{draft.published}" + (", changed since" if draft.has_changes else "")

    @admin.display(description="versions")
    def history(self, draft: Content) -> str:
        versions = Version.objects.filter(kind=self.kind.name, content_id=draft.pk).order_by("-number")
        lines = (
            (v.number, " (retired)" if v.retires else "", instant(v.at), v.who, f": {v.reason}" if v.reason else "")
            for v in versions[:50]
        )
        found = format_html_join("", "<li>v{}{}, {} by {}{}</li>", lines)
        return format_html("<ul>{}</ul>", found) if found else "Not published yet."

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is None:
            return self.own_fieldsets
        kept = ("state", "history", "created_at", "updated_at")
        return [*self.own_fieldsets, ("Publishing", {"fields": kept})]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        fields: tuple[str, ...] = ("state", "history", "created_at", "updated_at")
        return fields if obj is None else (*fields, "id", *((self.kind.key,) if self.kind.key != "id" else ()))

    # Who may do what: nothing is ever deleted, and what is retired stays as it is

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_change_permission(request, obj) and (obj is None or obj.retired_at is None)

    # Saving

    def prepare(self, draft: Any) -> None:
        """Fill in what a new draft needs and its form does not ask."""

    def warn(self, request: HttpRequest, draft: Any) -> None:
        """Say what a designer should know of this draft."""

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        content.lock()
        if not change:
            self.prepare(obj)
        super().save_model(request, obj, form, change)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        content.note(self.kind, form.instance, timezone.now())

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], add: bool = False, change: bool = False,
        form_url: str = "", obj: Any = None,
    ) -> Any:  # fmt: skip
        context["may_publish"] = self.has_change_permission(request, obj)
        return super().render_change_form(request, context, add, change, form_url, obj)

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:  # fmt: skip
        response = super().changeform_view(request, object_id, form_url, extra_context)
        # Only now is the draft committed: what publishing refuses must not take it along.
        saved = getattr(request, "saved_draft", None)
        if saved is not None:
            self.warn(request, saved)
            if "_publish" in request.POST:
                self._publish(request, [saved.pk], request.POST.get("_reason", ""))
            else:
                self._say_what_stands_in_the_way(request, saved)
        return response

    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: str | None = None) -> HttpResponse:
        return self._saved(request, obj) or super().response_add(request, obj, post_url_continue)

    def response_change(self, request: HttpRequest, obj: Any) -> HttpResponse:
        return self._saved(request, obj) or super().response_change(request, obj)

    def _saved(self, request: HttpRequest, obj: Any) -> HttpResponse | None:
        request.saved_draft = obj  # type: ignore[attr-defined] # for changeform_view, after the commit
        if "_publish" not in request.POST:
            return None
        address = f"{self.opts.app_label}_{self.opts.model_name}_change"
        return HttpResponseRedirect(reverse(f"{self.admin_site.name}:{address}", args=[obj.pk]))

    def _say_what_stands_in_the_way(self, request: HttpRequest, draft: Content) -> None:
        for line in content.problems(self.kind, draft):
            messages.warning(request, f"Saved, but it cannot be published yet. {line}")

    # Actions

    @admin.action(description="Publish the drafts of what is selected", permissions=["change"])
    def publish_selected(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        ids = queryset.filter(retired_at=None).order_by("pk").values_list("pk", flat=True)
        self._publish(request, list(ids), request.POST.get("reason", ""))

    @admin.action(description="Retire what is selected (players keep what they have)", permissions=["change"])
    def retire_selected(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        for id_ in queryset.filter(retired_at=None).order_by("pk").values_list("pk", flat=True):
            command = content.RetireContent(
                kind=self.kind.name, id=id_, who=request.user.get_username(), reason=request.POST.get("reason", "")
            )
            if handled(request, command, f"{self.kind.name} {id_}"):
                messages.success(request, f"Retired {id_}.")

    def _publish(self, request: HttpRequest, ids: Iterable[str], reason: str) -> None:
        for id_ in ids:
            command = content.PublishContent(
                kind=self.kind.name, id=id_, who=request.user.get_username(), reason=reason[:4000]
            )
            saved = handled(request, command, f"{self.kind.name} {id_}")
            if saved and saved.published:
                counting = ". Players' pasts are being counted for it" if saved.backfill else ""
                messages.success(request, f"Published {id_} as version {saved.draft.published}{counting}.")
            elif saved:
                messages.info(request, f"{id_} is published as it stands already.")


def handled(request: HttpRequest, command: Command, about: str) -> Any:
    """The command's answer (True where it has none), or None and a message for each thing that is wrong."""
    try:
        answer = bus.handle(command, now=timezone.now())
    except Refused as refused:
        for line in _said(refused):
            messages.error(request, f"{about}: {line}")
        return None
    return True if answer is None else answer


def _said(refused: Refused) -> Iterator[str]:
    if refused.status == 409 or not refused.errors:
        yield refused.detail
    for error in refused.errors if refused.status != 409 else ():
        yield f"{error['path']}: {error['detail']}" if error["path"] else error["detail"]


class LineInline(AnyInline):
    """Rows of a draft, in an order of their author's."""

    extra = 0
    ordering = ("position", "id")


# -- everything else ---------------------------------------------------------------------------------------------------


class ReadOnlyAdmin(AnyModelAdmin):
    """Rows that the service itself writes. `hides` are columns that nobody looks at."""

    hides: Sequence[str] = ()
    show_full_result_count = False

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        return [
            field.name
            for field in self.model._meta.concrete_fields
            if field.name not in self.hides and not isinstance(field, models.BinaryField)
        ]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        return self.get_fields(request, obj)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


def may_decide(model_admin: AnyModelAdmin, request: HttpRequest) -> bool:
    """Whether somebody may act on rows that nobody edits: by the permission to change them."""
    permission: Callable[[str], bool] = request.user.has_perm
    return permission(f"{model_admin.opts.app_label}.change_{model_admin.opts.model_name}")
