"""What the kernel keeps: the inbox, the outbox, published versions, keys."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from django.db import models
from django.db.models import Q
from django.utils import timezone

from gamification.kernel.core.actors import MAX_SIGNATURE
from gamification.kernel.event_columns import HashedText, JsonText

if TYPE_CHECKING:  # generic for mypy only
    TextColumn = models.CharField[str, str]
else:
    TextColumn = models.CharField


class ActorField(TextColumn):
    """Who did it (`kernel.actors.Actor` as text). Empty: the service itself, or the player whose row it is.

    It is for staff: a player's own export leaves it out.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"max_length": MAX_SIGNATURE, "blank": True, "default": "", "db_default": "", **kwargs})

    def deconstruct(self) -> tuple[str, str, Sequence[Any], dict[str, Any]]:
        name, _, args, kwargs = super().deconstruct()
        return name, "django.db.models.CharField", args, kwargs  # migrations import nothing of the project


class Event(models.Model):
    """A game event as it was accepted. `(player_id, event_id)` is its identity."""

    personal = ("player_id", "event_id", "data")
    shown_to_player = ("event_id", "type", "data", "timestamp", "received_at", "state")
    found_by_hash = ("player_id", "event_id")

    class State(models.IntegerChoices):
        COUNTED = 0
        HELD = 1
        DISMISSED = 2

    # Columns of a fixed width come first: PostgreSQL fills up to eight bytes before one that comes after a text.
    timestamp = models.DateTimeField()
    received_at = models.DateTimeField()
    state = models.PositiveSmallIntegerField(choices=State.choices, default=State.COUNTED)
    player_id = HashedText(max_length=64)
    event_id = models.CharField(max_length=64)
    type = models.CharField(max_length=64)
    data = JsonText()

    class Meta:
        # On PostgreSQL it is over hashes of these columns (kernel.event_columns).
        constraints = [models.UniqueConstraint(fields=["player_id", "event_id"], name="one_event_once")]

    def __str__(self) -> str:
        return f"{self.type} of {self.player_id}"


class RejectedEvent(models.Model):
    """An event that only the store could refuse (`id_reused`, `too_old`, `player_erased`)."""

    personal = ("player_id", "event_id")
    shown_to_player = ("event_id", "type", "code", "detail", "timestamp", "rejected_at")

    player_id = models.CharField(max_length=64)
    event_id = models.CharField(max_length=64)
    type = models.CharField(max_length=64)
    code = models.CharField(max_length=32)
    detail = models.TextField()
    timestamp = models.DateTimeField()
    rejected_at = models.DateTimeField()

    class Meta:
        indexes = [
            models.Index(fields=["player_id", "id"], name="rejected_of_a_player"),
            models.Index(fields=["code", "id"], name="rejected_by_code"),
        ]

    def __str__(self) -> str:
        return f"{self.event_id}: {self.code}"


class OutboxFact(models.Model):
    """A fact as it was stated, in the order of `id`: the log that followers work through. Never changed."""

    personal = ("fact_id", "player_id", "data", "request_id", "traceparent")

    fact_id = models.CharField(max_length=64)
    player_id = models.CharField(max_length=64)
    type = models.CharField(max_length=64)
    data = models.JSONField()
    timestamp = models.DateTimeField()
    stated_at = models.DateTimeField(default=timezone.now)  # when it was written: `timestamp` may be years older
    request_id = models.CharField(max_length=64, blank=True, default="", db_default="")  # that led to it, where known
    traceparent = models.CharField(max_length=55, blank=True, default="", db_default="")

    class Meta:
        indexes = [models.Index(fields=["player_id", "id"], name="facts_of_a_player")]

    def __str__(self) -> str:
        return f"{self.type} of {self.player_id}"


class FollowerMark(models.Model):
    """How far a follower has come in its log."""

    personal = ()

    name = models.CharField(primary_key=True, max_length=32)
    cursor = models.BigIntegerField(default=0)
    """The `id` of the last row that it is done with."""
    moved_at = models.DateTimeField(default=timezone.now)
    missed_at = models.DateTimeField(null=True, blank=True)
    """When it last came so late that what it was to do next was no longer kept."""

    def __str__(self) -> str:
        return f"{self.name} at {self.cursor}"


class UnsentFacts(models.Model):
    """A player one of whose facts the broker has refused: from `since` on they are still to be sent, in their order."""

    personal = ("player_id",)

    player_id = models.CharField(primary_key=True, max_length=64)
    since = models.BigIntegerField()
    tried_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name_plural = "unsent facts"

    def __str__(self) -> str:
        return f"{self.player_id} from {self.since}"


class WorkerHeartbeat(models.Model):
    """What a worker says of itself every second: that it lives, and what it holds."""

    personal = ()

    worker = models.CharField(primary_key=True, max_length=255)
    beat = models.PositiveBigIntegerField(default=0)
    """Rises: whoever looks twice sees whether it lives, whatever the clocks say."""
    at = models.DateTimeField(default=timezone.now)
    unacked = models.PositiveIntegerField(default=0)
    """Messages that it has taken and not acknowledged."""
    oldest = models.DateTimeField(null=True, blank=True)
    """When the oldest of them was handed over, as its publisher says, or arrived here."""
    done_to = models.DateTimeField(null=True, blank=True)
    """When the newest message that it has dealt with was handed over."""
    done_of_shares = models.JSONField(null=True, blank=True)
    """With several shares: share → the same of its queue, in seconds of Unix time. Each queue goes on by itself."""
    waits_for = models.TextField(blank=True)
    """Why it cannot go on; empty when it can."""

    def __str__(self) -> str:
        return self.worker


class ShareLease(models.Model):
    """Which worker takes the events of a share, and until when, if it says nothing more."""

    personal = ()

    share = models.PositiveSmallIntegerField(primary_key=True)
    worker = models.CharField(max_length=255, blank=True, default="")
    until = models.DateTimeField()

    def __str__(self) -> str:
        return f"share {self.share}"


class PublicationHead(models.Model):
    """One row: the newest publication's number, and since which number each compiled unit has been kept.

    Publishing locks this row, so numbers are committed in order; a batch reads it once, after its players are locked.
    """

    personal = ()

    number = models.PositiveIntegerField(default=0)
    token = models.CharField(max_length=32, blank=True, default="")
    """Random, new with every publication: what a process has compiled is good for this token only."""
    units = models.JSONField(default=dict)
    retention_cut = models.DateTimeField(null=True, blank=True)
    """The latest instant before which events were ever deleted: older ones are refused (`too_old`)."""

    def __str__(self) -> str:
        return f"publication {self.number}"


class Version(models.Model):
    """A published definition of one piece of content. Never changed."""

    personal = ()

    kind = models.CharField(max_length=16)
    content_id = models.CharField(max_length=64)
    number = models.PositiveIntegerField()
    publication = models.PositiveIntegerField()
    definition = models.JSONField()
    retires = models.BooleanField(default=False)
    """Whether this version takes the content out of play."""
    at = models.DateTimeField()
    who = ActorField()
    reason = models.TextField(blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["kind", "content_id", "number"], name="one_version_once")]
        indexes = [models.Index(fields=["publication"])]

    def __str__(self) -> str:
        return f"{self.kind} {self.content_id} v{self.number}"


class Release(models.Model):
    """Drafts that go live together, in one publication or not at all. Whatever was published is in one."""

    personal = ()

    class State(models.TextChoices):
        OPEN = "OPEN"
        IN_REVIEW = "IN_REVIEW"
        APPROVED = "APPROVED"
        SCHEDULED = "SCHEDULED"
        PUBLISHED = "PUBLISHED"
        CANCELLED = "CANCELLED"

    title = TextColumn(max_length=200)
    note = models.TextField(blank=True)
    items = models.JSONField(default=list)
    """As `kernel.content.released.Item` keeps them."""
    state = models.CharField(max_length=16, choices=State.choices, default=State.OPEN)
    approvals = models.JSONField(default=list)
    """`{who, at, digest}`, each of the items as they said then."""
    publish_at = models.DateTimeField(null=True, blank=True)
    detail = models.TextField(blank=True)
    """Why it did not go live at its hour."""
    created_at = models.DateTimeField(default=timezone.now)
    created_by = ActorField()
    published_at = models.DateTimeField(null=True, blank=True)
    publication = models.PositiveIntegerField(null=True, blank=True)
    reverts = models.BigIntegerField(null=True, blank=True)
    """The release of which it restores what was before."""

    class Meta:
        permissions = [("approve_release", "Can approve a release of somebody else")]
        indexes = [models.Index(fields=["state", "id"], name="releases_by_state")]

    def __str__(self) -> str:
        return self.title


class Content(models.Model):
    """What a designer edits: a draft. The runtime reads published versions only."""

    personal = ()

    id = models.SlugField(primary_key=True, max_length=64, help_text="Chosen once, never changed: first-blood")
    published = models.PositiveIntegerField(null=True, blank=True, editable=False)
    """The number of the newest published version; None while it is only a draft."""
    tags = models.JSONField(default=list, blank=True)
    """Slugs by which designers find it, each once."""
    has_changes = models.BooleanField(default=True, editable=False)
    """Whether the draft differs from what is published."""
    retired_at = models.DateTimeField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return str(self.pk)


def content_named(to: Any, **more: Any) -> Any:
    """A column of a draft that names other content. The database does not hold it to that: a draft may name what is
    not there yet, and publishing says so."""
    return models.ForeignKey(to, on_delete=models.DO_NOTHING, related_name="+", db_constraint=False, **more)


class ApiKey(models.Model):
    """A game server's key. The secret is shown once and kept hashed."""

    personal = ()

    prefix = models.CharField(max_length=16, unique=True)
    hashed_secret = models.CharField(max_length=64)
    name = models.CharField(max_length=100)
    scopes = models.JSONField(default=list)
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    rate_limit = models.PositiveIntegerField(null=True, blank=True)
    """Requests a second; None: what RATE_LIMIT_KEY says; 0: as many as it likes."""
    created_by = ActorField()
    revoked_by = ActorField()
    lineage = models.BigIntegerField(null=True, blank=True, editable=False)
    """The first key of the line that this one goes on; None: it is the first itself."""

    class Meta:
        verbose_name = "API key"

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix})"


class IdempotencyKey(models.Model):
    """The first answer to a POST that named a key, kept for 24 hours."""

    personal = ("caller", "key", "fingerprint", "body")

    caller = models.CharField(max_length=100)
    """`key:<lineage>` or `player:<id>`."""
    key = models.CharField(max_length=255)
    fingerprint = models.CharField(max_length=64)
    """Of method, path and body: the same key with another body is refused."""
    status = models.PositiveSmallIntegerField(null=True, blank=True)
    body = models.TextField(blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["caller", "key"], name="one_answer_per_key"),
            models.CheckConstraint(condition=~Q(key=""), name="a_key_is_not_empty"),
        ]

    def __str__(self) -> str:
        return self.key


class AnsweredPlayer(models.Model):
    """A player whom a kept answer is about. One answer to a batch of events may be about many."""

    personal = ("pseudonym",)

    answer = models.ForeignKey(IdempotencyKey, on_delete=models.CASCADE, related_name="players")
    pseudonym = models.CharField(max_length=64)
    """`kernel.pseudonyms` makes it: a request may name somebody who was erased, and nobody is to find that here."""

    class Meta:
        constraints = [models.UniqueConstraint(fields=["pseudonym", "answer"], name="one_answered_player")]

    def __str__(self) -> str:
        return self.pseudonym


class AuditEntry(models.Model):
    """One act of staff, of a game's key or of the service: who did what, why, and what it changed.

    Append only. Triggers refuse to delete a row, or to change one otherwise than by emptying what it says of a player
    who is being erased.
    """

    personal = ("player_id", "subject_id", "reason", "before", "after")
    shown_to_player = ()

    at = models.DateTimeField()
    actor = TextColumn(max_length=MAX_SIGNATURE)
    action = models.CharField(max_length=64)
    kind = models.CharField(max_length=32, blank=True)
    """What it was about: a kind of content, `player`, `distribution`, `finding`, `api_key`, `user`, and the like."""
    subject_id = TextColumn(max_length=160, blank=True, verbose_name="id of it")
    player_id = models.CharField(max_length=64, blank=True)
    reason = models.TextField(blank=True)
    before = models.JSONField(null=True, blank=True)
    """Of the fields that it changed, what they were. Null: there was nothing before."""
    after = models.JSONField(null=True, blank=True)
    request_id = models.CharField(max_length=64, blank=True)

    class Meta:
        verbose_name_plural = "audit log"
        indexes = [
            models.Index(fields=["player_id", "id"], condition=~Q(player_id=""), name="audit_of_a_player"),
            models.Index(fields=["kind", "subject_id", "id"], name="audit_of_a_subject"),
            models.Index(fields=["actor", "id"], name="audit_of_an_actor"),
            models.Index(fields=["action", "id"], name="audit_of_an_action"),
            models.Index(fields=["at", "id"], name="audit_in_time"),
        ]

    def __str__(self) -> str:
        return f"{self.action} by {self.actor}"


class PseudonymKey(models.Model):
    """One row: under which key players are hashed. Made once, by the migration, and never changed."""

    personal = ()

    key = models.BinaryField(max_length=32)

    def __str__(self) -> str:
        return "the key of players' pseudonyms"
