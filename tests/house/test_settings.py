"""What a deployer sees: each case starts a real process, from a copy of the settings that no .env of ours reaches."""

import json
import re
import shutil
import ssl
import subprocess
import sys
from pathlib import Path
from typing import Any

import jwt
import pytest
import redis
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, SECP384R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from django.conf import settings

PRODUCTION = {
    "APP_ENV": "production",
    "SECRET_KEY": "a-secret-of-its-own-a-secret-of-its-own-a-secret-of-its-own",
    "ALLOWED_HOSTS": "game.example",
    "DB_HOST": "db.internal",
}


@pytest.fixture
def house(tmp_path: Path) -> Path:
    shutil.copytree(settings.BASE_DIR / "gamification/settings", tmp_path / "gamification/settings")
    shutil.copy(settings.BASE_DIR / "gamification/environment.py", tmp_path / "gamification")
    shutil.copy(settings.BASE_DIR / "pyproject.toml", tmp_path)
    return tmp_path


def start(house: Path, arguments: str = "manage.py check", /, **env: str) -> subprocess.CompletedProcess[str]:
    """The settings as JSON on stdout, or what stopped the start on stderr."""
    program = (
        "import json, sys\n"
        f"sys.argv = {arguments.split()!r}\n"
        "from gamification import settings\n"
        "values = {name: value for name, value in vars(settings).items() if name.isupper()}\n"
        "print(json.dumps(values, default=lambda value: sorted(value) if isinstance(value, set) else str(value)))"
    )
    return subprocess.run(
        [sys.executable, "-c", program], cwd=house, env=env, capture_output=True, text=True, check=False, timeout=60
    )


def started(house: Path, arguments: str = "manage.py check", /, **env: str) -> dict[str, object]:
    process = start(house, arguments, **env)
    assert process.returncode == 0, process.stderr
    values: dict[str, Any] = json.loads(process.stdout)
    values["DATABASES"]["default"].pop("TEST", None)  # its file is named by the process
    return values


def refused(house: Path, **env: str) -> str:
    process = start(house, **env)
    assert process.returncode == 1
    assert process.stdout == ""
    (line,) = process.stderr.splitlines()
    return line


def private_key(kind: str) -> str:
    """In PEM on one line, as it stands in a .env file."""
    if kind in {"none", "garbage"}:
        return {"none": "", "garbage": "not PEM"}[kind]
    curves = {"P-256": SECP256R1(), "P-384": SECP384R1()}
    key = generate_private_key(curves[kind]) if kind in curves else Ed25519PrivateKey.generate()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode().replace("\n", "\\n")


def test_with_nothing_set_the_defaults_are_those_of_the_contract(house: Path) -> None:
    values = started(house)
    expected = {
        "PRODUCTION": False,
        "DEBUG": False,
        "PORT": 3000,
        "LOG_LEVEL": "INFO",
        "PLAYER_TIME_ZONE": "UTC",
        "TIME_ZONE": "UTC",
        "ALLOWED_HOSTS": ["localhost", "127.0.0.1", "[::1]"],
        "REDIS_URL": "",
        "RABBITMQ_URL": "",
        "RABBITMQ_EXCHANGE": "gamification",
        "CELERY_TASK_ALWAYS_EAGER": True,
        "WS_PORT": 3000,
        "WS_PATH": "/game-events",
        "WS_MAX_CONNECTIONS": 10_000,
        "ENABLE_ANTI_CHEAT": True,
        "ENABLE_REAL_TIME": True,
        "ENABLE_ANALYTICS": True,
        "EVENT_RETENTION_DAYS": 0,
        "QUEST_LATE_GRACE": 0,
        "SHARES": 1,
        "PLAYER_REPORT_WINDOW": 300,
        "TOKEN_ALGORITHM": "HS256",
    }
    assert {name: values[name] for name in expected} == expected
    database = values["DATABASES"]["default"]  # type: ignore[index]
    assert database["ENGINE"] == "django.db.backends.sqlite3"
    assert database["NAME"] == str(house / "gamification.sqlite3")
    assert database["OPTIONS"]["transaction_mode"] == "IMMEDIATE"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("APP_ENV", "staging"),
        ("PORT", "http"),
        ("PORT", "0"),
        ("PORT", "65536"),
        ("PORT", "9" * 5000),
        ("LOG_LEVEL", "LOUD"),
        ("ALLOWED_ORIGINS", "game.example"),
        ("ALLOWED_ORIGINS", "https://game.example/path"),
        ("CSRF_TRUSTED_ORIGINS", "console.example"),
        ("TRUSTED_PROXIES", "proxy.internal"),
        ("TRUSTED_PROXIES", "10.0.0.0/33"),
        ("DB_SSLMODE", "on"),
        ("DB_SSLROOTCERT", "/nowhere/ca.pem"),
        ("REDIS_TLS", "rediss"),
        ("REDIS_CA_FILE", "/nowhere/ca.pem"),
        ("RABBITMQ_CA_FILE", "/nowhere/ca.pem"),
        ("RATE_LIMIT_KEY", "-1"),
        ("RATE_LIMIT_LOGIN", "5/m"),
        ("TIME_ZONE", "Mars/Olympus"),
        ("TIME_ZONE", "../etc/passwd"),
        ("DB_PORT", "-1"),
        ("SHARES", "3"),
        ("SHARES", "0"),
        ("SHARES", "512"),
        ("REDIS_PORT", "6379.0"),
        ("REDIS_DB", "first"),
        ("RABBITMQ_URL", "http://broker"),
        ("RABBITMQ_URL", "amqp://"),
        ("RABBITMQ_URL", "amqp://broker:port/"),
        ("RABBITMQ_URL", "amqp://[broker"),
        ("WS_PORT", "²"),
        ("WS_PATH", "game-events"),
        ("WS_MAX_CONNECTIONS", "many"),
        ("ENABLE_ANTI_CHEAT", "maybe"),
        ("ENABLE_REAL_TIME", "2"),
        ("ENABLE_ANALYTICS", "enabled"),
        ("EVENT_RETENTION_DAYS", "-7"),
        ("QUEST_LATE_GRACE", "1h"),
        ("PLAYER_REPORT_WINDOW", "5m"),
        ("TOKEN_ALGORITHM", "none"),
        ("TOKEN_KEY", "short"),
    ],
)
def test_a_malformed_value_stops_the_start_with_one_line_that_names_it(house: Path, name: str, value: str) -> None:
    assert refused(house, **{name: value}).startswith(f"gamification cannot start: {name}: ")


@pytest.mark.parametrize("command", ["check", "migrate", "serve"])
def test_a_command_stops_with_that_line_and_no_traceback(command: str) -> None:
    process = subprocess.run(
        [sys.executable, settings.BASE_DIR / "manage.py", command],
        env={"PORT": "http"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert process.returncode == 1
    assert process.stderr == "gamification cannot start: PORT: expected a whole number from 1 to 65535\n"


def test_there_is_one_share_on_sqlite_whatever_is_asked_for(house: Path) -> None:
    assert started(house, SHARES="4")["SHARES"] == 1
    assert started(house, SHARES="4", DB_HOST="db")["SHARES"] == 4


def test_a_refused_secret_is_not_repeated(house: Path) -> None:
    assert "hunter2" not in refused(house, TOKEN_KEY="hunter2")
    assert "hunter2" not in refused(house, RABBITMQ_URL="amqp://guest:hunter2@broker:port/")


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"SECRET_KEY": ""}, "SECRET_KEY"),
        ({"SECRET_KEY": settings.INSECURE_SECRET_KEY}, "SECRET_KEY"),
        ({"SECRET_KEY": "a"}, "SECRET_KEY"),
        ({"SECRET_KEY": "x7Kp2mQ9vLr4TzWb8NcY3hJd6FgS1a"}, "SECRET_KEY"),
        ({"SECRET_KEY": "secret" * 20}, "SECRET_KEY"),
        ({"SECRET_KEY_FALLBACKS": "an-older-one"}, "SECRET_KEY_FALLBACKS"),
        ({"ALLOWED_HOSTS": ""}, "ALLOWED_HOSTS"),
        ({"ALLOWED_HOSTS": " , "}, "ALLOWED_HOSTS"),
        ({"DB_HOST": ""}, "DB_HOST"),
    ],
)
def test_production_refuses_what_is_only_for_development(house: Path, change: dict[str, str], name: str) -> None:
    assert refused(house, **{**PRODUCTION, **change}).startswith(f"gamification cannot start: {name}: production needs")


def test_production_starts_with_what_it_needs(house: Path) -> None:
    values = started(house, **PRODUCTION)
    assert values["PRODUCTION"] is True
    assert values["SESSION_COOKIE_SECURE"] is True
    assert values["ALLOWED_ORIGINS"] == []


def test_the_environment_wins_over_the_env_file(house: Path) -> None:
    (house / ".env").write_text("PORT=4000\nTIME_ZONE=Europe/Madrid\nDB_PASSWORD=$ecret\n")
    values = started(house, PORT="5000", DB_HOST="db.internal")
    assert values["PORT"] == 5000
    assert values["PLAYER_TIME_ZONE"] == "Europe/Madrid"
    assert values["TIME_ZONE"] == "UTC"
    assert values["DATABASES"]["default"]["PASSWORD"] == "$ecret"  # type: ignore[index]


def test_an_empty_value_is_an_unset_one(house: Path) -> None:
    names: set[str] = settings.VARIABLES_READ
    assert started(house, **dict.fromkeys(names, "")) == started(house)


def test_only_a_web_process_pools_its_connections(house: Path) -> None:
    def options(arguments: str) -> dict[str, object]:
        values = started(house, arguments, DB_HOST="db.internal", DB_NAME="game")
        database = values["DATABASES"]["default"]  # type: ignore[index]
        assert database["ENGINE"] == "gamification.kernel.storage.postgresql"
        assert (database["HOST"], database["PORT"], database["NAME"]) == ("db.internal", 5432, "game")
        options: dict[str, object] = database["OPTIONS"]
        return options

    assert "pool" in options("manage.py serve")
    assert "pool" in options("/venv/bin/uvicorn gamification.asgi:application")
    assert "pool" not in options("manage.py migrate")
    assert "pool" not in options("celery -A gamification worker")


def test_user_and_password_fill_in_what_the_broker_url_leaves_out(house: Path) -> None:
    login = {"RABBITMQ_USER": "game", "RABBITMQ_PASSWORD": "p@ss/word"}

    def url(given: str) -> object:
        return started(house, RABBITMQ_URL=given, **login)["RABBITMQ_URL"]

    assert url("amqp://broker:5672/") == "amqp://game:p%40ss%2Fword@broker:5672/"
    assert url("amqp://own@broker/games") == "amqp://own:p%40ss%2Fword@broker/games"
    assert url("amqps://own:word@broker/games") == "amqps://own:word@broker/games"
    assert url("") == ""


def test_a_redis_password_may_hold_any_character(house: Path) -> None:
    values = started(house, REDIS_HOST="cache", REDIS_PASSWORD="p@ss/word", REDIS_DB="3")
    assert values["REDIS_URL"] == "redis://:p%40ss%2Fword@cache:6379/3"


def test_the_ways_to_the_servers_are_encrypted_by_settings(house: Path) -> None:
    ca = house / "our ca.pem"
    ca.touch()
    values: Any = started(
        house,
        DB_HOST="db", DB_SSLMODE="verify-full", DB_SSLROOTCERT=str(ca),
        REDIS_HOST="cache", REDIS_TLS="true", REDIS_CA_FILE=str(ca),
        RABBITMQ_URL="amqps://broker", RABBITMQ_CA_FILE=str(ca),
    )  # fmt: skip
    options = values["DATABASES"]["default"]["OPTIONS"]
    assert (options["sslmode"], options["sslrootcert"]) == ("verify-full", str(ca))
    pool = redis.ConnectionPool.from_url(values["REDIS_URL"])
    assert pool.connection_class is redis.SSLConnection
    assert pool.connection_kwargs["ssl_ca_certs"] == str(ca)
    assert values["CACHES"]["default"]["LOCATION"] == values["CHANNEL_LAYERS"]["default"]["CONFIG"]["hosts"][0]
    tls = {"cert_reqs": ssl.CERT_REQUIRED, "server_hostname": "broker", "ca_certs": str(ca)}
    assert values["RABBITMQ_TLS"] == values["CELERY_BROKER_USE_SSL"] == tls
    plain: Any = started(house, DB_HOST="db", REDIS_HOST="cache", RABBITMQ_URL="amqp://broker")
    assert "sslmode" not in plain["DATABASES"]["default"]["OPTIONS"]
    assert (plain["REDIS_URL"], plain["RABBITMQ_TLS"]) == ("redis://cache:6379/0", False)


def test_whose_word_counts_for_where_a_request_comes_from(house: Path) -> None:
    values: Any = started(house, TRUSTED_PROXIES="10.0.0.0/8, 192.0.2.7, 2001:db8::/32")
    assert values["TRUSTED_PROXIES"] == ["10.0.0.0/8", "192.0.2.7/32", "2001:db8::/32"]


def test_pages_that_may_call_are_not_therefore_the_consoles_own(house: Path) -> None:
    values: Any = started(house, ALLOWED_ORIGINS="https://game.example", CSRF_TRUSTED_ORIGINS="https://desk.example")
    assert values["CORS_ALLOWED_ORIGINS"] == ["https://game.example"]
    assert values["CSRF_TRUSTED_ORIGINS"] == ["https://desk.example"]


@pytest.mark.parametrize(("algorithm", "kind"), [("ES256", "P-256"), ("EdDSA", "Ed25519")])
def test_a_private_key_signs_what_its_public_key_verifies(house: Path, algorithm: str, kind: str) -> None:
    values = started(house, TOKEN_ALGORITHM=algorithm, TOKEN_KEY=private_key(kind))
    token = jwt.encode({"sub": "ada"}, str(values["TOKEN_KEY"]), algorithm=algorithm)
    assert jwt.decode(token, str(values["TOKEN_PUBLIC_KEY"]), algorithms=[algorithm]) == {"sub": "ada"}


@pytest.mark.parametrize(
    ("algorithm", "kind"),
    [("ES256", "none"), ("ES256", "garbage"), ("ES256", "Ed25519"), ("ES256", "P-384"), ("EdDSA", "P-256")],
)
def test_a_token_key_of_another_kind_is_refused(house: Path, algorithm: str, kind: str) -> None:
    line = refused(house, TOKEN_ALGORITHM=algorithm, TOKEN_KEY=private_key(kind))
    assert line.startswith("gamification cannot start: TOKEN_KEY: ")


def test_a_public_key_of_another_pair_is_refused(house: Path) -> None:
    public = Ed25519PrivateKey.generate().public_key()
    other = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    line = refused(house, TOKEN_ALGORITHM="EdDSA", TOKEN_KEY=private_key("Ed25519"), TOKEN_PUBLIC_KEY=other)
    assert line == "gamification cannot start: TOKEN_PUBLIC_KEY: does not belong to TOKEN_KEY"


def public_key(private: str) -> str:
    """The other half of the pair, as it stands in a .env file."""
    pem = load_pem_private_key(private.replace("\\n", "\n").encode(), password=None).public_key()
    return pem.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode().replace("\n", "\\n")


@pytest.mark.parametrize(("algorithm", "kind"), [("HS256", ""), ("ES256", "P-256"), ("EdDSA", "Ed25519")])
def test_the_first_of_the_token_keys_signs_and_all_verify(house: Path, algorithm: str, kind: str) -> None:
    old, new = ("older key" * 4, "newer key" * 4) if algorithm == "HS256" else (private_key(kind), private_key(kind))
    before = started(house, TOKEN_ALGORITHM=algorithm, TOKEN_KEY=old)
    retired = old if algorithm == "HS256" else public_key(old)  # what only verifies need not be able to sign
    values: Any = started(house, TOKEN_ALGORITHM=algorithm, TOKEN_KEYS=f"{new},{retired}")
    assert list(values["TOKEN_KEYS"]) == [values["TOKEN_KEY_ID"], before["TOKEN_KEY_ID"]]
    assert values["TOKEN_KEYS"][before["TOKEN_KEY_ID"]] == before["TOKEN_PUBLIC_KEY"]
    assert values["TOKEN_KEY"] == new.replace("\\n", "\n")


def test_what_was_signed_under_an_older_secret_key_still_verifies(house: Path) -> None:
    before: Any = started(house, SECRET_KEY="an older one")
    after: Any = started(house, SECRET_KEY="a newer one", SECRET_KEY_FALLBACKS="an older one,the oldest")
    assert after["SECRET_KEY_FALLBACKS"] == ["an older one", "the oldest"]
    assert before["TOKEN_KEY_ID"] in after["TOKEN_KEYS"]
    assert after["TOKEN_KEY_ID"] not in before["TOKEN_KEYS"]


@pytest.mark.parametrize(
    ("env", "name"),
    [
        ({"TOKEN_KEYS": "short," + "long enough" * 3}, "TOKEN_KEYS"),
        ({"TOKEN_KEYS": "long enough" * 3 + ",short"}, "TOKEN_KEYS"),
        ({"TOKEN_KEYS": "long enough" * 3, "TOKEN_KEY": "long enough" * 3}, "TOKEN_KEYS"),
        ({"TOKEN_ALGORITHM": "EdDSA", "TOKEN_KEYS": public_key(private_key("Ed25519"))}, "TOKEN_KEYS"),
        ({"TOKEN_ALGORITHM": "EdDSA", "TOKEN_KEY": public_key(private_key("Ed25519"))}, "TOKEN_KEY"),
    ],
)
def test_token_keys_that_cannot_sign_or_verify_are_refused(house: Path, env: dict[str, str], name: str) -> None:
    assert refused(house, **env).startswith(f"gamification cannot start: {name}: ")


def test_the_example_names_every_variable_and_its_default(house: Path) -> None:
    example = (settings.BASE_DIR / ".env.example").read_text()
    assert set(re.findall(r"^([A-Z_]+)=", example, re.MULTILINE)) == settings.VARIABLES_READ
    (house / ".env").write_text(example)
    assert started(house) == started(house, **dict.fromkeys(settings.VARIABLES_READ, ""))


def test_the_default_pool_is_the_one_whose_loop_reads_the_events() -> None:
    assert settings.CELERY_WORKER_POOL == "solo"
