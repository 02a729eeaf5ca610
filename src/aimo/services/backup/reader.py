"""Reads the file format of backups, whoever wrote the file, in memory that does not depend on it (docs/backup.md)."""

from __future__ import annotations

import hashlib
import secrets
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from aimo.services.backup import archive_stream as source
from aimo.services.backup import manifest
from aimo.services.backup.archive_stream import Content, as_damaged_archive
from aimo.services.backup.archive_validation import (
    FILES,
    HEADER,
    MANIFEST,
    TABLES,
    VECTORS,
    ContentValidator,
    holds_rows,
    require_member,
    require_table,
    restorable,
    table_rows,
)
from aimo.services.backup.format import (
    LONGEST_HEADER,
    LONGEST_ROW,
    MOST_MEMBERS,
    PART_BYTES,
    DamagedArchiveError,
    Header,
    Member,
    Summary,
)
from aimo.services.backup.rows import RawRow, plain

_BATCH_ROWS = 2000
_BATCH_BYTES = 4 * 1024 * 1024


class Reader:
    """Reads a backup from its beginning, as often as wanted."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def header(self) -> Header:
        """Return what the backup is of.

        Raises:
            DamagedArchive: it is no backup.
        """
        with as_damaged_archive(self._path):
            for name, content in source.members(self._path):
                if name != HEADER:
                    break
                header = _header(content.whole(HEADER, LONGEST_HEADER))
                if header.format < 1:
                    raise DamagedArchiveError(f"there is no format {header.format}")
                return header
        raise DamagedArchiveError(f"{self._path} is no backup of AIMO")

    def verify(self, *, older: bool, room: int | None = None) -> Summary:
        """Read everything, see that it can be restored, and compare it with the manifest.

        Args:
            older: columns which came with later releases may be missing.
            room: how many bytes the stored files may have together; any number when None.

        Raises:
            DamagedArchive: something is missing, added or changed, or is nothing that a backup has, or there is no
                room for it.
        """
        with as_damaged_archive(self._path):
            try:
                return _Verification(older, room).run(self._path)
            except ValueError as error:
                raise DamagedArchiveError(str(error)) from error

    def rows(self) -> Iterator[tuple[str, list[dict[str, object]]]]:
        """Yield the rows of the relational tables, some at a time, with the name of their table."""
        for table, name, batch in self._batches(TABLES):
            yield table, [restorable(name, table, row) for row in batch]

    def vectors(self, table: str = "") -> Iterator[tuple[str, list[dict[str, Any]]]]:
        """Yield the rows of LanceDB's tables, or of one of them, some at a time, with the name of their table."""
        for found, name, batch in self._batches(f"{VECTORS}{table}"):
            yield found, [{key: plain(name, value) for key, value in row.items()} for row in batch]

    def files(self) -> Iterator[tuple[str, Content]]:
        """Yield the stored files by key; each can be read until the next is asked for."""
        for name, content in source.members(self._path):
            if name.startswith(FILES):
                yield name.removeprefix(FILES), content

    def _batches(self, prefix: str) -> Iterator[tuple[str, str, list[RawRow]]]:
        for name, content in source.members(self._path):
            if not name.startswith(prefix) or not holds_rows(name):
                continue
            table = name.split("/")[1]
            batch: list[RawRow] = []
            size = 0
            for row in table_rows(name, content.chunks()):
                batch.append(row)
                size += sum(memoryview(value).nbytes for value in row.values())
                if len(batch) >= _BATCH_ROWS or size >= _BATCH_BYTES:
                    yield table, name, batch
                    batch, size = [], 0
            if batch:
                yield table, name, batch


class _Verification:
    """One reading of a whole backup. What it remembers of a member are 16 bytes."""

    def __init__(self, older: bool, room: int | None) -> None:
        self._contents = ContentValidator(older=older)
        self._room = room
        self._secret = secrets.token_bytes(16)
        self._names = array("Q")
        self._members = array("Q")
        self._rows: dict[str, int] = {}
        self._files = 0
        self._file_bytes = 0

    def run(self, path: Path) -> Summary:
        listed: dict[str, int] | None = None
        for name, content in source.members(path):
            if listed is not None or (name == HEADER) == bool(self._members):
                raise DamagedArchiveError(f"{name!r:.300} is where it does not belong")
            require_member(name)
            if name == MANIFEST:
                listed = self._compare(content)
            else:
                self._take(name, content)
        if listed is None:
            raise DamagedArchiveError("the end is missing")
        for name in listed:
            require_table(name)
        if dict.fromkeys(listed, 0) | self._rows != listed:
            raise DamagedArchiveError("it has not as many rows as were written")
        return Summary(rows=listed, files=self._files, missing_files=[])

    def _take(self, name: str, content: Content) -> None:
        if len(self._members) >= MOST_MEMBERS:
            raise DamagedArchiveError(f"it has more than {MOST_MEMBERS} members")
        self._require_room(name, content.size)
        digest = hashlib.sha256()
        rows = None

        def read() -> Iterator[bytes]:
            for chunk in content.chunks():
                digest.update(chunk)
                yield chunk

        if holds_rows(name):
            rows = self._contents.require(name, table_rows(name, read()))
            table = name.rpartition("/")[0]
            self._rows[table] = self._rows.get(table, 0) + rows
        else:
            for _ in read():
                continue
        member = Member(name=name, bytes=content.size, sha256=digest.hexdigest(), rows=rows)
        self._names.append(self._hash(name.encode("utf-8", "surrogateescape")))
        self._members.append(self._hash(msgspec.json.encode(member)))

    def _require_room(self, name: str, size: int) -> None:
        if name == HEADER:
            most = LONGEST_HEADER
        elif holds_rows(name):
            most = PART_BYTES + LONGEST_ROW
        else:
            self._files += 1
            self._file_bytes += size
            if self._room is not None and self._file_bytes > self._room:
                raise DamagedArchiveError(f"its files need more than the {self._room} bytes that are free on the disk")
            return
        if size > most:
            raise DamagedArchiveError(f"{name} is longer than {most} bytes")

    def _compare(self, content: Content) -> dict[str, int]:
        """See that the manifest lists just these members in this order; return its numbers of rows."""
        self._require_distinct()
        number, rows = 0, {}
        for entry in manifest.entries(content):
            if not isinstance(entry, Member):
                rows = entry
                continue
            if number < len(self._members) and self._members[number] != self._hash(msgspec.json.encode(entry)):
                raise DamagedArchiveError(f"{entry.name:.300} is not what was written")
            number += 1
        if number != len(self._members):
            raise DamagedArchiveError("members are missing or were added")
        return rows

    def _require_distinct(self) -> None:
        """Check that rows which name the same file have it here once each, and that nothing else is there twice."""
        names, found = np.frombuffer(self._names, "u8"), np.frombuffer(self._members, "u8")
        order = np.argsort(names)
        same_name = names[order][1:] == names[order][:-1]
        if np.any(same_name & (found[order][1:] != found[order][:-1])):
            raise DamagedArchiveError("one of its members is there twice")

    def _hash(self, content: bytes) -> int:
        return int.from_bytes(hashlib.blake2b(content, digest_size=8, key=self._secret).digest(), "little")


def _header(content: bytes) -> Header:
    try:
        return msgspec.json.decode(content, type=Header)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise DamagedArchiveError(f"{HEADER} cannot be read: {error}") from error
