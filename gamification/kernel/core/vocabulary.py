"""The words that a column may hold, known to rules, models, forms and routes alike."""

from __future__ import annotations

from enum import StrEnum


class Vocabulary(StrEnum):
    """One table of words. Each is a string, and mypy checks that a `match` over them has a case for every one."""

    @property
    def label(self) -> str:
        """The word as forms show it."""
        return self.value.replace("_", " ").title()

    @classmethod
    def choices(cls) -> list[tuple[str, str]]:
        """The words as Django's `choices`: plain strings, so that migrations import nothing of ours."""
        return [(word.value, word.label) for word in cls]


class BackfillMode(Vocabulary):
    """How players are told what a backfill completed: each by its own message, all in one message, or not at all."""

    NOTIFY = "NOTIFY"
    DIGEST = "DIGEST"
    SILENT = "SILENT"
