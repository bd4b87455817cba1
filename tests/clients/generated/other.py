"""A game against the classes that openapi-generator makes of the schema for Python."""

from __future__ import annotations

import importlib
import pkgutil
import sys
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import other_client
from other_client import ApiClient, ApiException, Configuration, EventsApi, PlayersApi, RewardsApi

for module in pkgutil.walk_packages(other_client.__path__, "other_client."):
    importlib.import_module(module.name)

url, key, token = sys.argv[1:]
server = ApiClient(Configuration(host=url, api_key={"ApiKey": key}, api_key_prefix={"ApiKey": "Api-Key"}))
player = ApiClient(Configuration(host=url, access_token=token))

event = other_client.GameEvent(
    id="generated",
    player_id="ann",
    type="enemy.killed",
    data={"weapon": "bow", "damage": 3},
    timestamp=datetime.now(UTC),
)
batch = other_client.OneOrMoreEventsRequest(other_client.EventBatch(events=[event]))
sent = EventsApi(server).events_create(prefer="wait", one_or_more_events_request=batch)
assert sent.accepted == 1, sent
assert sent.results is not None
assert sent.results["ann"].metrics["kills"].count == 4, sent

# Page after page; a secret one is a row of another type.
titles: list[str] = []
secret: list[str] = []
cursor: str | None = None
while True:
    page = PlayersApi(player).players_achievements_list("me", page_size=1, cursor=cursor)
    for row in page.results:
        if isinstance(row.actual_instance, other_client.SecretAchievement):
            secret.append(row.actual_instance.id)
        else:
            assert isinstance(row.actual_instance, other_client.AchievementStanding), row
            titles.append(row.actual_instance.title)
    if page.next is None:
        break
    cursor = parse_qs(urlsplit(page.next).query)["cursor"][0]
assert secret == ["s-1"]
assert "Hunter" in titles

[trail] = [quest for quest in PlayersApi(player).players_quests_list("me").results if quest.id == "trail"]
assert trail.steps[0].requirements[0].threshold == 5

# A claim, and the same again.
pending = PlayersApi(player).players_distributions_list("me", state="PENDING")
[chest] = [each for each in pending.results if each.reward_id == "chest"]
for _ in range(2):
    claimed = RewardsApi(player).rewards_claim(chest.id, claim_wish_request=other_client.ClaimWishRequest())
    assert claimed.status == other_client.DistributionStatusEnum.CLAIMED

# Money; a refusal is a problem with a code.
spent = PlayersApi(server).players_wallet_spend("gold", "ann", "py", other_client.SpendWishRequest(amount=1))
assert spent.transfer.amount == 1
try:
    PlayersApi(server).players_wallet_spend("gold", "ann", "poor", other_client.SpendWishRequest(amount=1_000_000))
except ApiException as refusal:
    problem = other_client.Problem.from_json(refusal.body or "")
else:
    raise AssertionError("it was spent")
assert problem is not None
assert problem.code == "insufficient_balance"
