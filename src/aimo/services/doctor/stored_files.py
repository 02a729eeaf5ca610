"""An attachment's row and its stored object exist together; no stored object belongs to nobody."""

from __future__ import annotations

import hashlib
import re
from array import array
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence, Set

import numpy as np
import numpy.typing as npt

from aimo import clock, ids
from aimo.db.connection import Database
from aimo.db.driver_reads import ReadConnection
from aimo.db.queries import doctor as doctor_queries
from aimo.db.queries import stored_files as file_queries
from aimo.db.queries.stored_files import StoredFile
from aimo.services.doctor.invariant import Scan, Violation
from aimo.storage.protocol import ObjectMissingError, Storage

Digests = npt.NDArray[np.uint64]

_BATCH = 500
# An upload stores its object before its row.
_YOUNG_SECONDS = 3600
# Only what has the form of a key made by AIMO can be a stray: folders are shared with other things, and no row can name
# a file whose name is no text.
_ATTACHMENT = re.compile(r"(?P<uid>[A-Za-z0-9_-]+)/\d{4}-\d\d-\d\d/[^/\ud800-\udfff]+")
_AVATAR = re.compile(r"avatar/(?P<uid>[A-Za-z0-9_-]+)/\d{4}-\d\d-\d\d/[^/\ud800-\udfff]+")

_MISSING = "its stored object is missing"
_NOBODYS = "a stored object of nobody"
# To an empty or another database everything that is stored looks like a stray.
_STRANGERS = (
    "a stored object of a user whom this database does not have, left alone: check that it is the database to which "
    "the files belong, or remove the object yourself"
)


class MissingFiles:
    """Every row of an attachment has its whole object. What is lost cannot be mended: a backup may have it."""

    name = "attachment-files"

    def __init__(self, database: Database, storage: Storage) -> None:
        self._database = database
        self._storage = storage

    async def look(self) -> AsyncIterator[Scan]:
        """Yield all attachments by their ids, beside a listing: a bucket has a thousand objects a request."""
        stored = await _listed(self._storage)
        after = ""
        while True:
            async with self._database.reads() as connection:
                rows = await file_queries.files_after(connection, after=after, limit=_BATCH)
            if not rows:
                return
            after = rows[-1].attachment_id
            absent = [row for row in rows if not _has(stored, _digest(row.path, row.size))]
            yield Scan(len(rows), [Violation(row.attachment_id, row.uid, _MISSING) for row in absent])

    async def again(self, suspects: Sequence[Violation]) -> list[Violation]:
        """Return those that still have a row and no object, or one of another size."""
        async with self._database.reads() as connection:
            ids = [each.entity for each in suspects]
            rows = await file_queries.files_by_id(connection, attachment_ids=ids)
        problems = [(row, await self._problem(row)) for row in rows]
        return [Violation(row.attachment_id, row.uid, problem) for row, problem in problems if problem]

    async def repair(self, violations: Sequence[Violation]) -> int:
        """Repair nothing: bytes cannot be brought back, and a row without them still says what was there."""
        return 0

    async def _problem(self, row: StoredFile) -> str:
        try:
            async with await self._storage.open(row.path) as stored:
                size = stored.size
        except ObjectMissingError:
            return _MISSING
        # A migrated row has no bytes where the source did not know how many.
        return f"its stored object has {size} bytes instead of {row.size}" if row.size not in (0, size) else ""


async def _listed(storage: Storage) -> Digests:
    """Return what is stored, in which size: in eight bytes an object, sorted."""
    stored = array("Q")
    async for batch in storage.listing(_BATCH):
        stored.extend(_digest(each.key, each.size) for each in batch)
    return np.sort(np.frombuffer(stored, dtype=np.uint64))


def _has(stored: Digests, digest: int) -> bool:
    wanted = np.uint64(digest)
    position = np.searchsorted(stored, wanted)
    return bool(position < len(stored) and stored[position] == wanted)


def _digest(key: str, size: int) -> int:
    return int.from_bytes(
        hashlib.blake2b(f"{size}/{key}".encode(errors="surrogateescape"), digest_size=8).digest(), "little"
    )


class OrphanFiles:
    """Every stored object older than an hour is named by the row of an attachment or is its user's picture."""

    name = "stray-files"

    def __init__(self, database: Database, storage: Storage) -> None:
        self._database = database
        self._storage = storage

    async def look(self) -> AsyncIterator[Scan]:
        """Yield all stored objects."""
        now = clock.now_ms() / 1000
        async for batch in self._storage.listing(_BATCH):
            # What a clock that was ahead has stored is not young.
            grown = [each.key for each in batch if abs(now - each.stored) > _YOUNG_SECONDS]
            yield Scan(len(batch), await self._keys_without_row(grown))

    async def again(self, suspects: Sequence[Violation]) -> list[Violation]:
        """Return those that still exist and that nothing names."""
        keys = [each.entity for each in suspects if await self._storage.exists(each.entity)]
        return await self._keys_without_row(keys)

    async def repair(self, violations: Sequence[Violation]) -> int:
        """Remove those of this database's users: nobody can reach them any more."""
        removable = [each for each in violations if each.problem == _NOBODYS]
        for each in removable:
            await self._storage.delete(each.entity)
        return len(removable)

    async def _keys_without_row(self, keys: Sequence[str]) -> list[Violation]:
        owners: dict[str, str] = {}
        avatars: set[str] = set()
        for key in keys:
            if match := _AVATAR.fullmatch(key) or _ATTACHMENT.fullmatch(key):
                owners[key] = match["uid"]
                avatars.update([key] if match.re is _AVATAR else [])
        if not owners:
            return []
        async with self._database.reads() as connection:
            named = await _with_their_ids(connection, owners.keys() - avatars)
            pictures = await file_queries.pictures(connection, uids=list(set(owners.values())))
            named |= avatars.intersection(pictures.values())
            left = {key: uid for key, uid in owners.items() if key not in named}
            named |= await _by_path(
                connection, {key: left[key] for key in left.keys() - avatars if left[key] in pictures}
            )
            named |= await _quarantined(connection, left.keys() - named)
        return [
            Violation(key, uid, _NOBODYS if uid in pictures else _STRANGERS)
            for key, uid in left.items()
            if key not in named
        ]


async def _quarantined(connection: ReadConnection, keys: Set[str]) -> set[str]:
    """Return those that a row names which the migration could not take over: it may be mended and taken over later."""
    if not keys:
        return set()
    rows = await doctor_queries.quarantined_files(connection, names=[_name(key) for key in keys], keys=list(keys))
    names = {row.row_key for row in rows}
    named = {each for row in rows for each in (row.path, row.avatar)}
    return {key for key in keys if key in named or _name(key) in names}


async def _with_their_ids(connection: ReadConnection, keys: Iterable[str]) -> set[str]:
    """Return those that an attachment has whose id is the name of the file, as it is of all that AIMO stores."""
    wanted = [name for key in keys if ids.is_possible(name := _name(key))]
    rows = await file_queries.files_by_id(connection, attachment_ids=wanted) if wanted else []
    return {row.path for row in rows}


async def _by_path(connection: ReadConnection, owners: Mapping[str, str]) -> set[str]:
    """Return those that any attachment of their user has."""
    mine: dict[str, list[str]] = defaultdict(list)
    for key, uid in owners.items():
        mine[uid].append(key)
    named: set[str] = set()
    for uid, paths in mine.items():
        named.update(await doctor_queries.known_paths(connection, owner=uid, paths=paths))
    return named


def _name(key: str) -> str:
    """Return the name of a file without its ending, which is the id of its attachment."""
    return key.rpartition("/")[2].partition(".")[0]
