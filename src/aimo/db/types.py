"""Column types that mean the same on MySQL, MariaDB and SQLite."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, Dialect, Integer, String, Text, text
from sqlalchemy.dialects import mysql
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator, TypeEngine

from aimo.clock import to_datetime, to_ms

CHARSET = "utf8mb4"
COLLATION = "utf8mb4_bin"

# Ids are compared byte by byte: attachment ids differ by case alone.
Id = String(191).with_variant(mysql.VARCHAR(191, charset="ascii", collation="ascii_bin"), "mysql", "mariadb")

# Text without a practical limit: the existing server accepted 100 KB in every field, and TEXT holds 64.
Prose = Text().with_variant(mysql.MEDIUMTEXT(charset=CHARSET, collation=COLLATION), "mysql", "mariadb")

Word = String(255).with_variant(mysql.VARCHAR(255, charset=CHARSET, collation=COLLATION), "mysql", "mariadb")

# What `unique_key` returns.
Key = String(191).with_variant(mysql.VARCHAR(191, charset=CHARSET, collation=COLLATION), "mysql", "mariadb")

Json = JSON(none_as_null=True)

# SQLite numbers a row by itself only in an INTEGER primary key.
Serial = BigInteger().with_variant(Integer(), "sqlite")


class Millis(TypeDecorator[int]):
    """A moment as epoch milliseconds (UTC) in Python and as ``DATETIME(3)`` in the database.

    SQLite has no such type; there it is text of fixed width, which sorts by time.
    """

    impl = String(23)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """``DATETIME(3)`` wherever the database has it."""
        if dialect.name == "sqlite":
            return dialect.type_descriptor(String(23))
        return dialect.type_descriptor(mysql.DATETIME(fsp=3))

    def process_bind_param(self, value: int | None, dialect: Dialect) -> datetime | str | None:
        """Return milliseconds to what the driver takes."""
        if value is None:
            return None
        moment = to_datetime(value)
        return moment.isoformat(" ", "milliseconds") if dialect.name == "sqlite" else moment

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], int | None]:
        """Return what the driver gives to milliseconds; chosen once, since a page of memos has a hundred moments."""
        return _text_to_ms if dialect.name == "sqlite" else _datetime_to_ms


def _text_to_ms(value: str | None) -> int | None:
    return None if value is None else to_ms(datetime.fromisoformat(value))


def _datetime_to_ms(value: datetime | None) -> int | None:
    return None if value is None else to_ms(value)


class now_utc(FunctionElement[int]):
    """The database's own time in UTC with milliseconds (sessions are set to UTC)."""

    type = Millis()
    inherit_cache = True


@compiles(now_utc)
def _now_mysql(element: now_utc, compiler: SQLCompiler, **kw: Any) -> str:
    return "CURRENT_TIMESTAMP(3)"


@compiles(now_utc, "sqlite")
def _now_sqlite(element: now_utc, compiler: SQLCompiler, **kw: Any) -> str:
    return "(strftime('%Y-%m-%d %H:%M:%f', 'now'))"


false_default = text("0")


_LONGEST_PLAIN_KEY = 120


def unique_key(value: str) -> str:
    """Return the text under which a value is unique, at most 191 characters, for a ``Key`` column.

    Short values stand for themselves. Long ones, and those with a trailing space, which the database would
    ignore in comparisons, are distinguished by their SHA-256, in keys too long to be anybody's value.
    """
    if len(value) <= _LONGEST_PLAIN_KEY and not value.endswith(" "):
        return value
    return f"{value[:100]:#<100}#{hashlib.sha256(value.encode('utf-8', 'surrogatepass')).hexdigest()}"
