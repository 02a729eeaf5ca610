"""Arrow schemas, keys and scalar indexes of the LanceDB tables, and what a vector table remembers of its model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pyarrow as pa
from lancedb.index import FTS, Bitmap, BTree

from aimo import folding

MODEL_KEY = b"aimo.model"
FOLDING_KEY = b"aimo.folding"

# The list size of the existing server's multimodal columns, whatever its configuration says.
LEGACY_MULTIMODAL_DIMENSION = 1024

# A word index cannot find words inside Chinese text; one- and two-letter pieces find everything.
# Texts are folded before they come here, so nothing may be changed or left out again.
NGRAMS = FTS(
    with_position=False,
    base_tokenizer="ngram",
    ngram_min_length=1,
    ngram_max_length=2,
    prefix_only=False,
    stem=False,
    remove_stop_words=False,
    ascii_folding=False,
    lower_case=False,
)


@dataclass(frozen=True)
class TableLayout:
    """One table: its name and columns, what identifies a row, and the indexes it has from the start.

    BTREE on ``uid`` rather than BITMAP: searches were equally fast with 3 to 100,000 users among
    100,000 rows, but bringing a bitmap of 100,000 users up to date took 4.5 s against 0.03 s.
    """

    name: str
    schema: pa.Schema
    key: tuple[str, ...]
    vector: str | None = None
    indexes: Mapping[str, object] = field(default_factory=dict)


def vector_list(dimension: int) -> pa.DataType:
    """Return the column type of vectors."""
    return pa.list_(pa.float32(), dimension)


def vector_layout(name: str, id_column: str, vector_column: str, *, model: str | None, dimension: int) -> TableLayout:
    """Return a table of vectors with their owner; the schema's metadata names the model they come from."""
    schema = pa.schema(
        [
            pa.field(id_column, pa.string(), nullable=False),
            pa.field("uid", pa.string(), nullable=False),
            pa.field(vector_column, vector_list(dimension), nullable=False),
        ],
        metadata={MODEL_KEY: model.encode()} if model else None,
    )
    return TableLayout(name, schema, (id_column,), vector_column, {id_column: BTree(), "uid": BTree()})


def memo_vectors(model: str | None, dimension: int) -> TableLayout:
    """``memo_vectors(memoId, uid, embedding)``."""
    return vector_layout("memo_vectors", "memoId", "embedding", model=model, dimension=dimension)


def attachment_vectors(model: str | None, dimension: int) -> TableLayout:
    """``attachment_vectors(attachmentId, uid, multimodalEmbedding)``."""
    return vector_layout("attachment_vectors", "attachmentId", "multimodalEmbedding", model=model, dimension=dimension)


def memo_texts() -> TableLayout:
    """``memo_texts(memoId, uid, content)``; the content is folded, its metadata names the version of the folding."""
    folded = {FOLDING_KEY: folding.VERSION.encode()}
    schema = pa.schema(
        [
            *(pa.field(name, pa.string(), nullable=False) for name in ("memoId", "uid")),
            pa.field("content", pa.string(), nullable=False, metadata=folded),
        ]
    )
    return TableLayout("memo_texts", schema, ("memoId",), None, {"memoId": BTree(), "uid": BTree(), "content": NGRAMS})


def embedding_cache(dimension: int, name: str = "embedding_cache") -> TableLayout:
    """Return the text cache with the existing server's columns (docs/contract/source-database.md#embedding-caches)."""
    return _cache(name, ("modelHash", "contentHash"), dimension, {"contentHash": BTree(), "modelHash": BTree()})


def multimodal_cache(dimension: int, name: str = "multimodal_embedding_cache") -> TableLayout:
    """Return the multimodal cache, column for column the existing server's.

    See docs/contract/source-database.md#embedding-caches.
    """
    indexes = {"contentHash": BTree(), "modelHash": BTree(), "modalityType": Bitmap()}
    return _cache(name, ("modelHash", "contentHash", "modalityType"), dimension, indexes)


def _cache(name: str, key: tuple[str, ...], dimension: int, indexes: Mapping[str, object]) -> TableLayout:
    schema = pa.schema(
        [
            *(pa.field(column, pa.string(), nullable=False) for column in key),
            pa.field("embedding", vector_list(dimension), nullable=False),
            pa.field("createdAt", pa.timestamp("ms"), nullable=False),
        ]
    )
    return TableLayout(name, schema, key, "embedding", indexes)
