"""Running the examples of achievements and quests: what designers said that some events come to.

An example is played for a player nobody has seen, in memory, by the rules as they would be published: one batch an
event, each at its own time, as a game that reports at once would send them. Rules against cheats are not asked, since
they are about who plays, not about what is asked for. A quest that does not start by itself is started as soon as it
may be.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta

from gamification import pipeline
from gamification.kernel.content.kinds import kinds
from gamification.kernel.content.publishing import Change, Definition, Problem, Rules
from gamification.kernel.core.encoding import parse_instant
from gamification.kernel.core.fact_types import OWN_TYPES, FactType
from gamification.kernel.core.messages import Fact, GameEvent
from gamification.kernel.core.world import World
from gamification.paying import pay
from gamification.simulation.simulating import NOBODY, next_batch, open_unlocked
from progress.metering import measure
from progress.periods import PeriodKind
from progress.players import Players, PlayerState
from progress.rules.vocabulary import RequirementType
from quests.advancing import advance_run
from quests.rules import QuestRules
from quests.runs import QuestRuns
from quests.starting import refusal, start

SECONDS = 30.0
"""What all examples of one publication may take."""
USUALLY = datetime(2024, 1, 3, tzinfo=UTC)
"""Examples begin with the week that holds this day: a Monday, and the first of a month."""
DECISIVE = frozenset({FactType.ACHIEVEMENT_COMPLETED, FactType.QUEST_COMPLETED, FactType.QUEST_FAILED})
"""What is not to happen to the content of an example unless it says so."""

Said = tuple[str, str]
"""The type of a fact, and what it is about."""
Content = tuple[str, str]
"""(kind, id)."""


def problems(rules: Rules, changes: Sequence[Change]) -> Iterator[Problem]:
    """What is wrong with the examples of what changes, and of what depends on it."""
    over_at = time.monotonic() + SECONDS
    for kind, id_ in sorted(_concerned(rules, changes)):
        item = rules.published[kind][id_]
        for index, example in enumerate(item.definition.get("examples", ())):
            path = f"examples[{index}]"
            if time.monotonic() > over_at:
                detail = f"{example['name']}: the examples take longer than {SECONDS:g} seconds."
                yield Problem(kind, id_, path, "took_too_long", detail)
                return
            difference = differs(example, come_to(rules, kind, item.definition, example), (kind, id_))
            if difference:
                yield Problem(kind, id_, path, "example_failed", f"{example['name']}: {difference}")


def come_to(rules: Rules, kind: str, definition: Definition, example: Definition) -> list[Fact]:
    """The facts that the events of an example come to."""
    world = open_unlocked(NOBODY, rules, USUALLY)
    player = world[Players].by_id[NOBODY]
    begins = _beginning(player, definition)
    if kind == "quest" and not definition["auto_start"]:
        facts = _started(world, player, definition["id"], begins)
    else:
        facts = []
    for event in sorted(_events(example, begins), key=lambda event: event.order):
        next_batch(world, event.timestamp)
        if kind == "quest" and not definition["auto_start"]:
            facts += _started(world, player, definition["id"], event.timestamp)
        stated = len(world.facts)
        measure(world, [event])
        pipeline.play_batch(world, [event], [event])
        facts += world.facts[stated:]
    return facts


def _events(example: Definition, begins: datetime) -> Iterable[GameEvent]:
    """The events, each id once, as it would count once."""
    found: dict[str, GameEvent] = {}
    for index, each in enumerate(example["events"]):
        at = begins + timedelta(seconds=each["at"])
        id_ = each["id"] or f"example-{index:03}"
        found.setdefault(id_, GameEvent(id_, NOBODY, each["type"], each["data"], at))
    return found.values()


def _beginning(player: PlayerState, definition: Definition) -> datetime:
    """The beginning of a month, a week and a day of a player without a zone of their own; of what has dates, the first
    day within them.
    """
    starts, ends = (
        parse_instant(said) if said else None
        for said in (
            definition.get("starts_at", definition.get("start_date")),
            definition.get("ends_at", definition.get("end_date")),
        )
    )
    begins = player.period(PeriodKind.WEEKLY, USUALLY).opens
    if starts is not None:
        day = player.period(PeriodKind.DAILY, starts)
        begins = starts if day.opens == starts or (ends is not None and day.closes >= ends) else day.closes
    elif ends is not None and begins >= ends:
        begins = player.period(PeriodKind.WEEKLY, ends - timedelta(days=28)).opens
    return begins


def _started(world: World, player: PlayerState, quest_id: str, at: datetime) -> list[Fact]:
    """Start a quest as a player would, if it may be started at that time for the first time."""
    runs, quest = world[QuestRuns], world.rules[QuestRules].by_id.get(quest_id)
    if quest is None or (NOBODY, quest_id) in runs.newest:
        return []
    refused = refusal(runs, quest, player, at)
    if refused is not None and refused[0] != "not_offered":  # which quests a pool offers whom is luck
        return []
    stated = len(world.facts)
    run = start(runs, quest, player, at, "")
    for earned in advance_run(runs, run, player, at, ""):
        pay(world, earned)
    pipeline.play(world, [])
    return world.facts[stated:]


# -- what was expected -------------------------------------------------------------------------------------------------


def said_by(fact: Fact) -> Said:
    """A fact as an example expects it: its type, and what it is about."""
    if fact.type.startswith("reward."):
        return fact.type, str(fact.data["reward_id"])
    return fact.type, str(fact.data["level"] if fact.type == FactType.LEVEL_REACHED else fact.data["id"])


def differs(example: Definition, facts: Iterable[Fact], content: Content) -> str:
    """How what the events came to differs from what the example expects, in words; nothing where it does not.

    What the example names is to happen as often as it is named. Of its own content nothing else is decided. What else
    happens to the player is not looked at, so that no other content breaks it.
    """
    expected = Counter((each["type"], each["id"]) for each in example["expect"])
    found = Counter(map(said_by, facts))
    own = {said for said in found if said[0] in DECISIVE and said[1] == content[1] and said[0].startswith(content[0])}
    words = []
    for said in sorted({*expected, *own}):
        wanted, came = expected[said], found[said]
        if wanted != came:
            words.append(f"{' '.join(said)} was expected {_times(wanted)} and came {_times(came)}")
    return "; ".join(words)


def _times(n: int) -> str:
    return {0: "not at all", 1: "once", 2: "twice"}.get(n, f"{n} times")


# -- which examples a change concerns ----------------------------------------------------------------------------------


def _concerned(rules: Rules, changes: Sequence[Change]) -> set[Content]:
    """What has examples among what changes, and what depends on it, as far as that goes."""
    named_by = _named_by(rules)
    queue = [(change.kind, change.id) for change in changes]
    seen = set(queue)
    for content in queue:  # grows while it is walked
        for other in named_by.get(content, ()):
            if other not in seen:
                seen.add(other)
                queue.append(other)
    return {(kind, id_) for kind, items in _in_play(rules).items() for id_ in items} & seen


def _in_play(rules: Rules) -> dict[str, dict[str, Definition]]:
    found: dict[str, dict[str, Definition]] = {kind.name: {} for kind in kinds()}
    for kind, items in rules.published.items():
        found.setdefault(kind, {}).update({id_: each.definition for id_, each in items.items() if not each.retired})
    return found


def _named_by(rules: Rules) -> dict[Content, set[Content]]:
    """Content → what depends on it: because it names it, because it counts what is stated of it, or (levels) because it
    asks how far a player is.
    """
    found: dict[Content, set[Content]] = {}
    in_play = _in_play(rules)
    stated_of = {type_.split(".")[0]: type_ for type_ in OWN_TYPES}
    asking = [
        ("quest", id_)
        for id_, quest in in_play.get("quest", {}).items()
        if any(each["type"] == RequirementType.LEVEL for each in quest["requirements"])
    ]
    for kind in kinds():
        for id_, definition in in_play[kind.name].items():
            for reference in kind.references(definition):
                found.setdefault((reference.kind, reference.id), set()).add((kind.name, id_))
            if kind.name in stated_of:
                counting = [m for m, each in in_play["metric"].items() if each["event_type"] == stated_of[kind.name]]
                found.setdefault((kind.name, id_), set()).update(("metric", metric) for metric in counting)
            if kind.name == "pool":
                found.setdefault((kind.name, id_), set()).update(("quest", quest) for quest in definition["quests"])
            if kind.name == "level":
                found.setdefault((kind.name, id_), set()).update(asking)
    return found
