"""Columns of the table of events, which takes most of the disk: as narrow as they can be, and found by a narrow index.

On PostgreSQL an index over (player, event id) would hold both texts once more, in pages that are half empty since a
player's ids mostly rise: a third of what an event leaves on the disk. So the index there is over two hashes of 64 bits,
of the player and of the whole identity. Two identities would have to share both for one to be refused. Whoever looks
for a player's events looks for the hash first. On SQLite the index is over the columns themselves.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from django.db import models
from django.db.models.lookups import Exact, In
from psycopg.types.json import Json

from gamification.kernel.core.encoding import json_text

if TYPE_CHECKING:  # generic for mypy only
    TextColumn = models.CharField[str, str]
    AnyLookup = Exact[Any]
    AnyIn = In[Any]
else:
    TextColumn, AnyLookup, AnyIn = models.CharField, Exact, In


JOINED = " || ' ' || "


def hash_of(*texts: str) -> str:
    """The SQL expression by which texts are found. Ids have no spaces, so only equal ones are joined to equal texts."""
    return f"hashtextextended({JOINED.join(texts)}, 0)"


class HashedText(TextColumn):
    """A text that PostgreSQL finds by its hash."""

    def deconstruct(self) -> tuple[str, str, Sequence[Any], dict[str, Any]]:
        name, _, args, kwargs = super().deconstruct()
        return name, "django.db.models.CharField", args, kwargs  # migrations import nothing of the project


@HashedText.register_lookup
class HashedExact(AnyLookup):
    def as_postgresql(self, compiler: Any, connection: Any) -> tuple[str, list[Any]]:
        plain, parameters = self.as_sql(compiler, connection)
        if not self.rhs_is_direct_value():
            return plain, list(parameters)
        column, more = self.process_lhs(compiler, connection)
        return f"({hash_of(column)} = {hash_of('%s')} AND {plain})", [*more, self.rhs, *parameters]


@HashedText.register_lookup
class HashedIn(AnyIn):
    def as_postgresql(self, compiler: Any, connection: Any) -> tuple[str, list[Any]]:
        plain, parameters = self.as_sql(compiler, connection)
        if not self.rhs_is_direct_value():
            return plain, list(parameters)
        column, more = self.process_lhs(compiler, connection)
        values = list(self.rhs)
        hashes = ", ".join([hash_of("%s")] * len(values))
        return f"({hash_of(column)} IN ({hashes}) AND {plain})", [*more, *values, *parameters]


class JsonText(models.JSONField):
    """JSON that is read whole: PostgreSQL keeps it as the text that it came as, which is shorter than jsonb and costs
    less to take in.
    """

    def deconstruct(self) -> tuple[str, str, Sequence[Any], dict[str, Any]]:
        name, _, args, kwargs = super().deconstruct()
        return name, "django.db.models.JSONField", args, kwargs

    def get_db_prep_value(self, value: Any, connection: Any, prepared: bool = False) -> Any:
        if connection.vendor == "postgresql":
            return Json(value, dumps=json_text)
        return super().get_db_prep_value(value, connection, prepared)

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Any:
        if connection.vendor == "postgresql":
            return value  # the driver has read it
        return super().from_db_value(value, expression, connection)
