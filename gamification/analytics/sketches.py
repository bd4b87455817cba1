"""How many different players there were, from 4 KiB a day (HyperLogLog): within 2 % two times out of three, 5 % nearly
always. Whoever was seen before changes nothing, in whatever order, and a sketch holds nobody's id.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable

BITS = 12
REGISTERS = 1 << BITS
_FACTOR = 0.7213 / (1 + 1.079 / REGISTERS)


def add(sketch: bytes, members: Iterable[str]) -> bytes:
    registers = bytearray(sketch) or bytearray(REGISTERS)
    for member in members:
        digest = int.from_bytes(hashlib.blake2b(member.encode(), digest_size=8).digest())
        register, rest = digest & (REGISTERS - 1), digest >> BITS
        rank = 64 - BITS - rest.bit_length() + 1
        if rank > registers[register]:
            registers[register] = rank
    return bytes(registers)


def count(sketch: bytes) -> int:
    if not sketch:
        return 0
    estimate = _FACTOR * REGISTERS * REGISTERS / sum(2.0**-rank for rank in sketch)
    empty = sketch.count(0)
    if estimate <= 2.5 * REGISTERS and empty:  # few: the empty registers tell more
        estimate = REGISTERS * math.log(REGISTERS / empty)
    return round(estimate)
