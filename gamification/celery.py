"""Celery: tasks on quorum queues; what failed, or killed its worker too often, is parked where a person finds it.

A worker also takes game events, which are no tasks but plain JSON: gamification/intake/worker.py.
"""

import os
from importlib import import_module
from typing import Any

from celery import Celery, bootsteps, signals
from kombu import Exchange, Queue

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gamification.settings")

DELIVERY_LIMIT = 5

parked = Queue(
    "gamification.tasks.dead",
    Exchange("gamification.tasks.dead", type="fanout"),
    queue_arguments={"x-queue-type": "quorum"},
)
tasks = Queue(
    "gamification.tasks",
    Exchange("gamification.tasks", type="topic"),  # a task with an ETA waits in the broker, which takes a topic
    routing_key="gamification.tasks",
    queue_arguments={
        "x-queue-type": "quorum",
        "x-delivery-limit": DELIVERY_LIMIT,
        "x-dead-letter-exchange": parked.exchange.name,
    },
)


class DeclareParked(bootsteps.StartStopStep):
    """Nobody consumes the parked tasks' queue, so Celery would not declare it, and RabbitMQ would drop them."""

    requires = ("celery.worker.consumer.connection:Connection",)

    def start(self, consumer: Any) -> None:
        with consumer.connection.channel() as channel:
            parked(channel).declare()


app = Celery("gamification")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.conf.update(
    task_queues=[tasks],
    task_default_queue=tasks.name,
    task_default_exchange=tasks.exchange.name,
    task_default_routing_key=tasks.routing_key,
)
app.steps["consumer"] |= {DeclareParked, "gamification.intake.worker:ConsumeEvents"}
app.conf.beat_schedule = {"tick": {"task": "gamification.clock.tick", "schedule": 1.0, "options": {"expires": 1.0}}}
app.autodiscover_tasks()


@signals.worker_init.connect
def leave_out(sender: Any, **_: Any) -> None:
    """Workers have nothing to tell each other: what they share is the queue. Mingling alone costs a second a start."""
    sender.options |= {"without_gossip": True, "without_mingle": True, "without_heartbeat": True}


@app.task(name="gamification.clock.tick", ignore_result=True)
def tick() -> None:
    """What is due by the clock; each chore may run twice, or in two workers at once."""
    clock = import_module("gamification.clock")  # models, which are not loaded when this module is
    clock.tick(clock.timezone.now())
