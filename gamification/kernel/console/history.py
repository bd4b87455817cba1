"""The versions of a piece of content: compared by meaning, taken back into the draft; and the preview of the draft."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.contrib.admin.utils import quote, unquote
from django.core.exceptions import BadRequest, PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path as route
from django.urls import reverse
from django.utils.formats import localize
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from gamification.kernel.console.compared import shown
from gamification.kernel.console.readonly_admin import handled, page_of
from gamification.kernel.console.together import Together
from gamification.kernel.content import drafts, editing, publishing
from gamification.kernel.content.comparing import names
from gamification.kernel.content.publishing import Definition
from gamification.kernel.core.actors import said_to_people
from gamification.kernel.models import Content, Version

DRAFT = "draft"
MOST_LISTED = 50


@dataclass(frozen=True, slots=True)
class Side:
    """One of two that are compared: the draft, or a version."""

    chosen: str
    """As the address says it."""
    called: str
    definition: Definition | None
    """None: that version took it out of play."""
    players: int | None
    """How many are in progress on it; None: nobody can be."""
    may_be_taken: bool
    """Whether the draft could become what this one says."""


class History(Together):
    def versions(self, draft: Content) -> SafeString | str:
        """The newest versions, each leading to what it changed."""
        rows = Version.objects.filter(kind=self.kind.name, content_id=draft.pk).order_by("-number").defer("definition")
        lines = (
            (self._compare(draft, max(v.number - 1, 1), v.number), v.number, "retired, " if v.retires else "",
             localize(v.at), said_to_people(v.who), f": {v.reason}" if v.reason else "")
            for v in rows[:MOST_LISTED]
        )  # fmt: skip
        found = format_html_join("", '<li><a href="{}">{}</a>: {}{} by {}{}</li>', lines)
        return format_html('<ul class="versions plain">{}</ul>', found) if found else "Not published yet."

    def _compare(self, draft: Content, before: int | str, after: int | str) -> str:
        name = f"{self.admin_site.name}:{self.opts.app_label}_{self.opts.model_name}_compare"
        return f"{reverse(name, args=[quote(draft.pk)])}?from={before}&to={after}"

    def get_urls(self) -> list[Any]:
        name = f"{self.opts.app_label}_{self.opts.model_name}"
        view = self.admin_site.admin_view
        own = [
            route("<path:object_id>/compare/", view(self.compare_view), name=f"{name}_compare"),
            route("<path:object_id>/take/", view(self.take_view), name=f"{name}_take"),
            route("<path:object_id>/release/", view(self.release_view), name=f"{name}_release"),
            route("<path:object_id>/preview/", view(self.preview_view), name=f"{name}_preview"),
        ]
        return [*own, *super().get_urls()]

    def compare_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Any two versions of it, or the draft and one of them."""
        draft: Content | None = self.get_object(request, unquote(object_id))
        if not self.has_view_or_change_permission(request, draft):
            raise PermissionDenied
        if draft is None:
            raise Http404
        versions = {v.number: v for v in Version.objects.filter(kind=self.kind.name, content_id=draft.pk)}
        newest = max(versions, default=0)
        before = self._side(request, draft, versions, request.GET.get("from") or str(newest or DRAFT))
        after = self._side(request, draft, versions, request.GET.get("to") or DRAFT)
        name = names(publishing.current().published)
        context = {
            **self.admin_site.each_context(request),
            "title": f"Versions of {draft.pk}",
            "original": draft,
            "back": page_of(draft),
            "sides": [("from", "From", before), ("to", "To", after)],
            "choices": list(_choices(draft, versions)),
            "compared": shown(self.kind, before.definition or {}, after.definition or {}, name),
            "goes_on": self.kind.goes_on,
        }
        return TemplateResponse(request, "admin/content/compare.html", context)

    def _side(self, request: HttpRequest, draft: Content, versions: dict[int, Version], chosen: str) -> Side:
        if chosen == DRAFT:
            return Side(DRAFT, "the draft", self.kind.read(draft), None, may_be_taken=False)
        version = versions.get(int(chosen)) if chosen.isascii() and chosen.isdecimal() and len(chosen) < 9 else None
        if version is None:
            raise Http404
        definition = publishing.whole(self.kind.name, version.definition)
        is_open = draft.retired_at is None and self.has_change_permission(request, draft)
        return Side(
            chosen,
            f"version {chosen}",
            None if version.retires else definition,
            self.kind.under_way(str(draft.pk), version.number) if self.kind.under_way else None,
            may_be_taken=is_open and not drafts.same(definition, self.kind.read(draft)),
        )

    def take_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The draft becomes what an older version was; without one, what is published: its changes are discarded."""
        draft = self._posted_draft(request, object_id, self.has_change_permission(request))
        asked = request.POST.get("version", "")
        number = int(asked) if asked.isascii() and asked.isdecimal() and len(asked) < 9 else draft.published or 0
        version = Version.objects.filter(kind=self.kind.name, content_id=draft.pk, number=number).first()
        if version is None or draft.retired_at is not None:
            raise BadRequest("There is no such version to take.")
        definition = publishing.whole(self.kind.name, version.definition)
        command = editing.UpdateContent(
            kind=self.kind.name, id=draft.pk, changes=definition, draft=True, reason=f"as version {number}"
        )
        if handled(request, command, f"{self.kind.name} {draft.pk}"):
            messages.success(request, f"The draft of {draft.pk} is as version {number} was.")
        return HttpResponseRedirect(page_of(draft))

    def release_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Put the draft into a release, by its title."""
        draft = self._posted_draft(request, object_id, self.has_change_permission(request))
        title = request.POST.get("title", "").strip()[:200]
        if title:
            self.put_into_release(request, title, [str(draft.pk)])
        else:
            messages.error(request, "Into which release? Name it.")
        return HttpResponseRedirect(page_of(draft))

    def preview_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Have it counted who would complete the draft."""
        draft = self._posted_draft(request, object_id, self.has_change_permission(request))
        if not self.kind.counts_pasts:
            raise BadRequest("Nobody completes such content by what they did before.")
        asked = handled(request, editing.PreviewContent(kind=self.kind.name, id=draft.pk), f"The preview of {draft.pk}")
        return HttpResponseRedirect(page_of(asked or draft))

    def _posted_draft(self, request: HttpRequest, object_id: str, is_allowed: bool) -> Content:
        if not is_allowed:
            raise PermissionDenied
        if request.method != "POST":
            raise BadRequest("This is done by a button.")
        draft: Content | None = self.get_object(request, unquote(object_id))
        if draft is None:
            raise Http404
        return draft


def _choices(draft: Content, versions: dict[int, Version]) -> Iterator[tuple[str, str]]:
    yield DRAFT, "the draft"
    for number, version in sorted(versions.items(), reverse=True):
        state = "retired" if version.retires else "live" if number == draft.published else ""
        about = ", ".join(filter(None, (state, f"{version.at:%d %b %Y %H:%M}", said_to_people(version.who))))
        yield str(number), f"version {number} ({about})"
