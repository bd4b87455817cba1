"""Why an event is worth nothing to a metric of its type, in words."""

from __future__ import annotations

from typing import Any

from gamification.kernel.core.messages import GameEvent
from progress.rules.samples import Metric, NoValue, is_absent, look_up


def why_no_sample(metric: Metric, event: GameEvent) -> dict[str, Any] | None:
    """Which condition, or which field, failed, with what the event has there; None where it is worth a sample."""
    for condition in metric.conditions:
        if not condition.is_met_by(event.data):
            return {
                "failed": "condition",
                "field": condition.field,
                "op": condition.op,
                "value": condition.value,
                "found": _found(event, condition.path),
            }
    try:
        metric.sample(event.data)
    except NoValue:
        return {
            "failed": "value_field",
            "field": ".".join(metric.value_path),
            "found": _found(event, metric.value_path),
        }
    return None


def _found(event: GameEvent, path: tuple[str, ...]) -> Any:
    found = look_up(event.data, path)
    return None if is_absent(found) else found
