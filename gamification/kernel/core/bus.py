"""The command bus: a command is handled in one transaction, with everything that follows from it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from gamification.kernel.core.actors import Actor
from gamification.kernel.core.messages import Command

Execute = Callable[[Command, Actor, datetime], Any]

_execute: Execute | None = None


def connect(execute: Execute) -> None:
    """Say what executes commands. composition.py does so at start-up, so that no app needs to import the pipeline."""
    global _execute
    _execute = execute


def handle(command: Command, *, actor: Actor, now: datetime) -> Any:
    """Grant `command` as `actor` or raise its `Refused`; the answer is what the command's `handle` returned."""
    if _execute is None:
        raise RuntimeError("the bus is not connected: is gamification.apps.GamificationConfig in INSTALLED_APPS?")
    return _execute(command, actor, now)
