"""The acts that the service brings: one line each, with the command that it is."""

from __future__ import annotations

from achievements.commands import RevokeAchievement
from anticheat.commands import DismissEvent, ReleaseEvent
from gamification.console.player import act_forms as forms
from gamification.console.player import exporting
from gamification.console.player.acts import Act
from gamification.console.player.head import Head
from gamification.console.player.notes import RemoveNote, WriteNote
from gamification.players.commands import ChangeProfile, EndTokens
from gamification.players.erasing import ErasePlayer
from gamification.players.resetting import ResetPlayer
from gamification.players.revoking import RevokeSince
from gamification.review.commands import SetStanding
from quests.commands import CompleteStep, MoveRun
from rewards.commands import ClaimReward, GrantReward, RevokeDistribution

GIVES = ("rewards.change_distribution",)
REVOKES = ("achievements.change_standing",)
DECIDES = ("anticheat.change_finding",)
MOVES = ("quests.change_run",)
CHANGES = ("progress.change_player",)
NOTES = ("console.add_note",)


def _has_held(head: Head) -> bool:
    return head.held > 0


ACTS = (
    Act(
        name="grant",
        label="Grant",
        does="Gives a reward by hand. One that is claimed by itself is paid at once.",
        needs=GIVES,
        form=forms.Granting,
        command=lambda player, said: GrantReward(
            player_id=player, reward_id=said["reward"], reason=said["reason"], grant_id=said["once"]
        ),
        done=lambda said, answer: f"Granted {said['reward']}.",
    ),
    Act(
        name="revoke-since",
        label="Revoke since",
        does="Takes back all that was completed and given since an instant, and undoes what claiming it did.",
        needs=(*GIVES, *REVOKES),
        form=forms.Since,
        command=lambda player, said: RevokeSince(player_id=player, since=said["since"], reason=said["reason"]),
        done=lambda said, answer: (
            f"Took back {answer['achievements']} achievements and {answer['distributions']} rewards."
        ),
        is_grave=True,
    ),
    Act(
        name="release",
        label="Release",
        does="Lets a held event count, with its own time.",
        needs=DECIDES,
        form=forms.OfHeld,
        command=lambda player, said: ReleaseEvent(finding_id=said["finding"], reason=said["reason"]),
        done=lambda said, answer: f"Released {answer.event_id}.",
        applies=_has_held,
    ),
    Act(
        name="dismiss",
        label="Dismiss",
        does="Never lets a held event count. It stays known, so that it cannot be sent again.",
        needs=DECIDES,
        form=forms.OfHeld,
        command=lambda player, said: DismissEvent(finding_id=said["finding"], reason=said["reason"]),
        done=lambda said, answer: f"Dismissed {answer.event_id}.",
        applies=_has_held,
    ),
    Act(
        name="note",
        label="Note",
        does="Writes down something for colleagues. The player never sees it.",
        needs=NOTES,
        form=forms.Writing,
        command=lambda player, said: WriteNote(player_id=player, text=said["reason"]),
        done=lambda said, answer: "Written down.",
    ),
    Act(
        name="end-tokens",
        label="End tokens",
        does="Ends every token that the player has, and closes nothing else: they can come in again with a new one.",
        needs=CHANGES,
        command=lambda player, said: EndTokens(player_id=player, reason=said["reason"]),
        done=lambda said, answer: "All tokens have ended.",
    ),
    Act(
        name="ban",
        label="Ban",
        does="Refuses the player's tokens, closes their sockets, and holds their events from now on.",
        needs=CHANGES,
        command=lambda player, said: ChangeProfile(player_id=player, changes={"banned": True}, reason=said["reason"]),
        done=lambda said, answer: "Banned.",
        applies=lambda head: not head.player.banned,
        is_grave=True,
    ),
    Act(
        name="unban",
        label="Lift the ban",
        does="Lets the player in again. Events that were held meanwhile wait for somebody to release them.",
        needs=CHANGES,
        command=lambda player, said: ChangeProfile(player_id=player, changes={"banned": False}, reason=said["reason"]),
        done=lambda said, answer: "The ban is lifted.",
        applies=lambda head: head.player.banned,
    ),
    Act(
        name="set-standing",
        label="Set standing",
        does="Says how the player stands, for good or until an instant. They are never shown it.",
        needs=CHANGES,
        form=forms.Standing,
        command=lambda player, said: SetStanding(
            player_id=player, standing=said["standing"], ends_at=said["ends_at"], reason=said["reason"]
        ),
        done=lambda said, answer: f"The player is {said['standing'].lower()} now.",
    ),
    Act(
        name="mark-test",
        label="Mark as test",
        does="Says that this is somebody of the game's own: they count in nothing that others are shown.",
        needs=CHANGES,
        command=lambda player, said: ChangeProfile(player_id=player, changes={"is_test": True}, reason=said["reason"]),
        done=lambda said, answer: "Marked as a player for testing.",
        applies=lambda head: not head.player.is_test,
    ),
    Act(
        name="unmark-test",
        label="No test player",
        does="Says that this is a player like any other, who counts from now on.",
        needs=CHANGES,
        command=lambda player, said: ChangeProfile(player_id=player, changes={"is_test": False}, reason=said["reason"]),
        done=lambda said, answer: "A player like any other.",
        applies=lambda head: head.player.is_test,
    ),
    Act(
        name="reset",
        label="Reset",
        does="Deletes all that this test player has played and got: they begin anew, and their events may come again.",
        needs=("progress.delete_player",),
        command=lambda player, said: ResetPlayer(player_id=player, reason=said["reason"]),
        done=lambda said, answer: "Begins anew.",
        applies=lambda head: head.player.is_test,
        is_grave=True,
    ),
    Act(
        name="export",
        label="Export",
        does="Hands out everything that is held about the player, as JSON.",
        needs=exporting.NEEDS,
        command=lambda player, said: exporting.NothingElse(player_id=player),
        done=lambda said, answer: "",
        hands_out=exporting.hand_out,
    ),
    Act(
        name="erase",
        label="Erase",
        does="Deletes every row of the player. Transfers stay under a random name, and later events are refused.",
        needs=("progress.delete_player",),
        form=forms.Erasing,
        command=lambda player, said: ErasePlayer(player_id=player, reason=said["reason"]),
        done=lambda said, answer: "Erased.",
        is_grave=True,
        ends_at_the_list=True,
    ),
    # -- in the rows of a tab
    Act(
        name="claim",
        label="Claim for them",
        does="Claims a reward in the player's place.",
        needs=GIVES,
        form=forms.OfDistribution,
        command=lambda player, said: ClaimReward(
            player_id=player, distribution_id=said["distribution"], reason=said["reason"]
        ),
        done=lambda said, answer: f"Claimed {answer.reward_id}.",
        tab="rewards",
    ),
    Act(
        name="revoke",
        label="Revoke",
        does="Takes a reward back, and undoes what claiming it did. What is spent already is owed.",
        needs=GIVES,
        form=forms.OfDistribution,
        command=lambda player, said: RevokeDistribution(
            distribution_id=said["distribution"], reason=said["reason"]
        ),
        done=lambda said, answer: f"Revoked {answer.reward_id}.",
        tab="rewards",
        is_grave=True,
    ),
    Act(
        name="revoke-achievement",
        label="Revoke",
        does="Takes an achievement back, or one occurrence of it, with its rewards, points and count.",
        needs=REVOKES,
        form=forms.OfAchievement,
        command=lambda player, said: RevokeAchievement(
            player_id=player, achievement_id=said["achievement"], occurrence=said["occurrence"], reason=said["reason"]
        ),
        done=lambda said, answer: f"Revoked {said['achievement']}, {len(answer['revoked'])} times.",
        tab="achievements",
        is_grave=True,
    ),
    Act(
        name="move-run",
        label="Move it",
        does="Puts the open run on another version, or at a step that it has not done. What it has done stays done.",
        needs=MOVES,
        form=forms.Moving,
        command=lambda player, said: MoveRun(
            player_id=player, quest_id=said["quest"], version=said["version"], step_id=said["step"],
            reason=said["reason"],
        ),
        done=lambda said, answer: (
            f"{said['quest']} goes on in version {answer}{', at ' + said['step'] if said['step'] else ''}."
        ),
        tab="quests",
    ),
    Act(
        name="complete-step",
        label="Complete a step",
        does="Completes an active step in the player's place. One whose requirements are not met is refused.",
        needs=MOVES,
        form=forms.OfStep,
        command=lambda player, said: CompleteStep(
            player_id=player, quest_id=said["quest"], step_id=said["step"], reason=said["reason"]
        ),
        done=lambda said, answer: f"Completed the step {said['step']}.",
        tab="quests",
    ),
    Act(
        name="remove-note",
        label="Remove",
        does="Takes a note away for good.",
        needs=("console.delete_note",),
        form=forms.OfNote,
        command=lambda player, said: RemoveNote(
            player_id=player, note_id=said["note"], reason=said["reason"]
        ),
        done=lambda said, answer: "The note is gone.",
        tab="notes",
    ),
)  # fmt: skip
"""In the order in which they stand at the head of the page."""
