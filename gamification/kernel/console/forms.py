"""What the console's forms have in common: they obey the contract's shapes, and ask only for what has a meaning."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.contrib.admin.widgets import AutocompleteSelect
from django.core.exceptions import ValidationError
from django.db import models
from django.forms.fields import InvalidJSONInput
from django.forms.widgets import Script
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from rest_framework import serializers

from gamification.kernel.core.encoding import instant
from gamification.kernel.web.strict_fields import Shape, flatten

if TYPE_CHECKING:  # generic for mypy only
    AnyForm = forms.ModelForm[Any]
else:
    AnyForm = forms.ModelForm

MAX_POSITION = 32_767
"""The position of a row that was added without one: it comes last."""


SCRIPTS = ("authoring", "sentences", "editor", "outline", "steps")


class AuthoredForm(AnyForm):
    """A form of a draft, or of a row within one.

    `only_for` names fields that have a meaning only for some choices of another field. For other choices authoring.js
    hides them, as long as they are empty.
    """

    only_for: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    chosen_by: ClassVar[str] = "type"
    empty: ClassVar[Mapping[str, str]] = {}
    """Field → what it holds when nobody has touched it, where that is not an empty text."""

    class Media:
        js = tuple(Script(f"kernel/{name}.js", defer=True) for name in SCRIPTS)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"label_suffix": "", **kwargs})
        for name in self.only_for.keys() & self.fields.keys():
            widget: Any = self.fields[name].widget
            attrs = getattr(widget, "widget", widget).attrs  # the admin wraps those of relations
            attrs["data-only-for"] = " ".join(self.only_for[name])
            attrs["data-chosen-by"] = self.chosen_by
            attrs["data-empty"] = self.empty.get(name, "")
        for field in self.fields.values():
            if isinstance(field, forms.SlugField):
                field.error_messages["invalid"] = "Letters, digits, hyphens and underscores only."


class ShapedForm(AuthoredForm):
    """A form whose fields obey the contract's shape too, so that its refusals stand next to the field."""

    shape: ClassVar[type[Shape]]
    called: ClassVar[Mapping[str, str]] = {}
    """Form field → the shape's field, where they differ."""

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        for name in list(cleaned):
            column = self.instance._meta.get_field(name) if name in self._columns() else None
            if isinstance(column, models.JSONField) and not column.null and cleaned[name] is None:
                cleaned[name] = column.get_default()  # an emptied field
        fields = self.shape().fields
        for name in [name for name in self._meta.fields or () if name in cleaned]:
            field = fields.get(self.called.get(name, name))
            if field is None or isinstance(field, serializers.BaseSerializer):
                if isinstance(field, serializers.ListSerializer) and isinstance(cleaned[name], list):  # typed as JSON
                    self._clean_list(name, field, cleaned)
                continue
            value = _plain(cleaned[name])
            try:
                field.run_validation(None if value == "" and field.allow_null else value)
            except serializers.ValidationError as problem:
                for error in flatten(problem.detail):
                    self.add_error(name, ValidationError(error["detail"], error["code"]))
        return cleaned

    def _clean_list(self, name: str, field: serializers.ListSerializer[Any], cleaned: dict[str, Any]) -> None:
        try:
            cleaned[name] = field.run_validation(cleaned[name])
        except serializers.ValidationError as problem:
            for error in flatten(problem.detail):
                where = f"{error['path']}: " if error["path"] else ""
                self.add_error(name, ValidationError(f"{where}{error['detail']}", error["code"]))

    def _columns(self) -> set[str]:
        return {field.name for field in self.instance._meta.get_fields()}


def _plain(value: Any) -> Any:
    """A cleaned value as it would come in JSON."""
    if isinstance(value, datetime):
        return instant(value)
    return value.pk if isinstance(value, models.Model) else value


class JsonOrText(forms.CharField):
    """A JSON value, for people who may not write JSON: what is not JSON is taken as a text."""

    class Typed(str):
        """What somebody typed, to be shown again as it was."""

        __slots__ = ()

    def bound_data(self, data: Any, initial: Any) -> Any:
        return None if data is None else self.Typed(data)

    def prepare_value(self, value: Any) -> Any:
        if value is None or isinstance(value, self.Typed) or (isinstance(value, str) and json_or_text(value) == value):
            return value
        return json.dumps(value, ensure_ascii=False)

    def to_python(self, value: Any) -> Any:
        text = (super().to_python(value) or "").strip()
        return None if text == "" else json_or_text(text)

    def has_changed(self, initial: Any, data: Any) -> bool:
        return bool(self.to_python(data if isinstance(data, str) else "") != initial)


def json_or_text(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


class Json(forms.JSONField):
    """JSON in a field. Django's own takes it for granted that what cannot be read is no JSON; one that is too deep, or
    has a number of thousands of digits, fails otherwise."""

    def to_python(self, value: Any) -> Any:
        try:
            return super().to_python(value)
        except (ValueError, RecursionError):
            raise ValidationError(self.error_messages["invalid"], "invalid", {"value": value}) from None

    def bound_data(self, data: Any, initial: Any) -> Any:
        try:
            return super().bound_data(data, initial)
        except (ValueError, RecursionError):
            return InvalidJSONInput(data)


class Tags(forms.CharField):
    """Slugs, parted by commas or spaces."""

    def prepare_value(self, value: Any) -> Any:
        return ", ".join(map(str, value)) if isinstance(value, list) else value

    def to_python(self, value: Any) -> Any:
        return list(dict.fromkeys((super().to_python(value) or "").replace(",", " ").split()))

    def has_changed(self, initial: Any, data: Any) -> bool:
        return bool(self.to_python(data) != (initial or []))


class Suggesting(forms.TextInput):
    """A text field that suggests known values, which are looked up when it is shown. Any other text is allowed."""

    def __init__(self, known: Callable[[], Iterable[str]], attrs: dict[str, Any] | None = None) -> None:
        super().__init__(attrs)
        self.known = known

    def render(self, name: str, value: Any, attrs: dict[str, Any] | None = None, renderer: Any = None) -> SafeString:
        list_ = f"known-{name}"
        options = format_html_join("", '<option value="{}">', ((text,) for text in self.known()))
        field = super().render(name, value, {"class": "vTextField", **(attrs or {}), "list": list_}, renderer)
        return format_html('{}<datalist id="{}">{}</datalist>', field, list_, options)


class Searching(AutocompleteSelect):
    """The admin's searching choice. What is chosen in each of many rows is named from one query, not from one a row."""

    def __init__(self, *args: Any, names: Callable[[], Mapping[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.names = names

    def optgroups(self, name: str, value: Any, attrs: dict[str, Any] | None = None) -> Any:
        chosen = [str(each) for each in value if each not in (None, "")]
        options = [] if self.is_required else [self.create_option(name, "", "", False, 0)]
        for index, id_ in enumerate(chosen):
            options.append(self.create_option(name, id_, self.names().get(id_, id_), True, index))
        return [(None, options, 0)]


class Instant(forms.DateTimeInput):
    """A moment, by the browser's own picker, to the second."""

    input_type = "datetime-local"

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        super().__init__({"step": 1, **(attrs or {})}, format="%Y-%m-%dT%H:%M:%S")


class Place(forms.IntegerField):
    """A place in a list, as people count: 1, 2, 3. Positions begin at 0."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            required=False,
            min_value=0,
            max_value=MAX_POSITION,
            label="order",
            help_text="Smaller numbers come first. Empty: last.",
            widget=forms.NumberInput(attrs={"class": "place"}),
            error_messages={"min_value": "Places begin at 1."},
            **kwargs,
        )

    def widget_attrs(self, widget: forms.Widget) -> dict[str, Any]:
        return {"min": 1}

    def prepare_value(self, value: Any) -> Any:
        return value + 1 if isinstance(value, int) else value

    def to_python(self, value: Any) -> int | None:
        place = super().to_python(value)
        return None if place is None else place - 1


class LineForm(AuthoredForm):
    """A row within a draft, in an order of its author's."""

    position = Place()

    def clean_position(self) -> int:
        position: int | None = self.cleaned_data["position"]
        return MAX_POSITION if position is None else position
