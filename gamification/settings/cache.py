"""Cache and channel layer: Redis when REDIS_HOST names one, else this process's memory."""

from typing import Any
from urllib.parse import quote

from gamification.environment import file, flag, integer, read, secret, words

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
