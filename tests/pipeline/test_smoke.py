import pytest

from gamification import pipeline
from tests.pipeline.content import NOON, achievement, event, level, metric, publish, requirement, reward


@pytest.mark.django_db
def test_smoke():
    publish(
        metric("kills"),
        metric("dmg", value_field="dmg"),
        metric("done", "achievement.completed"),
        reward("coin"),
        reward("xp", "XP", 100),
        level(1, 0),
        level(2, 100, "coin"),
        achievement("first", requirement("COUNT", "kills", 1), rewards=["coin", "xp"]),
        achievement("ten", requirement("COUNT", "kills", 10), prerequisites=["first"]),
        achievement("hit", requirement("MAX", "dmg", 50), requirement("SUM", "dmg", 100), match="ALL"),
        achievement("daily", requirement("COUNT", "kills", 3), repeat="DAILY"),
        achievement("always", requirement("COUNT", "kills", 4), repeat="ALWAYS"),
        achievement("win", requirement("COUNT", "kills", 5, timeframe={"duration": 1, "unit": "minutes"})),
        achievement("two", requirement("COUNT", "done", 2)),
    )
    batch = [event(f"e{i}", at=i * 10, dmg=i * 10) for i in range(12)]
    out = pipeline.process(batch, now=NOON)
    for f in out.facts:
        print(f.type, f.data.get("id"), f.data.get("occurrence"), f.timestamp.time())
    print(out)
    out = pipeline.process(batch, now=NOON)
    assert out.duplicates == 12 and out.facts == []
    assert 0
