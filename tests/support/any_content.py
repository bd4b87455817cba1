"""Whatever a designer may write, and that saving and reading it changes nothing."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from gamification.kernel.content.kinds import Kind
from progress.models import Metric
from progress.rules.vocabulary import WITH_A_METRIC, Operator, TimeUnit
from rewards.models import Reward

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)
TITLE = TEXT.filter(lambda text: bool(text.strip()))
NUMBER = st.integers(-(2**53), 2**53) | st.floats(-(2.0**63), 2.0**63)
JSON = st.recursive(
    st.none() | st.booleans() | NUMBER | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
OBJECT = st.dictionaries(TEXT, JSON, max_size=3)
INSTANT = st.datetimes(timezones=st.timezones()).map(lambda at: at.isoformat())
INSTANT = INSTANT.filter(lambda text: text[:4] not in ("0001", "9999") and text.count(":") == 3)  # no odd offsets
FRAME = st.none() | st.fixed_dictionaries({"duration": st.integers(1, 60), "unit": st.sampled_from(list(TimeUnit))})
REQUIREMENT = st.fixed_dictionaries(
    {
        "type": st.sampled_from(WITH_A_METRIC),
        "metric": st.just("kills"),
        "operator": st.sampled_from(list(Operator)),
        "threshold": NUMBER,
        "timeframe": FRAME,
    }
) | st.just({"type": "ACHIEVEMENT", "target": "other"})


def says_the_same(kind: Kind, body: Any) -> None:
    Metric.objects.get_or_create(pk="kills", defaults={"event_type": "enemy.killed"})
    Reward.objects.get_or_create(pk="coins", defaults={"type": "XP"})
    definition = kind.parse(body)
    assert kind.parse(definition) == definition
    id_ = kind.id_of(definition)
    draft = kind.model._default_manager.filter(pk=id_).first() or kind.model(pk=id_)  # type: ignore[misc]
    kind.save(draft, definition)
    assert kind.read(kind.model._default_manager.get(pk=id_)) == definition


no_health = settings(max_examples=25, suppress_health_check=list(HealthCheck))
