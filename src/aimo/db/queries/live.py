"""Which memos are live: those that are not in the trash."""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, ColumnElement, literal_column

from aimo.db.schema import Memos

_NEVER: Final = literal_column("0", BigInteger)

LIVE: Final[ColumnElement[bool]] = Memos.deleted_at == _NEVER
"""The condition of every statement on memos that does not mean those in the trash as well."""

IN_TRASH: Final[ColumnElement[bool]] = Memos.deleted_at > _NEVER
