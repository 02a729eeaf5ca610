"""What all tables share: the registry and the names of constraints."""

from __future__ import annotations

from typing import Annotated

from sqlalchemy import BigInteger, MetaData
from sqlalchemy.orm import DeclarativeBase, mapped_column

from aimo.db.types import CHARSET, COLLATION, Millis, now_utc

# Names that do not depend on the database, so that migrations can address them. MySQL calls every primary key
# PRIMARY and warns about another name.
NAMES = {
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
}

# Options of every table; SQLite ignores them.
TABLE_OPTIONS = {
    "mysql_engine": "InnoDB",
    "mysql_charset": CHARSET,
    "mysql_collate": COLLATION,
    "mysql_row_format": "DYNAMIC",
    "mariadb_engine": "InnoDB",
    "mariadb_charset": CHARSET,
    "mariadb_collate": COLLATION,
    "mariadb_row_format": "DYNAMIC",
}


class Model(DeclarativeBase):
    """Base of the table classes."""

    metadata = MetaData(naming_convention=NAMES)


Moment = Annotated[int, mapped_column(Millis, nullable=False, server_default=now_utc())]
OptionalMoment = Annotated[int | None, mapped_column(Millis)]

# Order of insertion (docs/decisions/13-relations-and-order.md); `clock.next_sequence` makes the values.
Sequence = Annotated[int, mapped_column(BigInteger, nullable=False)]
