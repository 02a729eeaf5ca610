"""What a run is measured on: a heavy user among a few others, the same rows and vectors for everybody.

Everything is made from a fixed seed, so that two runs, and both databases of one run, hold the same.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import numpy.typing as npt
from sqlalchemy import Table, insert

from aimo.ai.local_embedder import LocalEmbedder
from aimo.db import schema
from aimo.db.connection import Database
from aimo.db.transaction import transaction
from aimo.vectors.hashes import text_model_hash
from aimo.vectors.store import VectorStore

SEED = 20_260_101
OTHERS = 4
QUERIES = 40
CREATED = 400
# In every second memo: what somebody finds who has typed one character.
COMMON = "的"

_START_MS = 1_735_689_600_000
_CHUNK = 5_000
_CLUSTERS = 64
_HAN = "天地人心山水风云日月花草书画学工作生活时间家乡城市道路音乐电影旅行读写思考梦想清晨夜晚朋友老师孩子春夏秋冬"
_SYLLABLES = ("ka", "lo", "mi", "ne", "ru", "sta", "tor", "vel", "bri", "dan", "fo", "gi", "hem", "pla", "ser", "ton")

Vectors = npt.NDArray[np.float32]
Row = dict[str, Any]


@dataclass(frozen=True)
class Data:
    """Rows of every table in the order of their foreign keys, and the vectors of the memos in the same order."""

    rows: dict[type[schema.Model], list[Row]]
    vectors: Vectors
    owner: str
    memo_ids: list[str]
    tag_ids: list[str]
    attachment_ids: list[str]
    queries: dict[str, Vectors]
    created: dict[str, Vectors]

    async def fill_database(self, database: Database) -> None:
        """Insert every row."""
        for model, rows in self.rows.items():
            statement = insert(cast(Table, model.__table__))
            for chunk in _chunks(rows):
                async with transaction(database, "bench.fill") as connection:
                    await connection.execute(statement, chunk)

    async def fill_vectors(self, store: VectorStore) -> None:
        """Write vectors, texts and cached vectors, and bring the tables into the shape of the nightly upkeep."""
        memos = self.rows[schema.Memos]
        for start in range(0, len(memos), _CHUNK):
            part = memos[start : start + _CHUNK]
            ids, uids = [row["memo_id"] for row in part], [row["uid"] for row in part]
            await store.memo_vectors.upsert_arrays(ids, uids, self.vectors[start : start + _CHUNK])
            await store.memo_texts.upsert([(row["memo_id"], row["uid"], row["content"]) for row in part])
        model_hash = text_model_hash(LocalEmbedder.model, LocalEmbedder.dimension)
        await store.embedding_cache.put_many(model_hash, self.queries | self.created)
        await store.optimize()


def make(memos: int) -> Data:
    """A user with so many memos, others with a fiftieth each."""
    chance, noise = random.Random(SEED), np.random.default_rng(SEED)
    people = [_id(chance, "u") for _ in range(1 + OTHERS)]
    words = _words(chance)
    rows: dict[type[schema.Model], list[Row]] = {schema.Users: [_user(place, uid) for place, uid in enumerate(people)]}
    for model in (schema.Tags, schema.Attachments, schema.Memos, schema.MemoTags, schema.MemoRelations):
        rows[model] = []
    for place, uid in enumerate(people):
        _add_user(chance, words, rows, uid, memos if place == 0 else max(10, memos // 50))
    centers = noise.standard_normal((_CLUSTERS, LocalEmbedder.dimension), dtype=np.float32)
    texts = [" ".join(chance.choices(words, k=chance.choice((1, 2, 3)))) for _ in range(QUERIES)]
    created = [f"{place}. {_text(chance, words)}" for place in range(CREATED)]
    owner = people[0]
    return Data(
        rows=rows,
        vectors=_near(noise, centers, len(rows[schema.Memos])),
        owner=owner,
        memo_ids=[row["memo_id"] for row in rows[schema.Memos] if row["uid"] == owner],
        tag_ids=[row["tag_id"] for row in rows[schema.Tags] if row["uid"] == owner],
        attachment_ids=[row["attachment_id"] for row in rows[schema.Attachments] if row["uid"] == owner],
        queries=dict(zip([*texts, COMMON], _near(noise, centers, QUERIES + 1), strict=True)),
        created=dict(zip(created, _near(noise, centers, CREATED), strict=True)),
    )


def _near(noise: np.random.Generator, centers: Vectors, count: int) -> Vectors:
    """Unit vectors around the centers, as texts lie around subjects."""
    vectors = noise.standard_normal((count, centers.shape[1]), dtype=np.float32)
    vectors += centers[noise.integers(0, len(centers), count)]
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors


def _add_user(
    chance: random.Random, words: list[str], rows: dict[type[schema.Model], list[Row]], uid: str, memos: int
) -> None:
    tags = [_tag(chance, uid, place) for place in range(30)]
    files = [_attachment(chance, uid, place) for place in range(max(1, memos // 10))]
    rows[schema.Tags] += tags
    rows[schema.Attachments] += files
    written: list[str] = []
    for place in range(memos):
        chosen = chance.sample(tags, chance.choice((0, 1, 1, 2, 3)))
        memo_id = _id(chance, "m")
        moment = _START_MS + place * 300_000
        rows[schema.Memos].append(
            {
                "memo_id": memo_id,
                "uid": uid,
                "category_id": None,
                "content": _text(chance, words),
                "type": "text",
                "source": None,
                "attachments": [chance.choice(files)["attachment_id"]] if place % 10 == 0 else None,
                "tag_ids": [tag["tag_id"] for tag in chosen] or None,
                "is_public": place % 20 == 0,
                "seq": place + 1,
                "created_at": moment,
                "updated_at": moment,
            }
        )
        for tag in chosen:
            tag["usage_count"] += 1
            rows[schema.MemoTags].append({"memo_id": memo_id, "tag_id": tag["tag_id"], "uid": uid})
        if place % 5 == 4:
            for position, target in enumerate(chance.sample(written, chance.choice((1, 2)))):
                rows[schema.MemoRelations].append(_relation(chance, uid, memo_id, target, position, moment))
        written.append(memo_id)


def _user(place: int, uid: str) -> Row:
    email = f"user{place}@example.test"
    names = {"email": email, "email_key": email, "nickname": f"User {place}"}
    times = {"created_at": _START_MS, "updated_at": _START_MS}
    return {"uid": uid, **names, "password": "-", "salt": "-", "status": 1, **times}


def _tag(chance: random.Random, uid: str, place: int) -> Row:
    name = f"tag {place}"
    return {
        "tag_id": _id(chance, "t"),
        "uid": uid,
        "name": name,
        "name_key": name,
        "color": None,
        "usage_count": 0,
        "seq": place + 1,
        "created_at": _START_MS,
        "updated_at": _START_MS,
    }


def _attachment(chance: random.Random, uid: str, place: int) -> Row:
    attachment_id = _id(chance, "a")
    return {
        "attachment_id": attachment_id,
        "uid": uid,
        "filename": f"photo {place}.jpg",
        "type": "image/jpeg",
        "size": 100_000 + place,
        "storage_type": "local",
        "path": f"{uid}/2025/{attachment_id}.jpg",
        "properties": {"width": 800, "height": 600},
        "seq": place + 1,
        "created_at": _START_MS,
    }


def _relation(chance: random.Random, uid: str, source: str, target: str, position: int, moment: int) -> Row:
    return {
        "relation_id": _id(chance, "r"),
        "uid": uid,
        "source_memo_id": source,
        "target_memo_id": target,
        "position": position,
        "seq": moment + position,
        "created_at": moment,
    }


def _words(chance: random.Random) -> list[str]:
    """Short words in two languages."""
    han = ["".join(chance.choices(_HAN, k=2)) for _ in range(300)]
    latin = ["".join(chance.choices(_SYLLABLES, k=chance.choice((2, 3)))) for _ in range(300)]
    return list(dict.fromkeys(han + latin))


def _text(chance: random.Random, words: list[str]) -> str:
    """A memo of 10 to 60 words; every second one has the common character."""
    chosen = chance.choices(words, k=chance.randrange(10, 60))
    return (" " if chance.random() < 0.5 else f" {COMMON} ").join([" ".join(chosen[:5]), " ".join(chosen[5:])])


def _id(chance: random.Random, prefix: str) -> str:
    return prefix + "".join(chance.choices("0123456789abcdefghijklmnopqrstuvwxyz", k=23))


def _chunks(rows: list[Row]) -> Iterator[list[Row]]:
    for start in range(0, len(rows), _CHUNK):
        yield rows[start : start + _CHUNK]
