"""Players' tokens: JWTs that are valid for an hour, unless they are ended before.

Each names the key that signed it (`kid`), so that keys can be rotated, and the *generation* of its player's tokens:
adding one to the number on the player's row ends all tokens that were issued before.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple

import jwt
from django.conf import settings
from django.utils import timezone

from gamification.kernel.core.messages import PLAYER_ID, PlayerId

TOKEN_LIFETIME = timedelta(hours=1)
MAX_CLOCK_SKEW = timedelta(minutes=1)
"""How far the clocks of two processes of one deployment may differ."""
REVOKED = "revoked_token"
"""The code with which a token of an older generation is refused."""


class BadToken(Exception):
    """A token that is refused. `code` says why; after `expired_token` and `revoked_token` a new one may help."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


class Token(NamedTuple):
    """What a token says."""

    player_id: PlayerId
    expires_at: datetime
    generation: int


class Admission(NamedTuple):
    """Whether a player may come in, and with which tokens."""

    locked_out: str | None = None
    """Why not, whatever the token: `banned`, `player_erased`."""
    generation: int = 0
    """Tokens of an older one have ended."""


_admission: Callable[[PlayerId], Admission] = lambda player_id: Admission()  # noqa: E731


def admit_by(tell: Callable[[PlayerId], Admission]) -> None:
    """Register what says whether a player may come in. composition.py does so at start-up."""
    global _admission
    _admission = tell


def issue_token(player_id: PlayerId, now: datetime, generation: int = 0) -> tuple[str, datetime]:
    """A new token, valid for an hour, and when it ends."""
    issued = int(now.timestamp())
    expires = issued + int(TOKEN_LIFETIME.total_seconds())
    claims = {
        "sub": player_id,
        "iss": settings.TOKEN_ISSUER,
        "aud": settings.TOKEN_AUDIENCE,
        "iat": issued,
        "exp": expires,
        "gen": generation,
    }
    named = {"kid": settings.TOKEN_KEY_ID}
    token = jwt.encode(claims, settings.TOKEN_KEY, algorithm=settings.TOKEN_ALGORITHM, headers=named)
    return token, datetime.fromtimestamp(expires, UTC)


def read_token(token: str) -> Token:
    """Whose token this is. Raises BadToken, also for a banned player's and for one that was ended."""
    read = read_claims(token)
    admission = _admission(read.player_id)
    if admission.locked_out:
        raise BadToken(admission.locked_out, "This player may not come in.")
    if read.generation < admission.generation:
        raise BadToken(REVOKED, "This token was ended.")
    return read


def read_claims(token: str) -> Token:
    """The same by what the token says alone: without a look at who was banned since, and so without a query."""
    try:
        claims = _verified(token)
        ends, issued, generation = float(claims["exp"]), float(claims["iat"]), claims.get("gen", 0)
    except jwt.ExpiredSignatureError:
        raise BadToken("expired_token", "This token has expired.") from None
    except (jwt.PyJWTError, ValueError, TypeError, OverflowError):
        raise BadToken("invalid_token", "This token is not valid here.") from None
    longest = TOKEN_LIFETIME.total_seconds()
    # Whatever `iat` says, no token may be valid for longer than an hour from now.
    if not (ends - issued <= longest and ends - timezone.now().timestamp() <= longest + MAX_CLOCK_SKEW.total_seconds()):
        raise BadToken("invalid_token", "This token lives longer than an hour.")
    player_id = claims["sub"]
    if not PLAYER_ID.fullmatch(player_id) or type(generation) is not int:
        raise BadToken("invalid_token", "This token names no player.")
    return Token(player_id, datetime.fromtimestamp(ends, UTC), generation)


def _verified(token: str) -> dict[str, Any]:
    """The claims, by the key that the token names; by any of ours, where it names none. Raises PyJWTError."""
    key_id = _key_named(token.partition(".")[0])
    keys = settings.TOKEN_KEYS
    if key_id is not None and key_id not in keys:
        raise jwt.InvalidKeyError("a key that is not ours")
    for key in keys.values() if key_id is None else [keys[key_id]]:
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                _prepared(settings.TOKEN_ALGORITHM, key),
                # Ours, never the one that the token names.
                algorithms=[settings.TOKEN_ALGORITHM],
                audience=settings.TOKEN_AUDIENCE,
                issuer=settings.TOKEN_ISSUER,
                # iat is checked by who calls; a clock that runs a moment behind the issuer's should not refuse a new
                # token.
                options={"require": ["aud", "iss", "exp", "iat", "sub"], "verify_iat": False},
            )
        except jwt.InvalidSignatureError:
            continue
        return claims
    raise jwt.InvalidSignatureError("signed by nobody here")


@lru_cache(maxsize=64)
def _key_named(header: str) -> Any:
    """The key that a token's first part names. There are as many of these as keys; reading one takes a third of the
    time that a token does."""
    return jwt.get_unverified_header(f"{header}.e30.").get("kid")


@lru_cache(maxsize=64)
def _prepared(algorithm: str, key: str) -> jwt.PyJWK:
    """A key as it is verified by: read from its text once, not for each token."""
    reader = jwt.get_algorithm_by_name(algorithm)
    return jwt.PyJWK.from_json(reader.to_jwk(reader.prepare_key(key)), algorithm)
