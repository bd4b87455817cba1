"""What is done to one draft, or to those that are ticked in the list: all of it, or with a line on what was refused."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html

from gamification.kernel.console import downloads
from gamification.kernel.console.lists import ContentList
from gamification.kernel.console.readonly_admin import ReasonedActionForm, handled, page_of, place
from gamification.kernel.content import editing
from gamification.kernel.content.kinds import Kind
from gamification.kernel.content.publishing import Definition
from gamification.kernel.content.releasing import PutIntoRelease
from gamification.kernel.content.retiring import RestoreContent, RetireContent
from gamification.kernel.core.encoding import instant

Write = Callable[[Kind, Sequence[Definition]], str]
_as_pack: Write | None = None


def connect(*, as_pack: Write) -> None:
    """Say who writes packs. composition.py does so at start-up."""
    global _as_pack
    _as_pack = as_pack


class TogetherForm(ReasonedActionForm):
    tags = forms.CharField(required=False, label="Tags", max_length=400)


class Together(ContentList):
    action_form = TogetherForm
    actions: Sequence[Any] = (
        "publish_selected", "release_selected", "retire_selected", "restore_selected", "tag_selected",
        "export_selected", "enable_selected", "disable_selected",
    )  # fmt: skip
    switch = ""
    """The field that says whether it is in play; empty: this kind has none."""

    def where(self, id_: str, path: str) -> str:
        """The place in the draft's form that a path of its definition leads to, in words."""
        return place(path)

    def tell(self, request: HttpRequest, draft: Any) -> None:
        """Say what a designer should know of what was just published."""

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        found = super().get_actions(request)
        if not self.switch:
            found = {name: each for name, each in found.items() if name not in ("enable_selected", "disable_selected")}
        return found

    @admin.action(description="Publish: make the drafts the newest versions, all or none", permissions=["change"])
    def publish_selected(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        ids = list(queryset.filter(retired_at=None).order_by("pk").values_list("pk", flat=True))
        if len(ids) == 1:
            return self._publish(request, ids, request.POST.get("reason", ""))
        reason = request.POST.get("reason", "")[:4000]
        command = editing.PublishTogether(kind=self.kind.name, ids=ids, reason=reason)
        saved = handled(request, command, f"None of the {len(ids)} {self.kind.plural} is published")
        for each in saved or ():
            self._warn(request, each)
        published = [each.draft for each in saved or () if each.published]
        if published:
            messages.success(request, f"Published {len(published)}: {', '.join(draft.pk for draft in published)}.")
            for draft in published:
                self.tell(request, draft)
        elif saved is not None:
            messages.info(request, "They are published as they stand already.")
        return None

    @admin.action(description="Put into a release: the one that the reason names, or a new one", permissions=["change"])
    def release_selected(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        ids = list(queryset.filter(retired_at=None).order_by("pk").values_list("pk", flat=True))
        title = request.POST.get("reason", "").strip()[:200] or f"{len(ids)} {self.kind.plural}"
        self.put_into_release(request, title, ids)

    def put_into_release(self, request: HttpRequest, title: str, ids: Iterable[str]) -> None:
        wish = PutIntoRelease(title=title, items=[{"kind": self.kind.name, "id": str(id_)} for id_ in ids])
        if release := handled(request, wish, title):
            link = format_html('<a href="{}">{}</a>', page_of(release), release.title)
            held = "1 draft" if len(release.items) == 1 else f"{len(release.items)} drafts"
            messages.success(request, format_html("The release {} holds {}.", link, held))

    @admin.action(description="Retire: take it out of play, players keep what they have", permissions=["change"])
    def retire_selected(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        self._each(request, queryset.filter(retired_at=None), RetireContent, "Retired")

    @admin.action(description="Restore: bring back what was retired, as it was", permissions=["change"])
    def restore_selected(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        self._each(request, queryset.exclude(retired_at=None), RestoreContent, "Restored")

    def _each(self, request: HttpRequest, rows: QuerySet[Any], wish: Any, done: str) -> None:
        ids = []
        for id_ in rows.order_by("pk").values_list("pk", flat=True):
            command = wish(kind=self.kind.name, id=id_, reason=request.POST.get("reason", "")[:4000])
            if answer := handled(request, command, f"{self.kind.name} {id_}"):
                ids.append(id_)
                if isinstance(answer, editing.Saved):
                    self._warn(request, answer)
        if ids:
            messages.success(request, f"{done} {', '.join(ids)}.")

    @admin.action(description="Tag: add the tags to the drafts", permissions=["change"])
    def tag_selected(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        new = request.POST.get("tags", "").replace(",", " ").split()
        if not new:
            messages.error(request, "Which tags? Write them into the field beside the action.")
            return
        self._change(request, queryset, lambda draft: {"tags": list(dict.fromkeys([*draft.tags, *new]))}, "Tagged")

    @admin.action(description="Enable: players meet it", permissions=["change"])
    def enable_selected(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        self._change(request, queryset, lambda draft: {self.switch: True}, "Enabled", publishes=True)

    @admin.action(description="Disable: nobody completes or starts it", permissions=["change"])
    def disable_selected(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        self._change(request, queryset, lambda draft: {self.switch: False}, "Disabled", publishes=True)

    def _change(
        self, request: HttpRequest, queryset: QuerySet[Any], changes: Callable[[Any], dict[str, Any]], done: str,
        publishes: bool = False,
    ) -> None:  # fmt: skip
        """Change drafts; with `publishes`, those are published that stood as they were published before."""
        ids: list[str] = []
        only_drafts: list[str] = []
        for draft in queryset.filter(retired_at=None).order_by("pk"):
            is_draft = not publishes or draft.published is None or draft.has_changes
            command = editing.UpdateContent(
                kind=self.kind.name, id=draft.pk, changes=changes(draft), draft=is_draft,
                seen=instant(draft.updated_at), reason=request.POST.get("reason", "")[:4000],
            )  # fmt: skip
            if handled(request, command, f"{self.kind.name} {draft.pk}"):
                (only_drafts if publishes and is_draft else ids).append(draft.pk)
        if ids:
            messages.success(request, f"{done} {', '.join(ids)}.")
        if only_drafts:
            messages.warning(
                request, f"{done} in the draft only, since it has other changes: {', '.join(only_drafts)}."
            )

    @admin.action(description="Export: as a content pack", permissions=["view"])
    def export_selected(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse:
        assert _as_pack is not None, "connect() was not called"
        rows = queryset.order_by(self.kind.order).prefetch_related(*self.kind.lines)
        pack = _as_pack(self.kind, [self.kind.read(draft) for draft in rows])
        downloads.note_pack(request, drafts=True, ids={self.kind.plural: [draft.pk for draft in rows]})
        response = HttpResponse(pack, content_type="application/yaml")
        response["Content-Disposition"] = f'attachment; filename="{self.kind.plural}.yaml"'
        return response

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
