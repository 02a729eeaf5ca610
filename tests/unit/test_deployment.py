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


@pytest.fixture(scope="module")
def cluster() -> dict[str, Any]:
    services: dict[str, Any] = yaml.safe_load((ROOT / "compose.cluster.yaml").read_text(encoding="utf-8"))["services"]
    return services


def test_only_known_settings_are_set(services: dict[str, Any], cluster: dict[str, Any]) -> None:
    for server in (services["aimo"], cluster["aimo1"], cluster["aimo2"]):
        assert set(server["environment"]) <= SETTINGS
    [block] = re.findall(r"^ENV (?:.*\\\n)*.*", IMAGE, re.MULTILINE)
    variables = set(re.findall(r"\b([A-Z][A-Z_]+)=", block))
    assert variables - {"PATH", "PYTHONUNBUFFERED"} <= SETTINGS
    assert "HOST" in variables


def test_secrets_come_from_the_environment_and_are_required(services: dict[str, Any], cluster: dict[str, Any]) -> None:
    for service in (*services.values(), *cluster.values()):
        for name, value in service["environment"].items():
            if name.endswith(("PASSWORD", "SECRET", "TOKEN", "KEY")):
                assert re.fullmatch(r"\$\{[A-Z0-9_]+:\?.+\}", str(value)), name


def test_a_cluster_has_the_profile_that_is_tested(cluster: dict[str, Any]) -> None:
    assert cluster["aimo1"]["environment"] == cluster["aimo2"]["environment"]
    assert cluster["aimo1"]["environment"]["MYSQL_HOST"] == "haproxy"
    nodes = [cluster["haproxy"]["environment"][f"NODE{number}"] for number in (1, 2, 3)]
    assert nodes == ["node1:3306", "node2:3306", "node3:3306"]
    assert "./deploy/haproxy.cfg:/usr/local/etc/haproxy/haproxy.cfg:ro" in cluster["haproxy"]["volumes"]
    for node in ("node1", "node2", "node3"):
        assert "./deploy/galera.cnf:/etc/mysql/conf.d/galera.cnf:ro" in cluster[node]["volumes"]
    assert "--wsrep-new-cluster" in cluster["node1"]["command"]
    for name, service in cluster.items():
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert {"mem_limit", "pids_limit", "cpus"} <= service.keys(), name
        published = service.get("ports", [])
        assert all(re.match(r"\$\{PUBLISH2?:-127\.0\.0\.1:", port) for port in published), name


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


def test_containers_have_no_more_rights_than_they_need(services: dict[str, Any]) -> None:
    for name, service in services.items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert not service.get("privileged"), name
        assert {"mem_limit", "pids_limit", "cpus"} <= service.keys(), name
        for mounted in service["tmpfs"]:
            assert {"noexec", "nosuid", "nodev"} <= set(mounted.partition(":")[2].split(",")), mounted
            assert "size=" in mounted
    assert "cap_add" not in services["aimo"]
    assert [mounted.partition(":")[0] for mounted in services["aimo"]["tmpfs"]] == ["/tmp"]
    assert set(services["mysql"]["cap_add"]) == {"CHOWN", "DAC_OVERRIDE", "SETGID", "SETUID"}


def test_only_the_server_is_published_and_only_on_this_machine(services: dict[str, Any]) -> None:
    assert services["aimo"]["ports"] == ["${PUBLISH:-127.0.0.1:3000}:3000"]
    assert "ports" not in services["mysql"]


def test_images_can_be_pinned_to_digests(services: dict[str, Any]) -> None:
    assert re.search(r"^ARG PYTHON_IMAGE=python:3\.11-slim$", IMAGE, re.MULTILINE)
    assert set(re.findall(r"^FROM (\S+)", IMAGE, re.MULTILINE)) == {"${PYTHON_IMAGE}"}
    assert services["aimo"]["build"]["args"]["PYTHON_IMAGE"] == "${PYTHON_IMAGE:-python:3.11-slim}"
    assert services["mysql"]["image"] == "${MYSQL_IMAGE:-mysql:8.4}"


def test_the_data_folder_of_the_image_is_closed_to_others() -> None:
    assert re.search(r"install -d -m 700 -o aimo -g aimo /data\b", IMAGE)


def test_whatever_is_installed_is_hashed() -> None:
    """Also what builds the project itself: pip would fetch any release of it otherwise."""
    installer = (ROOT / "scripts/install").read_text(encoding="utf-8")
    for text in (IMAGE, installer):
        commands = re.findall(r"pip (?:install|wheel) .*", text)
        fetching = [
            command for command in commands if "--no-deps" not in command and "install --quiet pip" not in command
        ]
        assert fetching
        assert all("--require-hashes" in command for command in fetching)
        assert all(
            "--no-build-isolation" in command or "--no-index" in command
            for command in commands
            if "--no-deps" in command
        )
        assert "requirements/build.txt" in text
    pins = (ROOT / "requirements/build.txt").read_text(encoding="utf-8")
    assert re.search(r"^setuptools==\S+ \\\n    --hash=sha256:", pins, re.MULTILINE)


def test_the_image_has_what_it_is_built_from() -> None:
    sent = {line[1:] for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines() if line[:1] == "!"}
    copied = {name for line in re.findall(r"^COPY (?!--from)(.+) \S+$", IMAGE, re.MULTILINE) for name in line.split()}
    assert copied <= {name.split("/")[0] for name in sent}
