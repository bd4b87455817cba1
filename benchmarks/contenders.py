"""Contenders: what is measured. Each is a process with a database of its own, as a worker is, and they take turns."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from types import TracebackType
from typing import ParamSpec, TypeVar

from benchmarks import turns
from benchmarks.databases import Database

P = ParamSpec("P")
T = TypeVar("T")


class Contender:
    """A process that has set Django up on a database; `ask` runs one of the functions of `turns` there."""

    def __init__(self, database: Database, **more: str) -> None:
        """`more` are further variables of its environment."""
        before = dict(os.environ)
        os.environ.update(database.environment() | more)  # which the new process inherits
        try:
            self._pool = ProcessPoolExecutor(1, get_context("spawn"))
            self.ask(turns.ready)
        finally:
            os.environ.clear()
            os.environ.update(before)

    def ask(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return self._pool.submit(function, *args, **kwargs).result()

    def __enter__(self) -> Contender:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._pool.shutdown()
