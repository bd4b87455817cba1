"""The sample game: its content (YAML beside this file), how its players play (`play`) and what they do about quests
(`errands`)."""

from pathlib import Path

from django.apps import apps

CONTENT = sorted(Path(__file__).parent.glob("*.yaml"))
REASON = "the sample game"
"""Why it was published, where `manage.py setup_sample` did it."""


def is_here() -> bool:
    return apps.get_model("kernel", "Version").objects.filter(kind="metric", reason=REASON).exists()
