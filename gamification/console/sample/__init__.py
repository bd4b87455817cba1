"""The sample game: its content (YAML beside this file) and how its players play (`play`)."""

from pathlib import Path

CONTENT = sorted(Path(__file__).parent.glob("*.yaml"))
