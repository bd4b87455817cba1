"""What the console's screens of content have in common: drafts are authored in forms, published and retired.

The forms edit drafts. Publishing is a command like everywhere else: what it refuses is shown with its path, and the
draft is kept.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import BadRequest, PermissionDenied
from django.db import models, transaction
from django.db.models import F, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.template.response import TemplateResponse
from django.urls import path as route
from django.utils import timezone
from django.utils.formats import localize
from django.utils.html import format_html, format_html_join

from gamification.kernel.console import editor
from gamification.kernel.console.forms import Instant, LineForm, Tags
from gamification.kernel.console.readonly_admin import ActingAdmin, ReasonedActionForm, acting, handled, page_of, place
from gamification.kernel.content import drafts, editing, publishing
from gamification.kernel.content.kinds import Kind
from gamification.kernel.content.retiring import RestoreContent, RetireContent
from gamification.kernel.core import audit
from gamification.kernel.core.actors import said_to_people
from gamification.kernel.core.encoding import instant
from gamification.kernel.models import Content, Version
from gamification.kernel.storage import audit_log

if TYPE_CHECKING:  # generic for mypy only
    AnyInline = admin.TabularInline[Any, Any]
else:
    AnyInline = admin.TabularInline


UNPUBLISHED = "unpublished"


class StateFilter(admin.SimpleListFilter):
    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(UNPUBLISHED, "not published as it stands"), *((name.lower(), name.lower()) for name in drafts.STATES)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() == UNPUBLISHED:
            return drafts.in_state(queryset, None).filter(has_changes=True)
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


def seen(draft: Content) -> str:
    """By which a form knows whether the draft is still what it was."""
    return instant(draft.updated_at)


def _as_json(wrong: editor.Wrong) -> dict[str, str]:
    return {"field": wrong.field, "where": wrong.where, "why": wrong.why}


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
    formfield_overrides: ClassVar[Any] = {
        models.TextField: {"widget": forms.Textarea(attrs={"rows": 3, "cols": 60})},
        models.DateTimeField: {"form_class": forms.DateTimeField, "widget": Instant},
    }
    own_fieldsets: Sequence[tuple[str | None, dict[str, Any]]] = ()
    parts: Sequence[tuple[str, Sequence[str]]] = ()
    """The sections of the form: each with the names of its fieldsets and tables."""

    # What a designer sees of it

    @admin.display(description="state", ordering=F("published").asc(nulls_first=True))
    def state(self, draft: Content) -> str:
        if draft.retired_at is not None:
            return "retired"
        if draft.published is None:
            return "draft"
        return f"published v{draft.published}" + (", changed since" if draft.has_changes else "")

    def versions(self, draft: Content) -> str:
        versions = Version.objects.filter(kind=self.kind.name, content_id=draft.pk).order_by("-number")
        lines = (
            (page_of(v), v.number, "retired, " if v.retires else "", localize(v.at), said_to_people(v.who), because(v))
            for v in versions[:50]
        )
        found = format_html_join("", '<li><a href="{}">{}</a>: {}{} by {}{}</li>', lines)
        return format_html('<ul class="versions plain">{}</ul>', found) if found else "Not published yet."

    def facts(self, draft: Any) -> list[tuple[str, str]]:
        """What is worth knowing of it before it is changed: (what, how much)."""
        return []

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        return [*self.own_fieldsets, ("To find it by", {"fields": ("tags",)})]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return () if obj is None else ("id", *((self.kind.key,) if self.kind.key != "id" else ()))

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

    def in_form(self, id_: str, path: str) -> str:
        """The same place as a path of the draft's definition, by the tables of its form."""
        return path

    def where(self, id_: str, path: str) -> str:
        """The place in the draft's form that a path of its definition leads to, in words."""
        return place(self.in_form(id_, path))

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        publishing.lock()
        if not change:
            self.prepare(obj)
        request.before = self.kind.read(self.kind.model._default_manager.get(pk=obj.pk)) if change else None  # type: ignore[attr-defined] # for save_related
        if change:
            now = self.kind.model._default_manager.get(pk=obj.pk)
            if request.POST.get("_seen", seen(now)) != seen(now):
                request.theirs = self.kind.read(now), seen(now)  # type: ignore[attr-defined] # for changeform_view
        super().save_model(request, obj, form, change)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        drafts.note(self.kind, form.instance, timezone.now())
        request.saved_forms = form, formsets  # type: ignore[attr-defined] # for _checked
        after = self.kind.read(self.kind.model._default_manager.get(pk=form.instance.pk))
        edited = audit.change(self.kind.name, form.instance.pk, request.before, after)  # type: ignore[attr-defined] # by save_model
        audit_log.put(acting(request), "save_draft", [edited], at=timezone.now())
        if hasattr(request, "theirs"):
            request.mine = self.kind.read(self.kind.model._default_manager.get(pk=form.instance.pk))  # type: ignore[attr-defined] # for _conflict

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
        inlines = context["inline_admin_formsets"]
        context["sections"] = editor.sections(self.parts, context["adminform"], inlines)
        context["heading"] = str(getattr(obj, "title", "") or getattr(obj, "name", "") or obj or context["title"])
        if obj is not None:
            context |= self._about(obj, context["adminform"].form, [inline.formset for inline in inlines])
        return super().render_change_form(request, context, add, change, form_url, obj)

    def _about(self, draft: Any, form: Any, formsets: list[Any]) -> dict[str, Any]:
        """What stands beside the form, of the draft as it is stored."""
        stored = self.kind.model._default_manager.get(pk=draft.pk)
        state, definition = editor.state_of(stored), self.kind.read(stored)
        return {
            "state": state,
            "seen_at": seen(stored),
            "base": json.dumps(definition),
            "used_by": editor.used_by(self.kind, draft.pk),
            "versions": self.versions(stored),
            "facts": self.facts(stored),
            "seen": editor.seen_by_players(self.kind, definition),
            "may_discard": state.differs and stored.published is not None,
            **(self._wrong(stored, definition, form, formsets) if state.differs else {}),
        }

    def _wrong(self, draft: Content, definition: Any, form: Any, formsets: list[Any]) -> dict[str, list[editor.Wrong]]:
        """What stands in the way of publishing it, and what is odd about it, each beside its field."""
        problems = [
            (path, why) for path, _, why in (line.partition(": ") for line in drafts.problems(self.kind, draft))
        ]
        odd = [] if problems else drafts.advice(self.kind, definition, timezone.now())
        return {
            "problems": self._placed(draft, problems, form, formsets),
            "warnings": self._placed(draft, [(each["path"], each["detail"]) for each in odd], form, formsets),
        }

    def _placed(self, draft: Content, problems: list[tuple[str, str]], form: Any, formsets: Any) -> list[editor.Wrong]:
        return editor.placed(((self.in_form(draft.pk, path), why) for path, why in problems), form, formsets)

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:  # fmt: skip
        with transaction.atomic():
            response = super().changeform_view(request, object_id, form_url, extra_context)
            if request.method == "POST" and "_check" in request.POST:
                found = self._checked(request, response)
                transaction.set_rollback(True)
                return found
            if hasattr(request, "theirs"):
                transaction.set_rollback(True)  # after the last query
                return self._conflict(request, request.saved_draft)  # type: ignore[attr-defined] # by _saved
        # Only now is the draft committed, so that a refusal to publish cannot roll it back.
        saved = getattr(request, "saved_draft", None)
        if saved is not None:
            self.warn(request, saved)
            if "_publish" in request.POST:
                self._publish(request, [saved.pk], request.POST.get("_reason", ""))
            else:
                self._say_what_stands_in_the_way(request, saved)
        return response

    # While somebody types, and when two do

    def _checked(self, request: HttpRequest, response: Any) -> JsonResponse:
        """What saving would have come to: the form's mistakes, or what would stand in the way of publishing."""
        request._messages = type("NoMessages", (), {"add": lambda *_: None, "update": lambda *_: []})()  # type: ignore[attr-defined] # nothing was saved
        saved = getattr(request, "saved_draft", None)
        if saved is None:
            shown = response.context_data
            inlines = [inline.formset for inline in shown["inline_admin_formsets"]]
            return JsonResponse({"mistakes": [_as_json(w) for w in editor.mistakes(shown["adminform"].form, inlines)]})
        stored = self.kind.model._default_manager.get(pk=saved.pk)
        definition = self.kind.read(stored)
        found = self._wrong(stored, definition, *request.saved_forms)  # type: ignore[attr-defined] # by save_related
        return JsonResponse(
            {
                "mistakes": [],
                "problems": [_as_json(wrong) for wrong in found["problems"]],
                "warnings": [_as_json(wrong) for wrong in found["warnings"]],
                "seen": editor.seen_by_players(self.kind, definition),
            }
        )

    def _conflict(self, request: HttpRequest, mine: Any) -> TemplateResponse:
        theirs, seen_now = request.theirs  # type: ignore[attr-defined] # by save_model
        try:
            base = json.loads(request.POST.get("_base", "{}"))
        except ValueError:
            base = {}
        base = base if isinstance(base, dict) else {}
        kept = [(name, value) for name, values in request.POST.lists() for value in values]
        context = {
            **self.admin_site.each_context(request), "title": "Somebody else saved it", "original": mine,
            "differences": editor.differences(base, theirs, request.mine), "seen": seen_now, "back": page_of(mine),  # type: ignore[attr-defined] # by save_related
            "posted": [(name, value) for name, value in kept if name not in ("csrfmiddlewaretoken", "_seen")],
        }  # fmt: skip
        return TemplateResponse(request, "admin/content/conflict.html", context, status=409)

    # A copy, and an older state

    def get_urls(self) -> list[Any]:
        name = f"{self.opts.app_label}_{self.opts.model_name}"
        view = self.admin_site.admin_view
        own = [
            route("<path:object_id>/clone/", view(self.clone_view), name=f"{name}_clone"),
            route("<path:object_id>/take/", view(self.take_view), name=f"{name}_take"),
        ]
        return [*own, *super().get_urls()]

    def clone_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """A new draft, the same but for its id."""
        draft = self._posted_draft(request, object_id, self.has_add_permission(request))
        definition = {**self.kind.read(draft), self.kind.key: request.POST.get("id", "").strip()}
        command = editing.CreateContent(kind=self.kind.name, definition=definition, draft=True)
        saved = handled(request, command, f"A copy of {draft.pk}")
        return HttpResponseRedirect(page_of(saved.draft if saved else draft))

    def take_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The draft becomes what an older version was; without one, what is published: its changes are discarded."""
        draft = self._posted_draft(request, object_id, self.has_change_permission(request))
        asked = request.POST.get("version", "")
        number = int(asked) if asked.isascii() and asked.isdecimal() and len(asked) < 9 else draft.published or 0
        version = Version.objects.filter(kind=self.kind.name, content_id=draft.pk, number=number).first()
        if version is None or draft.retired_at is not None:
            raise BadRequest("There is no such version to take.")
        definition = publishing.whole(self.kind.name, version.definition)
        command = editing.UpdateContent(kind=self.kind.name, id=draft.pk, changes=definition, draft=True)
        if handled(request, command, f"{self.kind.name} {draft.pk}"):
            messages.success(request, f"The draft of {draft.pk} is as version {number} was.")
        return HttpResponseRedirect(page_of(draft))

    def _posted_draft(self, request: HttpRequest, object_id: str, is_allowed: bool) -> Content:
        if not is_allowed:
            raise PermissionDenied
        if request.method != "POST":
            raise BadRequest("This is done by a button.")
        draft: Content | None = self.get_object(request, unquote(object_id))
        if draft is None:
            raise Http404
        return draft

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
    template = "admin/content/lines.html"
    says_itself = False
    """Whether each row is said as a sentence."""
    extra = 0
    ordering = ("position", "id")
    applies_to = ""
    """The type of the draft that has such rows; the others do not show them."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.applies_to:
            self.classes = (*(self.classes or ()), f"only-for-{self.applies_to}")
