"""Python's cyclic garbage collector, as a process that handles batch after batch wants it."""

from __future__ import annotations

import gc

YOUNG = 20_000
"""How many more objects than it has freed a process makes before the young ones are looked through. By default 700: a
batch of 1,000 events makes tens of thousands that all live until it is committed, and each was looked at many times."""


def settle() -> None:
    """Once everything is loaded: it stays for ever, so leave it out of every collection, and collect less often.

    The collector looked at all of it every few batches: a fifth of a worker's time, and stalls for players' messages.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, 20, 50)
