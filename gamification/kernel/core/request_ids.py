"""The id of the request that is being answered, so that its log lines and audit entries can be found by it."""

from __future__ import annotations

import re
import secrets
from contextvars import ContextVar

REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,64}")
"""What a caller may call its request, in `X-Request-ID`."""
HEADER = "X-Request-ID"

current: ContextVar[str] = ContextVar("request_id", default="")
"""Empty outside of requests."""


def named(by_caller: str) -> str:
    """The caller's own name of a request, where it is one, else a new one."""
    return by_caller if REQUEST_ID.fullmatch(by_caller) else secrets.token_hex(12)
