"""What stays of an erased player's money: transfers that add up, and lead nowhere."""

from __future__ import annotations

import secrets
from uuid import uuid4

from gamification.kernel.core.messages import PlayerId
from gamification.kernel.storage import sql
from rewards.models import Transfer

CHUNK = 5_000
"""Transfers renamed by one statement."""
_COLUMNS = ("id", "player_id", "debit_account", "credit_account", "cause")


def pseudonymise(player_id: PlayerId) -> None:
    """Give all transfers of a player one random name, which no player can have.

    Of a cause its first word stays: what follows is a person's free text or a distribution's id. That one is a function
    of the player and what they earned, and a transfer's id one of it: whoever guessed the player could work them out.
    So the ids become random, too.
    """
    name = f"~{secrets.token_hex(16)}"
    account, renamed = f"player:{player_id}", f"player:{name}"
    mine = Transfer.objects.filter(player_id=player_id)
    while found := list(mine.values_list(*_COLUMNS)[:CHUNK]):
        rows = []
        for id_, _, debit, credit, cause in found:
            sides = (renamed if side == account else side for side in (debit, credit))
            purpose, colon, _ = cause.partition(":")
            rows.append((id_, uuid4(), name, *sides, purpose if colon else ""))
        sql.update(Transfer, ("id",), _COLUMNS, rows)
