"""The deployment and the settings agree: nothing it sets is ignored, and what it sets lets production start."""

import os
import re
import subprocess
import sys
from ipaddress import ip_address, ip_network
from typing import Any

import pytest
import yaml
from django.conf import settings

from gamification.serving.server import SHUTDOWN_TIMEOUT

COMPOSE: dict[str, Any] = yaml.safe_load((settings.BASE_DIR / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if "build" in service}
INTERPOLATED = re.compile(r"\$\{(?P<name>[A-Z_]+)(?::(?P<kind>[-?])(?P<rest>[^}]*))?\}")

OPERATORS = {
    "SECRET_KEY": "a-secret-of-its-own-a-secret-of-its-own-a-secret-of-its-own",
    "ALLOWED_HOSTS": "game.example",
    "DB_PASSWORD": "one",
    "REDIS_PASSWORD": "two",
    "RABBITMQ_PASSWORD": "three",
}


def resolved(value: str) -> str:
    """As compose does for an operator who sets only what is required."""

    def one(match: re.Match[str]) -> str:
        return OPERATORS.get(match["name"], match["rest"] if match["kind"] == "-" else "")

    return INTERPOLATED.sub(one, value)


def test_it_runs_everything_a_deployment_needs() -> None:
    assert set(OURS) == {"migrate", "web", "worker", "beat"}
    assert set(SERVICES) - set(OURS) == {"postgres", "redis", "rabbitmq", "proxy"}


@pytest.mark.parametrize("name", OURS)
def test_every_variable_it_sets_is_one_the_settings_read(name: str) -> None:
    assert set(OURS[name]["environment"]) <= settings.VARIABLES_READ


def test_who_is_asked_to_end_is_given_the_time_it_takes() -> None:
    assert float(SERVICES["web"]["stop_grace_period"].removesuffix("s")) > SHUTDOWN_TIMEOUT


def test_every_variable_it_takes_from_the_operator_is_one_the_settings_read() -> None:
    text = (settings.BASE_DIR / "docker-compose.yml").read_text()
    of_the_proxy = {"TLS_NAME", "TLS_CERTIFICATE"}
    assert {match["name"] for match in INTERPOLATED.finditer(text)} <= settings.VARIABLES_READ | of_the_proxy


def test_every_variable_the_settings_read_reaches_the_web_service() -> None:
    one_port_inside = {"WS_PORT"}
    assert settings.VARIABLES_READ - set(OURS["web"]["environment"]) == one_port_inside


def test_all_processes_share_one_configuration() -> None:
    only_web = {"PORT", "WS_PATH", "WS_MAX_CONNECTIONS", "WS_MAX_PER_PLAYER"}
    web = {name: value for name, value in OURS["web"]["environment"].items() if name not in only_web}
    for name in set(OURS) - {"web"}:
        assert OURS[name]["environment"] == web


@pytest.mark.parametrize("name", OURS)
def test_its_values_let_production_start(name: str) -> None:
    environment = {variable: resolved(value) for variable, value in OURS[name]["environment"].items()}
    program = (
        "from gamification import settings as s\n"
        "print(s.PRODUCTION, s.DB_HOST, s.REDIS_URL, s.RABBITMQ_URL, *s.ALLOWED_HOSTS)"
    )
    process = subprocess.run(
        [sys.executable, "-c", program],
        cwd=settings.BASE_DIR,
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert process.stderr == ""
    assert process.stdout.split() == [
        "True",
        "postgres",
        "redis://:two@redis:6379/0",
        "amqp://gamification:three@rabbitmq:5672/",
        "localhost",
        "game.example",
    ]


def test_the_servers_take_the_passwords_the_service_gives() -> None:
    assert SERVICES["postgres"]["environment"]["POSTGRES_PASSWORD"] == OURS["web"]["environment"]["DB_PASSWORD"]
    assert OURS["web"]["environment"]["REDIS_PASSWORD"] in SERVICES["redis"]["command"]
    assert (
        SERVICES["rabbitmq"]["environment"]["RABBITMQ_DEFAULT_PASS"]
        == (OURS["web"]["environment"]["RABBITMQ_PASSWORD"])
    )


def test_nobody_reads_tables_before_they_are_migrated() -> None:
    for name in set(OURS) - {"migrate"}:
        assert OURS[name]["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}
    assert OURS["migrate"]["depends_on"] == {"postgres": {"condition": "service_healthy"}}


@pytest.mark.parametrize("name", [name for name in SERVICES if name != "migrate"])
def test_whoever_is_waited_for_says_when_it_is_healthy(name: str) -> None:
    assert SERVICES[name]["healthcheck"]["test"][0] == "CMD"


@pytest.mark.parametrize("name", ["worker", "beat"])
def test_whoever_has_no_port_is_asked_where_it_tells_what_it_counts(name: str) -> None:
    port = OURS[name]["environment"]["METRICS_PORT"]
    assert f"localhost:{port}/healthz" in OURS[name]["healthcheck"]["test"][-1]


@pytest.mark.parametrize("name", SERVICES)
def test_none_can_fill_the_disk_or_the_memory_of_the_host(name: str) -> None:
    assert SERVICES[name]["logging"]["options"] == {"max-size": "20m", "max-file": "5"}
    assert "mem_limit" in SERVICES[name]
    assert "no-new-privileges:true" in SERVICES[name]["security_opt"]


@pytest.mark.parametrize("name", OURS)
def test_ours_write_nowhere_and_may_do_nothing_special(name: str) -> None:
    assert (OURS[name]["read_only"], OURS[name]["cap_drop"], OURS[name]["tmpfs"]) == (True, ["ALL"], ["/tmp"])


def test_only_the_proxy_can_be_reached_from_other_machines_and_web_trusts_its_word() -> None:
    for name in set(SERVICES) - {"proxy"}:
        assert all(str(port).startswith("127.0.0.1:") for port in SERVICES[name].get("ports", []))
    address = SERVICES["proxy"]["networks"]["default"]["ipv4_address"]
    assert resolved(OURS["web"]["environment"]["TRUSTED_PROXIES"]) == address


def test_nobody_else_is_given_the_address_that_web_trusts() -> None:
    address = ip_address(SERVICES["proxy"]["networks"]["default"]["ipv4_address"])
    [addresses] = COMPOSE["networks"]["default"]["ipam"]["config"]
    assert address in ip_network(addresses["subnet"])
    assert address not in ip_network(addresses["ip_range"])


def test_no_secret_has_a_default() -> None:
    for service in SERVICES.values():
        for variable, value in service.get("environment", {}).items():
            if variable.endswith(("_PASSWORD", "_PASS", "CLI_AUTH")) or variable == "SECRET_KEY":
                assert re.fullmatch(r"\$\{[A-Z_]+:\?[^}]+\}", value), variable


def test_the_image_runs_as_nobody_special_and_says_whether_it_is_well() -> None:
    text = (settings.BASE_DIR / "Dockerfile").read_text()
    assert re.findall(r"^USER (.+)", text, re.MULTILINE)[-1] == "gamification"
    assert re.search(r"^HEALTHCHECK .*\\\n +CMD \[", text, re.MULTILINE)
