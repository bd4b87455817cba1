"""Work that is done in one go where that succeeds, and in ever smaller parts where it does not."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Generic, TypeVar

T = TypeVar("T")


class Parts(Generic[T]):
    """What is still to be done. Whoever works halves the next part when it fails, until what is to blame stands alone.

    For example [1, 2, 3, 4] fails, then [1, 2] succeeds, [3, 4] fails, [3] succeeds, and [4] it was.
    """

    def __init__(self, items: Iterable[T] = ()) -> None:
        whole = list(items)
        self._todo = [whole] if whole else []
        """The next one last."""

    def __bool__(self) -> bool:
        return bool(self._todo)

    @property
    def next(self) -> list[T]:
        return self._todo[-1]

    def done(self) -> None:
        self._todo.pop()

    def halve(self) -> None:
        part = self._todo.pop()
        middle = len(part) // 2
        self._todo += [part[middle:], part[:middle]]

    def put_off(self) -> None:
        """Do all the others before the next part."""
        self._todo.insert(0, self._todo.pop())

    def put_first(self, items: Iterable[T]) -> None:
        """Add a part that comes next."""
        self._todo.append(list(items))

    def put_last(self, items: Iterable[T]) -> None:
        """Add to the part that comes last."""
        if not self._todo:
            self._todo.append([])
        self._todo[0] += items
