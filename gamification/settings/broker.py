"""The broker, and Celery on it: RabbitMQ when RABBITMQ_URL names one, else everything happens in place."""

import ssl
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

from gamification.environment import broker, file, read, secret, words

RABBITMQ_EXCHANGE = read("RABBITMQ_EXCHANGE", words, "gamification")
RABBITMQ_USER = read("RABBITMQ_USER", words, "")
RABBITMQ_PASSWORD = read("RABBITMQ_PASSWORD", secret, "")


def with_login(url: str) -> str:
    if not url:
        return ""
    parts = urlsplit(url)
    user = parts.username or quote(RABBITMQ_USER, safe="")
    password = parts.password or quote(RABBITMQ_PASSWORD, safe="")
    login = f"{user}:{password}@" if user and password else f"{user}@" if user else ""
    return urlunsplit(parts._replace(netloc=login + parts.netloc.rpartition("@")[2]))


RABBITMQ_URL = with_login(read("RABBITMQ_URL", broker, ""))
RABBITMQ_CA_FILE = read("RABBITMQ_CA_FILE", file, "")  # whom to trust; without: whom the system trusts
RABBITMQ_TLS: dict[str, Any] | bool = False
if RABBITMQ_URL.startswith("amqps:"):
    # Named, because the library checks by itself who signed the certificate, but not for whom.
    RABBITMQ_TLS = {"cert_reqs": ssl.CERT_REQUIRED, "server_hostname": urlsplit(RABBITMQ_URL).hostname}
    if RABBITMQ_CA_FILE:
        RABBITMQ_TLS["ca_certs"] = RABBITMQ_CA_FILE

CELERY_BROKER_URL = RABBITMQ_URL or "memory://"
CELERY_BROKER_USE_SSL = RABBITMQ_TLS
CELERY_TASK_ALWAYS_EAGER = not RABBITMQ_URL
# A task is done when it has returned: one that raised is parked, one whose process was killed is delivered again, and
# parked after a few times (gamification/celery.py). Celery's defaults lose both.
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_ACKS_ON_FAILURE_OR_TIMEOUT = False
CELERY_TASK_DEFAULT_DELIVERY_MODE = "persistent"
CELERY_BROKER_TRANSPORT_OPTIONS = {"confirm_publish": True}
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None  # a broker may be away for a night
CELERY_BROKER_CHANNEL_ERROR_RETRY = True  # a channel that RabbitMQ closed is opened again; the worker lives on
CELERY_WORKER_POOL = "solo"  # events are processed where the broker's frames are read; one process a core
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
# RabbitMQ 4.3 refuses the transient queues by which workers are controlled from afar.
CELERY_WORKER_ENABLE_REMOTE_CONTROL = False
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TASK_IGNORE_RESULT = True  # results are rows and facts, not messages
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TIMEZONE = "UTC"
