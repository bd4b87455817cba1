"""What may be done about a player: each act is a form with a reason, a preview, and one command.

An act is an entry of a table (composition.py has it), so that whoever adds a command about players adds a line there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse

from gamification.console.player.head import Head
from gamification.kernel.core.messages import Command, PlayerId

MAX_REASON = 4_000
Said = Mapping[str, Any]
"""What a form has understood."""


class ActForm(forms.Form):
    """What an act asks for; `reason` stands last, whatever a form adds."""

    reason: forms.Field = forms.CharField(
        label="Why", max_length=MAX_REASON, help_text="Colleagues read it. A player's export may show it too.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )  # fmt: skip

    def __init__(self, *args: Any, of: Head, **named: Any) -> None:
        super().__init__(*args, **{"label_suffix": "", **named})
        self.of = of
        self.order_fields([name for name in self.fields if name != "reason"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """Something that may be done about a player."""

    name: str
    label: str
    does: str
    """What it does, in a sentence."""
    needs: Sequence[str]
    """The permissions it takes, all of them, beside seeing the player."""
    form: type[ActForm] = ActForm
    command: Callable[[PlayerId, Said], Command]
    done: Callable[[Said, Any], str]
    """What is said once it is done, of what was said in the form and what the command has answered."""
    tab: str = ""
    """The tab in whose rows it stands; empty: at the head of the page."""
    applies: Callable[[Head], bool] = lambda head: True
    """Whether there is anything to do about this player."""
    is_grave: bool = False
    hands_out: Callable[[HttpRequest, Head, Said], HttpResponse] | None = None
    """What it answers instead of the page, where it hands something out."""
    ends_at_the_list: bool = False
    """Whether the player has no page any more afterwards."""


_acts: dict[str, Act] = {}


def register(act: Act) -> None:
    """Offer an act. composition.py does so at start-up, in the order in which they stand."""
    _acts[act.name] = act


def known() -> Sequence[Act]:
    return list(_acts.values())


def find(name: str) -> Act | None:
    return _acts.get(name)


def may(request: HttpRequest, act: Act) -> bool:
    return all(request.user.has_perm(permission) for permission in act.needs)


def offered(request: HttpRequest, head: Head, tab: str = "") -> list[Act]:
    """The acts that this person may do about this player, at the head or in the rows of a tab."""
    return [act for act in known() if act.tab == tab and may(request, act) and act.applies(head)]
