"""A long answer is sent while it is read."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from gamification.kernel.web.streaming import Streamed


def test_no_part_is_read_before_the_one_before_it_was_taken() -> None:
    read = []

    def parts() -> Iterator[str]:
        for n in range(1000):
            read.append(n)
            yield f"{n}\n"

    async def first_of(answer: Streamed) -> tuple[bytes, int]:
        return await anext(aiter(answer)), len(read)

    async def whole(answer: Streamed) -> bytes:
        return b"".join([part async for part in answer])

    assert asyncio.run(first_of(Streamed(parts()))) == (b"0\n", 1)
    assert asyncio.run(whole(Streamed(parts()))) == b"".join(b"%d\n" % n for n in range(1000))
