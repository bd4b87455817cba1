"""What the console's screens of rows have in common: the service writes them, people read and act on them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ActionForm
from django.contrib.admin.options import IS_POPUP_VAR
from django.contrib.admin.utils import quote
from django.core.exceptions import PermissionDenied
from django.db import models
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from gamification.kernel.console import downloads, of_shares
from gamification.kernel.console.forms import Instant
from gamification.kernel.console.large_lists import LargeList
from gamification.kernel.core import bus
from gamification.kernel.core.actors import Actor
from gamification.kernel.core.messages import Command, Refused
from gamification.kernel.storage import shares

if TYPE_CHECKING:  # generic for mypy only
    AnyModelAdmin = admin.ModelAdmin[Any]
else:
    AnyModelAdmin = admin.ModelAdmin

ROW = re.compile(
    r"\b(?P<name>requirements|conditions|items|table|prerequisites|steps|(?:rewards|quests)(?=\[\d+\]$))"
    r"\[(?P<at>\d+)\](?P<more>\.?)"
)
"""A place in one of the tables of a draft's form. `rewards[7].value` is of the reward named 7."""


DOWNLOAD = "download_selected"
"""The action of every list that hands it out; a single row is not worth a file."""


class ReasonedActionForm(ActionForm):
    reason = forms.CharField(required=False, label="Why", max_length=4000)


class SeenHistory(AnyModelAdmin):
    """Whoever may not see the rows is not told either whether there is one: Django looks for it before it asks."""

    def history_view(self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None) -> Any:
        if not self.has_view_or_change_permission(request):
            raise PermissionDenied
        return super().history_view(request, object_id, extra_context)


class ActingAdmin(SeenHistory):
    """Its actions are described as "Verb: what it does", and are buttons on the page of a single row too."""

    formfield_overrides: ClassVar[Any] = {models.DateTimeField: {"form_class": forms.DateTimeField, "widget": Instant}}
    page_actions: Sequence[str] | None = None
    """The actions that are buttons on a row's page; None: all."""

    def open_to_action(self, row: Any) -> bool:
        """Whether there is anything left to decide about this row."""
        return True

    def buttons(self, request: HttpRequest, row: Any) -> Iterator[dict[str, str]]:
        if row is None or not self.open_to_action(row):
            return
        for name, description in self.get_action_choices(request, default_choices=[]):
            if name not in ("delete_selected", DOWNLOAD) and (self.page_actions is None or name in self.page_actions):
                verb, _, does = description.partition(": ")
                yield {"name": name, "verb": verb, "does": does}

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], add: bool = False, change: bool = False,
        form_url: str = "", obj: Any = None,
    ) -> Any:  # fmt: skip
        context["buttons"] = list(self.buttons(request, obj))
        context["asks_why"] = "reason" in self.action_form.base_fields
        context["list_address"] = reverse(
            f"{self.admin_site.name}:{self.opts.app_label}_{self.opts.model_name}_changelist"
        )
        return super().render_change_form(request, context, add, change, form_url, obj)


class ShownForm(forms.ModelForm):  # type: ignore[type-arg] # generic for mypy only
    """Labels without a colon."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"label_suffix": "", **kwargs})


class ReadOnlyAdmin(LargeList, ActingAdmin):
    """`hides` names the columns that are of no use to people."""

    form = ShownForm
    hides: Sequence[str] = ()
    also: Sequence[str] = ()
    """Displays of the admin's own, after the columns."""
    change_form_template = "admin/rows/change_form.html"
    show_full_result_count = False

    def get_actions(self, request: HttpRequest) -> Any:
        """Beside its own: whoever may see a list may take it along."""
        found: dict[str, Any] = super().get_actions(request)
        if self.has_view_permission(request) and "download_all" not in found and IS_POPUP_VAR not in request.GET:
            found[DOWNLOAD] = (downloads.as_csv, DOWNLOAD, "Download: as CSV")
        return found

    def prepared(self, rows: Iterable[Any]) -> Iterable[Any]:
        """Rows that are about to be listed or downloaded, each with what its columns show and it has not: asked for
        once, and not a row at a time."""
        return rows

    def get_list_filter(self, request: HttpRequest) -> Any:
        found = super().get_list_filter(request)
        return [of_shares.ByShare, *found] if of_shares.is_spread(self.model) else found

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        if of_shares.is_spread(self.model):
            shares.enter_share(of_shares.of_list(request))
        return super().changelist_view(request, extra_context)

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:  # fmt: skip
        if object_id is not None and of_shares.is_spread(self.model):
            shares.enter_share(of_shares.of_row(request, self.model, object_id))
        return super().changeform_view(request, object_id, form_url, extra_context)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        columns = [
            json_shown(field) if isinstance(field, models.JSONField) else field.name
            for field in self.model._meta.concrete_fields
            if field.name not in self.hides and not isinstance(field, models.BinaryField)
        ]
        return [*columns, *self.also]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        return self.get_fields(request, obj)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@cache  # Django tells columns that are functions apart by identity
def json_shown(field: models.JSONField[Any, Any]) -> Callable[[Any], SafeString]:
    """A column of JSON as people are shown it, indented over several lines."""

    def shown(row: Any) -> SafeString:
        return as_lines(getattr(row, field.attname))

    shown.__name__ = field.name
    return admin.display(description=str(field.verbose_name))(shown)


def as_lines(value: Any) -> SafeString:
    if value in (None, "", [], {}):
        return SafeString("-")
    return format_html('<pre class="lines">{}</pre>', json.dumps(value, indent=2, ensure_ascii=False))


def page_of(row: models.Model) -> str:
    opts = row._meta
    return reverse(f"admin:{opts.app_label}_{opts.model_name}_change", args=[quote(row.pk)])


def called(row: Any) -> str:
    """`hunter: The Great Hunter`: its id, and what people call it if that is another thing."""
    name = str(getattr(row, "title", "") or getattr(row, "name", ""))
    return f"{row.pk}: {name}" if name and name != str(row.pk) else str(row)


def may_decide(model_admin: AnyModelAdmin, request: HttpRequest) -> bool:
    """Whether somebody may act on rows that nobody edits: by the permission to change them."""
    permission: Callable[[str], bool] = request.user.has_perm
    return permission(f"{model_admin.opts.app_label}.change_{model_admin.opts.model_name}")


def place(path: str) -> str:
    """`requirements[1].threshold` as whoever looks at the form counts: "requirements, row 2, threshold"."""
    return ROW.sub(lambda found: f"{found['name']}, row {int(found['at']) + 1}{', ' * bool(found['more'])}", path)


def handled(request: HttpRequest, command: Command, about: str, where: Callable[[str], str] = place) -> Any:
    """The command's answer (True where it has none), or None and a message for each thing that is wrong. `where` says
    how people call the place that a path leads to."""
    try:
        answer = bus.handle(command, actor=acting(request), now=timezone.now())
    except Refused as refused:
        for line in _said(refused, where):
            messages.error(request, f"{about}: {line}")
        return None
    return True if answer is None else answer


def acting(request: HttpRequest) -> Actor:
    """The person at the console."""
    return Actor.user(request.user.get_username())


def _said(refused: Refused, where: Callable[[str], str]) -> Iterator[str]:
    if refused.status == 409 or not refused.errors:
        yield refused.detail
    for error in refused.errors if refused.status != 409 else ():
        yield f"{where(error['path'])}: {error['detail']}" if error["path"] else error["detail"]
