"""E-mails that belong to an account of the source and to another one that was registered in the target."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from aimo.db.connection import Database
from aimo.db.queries import migration as sql
from aimo.legacy.mappers.users import UserMapper
from aimo.legacy.plan.target_lookups import TargetLookups
from aimo.legacy.retry import with_retries
from aimo.legacy.row_outcomes import RowMerged, RowQuarantined
from aimo.legacy.source.row_reader import RowReader
from aimo.vectors.legacy_source import SourceTable

_PAGE = 1000


@dataclass(frozen=True)
class EmailConflict:
    """One e-mail, and its two accounts. ``older`` is ``source`` or ``target``."""

    email: str
    source_uid: str
    target_uid: str
    older: str


@dataclass(frozen=True, slots=True)
class _Owner:
    created_at: int
    number: int
    uid: str
    email: str


async def find_conflicts(database: Database, users: SourceTable) -> list[EmailConflict]:
    """Return the e-mails of which the target has an account that the source does not have.

    Of several accounts of the source with one e-mail the oldest counts, which keeps it among them.
    Memory: some hundred bytes an account.

    Raises:
        VectorStoreError: the source cannot be read.
    """
    owners: dict[str, _Owner] = {}
    uids: set[str] = set()
    async for number, values in source_accounts(database, users):
        uid, key = values["uid"], values["email_key"]
        if uid in uids:
            continue
        uids.add(uid)
        if key is not None:
            mine = _Owner(values["created_at"], number, uid, values["email"])
            owners[key] = min(owners.get(key, mine), mine, key=lambda owner: (owner.created_at, owner.number))
    conflicts = []
    for start in range(0, len(owners), _PAGE):
        keys = list(owners)[start : start + _PAGE]
        for row in await with_retries(lambda keys=keys: _rows(database, keys)):  # type: ignore[misc]
            owner = owners[row.email_key]
            if row.uid not in uids:
                older = "target" if row.created_at < owner.created_at else "source"
                conflicts.append(EmailConflict(owner.email, owner.uid, row.uid, older))
    return conflicts


async def source_accounts(database: Database, users: SourceTable) -> AsyncIterator[tuple[int, dict[str, Any]]]:
    """Yield the accounts that the target can hold, with their positions, as if no e-mail were taken."""
    reader = RowReader(users, UserMapper.kinds)
    # Nothing is looked up: a mapper that knows of no e-mails that are taken.
    mapper = UserMapper(TargetLookups(database), reader.absent)
    for first in range(0, users.rows, _PAGE):
        for row in await reader.read(first, min(_PAGE, users.rows - first)):
            try:
                yield row.number, mapper.map(row).values
            except (RowMerged, RowQuarantined):
                continue


async def _rows(database: Database, keys: list[str]) -> list[Any]:
    async with database.reads() as connection:
        return list(await connection.execute(sql.EMAIL_OWNERS, {"keys": keys}))
