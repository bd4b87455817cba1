"""How long a player's token is good for."""

from __future__ import annotations

import base64
import json
import time

EARLY = 60.0
"""Seconds before its end, in which a token is no longer used."""


def good_for(token: str) -> float:
    """Seconds, by how long it was made to last, so that a device whose clock is wrong can use it too."""
    try:
        claims = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
        return max(EARLY, float(claims["exp"]) - float(claims["iat"]) - EARLY)
    except (ValueError, IndexError, KeyError, TypeError):
        return EARLY  # whatever it is, the service will say


class Kept:
    """The token in use, and when to ask for another."""

    def __init__(self) -> None:
        self.text = ""
        self.refused = ""
        self._ends = 0.0

    @property
    def is_good(self) -> bool:
        return bool(self.text) and time.monotonic() < self._ends

    def take(self, text: str) -> str:
        self.text = text.strip()
        self._ends = time.monotonic() + good_for(self.text)
        return self.text

    def refuse(self, text: str) -> None:
        """The service does not take it. Another may have followed it meanwhile: that one stays."""
        if text == self.text:
            self.refused, self.text = text, ""
