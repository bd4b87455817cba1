"""Shares of the players: which of them somebody belongs to, by arithmetic alone.

A deployment on more than one machine cuts its players into a number of shares, chosen once. What is kept of a player is
kept in their share, what they do is processed in the order of their share. So every process, of whatever language, has
to come to the same share, for ever: CRC-32 of the id, which everything knows, modulo the number.

What only has an id names its share by it: the last byte of a UUID is that of the CRC, and the rows of share k are
numbered k + 1, k + 1 + N, k + 1 + 2 N, ...
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar
from uuid import UUID
from zlib import crc32

from gamification.kernel.core.messages import PlayerId

MOST = 256
"""The most shares that there may be: a byte tells them apart."""

T = TypeVar("T")


def can_be(number: int) -> bool:
    """Whether players can be cut into so many shares: a power of two, so that the last byte of an id is enough."""
    return 1 <= number <= MOST and number & (number - 1) == 0


def share_of(player_id: PlayerId, number: int) -> int:
    return crc32(player_id.encode()) % number


def share_of_uuid(id_: UUID, number: int) -> int:
    """The share of the player whom this id was marked with."""
    return id_.bytes[-1] % number


def share_of_row(pk: int, number: int) -> int:
    """The share whose sequence gave this number."""
    return (pk - 1) % number


def marked(id_: bytes, player_id: PlayerId) -> UUID:
    """These 16 bytes as a UUID, the last one replaced by that of the player's CRC."""
    return UUID(bytes=id_[:-1] + bytes([crc32(player_id.encode()) & 0xFF]))


def numbering(share: int, number: int) -> tuple[int, int]:
    """The first number of a share's sequences, and the step to the next."""
    return share + 1, number


def by_share(items: Iterable[T], player: Callable[[T], PlayerId], number: int) -> dict[int, list[T]]:
    """The items of each share, in their order; of one share, without a look at them."""
    if number == 1:
        return {0: list(items)}
    found: dict[int, list[T]] = {}
    for item in items:
        found.setdefault(share_of(player(item), number), []).append(item)
    return found
