"""Connects a game's server, or a player's device, to the gamification service."""

from gamification_client import messages, models
from gamification_client.aio.player import AsyncPlayer
from gamification_client.aio.server import AsyncGameServer
from gamification_client.ids import uuid7
from gamification_client.messages import Message
from gamification_client.models import GameEvent
from gamification_client.problems import Problem
from gamification_client.queue import DiskQueue
from gamification_client.sync.player import Player
from gamification_client.sync.server import GameServer

__version__ = "0.1.0"
__all__ = [
    "AsyncGameServer",
    "AsyncPlayer",
    "DiskQueue",
    "GameEvent",
    "GameServer",
    "Message",
    "Player",
    "Problem",
    "messages",
    "models",
    "uuid7",
]
