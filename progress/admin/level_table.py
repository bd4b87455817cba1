"""All levels in one table, which is how they are thought of: each row's experience beside the row's before it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse

from gamification.kernel.console.readonly_admin import handled
from gamification.kernel.content import editing
from gamification.kernel.content.kinds import kind
from gamification.kernel.content.publishing import Definition
from gamification.kernel.web.strict_fields import BadShape
from progress.content import LEVEL
from progress.models import Level

if TYPE_CHECKING:  # generic for mypy only
    AnyFormSet = forms.BaseFormSet[Any]
else:
    AnyFormSet = forms.BaseFormSet

EMPTY_ROWS = 3
MOST_ROWS = 1_000


def known_rewards() -> list[str]:
    return list(kind("reward").model._default_manager.filter(retired_at=None).values_list("pk", flat=True))


class RowForm(forms.Form):
    level = forms.IntegerField(min_value=1)
    xp = forms.IntegerField(min_value=0)
    rewards = forms.CharField(required=False, max_length=4_000, widget=forms.TextInput(attrs={"list": "known-rewards"}))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, field in self.fields.items():
            number = self.prefix.rpartition("-")[2] if self.prefix else ""
            field.widget.attrs["aria-label"] = f"{name}, row {int(number) + 1 if number.isdecimal() else ''}".strip()
        if self.initial.get("level") is not None:  # a level's number is chosen once
            self.fields["level"].widget.attrs["readonly"] = True

    def definition(self) -> Definition:
        said = self.cleaned_data
        rewards = said["rewards"].replace(",", " ").split()
        return {"level": said["level"], "xp": said["xp"], "rewards": rewards}

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if not self.errors and self.has_changed():
            try:
                LEVEL.parse(self.definition())
            except BadShape as bad:
                for error in bad.errors:
                    name = error["path"].partition("[")[0]
                    self.add_error(name if name in self.fields else None, error["detail"])
        return cleaned


class Rows(AnyFormSet):
    def clean(self) -> None:
        seen: set[int] = set()
        for form in self.forms:
            level = form.cleaned_data.get("level") if hasattr(form, "cleaned_data") else None
            if level in seen:
                form.add_error("level", "Another row is this level.")
            if level is not None:
                seen.add(level)


RowForms: Any = forms.formset_factory(
    RowForm, formset=Rows, extra=EMPTY_ROWS, max_num=MOST_ROWS, absolute_max=MOST_ROWS
)


def table(request: HttpRequest, screen: Any) -> HttpResponse:
    """Show the table, or keep what was typed as drafts."""
    if not screen.has_view_or_change_permission(request):
        raise PermissionDenied
    may_change = screen.has_change_permission(request) and screen.has_add_permission(request)
    drafts = list(Level.objects.filter(retired_at=None).order_by("level").prefetch_related("rewards"))
    initial = [
        {"level": each.level, "xp": each.xp, "rewards": ", ".join(str(line.reward_id) for line in each.rewards.all())}
        for each in drafts
    ]
    forms_ = RowForms(request.POST if request.method == "POST" else None, initial=initial)
    if request.method == "POST":
        if not may_change:
            raise PermissionDenied
        if forms_.is_valid():
            known = {each.level for each in drafts}
            saved = [row for row in _changed(forms_) if _keep(request, row, is_new=row["level"] not in known)]
            if saved:
                names = ", ".join(str(row["level"]) for row in saved)
                messages.success(request, f"Saved as drafts: {names}. Tick them in the list to publish them together.")
            return HttpResponseRedirect(request.path)
    gains = [each.xp - before for each, before in zip(drafts, [0, *(each.xp for each in drafts)], strict=False)]
    shown = {
        **screen.admin_site.each_context(request),
        "title": "The table of levels",
        "forms": forms_,
        "rows": list(zip_longest(forms_.forms, gains, drafts)),
        "may_change": may_change,
        "known": known_rewards(),
    }
    return TemplateResponse(request, "admin/progress/levels.html", shown)


def _changed(forms_: Any) -> Iterator[Definition]:
    for form in forms_.forms:
        if form.has_changed():
            yield form.definition()


def _keep(request: HttpRequest, row: Definition, *, is_new: bool) -> Any:
    about = f"level {row['level']}"
    if is_new:
        return handled(request, editing.CreateContent(kind=LEVEL.name, definition=row, draft=True), about)
    changes = {name: row[name] for name in ("xp", "rewards")}
    wish = editing.UpdateContent(kind=LEVEL.name, id=str(row["level"]), changes=changes, draft=True)
    return handled(request, wish, about)
