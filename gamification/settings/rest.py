"""REST: who may call, how answers look, and what the schema of OpenAPI says."""

import tomllib

from gamification.environment import BASE_DIR
from gamification.settings.deployment import ALLOWED_ORIGINS

VERSION = str(tomllib.loads((BASE_DIR / "pyproject.toml").read_text())["project"]["version"])

CORS_ALLOWED_ORIGINS = ALLOWED_ORIGINS
CORS_ALLOW_HEADERS = ["accept", "authorization", "content-type", "idempotency-key", "prefer", "x-request-id"]
CORS_EXPOSE_HEADERS = ["ratelimit", "ratelimit-policy", "retry-after", "x-request-id"]

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
    "DEFAULT_RENDERER_CLASSES": ["gamification.kernel.web.rendering.Renderer"],
    "DEFAULT_SCHEMA_CLASS": "gamification.kernel.web.openapi.Operation",
    "EXCEPTION_HANDLER": "gamification.kernel.web.problem",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}

SPECTACULAR_SETTINGS = {
    "TITLE": "Gamification",
    "DESCRIPTION": "Game events in; achievements, quests, rewards and levels out.",
    "VERSION": VERSION,
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
        "RequirementTypeEnum": "progress.rules.vocabulary.RequirementType.choices",
        "RewardTypeEnum": "rewards.rules.RewardType.choices",
        "QuestTypeEnum": "quests.models.Quest.Type",
        "QuestStatusEnum": "quests.reading.STATES",
        "PlayerStandingEnum": "progress.player_standing.PlayerStanding.choices",
        "OutcomeEnum": "gamification.review.serializers.OUTCOME_CHOICES",
        "CaseStateEnum": "gamification.review.rules.State.choices",
        "DeliveryStateEnum": "gamification.webhooks.models.Delivery.State",
        "ReleaseStateEnum": "gamification.kernel.models.Release.State",
        "ServerOrPlayerEnum": "progress.rules.samples.ReportedBy.choices",
    },
    # The sidecar's copies, so that the docs can be read without a network.
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
}
