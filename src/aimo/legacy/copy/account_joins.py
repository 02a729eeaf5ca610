"""Joins an account that was registered in the target with the one of the source that has its e-mail.

The account keeps the id that it has in the source, so that old logins stay valid and what the source holds arrives as
it is. Its e-mail, password and profile are those of the older account, with what only the younger one has filled in.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from aimo import clock
from aimo.db.connection import Database
from aimo.db.queries import account_joins as sql
from aimo.db.queries import migration as migration_sql
from aimo.db.schema import Users
from aimo.db.transaction import transaction
from aimo.legacy import packet
from aimo.legacy.copy.runs import Run, Runs, add_checkpoints, checkpoint_row, details_of
from aimo.legacy.plan.account_conflicts import EmailConflict, find_conflicts, source_accounts
from aimo.legacy.retry import with_retries
from aimo.vectors.legacy_source import SourceTable

ACCOUNT_JOINS = "account_joins"
_USERS = migration_sql.table_of(Users)
# The rows of one account change owner together.
_SECONDS = 600.0
_FILLED_IN = ("phone", "nickname", "avatar")


async def join(database: Database, runs: Runs, run: Run, users: SourceTable) -> dict[str, str]:
    """Join all such accounts; return, of all that the run has joined, the account that is gone, by the one that stays.

    Each two are joined in one transaction, together with what `joined` says of it.

    Raises:
        VectorStoreError: the source cannot be read.
    """

    async def work() -> None:
        conflicts = await find_conflicts(database, users)
        if not conflicts:
            return
        wanted = {conflict.source_uid for conflict in conflicts}
        accounts = {v["uid"]: v async for _, v in source_accounts(database, users) if v["uid"] in wanted}
        for conflict in conflicts:
            number = len(await runs.checkpoints(run, ACCOUNT_JOINS))
            row = checkpoint_row(run, ACCOUNT_JOINS, number, ledger=b"", count=1, details={"joined": vars(conflict)})
            async with transaction(database, "migration.join_accounts", seconds=_SECONDS) as connection:
                await _join(connection, conflict, accounts[conflict.source_uid])
                await add_checkpoints(connection, [row])

    # Joined accounts are no conflict any more: what was committed is not done again.
    await with_retries(work)
    return {one["source_uid"]: one["target_uid"] for one in await joined(runs, run)}


async def joined(runs: Runs, run: Run) -> list[dict[str, str]]:
    """Return the accounts that a run has joined, as `EmailConflict` describes them."""
    return [details_of(checkpoint)["joined"] for checkpoint in await runs.checkpoints(run, ACCOUNT_JOINS)]


async def _join(connection: AsyncConnection, conflict: EmailConflict, mapped: dict[str, Any]) -> None:
    found = await connection.execute(migration_sql.rows(_USERS), {"keys": [conflict.source_uid, conflict.target_uid]})
    held = {row.uid: dict(row._mapping) for row in found}
    which = {"gone": conflict.target_uid, "stays": conflict.source_uid}
    values = _profile(held.get(conflict.source_uid, mapped), held[conflict.target_uid], conflict)
    await _write_user(connection, conflict.target_uid, {"email": None, "email_key": None}, new=False)
    await _write_user(connection, conflict.source_uid, values, new=conflict.source_uid not in held)
    await _merge_names(connection, which)
    now = clock.now_ms()
    for statement in sql.IN_LANCEDB:
        entries = [
            {
                "kind": kind,
                "entity_id": key,
                "uid": which["stays"],
                "attempts": 0,
                "created_at": now,
                "next_try_at": now,
            }
            for kind, key in await connection.execute(statement, which)
        ]
        for group in packet.groups(entries, packet.LEAST_LIMIT):
            await connection.execute(migration_sql.CREATE_ENTRY, group)
    for table in sql.OWNED_TABLES:
        await connection.execute(sql.change_owner(table), which)
    await connection.execute(sql.REMOVE_USER, which)


def _profile(source: dict[str, Any], target: dict[str, Any], conflict: EmailConflict) -> dict[str, Any]:
    """Return the row of the account that stays."""
    older, younger = (target, source) if conflict.older == "target" else (source, target)
    filled_in = {name: older[name] or younger[name] for name in _FILLED_IN}
    # The source's row has none where an earlier run brought it.
    email = {"email": target["email"] if older is target else conflict.email, "email_key": target["email_key"]}
    return {name: older[name] for name in source} | filled_in | email | {"uid": conflict.source_uid}


async def _write_user(connection: AsyncConnection, uid: str, values: dict[str, Any], *, new: bool) -> None:
    if new:
        await connection.execute(migration_sql.add(_USERS), [values])
        return
    statement = migration_sql.change(_USERS, tuple(values))
    await connection.execute(statement, {"which": uid} | {f"new_{name}": value for name, value in values.items()})


async def _merge_names(connection: AsyncConnection, which: dict[str, str]) -> None:
    """Let one tag, category, day and choice stay where both accounts have one of the same name, date or feature."""
    for old, new in (await connection.execute(sql.SAME_TAGS, which)).all():
        for memo_id, tag_ids in (await connection.execute(sql.TAGGED, {"old": old})).all():
            changed = [new if tag_id == old else tag_id for tag_id in tag_ids or ()]
            await connection.execute(sql.CHANGE_TAG_IDS, {"which": memo_id, "new_tag_ids": changed})
        await connection.execute(sql.CHANGE_LINKS, {"old": old, "new": new})
        await connection.execute(sql.REMOVE_TAG, {"old": old})
    for old, new in (await connection.execute(sql.SAME_CATEGORIES, which)).all():
        await connection.execute(sql.CHANGE_CATEGORY, {"old": old, "new": new})
        await connection.execute(sql.REMOVE_CATEGORY, {"old": old})
    days = [row[0] for row in await connection.execute(sql.SAME_DAYS, which)]
    if days:
        await connection.execute(sql.REMOVE_DAYS, {"keys": days})
    choices = [row[0] for row in await connection.execute(sql.SAME_CHOICES, which)]
    if choices:
        await connection.execute(sql.REMOVE_CHOICES, {"keys": choices})
