"""Pseudonyms: a keyed hash of a player's id, for rows in which the id must not stand.

The database keeps the key, not the settings, so that rotating secrets changes no pseudonym. Without the key nobody can
find the player by trying ids.
"""

from __future__ import annotations

import hmac
import secrets
from functools import cache

from gamification.kernel.core.messages import PlayerId
from gamification.kernel.models import PseudonymKey


def pseudonym(player_id: PlayerId) -> str:
    """A player's pseudonym: 64 characters, always the same."""
    return hmac.digest(pseudonym_key(), player_id.encode(), "sha256").hex()


@cache
def pseudonym_key() -> bytes:
    """The key, read once in each process, since it never changes."""
    kept, _ = PseudonymKey.objects.get_or_create(pk=1, defaults={"key": secrets.token_bytes(32)})
    return bytes(kept.key)
