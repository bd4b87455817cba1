"""Settings, all from the environment. Each file of this package holds those of one idea; Django's own stand here.

A value that makes no sense, or that production must not run with, ends the start (environment.py). An empty value is an
unset one, so a compose file may pass variables on unconditionally.
"""

import warnings

from gamification.environment import BASE_DIR, integer, read
from gamification.environment import VARIABLES_READ as VARIABLES_READ
from gamification.settings.broker import *
from gamification.settings.cache import *
from gamification.settings.database import *
from gamification.settings.deployment import *
from gamification.settings.deployment import PRODUCTION
from gamification.settings.logs import *
from gamification.settings.rest import *
from gamification.settings.tokens import *

# Not in development either: its pages show settings and data, and every query is kept in memory. Tracebacks are logged.
DEBUG = False

INSTALLED_APPS = [
    "gamification.console.apps.AdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_otp",
    "django_otp.plugins.otp_totp",
    "django_otp.plugins.otp_static",
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
    "gamification.webhooks",
    "gamification.schemas",
    "gamification.review",
    "progress",
    "rewards",
    "achievements",
    "quests",
    "anticheat",
    "gamification.apps.GamificationConfig",
]

MIDDLEWARE = [
    "gamification.kernel.web.request_naming.name_request",
    "django.middleware.security.SecurityMiddleware",
    "gamification.kernel.web.content_security.restrict_content",  # before whatever may answer
    "corsheaders.middleware.CorsMiddleware",  # likewise
    "gamification.kernel.web.representations.travels_light",  # before whatever says how long an answer is
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django_otp.middleware.OTPMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "gamification.kernel.web.limiting.say_how_much_is_left",
    "gamification.kernel.web.of_a_share.named_for_one_request",
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
AUTHENTICATION_BACKENDS = ["gamification.console.backend.People"]
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
REVIEWS_REQUIRED = read("REVIEWS_REQUIRED", integer(0, 3), 0)  # how many others approve what goes live
MAX_WITHHELD_A_DAY = read("MAX_WITHHELD_A_DAY", integer(0, 1_000_000), 50)  # players, before a person has looked
REVIEW_QUORUM = read("REVIEW_QUORUM", integer(1, 3), 1)  # how many reviewers who agree decide a case
APPEAL_DAYS = read("APPEAL_DAYS", integer(1, 365), 7)  # within which a case and an appeal should be answered
REQUEST_TIMEOUT = read("REQUEST_TIMEOUT", integer(1, 3600), 20)  # seconds for a request's head, as many for its body

# ---- Static files: hashed and compressed once in production, straight from the apps in development ------------------

STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
# The client is a package of its own, of which pages get the same files from the service.
STATICFILES_DIRS = [("play", str(BASE_DIR / "clients/typescript/src"))]
STATICFILES_FINDERS = [
    "django.contrib.staticfiles.finders.FileSystemFinder",
    "django.contrib.staticfiles.finders.AppDirectoriesFinder",
    "gamification.play.addresses.VersionFinder",
]
WHITENOISE_USE_FINDERS = not PRODUCTION
if WHITENOISE_USE_FINDERS:  # nothing needs collecting then
    warnings.filterwarnings("ignore", message="No directory at")
# WhiteNoise's answers are files. Only the admin and the docs have any.
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
