"""Shares and percentiles of what was counted, for people to read."""

from __future__ import annotations

import math
from collections.abc import Sequence

Z = 1.959964
"""Deviations within which 95 % of a normal distribution lie."""


def wilson(some: int, of: int) -> tuple[float, float]:
    """The bounds of a share's 95 % interval by Wilson, which makes sense for few and at 0 and 1 too. Of nothing: all
    that is possible.
    """
    if not of:
        return 0.0, 1.0
    value = some / of
    middle = (value + Z * Z / (2 * of)) / (1 + Z * Z / of)
    reach = Z * math.sqrt(value * (1 - value) / of + Z * Z / (4 * of * of)) / (1 + Z * Z / of)
    return max(0.0, middle - reach), min(1.0, middle + reach)


def quantile(values: Sequence[int], part: float) -> int | None:
    """The least value that so large a part of them does not exceed; None of nothing."""
    return sorted(values)[max(0, math.ceil(part * len(values)) - 1)] if values else None
