"""The strict fields that content is described in: JSON kinds are taken as they are, nothing unknown is let in.

Django REST framework's own fields read "5" as 5 and 1 as true, and drop what they do not know. Content is refused
instead, each problem with its path, because what a designer mistyped would otherwise count for players.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from typing import Any

from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail

from gamification.kernel.core.encoding import canonical, instant, parse_instant
from gamification.kernel.core.messages import Invalid

ID = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,63}")
EVENT_TYPE = re.compile(r"[a-z0-9._-]{1,64}")
UNSTORABLE = re.compile("[\0\ud800-\udfff]")
SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
INVISIBLE = re.compile(r"[\0-\x20\x7f]+")
FIELD_PATH = re.compile(r"[^.]+(\.[^.]+)*")
RFC_3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)

MAX_AMOUNT = 2**53
"""The greatest amount: beyond it JSON's readers disagree about integers, and sums would leave a bigint."""
MAX_INT32 = 2**31 - 1
MAX_NUMBER = 2**63
"""The greatest number anywhere: databases write greater doubles as other decimals than they read."""
MAX_TEXT = 4000
"""Characters of a long text, such as a description."""
JSON_BYTES = 16 * 1024
JSON_DEPTH = 8


class BadShape(Invalid):
    """A definition that is not of its kind's shape."""


def flatten(detail: Any, path: str = "") -> Iterator[dict[str, str]]:
    """REST framework's nested errors as `{path, code, detail}`, paths like `requirements[0].metric`."""
    if isinstance(detail, ErrorDetail):
        yield {"path": path, "code": detail.code or "invalid", "detail": str(detail)}
    elif isinstance(detail, dict):
        for key, inner in detail.items():
            yield from flatten(inner, _joined(path, key))
    elif isinstance(detail, list):
        for index, inner in enumerate(detail):
            # A list of messages is about the thing itself, a list of dicts about its items.
            yield from flatten(inner, path if isinstance(inner, ErrorDetail) else f"{path}[{index}]")


def _joined(path: str, key: Any) -> str:
    if key == "non_field_errors":
        return path
    if isinstance(key, int):
        return f"{path}[{key}]"
    return f"{path}.{key}" if path else str(key)


class Shape(serializers.Serializer[Any]):
    """A JSON object with these fields and no others."""

    default_error_messages = {  # noqa: RUF012 - declared so by the base class
        "invalid": "An object is expected.",
        "unknown_field": "There is no such field.",
        "read_only": "The service sets this field itself.",
        "required": "This field is required.",
        "not_allowed": "This field has no meaning here.",
    }
    kept_by_the_service: tuple[str, ...] = ()
    """Names that answers show and requests may not set."""
    answers_leave_out: tuple[str, ...] = ()
    """The fields that answers have only where they mean something; all others they always have."""

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, dict):
            self.fail("invalid")
        errors: dict[Any, Any] = {}
        for name in data:
            if name not in self.fields:
                code = "read_only" if name in self.kept_by_the_service else "unknown_field"
                errors[shown_id(name)] = self.said(code)
        try:
            value = super().to_internal_value(data)
        except serializers.ValidationError as problem:
            raise serializers.ValidationError({**errors, **_as_dict(problem.detail)}) from None
        if errors:
            raise serializers.ValidationError(errors)
        return value

    def said(self, code: str) -> list[ErrorDetail]:
        return [ErrorDetail(str(self.error_messages[code]), code)]

    def fields_for(
        self, attrs: dict[str, Any], needed: Iterable[str], all_names: Iterable[str], of: str
    ) -> dict[str, list[ErrorDetail]]:
        """What is wrong when, of `all_names`, exactly `needed` must be given because of `of` (such as a type)."""
        needed = set(needed)
        errors = {}
        for name in all_names:
            given = attrs.get(name) not in (None, [], "")
            if name in needed and not given:
                errors[name] = [ErrorDetail(f"{of} needs this field.", "required")]
            elif name not in needed and given:
                errors[name] = [ErrorDetail(f"This field has no meaning for {of}.", "not_allowed")]
        return errors


class Nothing(Shape):
    """An empty object: what a POST without anything to say takes."""


def _as_dict(detail: Any) -> dict[Any, Any]:
    return detail if isinstance(detail, dict) else {"non_field_errors": detail}


def shown_id(name: object) -> str:
    """A name that somebody sent, fit for an answer however it was spelt."""
    return str(name).encode("ascii", "backslashreplace").decode()[:64]


def parse(shape: type[Shape], data: Any) -> dict[str, Any]:
    """`data` in the canonical form: every optional field present. Raises BadShape with every problem."""
    reader = shape(data=data)
    if not reader.is_valid():
        errors = list(flatten(reader.errors))
        raise BadShape(summary(errors), errors=errors)
    value: dict[str, Any] = reader.validated_data
    return value


def summary(errors: list[dict[str, str]]) -> str:
    first = errors[0]
    what = f"{first['path']}: {first['detail']}" if first["path"] else first["detail"]
    return what if len(errors) == 1 else f"{what} (and {len(errors) - 1} more)"


def rows(shape: type[Shape], *, most: int, allow_null: bool = False) -> serializers.ListSerializer[Any]:
    """A list of objects of one shape; none, when nothing is said."""
    return serializers.ListSerializer(child=shape(), default=list, max_length=most, allow_null=allow_null)


class Text(serializers.CharField):
    """Text as it was written. Without `allow_blank` it must hold more than spaces."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("trim_whitespace", False)
        kwargs.setdefault("max_length", 255)
        super().__init__(**kwargs)

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        if not self.allow_blank and not data.strip():
            self.fail("blank")
        return data


class OptionalText(Text):
    """Text or null; an empty text is null."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(allow_null=True, allow_blank=True, default=None, **kwargs)

    def run_validation(self, data: Any = serializers.empty) -> Any:
        return super().run_validation(data) or None


class Matching(Text):
    """Text of one pattern."""

    pattern: re.Pattern[str]
    expected: str

    def to_internal_value(self, data: Any) -> str:
        text = super().to_internal_value(data)
        if not self.pattern.fullmatch(text):
            raise serializers.ValidationError(f"Expected {self.expected}.", code="invalid")
        return text


class Id(Matching):
    """What content is called by its designer."""

    pattern = ID
    expected = "an id of up to 64 letters, digits, dots, underscores and hyphens, beginning with a letter or a digit"

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=64, **kwargs)


class OptionalId(Id):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(allow_null=True, default=None, **kwargs)


class EventType(Matching):
    pattern = EVENT_TYPE
    expected = "1 to 64 of a-z, 0-9, dot, underscore and hyphen"

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=64, **kwargs)


class FieldPath(Matching):
    """Where in an event's data: names joined by dots."""

    pattern = FIELD_PATH
    expected = "names joined by dots, such as weapon.kind"

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=120, **kwargs)


class OptionalFieldPath(FieldPath):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(allow_null=True, allow_blank=True, default=None, **kwargs)

    def run_validation(self, data: Any = serializers.empty) -> Any:
        return super().run_validation(data) or None


class Integer(serializers.IntegerField):
    """A whole JSON number (`5.0` is one)."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("max_value", MAX_AMOUNT)
        super().__init__(**kwargs)

    def to_internal_value(self, data: Any) -> int:
        if isinstance(data, float) and data.is_integer():
            return int(data)
        if isinstance(data, bool) or not isinstance(data, int):
            self.fail("invalid")
        return data


class Number(serializers.FloatField):
    """A finite JSON number, read as a double."""

    def to_internal_value(self, data: Any) -> float:
        if isinstance(data, bool) or not isinstance(data, int | float):
            self.fail("invalid")
        if isinstance(data, float) and not math.isfinite(data):
            raise serializers.ValidationError("A finite number is expected.", code="not_finite")
        if abs(data) > MAX_NUMBER:
            raise serializers.ValidationError("At most 2^63 is allowed.", code="max_value")
        return whole(float(data))


class Flag(serializers.BooleanField):
    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            self.fail("invalid", input=shown_id(data))
        return data


class Choice(serializers.ChoiceField):
    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, str) or data not in self.choices:
            expected = ", ".join(str(choice) for choice in self.choices)
            raise serializers.ValidationError(f"Expected one of {expected}.", code="invalid_choice")
        return data


class Instant(serializers.DateTimeField):
    """An RFC 3339 instant with an offset, kept as text in UTC."""

    def to_internal_value(self, value: Any) -> Any:
        if isinstance(value, str) and RFC_3339.fullmatch(value):  # Python reads week dates and more besides
            try:
                return instant(parse_instant(value.upper()))
            except (ValueError, OverflowError):
                pass
        raise serializers.ValidationError(
            "Expected an instant with an offset, such as 2026-01-31T12:00:00Z.", code="invalid"
        )

    def to_representation(self, value: Any) -> Any:
        return value


class Json(serializers.JSONField):
    """Any JSON value that can be kept and given back unchanged: finite, not deep, not long."""

    def to_internal_value(self, data: Any) -> Any:
        return storable(data)


class JsonObject(serializers.DictField):
    """A JSON object: for the game's own use, where `help_text` says no other."""

    def __init__(self, **kwargs: Any) -> None:
        own = {"help_text": "For the game's own use: the service keeps it and gives it back."}
        super().__init__(**{**own, **kwargs})

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, dict):
            self.fail("not_a_dict", input_type=type(data).__name__)
        return storable(data)


def whole(value: float) -> float | int:
    """A double as databases give it back: an integer where it has no fraction."""
    return int(value) if value.is_integer() else value


def storable(value: Any) -> Any:
    """A JSON value as databases give it back. Raises ValidationError for what they, or readers elsewhere, could not
    take."""
    value = _storable(value, JSON_DEPTH)
    if len(canonical(value)) > JSON_BYTES:
        raise serializers.ValidationError(f"At most {JSON_BYTES // 1024} KiB are allowed.", code="too_large")
    return value


def _storable(value: Any, depth: int) -> Any:
    if isinstance(value, dict | list):
        if depth == 0:
            raise serializers.ValidationError(f"At most {JSON_DEPTH} levels are allowed.", code="too_deep")
        if isinstance(value, list):
            return [_storable(item, depth - 1) for item in value]
        if not all(isinstance(key, str) for key in value):
            raise serializers.ValidationError("Keys must be texts.", code="bad_json")
        return {_storable(key, depth): _storable(item, depth - 1) for key, item in value.items()}
    if isinstance(value, str):
        if UNSTORABLE.search(value):
            raise serializers.ValidationError("U+0000 and lone surrogates are not allowed.", code="bad_json")
    elif isinstance(value, int | float) and not isinstance(value, bool):
        if not abs(value) <= MAX_NUMBER:  # nor NaN
            raise serializers.ValidationError("Numbers must be finite and at most 2^63.", code="bad_json")
        return whole(value) if isinstance(value, float) else value
    elif not isinstance(value, bool | type(None)):
        raise serializers.ValidationError("Only JSON values are allowed.", code="bad_json")
    return value


class Listed(serializers.ListField):
    """A JSON array of simple values."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("max_length", 200)
        kwargs.setdefault("default", list)
        super().__init__(**kwargs)


class ReasonShape(Shape):
    """The body of what may be told why it is done."""

    reason = Text(max_length=MAX_TEXT, allow_blank=True, default="")


class Tags(Listed):
    """Slugs by which content is found, each once."""

    def __init__(self) -> None:
        super().__init__(child=Id(), max_length=20, help_text="To find it by; players see them.")

    def to_internal_value(self, data: Any) -> list[Any]:
        return list(dict.fromkeys(super().to_internal_value(data)))


class Icon(OptionalText):
    """A text, or an address that begins with https: or /: no other scheme is let into somebody's page."""

    def __init__(self) -> None:
        super().__init__(max_length=500, help_text="Text, or an address that begins with https: or /.")

    def to_internal_value(self, data: Any) -> str:
        text = super().to_internal_value(data)
        # Browsers read on over white space and control characters before and within a scheme.
        scheme = SCHEME.match(INVISIBLE.sub("", text))
        if scheme and scheme.group().lower() != "https:":
            raise serializers.ValidationError("An address begins with https: or /.", code="bad_icon")
        return text


class ContentShape(Shape):
    """What every kind of content has."""

    kept_by_the_service = ("created_at", "updated_at", "version")

    tags = Tags()
