"""What the console's screens of content have in common: drafts are authored in forms, published and retired.

The forms edit drafts. Publishing is a command like everywhere else: what it refuses is shown with its path, and the
draft is kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.db import models, transaction
from django.db.models import prefetch_related_objects
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone

from gamification.kernel.console import editor, settling
from gamification.kernel.console.drafting import Drafting, seen
from gamification.kernel.console.forms import Instant, Json, LineForm, Searching, Tags
from gamification.kernel.console.lists import StateFilter, TagFilter
from gamification.kernel.console.readonly_admin import acting, called, page_of
from gamification.kernel.content import drafts, publishing, released, releasing
from gamification.kernel.core import audit
from gamification.kernel.models import Content
from gamification.kernel.storage import audit_log

if TYPE_CHECKING:  # generic for mypy only
    AnyInline = admin.TabularInline[Any, Any]
else:
    AnyInline = admin.TabularInline


class ContentAdmin(Drafting):
    """`kind` names what is authored here. "Save" keeps a draft, "Save and publish" makes it a version."""

    change_form_template = "admin/content/change_form.html"
    page_actions: Sequence[str] = ("retire_selected", "restore_selected")
    list_filter: ClassVar[Any] = (StateFilter, TagFilter)
    ordering = ("pk",)
    formfield_overrides: ClassVar[Any] = {
        models.TextField: {"widget": forms.Textarea(attrs={"rows": 3, "cols": 60})},
        models.DateTimeField: {"form_class": forms.DateTimeField, "widget": Instant},
        models.JSONField: {"form_class": Json},
    }
    own_fieldsets: Sequence[tuple[str | None, dict[str, Any]]] = ()
    parts: Sequence[tuple[str, Sequence[str]]] = ()
    """The sections of the form: each with the names of its fieldsets and tables."""

    # What a designer sees of it

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

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        publishing.lock()
        released.require_unlocked([(self.kind.name, str(obj.pk))])
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
            context |= self._about(obj, context["adminform"].form)
        return super().render_change_form(request, context, add, change, form_url, obj)

    def _about(self, draft: Any, form: Any) -> dict[str, Any]:
        """What stands beside the form, of the draft as it is stored. What is wrong with one that differs from what is
        published is asked for once the page is there (editor.js): it takes as long as publishing."""
        stored = self.kind.model._default_manager.get(pk=draft.pk) if form.is_bound else draft
        prefetch_related_objects([stored], *self.kind.lines)  # it is read more than once
        state, definition = editor.state_of(stored), self.kind.read(stored)
        releases = releasing.before_publication()
        return {
            "state": state,
            "seen_at": seen(stored),
            "base": settling.kept(self.kind, definition),
            "used_by": editor.used_by(self.kind, draft.pk),
            "versions": self.versions(stored),
            "facts": self.facts(stored),
            "seen": editor.seen_by_players(self.kind, definition),
            "may_discard": state.differs and stored.published is not None,
            "open_releases": releasing.titles_of(releases),
            "scheduled": released.scheduled_of(releases).get((self.kind.name, str(draft.pk))),
            "may_preview": self.kind.counts_pasts and stored.retired_at is None,
        }

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:  # fmt: skip
        try:
            with transaction.atomic():
                response = super().changeform_view(request, object_id, form_url, extra_context)
                if request.method == "POST" and "_check" in request.POST:
                    found = self._checked(request, response)
                    transaction.set_rollback(True)
                    return found
                if hasattr(request, "theirs"):
                    transaction.set_rollback(True)  # after the last query
        except released.LockedByRelease as locked:  # nothing was saved
            messages.error(request, locked.detail)
            return HttpResponseRedirect(request.get_full_path())
        if hasattr(request, "theirs"):
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

    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: str | None = None) -> HttpResponse:
        return self._saved(request, obj) or super().response_add(request, obj, post_url_continue)

    def response_change(self, request: HttpRequest, obj: Any) -> HttpResponse:
        return self._saved(request, obj) or super().response_change(request, obj)

    def _saved(self, request: HttpRequest, obj: Any) -> HttpResponse | None:
        request.saved_draft = obj  # type: ignore[attr-defined] # for changeform_view, after the commit
        is_to_be_kept = not hasattr(request, "theirs") and "_check" not in request.POST
        if is_to_be_kept and "_continue" in request.POST:
            messages.success(request, f"Saved the draft of {obj}.")
        if is_to_be_kept and not {"_continue", "_publish"} & request.POST.keys():
            return None  # as Django goes on: to the list, to another one, to whoever opened the window
        return HttpResponseRedirect(page_of(obj))

    def _say_what_stands_in_the_way(self, request: HttpRequest, draft: Content) -> None:
        for line in drafts.problems(self.kind, draft):
            path, _, why = line.partition(": ")
            messages.warning(request, f"Saved, but it cannot be published yet. {self.where(draft.pk, path)}: {why}")


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


def names_of(request: Any, model: type[models.Model]) -> dict[str, str]:
    """What all content of a kind is called; asked once a request."""
    known = request.__dict__.setdefault("names", {})
    if model not in known:
        columns = [field.name for field in model._meta.concrete_fields if field.name in ("title", "name")]
        known[model] = {row.pk: called(row) for row in model._default_manager.only("pk", *columns)}
    found: dict[str, str] = known[model]
    return found


class LineInline(AnyInline):
    """Rows of a draft, in an order of their author's."""

    form = LineForm
    template = "admin/content/lines.html"
    says_itself = says_together = False
    """Whether each row is said as a sentence, and all of them as one."""
    extra = 0
    ordering = ("position", "id")
    applies_to = ""
    """The type of the draft that has such rows; the others do not show them."""

    def formfield_for_foreignkey(self, db_field: Any, request: Any, **kwargs: Any) -> Any:
        if db_field.name in self.autocomplete_fields:
            names = partial(names_of, request, db_field.remote_field.model)
            kwargs["widget"] = Searching(db_field, self.admin_site, names=names)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.applies_to:
            self.classes = (*(self.classes or ()), f"only-for-{self.applies_to}")
