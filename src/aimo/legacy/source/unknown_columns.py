"""Columns of the source that have values and no place in the target."""

from __future__ import annotations

from collections.abc import Iterable

from aimo.legacy.plan.run_plan import MAPPERS
from aimo.legacy.source.damaged_reads import read_with_nulls_for_lost
from aimo.legacy.source.relational_tables import OURS
from aimo.legacy.source.row_reader import DELETED_AT
from aimo.vectors.legacy_source import LegacySource, SourceTable

_PAGE = 5000
_CACHE = {"modelHash", "contentHash", "embedding", "createdAt"}
_TIMES = {DELETED_AT, "createdAt", "updatedAt"}
# What is read beside the columns of the mappers, and what belongs to a vector that is derived from its row.
_OTHERS = {
    "memos": {"embedding"},
    "attachments": {"multimodalEmbedding"},
    "embedding_cache": _CACHE,
    "multimodal_embedding_cache": _CACHE | {"modalityType"},
    "memo_vectors": {"memoId", "uid", "embedding"} | _TIMES,
    "attachment_vectors": {"attachmentId", "uid", "multimodalEmbedding", "multimodalModelHash"} | _TIMES,
}
KNOWN_COLUMNS = {
    name: frozenset({DELETED_AT, *OURS, *kinds, *_OTHERS.get(name, ())})
    for name, kinds in {**dict.fromkeys(_OTHERS, ()), **{kind.source: tuple(kind.kinds) for kind in MAPPERS}}.items()
}


async def count_unknown_values(source: LegacySource, names: Iterable[str]) -> dict[str, int]:
    """Return how many values each unknown column of these tables has, by ``table.column``; empty columns are left out.

    Raises:
        VectorStoreError: the source cannot be read.
    """
    found: dict[str, int] = {}
    for name in names:
        table = source.tables[name]
        for column in table.schema.names:
            if column not in KNOWN_COLUMNS[name] and (values := await _count_values(table, column)):
                found[f"{name}.{column}"] = values
    return found


async def _count_values(table: SourceTable, column: str) -> int:
    values = 0
    for first in range(0, table.rows, _PAGE):
        page = await read_with_nulls_for_lost(table, [column], first, min(_PAGE, table.rows - first))
        values += page.num_rows - page.column(0).null_count
    return values
