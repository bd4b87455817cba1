"""The life of a release: OPEN → IN_REVIEW → APPROVED → SCHEDULED → PUBLISHED, or CANCELLED, and back by reverting.

Whoever made it sends it to review; others approve it, each of the items as they say at that moment. An edit of one of
the drafts makes the approvals void. A release that is scheduled keeps its drafts from being edited until it is live.
With REVIEWS_REQUIRED = 0 nobody has to approve anything, and an open release may go live at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar

from django.conf import settings

from gamification.kernel.content import publishing, released
from gamification.kernel.content.drafts import UnknownContent
from gamification.kernel.content.editing import Saved, put_live
from gamification.kernel.content.kinds import Kind, kind, kinds, placed
from gamification.kernel.content.publishing import Change, Definition, Unpublishable
from gamification.kernel.content.released import Item, Name, ReviewRequired
from gamification.kernel.content.retiring import refuse_what_is_held, still_needed
from gamification.kernel.core.audit import Subject, change
from gamification.kernel.core.messages import Command, Invalid, NotFound, PlayerId, Refused
from gamification.kernel.core.world import World
from gamification.kernel.models import Content, Release
from gamification.kernel.web import strict_fields

MAX_ITEMS = 500

State = Release.State
UNDER_WAY = (State.OPEN, State.IN_REVIEW, State.APPROVED)
"""The states in which it may still be edited."""


class WrongState(Refused):
    """What was asked for is not possible in the state that the release is in."""

    code = "wrong_state"


class OwnRelease(Refused):
    """Nobody approves a release of their own."""

    code = "own_release"


class ChangedSince(Refused):
    """Some of its content is not there any more."""

    code = "changed_since"


def find(id_: int) -> Release:
    release = Release.objects.filter(pk=id_).first() if id_ < 2**63 else None
    if release is None:
        raise NotFound("There is no such release.")
    return release


def state_of(release: Release, items: Sequence[Item]) -> State:
    """The state as it counts: approvals that an edit has made void do not."""
    if release.state == State.APPROVED and len(released.approvals(release, items)) < settings.REVIEWS_REQUIRED:
        return State.IN_REVIEW
    return State(release.state)


def titles_of(releases: Iterable[Release]) -> list[str]:
    """Of those of these releases, the newest first, that may still be edited."""
    return list(dict.fromkeys(release.title for release in releases if release.state in UNDER_WAY))[:50]


def before_publication() -> list[Release]:
    """All releases that are not published or cancelled, the newest first."""
    return list(Release.objects.filter(state__in=[*UNDER_WAY, State.SCHEDULED]).order_by("-pk"))


@dataclass(frozen=True, kw_only=True)
class ReleaseCommand(Command):
    """A wish about one release, in one of the states `possible_in`."""

    possible_in: ClassVar[Sequence[State]] = UNDER_WAY
    id: int = 0

    def players(self) -> Sequence[PlayerId]:
        return ()

    def subject(self) -> Subject:
        return Subject("release", str(self.id or ""))

    def handle(self, world: World) -> Release:
        publishing.lock()
        release = find(self.id)
        items = released.as_they_stand(released.items_of(release))
        state = state_of(release, items)
        if state not in self.possible_in:
            raise WrongState(f"The release {release.title!r} is {state.label.lower()}.")
        before = told(release)
        release.state = state
        if release.state in UNDER_WAY:
            release.items = [item.kept() for item in items]
            release.approvals = list(released.approvals(release, items))
        self.apply(world, release, items)
        release.save()
        world.changes.append(change("release", str(release.pk), before, told(release)))
        return release

    def apply(self, world: World, release: Release, items: list[Item]) -> None:
        raise NotImplementedError


def told(release: Release) -> dict[str, Any]:
    """What the audit log says of a release."""
    return {
        "title": release.title,
        "state": str(release.state),
        "items": [f"{item['kind']} {item['id']}" for item in release.items],
        "approved_by": [approval["who"] for approval in release.approvals],
        "publish_at": release.publish_at.isoformat() if release.publish_at else None,
    }


@dataclass(frozen=True, kw_only=True)
class OpenRelease(ReleaseCommand):
    title: str
    note: str = ""
    items: Sequence[Mapping[str, Any]] = ()
    """`{kind, id}` of drafts."""

    def handle(self, world: World) -> Release:
        items = released.as_they_stand(_checked(self.items))
        return _opened(world, Release(title=self.title, note=self.note), items)


@dataclass(frozen=True, kw_only=True)
class PutIntoRelease(ReleaseCommand):
    """Add drafts to the newest release of this title that may still be edited; where there is none, one is made."""

    title: str
    items: Sequence[Mapping[str, Any]] = ()
    """`{kind, id}` of drafts. What it holds already stays."""

    def handle(self, world: World) -> Release:
        publishing.lock()
        named = Release.objects.filter(title=self.title, state__in=UNDER_WAY).order_by("-pk").first()
        if named is None:
            return OpenRelease(title=self.title, items=self.items).handle(world)
        held = [{"kind": item["kind"], "id": item["id"]} for item in named.items]
        new = [item for item in self.items if dict(item) not in held]
        return EditRelease(id=named.pk, changes={"items": [*held, *new]}).handle(world)


@dataclass(frozen=True, kw_only=True)
class EditRelease(ReleaseCommand):
    """Set what `changes` names: title, note, items. Other items need to be approved anew."""

    changes: Mapping[str, Any] = field(default_factory=dict)

    def apply(self, world: World, release: Release, items: list[Item]) -> None:
        release.title = self.changes.get("title", release.title)
        release.note = self.changes.get("note", release.note)
        if "items" in self.changes:
            items = released.as_they_stand(_checked(self.changes["items"]))
            release.items = [item.kept() for item in items]
            release.approvals = list(released.approvals(release, items))
            release.state = state_of(release, items)


@dataclass(frozen=True, kw_only=True)
class SubmitRelease(ReleaseCommand):
    """Ask others to look at it. Where nobody has to, it is approved with that."""

    possible_in = (State.OPEN,)

    def apply(self, world: World, release: Release, items: list[Item]) -> None:
        _refuse_what_is_gone(items)
        release.state = State.IN_REVIEW if settings.REVIEWS_REQUIRED else State.APPROVED


@dataclass(frozen=True, kw_only=True)
class ApproveRelease(ReleaseCommand):
    """Approve the items as they say now. Not by whoever made the release."""

    possible_in = (State.IN_REVIEW, State.APPROVED)

    def apply(self, world: World, release: Release, items: list[Item]) -> None:
        _refuse_what_is_gone(items)
        who = str(world.actor)
        if who == release.created_by:
            raise OwnRelease("Somebody else has to approve a release of yours.")
        if all(approval["who"] != who for approval in release.approvals):
            bound = released.digest({"items": [item.kept() for item in items]})
            release.approvals = [*release.approvals, {"who": who, "at": world.now.isoformat(), "digest": bound}]
        if len(release.approvals) >= settings.REVIEWS_REQUIRED:
            release.state = State.APPROVED


@dataclass(frozen=True, kw_only=True)
class ScheduleRelease(ReleaseCommand):
    """Have it go live at `publish_at`. Until then its drafts cannot be edited."""

    publish_at: datetime

    def apply(self, world: World, release: Release, items: list[Item]) -> None:
        _refuse_without_approval(release, items)
        if self.publish_at <= world.now:
            detail = "Expected an instant that is still to come."
            raise Invalid(detail, [{"path": "publish_at", "code": "invalid", "detail": detail}])
        released.require_unlocked(item.name for item in items)
        release.state, release.publish_at, release.detail = State.SCHEDULED, self.publish_at, ""


@dataclass(frozen=True, kw_only=True)
class UnscheduleRelease(ReleaseCommand):
    """Take the schedule back; its drafts may be edited again. `detail`: why, where it could not go live at its hour."""

    possible_in = (State.SCHEDULED,)
    detail: str = ""

    def apply(self, world: World, release: Release, items: list[Item]) -> None:
        release.state, release.publish_at, release.detail = State.APPROVED, None, self.detail


@dataclass(frozen=True, kw_only=True)
class CancelRelease(ReleaseCommand):
    """Give it up; its drafts stay as they are."""

    possible_in = (*UNDER_WAY, State.SCHEDULED)

    def apply(self, world: World, release: Release, items: list[Item]) -> None:
        release.state, release.publish_at = State.CANCELLED, None


@dataclass(frozen=True, kw_only=True)
class PublishRelease(ReleaseCommand):
    """Put all of it live, in one publication, or nothing. Raises Unpublishable with all that is wrong, or StillNeeded
    where something that stays in play needs what it retires."""

    possible_in = (*UNDER_WAY, State.SCHEDULED)

    def apply(self, world: World, release: Release, items: list[Item]) -> None:
        _refuse_without_approval(release, items)
        wanted = _resolved(items)
        for of, draft, definition in wanted:
            if definition is None:
                refuse_what_is_held(of, str(draft.pk))
        edited = {(of.name, str(draft.pk)) for of, draft, _ in wanted if draft.has_changes}
        reason = f"{release.title}: {release.note}".rstrip(": ")
        try:
            saved, publication = put_live(
                world,
                [(of, draft, definition) for of, draft, definition in wanted if definition is not None],
                retiring=[(of, draft) for of, draft, definition in wanted if definition is None],
                reason=reason[: strict_fields.MAX_TEXT],
            )
        except Unpublishable as problem:
            raise _said(problem, items) from None
        _follow(saved, edited)
        release.state, release.published_at, release.detail = State.PUBLISHED, world.now, ""
        if publication is not None:
            release.publication = publication.number
            release.items = [item.kept() for item in released.went_live(publication, items)]


@dataclass(frozen=True, kw_only=True)
class RevertRelease(ReleaseCommand):
    """Make a release that restores what was live before this one, and retires what this one made. Refused whole where
    something that stays in play needs what it would retire. Players keep what they got."""

    possible_in = (State.PUBLISHED,)

    def handle(self, world: World) -> Release:
        publishing.lock()
        release = find(self.id)
        if release.state != State.PUBLISHED:
            raise WrongState("Only what was published can be reverted.")
        back = [
            Item(kind=item.kind, id=item.id, version=item.before or None, retires=not item.before)
            for item in released.items_of(release)
            if item.before is not None
        ]
        if not back:
            raise WrongState("Nothing came of it that could be reverted.")
        items = released.as_they_stand(back)
        _try_out(items)
        return _opened(world, Release(title=f"Revert: {release.title}"[:200], reverts=release.pk), items)


def publish_due(now: datetime, publish: Any) -> int:
    """Put live what is scheduled for now. What cannot go live is approved again, with the reason why it did not.

    `publish` handles a command as the service itself. Returns how many went live.
    """
    live = 0
    due = Release.objects.filter(state=State.SCHEDULED, publish_at__lte=now).order_by("publish_at", "pk")
    for id_ in due.values_list("pk", flat=True):
        try:
            publish(PublishRelease(id=id_))
            live += 1
        except Refused as refused:
            why = "; ".join(f"{error['path']}: {error['detail']}" for error in refused.errors) or refused.detail
            publish(UnscheduleRelease(id=id_, detail=why))
    return live


# -- the work ----------------------------------------------------------------------------------------------------------


def _opened(world: World, release: Release, items: Sequence[Item]) -> Release:
    release.items = [item.kept() for item in items]
    release.created_at, release.created_by = world.now, str(world.actor)
    release.save()
    world.changes.append(change("release", str(release.pk), None, told(release)))
    return release


def _checked(raw: Sequence[Mapping[str, Any]]) -> list[Item]:
    """The items that somebody asked for. Raises Invalid with the place of each that is unknown, or there twice."""
    errors: list[dict[str, str]] = []
    if len(raw) > MAX_ITEMS:
        detail = f"A release holds {MAX_ITEMS} at most, not {len(raw)}: part it."
        raise Invalid(detail, [{"path": "items", "code": "max_length", "detail": detail}])
    items: list[Item] = []
    known = {of.name: of for of in kinds()}
    for index, each in enumerate(raw):
        item = Item(kind=each["kind"], id=each["id"])
        detail = ""
        if item.kind not in known:
            detail = f"Expected one of {', '.join(known)}."
        elif any(item.name == other.name for other in items):
            detail = f"The {item.kind} {item.id} is in it already."
        elif not known[item.kind].model._default_manager.filter(pk=item.id, retired_at=None).exists():
            detail = UnknownContent(known[item.kind], item.id).detail
        if detail:
            errors.append({"path": f"items[{index}]", "code": "unknown_content", "detail": detail})
        items.append(item)
    if errors:
        raise Invalid(strict_fields.summary(errors), errors)
    return items


def _refuse_what_is_gone(items: Sequence[Item]) -> None:
    if gone := [f"{item.kind} {item.id}" for item in items if not item.digest]:
        raise ChangedSince(f"No longer there: {', '.join(gone)}. Take them out of the release.")


def _refuse_without_approval(release: Release, items: Sequence[Item]) -> None:
    _refuse_what_is_gone(items)
    missing = settings.REVIEWS_REQUIRED - len(released.approvals(release, items))
    if missing > 0:
        raise ReviewRequired(f"{missing} more have to approve the release {release.title!r} as it says now.")


def _resolved(items: Sequence[Item]) -> list[tuple[Kind, Content, Definition | None]]:
    """Each item with its draft and the canonical definition that goes live; None: it retires."""
    found = released.definitions(items)
    resolved = []
    for item in items:
        of, definition = kind(item.kind), found[item.name]
        draft: Content = of.model._default_manager.get(pk=item.id)
        resolved.append((of, draft, None if definition is None else of.parse(definition)))
    return resolved


def _follow(saved: Sequence[Saved], edited: set[Name]) -> None:
    """Where an earlier version went live, have its draft say the same; one with edits that are not live keeps them."""
    for each in saved:
        of = next(of for of in kinds() if isinstance(each.draft, of.model))
        draft = each.draft
        differs = released.digest(of.read(draft)) != released.digest(each.definition)
        keeps = differs and (of.name, str(draft.pk)) in edited
        if draft.retired_at is not None or keeps:
            draft.retired_at, draft.has_changes = None, keeps
            draft.save(update_fields=["retired_at", "has_changes"])
        if differs and not keeps:
            of.save(draft, each.definition)


def _try_out(items: Sequence[Item]) -> None:
    """Raise what would stand in the way of publishing these items now."""
    for of, draft, definition in (resolved := _resolved(items)):
        if definition is None and draft.published is not None:
            refuse_what_is_held(of, str(draft.pk))
    try:
        publishing.rehearse([Change(of.name, str(draft.pk), definition) for of, draft, definition in resolved])
    except Unpublishable as problem:
        raise _said(problem, items) from None


def _said(problem: Unpublishable, items: Sequence[Item]) -> Refused:
    """Why a release cannot go live. Where something outside of it is to blame, that needs what the release retires."""
    inside = {item.name for item in items}
    outside = [error for error in problem.errors if (error["kind"], error["id"]) not in inside]
    retired = [f"{item.kind} {item.id}" for item in items if item.retires]
    if outside and retired:
        return still_needed(", ".join(retired), Unpublishable(problem.detail, outside))
    errors = list(placed(problem.errors, None))
    return type(problem)(strict_fields.summary(errors), errors)
