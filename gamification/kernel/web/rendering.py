"""How answers become JSON: as REST framework writes it, by a faster encoder.

For a page of fifty achievements, 28 KB, REST framework's takes 0.7 ms of the 3 that the whole answer takes, msgspec's
0.15. What that does not know, or cannot write, is left to REST framework.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from rest_framework.renderers import JSONRenderer
from rest_framework.utils.encoders import JSONEncoder

_drf = JSONEncoder()


def _known(value: Any) -> Any:
    """A value of another type as one that JSON has."""
    if isinstance(value, str):  # marked as safe, for instance
        return str.__str__(value)
    if isinstance(value, int):
        return int(value)
    return _drf.default(value)


_encoder = msgspec.json.Encoder(enc_hook=_known, decimal_format="number")
_AS_ESCAPED = ((b"\xe2\x80\xa8", b"\\u2028"), (b"\xe2\x80\xa9", b"\\u2029"))
"""Ends of lines to JavaScript before 2019; REST framework escapes them, so we do."""


class Renderer(JSONRenderer):
    """Compact JSON, or with the indentation that `Accept` asks for."""

    def render(
        self, data: Any, accepted_media_type: str | None = None, renderer_context: Mapping[str, Any] | None = None
    ) -> bytes:
        if data is None:
            return b""
        if self.get_indent(accepted_media_type or "", renderer_context or {}) is None:
            try:
                text = _encoder.encode(data)
            except (TypeError, ValueError, OverflowError, RecursionError, msgspec.MsgspecError):
                pass
            else:
                for char, escaped in _AS_ESCAPED:
                    if char in text:
                        text = text.replace(char, escaped)
                return text
        rendered: bytes = super().render(data, accepted_media_type, renderer_context)
        return rendered
