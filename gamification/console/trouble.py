"""What a check of `doctor` raises: what is wrong, and what to do about it."""

from __future__ import annotations


class Trouble(Exception):
    def __init__(self, what: str, do: str) -> None:
        super().__init__(what)
        self.what, self.do = what, do


def line(problem: Exception) -> str:
    """The first line of an error's text, as a sentence."""
    said = (str(problem).strip() or type(problem).__name__).splitlines()[0].rstrip(".")
    return f"{said}."
