"""Whether anything happened to a player is told in each share."""

from __future__ import annotations

from django.conf import settings
from django.utils import timezone

from achievements.tasks import roll_up_rarity
from progress.versions import versions
from tests.support import game
from tests.support.game import API, event
from tests.support.sharing import one_of_each


def test_a_player_has_another_version_once_something_happened_to_them_or_to_all() -> None:
    server, everybody = game.make(), one_of_each()
    server.post(f"{API}/events", {"events": [event("e", each, "walked", {"steps": 1}) for each in everybody]})
    before = versions([*everybody, "nobody"])
    assert before.keys() == set(everybody)
    assert len(set(before.values())) == settings.SHARES
    assert versions(everybody) == before
    server.post(f"{API}/events", event("f", everybody[0], "walked", {"steps": 1}))
    after = versions(everybody)
    assert [each for each in everybody if after[each] != before[each]] == everybody[:1]
    server.patch(f"{API}/achievements/hunter", {"points": 11})
    published = versions(everybody)
    assert all(published[each] != after[each] for each in everybody)
    roll_up_rarity(timezone.now())
    rolled_up = versions(everybody)
    assert all(rolled_up[each] != published[each] for each in everybody)
