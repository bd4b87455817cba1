"""Django's PostgreSQL backend, with a limit to every wait, as `database_timeout` sets it, and the schema of a share at
the beginning of every transaction, as `shares` names it."""

from __future__ import annotations

import time
from contextlib import closing
from typing import Any, ClassVar

import psycopg
from django.conf import settings
from django.db import connection, transaction
from django.db.backends.postgresql import base
from psycopg._capabilities import capabilities
from psycopg.pq import TransactionStatus

from gamification.kernel.storage import database_timeout, share_schemas, shares

CANCEL_TIMEOUT = 0.2
"""Seconds that a server may take to note a cancellation. One that is merely busy may need longer: then it counts
whether anybody else was answered meanwhile."""


class Connection(psycopg.Connection[Any]):
    heard: ClassVar[float] = float("-inf")
    """When the database last answered anybody in this process."""

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        """Whatever psycopg waits for on a connection, it waits for here."""
        limit = database_timeout.limit()
        began = time.monotonic()
        try:
            answer = super().wait(gen, interval, timeout if limit is None else limit)
        except psycopg.errors._WaitTimeout:
            if limit is None:
                raise
            answers = self._is_cancelled() or Connection.heard > began
            self.pgconn.finish()  # what would still come is nobody's answer
            why = f"nothing came for {limit:g} s"
            if not answers:
                database_timeout.breaker.open(why, hang_up=hang_up, ask=ask)
            raise psycopg.OperationalError(f"the call was given up: {why}") from None
        Connection.heard = time.monotonic()
        return answer

    def _is_cancelled(self) -> bool:
        """A living server takes note of it at once."""
        try:
            if capabilities.has_cancel_safe():  # what older clients have would wait for ever
                self.cancel_safe(timeout=CANCEL_TIMEOUT)
                return True
        except psycopg.Error:
            pass
        return False


class PooledConnection(Connection):
    @classmethod
    def connect(cls, *arguments: Any, **options: Any) -> Any:
        try:
            return super().connect(*arguments, **options)
        except psycopg.OperationalError as failure:
            why = str(failure).strip().splitlines()[0]
            if "FATAL" not in why:  # which would be a living server's word
                database_timeout.breaker.open(why, hang_up=hang_up, ask=ask)
            raise


def hang_up() -> None:
    """Whoever waits for a connection of the pool waits no longer, and none that is dead stays for later."""
    postgresql: Any = connection
    if postgresql.pool is not None:
        postgresql.pool.close(timeout=0)  # its threads may still be connecting, and those who wait come after them
        postgresql.close_pool()


def ask() -> None:
    """Raises unless the database answers."""
    parameters = connection.get_connection_params()
    with closing(Connection.connect(**parameters)) as asked, database_timeout.within(parameters["connect_timeout"]):
        asked.execute("SELECT 1")


def _in_a_transaction(execute: Any, sql: Any, params: Any, many: Any, context: dict[str, Any]) -> Any:
    """Give a statement that stands alone within a share a transaction, in which the share is named."""
    database: DatabaseWrapper = context["connection"]
    if database.share is None or database.in_atomic_block:
        return execute(sql, params, many, context)
    with transaction.atomic(using=database.alias):
        return execute(sql, params, many, context)


class DatabaseWrapper(base.DatabaseWrapper):
    share: int | None = None
    """The share that is named (`shares.within`)."""
    share_of_transaction: int | None = None
    """The share that the transaction under way was named, if any."""
    migrating: int | None = None
    """The share whose schema is being migrated."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if settings.SHARES > 1:
            self.execute_wrappers.append(_in_a_transaction)

    def init_connection_state(self) -> None:
        super().init_connection_state()
        share_schemas.expect_as_many(self.connection)

    def set_autocommit(self, autocommit: bool, force_begin_transaction_with_broken_autocommit: bool = False) -> None:
        super().set_autocommit(autocommit, force_begin_transaction_with_broken_autocommit)
        self.share_of_transaction = None
        if not autocommit and self.share is not None:
            self.name_share()

    def name_share(self) -> None:
        """Have the transaction look into the schema of the share that is named. One that has failed looks no more."""
        if self.share is not None:
            self.share_of_transaction = self.share
        if self.connection.info.transaction_status != TransactionStatus.INERROR:
            with self.wrap_database_errors:
                self.connection.execute(f"SET LOCAL search_path TO {shares.path(self.share)}")

    @property
    def pool(self) -> Any:
        options = self.settings_dict["OPTIONS"].get("pool")
        if options:
            options.setdefault("connection_class", PooledConnection)
        return super().pool

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        if database_timeout.limit() is not None and database_timeout.breaker.is_open:
            raise psycopg.OperationalError(f"the database does not answer: {database_timeout.breaker.why}")
        self.isolation_level = psycopg.IsolationLevel.READ_COMMITTED
        if self.pool:
            self.pool.open()
            return self.pool.getconn()
        return Connection.connect(**conn_params)
