# ruff: noqa: E501 (rows are easier to compare when each stands on its own line)
"""Makes databases of the old server, of any schema version, with every oddity that a migrator meets."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import lancedb
import numpy as np
import pyarrow as pa

from aimo.vectors.hashes import content_hash, text_model_hash

DIMENSION = 8
MODEL = "text-embedding-3-small"
MOMENT = 1_750_000_000_000

TEXT, TS = pa.string(), pa.timestamp("ms")
LIST = pa.list_(TEXT)
SOURCES = pa.list_(pa.struct([("memoId", TEXT), ("content", TEXT), ("similarity", pa.float32())]))


def vector_type(dimension: int) -> pa.DataType:
    return pa.list_(pa.float32(), dimension)


# Columns at the newest version, and the version at which a table or column came.
# See docs/contract/source-database.md#what-older-and-newer-builds-left.
TABLES: dict[str, tuple[int, dict[str, tuple[pa.DataType, int]]]] = {
    "users": (1, dict.fromkeys(("uid", "email", "phone", "password", "salt", "nickname"), (TEXT, 1))
        | {"avatar": (TEXT, 5), "status": (pa.int32(), 1), "createdAt": (TS, 1), "updatedAt": (TS, 1)}),
    "categories": (1, dict.fromkeys(("categoryId", "uid", "name", "color"), (TEXT, 1))
        | {"createdAt": (TS, 1), "updatedAt": (TS, 1)}),
    "tags": (10, dict.fromkeys(("tagId", "uid", "name", "color"), (TEXT, 1))
        | {"usageCount": (pa.int32(), 1), "createdAt": (TS, 1), "updatedAt": (TS, 1)}),
    "memos": (1, dict.fromkeys(("memoId", "uid", "categoryId", "content"), (TEXT, 1))
        | {"type": (TEXT, 3), "attachments": (LIST, 1), "embedding": (vector_type(DIMENSION), 1), "createdAt": (TS, 1),
           "updatedAt": (TS, 1), "isPublic": (pa.bool_(), 8), "tagIds": (LIST, 11), "source": (TEXT, 16)}),
    "memo_relations": (1, dict.fromkeys(("relationId", "uid", "sourceMemoId", "targetMemoId"), (TEXT, 1))
        | {"createdAt": (TS, 1)}),
    "attachments": (1, dict.fromkeys(("attachmentId", "uid", "filename", "type"), (TEXT, 1))
        | {"size": (pa.int32(), 1)}
        | dict.fromkeys(("storageType", "path", "bucket", "prefix", "endpoint", "region", "isPublicBucket"), (TEXT, 1))
        | {"multimodalEmbedding": (vector_type(DIMENSION), 1), "multimodalModelHash": (TEXT, 1),
           "properties": (TEXT, 7), "createdAt": (TS, 1)}),
    "ai_conversations": (6, dict.fromkeys(("conversationId", "uid", "title"), (TEXT, 1))
        | {"createdAt": (TS, 1), "updatedAt": (TS, 1)}),
    "ai_messages": (6, dict.fromkeys(("messageId", "conversationId", "role", "content"), (TEXT, 1))
        | {"sources": (SOURCES, 1), "createdAt": (TS, 1)}),
    "daily_recommendations": (1, {"recommendationId": (TEXT, 1), "uid": (TEXT, 1), "date": (TEXT, 1),
        "memoIds": (LIST, 1), "createdAt": (TS, 1)}),
    "push_rules": (15, dict.fromkeys(("id", "uid", "name"), (TEXT, 1))
        | {"pushTime": (pa.int32(), 1), "contentType": (TEXT, 1), "channels": (TEXT, 1), "enabled": (pa.int32(), 1),
           "createdAt": (TS, 1), "updatedAt": (TS, 1)}),
    "embedding_cache": (1, {"modelHash": (TEXT, 1), "contentHash": (TEXT, 1),
        "embedding": (vector_type(DIMENSION), 1), "createdAt": (TS, 1)}),
    "multimodal_embedding_cache": (1, {"modelHash": (TEXT, 1), "contentHash": (TEXT, 1), "modalityType": (TEXT, 1),
        "embedding": (vector_type(DIMENSION), 1), "createdAt": (TS, 1)}),
    "table_migrations": (1, {"tableName": (TEXT, 1), "currentVersion": (pa.int32(), 1), "lastMigratedAt": (TS, 1)}),
}  # fmt: skip


@dataclass
class Made:
    """A source: its rows as they were written, and, for the nasty ones, what must become of them."""

    folder: Path
    rows: dict[str, list[dict[str, Any]]]
    expected: set[tuple[str, str]] = field(default_factory=set)


def ident(prefix: str, number: int) -> str:
    return f"{prefix}{number:023d}"


def plain_rows(rng: random.Random, count: int) -> dict[str, list[dict[str, Any]]]:
    """An orderly database: a few users, and ``count`` rows in every table that holds many."""
    users = max(4, count // 10)
    t = MOMENT
    uid = [ident("u", i) for i in range(users)]
    texts = ["今天去河边跑步", "Meeting notes", "😀 emoji", "line\nbreak\ttab", "é è ü", "%_\\'\"", "日记 " * 30]
    rows: dict[str, list[dict[str, Any]]] = {name: [] for name in TABLES}
    for i in range(max(users, count)):
        rows["users"].append({"uid": ident("u", i), "email": f"User{i}@example.test", "phone": None, "password": "$2b$10$x",
            "salt": "$2b$10$", "nickname": rng.choice(["", "李", None]), "avatar": None, "status": 1,
            "createdAt": t + i, "updatedAt": t + i})  # fmt: skip
    for i in range(count):
        owner = uid[i % users]
        times = {"createdAt": t + i * 7, "updatedAt": t + i * 7 + rng.randrange(1000)}
        rows["categories"].append(
            {"categoryId": ident("c", i), "uid": owner, "name": f"Category {i}", "color": None} | times
        )
        rows["tags"].append(
            {"tagId": ident("t", i), "uid": owner, "name": f"标签 {i}", "color": "#fff", "usageCount": 3} | times
        )
        rows["memos"].append({"memoId": ident("m", i), "uid": owner, "categoryId": rng.choice([None, ident("c", i)]),
            "content": f"{rng.choice(texts)} {i}", "type": rng.choice(["text", "audio", None]), "attachments": [ident("a", i)],
            "embedding": [rng.uniform(-1, 1) for _ in range(DIMENSION)], "isPublic": i % 3 == 0,
            "tagIds": rng.choice([None, [ident("t", i)]]), "source": rng.choice([None, "https://example.test/" + "x" * 600])}
            | times)  # fmt: skip
        rows["attachments"].append({"attachmentId": ident("a", i), "uid": owner, "filename": f"图片 {i}.png", "type": "image/png",
            "size": i, "storageType": "s3", "path": f"{owner}/x/{i}.png", "multimodalEmbedding": None,
            "properties": "{}", "createdAt": t + i})  # fmt: skip
        rows["ai_conversations"].append({"conversationId": ident("conv", i), "uid": owner, "title": "新对话"} | times)
        rows["ai_messages"].append({"messageId": ident("msg", i), "conversationId": ident("conv", i), "role": "user",
            "content": "?", "sources": [{"memoId": ident("m", i), "content": "x", "similarity": 0.1 + i / 1000}],
            "createdAt": t + i})  # fmt: skip
        rows["daily_recommendations"].append({"recommendationId": ident("rec", i), "uid": owner,
            "date": f"2026-{1 + i // users % 12:02d}-{1 + i // users // 12 % 28:02d}", "memoIds": [ident("m", i)],
            "createdAt": t + i})  # fmt: skip
        rows["push_rules"].append({"id": ident("push", i), "uid": owner, "name": "推送", "pushTime": i % 24,
            "contentType": "daily_pick", "channels": '[{"type":"meow","nickname":"x"}]', "enabled": i % 2} | times)  # fmt: skip
    for i in range(count):
        if i + users < count:
            rows["memo_relations"].append({"relationId": ident("r", i), "uid": uid[i % users], "sourceMemoId": ident("m", i),
                "targetMemoId": ident("m", i + users), "createdAt": t + i})  # fmt: skip
    rows["table_migrations"] = [{"tableName": n, "currentVersion": 1, "lastMigratedAt": t} for n in TABLES]
    model = text_model_hash(MODEL, DIMENSION)
    rows["embedding_cache"] = [
        {"modelHash": model, "contentHash": content_hash(m["content"]), "embedding": m["embedding"], "createdAt": t}
        for m in rows["memos"]
    ]
    return rows


def write(
    folder: Path,
    rows: dict[str, list[dict[str, Any]]],
    *,
    version: int = 16,
    types: dict[tuple[str, str], pa.DataType] | None = None,
    parts: int = 3,
) -> None:
    """Write the tables as a server of a schema version left them; ``types`` overrides or adds columns."""
    database = lancedb.connect(folder)
    for name, (since, columns) in TABLES.items():
        if version < since:
            continue
        chosen = {column: kind for column, (kind, came) in columns.items() if came <= version}
        chosen |= {column: kind for (table, column), kind in (types or {}).items() if table == name}
        # What later migrations added stands at the end.
        schema = pa.schema([pa.field(column, kind) for column, kind in chosen.items()])
        table = database.create_table(name, schema=schema)
        step = -(-len(rows[name]) // parts) or 1
        for first in range(0, len(rows[name]), step):
            part = rows[name][first : first + step]
            arrays = [array(kind, [row.get(column) for row in part]) for column, kind in chosen.items()]
            table.add(pa.table(arrays, schema=schema))
        nan = ", ".join(["arrow_cast('NaN', 'Float32')"] * DIMENSION)
        for row in rows[name]:
            vector = row.get("embedding")
            if vector is not None and math.isnan(vector[0]):
                # LanceDB refuses NaN in new rows, but not in changed ones.
                key = next(iter(chosen))
                table.update(where=f"{key} = '{row[key]}'", values_sql={"embedding": f"make_array({nan})"})


def array(kind: pa.DataType, values: list[Any]) -> pa.Array:
    if pa.types.is_null(kind):
        return pa.nulls(len(values))
    if pa.types.is_timestamp(kind):
        scale = {"s": 0.001, "ms": 1, "us": 1000, "ns": 1_000_000}[kind.unit]
        whole = [None if v is None else int(v * scale) for v in values]
        return pa.array(whole, pa.int64()).cast(kind)
    if pa.types.is_fixed_size_list(kind):
        ones = [1.0] * kind.list_size
        flat = np.array([ones if v is None or math.isnan(v[0]) else v for v in values], dtype=np.float32).ravel()
        mask = pa.array([v is None for v in values]) if any(v is None for v in values) else None
        return pa.FixedSizeListArray.from_arrays(pa.array(flat), kind.list_size, mask=mask)
    return pa.array(values, kind)
