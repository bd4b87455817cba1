"""What happens to a draft while somebody types, when two people save it, and how it is copied."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.contrib import messages
from django.contrib.admin.utils import quote
from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.template.response import TemplateResponse
from django.urls import path as route
from django.urls import reverse
from django.utils import timezone

from gamification.kernel.console import editor, settling
from gamification.kernel.console.history import History
from gamification.kernel.console.readonly_admin import handled, page_of, place
from gamification.kernel.console.settling import ThreeSides
from gamification.kernel.content import drafts, editing, publishing
from gamification.kernel.content.comparing import names
from gamification.kernel.core.encoding import instant
from gamification.kernel.models import Content

SIDES = ("_base", "_mine")
"""What a page on which two people's changes are settled keeps of them."""


def seen(draft: Content) -> str:
    """By which a form knows whether the draft is still what it was."""
    return instant(draft.updated_at)


def _as_json(wrong: editor.Wrong) -> dict[str, str]:
    return {"field": wrong.field, "where": wrong.where, "why": wrong.why}


class Drafting(History):
    def in_form(self, id_: str, path: str) -> str:
        """The same place as a path of the draft's definition, by the tables of its form."""
        return path

    def where(self, id_: str, path: str) -> str:
        """The place in the draft's form that a path of its definition leads to, in words."""
        return place(self.in_form(id_, path))

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

    # While somebody types, and when two do

    def _checked(self, request: HttpRequest, response: Any) -> JsonResponse:
        """What saving would have come to: the form's mistakes, or what would stand in the way of publishing."""
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
        base = settling.given_back(self.kind, request.POST.get("_base")) or {}
        sides = ThreeSides(base, theirs, request.mine)  # type: ignore[attr-defined] # by save_related
        return self._to_settle(request, mine, sides, seen_now)

    def _to_settle(self, request: HttpRequest, draft: Any, sides: ThreeSides, seen_now: str) -> TemplateResponse:
        """The page on which it is chosen, field by field, whose value the draft is to have."""
        form = self.get_form(request, draft)(instance=draft)
        fields = sides.fields(self.kind, sides.chosen(request.POST), form, names(publishing.current().published))
        context = {
            **self.admin_site.each_context(request), "title": "Somebody else saved it", "original": draft,
            "fields": list(fields), "seen": seen_now, "back": page_of(draft),
            "settle": self._address_of("settle", draft),
            "base": settling.kept(self.kind, sides.base), "mine": settling.kept(self.kind, sides.mine),
            "is_both": any(each.is_both for each in sides.differing()),
        }  # fmt: skip
        return TemplateResponse(request, "admin/content/conflict.html", context, status=409)

    def _address_of(self, what: str, draft: Content) -> str:
        name = f"{self.admin_site.name}:{self.opts.app_label}_{self.opts.model_name}_{what}"
        return reverse(name, args=[quote(draft.pk)])

    def settle_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Save what was chosen of two people's changes, unless a third has saved meanwhile: then it is asked again."""
        draft = self._posted_draft(request, object_id, self.has_change_permission(request))
        base, mine = (settling.given_back(self.kind, request.POST.get(name)) for name in SIDES)
        if base is None or mine is None:
            raise BadRequest("What you had typed is not here any more.")
        sides = ThreeSides(base, self.kind.read(draft), mine)
        chosen = sides.chosen(request.POST)
        if not all(chosen.values()):
            messages.warning(request, "Nothing is saved yet: say of each field whose it is to be.")
            return self._to_settle(request, draft, sides, seen(draft))
        command = editing.UpdateContent(
            kind=self.kind.name, id=draft.pk, changes=sides.changes(chosen), draft=True,
            seen=request.POST.get("_seen", ""),
        )  # fmt: skip
        if not handled(request, command, f"{self.kind.name} {draft.pk}", partial(self.where, draft.pk)):
            draft = self.kind.model._default_manager.get(pk=draft.pk)
            sides = ThreeSides(base, self.kind.read(draft), mine)
            return self._to_settle(request, draft, sides, seen(draft))
        of_mine = [name.replace("_", " ") for name, whose in chosen.items() if whose == settling.MINE]
        messages.success(request, f"Saved the draft of {draft.pk}, with {', '.join(of_mine) or 'nothing'} of yours.")
        return HttpResponseRedirect(page_of(draft))

    # A copy

    def get_urls(self) -> list[Any]:
        name = f"{self.opts.app_label}_{self.opts.model_name}"
        view = self.admin_site.admin_view
        own = [
            route("<path:object_id>/settle/", view(self.settle_view), name=f"{name}_settle"),
            route("<path:object_id>/clone/", view(self.clone_view), name=f"{name}_clone"),
        ]
        return [*own, *super().get_urls()]

    def clone_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """A new draft, the same but for its id."""
        draft = self._posted_draft(request, object_id, self.has_add_permission(request))
        definition = {**self.kind.read(draft), self.kind.key: request.POST.get("id", "").strip()}
        command = editing.CreateContent(kind=self.kind.name, definition=definition, draft=True)
        saved = handled(request, command, f"A copy of {draft.pk}")
        return HttpResponseRedirect(page_of(saved.draft if saved else draft))
