"""Who is calling, and what they may: game servers by API key, players by token.

Everything is denied unless a view says otherwise: `scopes = {"GET": "players:read"}` names what a game server's key
must bear for each method (or several scopes, of which one is enough), `player_may = {"GET"}` the methods open to a
player's token.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from gamification.kernel.core.actors import SYSTEM, Actor
from gamification.kernel.core.audit import change
from gamification.kernel.core.messages import A_PLAYER_ID, PLAYER_ID, Invalid, NotFound, PlayerId
from gamification.kernel.models import ApiKey
from gamification.kernel.storage import audit_log, shares
from gamification.kernel.web import known_keys
from gamification.kernel.web.tokens import BadToken, read_token

if TYPE_CHECKING:
    from rest_framework.views import APIView  # it imports this module

SCOPES = (
    "events:write",
    "players:read",
    "players:write",
    "content:read",
    "content:write",
    "rewards:grant",
    "analytics:read",
    "tokens:mint",
    "players:erase",
    "anticheat:decide",
    "anticheat:write",
    "audit:read",
    "facts:read",
    "webhooks:write",
)
INCLUDED = {"players:write": frozenset({"tokens:mint", "players:erase", "anticheat:decide"})}
"""Scope → narrower scopes that it includes; a key may have one of these alone."""


class AllOf(tuple[str, ...]):
    """Scopes of which a key must bear each, where a view would be content with one of several."""

    __slots__ = ()


_CREDENTIAL = re.compile(r"[A-Za-z0-9]{1,16}\.[A-Za-z0-9_-]{1,128}")
_WWW_AUTHENTICATE = 'Api-Key realm="gamification", Bearer realm="gamification"'


# -- who calls ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class GameServer:
    """The caller behind an API key."""

    key: ApiKey
    scopes: frozenset[str]
    is_authenticated: bool = field(default=True, init=False)

    @property
    def caller(self) -> str:
        """The same for a key and its successors, so that a request may be repeated after a rotation."""
        return f"key:{self.key.lineage or self.key.pk}"

    @property
    def actor(self) -> Actor:
        return Actor.key(self.key.prefix)


@dataclass(frozen=True, slots=True)
class PlayerToken:
    """The caller behind a player's token."""

    player_id: PlayerId
    is_authenticated: bool = field(default=True, init=False)

    @property
    def caller(self) -> str:
        return f"player:{self.player_id}"

    @property
    def actor(self) -> Actor:
        return Actor.player(self.player_id)


Principal = GameServer | PlayerToken


# -- API keys ----------------------------------------------------------------------------------------------------------


@transaction.atomic
def create_key(
    name: str,
    scopes: Iterable[str],
    expires: datetime | None = None,
    *,
    rate_limit: int | None = None,
    lineage: int | None = None,
    actor: Actor = SYSTEM,
) -> tuple[ApiKey, str]:
    """A new key and its text, `<prefix>.<secret>`, which nobody can be told again. ValueError: an unknown scope."""
    scopes = sorted(set(scopes))
    if unknown := [scope for scope in scopes if scope not in SCOPES]:
        raise ValueError(f"unknown scope {', '.join(unknown)}: choose from {', '.join(SCOPES)}")
    if not 1 <= len(name) <= 100:
        raise ValueError("a key's name has 1 to 100 characters")
    prefix, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
    key = ApiKey.objects.create(
        prefix=prefix,
        hashed_secret=_hashed(secret),
        name=name,
        scopes=scopes,
        expires_at=expires,
        rate_limit=rate_limit,
        lineage=lineage,
        created_by=actor.signature,
    )
    audit_log.put(actor, "create_api_key", [change("api_key", prefix, None, _told(key))], at=key.created_at)
    return key, f"{prefix}.{secret}"


@transaction.atomic
def rotate(
    key: ApiKey, *, now: datetime, overlap: timedelta = timedelta(days=1), actor: Actor = SYSTEM
) -> tuple[ApiKey, str]:
    """A successor of the same lineage, name, scopes and limit, which lasts as long as the old key was made to; that one
    goes on working for `overlap`, but no longer."""
    expires = None if key.expires_at is None else now + (key.expires_at - key.created_at)
    successor = create_key(
        key.name, key.scopes, expires, rate_limit=key.rate_limit, lineage=key.lineage or key.pk, actor=actor
    )
    end = now + overlap
    ApiKey.objects.filter(Q(expires_at=None) | Q(expires_at__gt=end), pk=key.pk).update(expires_at=end)
    was = _told(key)
    key.refresh_from_db()
    after = _told(key) | {"successor": successor[0].prefix}
    audit_log.put(actor, "rotate_api_key", [change("api_key", key.prefix, was, after)], at=now)
    return successor


def revoke_keys(keys: QuerySet[ApiKey], *, now: datetime, actor: Actor) -> int:
    """Refuse these keys from now on. Returns how many were at work."""
    with transaction.atomic():
        prefixes = list(keys.filter(revoked_at=None).select_for_update().values_list("prefix", flat=True))
        ApiKey.objects.filter(prefix__in=prefixes).update(revoked_at=now, revoked_by=actor.signature)
        changes = [change("api_key", prefix, {"revoked": False}, {"revoked": True}) for prefix in prefixes]
        audit_log.put(actor, "revoke_api_key", changes, at=now)
    return len(prefixes)


def _told(key: ApiKey) -> dict[str, Any]:
    """What the audit log says of a key: never its secret, hashed or not."""
    ends = key.expires_at.isoformat() if key.expires_at else None
    return {"name": key.name, "scopes": list(key.scopes), "expires_at": ends, "rate_limit": key.rate_limit}


def with_included(scopes: Iterable[str]) -> frozenset[str]:
    """These scopes and the narrower ones that they include."""
    return _with_included(tuple(scopes))


@lru_cache(maxsize=1024)
def _with_included(scopes: tuple[str, ...]) -> frozenset[str]:
    return frozenset().union(*({scope} | INCLUDED.get(scope, frozenset()) for scope in scopes))


def _hashed(secret: str) -> str:
    # A fast hash is enough: the secret is 256 random bits, not something a person chose.
    return hashlib.sha256(secret.encode()).hexdigest()


class ApiKeyAuthentication(BaseAuthentication):
    """`Authorization: Api-Key <prefix>.<secret>`. One that was revoked is refused within KEY_CACHE seconds."""

    def authenticate(self, request: Request) -> tuple[GameServer, GameServer] | None:
        credential = _credential(request, b"api-key")
        if credential is None:
            return None
        server = game_server(credential, timezone.now())
        return server, server

    def authenticate_header(self, request: Request) -> str:
        return _WWW_AUTHENTICATE


def game_server(credential: str, now: datetime) -> GameServer:
    """The game server that has this key; notes that it was used. Raises AuthenticationFailed."""
    if not _CREDENTIAL.fullmatch(credential):
        raise AuthenticationFailed("An API key reads <prefix>.<secret>.")
    key = known_keys.find(credential.partition(".")[0])
    server = bearer(credential, key, now)
    known_keys.note_use(server.key, now)
    return server


def bearer(credential: str, key: ApiKey | None, now: datetime) -> GameServer:
    """Who bears `key`, which was found by the prefix of the credential. Raises AuthenticationFailed."""
    if key is None or not hmac.compare_digest(key.hashed_secret, _hashed(credential.partition(".")[2])):
        raise AuthenticationFailed("This API key is not known.")
    if key.revoked_at is not None:
        raise AuthenticationFailed("This API key was revoked.", code="key_revoked")
    if key.expires_at is not None and key.expires_at <= now:
        raise AuthenticationFailed("This API key has expired.", code="key_expired")
    return GameServer(key, with_included(key.scopes))


# -- players' tokens ---------------------------------------------------------------------------------------------------


class PlayerTokenAuthentication(BaseAuthentication):
    """`Authorization: Bearer <JWT>`."""

    def authenticate(self, request: Request) -> tuple[PlayerToken, PlayerToken] | None:
        credential = _credential(request, b"bearer")
        if credential is None:
            return None
        try:
            token = read_token(credential)
        except BadToken as bad:
            raise AuthenticationFailed(bad.detail, code=bad.code) from None
        player = PlayerToken(token.player_id)
        return player, player

    def authenticate_header(self, request: Request) -> str:
        return _WWW_AUTHENTICATE


def _credential(request: Request, scheme: bytes) -> str | None:
    """What follows the scheme's name in `Authorization`; None when another scheme (or nothing) is there."""
    words = get_authorization_header(request).split()
    if not words or words[0].lower() != scheme:
        return None
    try:
        [credential] = words[1:]
        return credential.decode("ascii")
    except ValueError:
        raise AuthenticationFailed("The Authorization header reads `<scheme> <credential>`.") from None


# -- what they may -----------------------------------------------------------------------------------------------------


class HasScope(BasePermission):
    """Denies what the view's `scopes` and `player_may` do not allow."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        principal: Any = request.user
        method = {"HEAD": "GET", "OPTIONS": "GET"}.get(request.method or "", request.method or "")
        if isinstance(principal, GameServer | PlayerToken) and not hasattr(view, method.lower()):
            return True  # on to "method not allowed"
        if isinstance(principal, PlayerToken):
            self.message, self.code = "A player's token does not open this.", "not_for_players"
            return method in getattr(view, "player_may", ())
        if isinstance(principal, GameServer):
            wanted = scopes_of(view, method)
            if isinstance(wanted, AllOf):
                missing = [scope for scope in wanted if scope not in principal.scopes]
            else:
                missing = [] if not principal.scopes.isdisjoint(wanted) else [" or ".join(wanted)]
            self.message, self.code = f"This key lacks the scope {' and '.join(missing)}.", "missing_scope"
            return not missing
        return False


def scopes_of(view: object, method: str) -> Sequence[str]:
    """The scopes of which a key must bear one (`AllOf`: each) for this method of a view; none: it is open to no key."""
    scopes: Mapping[str, str | Sequence[str]] = getattr(view, "scopes", {})
    found = scopes.get(method, ())
    return (found,) if isinstance(found, str) else found


def principal(request: Request) -> Principal:
    """Who calls; only for views behind HasScope, where somebody always does."""
    caller: Any = request.user
    if not isinstance(caller, GameServer | PlayerToken):
        raise TypeError("this view is open to callers without a name")
    return caller


def actor(request: Request) -> Actor:
    """Who does what the request asks for."""
    return principal(request).actor


def concerned(request: Request) -> set[PlayerId]:
    """The players whom a request is about, as far as is known. Erasing one of them deletes the answer that is kept."""
    found: set[PlayerId] = request._request.__dict__.setdefault("concerned", set())
    return found


def is_player(request: Request) -> bool:
    return isinstance(request.user, PlayerToken)


def acting_player(request: Request, named: Any, *, path: str = "player_id") -> PlayerId:
    """For whom a call acts that names the player in its body or query (`named`, None when it does not).

    A player acts as the token's subject, and anybody else is unknown; a game server must say for whom. From here on the
    request's statements go to that player's share.
    """
    player_id = _acting_player(principal(request), named, path)
    concerned(request).add(player_id)
    shares.enter(player_id)
    return player_id


def _acting_player(caller: Principal, named: Any, path: str) -> PlayerId:
    if isinstance(caller, PlayerToken):
        if named not in (None, "me", caller.player_id):
            raise NotFound("There is no such player.")
        return caller.player_id
    if named is None or named == "":
        detail = "A game server says for which player it acts."
        raise Invalid(detail, [{"path": path, "code": "required", "detail": detail}])
    if not isinstance(named, str) or not PLAYER_ID.fullmatch(named):
        raise Invalid(A_PLAYER_ID, [{"path": path, "code": "invalid", "detail": A_PLAYER_ID}])
    return named


def player_in_path(request: Request, player_id: str) -> PlayerId:
    """The player that a URL names: `me` is the token's subject, and a player finds nobody else. From here on the
    request's statements go to that player's share."""
    player_id = _player_in_path(principal(request), player_id)
    concerned(request).add(player_id)
    shares.enter(player_id)
    return player_id


def _player_in_path(caller: Principal, player_id: str) -> PlayerId:
    if isinstance(caller, PlayerToken):
        if player_id not in ("me", caller.player_id):
            raise NotFound("There is no such player.")
        return caller.player_id
    if not PLAYER_ID.fullmatch(player_id):
        raise NotFound(A_PLAYER_ID, [{"path": "player_id", "code": "invalid", "detail": A_PLAYER_ID}])
    return player_id
