"""Fixtures: real engines and real processes, each with its own data, safe side by side."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import structlog
from tests.support.mariadb import MariaDB, shared_server
from tests.support.server import Server
from tests.support.stub import Stub

from aimo import audit, config
from aimo.db.connection import Database
from aimo.db.migrate import migrate

# The developer's own settings must not decide what the tests see.
for _name in config.Settings.model_fields:
    os.environ.pop(_name.upper(), None)

# What is logged here is read by nobody unless a test fails; drawing tracebacks takes longer than most tests.
structlog.configure(
    processors=[
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback),
    ],
    # What tests print is told at the end; this must not be among it.
    logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
)

_configure, _configured = structlog.configure, structlog.get_config()

# Machines that run tests are busy ones: how long an example takes says nothing about the code.
hypothesis.settings.register_profile("patient", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("patient")

StartServer = Callable[..., Server]
MakeDatabase = Callable[[str], dict[str, str]]
_running: list[Server] = []


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    """A test that fails shows what the servers it talked to have logged."""
    report = yield
    if report.failed:
        report.sections.extend((f"log of {server.url}", server.log_tail(25)) for server in _running)
    return report


def pytest_collection_finish() -> None:
    """Keep the garbage collector from looking through all tests and what they import, again and again."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def _loggers_not_cached() -> Iterator[None]:
    """Keep the loggers of modules from writing for good to what one test has configured."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(structlog, "configure", _configure_without_cache)
        yield


def _configure_without_cache(**options: Any) -> None:
    _configure(**(options | {"cache_logger_on_first_use": False}))


@pytest.fixture(autouse=True)
def _logging_restored() -> Iterator[None]:
    """Undo what `log.configure` has changed: commands that are run in this process call it."""
    loggers = [logging.getLogger(), logging.getLogger(audit.LOGGER)]
    before = [(logger.handlers, logger.level, logger.propagate) for logger in loggers]
    yield
    if structlog.get_config() == _configured:
        return
    _configure(**_configured)
    for logger, (handlers, level, propagate) in zip(loggers, before, strict=True):
        for handler in logger.handlers:
            if handler not in handlers:
                handler.close()
        logger.handlers, logger.level, logger.propagate = handlers, level, propagate


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Tell what the tests have printed: what they tried, how often, and how long it took."""
    told = [
        f"{report.nodeid.rpartition('/')[2]}: {line}"
        for report in terminalreporter.stats.get("passed", ())
        if "test_conformance" not in report.nodeid
        for line in report.capstdout.splitlines()
        if line.strip()
    ]
    if told:
        terminalreporter.section("what was done")
        terminalreporter.write_line("\n".join(told))


@pytest.fixture(scope="session")
def mariadb() -> Iterator[MariaDB]:
    """One server for each test process; `mariadb.create_database()` gives the settings of a fresh database.

    A private MariaDB, or the server that `TEST_MYSQL_URL` names.
    """
    server = shared_server()
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


@pytest.fixture(scope="session")
def mysql_template(mariadb: MariaDB) -> str:
    """Name of a database with the present schema, to make others like it."""
    template = mariadb.create_database()
    asyncio.run(_migrate(config.load(_env_file=None, **{name.lower(): value for name, value in template.items()})))
    return template["MYSQL_DATABASE"]


@pytest.fixture(scope="session")
def shared_database(request: pytest.FixtureRequest) -> MakeDatabase:
    """Gives the settings of a new database, ``sqlite`` or ``mysql``, to a server that the tests of a file share.

    On MariaDB the schema is there already, for making it takes the server seconds.
    """

    def make(kind: str) -> dict[str, str]:
        if kind == "sqlite":
            return {}
        mariadb: MariaDB = request.getfixturevalue("mariadb")
        return mariadb.create_database(like=request.getfixturevalue("mysql_template"))

    return make


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database file with the present schema, to copy."""
    made = config.load(_env_file=None, aimo_data_dir=tmp_path_factory.mktemp("template"))
    asyncio.run(_migrate(made))
    return made.sqlite_path


@pytest.fixture(params=["sqlite", "mysql"])
def migrated_database(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, str]:
    """The same as `database` with the schema in place: much faster than migrating for every test."""
    if request.param == "mysql":
        template = request.getfixturevalue("mysql_template")
        fresh: dict[str, str] = request.getfixturevalue("mariadb").create_database(like=template)
        return fresh
    folder = tmp_path / "data"
    folder.mkdir()
    shutil.copy(request.getfixturevalue("sqlite_template"), folder / "aimo.db")
    return {"AIMO_DATA_DIR": str(folder)}


async def _migrate(settings: config.Settings) -> None:
    database = await Database.open(settings)
    try:
        await migrate(database)
    finally:
        await database.close()


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
