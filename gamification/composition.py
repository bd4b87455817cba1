"""Where the apps are put together: everything that one hands to another, or to the kernel, stands in this table.

`connect` is called once a process, when all apps are loaded (apps.py). An app that is added is registered here.
"""

from __future__ import annotations

from functools import partial

from django.apps import apps
from django.db.models.signals import post_migrate

import achievements.checks
import achievements.queries
import anticheat.queries
import progress.checks
import progress.queries
import progress.versions
import quests.checks
import rewards.checks
from achievements.content import ACHIEVEMENT
from achievements.rules import AchievementRules
from anticheat import erasure as play_erasure
from anticheat import findings, precision, profiling, proving
from anticheat.models import PlayProfile, StatisticalFinding
from gamification import backfilling, executing, relay
from gamification.analytics import following, lately, recounting, sinking
from gamification.analytics.listening import Listening, compile_listening
from gamification.compiling import Metrics, achievement_rules, metrics, quest_rules, rule_index
from gamification.console import groups, pack_files
from gamification.console.models import Note
from gamification.console.player import acts, own_acts, sources, timeline
from gamification.kernel.console import editor, together
from gamification.kernel.content import editing, kinds, publishing, retiring
from gamification.kernel.core import bus
from gamification.kernel.messaging import followers
from gamification.kernel.models import AnsweredPlayer, AuditEntry, IdempotencyKey
from gamification.kernel.storage import audit_log, claims
from gamification.kernel.web import lasting, tokens
from gamification.players import erasing, resetting
from gamification.review import opening, queries
from gamification.review.erasure import forget_player as forget_cases
from gamification.review.models import Case, Vote
from gamification.simulation import examples
from gamification.webhooks import following as webhooks
from progress import backfill, zones
from progress.content import LEVEL, METRIC
from progress.erasure import step_back
from progress.leveling import LevelRules, compile_levels
from progress.models import Backfill
from progress.rule_index import RuleIndex
from progress.zones import Home, compile_home
from quests.content import POOL, QUEST, needed_by_runs
from quests.rules import QuestRules
from rewards.content import CURRENCY, REWARD
from rewards.erasure import pseudonymise
from rewards.models import Transfer
from rewards.rules import RewardRules, compile_rewards

KINDS = (METRIC, LEVEL, REWARD, CURRENCY, ACHIEVEMENT, QUEST, POOL)
"""The kinds of content that designers author."""

VALIDATORS = (
    kinds.unknown_references,
    progress.checks.problems,
    rewards.checks.problems,
    achievements.checks.problems,
    quests.checks.problems,
)
"""What may stand in the way of publishing, in the order in which its problems are told."""

COMPILERS = {
    Metrics: metrics,
    LevelRules: compile_levels,
    Home: compile_home,
    RewardRules: compile_rewards,
    profiling.LeastSeconds: profiling.compile_least_seconds,
}
"""The parts of the rules that are made of definitions alone."""

COMPOSERS = {
    AchievementRules: achievement_rules,
    QuestRules: quest_rules,
    RuleIndex: rule_index,
    Listening: compile_listening,
}
"""The parts that are made of other parts, each after those that it is made of."""

HIDERS = (achievements.queries.hidden,)
"""Each says of which content a player must not learn."""

USERS = (anticheat.queries.rules_about,)
"""Each says what names some content, beside content."""

HOLDERS = (needed_by_runs,)
"""Each says what still needs content, which then cannot be retired."""

ERASERS = {
    Transfer: pseudonymise,  # because money must add up
    IdempotencyKey: claims.forget_player,
    AnsweredPlayer: claims.forget_player,
    Backfill: step_back,
    PlayProfile: play_erasure.forget_player,  # because the profiler may be writing them
    StatisticalFinding: play_erasure.forget_player,
    Case: forget_cases,
    Vote: forget_cases,
    AuditEntry: audit_log.forget_player,  # because nobody may take out what staff did
}
"""Model → what happens to its rows that name an erased player, where they are not simply deleted."""

LEAVERS = (recounting.leave,)
"""Each is told of a player who is being erased while their rows are still there."""

STAYS = (AuditEntry, Note)
"""What is not deleted of a player for testing who begins anew."""

FOLLOWERS = (
    profiling.OF_EVENTS,
    profiling.OF_REUSES,
    relay.RELAY,
    lately.OF_EVENTS,
    lately.OF_FACTS,
    *following.FOLLOWERS,
    sinking.SINK,
    webhooks.FOLLOWER,
)
"""Facts are kept until each of these has seen them."""

TIMELINE = (*sources.SOURCES,)
"""The logs of which a player's timeline is made, for the console."""

ACTS = (*own_acts.ACTS,)
"""What may be done about a player at the console."""

AFTER_MIGRATE = (zones.record_after_migrate, groups.make, proving.make_defaults)
"""What writes into the database, after the migrations of a release, what it needs before it serves."""


def connect() -> None:
    for kind in KINDS:
        kinds.register(kind)
    for validate in VALIDATORS:
        publishing.validator(validate)
    publishing.examiner(examples.problems)
    for part, compile_ in COMPILERS.items():
        publishing.compiler(part, compile_)
    for part, compose in COMPOSERS.items():
        publishing.composer(part, compose)
    for hide in HIDERS:
        kinds.hider(hide)
    for needs in HOLDERS:
        retiring.holder(needs)
    for model, forget in ERASERS.items():
        erasing.eraser(model, forget)
    for leave in LEAVERS:
        erasing.leaver(leave)
    for model in STAYS:
        resetting.stays(model)
    for follower in FOLLOWERS:
        followers.register(follower)
    for source in TIMELINE:
        timeline.register(source)
    for act in ACTS:
        acts.register(act)
    for prepare in AFTER_MIGRATE:  # each app sends it; the kernel's is taken, so it runs once a migrate
        post_migrate.connect(prepare, sender=apps.get_app_config("kernel"))
    bus.connect(executing.execute)
    findings.connect(react=opening.react)
    precision.connect(verdicts=queries.verdicts)
    tokens.admit_by(progress.queries.admission)
    lasting.versions_by(progress.versions.versions)
    for uses in USERS:
        editor.user(uses)
    together.connect(as_pack=pack_files.of_kind)
    editing.connect(schedule=backfill.schedule, schedule_preview=backfill.schedule_preview)
    backfill.connect(partial(backfilling.run_pending, seconds=backfill.REQUEST_TIME_SLICE))
