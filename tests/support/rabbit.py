"""RabbitMQ in tests: names of one's own, a listener, and a network that fails when it is told to."""

from __future__ import annotations

import json
import socket
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, cast
from urllib.parse import urlsplit, urlunsplit

import kombu
from django.conf import settings

from gamification.kernel.messaging import topology
from gamification.kernel.storage import shares
from tests.support import waiting

BROKER = settings.RABBITMQ_URL
"""As the environment names it, whatever a test makes of the setting."""

BLOCKED = b"\x01\x00\x00\x00\x00\x00\x0d\x00\x0a\x00\x3c\x08low disk\xce"
"""The frame by which RabbitMQ says that an alarm blocks this connection: method 10.60, with a reason."""
UNBLOCKED = b"\x01\x00\x00\x00\x00\x00\x04\x00\x0a\x00\x3d\xce"


def own_name() -> str:
    return f"test-{uuid.uuid4().hex[:12]}"


def until(holds: Callable[[], Any], seconds: float = 15) -> None:
    waiting.until(holds, seconds)


@contextmanager
def channel() -> Iterator[Any]:
    with kombu.Connection(BROKER, connect_timeout=5) as connection:
        yield connection.channel()


def remove(exchange: str) -> None:
    """An exchange and the queues that the service declares at it."""
    with channel() as rabbit:
        of_shares = [f"{exchange}.events.{share}" for share in shares.every()] if shares.number() > 1 else []
        for queue in (f"{exchange}.events", f"{exchange}.events.mixed", f"{exchange}.events.dead", *of_shares):
            rabbit.queue_delete(queue)
        for name in (exchange, f"{exchange}.in", f"{exchange}.events.dead"):
            rabbit.exchange_delete(name)


class Listener:
    """A queue of one's own at the exchange of facts (or at another), gone with the connection."""

    def __init__(self, *keys: str, arguments: dict[str, Any] | None = None, exchange: str = "") -> None:
        self.exchange = exchange or settings.RABBITMQ_EXCHANGE
        self._connection = kombu.Connection(BROKER, connect_timeout=5)
        self._channel = cast(Any, self._connection.channel())
        for each in (topology.dead().exchange, topology.exchange(), topology.incoming()):
            each(self._channel).declare()
        declared = self._channel.queue_declare("", durable=False, exclusive=True, arguments=arguments)
        self.queue = declared.queue
        for key in keys:
            self._channel.queue_bind(self.queue, self.exchange, key)

    def __enter__(self) -> Listener:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def take(self, count: int, queue: str = "", seconds: float = 15) -> list[Any]:
        """The next `count` messages; of `queue`, if it is not one's own. Each is as py-amqp has it."""
        taken: list[Any] = []

        def come() -> bool:
            while len(taken) < count and (message := self._channel.basic_get(queue or self.queue, no_ack=True)):
                taken.append(message)
            return len(taken) == count

        until(come, seconds)
        return taken

    def bodies(self, count: int, queue: str = "") -> list[Any]:
        return [json.loads(message.body) for message in self.take(count, queue)]

    def is_empty(self, queue: str = "") -> bool:
        return self._channel.basic_get(queue or self.queue, no_ack=True) is None


OPEN_OK = bytes((0, 10, 0, 41))
"""The method `connection.open-ok` of AMQP 0-9-1, after which a connection is open."""


@dataclass
class Proxy:
    """Stands between the service and RabbitMQ, and does to their connections what a network does."""

    _server: socket.socket = field(init=False)
    _pairs: list[tuple[socket.socket, socket.socket]] = field(default_factory=list)
    first_word: bytes = b""
    """A frame that a connection is told as soon as it is open."""
    _opened: list[socket.socket] = field(default_factory=list)
    _flows: threading.Event = field(default_factory=threading.Event)
    _refuses: bool = False

    def __post_init__(self) -> None:
        self._flows.set()
        self._server = socket.create_server(("127.0.0.1", 0))
        broker = urlsplit(BROKER)
        self._broker = (broker.hostname, broker.port or 5672)
        login, at, _ = broker.netloc.rpartition("@")
        port = self._server.getsockname()[1]
        self.url = urlunsplit(broker._replace(netloc=f"{login}{at}127.0.0.1:{port}"))
        threading.Thread(target=self._accept, daemon=True).start()

    def hang(self) -> None:
        """Nothing gets through any more, and nobody is told."""
        self._flows.clear()

    def flow(self) -> None:
        """What was held up arrives, and the rest after it."""
        self._refuses = False
        self._flows.set()

    def cut(self) -> None:
        """Every connection breaks, and there are no new ones."""
        self._refuses = True
        for pair in self._pairs:
            for end in pair:
                with suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)

    def say(self, frame: bytes) -> None:
        """To the clients whose connection is open, as if RabbitMQ did: before, it says nothing but how to open one."""
        for client in list(self._opened):
            with suppress(OSError):
                client.sendall(frame)

    def close(self) -> None:
        self._server.close()
        self.cut()
        self._flows.set()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._server.accept()
                if self._refuses:
                    client.close()
                    continue
                threading.Thread(target=self._carry, args=(client,), daemon=True).start()

    def _carry(self, client: socket.socket) -> None:
        """What either end says to the other, until both have ended."""
        with client, suppress(OSError), socket.create_connection(self._broker) as broker:
            pair = client, broker
            for end in pair:
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._pairs.append(pair)
            answering = threading.Thread(target=self._pump, args=pair[::-1], daemon=True)
            answering.start()
            self._pump(*pair)
            answering.join()

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                self._flows.wait()
                sink.sendall(data)
                if OPEN_OK in data:
                    sink.sendall(self.first_word)
                    self._opened.append(sink)
        for end in (source, sink):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
