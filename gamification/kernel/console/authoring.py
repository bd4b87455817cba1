"""What the console's screens of content have in common: drafts are authored in forms, published and retired.

The forms edit drafts. Publishing is a command like everywhere else: what it refuses is shown with its path, and the
draft is kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib import admin, messages
from django.db import models
from django.db.models import F, QuerySet
from django.forms import Textarea
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone
from django.utils.formats import localize
from django.utils.html import format_html, format_html_join

from gamification.kernel.console.forms import LineForm, Tags
from gamification.kernel.console.readonly_admin import ActingAdmin, ReasonedActionForm, handled, page_of, place
from gamification.kernel.content import drafts, editing, publishing
from gamification.kernel.content.kinds import Kind
from gamification.kernel.content.retiring import RestoreContent, RetireContent
from gamification.kernel.core.actors import said_to_people
from gamification.kernel.models import Content, Version

if TYPE_CHECKING:  # generic for mypy only
    AnyInline = admin.TabularInline[Any, Any]
else:
    AnyInline = admin.TabularInline


class StateFilter(admin.SimpleListFilter):
    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(name.lower(), name.lower()) for name in drafts.STATES]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        state = (self.value() or "").upper()
        return drafts.in_state(queryset, drafts.DraftState(state)) if state in drafts.STATES else queryset


class TagFilter(admin.SimpleListFilter):
    title = "tag"
    parameter_name = "tag"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        found = model_admin.get_queryset(request).exclude(tags=[]).values_list("tags", flat=True)
        return [(tag, tag) for tag in sorted({tag for tags in found for tag in tags})]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        tag = self.value()
        return drafts.tagged(queryset, [tag]) if tag else queryset


def because(version: Version) -> str:
    return f": {version.reason}" if version.reason else ""


class ContentAdmin(ActingAdmin):
    """`kind` names what is authored here. "Save" keeps a draft, "Save and publish" makes it a version."""

    kind: Kind
    change_form_template = "admin/content/change_form.html"
    action_form = ReasonedActionForm
    actions: Sequence[Any] = ("publish_selected", "retire_selected", "restore_selected")
    page_actions: Sequence[str] = ("retire_selected", "restore_selected")
    list_filter: ClassVar[Any] = (StateFilter, TagFilter)
    ordering = ("pk",)
    formfield_overrides: ClassVar[Any] = {models.TextField: {"widget": Textarea(attrs={"rows": 3, "cols": 60})}}
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
            (page_of(v), v.number, "retired, " if v.retires else "", localize(v.at), said_to_people(v.who), because(v))
            for v in versions[:50]
        )
        found = format_html_join("", '<li><a href="{}">{}</a>: {}{} by {}{}</li>', lines)
        return format_html('<ul class="versions">{}</ul>', found) if found else "Not published yet."

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        own = [*self.own_fieldsets, ("To find it by", {"fields": ("tags",)})]
        if obj is None:
            return own
        kept = ("state", "history", "created_at", "updated_at")
        return [*own, ("Publishing", {"fields": kept})]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        fields: tuple[str, ...] = ("state", "history", "created_at", "updated_at")
        return fields if obj is None else (*fields, "id", *((self.kind.key,) if self.kind.key != "id" else ()))

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "tags":
            return Tags(required=False, help_text="Up to 20, parted by commas: boss, winter-2026")
        return super().formfield_for_dbfield(db_field, request, **kwargs)

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

    def tell(self, request: HttpRequest, draft: Any) -> None:
        """Say what a designer should know of what was just published."""

    def where(self, id_: str, path: str) -> str:
        """The place in the draft's form that a path of its definition leads to."""
        return place(path)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        publishing.lock()
        if not change:
            self.prepare(obj)
        super().save_model(request, obj, form, change)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        drafts.note(self.kind, form.instance, timezone.now())

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        super().save_formset(request, form, formset, change)
        _put_in_order(form.instance, formset)

    def buttons(self, request: HttpRequest, row: Any) -> Iterator[dict[str, str]]:
        """For retired content only `restore_selected`; for other content all but that."""
        for button in super().buttons(request, row):
            if (button["name"] == "restore_selected") == (row.retired_at is not None):
                yield button

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
        # Only now is the draft committed, so that a refusal to publish cannot roll it back.
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
        return HttpResponseRedirect(page_of(obj)) if "_publish" in request.POST else None

    def _say_what_stands_in_the_way(self, request: HttpRequest, draft: Content) -> None:
        for line in drafts.problems(self.kind, draft):
            path, _, why = line.partition(": ")
            messages.warning(request, f"Saved, but it cannot be published yet. {self.where(draft.pk, path)}: {why}")

    # Actions

    @admin.action(description="Publish: make the draft the newest version", permissions=["change"])
    def publish_selected(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        ids = queryset.filter(retired_at=None).order_by("pk").values_list("pk", flat=True)
        self._publish(request, list(ids), request.POST.get("reason", ""))

    @admin.action(description="Retire: take it out of play, players keep what they have", permissions=["change"])
    def retire_selected(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        for id_ in queryset.filter(retired_at=None).order_by("pk").values_list("pk", flat=True):
            command = RetireContent(kind=self.kind.name, id=id_, reason=request.POST.get("reason", ""))
            if handled(request, command, f"{self.kind.name} {id_}"):
                messages.success(request, f"Retired {id_}.")

    @admin.action(description="Restore: bring back what was retired, as it was", permissions=["change"])
    def restore_selected(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        for id_ in queryset.exclude(retired_at=None).order_by("pk").values_list("pk", flat=True):
            command = RestoreContent(kind=self.kind.name, id=id_, reason=request.POST.get("reason", "")[:4000])
            if restored := handled(request, command, f"{self.kind.name} {id_}"):
                self._warn(request, restored)
                messages.success(request, f"Restored {id_}.")

    def _warn(self, request: HttpRequest, saved: editing.Saved) -> None:
        for each in saved.warnings:
            where = self.where(saved.draft.pk, each["path"])
            messages.warning(request, f"{saved.draft.pk}: {where}: {each['detail']}")

    def _publish(self, request: HttpRequest, ids: Iterable[str], reason: str) -> None:
        for id_ in ids:
            command = editing.PublishContent(kind=self.kind.name, id=id_, reason=reason[:4000])
            about = f"{self.kind.name.capitalize()} {id_} is saved, but not published"
            saved = handled(request, command, about, partial(self.where, id_))
            if saved and saved.published:
                counting = " What players did before is being counted for it." if saved.backfill else ""
                self._warn(request, saved)
                messages.success(request, f"Published {id_} as version {saved.draft.published}.{counting}")
                self.tell(request, saved.draft)
            elif saved:
                messages.info(request, f"{id_} is published as it stands already.")


def _put_in_order(draft: Content, formset: Any) -> None:
    """Number the rows 0, 1, 2, …. A row that was moved to the place of another takes that place."""
    before = {form.instance.pk: form.initial["position"] for form in formset.initial_forms if form.has_changed()}

    def wanted(row: Any) -> tuple[int, int, int]:
        was = before.get(row.pk, row.position)
        return row.position, (row.position > was) - (row.position < was), row.pk

    rows = formset.model._default_manager.filter(**{formset.fk.name: draft})
    for position, row in enumerate(sorted(rows, key=wanted)):
        if row.position != position:
            row.position = position
            row.save(update_fields=["position"])


class LineInline(AnyInline):
    """Rows of a draft, in an order of their author's."""

    form = LineForm
    extra = 0
    ordering = ("position", "id")
    applies_to = ""
    """The type of the draft that has such rows; the others do not show them."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.applies_to:
            self.classes = (*(self.classes or ()), f"only-for-{self.applies_to}")
