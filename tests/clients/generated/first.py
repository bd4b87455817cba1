"""A game against the functions that openapi-python-client makes of the schema."""

from __future__ import annotations

import importlib
import pkgutil
import sys
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import first_client
from first_client import models
from first_client.api.events import events_create
from first_client.api.players import (
    players_achievements_list,
    players_distributions_list,
    players_quests_list,
    players_wallet_spend,
)
from first_client.api.rewards import rewards_claim
from first_client.client import AuthenticatedClient
from first_client.types import UNSET, Unset

for module in pkgutil.walk_packages(first_client.__path__, "first_client."):
    importlib.import_module(module.name)

url, key, token = sys.argv[1:]
server = AuthenticatedClient(url, key, prefix="Api-Key", raise_on_unexpected_status=True)
player = AuthenticatedClient(url, token, raise_on_unexpected_status=True)

data = models.GameEventData.from_dict({"weapon": "bow", "damage": 3})
event = models.GameEvent("generated", "ann", "enemy.killed", data, datetime.now(UTC))
sent = events_create.sync(client=server, body=models.EventBatch([event]), prefer="wait")
assert isinstance(sent, models.Settled), sent
assert sent.accepted == 1, sent
assert not isinstance(sent.results, Unset)
assert sent.results["ann"].metrics["kills"].count == 4, sent

# Page after page; a secret one is a row of another type.
titles: list[str] = []
secret: list[str] = []
cursor: str | Unset = UNSET
while True:
    page = players_achievements_list.sync("me", client=player, page_size=1, cursor=cursor)
    assert isinstance(page, models.AchievementStandingPage), page
    for row in page.results:
        if isinstance(row, models.SecretAchievement):
            secret.append(row.id)
        else:
            titles.append(row.title)
    if page.next_ is None:
        break
    cursor = parse_qs(urlsplit(page.next_).query)["cursor"][0]
assert secret == ["s-1"]
assert "Hunter" in titles

quests = players_quests_list.sync("me", client=player)
assert isinstance(quests, models.QuestStandingPage), quests
[trail] = [quest for quest in quests.results if quest.id == "trail"]
assert trail.steps[0].requirements[0].threshold == 5

# A claim, and the same again.
pending = players_distributions_list.sync("me", client=player, state=models.PlayersDistributionsListState.PENDING)
assert isinstance(pending, models.DistributionPage), pending
[chest] = [each for each in pending.results if each.reward_id == "chest"]
for _ in range(2):
    claimed = rewards_claim.sync(chest.id, client=player, body=models.ClaimWishRequest())
    assert isinstance(claimed, models.Distribution), claimed
    assert claimed.status == models.DistributionStatusEnum.CLAIMED

# Money; a refusal is a problem with a code.
body = models.SpendWishRequest(amount=1)
spent = players_wallet_spend.sync("ann", "gold", client=server, body=body, idempotency_key="py")
assert isinstance(spent, models.Spent), spent
assert spent.transfer.amount == 1
too_much = models.SpendWishRequest(amount=1_000_000)
refused = players_wallet_spend.sync("ann", "gold", client=server, body=too_much, idempotency_key="poor")
assert isinstance(refused, models.Problem), refused
assert refused.code == "insufficient_balance"
