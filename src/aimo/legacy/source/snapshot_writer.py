"""Takes a snapshot of the existing server's relational database: its tables in files, in one moment.

A run reads the snapshot as it reads LanceDB's tables at pinned versions, so that it can be interrupted and go on with
the very same rows. See docs/contract/source-database.md#relational-sources.
"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from datetime import tzinfo
from hashlib import blake2b
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from aimo.db.mysql_source import JOURNAL, PAGE, MySQLSource, SourceColumn
from aimo.legacy.hashing import hash_row
from aimo.legacy.row_outcomes import QuarantineReason
from aimo.legacy.source.relational_tables import KEYS, LEFT_OUT, MERGED_INTO, ORDER, VECTOR, field_name
from aimo.legacy.source.snapshot import TextHashes
from aimo.legacy.source.snapshot_rows import Row, RowContext, json_row
from aimo.vectors.legacy_source import LegacySource, SourceTable

MANIFEST = "snapshot.json"
# The tables of LanceDB that hold the vectors of rows.
VECTORS_IN = {"memo_vectors": "memos", "attachment_vectors": "attachments"}
_TYPES = {int: pa.int64(), float: pa.float64(), str: pa.string()}
_ADDED = ((LEFT_OUT, str), (MERGED_INTO, str), (VECTOR, str))


@dataclass(frozen=True)
class Snapshot:
    """What the manifest of a snapshot says.

    Args:
        versions: the version of each table: the same for the same rows.
        digests: of each table, a hash of its rows as the database gave them.
        rows: the rows of tables that have no place here.
        vectors: the pinned versions of the tables of LanceDB.
        counts: how many rows differ from what the database says, by what was done.
    """

    versions: dict[str, int]
    digests: dict[str, str]
    others: dict[str, int]
    vectors: dict[str, int]
    zone: str
    counts: dict[str, int]

    def has(self, versions: Mapping[str, int]) -> bool:
        """Return whether tables can be read at these versions; one that both stores have may come from either."""
        return all(
            version in (self.versions.get(name), self.vectors.get(VECTORS_IN.get(name, name)))
            for name, version in versions.items()
        )


async def digests_of(source: MySQLSource) -> dict[str, str]:
    """Return a hash of the rows of each table, as the database has them now."""
    found = {}
    for name, key in KEYS.items():
        if name in source.columns:
            digest = blake2b(digest_size=16)
            async for page in _pages(source, name, key):
                _add(digest, page)
            found[name] = digest.hexdigest()
    return found


async def take_snapshot(
    source: MySQLSource, vectors: LegacySource | None, folder: Path, zone: tzinfo | None
) -> Snapshot:
    """Write the tables of the source into a folder, then the manifest, without which it is no snapshot.

    Memory: the ids and times of the largest table, and a page of rows.

    Raises:
        SourceUnavailableError: the database went away.
        VectorStoreError: LanceDB cannot be read.
        OSError: the folder cannot be written.
    """
    context = RowContext(zone)
    digests, raw = {}, {}
    for name, key in KEYS.items():
        if name in source.columns:
            raw[name] = folder / f"{name}.raw"
            digests[name] = await _write_raw(source, name, key, raw[name])
            context.learn(name, _rows_of(raw[name], _learned(name)))
    if "spaced_repetition_cards" in raw:
        wanted = ["cardId", "uid", "memoId", "lastReviewAt", "createdAt"]
        context.learn_doubles(_rows_of(raw["spaced_repetition_cards"], wanted))
    versions = {}
    for name, path in raw.items():
        extra: list[Row] = []
        if name == "memos" and vectors is not None and "memos" in vectors.tables:
            extra = await _only_in_vectors(path, vectors.tables["memos"], context)
        versions[name] = _write_final(name, path, folder / f"{name}.arrow", context, extra)
        path.unlink()
    others = {name: await source.count(name) for name in source.columns if name not in KEYS and name != JOURNAL}
    pinned = {name: table.version for name, table in vectors.tables.items()} if vectors else {}
    snapshot = Snapshot(versions, digests, others, pinned, source.zone, dict(context.counts))
    _publish(folder, json.dumps(vars(snapshot)))
    return snapshot


def _publish(folder: Path, manifest: str) -> None:
    """Make a snapshot durable, then give it its manifest: a run may rely on it from now on."""
    partial = folder / f"{MANIFEST}.partial"
    partial.write_text(manifest, encoding="utf-8")
    for path in folder.iterdir():
        with path.open("rb") as file:
            os.fsync(file.fileno())
    partial.rename(folder / MANIFEST)


def read_manifest(folder: Path) -> Snapshot | None:
    """Return what a folder holds; None where taking the snapshot was interrupted."""
    try:
        return Snapshot(**json.loads((folder / MANIFEST).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def text_hashes(path: Path) -> TextHashes:
    """Return what the texts of the memos of a snapshot are."""
    return TextHashes(_rows_of(path, ["memoId", "content"]))


def _learned(name: str) -> list[str]:
    key = field_name(KEYS[name])
    return [key, "uid", "deletedAt"]


def _add(digest: Any, page: list[tuple[Any, ...]]) -> None:
    for row in page:
        digest.update(hash_row(row))


async def _pages(source: MySQLSource, name: str, key: str) -> AsyncIterator[list[tuple[Any, ...]]]:
    types = [column.type for column in source.columns[name]]
    async for page in source.pages(name, key):
        yield [tuple(_value(value, type_) for value, type_ in zip(row, types, strict=True)) for row in page]


def _value(value: Any, type_: type) -> Any:
    if value is None or isinstance(value, type_):
        return value
    if isinstance(value, bytes) and type_ is str:
        return value.decode("utf-8", "replace")
    if isinstance(value, bytes):
        return int.from_bytes(value, "big")
    return type_(value)


def _schema(columns: list[SourceColumn]) -> pa.Schema:
    return pa.schema([(field_name(column.name), _TYPES[column.type]) for column in columns])


async def _write_raw(source: MySQLSource, name: str, key: str, path: Path) -> str:
    schema = _schema(source.columns[name])
    digest = blake2b(digest_size=16)
    with pa.ipc.new_file(str(path), schema) as writer:
        async for page in _pages(source, name, key):
            _add(digest, page)
            columns = [
                pa.array(values, field.type) for values, field in zip(zip(*page, strict=True), schema, strict=True)
            ]
            writer.write_batch(pa.record_batch(columns, schema=schema))
    return digest.hexdigest()


def _batches(path: Path) -> list[pa.RecordBatch]:
    reader = pa.ipc.open_file(pa.memory_map(str(path)))
    return [reader.get_batch(i) for i in range(reader.num_record_batches)]


def _rows_of(path: Path, columns: list[str]) -> Iterator[Row]:
    """Yield these columns of the rows; None for columns that there are not."""
    for batch in _batches(path):
        there = [name for name in columns if name in batch.schema.names]
        empty = dict.fromkeys(columns)
        for row in batch.select(there).to_pylist():
            yield empty | row


async def _only_in_vectors(path: Path, memos: SourceTable, context: RowContext) -> list[Row]:
    """Return the memos that LanceDB alone has: perhaps the only copies of their texts."""
    known = {row["memoId"] for row in _rows_of(path, ["memoId"])}
    names = [field.name for field in pa.ipc.open_file(pa.memory_map(str(path))).schema]
    found: list[Row] = []
    for first in range(0, memos.rows, PAGE):
        page = await memos.read(["memoId"], first, min(PAGE, memos.rows - first))
        keys = page.column(0).to_pylist()
        for place in (i for i, key in enumerate(keys) if key not in known):
            known.add(keys[place])
            whole = await memos.read(list(memos.schema.names), first + place, 1)
            vector = whole.column("embedding") if "embedding" in whole.schema.names else None
            row = json_row(whole.drop_columns(["embedding"] if vector is not None else []).to_pylist()[0], names)
            row[LEFT_OUT] = QuarantineReason.ONLY_IN_VECTORS
            if row.get("uid") in context.deleted_users:
                row[LEFT_OUT] = QuarantineReason.ACCOUNT_DELETED
            elif vector is not None and not vector.null_count:
                flat = np.asarray(vector[0].as_py(), dtype="<f4")
                row[VECTOR] = base64.b64encode(flat.tobytes()).decode()
            found.append(row)
    return found


def _write_final(name: str, raw: Path, path: Path, context: RowContext, extra: list[Row]) -> int:
    """Write a table in the order in which its rows were made, adjusted; return its version."""
    batches = _batches(raw)
    schema = pa.ipc.open_file(pa.memory_map(str(raw))).schema
    added = [(column, _TYPES[type_]) for column, type_ in _ADDED if column not in schema.names]
    full = pa.schema([*schema, *(pa.field(column, type_) for column, type_ in added)])
    digest = blake2b(digest_size=6)
    with pa.ipc.new_file(str(path), full) as writer:
        for page in chain(_sorted_pages(name, batches), [extra] if extra else []):
            adjusted = page if page is extra else [context.adjust(name, row) for row in page]
            for row in adjusted:
                digest.update(hash_row(row.get(column) for column in full.names))
            columns = [pa.array([row.get(field.name) for row in adjusted], field.type) for field in full]
            writer.write_batch(pa.record_batch(columns, schema=full))
    return int.from_bytes(digest.digest(), "big")


def _sorted_pages(name: str, batches: list[pa.RecordBatch]) -> Iterator[list[Row]]:
    if not batches:
        return
    names = batches[0].schema.names
    by = [column for column in ORDER.get(name, ("createdAt",)) if column in names]
    keys = pa.Table.from_batches(batches).select([*by, field_name(KEYS[name])])
    order = (
        pc.sort_indices(keys, sort_keys=[(column, "ascending") for column in keys.column_names])
        .to_numpy()
        .astype(np.int64)
    )
    starts = np.cumsum([0, *(batch.num_rows for batch in batches)])
    for first in range(0, len(order), PAGE):
        wanted = order[first : first + PAGE]
        places = np.searchsorted(starts, wanted, side="right") - 1
        rows: list[Row] = [{}] * len(wanted)
        for place in np.unique(places):
            chosen = np.flatnonzero(places == place)
            taken = batches[place].take(pa.array(wanted[chosen] - starts[place])).to_pylist()
            for slot, row in zip(chosen, taken, strict=True):
                rows[slot] = row
        yield rows
