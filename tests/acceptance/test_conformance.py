"""The recorded behaviour of the existing server holds, on each database and with one process or two."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.support.server import Server
from tests.support.stub import Stub

SUITE = Path(__file__).resolve().parents[1] / "conformance"
JWT_SECRET = "conformance-secret"
SCENARIOS = sorted(path.stem for path in (SUITE / "scenarios").glob("*.yaml"))


@pytest.fixture(
    scope="module",
    params=[(kind, workers) for kind in ("sqlite", "mysql") for workers in (1, 2)],
    ids=lambda param: f"{param[0]}-{param[1]}",
)
def peer(request: pytest.FixtureRequest, module_server: Callable[..., Server], module_stub: Stub) -> Iterator[Server]:
    """A server with the settings that the recordings were made with."""
    kind, workers = request.param
    database = request.getfixturevalue("mariadb").create_database() if kind == "mysql" else {}
    running = module_server(
        **database,
        **module_stub.settings(),
        WORKERS=str(workers),
        NODE_ENV="production",
        JWT_SECRET=JWT_SECRET,
        BA_AUTH_ENABLED="true",
        BA_AUTH_TOKEN="conformance-ba-token",
        MULTIMODAL_EMBEDDING_ENABLED="false",
        ATTACHMENT_STORAGE_TYPE="local",
        ATTACHMENT_MAX_FILE_SIZE="1048576",
        LOCALE_TIMEZONE="Asia/Shanghai",
        RATE_LIMIT="off",
        # A recording registers with a password of one letter.
        PASSWORD_RULES="off",
    )
    yield running
    running.stop()


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_scenario_answers_as_recorded(
    peer: Server, module_stub: Stub, scenario: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`check.py` prints every difference; pytest shows that when the test fails."""
    monkeypatch.syspath_prepend(str(SUITE))
    monkeypatch.setattr(
        sys,
        "argv",
        [
            "check.py",
            peer.url,
            scenario,
            "--lenient",
            "--max-diffs=0",
            f"--stub={module_stub.url}",
            f"--jwt-secret={JWT_SECRET}",
        ],
    )
    assert importlib.import_module("check").main() == 0
