"""A private MariaDB server, so that tests meet the real thing and touch nobody's data."""

from __future__ import annotations

import getpass
import os
import pwd
import secrets
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pymysql
import pymysql.cursors
from pymysql.constants import CLIENT

from .ports import free_port
from .processes import Process

# Names a running server to use instead: `mysql://root:password@127.0.0.1:3306`, percent-encoded where needed.
URL_VARIABLE = "TEST_MYSQL_URL"

_PATH = os.pathsep.join([os.environ.get("PATH", ""), "/usr/local/sbin", "/usr/sbin", "/usr/local/bin", "/usr/bin"])

# What MySQL 8 enforces when nobody configures it; MariaDB alone is laxer about GROUP BY and dates.
_SQL_MODE = (
    "ONLY_FULL_GROUP_BY,STRICT_TRANS_TABLES,NO_ZERO_IN_DATE,NO_ZERO_DATE,"
    "ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION"
)

# Killing the server loses nothing with these either: what was written is in the system's page cache.
_FAST = (
    "--innodb-flush-log-at-trx-commit=2",
    "--loose-innodb-flush-method=nosync",
    "--innodb-doublewrite=0",
    # A thousand waits for the disk while a schema is made, for the log of its steps alone.
    "--loose-debug-no-sync",
)
_DURABLE = ("--innodb-flush-log-at-trx-commit=1",)


def _program(name: str) -> str:
    found = shutil.which(name, path=_PATH)
    assert found, f"{name} is missing; `make install-test` installs MariaDB"
    return found


def _service_user() -> str | None:
    """The user to run as: MariaDB refuses to run as root by itself."""
    if os.geteuid() != 0:
        return None
    for name in ("mysql", "nobody"):
        try:
            return pwd.getpwnam(name).pw_name
        except KeyError:
            continue
    raise AssertionError("MariaDB does not run as root, and there is neither a user mysql nor nobody")


class MariaDB:
    """A server with its own folder, port and socket.

    The server's time zone is not UTC on purpose, and a database's password holds characters that
    must be quoted in a URL.

    Args:
        durable: flush every commit to the disk, as a production server does.
        time_zone: what the server believes, unless a session says otherwise.
        options: more command-line options of mariadbd; they win.
    """

    host = "127.0.0.1"

    def __init__(self, *, durable: bool = False, time_zone: str = "+08:00", options: Sequence[str] = ()) -> None:
        self.user = _service_user()
        self.folder = Path(tempfile.mkdtemp(prefix="aimo-mariadb-"))
        if self.user:
            shutil.chown(self.folder, self.user)
        self.port = free_port()
        self.socket = self.folder / "socket"
        self.log = self.folder / "log"
        self._tuning = _DURABLE if durable else _FAST
        self._options = [f"--default-time-zone={time_zone}", *options]
        self._process: Process | None = None

    @property
    def pid(self) -> int:
        """Process id of mariadbd."""
        assert self._process, "not started"
        return self._process.pid

    def use_options(self, *options: str) -> None:
        """Add command-line options, for the next start."""
        self._options += options

    def start(self, timeout: float = 60) -> MariaDB:
        """Start the server, on its existing data after the first time, and wait until it answers."""
        if not (self.folder / "data").exists():
            self._install()
        self._process = Process(self.command(), log=self.log, cwd=self.folder, user=self.user)
        self._wait(timeout)
        return self

    def command(self, *more: str) -> list[str]:
        """Return how the server is started, with more options."""
        return [
            _program("mariadbd"),
            "--no-defaults",
            f"--datadir={self.folder / 'data'}",
            f"--tmpdir={self.folder}",
            f"--socket={self.socket}",
            f"--pid-file={self.folder / 'pid'}",
            f"--port={self.port}",
            "--bind-address=127.0.0.1",
            "--skip-name-resolve",
            "--skip-log-bin",
            "--character-set-server=utf8mb4",
            "--collation-server=utf8mb4_unicode_ci",
            f"--sql-mode={_SQL_MODE}",
            "--max-connections=300",
            "--max-allowed-packet=64M",
            "--innodb-buffer-pool-size=64M",
            "--innodb-log-file-size=32M",
            "--loose-innodb-use-native-aio=0",
            *self._tuning,
            *self._options,
            *more,
        ]

    def stop(self) -> None:
        """Shut the server down in order; its data stays."""
        if self._process:
            self._process.stop(timeout=30)
            self._process = None

    def kill(self) -> None:
        """Kill the server as a crash would; `start` recovers."""
        if self._process:
            self._process.kill()
            self._process = None

    def restart(self, *, kill: bool = False) -> None:
        """Stop, or kill, and start again on the same port and data."""
        if kill:
            self.kill()
        else:
            self.stop()
        self.start()

    def close(self) -> None:
        """Kill the server and remove everything it wrote."""
        self.kill()
        shutil.rmtree(self.folder)

    def create_database(self, like: str = "") -> dict[str, str]:
        """A database, and a user who may do everything in it and nothing outside.

        Args:
            like: name of a database whose tables and rows it starts with; else it is empty.

        Returns:
            The settings, `MYSQL_HOST` and so on, that point to it.
        """
        name = f"aimo_{secrets.token_hex(5)}"
        password = f"p@ss:/w?rd#%25 {secrets.token_hex(5)}"
        with self._connect() as connection, connection.cursor() as cursor:
            cursor.execute(f"CREATE DATABASE `{name}`")
            cursor.execute("CREATE USER %s@'%%' IDENTIFIED BY %s", (name, password))
            cursor.execute(f"GRANT ALL PRIVILEGES ON `{name}`.* TO `{name}`@'%'")
            if like:
                _copy(cursor, like, name)
        return {
            "MYSQL_HOST": self.host,
            "MYSQL_PORT": str(self.port),
            "MYSQL_USER": name,
            "MYSQL_PASSWORD": password,
            "MYSQL_DATABASE": name,
        }

    @contextmanager
    def session(self, database: str | None = None) -> Iterator[pymysql.cursors.Cursor]:
        """Give a cursor of the administrator with a transaction and locks of its own, which end with the block."""
        with closing(self._connect(database)) as connection:
            cursor = connection.cursor()
            cursor.execute("SET autocommit = 0")
            yield cursor

    def execute(self, statement: str, *values: Any, database: str | None = None) -> list[tuple[Any, ...]]:
        """Run one statement as the administrator, in UTC, and give its rows. `%` stands for itself only as `%%`."""
        with self._connect(database) as connection, connection.cursor() as cursor:
            cursor.execute(statement, values)
            return list(cursor.fetchall())

    @contextmanager
    def locked_for_reading(self) -> Iterator[None]:
        """Let nobody write meanwhile; a node of a cluster applies nothing that the others have written."""
        with self._connect() as connection, connection.cursor() as cursor:
            cursor.execute("FLUSH TABLES WITH READ LOCK")
            yield

    def run_script(self, statements: str, *, database: str) -> None:
        """Run the statements of a dump as the administrator."""
        with self._connect(database, client_flag=CLIENT.MULTI_STATEMENTS) as connection, connection.cursor() as cursor:
            cursor.execute(statements)
            while cursor.nextset():
                pass

    def _connect(self, database: str | None = None, **options: Any) -> pymysql.Connection[Any]:
        return _connection(database, unix_socket=str(self.socket), user="root", **options)

    def _install(self) -> None:
        result = subprocess.run(
            [
                _program("mariadb-install-db"),
                "--no-defaults",
                f"--user={self.user or getpass.getuser()}",
                f"--datadir={self.folder / 'data'}",
                f"--tmpdir={self.folder}",
                "--auth-root-authentication-method=normal",
                "--skip-test-db",
                "--skip-name-resolve",
                "--loose-innodb-flush-method=nosync",
                "--loose-debug-no-sync",
                "--innodb-log-file-size=32M",
            ],
            capture_output=True,
            text=True,
            cwd=self.folder,
            timeout=120,
            check=False,
        )
        assert result.returncode == 0, f"mariadb-install-db failed:\n{result.stdout}\n{result.stderr}"

    def _wait(self, timeout: float) -> None:
        assert self._process
        deadline = time.monotonic() + timeout
        while True:
            try:
                self._connect().close()
                return
            except (OSError, pymysql.err.Error) as error:
                if not self._process.running or time.monotonic() > deadline:
                    self.kill()
                    tail = self.log.read_text(encoding="utf-8", errors="replace")[-5000:]
                    raise AssertionError(f"MariaDB does not answer ({error}); it wrote:\n{tail}") from None
            time.sleep(0.05)


class ExternalServer(MariaDB):
    """A server that runs already, such as MySQL in continuous integration; it can be neither stopped nor killed.

    Args:
        url: address and administrator, `mysql://user:password@host:port`. The server's global time zone is changed.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        assert parts.scheme == "mysql", f"{URL_VARIABLE} must begin with mysql://"
        assert parts.hostname, f"{URL_VARIABLE} names no host"
        self.host, self.port = parts.hostname, parts.port or 3306
        self._user, self._password = unquote(parts.username or "root"), unquote(parts.password or "")

    def start(self, timeout: float = 60) -> ExternalServer:
        """Wait until the server answers, and give it a time zone other than UTC, as that of the tests has."""
        deadline = time.monotonic() + timeout
        while True:
            try:
                self.execute("SET GLOBAL time_zone = '+08:00'")
            except pymysql.err.OperationalError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.5)
            else:
                return self

    def stop(self) -> None:
        raise AssertionError(f"the server that {URL_VARIABLE} names cannot be stopped by tests")

    kill = stop

    def close(self) -> None:
        """Leave the server as it is; its databases have random names."""

    def _connect(self, database: str | None = None, **options: Any) -> pymysql.Connection[Any]:
        where = {"host": self.host, "port": self.port, "user": self._user, "password": self._password}
        return _connection(database, **where, **options)


def shared_server() -> MariaDB:
    """The server of a test process: the one that `TEST_MYSQL_URL` names, else a private MariaDB."""
    url = os.environ.get(URL_VARIABLE)
    return ExternalServer(url) if url else MariaDB()


def _connection(database: str | None, **where: Any) -> pymysql.Connection[Any]:
    return pymysql.connect(
        database=database,
        charset="utf8mb4",
        autocommit=True,
        connect_timeout=10,
        read_timeout=60,
        init_command="SET time_zone = '+00:00'",
        **where,
    )


def _copy(cursor: pymysql.cursors.Cursor, source: str, target: str) -> None:
    cursor.execute(f"USE `{target}`")
    cursor.execute("SET foreign_key_checks = 0, unique_checks = 0")
    cursor.execute(f"SHOW TABLES FROM `{source}`")
    for (table,) in cursor.fetchall():
        cursor.execute(f"SHOW CREATE TABLE `{source}`.`{table}`")
        [(_, statement)] = cursor.fetchall()
        cursor.execute(statement)
        if cursor.execute(f"SELECT 1 FROM `{source}`.`{table}` LIMIT 1"):
            cursor.execute(f"INSERT INTO `{table}` SELECT * FROM `{source}`.`{table}`")
