"""Reading variables of the environment: each kind of value has a parser, and a wrong value stops the start.

A `.env` beside manage.py fills in what the environment leaves out. A start ends with one line on stderr that names the
variable: whoever deploys reads that line, not a traceback. Hence SystemExit, which manage.py, uvicorn, celery and
pytest all let through.
"""

import hashlib
import re
import zoneinfo
from collections.abc import Callable
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any, NamedTuple, NoReturn, TypeVar
from urllib.parse import urlsplit

import environ
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

T = TypeVar("T")

BASE_DIR = Path(__file__).resolve().parent.parent
environ.Env.read_env(BASE_DIR / ".env")

VARIABLES_READ: set[str] = set()  # every name asked for: what a deployment may set


def refuse(name: str, why: str) -> NoReturn:
    raise SystemExit(f"gamification cannot start: {name}: {why}")


def read(name: str, parse: Callable[[str], T], default: T) -> T:
    """`parse` raises ValueError with what was expected; the value itself is not repeated, it may be a secret.

    Not by Env's own casts: Env.bool takes any unknown word for False, Env.str looks up what begins with `$`.
    """
    VARIABLES_READ.add(name)
    text = environ.Env.ENVIRON.get(name, "")
    if not text.strip():
        return default
    try:
        return parse(text)
    except ValueError as problem:
        refuse(name, str(problem))


def words(text: str) -> str:
    return text.strip()


def secret(text: str) -> str:
    return text


def is_guessable(key: str) -> bool:
    """Whether this can be no random secret: too short, or of few different characters."""
    return len(key.encode()) < 32 or len(set(key)) < 8


def flag(text: str) -> bool:
    known = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}
    try:
        return known[text.strip().lower()]
    except KeyError:
        raise ValueError("expected true or false") from None


def integer(low: int, high: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        digits = text.strip()
        if not (digits.isascii() and digits.isdigit() and len(digits) <= 18 and low <= int(digits) <= high):
            raise ValueError(f"expected a whole number from {low} to {high}")
        return int(digits)

    return parse


def power_of_two(most: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        number = integer(1, most)(text)
        if number & (number - 1):
            raise ValueError(f"expected a power of two up to {most}")
        return number

    return parse


def seconds(low: float, high: float) -> Callable[[str], float]:
    def parse(text: str) -> float:
        digits = text.strip()
        if not (re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,3})?", digits) and low <= float(digits) <= high):
            raise ValueError(f"expected seconds from {low:g} to {high:g}")
        return float(digits)

    return parse


def one_of(*choices: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        for choice in choices:
            if text.strip().lower() == choice.lower():
                return choice
        raise ValueError(f"expected one of {', '.join(choices)}")

    return parse


def label(most: int) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if not (0 < len(text.strip()) <= most and text.strip().isprintable()):
            raise ValueError(f"expected one line of up to {most} characters")
        return text.strip()

    return parse


def listed(text: str) -> list[str]:
    return [item.strip() for item in text.split(",") if item.strip()]


def origins(text: str) -> list[str]:
    for origin in listed(text):
        parts = urlsplit(origin)
        if parts.scheme not in {"http", "https"} or not parts.hostname or origin != f"{parts.scheme}://{parts.netloc}":
            raise ValueError("expected origins such as https://game.example, separated by commas")
    return listed(text)


def origin(text: str) -> str:
    found = origins(text)
    if len(found) != 1:
        raise ValueError("expected one origin such as https://game.example")
    return found[0]


def networks(text: str) -> list[IPv4Network | IPv6Network]:
    try:
        return [ip_network(item, strict=False) for item in listed(text)]
    except ValueError:
        raise ValueError("expected addresses or networks such as 10.0.0.0/8, separated by commas") from None


def file(text: str) -> str:
    if not Path(text.strip()).is_file():
        raise ValueError("expected the path of a file that is there")
    return text.strip()


def zone(text: str) -> str:
    try:
        return zoneinfo.ZoneInfo(text.strip()).key
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("expected the name of a time zone such as Europe/Madrid") from None


def path(text: str) -> str:
    if not text.strip().startswith("/"):
        raise ValueError("expected a path that begins with /")
    return text.strip()


def broker(text: str) -> str:
    parts = urlsplit(text.strip())
    if parts.scheme not in {"amqp", "amqps"} or not parts.hostname:
        raise ValueError("expected a URL such as amqp://host:5672/vhost")
    try:
        _ = parts.port  # raises for a port that is none, quoting it
    except ValueError:
        raise ValueError("expected a port from 0 to 65535 in the URL") from None
    return text.strip()


def sink(text: str) -> str:
    parts = urlsplit(text.strip())
    if text.strip() and (parts.scheme not in {"http", "https"} or not parts.hostname):
        raise ValueError("expected a URL such as https://KEY@api.segment.io/v1/batch")
    return text.strip()


def collector(text: str) -> str:
    parts = urlsplit(text.strip())
    if text.strip() and (parts.scheme not in {"http", "https"} or not parts.hostname):
        raise ValueError("expected a URL such as http://localhost:4318")
    return text.strip()


def pem(text: str) -> str:
    return text.strip().replace("\\n", "\n")  # one line in most .env files and secret stores


def pems(text: str) -> list[str]:
    return [pem(item) for item in listed(text)]


# ---- Keys of players' tokens ----------------------------------------------------------------------------------------


class TokenKey(NamedTuple):
    id: str
    """Names the key in the tokens that it signs: a short hash of what verifies them, the same in every process."""
    signs: str
    """Empty: it only verifies."""
    verifies: str


def token_key(text: str, algorithm: str) -> TokenKey:
    """A secret for HS256, else a private or a public key in PEM. Raises ValueError."""
    if algorithm == "HS256":
        if len(text.encode()) < 32:
            raise ValueError("HS256 needs a secret of at least 32 bytes")
        return TokenKey(_key_id(text), text, text)
    private: Any = None
    try:
        if "PUBLIC KEY" in text:
            public: Any = load_pem_public_key(text.encode())
        else:
            private = load_pem_private_key(text.encode(), password=None)
            public = private.public_key()
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise ValueError(f"{algorithm} needs an unencrypted private key in PEM") from None
    if algorithm == "ES256":
        if not isinstance(public, EllipticCurvePublicKey) or not isinstance(public.curve, SECP256R1):
            raise ValueError("ES256 needs a key on the curve P-256")
    elif not isinstance(public, Ed25519PublicKey):
        raise ValueError("EdDSA needs an Ed25519 key")
    verifies = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    return TokenKey(_key_id(verifies), text if private else "", verifies)


def _key_id(verifies: str) -> str:
    return hashlib.blake2b(verifies.encode(), digest_size=4, person=b"kid").hexdigest()
