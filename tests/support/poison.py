"""An event that the database refuses."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.db import connection

from gamification.kernel.models import Event


@contextmanager
def poison(event_id: str, sqlstate: str = "22023") -> Iterator[Callable[[], None]]:
    """The database refuses this event, as it would refuse a value that it cannot hold; until it is cured."""
    table = Event._meta.db_table
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                f"CREATE FUNCTION spit() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
                f" IF NEW.event_id = '{event_id}' THEN RAISE EXCEPTION 'poison' USING ERRCODE = '{sqlstate}'; END IF;"
                f" RETURN NEW; END $$; CREATE TRIGGER spit BEFORE INSERT ON {table} FOR EACH ROW"
                f" EXECUTE FUNCTION spit()"
            )
        else:
            cursor.execute(
                f"CREATE TRIGGER spit BEFORE INSERT ON {table} WHEN NEW.event_id = '{event_id}'"
                f" BEGIN SELECT RAISE(ABORT, 'poison'); END"
            )

    def cure() -> None:
        with connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                cursor.execute("DROP FUNCTION IF EXISTS spit CASCADE")
            else:
                cursor.execute("DROP TRIGGER IF EXISTS spit")

    try:
        yield cure
    finally:
        cure()
