"""Which model the vectors of a source come from (docs/decisions/31-model-of-migrated-vectors.md)."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from aimo.errors import ConfigurationError
from aimo.legacy.copy.separate_vectors import has_vector_column
from aimo.legacy.source.damaged_reads import read_with_nulls_for_lost
from aimo.vectors.bulk_copy import same_bits, usable_vectors
from aimo.vectors.errors import VectorStoreError
from aimo.vectors.hashes import content_hash, text_model_hash
from aimo.vectors.legacy_source import LegacySource, SourceTable

_SAMPLE = 200
_MANY = 20_000
_PAGE = 2000


@dataclass(frozen=True)
class Model:
    """A model of text embeddings: its name, the length of its vectors, and its name in cache keys."""

    name: str
    dimension: int
    cached_as: str

    @property
    def hash(self) -> str:
        """Its key in the cache."""
        return text_model_hash(self.cached_as, self.dimension)


def dimension_of(table: SourceTable | None, column: str) -> int | None:
    """Return the length of the vectors that a column of fixed-size lists holds."""
    if table is None or column not in table.schema.names:
        return None
    kind = table.schema.field(column).type
    return int(kind.list_size) if pa.types.is_fixed_size_list(kind) else None


def attachments_dimension(source: LegacySource) -> int | None:
    """Return the length of the attachments' vectors, wherever the source keeps them."""
    tables = (source.tables.get(name) for name in ("attachments", "attachment_vectors"))
    return next(filter(None, (dimension_of(table, "multimodalEmbedding") for table in tables)), None)


async def found_hash(source: LegacySource) -> str | None:
    """Return the model hash under which the cache holds the memos' own vectors, or None when it holds none of them."""
    cache = source.tables.get("embedding_cache")
    memos, separate = source.tables.get("memos"), source.tables.get("memo_vectors")
    place = memos if has_vector_column(memos, "embedding") else separate
    dimension = dimension_of(place, "embedding")
    if memos is None or place is None or cache is None or dimension is None:
        return None
    if dimension != dimension_of(cache, "embedding"):
        return None
    hashes: Counter[str] = Counter()
    for first in {0, max(0, place.rows - _SAMPLE)}:
        page = await read_with_nulls_for_lost(place, ["memoId", "embedding"], first, min(_SAMPLE, place.rows - first))
        mask, vectors = usable_vectors(page.column("embedding"), dimension)
        row_ids = page.column("memoId").filter(pa.array(mask)).to_pylist()
        texts = await _texts(memos, row_ids)
        by_hash = {content_hash(texts[row_id]): i for i, row_id in enumerate(row_ids) if row_id in texts}
        if not by_hash:
            continue
        rows = await _matching(cache, "contentHash", list(by_hash), ["modelHash", "contentHash", "embedding"])
        good, cached = usable_vectors(rows.column("embedding"), dimension)
        rows = rows.filter(pa.array(good))
        places = pa.array([by_hash[key] for key in rows.column("contentHash").to_pylist()], pa.int64())
        same = same_bits(vectors.take(places), cached)
        hashes.update(rows.column("modelHash").filter(pa.array(same)).to_pylist())
    return hashes.most_common(1)[0][0] if hashes else None


async def _texts(memos: SourceTable, row_ids: list[str | None]) -> dict[str, str]:
    """Return the texts of these memos, as far as they can be read."""
    keys = [row_id for row_id in row_ids if row_id is not None]
    rows = await _matching(memos, "memoId", keys, ["memoId", "content"])
    pairs = zip(rows.column("memoId").to_pylist(), rows.column("content").to_pylist(), strict=True)
    return {row_id: text for row_id, text in pairs if isinstance(text, str)}


async def _matching(table: SourceTable, column: str, values: list[str], wanted: list[str]) -> pa.Table:
    """Return the rows whose column has one of these values, of those that a damaged table still has."""
    try:
        return await table.matching(column, values, wanted)
    except VectorStoreError:
        parts = [table.schema.empty_table().select(wanted)]
        for first in range(0, table.rows, _PAGE):
            page = await read_with_nulls_for_lost(table, wanted, first, min(_PAGE, table.rows - first))
            parts.append(page.filter(pc.is_in(page.column(column), pa.array(values, pa.string()))))
        return pa.concat_tables(parts)


async def found_multimodal_hash(source: LegacySource) -> str | None:
    """Return the model hash that most vectors of attachments have, or None."""
    table = source.tables.get("attachments")
    if table is None or "multimodalModelHash" not in table.schema.names:
        return None
    hashes: Counter[str] = Counter()
    for first in range(0, table.rows, _MANY):
        page = await read_with_nulls_for_lost(table, ["multimodalModelHash"], first, min(_MANY, table.rows - first))
        hashes.update(value for value in page.column(0).to_pylist() if isinstance(value, str) and value)
    return hashes.most_common(1)[0][0] if hashes else None


async def choose(source: LegacySource, configured: Model, *, keep_as: str | None, reembed: bool) -> dict[str, object]:
    """Return which model the migrated vectors are kept under: ``name``, ``dimension`` and whether they are copied.

    Raises:
        ConfigurationError: they come from another model than the configured one, and nothing says what to do.
    """
    memos = source.tables.get("memos")
    separate = source.tables.get("memo_vectors")
    dimension = dimension_of(memos, "embedding") or dimension_of(separate, "embedding")
    if reembed or memos is None or not memos.rows:
        return {"name": configured.name, "dimension": configured.dimension, "copied": not reembed}
    if keep_as is not None:
        if dimension is None:
            raise ConfigurationError("--model: the source has no vectors of a fixed length; use --reembed.")
        return {"name": keep_as, "dimension": dimension, "copied": True}
    found = await found_hash(source)
    if found == configured.hash:
        return {"name": configured.name, "dimension": configured.dimension, "copied": True}
    what = (
        "is unknown, because its cache holds none of the memos' vectors"
        if found is None
        else f"is not the configured {configured.name}:{configured.dimension}"
    )
    length = f"they have {dimension} numbers" if dimension else "it has none of a fixed length"
    raise ConfigurationError(
        f"The model of the source's vectors {what} ({length}). Set OPENAI_EMBEDDING_MODEL and "
        "OPENAI_EMBEDDING_DIMENSIONS as the old server had them, or give --model NAME to keep the vectors under "
        "that name, or --reembed to have every memo embedded again by the configured model."
    )
