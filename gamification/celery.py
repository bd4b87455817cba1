"""Celery: tasks on quorum queues; what failed, or killed its worker too often, is parked where a person finds it.

A worker also takes game events, which are no tasks but plain JSON: gamification/intake/worker.py.
"""

import os
import time
from importlib import import_module
from typing import Any

import prometheus_client
from celery import Celery, bootsteps, signals
from celery.beat import Scheduler
from kombu import Exchange, Queue

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gamification.settings")

DELIVERY_LIMIT = 5
STUCK_AFTER = 60.0
"""Seconds within which beat looks again at what is due, or is stuck."""

_sent = prometheus_client.Gauge(
    "gamification_beat_last_tick_timestamp_seconds", "When beat last sent a tick, in Unix time"
)

parked = Queue(
    "gamification.tasks.dead",
    Exchange("gamification.tasks.dead", type="fanout"),
    queue_arguments={"x-queue-type": "quorum"},
)
tasks = Queue(
    "gamification.tasks",
    Exchange("gamification.tasks", type="topic"),  # through topic exchanges Celery delays a task with an ETA
    routing_key="gamification.tasks",
    queue_arguments={
        "x-queue-type": "quorum",
        "x-delivery-limit": DELIVERY_LIMIT,
        "x-dead-letter-exchange": parked.exchange.name,
    },
)
ticks = Queue(
    "gamification.clock",
    Exchange("gamification.clock", type="topic"),
    routing_key="gamification.clock",
    # The queue holds the newest tick only, since one does all that is due: a worker that was away for an hour runs one
    # when it is back. A tick that is replaced is dropped, without a dead letter.
    queue_arguments={"x-queue-type": "quorum", "x-max-length": 1, "x-overflow": "drop-head"},
)
TICK = "gamification.clock.tick"


class DeclareParked(bootsteps.StartStopStep):
    """Nobody consumes the parked tasks' queue, so Celery would not declare it, and RabbitMQ would drop them."""

    requires = ("celery.worker.consumer.connection:Connection",)

    def start(self, consumer: Any) -> None:
        with consumer.connection.channel() as channel:
            parked(channel).declare()


app = Celery("gamification")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.conf.update(
    task_queues=[tasks, ticks],
    task_routes={TICK: {"queue": ticks.name}},
    task_default_queue=tasks.name,
    task_default_exchange=tasks.exchange.name,
    task_default_routing_key=tasks.routing_key,
    worker_consumer="gamification.intake.consumer:Consumer",
)
app.steps["consumer"] |= {DeclareParked, "gamification.intake.consuming:ConsumeEvents"}
app.conf.beat_schedule = {"tick": {"task": TICK, "schedule": 1.0}}
app.conf.beat_scheduler = "gamification.celery:MonotonicScheduler"
app.autodiscover_tasks()


class MonotonicScheduler(Scheduler):
    """Celery's beat, by the monotonic clock. Celery's own goes by the time of day: when that is set back by an hour, it
    sends nothing for an hour.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self.due: dict[str, float] = {}
        super().__init__(*arguments, **options)

    def setup_schedule(self) -> None:
        self.merge_inplace(self.app.conf.beat_schedule)  # and none of Celery's own

    def tick(self, *arguments: Any, **options: Any) -> float:
        """Send what is due. Returns the seconds until something is due again."""
        producer = self.producer  # the first time this waits for a broker, for as long as it is away
        import_module("gamification.kernel.core.liveness").expect_within(STUCK_AFTER)
        now = time.monotonic()
        for name, entry in self.schedule.items():
            due = self.due.setdefault(name, now)
            if due <= now:
                every = self.app.conf.beat_schedule[name]["schedule"]
                self.due[name] = max(due + every, now)  # what was missed is not made up for
                self.apply_entry(entry, producer=producer)
                _sent.set_to_current_time()
        return max(0.0, min(self.due.values()) - time.monotonic())


@signals.worker_init.connect
def without_chatter(sender: Any, **_: Any) -> None:
    """Workers share only the queue, so they need not hear of each other. Mingling costs a second at each start."""
    sender.options |= {"without_gossip": True, "without_mingle": True, "without_heartbeat": True}


@signals.worker_init.connect
def show_what_is_counted(**_: Any) -> None:
    import_module("gamification.monitoring.port").open_port()


@signals.beat_init.connect
def show_that_it_beats(**_: Any) -> None:
    import_module("gamification.monitoring.port").open_port(reads_database=False)


@app.task(name=TICK, ignore_result=True)
def tick() -> None:
    """Run the chores that are due. Each may run twice, or in two workers at once."""
    clock = import_module("gamification.clock")  # it imports models, which are not loaded yet when this module is
    clock.tick(clock.timezone.now())
