"""Settings, all from the environment; a `.env` beside manage.py fills in what the environment leaves out.

A value that makes no sense, or that production must not run with, ends the start (environment.py). An empty value is an
unset one, so a compose file may pass variables on unconditionally.
"""

import hashlib
import hmac
import os
import ssl
import sys
import warnings
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

import environ

from gamification.environment import VARIABLES_READ as VARIABLES_READ
from gamification.environment import (
    broker,
    file,
    flag,
    integer,
    is_guessable,
    listed,
    networks,
    one_of,
    origins,
    path,
    pem,
    pems,
    read,
    refuse,
    seconds,
    secret,
    token_key,
    words,
    zone,
)

BASE_DIR = Path(__file__).resolve().parent.parent
environ.Env.read_env(BASE_DIR / ".env")

# ---- The deployment -------------------------------------------------------------------------------------------------

PRODUCTION = read("APP_ENV", one_of("development", "production"), "development") == "production"
PORT = read("PORT", integer(1, 65535), 3000)
LOG_LEVEL = read("LOG_LEVEL", one_of("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"), "INFO")
PLAYER_TIME_ZONE = read("TIME_ZONE", zone, "UTC")  # of players who have set none; the service itself thinks in UTC

INSECURE_SECRET_KEY = "insecure-development-key-that-everyone-can-read-in-the-source-and-production-refuses"
SECRET_KEY = read("SECRET_KEY", secret, INSECURE_SECRET_KEY)
no_fallbacks: list[str] = []
SECRET_KEY_FALLBACKS = read("SECRET_KEY_FALLBACKS", listed, no_fallbacks)  # what older keys signed still verifies
if PRODUCTION:
    if SECRET_KEY.startswith("insecure-") or is_guessable(SECRET_KEY):
        refuse("SECRET_KEY", "production needs a secret of its own, 50 random characters (at least 32 bytes)")
    if any(map(is_guessable, SECRET_KEY_FALLBACKS)):
        refuse("SECRET_KEY_FALLBACKS", "production needs each to be as good as SECRET_KEY")

ALLOWED_HOSTS = read("ALLOWED_HOSTS", listed, [] if PRODUCTION else ["localhost", "127.0.0.1", "[::1]"])
if PRODUCTION and not ALLOWED_HOSTS:
    refuse("ALLOWED_HOSTS", "production needs the host names it answers to, separated by commas")

WS_PORT = read("WS_PORT", integer(1, 65535), PORT)
WS_PATH = read("WS_PATH", path, "/game-events")
WS_MAX_CONNECTIONS = read("WS_MAX_CONNECTIONS", integer(0, 10_000_000), 10_000)
WS_MAX_PER_PLAYER = read("WS_MAX_PER_PLAYER", integer(1, 10_000_000), 20)
ALLOWED_ORIGINS = read(
    "ALLOWED_ORIGINS",
    origins,
    [] if PRODUCTION else [f"http://{host}:{port}" for host in ("localhost", "127.0.0.1") for port in (PORT, WS_PORT)],
)
CORS_ALLOWED_ORIGINS = ALLOWED_ORIGINS
no_origins: list[str] = []
CSRF_TRUSTED_ORIGINS = read("CSRF_TRUSTED_ORIGINS", origins, no_origins)  # of the console, beside its own
no_networks: list[IPv4Network | IPv6Network] = []
TRUSTED_PROXIES = read("TRUSTED_PROXIES", networks, no_networks)  # whose X-Forwarded-For, -Proto and -Host count
CORS_ALLOW_HEADERS = ["accept", "authorization", "content-type", "idempotency-key", "prefer"]
CORS_EXPOSE_HEADERS = ["ratelimit", "ratelimit-policy", "retry-after"]

ENABLE_ANTI_CHEAT = read("ENABLE_ANTI_CHEAT", flag, True)
ENABLE_REAL_TIME = read("ENABLE_REAL_TIME", flag, True)
ENABLE_ANALYTICS = read("ENABLE_ANALYTICS", flag, True)

EVENT_RETENTION_DAYS = read("EVENT_RETENTION_DAYS", integer(0, 36_500), 0)  # 0: for ever
FACT_RETENTION_DAYS = read("FACT_RETENTION_DAYS", integer(1, 36_500), 30)
FACTS_KEPT = read("FACTS_KEPT", integer(1, 10**12), 10_000_000)  # rows, whoever may still want them
QUEST_LATE_GRACE = read("QUEST_LATE_GRACE", integer(0, 31_536_000), 0)  # seconds
PLAYER_REPORT_WINDOW = read("PLAYER_REPORT_WINDOW", integer(0, 31_536_000), 300)  # seconds

# ---- How much a caller may ask for; 0: as much as it likes ----------------------------------------------------------

RATE_LIMIT_KEY = read("RATE_LIMIT_KEY", integer(0, 1_000_000), 0)  # requests a second; a key may have its own
RATE_LIMIT_PLAYER_READS = read("RATE_LIMIT_PLAYER_READS", integer(0, 1_000_000), 20)  # a second; 4 times that at once
RATE_LIMIT_PLAYER_WRITES = read("RATE_LIMIT_PLAYER_WRITES", integer(0, 1_000_000), 5)  # likewise
RATE_LIMIT_EXPORT = read("RATE_LIMIT_EXPORT", integer(0, 1_000_000), 1)  # a minute, by a player
RATE_LIMIT_TOKEN = read("RATE_LIMIT_TOKEN", integer(0, 1_000_000), 10)  # a minute, for one player
RATE_LIMIT_LOGIN = read("RATE_LIMIT_LOGIN", integer(0, 1_000), 5)  # wrong passwords in 15 minutes, by name and address

# ---- Players' tokens ------------------------------------------------------------------------------------------------

TOKEN_ALGORITHM = read("TOKEN_ALGORITHM", one_of("HS256", "ES256", "EdDSA"), "HS256")
TOKEN_ISSUER = read("TOKEN_ISSUER", words, "gamification")
TOKEN_AUDIENCE = read("TOKEN_AUDIENCE", words, "gamification-players")
# The keys: the first signs, all verify. TOKEN_KEY is the short way to say that there is one.
one_token_key, public_token_key = read("TOKEN_KEY", pem, ""), read("TOKEN_PUBLIC_KEY", pem, "")
no_token_keys: list[str] = []
many_token_keys = read("TOKEN_KEYS", pems, no_token_keys)
if many_token_keys and (one_token_key or public_token_key):
    refuse("TOKEN_KEYS", "stands in place of TOKEN_KEY and TOKEN_PUBLIC_KEY: leave those two empty")
if not many_token_keys and not one_token_key and TOKEN_ALGORITHM == "HS256":
    # Derived, so that a leaked token key says nothing about the key that signs sessions.
    derived = [hmac.new(key.encode(), b"player tokens", hashlib.sha256) for key in (SECRET_KEY, *SECRET_KEY_FALLBACKS)]
    token_keys = [token_key(each.hexdigest(), TOKEN_ALGORITHM) for each in derived]
else:
    try:
        token_keys = [token_key(text, TOKEN_ALGORITHM) for text in many_token_keys or [one_token_key]]
    except ValueError as problem:
        refuse("TOKEN_KEYS" if many_token_keys else "TOKEN_KEY", str(problem))
if not token_keys[0].signs:
    refuse("TOKEN_KEYS" if many_token_keys else "TOKEN_KEY", "the first key signs: a private key is needed")
if public_token_key and TOKEN_ALGORITHM != "HS256":
    try:
        public_token_key = token_key(public_token_key, TOKEN_ALGORITHM).verifies
    except ValueError:
        refuse("TOKEN_PUBLIC_KEY", "expected a public key in PEM")
    if public_token_key != token_keys[0].verifies:
        refuse("TOKEN_PUBLIC_KEY", "does not belong to TOKEN_KEY")
TOKEN_KEY_ID, TOKEN_KEY, TOKEN_PUBLIC_KEY = token_keys[0]
TOKEN_KEYS = {key.id: key.verifies for key in token_keys}

# ---- Database: PostgreSQL when DB_HOST names one, else an SQLite file -----------------------------------------------

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

DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# ---- Cache and channel layer: Redis when REDIS_HOST names one, else this process's memory ---------------------------

REDIS_HOST = read("REDIS_HOST", words, "")
REDIS_PORT = read("REDIS_PORT", integer(1, 65535), 6379)
REDIS_DB = read("REDIS_DB", integer(0, 65535), 0)
REDIS_PASSWORD = read("REDIS_PASSWORD", secret, "")
REDIS_TLS = read("REDIS_TLS", flag, False)
REDIS_CA_FILE = read("REDIS_CA_FILE", file, "")  # whom to trust; without: whom the system trusts

CACHES: dict[str, dict[str, Any]]
CHANNEL_LAYERS: dict[str, dict[str, Any]]
if REDIS_HOST:
    login = f":{quote(REDIS_PASSWORD, safe='')}@" if REDIS_PASSWORD else ""
    REDIS_URL = f"{'rediss' if REDIS_TLS else 'redis'}://{login}{REDIS_HOST}:{REDIS_PORT}/{REDIS_DB}"
    if REDIS_TLS and REDIS_CA_FILE:
        REDIS_URL += f"?ssl_ca_certs={quote(REDIS_CA_FILE, safe='')}"
    CACHES = {
        "default": {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": REDIS_URL,
            "KEY_PREFIX": "gamification",
            "OPTIONS": {"socket_timeout": 1, "socket_connect_timeout": 1},  # seconds: nothing in it is worth more
        }
    }
    CHANNEL_LAYERS = {
        "default": {
            "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
            "CONFIG": {"hosts": [REDIS_URL], "prefix": "gamification"},
        }
    }
else:
    REDIS_URL = ""
    CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
    CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}

# ---- Broker: RabbitMQ when RABBITMQ_URL names one, else everything happens in place ---------------------------------

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

# ---- Django ---------------------------------------------------------------------------------------------------------

# Not in development either: its pages show settings and data, and every query is kept in memory. Tracebacks are logged.
DEBUG = False

INSTALLED_APPS = [
    "gamification.console.apps.AdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "channels",
    "corsheaders",
    "gamification.kernel",
    "gamification.intake",
    "gamification.feed",
    "gamification.console",
    "gamification.play",
    "gamification.analytics",
    "progress",
    "rewards",
    "achievements",
    "quests",
    "anticheat",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "corsheaders.middleware.CorsMiddleware",  # before whatever may answer
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "gamification.kernel.web.limiting.say_how_much_is_left",
]

ROOT_URLCONF = "gamification.urls"
ASGI_APPLICATION = "gamification.asgi.application"
WSGI_APPLICATION = "gamification.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en-us"
USE_I18N = False
FORMAT_MODULE_PATH = "gamification.console.formats"

LOGIN_URL = "admin:login"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]

# The largest body is a batch of events, 1 MiB; the rest is room for what surrounds it.
DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024 * 5 // 4
REQUEST_TIMEOUT = read("REQUEST_TIMEOUT", integer(1, 3600), 20)  # seconds for a request's head, as many for its body

# ---- Static files: hashed and compressed once in production, straight from the apps in development ------------------

STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
WHITENOISE_USE_FINDERS = not PRODUCTION
if WHITENOISE_USE_FINDERS:  # nothing needs collecting then
    warnings.filterwarnings("ignore", message="No directory at")
# WhiteNoise's answers are files, read as they are sent. Only the admin and the docs have any.
warnings.filterwarnings("ignore", message="StreamingHttpResponse must consume synchronous iterators")
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
        if PRODUCTION
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}

# ---- Security -------------------------------------------------------------------------------------------------------

SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = PRODUCTION
SECURE_HSTS_SECONDS = 30 * 24 * 3600 if PRODUCTION else 0
SILENCED_SYSTEM_CHECKS = [
    "security.W005",  # HSTS for subdomains and
    "security.W021",  # preloading bind a whole domain: its owner's to decide, at the proxy
    "security.W008",  # TLS ends at the proxy; probes and game servers inside the network come by plain HTTP
]

# ---- REST -----------------------------------------------------------------------------------------------------------

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "gamification.kernel.web.access.ApiKeyAuthentication",
        "gamification.kernel.web.access.PlayerTokenAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": [
        "gamification.kernel.web.access.HasScope",
        "gamification.kernel.web.parameters.KnownParameters",
    ],
    "URL_FORMAT_OVERRIDE": None,  # `?format=` is a parameter like any other
    "DEFAULT_THROTTLE_CLASSES": ["gamification.kernel.web.limiting.Limits"],
    "DEFAULT_PARSER_CLASSES": ["gamification.kernel.web.JSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_SCHEMA_CLASS": "gamification.kernel.web.openapi.Operation",
    "EXCEPTION_HANDLER": "gamification.kernel.web.problem",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}

SPECTACULAR_SETTINGS = {
    "TITLE": "Gamification",
    "DESCRIPTION": "Game events in; achievements, quests, rewards and levels out.",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "COMPONENT_SPLIT_REQUEST": True,
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "gamification.kernel.web.openapi.refusals",
        "gamification.kernel.web.openapi.plain_types",
    ],
    "ENUM_NAME_OVERRIDES": {
        "AchievementTypeEnum": "achievements.models.Achievement.Type",
        "RequirementTypeEnum": "progress.models.Aggregate",
        "RewardTypeEnum": "rewards.models.RewardType",
        "QuestTypeEnum": "quests.models.Quest.Type",
        "QuestStatusEnum": "quests.reading.STATES",
        "ServerOrPlayerEnum": "quests.models.Step.CompletedBy",
    },
    # The sidecar's copies, so that the docs can be read without a network.
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
}

# ---- Logs: one line a record, key=value, on stderr ------------------------------------------------------------------

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {
            "()": "gamification.kernel.core.logs.Line",
            "style": "{",
            # !r keeps a message on its line whatever a client put into it. Z is true: Django sets the process to UTC.
            "format": "time={asctime}.{msecs:03.0f}Z level={levelname} logger={name} message={message!r}",
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
        "psycopg.pool": {"level": "ERROR"},  # gamification.kernel.storage.patience says once that there is no answer
        "gamification.feed.transport": {"level": "WARNING"},  # not two lines a connection, nor what stood in its URL
    },
}
