"""Whoever does something is named by the command that did it."""

from dataclasses import dataclass

from gamification.kernel import bus
from gamification.kernel.actors import SYSTEM, WIDEST, Actor
from gamification.kernel.messages import Command
from gamification.kernel.models import Version
from gamification.kernel.world import World
from tests.pipeline.content import NOON, metric, publish


@dataclass(frozen=True, kw_only=True)
class WhoAmI(Command):
    def handle(self, world: World) -> str:
        return str(world.actor)


def test_a_command_is_told_who_sent_it(db: None) -> None:
    for actor in (Actor.user("mia"), Actor.key("ab12"), Actor.player("ann"), SYSTEM):
        assert bus.handle(WhoAmI(), actor=actor, now=NOON) == str(actor)
    assert str(Actor.user("mia")) == "user:mia"
    assert str(Actor.key("ab12")) == "key:ab12"
    assert str(Actor.player("ann")) == "player:ann"
    assert str(SYSTEM) == "system"


def test_a_version_names_its_actor_however_long_the_name(db: None) -> None:
    publish(metric("kills"))
    assert Version.objects.get().who == "system"
    assert len(str(Actor.user("m" * 150))) <= WIDEST
