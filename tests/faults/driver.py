"""Sends a story through RabbitMQ while workers and servers are killed; then looks whether it ended as it should."""

from __future__ import annotations

import argparse
import json
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path

import django
import redis

from tests.support.servers import PostgreSQL, RabbitMQ, Redis

django.setup()

from django.core.management import call_command  # noqa: E402 - models exist only now
from django.db import OperationalError, connection  # noqa: E402

from achievements.models import Standing  # noqa: E402
from gamification.intake.confirmed_publisher import ConfirmedPublisher, NotConfirmed  # noqa: E402
from gamification.kernel.core.encoding import instant  # noqa: E402
from gamification.kernel.messaging import topology  # noqa: E402
from gamification.kernel.messaging.amqp_reading import body_of  # noqa: E402
from gamification.kernel.models import Event  # noqa: E402
from progress.models import Player, Tally  # noqa: E402
from rewards.models import Distribution, Wallet  # noqa: E402
from tests.faults import story as stories  # noqa: E402
from tests.faults.endings import Ending, clean_run, ending, paid_twice, refuse_some, rows  # noqa: E402
from tests.faults.story import Story  # noqa: E402
from tests.support import rabbit, workers  # noqa: E402

MEANWHILE = 3
"""Messages of each share that are kept for the fault that follows it."""
BEGINS_WITHIN = 60.0
"""Seconds that a worker may take to begin, on a machine that is busy."""
DYING = """
from gamification import pipeline
from gamification.intake.worker import Receiver
def dying(real, lives, first):
    def call(*args, **kwargs):
        nonlocal lives
        lives -= 1
        if lives < 0 and not first:
            real(*args, **kwargs)
        if lives < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*args, **kwargs)
    return call
"""
MOMENTS = {
    "before it wrote": "pipeline.write = dying(pipeline.write, {lives}, True)",
    "between writing and commit": "pipeline.write = dying(pipeline.write, {lives}, False)",
    "between commit and acknowledgement": "Receiver._acknowledge = dying(Receiver._acknowledge, {lives}, True)",
    "after the acknowledgement": "Receiver._acknowledge = dying(Receiver._acknowledge, {lives}, False)",
}


def run(options: argparse.Namespace, *, home: Path, database: PostgreSQL, cache: Redis, broker: RabbitMQ | None) -> int:
    call_command("migrate", verbosity=0)
    story = stories.tell(options.seed, options.events)
    say(f"seed {options.seed}: {len(story.events)} events and {len(story.poison)} bad ones, {options.events} arrivals")
    clean = clean_run(story)
    refuse_some()
    chaos = Chaos(options, story, home, database, cache, broker)
    try:
        chaos.play()
        problems = chaos.problems(clean) or chaos.forgetful()
    except Stalled as stalled:
        problems = [str(stalled), *chaos.problems(clean)]
    finally:
        chaos.close()
    for problem in problems:
        say(f"WRONG: {problem}")
    say("all is as in a clean run" if not problems else f"seed {options.seed} shows it again")
    return 1 if problems else 0


def say(text: str) -> None:
    print(f"{time.monotonic() - BEGAN:6.1f} s  {text}", flush=True)


BEGAN = time.monotonic()


# -- what goes wrong ---------------------------------------------------------------------------------------------------


class Stalled(Exception):
    """Nothing happens any more, and it is not finished."""


class Chaos:
    def __init__(
        self,
        options: argparse.Namespace,
        story: Story,
        home: Path,
        database: PostgreSQL,
        cache: Redis,
        broker: RabbitMQ | None,
    ) -> None:
        self.options, self.story, self.log = options, story, home / "workers.log"
        self.database, self.cache, self.broker = database, cache, broker
        self.dice = random.Random(options.seed)
        self.network = None if broker else rabbit.Proxy()
        self.changes = {"RABBITMQ_URL": self.network.url} if self.network else {}
        self.workers: list[subprocess.Popen[bytes]] = []
        self.post = ConfirmedPublisher()
        self.killed: dict[str, int] = {}
        self.meanwhile: list[bytes] = []
        """Messages that a fault may send while it lasts; else they are sent after it."""
        with rabbit.channel() as channel:
            topology.declare(channel)

    def play(self) -> None:
        steps = self.steps()
        self.hire()
        shares = [self.story.messages[n :: len(steps)] for n in range(len(steps))]
        for step, share in zip(steps, shares, strict=True):
            self.meanwhile = list(share[-MEANWHILE:])
            self.send(share[:-MEANWHILE])
            step()
            self.send(self.meanwhile)
            self.hire()
        say(f"killed: {self.killed}; all is sent")
        self.until(lambda: self.waiting() == 0 and self.counted() >= len(self.story.events), "it is not finished")
        self.dismiss()
        say("all is counted")

    def steps(self) -> list[Callable[[], None]]:
        moments = [*MOMENTS, "at any moment"]
        steps: list[Callable[[], None]] = []
        for n in range(self.options.kills):
            moment = moments[n % len(moments)]
            steps.append(lambda moment=moment: self.kill_a_worker(moment))  # type: ignore[misc]
        steps += [self.kill_the_database, self.flush_the_cache, self.lose_the_broker, self.lose_the_dead_letters]
        if self.broker:
            steps += [self.kill_the_database, self.raise_an_alarm, self.lose_the_broker]
        self.dice.shuffle(steps)
        return steps

    def kill_a_worker(self, moment: str) -> None:
        """At a moment that it brings about itself, or by the clock."""
        self.killed[moment] = self.killed.get(moment, 0) + 1
        victim = self.workers.pop()
        if moment in MOMENTS:
            victim.kill()
            victim.wait()
            victim = self.start(DYING, MOMENTS[moment].format(lives=self.dice.randrange(3)))
            with_time = time.monotonic() + 8
            while victim.poll() is None and time.monotonic() < with_time:
                time.sleep(0.05)
        else:
            before, patience = self.counted(), time.monotonic() + 3
            while self.counted() == before and time.monotonic() < patience:
                time.sleep(0.02)
            time.sleep(self.dice.uniform(0, 0.3))
        victim.kill()
        victim.wait()

    def kill_the_database(self) -> None:
        """And have a worker try, while it is away, to write down what nobody has counted yet."""
        self.until(lambda: self.consumers() > 0, "no worker comes", BEGINS_WITHIN)
        say("PostgreSQL is killed")
        noticed = self.stuck()
        self.database.kill()
        self.send(self.meanwhile)
        self.meanwhile = []
        patience = time.monotonic() + 3  # a line that was logged lately is not logged again
        while self.stuck() == noticed and time.monotonic() < patience:
            time.sleep(0.05)
        time.sleep(self.dice.uniform(0.5, 1.5))
        self.database.start()
        connection.close()

    def flush_the_cache(self) -> None:
        say("Redis is flushed")
        redis.Redis(port=self.cache.port).flushall()

    def lose_the_broker(self) -> None:
        if self.broker:
            say("RabbitMQ is killed")
            self.broker.kill()
            self.broker.start()
        elif self.network:
            say("RabbitMQ is cut off")
            self.network.cut()
            time.sleep(self.dice.uniform(0.3, 1))
            self.network.flow()

    def lose_the_dead_letters(self) -> None:
        """Nobody takes what is parked, for a while in which something has to be."""
        say("the dead-letter queue is away")
        dead = topology.dead()
        letters = [f"no JSON while it is away {n}".encode() for n in range(5)]
        self.story.poison.update(letters)
        self.taken()  # a worker that only now begins would bind the queue again
        with rabbit.channel() as channel:
            channel.queue_unbind(dead.name, dead.exchange.name)
            self.send(letters)
            self.taken()
            channel.queue_bind(dead.name, dead.exchange.name)

    def taken(self) -> None:
        """The workers have taken all that was sent, and sit still."""
        before, patience, since = -1, time.monotonic() + 15, time.monotonic()
        while time.monotonic() < min(patience, since + 1.5):
            if self.waiting() or self.counted() != before:
                before, since = self.counted(), time.monotonic()
            time.sleep(0.05)

    def raise_an_alarm(self) -> None:
        assert self.broker
        say("RabbitMQ is blocked: its disk is full")
        self.broker.alarm(True)
        try:
            self.post.send(self.story.messages[0], exchange=topology.incoming().name, routing_key=topology.EVENT_KEY)
            raise Stalled("a broker without a disk confirmed a message")
        except NotConfirmed:
            pass
        finally:
            self.broker.alarm(False)

    # -- what goes on --------------------------------------------------------------------------------------------------

    def send(self, bodies: Sequence[bytes]) -> None:
        """Each until it is confirmed; who is not sure sends again."""
        for body in bodies:
            deadline = time.monotonic() + self.options.patience
            while True:
                try:
                    self.post.send(body, exchange=topology.incoming().name, routing_key=topology.EVENT_KEY)
                    break
                except NotConfirmed as problem:
                    if time.monotonic() > deadline:
                        raise Stalled(f"nothing can be sent: {problem}") from problem
                    time.sleep(0.1)

    def start(self, *code: str) -> subprocess.Popen[bytes]:
        return workers.start(self.log, *code, **self.changes)

    def hire(self) -> None:
        self.workers = [worker for worker in self.workers if worker.poll() is None]
        while len(self.workers) < self.options.workers:
            self.workers.append(self.start())

    def dismiss(self) -> None:
        """They are told to stop; what they had counted must be acknowledged by then."""
        for worker in self.workers:
            worker.send_signal(signal.SIGTERM)
        for worker in self.workers:
            if worker.wait(timeout=30) not in (0, -signal.SIGTERM):  # the latter: it had not begun
                raise Stalled(f"a worker ended with {worker.returncode}")
        self.workers.clear()

    def until(self, holds: Callable[[], bool], problem: str, patience: float = 0) -> None:
        before, deadline = -1, 0.0
        while not holds():
            now = self.counted()
            if now != before:
                before, deadline = now, time.monotonic() + max(patience, self.options.patience)
            if time.monotonic() > deadline:
                raise Stalled(problem)
            self.hire()
            time.sleep(0.1)

    def counted(self) -> int:
        try:
            return Event.objects.filter(event_id__gte="e", event_id__lt="f").count()
        except OperationalError:
            connection.close()
            return -1

    def stuck(self) -> int:
        """How often a worker has said that it waits for the database."""
        return self.log.read_text(errors="replace").count("messages wait for") if self.log.exists() else 0

    def consumers(self) -> int:
        with rabbit.channel() as channel:
            return int(channel.queue_declare(topology.events().name, passive=True).consumer_count)

    def waiting(self) -> int:
        with rabbit.channel() as channel:
            return int(channel.queue_declare(topology.events().name, passive=True).message_count)

    def parked(self) -> Iterator[bytes]:
        with rabbit.channel() as channel:
            while message := channel.basic_get(topology.dead().name):
                yield body_of(message)

    # -- how it ended --------------------------------------------------------------------------------------------------

    def problems(self, clean: Ending) -> list[str]:
        for worker in self.workers:
            worker.kill()
            worker.wait()
        found = ending()
        problems = paid_twice()
        for what, expected in clean.items():
            if found[what] != expected:
                missing = sorted(set(expected) - set(found[what]))
                extra = sorted(set(found[what]) - set(expected))
                problems.append(
                    f"{what}: {len(missing)} missing, {len(extra)} too many, e.g. {missing[:2]} and {extra[:2]}"
                )
        letters = set(self.parked())
        if lost := self.story.poison - letters:
            problems.append(f"{len(lost)} bad ones are not in the dead-letter queue, e.g. {min(lost)!r}")
        if wrong := letters - self.story.poison:
            problems.append(f"{len(wrong)} good ones are in the dead-letter queue, e.g. {min(wrong)!r}")
        if left := self.waiting():
            problems.append(f"{left} messages were not acknowledged")
        return problems

    def forgetful(self) -> list[str]:
        """What players did and earned is lost, as after half a restore: the database does not pay again."""
        with rabbit.channel() as channel:
            channel.queue_purge(topology.dead().name)
        before = rows(Distribution.objects.values_list("id")), rows(Wallet.objects.values_list())
        rich = Player.objects.filter(achievements_completed__gt=2).order_by("player_id")
        Player.objects.update(earned=b"")
        Standing.objects.all().delete()
        Tally.objects.all().delete()
        at = instant(stories.BEGINNING + timedelta(days=20))
        events = [
            {"id": f"z{n}", "player_id": player, "type": "enemy.killed", "data": {}, "timestamp": at}
            for n, player in enumerate(rich.values_list("player_id", flat=True)[:5])
        ]
        self.send([json.dumps(events).encode()])
        self.hire()
        try:
            self.until(
                lambda: self.waiting() == 0 and self.letters() + self.late() >= len(events), "players forget badly"
            )
        finally:
            self.dismiss()
        after = rows(Distribution.objects.values_list("id")), rows(Wallet.objects.values_list())
        return [] if after == before else ["what was forgotten was paid again", *paid_twice()]

    def letters(self) -> int:
        with rabbit.channel() as channel:
            return int(channel.queue_declare(topology.dead().name, passive=True).message_count)

    def late(self) -> int:
        return Event.objects.filter(event_id__startswith="z").count()

    def close(self) -> None:
        for worker in self.workers:
            worker.kill()
            worker.wait()
        self.post.drop()
        if self.network:
            self.network.close()
            rabbit.remove(topology.exchange().name)
        if self.options.show_log:
            sys.stderr.write(self.log.read_text(errors="replace"))
