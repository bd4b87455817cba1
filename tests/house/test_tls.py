"""TLS to PostgreSQL, Redis and RabbitMQ: the clients that the settings make speak to a server whose certificate is
theirs to trust, and to no other."""

from __future__ import annotations

import json
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import kombu
import psycopg
import pytest
import redis
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from django.conf import settings

SSL_REQUEST = 8
"""Bytes by which a PostgreSQL client asks for TLS."""


def certificate(folder: Path, name: str) -> Path:
    """A certificate for that host name, which signs itself, and its key beside it."""
    key, now = generate_private_key(SECP256R1()), datetime.now(UTC)
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, SHA256())
    )
    file = folder / f"{name}-{made.serial_number}.pem"
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file.write_bytes(private + made.public_bytes(Encoding.PEM))
    return file


@contextmanager
def serving(file: Path, *, as_postgresql: bool = False) -> Iterator[tuple[int, list[bool]]]:
    """A server that shakes hands and hangs up. Its port, and for each client whether they came to terms."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    agreed: list[bool] = []

    def serve(client: socket.socket) -> None:
        client.settimeout(5)
        if as_postgresql:
            client.recv(SSL_REQUEST)
            client.sendall(b"S")
        try:
            with context.wrap_socket(client, server_side=True) as shaken:
                agreed.append(bool(shaken.recv(1)))  # only who trusts us goes on to speak
        except OSError:
            agreed.append(False)

    def accept() -> None:
        with suppress(OSError):
            while True:
                serve(listener.accept()[0])

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield listener.getsockname()[1], agreed
        listener.shutdown(socket.SHUT_RDWR)
    thread.join(timeout=10)


def configured(**env: str) -> dict[str, Any]:
    program = (
        "import json; from gamification import settings as s; options = s.DATABASES['default']['OPTIONS'];"
        "print(json.dumps({'postgresql': {name: options.get(name) for name in ('sslmode', 'sslrootcert')},"
        " 'redis': s.REDIS_URL, 'rabbitmq': s.RABBITMQ_TLS}))"
    )
    told = subprocess.run(
        [sys.executable, "-c", program], cwd=settings.BASE_DIR, env=env, capture_output=True, text=True, check=True
    )
    found: dict[str, Any] = json.loads(told.stdout)
    return found


def by_rabbitmq(host: str, port: int, ca: Path) -> None:
    url = f"amqps://guest:guest@{host}:{port}//"
    tls = configured(RABBITMQ_URL=url, RABBITMQ_CA_FILE=str(ca))["rabbitmq"]
    with kombu.Connection(url, connect_timeout=5, ssl=tls) as client:
        client.transport.establish_connection()


def by_redis(host: str, port: int, ca: Path) -> None:
    url = configured(REDIS_HOST=host, REDIS_PORT=str(port), REDIS_TLS="1", REDIS_CA_FILE=str(ca))["redis"]
    redis.Redis.from_url(url, socket_timeout=5).ping()


def by_postgresql(host: str, port: int, ca: Path) -> None:
    tls = configured(DB_HOST=host, DB_SSLMODE="verify-full", DB_SSLROOTCERT=str(ca))["postgresql"]
    psycopg.connect(host=host, port=port, user="game", connect_timeout=5, gssencmode="disable", **tls)


@pytest.mark.parametrize("client", [by_rabbitmq, by_redis, by_postgresql])
def test_only_a_server_that_one_trusts_by_its_own_name_is_spoken_to(
    client: Callable[[str, int, Path], None], tmp_path: Path
) -> None:
    ours, others, elsewhere = (certificate(tmp_path, name) for name in ("localhost", "localhost", "elsewhere"))
    for server, ca, is_trusted in ((ours, ours, True), (ours, others, False), (elsewhere, elsewhere, False)):
        hangs_up = suppress(OSError, redis.RedisError, psycopg.Error)
        with serving(server, as_postgresql=client is by_postgresql) as (port, agreed), hangs_up:
            client("localhost", port, ca)
        assert agreed[0] is is_trusted, (server.name, ca.name)
        assert set(agreed) == {is_trusted}
