"""What to do about a database that cannot be used, in the words of the settings."""

from __future__ import annotations

# By error number of MySQL and MariaDB; 1044 is also what MariaDB says of an unknown database.
_MYSQL = {
    1040: "the server has no connection left; raise its max_connections or lower MYSQL_CONNECTION_LIMIT",
    1044: "check MYSQL_DATABASE: it must exist, and MYSQL_USER needs all privileges on it",
    1045: "check MYSQL_USER and MYSQL_PASSWORD",
    1049: "create the database first, with CREATE DATABASE, or correct MYSQL_DATABASE",
    1130: "the server does not let this host in; check the host part of MYSQL_USER's account",
    1142: "MYSQL_USER needs all privileges on MYSQL_DATABASE",
    1698: "check MYSQL_USER and MYSQL_PASSWORD",
    2003: "check MYSQL_HOST and MYSQL_PORT, and that the server runs",
}
_SQLITE = "check that AIMO_DATA_DIR is a folder this user may write to, and that aimo.db in it is intact"


def advice(error: BaseException) -> str:
    """Return what to change after an error of opening the database, and the database's own words.

    The drivers' messages name the user and host at most, never the password.
    """
    original = getattr(error, "orig", None) or error
    reason = str(original) or type(original).__name__
    number = original.args[0] if original.args else None
    todo = _MYSQL.get(number) if isinstance(number, int) else None
    if todo is None and (type(original).__module__.startswith("sqlite3") or isinstance(original, OSError)):
        todo = _SQLITE
    return f"{todo} ({reason})" if todo else reason
