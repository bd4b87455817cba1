"""REST: who may call, how answers look, and what the schema of OpenAPI says."""

import tomllib

from gamification.environment import BASE_DIR
from gamification.settings.deployment import ALLOWED_ORIGINS

VERSION = str(tomllib.loads((BASE_DIR / "pyproject.toml").read_text())["project"]["version"])

CORS_ALLOWED_ORIGINS = ALLOWED_ORIGINS
CORS_ALLOW_HEADERS = [
    "accept",
    "authorization",
    "content-type",
    "idempotency-key",
    "prefer",
    "traceparent",
    "x-request-id",
]
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

TAGS = {
    "events": "What happened in the game, reported by game servers; and what was refused of it.",
    "players": "A player: profile, progress, wallet, inventory, messages, tokens; export and erasure.",
    "achievements": "What players unlock: how it is authored, how far a player is, and why.",
    "quests": "What players start and go through step by step: how it is authored, played and offered.",
    "rewards": "What players get: how it is authored, given by hand and claimed.",
    "distributions": "One reward that was given to one player for one cause.",
    "metrics": "Streams of numbers drawn from events, which requirements count.",
    "levels": "How much experience a level takes, and what it gives.",
    "currencies": "What wallets hold, and what becomes of money that is taken back after it was spent.",
    "pools": "Quests of which each player is offered some a day or a week.",
    "releases": "Drafts that go live together: reviewed, approved, scheduled, reverted.",
    "backfills": "How far the past of players has been counted for what is new.",
    "simulate": "Events that are played through the rules without any effect.",
    "facts": "The log of what the service has stated, for games without a broker.",
    "webhooks": "Addresses to which facts are sent, signed, and what became of each.",
    "held": "Events that anti-cheat holds until a person has looked at them.",
    "anticheat": "What a game's own anti-cheat has found.",
    "cases": "How players play, looked at by people: verdicts and appeals.",
    "analytics": "Figures of what players do, rolled up by day, week or month.",
    "audit": "Who did what to players and content.",
}
"""What each group of routes is about, in the order in which the docs show them."""

SPECTACULAR_SETTINGS = {
    "TITLE": "Gamification",
    "DESCRIPTION": "Game events in; achievements, quests, rewards and levels out.",
    "VERSION": VERSION,
    "OAS_VERSION": "3.1.0",
    "SERVERS": [{"url": "/", "description": "The service that gave this document."}],
    "TAGS": [{"name": name, "description": description} for name, description in TAGS.items()],
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,  # which would say each word twice
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "gamification.schemas.described_facts.describe",
        "gamification.kernel.web.openapi.refusals",
        "gamification.schemas.refusals.describe",
        "gamification.schemas.examples.describe",
        "gamification.kernel.web.openapi.plain_types",
        "gamification.kernel.web.openapi.named_shapes",
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
    # Closed groups at first: of 140 open operations the page draws the first few, and the others once they are seen.
    "SWAGGER_UI_SETTINGS": {
        "deepLinking": True,
        "docExpansion": "none",
        "filter": True,
        "displayOperationId": True,
        "defaultModelsExpandDepth": 0,
    },
    # The sidecar's copies, so that the docs can be read without a network.
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
}
