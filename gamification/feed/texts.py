"""A numbered message as sockets are sent it: composed in one place, whether it was read or comes with a hint."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

import msgspec

from gamification.kernel.core.encoding import instant
from gamification.kernel.core.fact_types import FactType
from gamification.kernel.core.messages import PlayerId


class Numbered(NamedTuple):
    seq: int
    text: str
    """The message as it is sent."""
    completed: str
    """The id of the achievement that it says is completed; else empty."""


def numbered(player_id: PlayerId, seq: int, type_: str, data: str, at: datetime) -> Numbered:
    """`data` is JSON text already, and the other texts hold nothing that JSON would escape."""
    text = f'{{"seq":{seq},"type":"{type_}","player_id":"{player_id}","data":{data},"timestamp":"{instant(at)}"}}'
    completed = msgspec.json.decode(data)["id"] if type_ == FactType.ACHIEVEMENT_COMPLETED else ""
    return Numbered(seq, text, completed)
