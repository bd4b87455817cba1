"""The words that a column may hold, known to rules, models, forms and routes alike."""

from __future__ import annotations

from enum import StrEnum


class Vocabulary(StrEnum):
    """One table of words. A word is a string like any other, and `match` can tell whether all of them are treated."""

    @property
    def label(self) -> str:
        """As forms show it."""
        return self.value.replace("_", " ").title()

    @classmethod
    def choices(cls) -> list[tuple[str, str]]:
        """As Django's fields ask for it. Plain strings, so that migrations import nothing."""
        return [(word.value, word.label) for word in cls]
