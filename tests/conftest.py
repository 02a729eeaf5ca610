"""Fixtures: real engines and real processes, each with its own data, safe side by side."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from aimo import config
from support.mariadb import MariaDB
from support.server import Server
from support.stub import Stub

# The developer's own settings must not decide what the tests see.
for _name in config.Settings.model_fields:
    os.environ.pop(_name.upper(), None)

StartServer = Callable[..., Server]
_running: list[Server] = []


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    """A test that fails shows what the servers it talked to have logged."""
    report = yield
    if report.failed:
        report.sections.extend((f"log of {server.url}", server.log_tail()) for server in _running)
    return report


@pytest.fixture(scope="session")
def mariadb() -> Iterator[MariaDB]:
    """One MariaDB server for each test process; `mariadb.create_database()` gives the settings of a fresh database."""
    server = MariaDB()
    try:
        yield server.start()
    finally:
        server.close()


@pytest.fixture
def mysql_database(mariadb: MariaDB) -> dict[str, str]:
    """The settings, `MYSQL_HOST` and so on, of an empty database for this test."""
    return mariadb.create_database()


@pytest.fixture(params=["sqlite", "mysql"])
def database(request: pytest.FixtureRequest) -> dict[str, str]:
    """The settings that choose a database, empty: the test runs with each kind."""
    if request.param == "sqlite":
        return {}
    fresh: dict[str, str] = request.getfixturevalue("mysql_database")
    return fresh


@pytest.fixture
def settings(tmp_path: Path) -> Callable[..., config.Settings]:
    """Makes settings from variables in any case, apart from the environment: `settings(**database, port=8080)`."""

    def make(**values: Any) -> config.Settings:
        chosen = {name.lower(): value for name, value in values.items()}
        return config.load(_env_file=None, **{"aimo_data_dir": tmp_path / "data", "rate_limit": False, **chosen})

    return make


@pytest.fixture
def stub() -> Iterator[Stub]:
    """The AI provider of this test; `stub.settings()` points a server to it."""
    provider = Stub().start()
    try:
        yield provider
    finally:
        provider.stop()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[StartServer]:
    """Starts servers for this test: `server(**database, **stub.settings(), WORKERS="2")`."""
    yield from _servers(tmp_path)


@pytest.fixture(scope="module")
def module_stub() -> Iterator[Stub]:
    """The same as `stub`, shared by the tests of a file."""
    provider = Stub().start()
    try:
        yield provider
    finally:
        provider.stop()


@pytest.fixture(scope="module")
def module_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartServer]:
    """The same as `server`, for a server that the tests of a file share; each test registers its own users."""
    yield from _servers(tmp_path_factory.mktemp("servers"))


def _servers(folder: Path) -> Iterator[StartServer]:
    started: list[Server] = []

    def start(**values: str) -> Server:
        one = Server(folder / f"server-{len(started)}", values)
        started.append(one)
        _running.append(one)
        return one.start()

    try:
        yield start
    finally:
        for one in started:
            one.close()
            _running.remove(one)
