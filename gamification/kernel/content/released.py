"""What a release holds: which drafts go live together, and what each said when it was looked at.

An item is `{kind, id, digest}`, a draft as it stood. One with `version` puts an earlier version live again, one with
`retires` takes its content out of play; both are what reverting makes. Once it is published an item also says as which
`version` it went live, and which one was live `before` (0: none).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.conf import settings

from gamification.kernel.content import publishing
from gamification.kernel.content.kinds import kind
from gamification.kernel.content.publishing import Definition, Publication
from gamification.kernel.core.encoding import canonical
from gamification.kernel.core.messages import Refused
from gamification.kernel.core.world import World
from gamification.kernel.models import Release, Version

Name = tuple[str, str]
"""Kind and id."""


class ReviewRequired(Refused):
    """REVIEWS_REQUIRED says that others look at what goes live: only a release that they approved does."""

    code = "review_required"


class LockedByRelease(Refused):
    """Content of a scheduled release stays as it was approved until it is live, or the schedule is taken back."""

    code = "locked_by_release"


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    kind: str
    id: str
    digest: str = ""
    version: int | None = None
    retires: bool = False
    before: int | None = None

    @property
    def name(self) -> Name:
        return (self.kind, self.id)

    def kept(self) -> dict[str, Any]:
        """As the release's row keeps it: without what does not apply."""
        said = {"kind": self.kind, "id": self.id, "digest": self.digest}
        more = {"version": self.version, "retires": self.retires or None, "before": self.before}
        return said | {name: value for name, value in more.items() if value is not None}


def items_of(release: Release) -> list[Item]:
    return [Item(**item) for item in release.items]


def require_no_review() -> None:
    """Refuse to make something live without a release, where releases have to be approved."""
    if settings.REVIEWS_REQUIRED:
        raise ReviewRequired(
            f"What goes live needs the approval of {settings.REVIEWS_REQUIRED} other(s): put it into a release."
        )


def require_unlocked(names: Iterable[Name]) -> None:
    """Refuse to edit what a scheduled release is about to put live. To be called under the lock of publishing."""
    wanted = set(names)
    for release in Release.objects.filter(state=Release.State.SCHEDULED):
        for item in items_of(release):
            if item.name in wanted:
                raise LockedByRelease(
                    f"The {item.kind} {item.id} is in the release {release.title!r}, which goes live at"
                    f" {release.publish_at:%Y-%m-%d %H:%M} UTC. Take its schedule back first."
                )


def scheduled() -> dict[Name, Release]:
    """What goes live at its hour, with the release that says so."""
    return scheduled_of(Release.objects.filter(state=Release.State.SCHEDULED))


def scheduled_of(releases: Iterable[Release]) -> dict[Name, Release]:
    """The same of those of these releases that are scheduled."""
    chosen = [release for release in releases if release.state == Release.State.SCHEDULED]
    return {item.name: release for release in chosen for item in items_of(release)}


def definitions(items: Sequence[Item]) -> dict[Name, Definition | None]:
    """What each item would put live now; None: nothing, since it retires. What is not there any more is missing."""
    found: dict[Name, Definition | None] = {item.name: None for item in items if item.retires}
    for name in {item.kind for item in items}:
        of = kind(name)
        ids = [item.id for item in items if item.kind == name and item.version is None and not item.retires]
        drafts = of.model._default_manager.filter(pk__in=ids, retired_at=None).prefetch_related(*of.lines)
        found |= {(name, str(draft.pk)): of.read(draft) for draft in drafts}
    earlier = {(*item.name, item.version) for item in items if item.version is not None and not item.retires}
    found |= {(kind_, id_): definition for (kind_, id_, _), definition in of_versions(earlier).items()}
    return found


def of_versions(wanted: Iterable[tuple[str, str, int]]) -> dict[tuple[str, str, int], Definition]:
    """(kind, id, number) → what that version said, in one query."""
    asked = set(wanted)
    if not asked:
        return {}
    kinds, ids, numbers = (set(column) for column in zip(*asked, strict=True))
    rows = Version.objects.filter(kind__in=kinds, content_id__in=ids, number__in=numbers)
    return {
        (row.kind, row.content_id, row.number): publishing.whole(row.kind, row.definition)
        for row in rows
        if (row.kind, row.content_id, row.number) in asked
    }


def as_they_stand(items: Sequence[Item], now: Mapping[Name, Definition | None] | None = None) -> list[Item]:
    """The items with the digests of what they would put live now, by `definitions`; empty where that is not there any
    more."""
    now = definitions(items) if now is None else now
    return [replace(item, digest=digest(now[item.name]) if item.name in now else "") for item in items]


def digest(definition: Definition | None) -> str:
    """32 characters that are equal for two definitions exactly when they say the same."""
    return hashlib.blake2b(canonical(definition), digest_size=16).hexdigest()


def approvals(release: Release, items: Sequence[Item]) -> list[Mapping[str, Any]]:
    """The approvals that are of these very items; those of what they said before an edit are void."""
    bound = digest({"items": [item.kept() for item in items]})
    return [approval for approval in release.approvals if approval["digest"] == bound]


def went_live(publication: Publication, items: Sequence[Item]) -> list[Item]:
    """The items with the versions as which they were published. What was live as it stands already stays without."""
    live = []
    for item in items:
        version = publication.versions.get(item.name)
        if version is None:
            live.append(item)
            continue
        before = Version.objects.filter(kind=item.kind, content_id=item.id, number=version - 1, retires=False)
        live.append(replace(item, version=version, before=version - 1 if before.exists() else 0))
    return live


def record(world: World, publication: Publication, items: Sequence[Item], reason: str) -> None:
    """Note what was published without a release of its own: as a release of just that, which can be reverted."""
    first = f"{items[0].kind} {items[0].id}" if items else ""
    more = f" and {len(items) - 1} more" if len(items) > 1 else ""
    Release.objects.create(
        title=f"{first}{more}",
        note=reason,
        items=[item.kept() for item in went_live(publication, items)],
        state=Release.State.PUBLISHED,
        created_at=world.now,
        created_by=str(world.actor),
        published_at=world.now,
        publication=publication.number,
    )
