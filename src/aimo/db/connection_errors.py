"""What the error numbers of a database mean, and what to do about them in the words of the settings."""

from __future__ import annotations

import sqlite3
from typing import Final

from sqlalchemy.exc import TimeoutError as PoolTimeout

from aimo.db.packet_size import StatementTooLargeError

# By error number of MySQL and MariaDB; 1044 is also what MariaDB says of an unknown database.
_MYSQL = {
    1021: "the disk of the database server is full; make room on it",
    1040: "the server has no connection left; raise its max_connections or lower MYSQL_CONNECTION_LIMIT",
    1044: "check MYSQL_DATABASE: it must exist, and MYSQL_USER needs all privileges on it",
    1045: "check MYSQL_USER and MYSQL_PASSWORD",
    1047: "this node of the cluster is not in its primary component; check wsrep_cluster_status",
    1049: "create the database first, with CREATE DATABASE, or correct MYSQL_DATABASE",
    1053: "the server is being shut down",
    1114: "a table cannot grow; make room on the disk of the database server, or raise innodb_data_file_path",
    1129: "the server does not let this host in after failed connections; run FLUSH HOSTS there",
    1130: "the server does not let this host in; check the host part of MYSQL_USER's account",
    1142: "MYSQL_USER needs all privileges on MYSQL_DATABASE",
    1153: "a statement is larger than the server takes; raise its max_allowed_packet to 32M or more",
    1205: (
        "another session holds a lock for long; SHOW PROCESSLIST on the server names it, and UNLOCK TABLES, COMMIT or "
        "ROLLBACK in it, or KILL, ends it"
    ),
    1203: "MYSQL_USER has as many connections as it may; raise max_user_connections or lower MYSQL_CONNECTION_LIMIT",
    1226: "MYSQL_USER has used up its account's limits; raise them with ALTER USER … WITH MAX_USER_CONNECTIONS 0",
    1227: "MYSQL_USER lacks a privilege; GRANT ALL on MYSQL_DATABASE to it",
    1290: "the server is read-only, as after a failover: MYSQL_HOST must lead to the primary, with read_only=OFF",
    1698: "check MYSQL_USER and MYSQL_PASSWORD",
    1792: "the session is read-only: MYSQL_HOST must lead to the primary, with transaction_read_only=OFF",
    1836: "the server is in read-only mode: set read_only=OFF on it, or let MYSQL_HOST lead to the primary",
    2003: "check MYSQL_HOST and MYSQL_PORT, and that the server runs",
    2020: "a statement is larger than the server takes; raise its max_allowed_packet to 32M or more",
    2026: "check MYSQL_SSL_MODE and MYSQL_SSL_CA",
    4151: "the account of MYSQL_USER is locked; ALTER USER … ACCOUNT UNLOCK",
    3032: "the server is in offline mode; set offline_mode=OFF on it",
    3159: "the server wants encrypted connections: set MYSQL_SSL_MODE=required",
}
# By the first byte of SQLite's result code.
_SQLITE = {
    sqlite3.SQLITE_BUSY: (
        "another program holds a lock on aimo.db in AIMO_DATA_DIR; `fuser -v` with its path names it, and ending its "
        "transaction, or the program, releases it"
    ),
    sqlite3.SQLITE_READONLY: "aimo.db in AIMO_DATA_DIR, or its folder, may not be written to by this user",
    sqlite3.SQLITE_IOERR: "the disk of AIMO_DATA_DIR fails or is full; look at it with dmesg and df",
    sqlite3.SQLITE_CORRUPT: "aimo.db in AIMO_DATA_DIR is damaged; bring a backup back with `aimo restore`",
    sqlite3.SQLITE_FULL: "the disk of AIMO_DATA_DIR is full; make room on it",
    sqlite3.SQLITE_CANTOPEN: "check that AIMO_DATA_DIR is a folder this user may write to",
    sqlite3.SQLITE_NOTADB: "aimo.db in AIMO_DATA_DIR is no database; move it away, or bring a backup back",
}
_SQLITE_ANY = "check that AIMO_DATA_DIR is a folder this user may write to, and that aimo.db in it is intact"
_NO_ANSWER = (
    "there was no answer in time; where the database is alive, somebody may hold a lock: on MySQL SHOW PROCESSLIST "
    "names the session, and UNLOCK TABLES in it, or KILL, ends it; for SQLite `fuser -v aimo.db` names the program"
)

# The connection lives, but the server did nothing of what was asked and will not soon: another connection may reach
# one that does.
# Privileges are given to new connections only.
_REFUSING: Final = frozenset({1040, 1044, 1047, 1053, 1142, 1203, 1226, 1227, 1290, 1792, 1836, 3032})
_LOST: Final = frozenset({1927, 2006, 2013, 2055, 4031})
_TOO_LARGE: Final = frozenset({1153, 2020})


def number_of(error: BaseException) -> int | None:
    """Return the error number of MySQL or MariaDB, where there is one."""
    original = getattr(error, "orig", None) or error
    first = original.args[0] if getattr(original, "args", ()) else None
    return first if isinstance(first, int) else None


def sqlite_code_of(error: BaseException) -> int | None:
    """Return the kind of an error of SQLite, without what its extended result codes add; None for other errors."""
    original = getattr(error, "orig", None) or error
    code = getattr(original, "sqlite_errorcode", None)
    return code & 0xFF if isinstance(original, sqlite3.Error) and isinstance(code, int) else None


def is_refusal(error: BaseException) -> bool:
    """Return whether the server refused to work as a whole: nothing was done, and the connection is of no use."""
    number = number_of(error)
    # 1290 stands for any option of the server that forbids a statement.
    return number in _REFUSING and (number != 1290 or "read" in str(error).lower())


def is_lost(error: BaseException) -> bool:
    """Return whether the connection was closed from outside, as by KILL, a restart, or a proxy."""
    return number_of(error) in _LOST


def is_too_large(error: BaseException) -> bool:
    """Return whether a statement had more bytes than the server takes."""
    return isinstance(error, StatementTooLargeError) or number_of(error) in _TOO_LARGE


def has_advice(error: BaseException) -> bool:
    """Return whether it is known what to change after an error."""
    return number_of(error) in _MYSQL or sqlite_code_of(error) in _SQLITE


def advice(error: BaseException) -> str:
    """Return what to change after an error of the database, and the database's own words.

    The drivers' messages name the user and host at most, never the password.
    """
    original = getattr(error, "orig", None) or error
    reason = str(original) or type(original).__name__
    number = number_of(error)
    todo = None if number is None else _MYSQL.get(number)
    if isinstance(original, TimeoutError | PoolTimeout):
        todo = _NO_ANSWER
    elif isinstance(original, sqlite3.Error):
        todo = _SQLITE.get(sqlite_code_of(error) or 0, _SQLITE_ANY)
    elif todo is None and isinstance(original, OSError) and not isinstance(original, ConnectionError):
        todo = _SQLITE_ANY
    return f"{todo} ({reason})" if todo else reason
