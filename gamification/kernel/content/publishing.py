"""Drafts become versions, versions become rules.

Designers edit drafts; the runtime reads the newest published versions only, compiled once a process and publication.
Apps register what they compile and what they find wrong; the kernel knows none of them.

A *unit* is the smallest thing that is counted for players (a metric in a scope, an achievement's requirements). The
head remembers since which publication each has been kept without a gap: a player whose past was counted up to
publication n (`Player.backfilled_to`) is up to date for every unit that is not younger than n.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple, TypeVar

from django.db import connection
from django.db.models import Max

from gamification.kernel.core.actors import Actor
from gamification.kernel.core.messages import Invalid
from gamification.kernel.models import PublicationHead, Version
from gamification.kernel.storage import sql

Definition = dict[str, Any]
"""One piece of content in the contract's shape, every optional field present."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Published:
    kind: str
    id: str
    version: int
    definition: Definition
    retired: bool


class Definitions(dict[str, dict[str, Definition]]):
    """kind → id → definition of everything in play. `before` is the same as it was published before this change,
    retired content included."""

    before: dict[str, dict[str, Definition]]


@dataclass(frozen=True, slots=True)
class Change:
    """A new version of one piece of content; `definition` None retires it."""

    kind: str
    id: str
    definition: Definition | None


@dataclass(frozen=True, slots=True)
class Problem:
    kind: str
    id: str
    path: str
    code: str
    detail: str


class Unpublishable(Invalid):
    """Content that would not work. `errors` name each problem: `{path, code, detail, kind, id}`."""

    code = "unpublishable"


class ExampleFailed(Unpublishable):
    """Content that works, and does not do what its designers said it does."""

    code = "example_failed"


@dataclass(frozen=True, slots=True)
class Publication:
    number: int
    versions: dict[tuple[str, str], int]
    new_units: bool
    """Whether players' pasts have to be counted for something new."""


class Units:
    """Since which publication each unit is kept. Compilers ask; what nobody asks for is forgotten."""

    def __init__(self, known: dict[str, int], number: int) -> None:
        self._known = known
        self._number = number
        self.used: dict[str, int] = {}

    def since(self, key: str) -> int:
        number = self.used[key] = self._known.get(key, self._number)
        return number


@dataclass(slots=True)
class Rules:
    """Everything published, compiled. Never changed; a newer publication is another Rules."""

    number: int
    published: dict[str, dict[str, Published]]
    units: dict[str, int]
    _parts: dict[type, Any] = field(default_factory=dict)
    _history: dict[tuple[str, str, int], Definition] = field(default_factory=dict)

    def __getitem__(self, part: type[T]) -> T:
        return self._parts[part]  # type: ignore[no-any-return]

    def compose(self, part: type, compiled: Any) -> None:
        self._parts[part] = compiled

    def definition(self, kind: str, id_: str, version: int) -> Definition:
        """One version's definition, however old. Raises Version.DoesNotExist."""
        newest = self.published.get(kind, {}).get(id_)
        if newest is not None and newest.version == version:
            return newest.definition
        key = (kind, id_, version)
        if key not in self._history:
            found = Version.objects.get(kind=kind, content_id=id_, number=version)
            self._history[key] = whole(kind, found.definition)
        return self._history[key]

    def load_definitions(self, kind: str, versions: Iterable[tuple[str, int]]) -> None:
        """Load what was published under these versions, for `definition`: one query at most, however many they are."""
        newest = self.published.get(kind, {})
        missing = {
            (id_, version)
            for id_, version in versions
            if (id_ not in newest or newest[id_].version != version) and (kind, id_, version) not in self._history
        }
        if missing:
            ids, numbers = zip(*missing, strict=True)
            for found in Version.objects.filter(kind=kind, content_id__in=set(ids), number__in=set(numbers)):
                self._history[kind, found.content_id, found.number] = whole(kind, found.definition)


Compile = Callable[[Definitions, Units], Any]
Compose = Callable[["Rules", Units], Any]
Validate = Callable[[Definitions], Iterable[Problem]]
Examine = Callable[["Rules", Sequence[Change]], Iterable[Problem]]

_compilers: dict[type, Compile] = {}
_composers: dict[type, Compose] = {}
_validators: list[Validate] = []
_examiners: list[Examine] = []
_defaults: dict[str, Mapping[str, Any]] = {}
_cache: dict[str, Rules] = {}


def compiler(part: type, compile_: Compile) -> None:
    """Register how an app's part of the rules is compiled (once, at start-up)."""
    _compilers[part] = compile_


def composer(part: type, compose: Compose) -> None:
    """Register a part that is made of the apps' compiled parts, after them."""
    _composers[part] = compose


def validator(validate: Validate) -> None:
    """Register what an app finds wrong with the whole of the content (once, at start-up)."""
    _validators.append(validate)


def examiner(examine: Examine) -> None:
    """Register what tries rules out before they are published (once, at start-up)."""
    _examiners.append(examine)


def fields_of(kind: str, defaults: Mapping[str, Any]) -> None:
    """Register the fields of a kind's definitions that may be absent, with what their absence says."""
    _defaults[kind] = defaults


def whole(kind: str, definition: Definition) -> Definition:
    """A definition as it was published, with the fields that a kind has got since."""
    return {**_defaults.get(kind, {}), **definition}


class Head(NamedTuple):
    """What a batch reads of the publication head."""

    number: int = 0
    token: str = ""
    retention_cut: datetime | None = None


def ask_head() -> Callable[[], Head]:
    """Ask how things stand now: one query."""
    asked = sql.ask_where(PublicationHead, Head._fields, {"id": 1})
    return lambda: Head(*next(iter(asked()), ()))


def current() -> Rules:
    """The newest published rules: one query to see whether they are still the newest."""
    return rules_of(ask_head()())


def rules_of(head: Head) -> Rules:
    """The rules that were the newest when the head was read."""
    number, token, _ = head
    rules = _cache.get(token)
    if rules is None:
        units = PublicationHead.objects.filter(pk=1).values_list("units", flat=True).first() or {}
        rules = _compile(_newest(), Units(units, number), number)
        if not connection.in_atomic_block or token:
            _cache.clear()
            _cache[token] = rules
    return rules


def lock() -> PublicationHead:
    """Wait until nobody else publishes, and keep others from it until the transaction ends."""
    head, _ = PublicationHead.objects.select_for_update().get_or_create(pk=1)
    return head


def renew() -> None:
    """Have every process compile anew, for what it compiles from elsewhere than publications."""
    PublicationHead.objects.filter(pk=1).update(token=secrets.token_hex(16))


def publish(changes: Sequence[Change], *, who: Actor, reason: str, now: datetime) -> Publication:
    """Make new versions of what changed, all or nothing. Needs an open transaction.

    Raises Unpublishable with every problem of the whole, each with its path.
    """
    head = lock()
    newest = _newest()
    after = _with(newest, changes)
    _refuse_problems(_in_play(after, before=newest))
    number = head.number + 1
    versions = {}
    for change in changes:
        version = after[change.kind][change.id]
        versions[change.kind, change.id] = version.version
        Version.objects.create(
            kind=change.kind,
            content_id=change.id,
            number=version.version,
            publication=number,
            definition=version.definition,
            retires=version.retired,
            at=now,
            who=str(who),
            reason=reason,
        )
    units = Units(head.units, number)
    _refuse_failures(_compile(after, units, number), changes)
    head.number, head.token, head.units = number, secrets.token_hex(16), units.used
    head.save(update_fields=["number", "token", "units"])
    return Publication(number, versions, new_units=number in units.used.values())


def dry_run(changes: Sequence[Change]) -> Rules:
    """The rules as they would be after `changes`; nothing is written, no example is run. Raises Unpublishable."""
    head = PublicationHead.objects.filter(pk=1).first() or PublicationHead()
    newest = _newest()
    after = _with(newest, changes)
    _refuse_problems(_in_play(after, before=newest))
    return _compile(after, Units(head.units, head.number + 1), head.number + 1)


def rehearse(changes: Sequence[Change]) -> None:
    """Raise Unpublishable if these could not be published as things stand, for whatever reason."""
    _refuse_failures(dry_run(changes), changes)


def with_changes(changes: Iterable[Change]) -> Definitions:
    """Everything in play, as it would be after these changes."""
    newest = _newest()
    return _in_play(_with(newest, list(changes)), before=newest)


def _newest() -> dict[str, dict[str, Published]]:
    ids = Version.objects.values("kind", "content_id").annotate(newest=Max("id")).values("newest")
    found: dict[str, dict[str, Published]] = {}
    for version in Version.objects.filter(id__in=ids).order_by("kind", "content_id"):
        found.setdefault(version.kind, {})[version.content_id] = Published(
            version.kind,
            version.content_id,
            version.number,
            whole(version.kind, version.definition),
            version.retires,
        )
    return found


def _with(newest: dict[str, dict[str, Published]], changes: Sequence[Change]) -> dict[str, dict[str, Published]]:
    after = {kind: dict(items) for kind, items in newest.items()}
    for change in changes:
        items = after.setdefault(change.kind, {})
        before = items.get(change.id)
        definition = change.definition if change.definition is not None else before.definition if before else {}
        number = before.version + 1 if before else 1
        items[change.id] = Published(change.kind, change.id, number, definition, change.definition is None)
    return after


def _in_play(
    published: dict[str, dict[str, Published]], before: dict[str, dict[str, Published]] | None = None
) -> Definitions:
    definitions = Definitions(
        {
            kind: {id_: item.definition for id_, item in items.items() if not item.retired}
            for kind, items in published.items()
        }
    )
    definitions.before = {
        kind: {id_: item.definition for id_, item in items.items()} for kind, items in (before or published).items()
    }
    return definitions


def _refuse_problems(definitions: Definitions) -> None:
    _refuse(Unpublishable, [problem for validate in _validators for problem in validate(definitions)])


def _refuse_failures(rules: Rules, changes: Sequence[Change]) -> None:
    _refuse(ExampleFailed, [problem for examine in _examiners for problem in examine(rules, changes)])


def _refuse(kind: type[Unpublishable], problems: Sequence[Problem]) -> None:
    if problems:
        raise kind(
            f"{len(problems)} problem(s) stand in the way of publishing.",
            errors=[{"path": p.path, "code": p.code, "detail": p.detail, "kind": p.kind, "id": p.id} for p in problems],
        )


def _compile(published: dict[str, dict[str, Published]], units: Units, number: int) -> Rules:
    definitions = _in_play(published)
    parts = {part: compile_(definitions, units) for part, compile_ in _compilers.items()}
    rules = Rules(number, published, units.used, parts)
    for part, compose in _composers.items():
        rules.compose(part, compose(rules, units))
    return rules
