"""The sample game: its content (YAML beside this file), how its players play (`play`) and what they do about quests
(`errands`)."""

from pathlib import Path

CONTENT = sorted(Path(__file__).parent.glob("*.yaml"))
