"""Encrypts the keys of users' models again after the server's secret has changed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from aimo.db.connection import Database
from aimo.db.queries import user_models as model_queries
from aimo.db.queries.user_models import StoredKey
from aimo.db.transaction import atomically
from aimo.services.models.key_cipher import KeyCipher, UnreadableKeyError

_BATCH = 200


@dataclass
class RotatedKeys:
    """How many keys were encrypted again, could be read without that, or neither."""

    rotated: int = 0
    current: int = 0
    unreadable: int = 0


async def rotate(database: Database, old: KeyCipher, new: KeyCipher) -> RotatedKeys:
    """Encrypt all keys with ``new`` that ``old`` can read; those of ``new`` stay, and so do unreadable ones.

    It may be repeated, and run beside a server: a key that is changed meanwhile stays as it was changed.
    """
    result = RotatedKeys()
    async for stored in _stored_keys(database):
        if is_readable(new, stored):
            result.current += 1
        elif not is_readable(old, stored):
            result.unreadable += 1
        else:
            result.rotated += 1
            await _replace(database, stored, new.encrypt(_key(old, stored), model_id=stored.id))
    return result


async def count_unreadable(database: Database, cipher: KeyCipher) -> int:
    """Return how many of the stored keys the server cannot read."""
    return len(await unreadable(database, cipher))


async def unreadable(database: Database, cipher: KeyCipher) -> list[StoredKey]:
    """Return the stored keys that the server cannot read."""
    return [stored async for stored in _stored_keys(database) if not is_readable(cipher, stored)]


def is_readable(cipher: KeyCipher, stored: StoredKey) -> bool:
    """Return whether a stored key was encrypted by this cipher's secret, for its model."""
    try:
        _key(cipher, stored)
    except UnreadableKeyError:
        return False
    return True


def _key(cipher: KeyCipher, stored: StoredKey) -> str:
    return cipher.decrypt(stored.api_key, model_id=stored.id)


async def _stored_keys(database: Database) -> AsyncIterator[StoredKey]:
    after = ""
    while True:
        async with database.reads() as connection:
            batch = await model_queries.keys(connection, after=after, limit=_BATCH)
        for stored in batch:
            yield stored
        if len(batch) < _BATCH:
            return
        after = batch[-1].id


async def _replace(database: Database, stored: StoredKey, encrypted: str) -> None:
    async def work(connection: AsyncConnection) -> None:
        await model_queries.replace_key(connection, model_id=stored.id, old_key=stored.api_key, new_key=encrypted)

    await atomically(database, "user_models.rotate_key", work, entity=stored.id)
