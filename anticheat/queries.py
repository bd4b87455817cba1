"""What anti-cheat can be asked."""

from __future__ import annotations

from django.db.models import QuerySet

from anticheat.models import Finding, Rule
from gamification.kernel.core.messages import NotFound


def held(state: str = Finding.Status.HELD, **columns: str | None) -> QuerySet[Finding]:
    """Findings in a state, by default those that wait for a person; `columns` narrow them (None: any)."""
    wanted = {name: value for name, value in columns.items() if value is not None}
    return Finding.objects.filter(status=state, **wanted)


def rules_about(kind: str, id_: str) -> QuerySet[Rule]:
    """The rules about some content: about a metric there may be some."""
    rules = Rule.objects.order_by("name")
    return rules.filter(metric_id=id_) if kind == "metric" else rules.none()


def finding(finding_id: int) -> Finding:
    """An event that is or was held. Raises NotFound, for one that was merely flagged too."""
    found = Finding.objects.filter(pk=finding_id).exclude(status=Finding.Status.FLAGGED).first()
    if found is None:
        raise NotFound("There is no such held event.")
    return found
