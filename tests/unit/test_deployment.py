"""The container files fit the server: known settings, no password inside, no start before MySQL is ready."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from aimo.config import Settings

ROOT = Path(__file__).resolve().parents[2]
SETTINGS = {name.upper() for name in Settings.model_fields}
IMAGE = (ROOT / "Dockerfile").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    services: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))["services"]
    return services


def test_only_known_settings_are_set(services: dict[str, Any]) -> None:
    assert set(services["aimo"]["environment"]) <= SETTINGS
    variables = set(re.findall(r"\b([A-Z][A-Z_]+)=", re.search(r"^ENV (?:.*\\\n)*.*", IMAGE, re.MULTILINE)[0]))
    assert variables - {"PATH", "PYTHONUNBUFFERED"} <= SETTINGS
    assert "HOST" in variables


def test_secrets_come_from_the_environment_and_are_required(services: dict[str, Any]) -> None:
    for service in services.values():
        for name, value in service["environment"].items():
            if name.endswith(("PASSWORD", "SECRET", "TOKEN", "KEY")):
                assert re.fullmatch(r"\$\{" + name + r":\?.+\}", str(value)), name


def test_the_server_waits_for_a_healthy_mysql(services: dict[str, Any]) -> None:
    assert services["aimo"]["depends_on"] == {"mysql": {"condition": "service_healthy"}}
    assert services["mysql"]["healthcheck"]["test"]
    assert "utf8mb4" in " ".join(services["mysql"]["command"])
    for name in ("MYSQL_DATABASE", "MYSQL_USER", "MYSQL_PASSWORD"):
        assert services["aimo"]["environment"][name] == services["mysql"]["environment"][name]
    assert services["aimo"]["environment"]["MYSQL_HOST"] == "mysql"


def test_data_outlives_the_containers(services: dict[str, Any]) -> None:
    assert "data:" + services["aimo"]["environment"]["AIMO_DATA_DIR"] in services["aimo"]["volumes"]
    assert "mysql:/var/lib/mysql" in services["mysql"]["volumes"]


def test_the_image_runs_without_privileges_and_tells_its_health() -> None:
    assert re.search(r"^USER (?!root|0)\w+$", IMAGE, re.MULTILINE)
    assert re.search(r"^HEALTHCHECK(.|\\\n)+/healthz", IMAGE, re.MULTILINE)
    assert "--require-hashes" in IMAGE


def test_the_image_has_what_it_is_built_from() -> None:
    sent = {line[1:] for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines() if line[:1] == "!"}
    copied = {name for line in re.findall(r"^COPY (?!--from)(.+) \S+$", IMAGE, re.MULTILINE) for name in line.split()}
    assert copied <= {name.split("/")[0] for name in sent}
