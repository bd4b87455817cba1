"""The console's screens of what this app keeps."""

from progress.admin import backfills, levels, metrics, players

__all__ = ["backfills", "levels", "metrics", "players"]
