"""Rewards and currencies as drafts: rows to canonical definition and back."""

from __future__ import annotations

from collections.abc import Iterator

from gamification.kernel.content.kinds import Kind, Reference
from gamification.kernel.content.publishing import Definition
from gamification.kernel.core.encoding import instant, parse_instant
from rewards import checks
from rewards.content_serializers import CurrencyShape, RewardShape
from rewards.models import Currency, Reward, RewardChance, RewardItem


def read_reward(draft: Reward) -> Definition:
    return {
        "id": draft.pk,
        "type": draft.type,
        "value": draft.value,
        "currency": draft.currency or None,
        "items": [
            {"id": item.item_id, "type": item.type, "quantity": item.quantity, "metadata": item.metadata}
            for item in draft.items.all()
        ],
        "table": [{"reward": chance.reward_id, "weight": chance.weight} for chance in draft.table.all()],
        "claim": draft.claim,
        "claim_within": draft.claim_within,
        "expires_at": instant(draft.expires_at) if draft.expires_at else None,
        "metadata": draft.metadata,
        "tags": draft.tags,
    }


def save_reward(draft: Reward, definition: Definition) -> None:
    for name in ("type", "value", "claim", "claim_within", "metadata", "tags"):
        setattr(draft, name, definition[name])
    draft.currency = definition["currency"] or ""
    draft.expires_at = parse_instant(definition["expires_at"]) if definition["expires_at"] else None
    draft.save()
    draft.items.all().delete()
    RewardItem.objects.bulk_create(
        RewardItem(
            reward=draft,
            position=position,
            item_id=item["id"],
            type=item["type"],
            quantity=item["quantity"],
            metadata=item["metadata"],
        )
        for position, item in enumerate(definition["items"])
    )
    draft.table.all().delete()
    RewardChance.objects.bulk_create(
        RewardChance(table=draft, position=position, reward_id=chance["reward"], weight=chance["weight"])
        for position, chance in enumerate(definition["table"])
    )


def table_named(definition: Definition) -> Iterator[Reference]:
    """The rewards that a table names. A currency is no reference: one that nobody described is treated as DEBT."""
    for index, chance in enumerate(definition["table"]):
        yield Reference(f"table[{index}].reward", "reward", chance["reward"], "unknown_reward")


def read_currency(draft: Currency) -> Definition:
    return {"id": draft.pk, "name": draft.name, "on_revoke": draft.on_revoke, "tags": draft.tags}


def save_currency(draft: Currency, definition: Definition) -> None:
    draft.name, draft.on_revoke, draft.tags = definition["name"], definition["on_revoke"], definition["tags"]
    draft.save()


REWARD = Kind(
    name="reward",
    plural="rewards",
    model=Reward,
    shape=RewardShape,
    read=read_reward,
    save=save_reward,
    lines=("items", "table"),
    advise=checks.advice,
    references=table_named,
    filters=("type", "currency", "claim"),
)
CURRENCY = Kind(
    name="currency",
    plural="currencies",
    model=Currency,
    shape=CurrencyShape,
    read=read_currency,
    save=save_currency,
    filters=("on_revoke",),
    searched=("id", "name"),
)
