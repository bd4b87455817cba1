"""Logs: one line a record, key=value, on stderr."""

from gamification.settings.deployment import LOG_LEVEL

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {
            "()": "gamification.kernel.core.logs.Line",
            "style": "{",
            # !r keeps a message on its line whatever a client put into it. Z is true: Django sets the process to UTC.
            "format": "time={asctime}.{msecs:03.0f}Z level={levelname} logger={name}{request} message={message!r}",
            "datefmt": "%Y-%m-%dT%H:%M:%S",
        },
    },
    "filters": {"once an interval": {"()": "gamification.kernel.core.logs.OnceAnInterval"}},
    "handlers": {
        "stderr": {"class": "logging.StreamHandler", "formatter": "line", "filters": ["once an interval"]},
    },
    "root": {"handlers": ["stderr"], "level": LOG_LEVEL},
    "loggers": {
        "django": {"handlers": [], "level": LOG_LEVEL, "propagate": True},  # not Django's own format as well
        "django.db.backends": {"level": "INFO"},  # at DEBUG every query's values: players' data
        "django.security.DisallowedHost": {"level": "CRITICAL"},  # any scanner's Host; the answer is 400 all the same
        "asyncio": {"level": "INFO"},
        "psycopg.pool": {"level": "ERROR"},  # kernel.storage.database_timeout says once that there is no answer
        "gamification.feed.transport": {"level": "WARNING"},  # not two lines a connection, nor what stood in its URL
    },
}
