"""The database: PostgreSQL when DB_HOST names one, else an SQLite file."""

import os
import sys
from pathlib import Path
from typing import Any

from gamification.environment import BASE_DIR, file, integer, one_of, power_of_two, read, refuse, seconds, secret, words
from gamification.settings.deployment import PRODUCTION

DB_HOST = read("DB_HOST", words, "")
DB_PORT = read("DB_PORT", integer(1, 65535), 5432)
DB_NAME = read("DB_NAME", words, "")
DB_USER = read("DB_USER", words, "gamification")
DB_PASSWORD = read("DB_PASSWORD", secret, "")
DB_SSLMODE = read("DB_SSLMODE", one_of("disable", "allow", "prefer", "require", "verify-ca", "verify-full"), "")
DB_SSLROOTCERT = read("DB_SSLROOTCERT", file, "")  # whom to trust; without: what libpq finds
DB_TIMEOUT = read("DB_TIMEOUT", seconds(0.1, 3600), 2.5)  # what a request waits for one call to the database
DB_STATEMENT_TIMEOUT = read("DB_STATEMENT_TIMEOUT", seconds(0, 86_400), 0.0)  # the server's own; 0: none
DB_LOCK_TIMEOUT = read("DB_LOCK_TIMEOUT", seconds(0, 86_400), 0.0)
SHARES = read("SHARES", power_of_two(256), 1)  # chosen once: the database is made with it
KEY_CACHE = read("KEY_CACHE", seconds(0, 60), 5.0)  # for how long an API key is not looked up again

if PRODUCTION and not DB_HOST:
    refuse("DB_HOST", "production needs PostgreSQL, SQLite is for development")


def serves_the_web() -> bool:
    """Only there do many threads share connections; a command, a worker and a test each want one plain connection."""
    program, *arguments = sys.argv or [""]
    return arguments[:1] == ["serve"] or "uvicorn" in Path(program).parts


DATABASES: dict[str, dict[str, Any]]
if DB_HOST:
    DATABASES = {
        "default": {
            "ENGINE": "gamification.kernel.storage.postgresql",
            "HOST": DB_HOST,
            "PORT": DB_PORT,
            "NAME": DB_NAME or "gamification",
            "USER": DB_USER,
            "PASSWORD": DB_PASSWORD,
            "OPTIONS": {
                "connect_timeout": 2,
                "application_name": "gamification",
                # A server whose machine is gone, or that a partition has cut off, is noticed within half a minute.
                "keepalives_idle": 10,
                "keepalives_interval": 5,
                "keepalives_count": 3,
                "tcp_user_timeout": 25_000,  # milliseconds
            },
        }
    }
    DATABASES["default"]["OPTIONS"] |= {
        name: value for name, value in {"sslmode": DB_SSLMODE, "sslrootcert": DB_SSLROOTCERT}.items() if value
    }
    if serves_the_web():
        # Under ASGI every request has a thread, and so a connection, of its own: CONN_MAX_AGE would leak them. The
        # pool bounds them; a request that finds none within the timeout fails instead of queueing without end.
        # It is told of each attempt that failed, and makes the next when somebody asks: no pauses of its own.
        DATABASES["default"]["OPTIONS"]["pool"] = {
            "min_size": 2,
            "max_size": 16,
            "timeout": 10,
            "reconnect_timeout": 0,
        }
    limits = {"statement_timeout": DB_STATEMENT_TIMEOUT, "lock_timeout": DB_LOCK_TIMEOUT}
    if any(limits.values()):  # a pooler in between may refuse `options`, so there are none unless they are asked for
        DATABASES["default"]["OPTIONS"]["options"] = " ".join(
            f"-c {name}={limit * 1000:.0f}" for name, limit in limits.items() if limit
        )
else:
    SHARES = 1  # a file has no schemas
    DATABASES = {
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": BASE_DIR / (DB_NAME or "gamification.sqlite3"),
            "OPTIONS": {
                # A transaction that reads first and writes later cannot wait for another writer: it fails at once.
                # IMMEDIATE takes the write lock at the start, where it waits up to the busy timeout, in seconds.
                "transaction_mode": "IMMEDIATE",
                "timeout": 10,
                # synchronous=FULL: an event that was answered with 202 survives a power cut. secure_delete: what is
                # deleted is overwritten in the file too, so that an erased player cannot be read off its free pages.
                "init_command": """
                    PRAGMA journal_mode=WAL;
                    PRAGMA synchronous=FULL;
                    PRAGMA foreign_keys=ON;
                    PRAGMA secure_delete=ON;
                """,
            },
            # A file, not memory: threads and processes in tests meet the locks that they would meet in earnest.
            "TEST": {"NAME": BASE_DIR / f"test-{os.getpid()}.sqlite3"},
        }
    }

if SHARES > 1:
    DATABASE_ROUTERS = ["gamification.kernel.storage.shares.Router"]

DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
