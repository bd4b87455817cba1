"""HTTP as every route speaks it: strict JSON in, problem+json for refusals, lists by cursor, answers given once."""

from gamification.kernel.web.idempotency import idempotency_key, idempotent
from gamification.kernel.web.pages import paginate, paginate_list
from gamification.kernel.web.parsing import BadJson, JSONParser, strict_json
from gamification.kernel.web.problems import problem, problem_response
from gamification.kernel.web.strict_fields import Shape as StrictSerializer

NOT_KEPT = {"Cache-Control": "no-store"}
"""Headers of an answer that no cache on the way may keep: a token, everything about a player."""

__all__ = [
    "NOT_KEPT",
    "BadJson",
    "JSONParser",
    "StrictSerializer",
    "idempotency_key",
    "idempotent",
    "paginate",
    "paginate_list",
    "problem",
    "problem_response",
    "strict_json",
]
