"""The rows in which designers write requirements, for whatever asks for some."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar, assert_never

from django import forms
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.urls import reverse
from rest_framework import serializers

from gamification.kernel.console.authoring import LineInline
from gamification.kernel.console.forms import LineForm, ShapedForm
from gamification.kernel.content import kinds
from gamification.kernel.core.encoding import number
from gamification.kernel.web.strict_fields import flatten
from progress.content_serializers import RequirementShape
from progress.rules.sentences import BOUNDS, PATTERNS, WITHIN
from progress.rules.vocabulary import (
    TRAITS,
    WITH_A_METRIC,
    WITH_A_TARGET,
    WITH_A_TIMEFRAME,
    Operator,
    RequirementType,
    TimeUnit,
)

TAKES = [("ALL", "all requirements"), ("ANY", "any one requirement"), ("at_least", "at least …")]
OFFERED = (Operator.GTE, Operator.GT, Operator.EQ, Operator.LTE, Operator.LT)
"""What is asked for most stands first."""


def _said(op: Operator) -> str:
    match op:
        case Operator.GTE:
            return "≥ at least"
        case Operator.GT:
            return "> more than"
        case Operator.EQ:
            return "= exactly"
        case Operator.LTE:
            return "≤ at most"
        case Operator.LT:
            return "< less than"
    assert_never(op)


def said_types(*types: RequirementType) -> list[tuple[str, str]]:
    """Types of requirements as the choices of a field."""
    return [(type_.value, ": ".join(filter(None, (type_, TRAITS[type_].words)))) for type_ in types]


class MatchWidget(forms.MultiWidget):
    def __init__(self) -> None:
        number = {
            "aria-label": "At least how many",
            "min": 1,
            "class": "how-many",
            "data-only-for": "at_least",
            "data-chosen-by": "match_0",
        }
        super().__init__([forms.Select({"aria-label": "It takes"}, choices=TAKES), forms.NumberInput(attrs=number)])

    def decompress(self, value: Any) -> list[Any]:
        return ["at_least", value.get("at_least")] if isinstance(value, dict) else [value or "ALL", None]


class MatchField(forms.MultiValueField):
    """How many of the requirements it takes, as a choice and a number."""

    def __init__(self, **kwargs: Any) -> None:
        parts = (forms.ChoiceField(choices=TAKES), forms.IntegerField(required=False, min_value=1))
        super().__init__(parts, widget=MatchWidget(), require_all_fields=False, **kwargs)

    def compress(self, data_list: list[Any]) -> Any:
        take, many = [*data_list, "ALL", None][:2] if data_list else ("ALL", None)
        if take != "at_least":
            return take or "ALL"
        if many is None:
            raise ValidationError("At least how many?")
        return {"at_least": many}


def targets() -> list[Any]:
    """What a requirement may name beside metrics, as the choices of a field."""
    return [("", "—"), *((f"{kind.capitalize()}s", _named(kind)) for kind in ("achievement", "quest"))]


def _named(kind: str) -> list[tuple[str, str]]:
    model: Any = kinds.kind(kind).model
    rows = model.objects.filter(retired_at=None).order_by("pk").values_list("pk", "title")
    return [(id_, f"{id_}: {title}") for id_, title in rows]


class RequirementForm(LineForm, ShapedForm):
    """A requirement's row."""

    shape = RequirementShape
    types: ClassVar[Sequence[RequirementType]] = (*WITH_A_METRIC, *WITH_A_TARGET)
    only_for: ClassVar[Mapping[str, tuple[str, ...]]] = {
        **dict.fromkeys(("metric", "operator", "threshold"), WITH_A_METRIC),
        **dict.fromkeys(("duration", "unit"), WITH_A_TIMEFRAME),
        "target": WITH_A_TARGET,
    }
    empty: ClassVar[Mapping[str, str]] = {"operator": "gte"}
    target = forms.ChoiceField(required=False, choices=targets, label="target")

    class Meta:
        fields: tuple[str, ...] = ("type", "metric", "operator", "threshold", "duration", "unit", "target", "position")
        labels = {  # noqa: RUF012 - declared so by Django
            "type": "count", "metric": "of metric", "operator": "is", "threshold": "how much", "duration": "within",
            "unit": "unit",
        }  # fmt: skip
        help_texts = {  # noqa: RUF012 - declared so by Django
            "type": "DISTINCT: how many different values of the metric's member field. STREAK: days in a row.",
            "operator": "At least, more than and exactly stay met once they were. At most and less than are looked at "
            "when all else is met.",
            "duration": "Only what happens within so long counts together. With at least and more than only.",
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        offered = {
            "type": said_types(*self.types),
            "operator": [(op.value, _said(op)) for op in OFFERED],
            "unit": TimeUnit.choices(),
        }
        for name, choices in offered.items():
            if isinstance(field := self.fields.get(name), forms.ChoiceField):
                field.choices = [("", "—"), *choices]
        if "metric" in self.fields:
            self.fields["metric"].widget.widget.attrs["data-samples"] = reverse("admin:progress_metric_samples")
        if "type" in self.fields:
            patterns = {"patterns": PATTERNS, "bounds": BOUNDS, "within": WITHIN}
            self.fields["type"].widget.attrs["data-patterns"] = json.dumps(patterns)
        if isinstance(threshold := self.initial.get("threshold"), float):
            self.initial["threshold"] = number(threshold)  # 4, not 4.0
        if isinstance(metric := self.fields.get("metric"), forms.ModelChoiceField):
            wrapper = metric.widget  # there is no room for its buttons
            wrapper.can_add_related = wrapper.can_change_related = wrapper.can_view_related = False

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if self.errors:
            return cleaned
        if cleaned["type"] in WITH_A_TARGET:
            cleaned["operator"] = ""  # the form offers one to begin with
            kind = cleaned["type"].lower()
            if cleaned["target"] and cleaned["target"] not in dict(_named(kind)):
                self.add_error("target", f"There is no {kind} called so.")
                return cleaned
        frame = {name: cleaned[name] for name in ("duration", "unit") if cleaned[name]}
        data = {
            "type": cleaned["type"],
            "metric": cleaned["metric"].pk if cleaned["metric"] else None,
            "target": cleaned["target"] or None,
            "operator": cleaned["operator"] or None,
            "threshold": number(cleaned["threshold"]),
            "timeframe": frame or None,
        }
        try:
            RequirementShape().run_validation(data)
        except serializers.ValidationError as problem:
            for field, message in self._placed(problem):
                self.add_error(field, message)
        return cleaned

    def _placed(self, problem: serializers.ValidationError) -> Iterator[tuple[str | None, ValidationError]]:
        for error in flatten(problem.detail):
            name = error["path"].removeprefix("timeframe.").replace("timeframe", "duration")
            yield name if name in self.fields else None, ValidationError(error["detail"], error["code"])


class RequirementInline(LineInline):
    form = RequirementForm
    says_itself = True
    autocomplete_fields = ("metric",)

    def get_formset(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        formset = super().get_formset(request, obj, **kwargs)
        # Asked once: not by each row, nor each time that the screen makes the rows.
        offered: list[Any] = request.__dict__.setdefault("requirement_targets", []) or targets()
        request.__dict__["requirement_targets"] = offered
        known = forms.ChoiceField(required=False, choices=offered, label="target")
        formset.form.base_fields = {**formset.form.base_fields, "target": known}
        return formset
