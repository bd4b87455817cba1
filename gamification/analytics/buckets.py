"""Durations in logarithmic buckets: percentiles within 2 %, that merge, and from which a value can be taken out again.

Bucket i holds from GAMMA^(i-1) to GAMMA^i seconds. Its value is the one that is off by at most ALPHA at either end.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

ALPHA = 0.02
GAMMA = (1 + ALPHA) / (1 - ALPHA)
_LN = math.log(GAMMA)
LEAST = 0.001
"""Seconds: whatever is shorter is as good as nothing."""
NOTHING = "none"


def bucket(seconds: float) -> str:
    return NOTHING if seconds < LEAST else str(math.ceil(math.log(seconds) / _LN - 1e-12))


def value(name: str) -> float:
    return 0.0 if name == NOTHING else 2 * GAMMA ** int(name) / (GAMMA + 1)


def percentile(counts: Mapping[str, int], share: float) -> float | None:
    """The value that `share` of them are not above (nearest rank). None: there are none."""
    total = sum(counts.values())
    if total <= 0:
        return None
    rank = max(1, math.ceil(share * total - 1e-9))
    for name, count in sorted(counts.items(), key=lambda each: value(each[0])):
        rank -= count
        if rank <= 0:
            return value(name)
    raise AssertionError("a rank is not beyond the total")


def percentiles(counts: Mapping[str, int]) -> dict[str, float | None]:
    """`{p10, p50, p90}`, rounded to what they are exact to."""
    found = {f"p{share}": percentile(counts, share / 100) for share in (10, 50, 90)}
    return {name: None if each is None else float(f"{each:.4g}") for name, each in found.items()}
