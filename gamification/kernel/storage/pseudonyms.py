"""What a player may be told by where their id must not stand: a hash under a key that the database keeps.

The key is nobody's setting, so it outlives whatever is rotated; and it leads back to nobody without the database.
"""

from __future__ import annotations

import hmac
import secrets
from functools import cache

from gamification.kernel.core.messages import PlayerId
from gamification.kernel.models import PseudonymKey


def pseudonym(player_id: PlayerId) -> str:
    """The same for one player, always; 64 characters."""
    return under(kept_key(), player_id)


def under(key: bytes, player_id: PlayerId) -> str:
    return hmac.digest(key, player_id.encode(), "sha256").hex()


@cache
def kept_key() -> bytes:
    """Read once a process: the migration has made it, and nobody changes it."""
    kept, _ = PseudonymKey.objects.get_or_create(pk=1, defaults={"key": secrets.token_bytes(32)})
    return bytes(kept.key)
