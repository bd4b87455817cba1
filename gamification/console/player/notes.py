"""Notes of staff about a player: written down, and taken away, each with an entry in the audit log."""

from __future__ import annotations

from dataclasses import dataclass

from gamification.console.models import Note
from gamification.kernel.core.audit import Change, Subject
from gamification.kernel.core.messages import Command, NotFound, PlayerId
from gamification.kernel.core.world import World


@dataclass(frozen=True, kw_only=True)
class WriteNote(Command):
    """Write down something about a player. The text is in the note alone: it goes when the note goes."""

    player_id: PlayerId
    text: str

    def handle(self, world: World) -> int:
        by = world.actor.signature
        note = Note(player_id=self.player_id, text=self.text, written_at=world.now, written_by=by)
        note.save()
        world.changes.append(Change(Subject("note", str(note.pk)), self.player_id))
        return note.pk


@dataclass(frozen=True, kw_only=True)
class RemoveNote(Command):
    """Take a note away for good."""

    player_id: PlayerId
    note_id: int
    reason: str

    def handle(self, world: World) -> None:
        removed, _ = Note.objects.filter(pk=self.note_id, player_id=self.player_id).delete()
        if not removed:
            raise NotFound("There is no such note.")
        world.changes.append(Change(Subject("note", str(self.note_id)), self.player_id, before={"existed": True}))
