"""What a deployment says of itself: where it is reached, what it keeps, and how much a caller may ask for."""

from importlib.util import find_spec
from ipaddress import IPv4Network, IPv6Network

from gamification.environment import (
    collector,
    flag,
    integer,
    is_guessable,
    label,
    listed,
    networks,
    one_of,
    origin,
    origins,
    path,
    read,
    refuse,
    secret,
    sink,
    zone,
)

PRODUCTION = read("APP_ENV", one_of("development", "production"), "development") == "production"
ENVIRONMENT_NAME = read("ENVIRONMENT_NAME", label(24), "production" if PRODUCTION else "development")  # in the console
GAME_NAME = read("GAME_NAME", label(60), "Gamification")  # likewise
PORT = read("PORT", integer(1, 65535), 3000)
METRICS_PORT = read("METRICS_PORT", integer(0, 65535), 0)  # of every process, for /metrics and /healthz; 0: none
OTEL_EXPORTER_OTLP_ENDPOINT = read("OTEL_EXPORTER_OTLP_ENDPOINT", collector, "")  # where spans are sent; empty: nowhere
OTEL_SERVICE_NAME = read("OTEL_SERVICE_NAME", label(60), "gamification")
if OTEL_EXPORTER_OTLP_ENDPOINT and find_spec("opentelemetry") is None:
    refuse("OTEL_EXPORTER_OTLP_ENDPOINT", "needs what requirements-otel.txt names, which is not installed")
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

_OWN_NAMES = [name.lstrip(".") for name in ALLOWED_HOSTS if name not in ("localhost", "127.0.0.1", "[::1]", "*")]
PUBLIC_URL = read(  # what the service calls itself in what it sends
    "PUBLIC_URL", origin, f"https://{_OWN_NAMES[0]}" if PRODUCTION and _OWN_NAMES else f"http://localhost:{PORT}"
)

SECOND_FACTOR = read("SECOND_FACTOR", one_of("optional", "required"), "optional")  # of whoever logs in to the console
OTP_TOTP_ISSUER = GAME_NAME  # how an authenticator app calls it

WS_PORT = read("WS_PORT", integer(1, 65535), PORT)
WS_PATH = read("WS_PATH", path, "/game-events")
WS_MAX_CONNECTIONS = read("WS_MAX_CONNECTIONS", integer(0, 10_000_000), 10_000)
WS_MAX_PER_PLAYER = read("WS_MAX_PER_PLAYER", integer(1, 10_000_000), 20)
ALLOWED_ORIGINS = read(
    "ALLOWED_ORIGINS",
    origins,
    [] if PRODUCTION else [f"http://{host}:{port}" for host in ("localhost", "127.0.0.1") for port in (PORT, WS_PORT)],
)
no_origins: list[str] = []
CSRF_TRUSTED_ORIGINS = read("CSRF_TRUSTED_ORIGINS", origins, no_origins)  # of the console, beside its own
no_networks: list[IPv4Network | IPv6Network] = []
WEBHOOK_ALLOW_SUBNETS = read("WEBHOOK_ALLOW_SUBNETS", networks, no_networks)  # not of the open internet, yet allowed
TRUSTED_PROXIES = read("TRUSTED_PROXIES", networks, no_networks)  # whose X-Forwarded-For, -Proto and -Host count

ENABLE_ANTI_CHEAT = read("ENABLE_ANTI_CHEAT", flag, True)
ENABLE_REAL_TIME = read("ENABLE_REAL_TIME", flag, True)
ENABLE_ANALYTICS = read("ENABLE_ANALYTICS", flag, True)
ANALYTICS_SINK_URL = read("ANALYTICS_SINK_URL", sink, "")  # where facts are posted; a key stands before the @
ANALYTICS_SINK_FORMAT = read("ANALYTICS_SINK_FORMAT", one_of("segment", "posthog", "cloudevents"), "cloudevents")

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
