"""Reading AMQP messages, whatever their senders wrote into properties and headers.

py-amqp raises out of its frame reader when a property or a routing key is no UTF-8, a header holds a date past the year
9999, or tables lie too deep within each other. RabbitMQ lets all of that through. The reader's connection ends, the
message goes back into the queue, and stops whoever reads it next. Here it is read all the same: what is no ASCII where
UTF-8 should be becomes `?`, and properties that cannot be read at all are left out, with a header that says so.

Importing this module changes py-amqp for the whole process: the frame reader offers no other way in.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from amqp import abstract_channel, serialization
from amqp.spec import Basic

T = TypeVar("T")

UNREADABLE = "x-unreadable"
"""A header added to a message whose properties could not be read; its value says why."""

_strict_properties = serialization.decode_properties_basic
_strict_arguments = serialization.loads
_REPAIRS = 16
"""More than a message has texts outside its headers, whose texts py-amqp leaves as bytes."""


def body_of(message: Any) -> bytes:
    """The body as it was sent. py-amqp gives text where it is empty, and on a channel that is not `undecoded`."""
    body = message.body
    return body.encode("utf-8", "surrogatepass") if isinstance(body, str) else bytes(body)


def undecoded(channel: Any) -> Any:
    """The channel, which from now on leaves bodies as they were sent, whatever encoding they say they have."""
    channel.auto_decode = False
    return channel


def _properties(buffer: bytes, offset: int) -> tuple[dict[str, Any], int]:
    try:
        return _repaired(lambda bytes_: _strict_properties(bytes_, offset), buffer)
    except Exception as problem:
        why = f"{type(problem).__name__}: {problem}"[:200]
        return {"application_headers": {UNREADABLE: why}}, len(buffer)


def _arguments(format: str, buf: bytes, offset: int) -> tuple[Any, ...]:
    return _repaired(lambda bytes_: _strict_arguments(format, bytes_, offset), buf)


def _repaired(read: Callable[[bytes], T], buffer: bytes) -> T:
    """What `read` makes of `buffer`, once each text that it cannot decode is of the same length and ASCII."""
    for _ in range(_REPAIRS):
        try:
            return read(buffer)
        except UnicodeDecodeError as bad:
            text, length = bytes(bad.object), bytes([len(bad.object)])
            ascii_ = bytes(byte if byte < 128 else ord("?") for byte in text)
            buffer = bytes(buffer).replace(length + text, length + ascii_, 1)
    return read(buffer)


readers: dict[int, Any] = serialization.PROPERTY_CLASSES
readers[Basic.CLASS_ID] = _properties
abstract_channel.loads = _arguments
