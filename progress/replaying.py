"""What a backfill takes over of a replayed past: what is new to the player, and nothing that was counted before."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta

from progress.players import PlayerState
from progress.rules.windows import WINDOW_MEMORY
from progress.tallies import Tallies


def adopt(tallies: Tallies, replayed: Tallies, player: PlayerState, rerun: Collection[str] = ()) -> None:
    """Take over the tallies, members and window samples that are younger than what was counted of the player; of the
    goals in `rerun`, which repeat always, the run that the replay left open.
    """
    specs = {(spec.metric, spec.scope.label): spec for found in tallies.index.specs.values() for spec in found}
    for key, past in replayed.by_key.items():
        spec = specs[key[1], key[2].partition("#")[0]]
        if spec.scope.run_of in rerun:
            tallies.by_key[key], past.dirty = past, True
            tallies.members = {member for member in tallies.members if member[:3] != key}
            tallies.dropped.add(key)
        elif spec.counted_since > player.backfilled_to:
            tallies.by_key[key], past.dirty = past, True
        else:
            tally = tallies.tally(key)
            if (spec.members_since or 0) > player.backfilled_to:
                tally.members, tally.dirty = past.members, True
            if (spec.days_since or 0) > player.backfilled_to:
                tally.runs, tally.dirty = past.runs, True
    for member in replayed.members:
        spec = specs[member[1], member[2].partition("#")[0]]
        if (spec.members_since or 0) > player.backfilled_to or spec.scope.run_of in rerun:
            tallies.add_member(member)
    for (player_id, metric), samples in replayed.windows.items():
        longest, since = tallies.index.windows[metric]
        if since > player.backfilled_to:
            oldest = samples[-1].at - WINDOW_MEMORY - timedelta(seconds=longest)
            kept = [sample for sample in samples if sample.at >= oldest]
            tallies.windows[player_id, metric] = kept
            tallies.keep_samples(player_id, metric, kept)
