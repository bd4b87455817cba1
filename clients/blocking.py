"""The client that blocks, made of the one for asyncio."""

from __future__ import annotations

import re

WORDS = (
    (r"(?m)(^from .* import .*?)Awaitable, ", r"\1"),
    (r"\bAwaitable\[((?:[^\[\]]|\[[^\]]*\])*)\]", r"\1"),
    (r"\bstr \| str\b", "str"),
    (r"\bAsyncIterator\b", "Iterator"),
    (r"\basync (def|with|for)\b", r"\1"),
    (r"\bawait ", ""),
    (r"\b__a(enter|exit)__", r"__\1__"),
    (r"\baclose\b", "close"),
    (r"\bAsync(Client|GameServer|Player)\b", r"\1"),
    (r"\bgamification_client\.aio\b", "gamification_client.sync"),
    (r"\bwebsockets\.asyncio\b", "websockets.sync"),
)


def blocking(source: str) -> str:
    for found, instead in WORDS:
        source = re.sub(found, instead, source)
    return source
