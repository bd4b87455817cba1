"""A sender that is killed again and again, at any moment, misses no fact: each arrives, under its own id."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from django.db import connection

from gamification.webhooks.models import Delivery
from tests.support.waiting import until
from tests.support.webhook_receiver import Answer, Receiver
from tests.support.webhooks import endpoint, state

pytestmark = pytest.mark.django_db(transaction=True)

KILLS, FACTS = 20, 600

SENDER = """
import os, random, signal, sys, time
from datetime import timedelta
import django
django.setup()
from django.utils import timezone
from gamification.webhooks import sending

sending.LEASE = timedelta(seconds=0.2)  # the receiver answers within a hundredth of that
dice = random.Random(7)


def send():
    while True:
        sending.sweep(timezone.now())
        time.sleep(0.05)


def child():
    pid = os.fork()
    if pid == 0:
        send()
    return pid


for _ in range(int(sys.argv[1])):
    pid = child()
    time.sleep(dice.uniform(0.1, 0.6))
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
print("killed", flush=True)
pid = child()
sys.stdin.readline()
os.kill(pid, signal.SIGKILL)
"""


def test_the_sender_is_killed_twenty_times_and_no_fact_is_missed(receiver: Receiver) -> None:
    receiver.answer = lambda _: Answer(wait=0.005)
    endpoint(receiver.url())
    stated = {state(f"p{number % 7}", number=number) for number in range(FACTS)}
    database = str(connection.settings_dict["NAME"])
    env = {**os.environ, "DB_NAME": database, "DJANGO_SETTINGS_MODULE": "gamification.settings",
           "WEBHOOK_ALLOW_SUBNETS": "127.0.0.0/8"}  # fmt: skip
    with subprocess.Popen(
        [sys.executable, "-c", SENDER, str(KILLS)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env
    ) as sender:
        assert sender.stdout is not None
        assert sender.stdout.readline() == "killed\n"
        until(lambda: set(receiver.ids) >= stated)
        until(lambda: not Delivery.objects.exclude(state="DELIVERED").exists())
        sender.communicate("enough\n", timeout=30)
    assert set(receiver.ids) == stated
    assert FACTS <= len(receiver.ids) < 2 * FACTS
