"""How fast a legacy database moves: rows against LOAD DATA INFILE, vectors against a plain Lance copy.

    python -m bench.migration [--memos 200000] [--dimensions 1536] [--batch-size 100]

Everything runs on one private MariaDB in this one run. The ratios matter, not the seconds; the peak of the
command's memory is printed as well.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import lancedb
import numpy as np
import pyarrow as pa

sys.path[:0] = [str(Path(__file__).parents[1] / "tests")]

from tests.support.mariadb import MariaDB  # noqa: E402
from tests.support.server import AIMO, environment  # noqa: E402

USERS, TAGS = 50, 200
TEXT, TS = pa.string(), pa.timestamp("ms")
MOMENT = 1_700_000_000_000


def ident(prefix: str, numbers: range) -> list[str]:
    return [f"{prefix}{number:023d}" for number in numbers]


def make(folder: Path, memos: int, dimensions: int) -> None:
    database = lancedb.connect(folder)
    users = ident("u", range(USERS))
    times = pa.array([MOMENT] * USERS, TS)
    database.create_table(
        "users",
        pa.table(
            {
                "uid": users,
                "email": [f"{u}@example.test" for u in users],
                "password": ["x"] * USERS,
                "salt": ["x"] * USERS,
            }
            | {"status": pa.array([1] * USERS, pa.int32()), "createdAt": times, "updatedAt": times}
        ),
    )
    owners = [users[i % USERS] for i in range(TAGS)]
    times = pa.array([MOMENT] * TAGS, TS)
    database.create_table(
        "tags",
        pa.table(
            {"tagId": ident("t", range(TAGS)), "uid": owners, "name": [f"tag {i}" for i in range(TAGS)]}
            | {"usageCount": pa.array([0] * TAGS, pa.int32()), "createdAt": times, "updatedAt": times}
        ),
    )
    kind = pa.list_(pa.float32(), dimensions)
    texts = ["memoId", "uid", "categoryId", "content", "type", "source"]
    lists = ["attachments", "tagIds"]
    fields = [*((name, TEXT) for name in texts), *((name, pa.list_(TEXT)) for name in lists), ("embedding", kind)]
    schema = pa.schema([*fields, ("createdAt", TS), ("updatedAt", TS), ("isPublic", pa.bool_())])
    table = database.create_table("memos", schema=schema)
    rng = np.random.default_rng(1)
    tags = ident("t", range(TAGS))
    for first in range(0, memos, 5000):
        numbers = range(first, min(memos, first + 5000))
        count = len(numbers)
        flat = pa.array(rng.standard_normal(count * dimensions, dtype=np.float32))
        moments = pa.array([MOMENT + n for n in numbers], TS)
        columns = {
            "memoId": ident("m", numbers),
            "uid": [users[n % USERS] for n in numbers],
            "categoryId": pa.nulls(count, TEXT),
            "content": [f"今天早起去河边跑了五公里，空气很好。 Memo number {n}. " * (1 + n % 6) for n in numbers],
            "type": ["text"] * count,
            "source": pa.nulls(count, TEXT),
            "attachments": pa.nulls(count, pa.list_(TEXT)),
            "tagIds": pa.array(
                [[tags[n % TAGS]] if n % TAGS % USERS == n % USERS else None for n in numbers], pa.list_(TEXT)
            ),
            "embedding": pa.FixedSizeListArray.from_arrays(flat, dimensions),
            "createdAt": moments,
            "updatedAt": moments,
            "isPublic": [n % 3 == 0 for n in numbers],
        }
        table.add(pa.table(columns, schema=schema))


def migrate(settings: dict[str, str], folder: Path, batch: int) -> dict[str, float]:
    """Run the command; the seconds of its stages come from its own log."""
    command = [str(AIMO), "migrate-data", "--source", str(folder / "old"), "--model", "bench"]
    started = time.monotonic()
    with (folder / "log").open("w+", encoding="utf-8") as log:
        process = subprocess.Popen(
            [*command, "--batch-size", str(batch)], env=environment(settings), cwd=folder, stdout=log, stderr=log
        )
        _, status, used = os.wait4(process.pid, 0)
        code = os.waitstatus_to_exitcode(status)
        log.seek(0)
        text = log.read()
    if code:
        raise SystemExit(f"migrate-data ended with {code}:\n{text[-3000:]}")
    speeds = {"total": time.monotonic() - started, "peak": used.ru_maxrss / 1024}
    for line in text.splitlines():
        for stage in ("memos", "memo_vectors", "memo_texts", "verify memos", "verify memo_vectors"):
            # The last line of a stage is the one that counts.
            found = line.partition(f"{stage} ")
            if found[1] and " rows/s" in found[2] and not found[0].endswith("verify "):
                speeds[stage] = _speed(found[2])
    return speeds


def _speed(text: str) -> float:
    return float(text.split(" rows/s", maxsplit=1)[0].rpartition(", ")[2].replace(",", ""))


def load_data(mariadb: MariaDB, name: str, memos: int) -> float:
    """Rows a second of LOAD DATA INFILE for the rows that the command wrote."""
    seconds = 0.0
    statements = []
    for table in ("memos", "memo_tags"):
        path = mariadb.folder / f"{table}.txt"
        mariadb.execute(f"SELECT * INTO OUTFILE '{path}' CHARACTER SET utf8mb4 FROM {table}", database=name)
        statements.append(f"LOAD DATA INFILE '{path}' INTO TABLE {table} CHARACTER SET utf8mb4")
    mariadb.execute("DELETE FROM memo_tags", database=name)
    mariadb.execute("DELETE FROM memos", database=name)
    for statement in statements:
        started = time.monotonic()
        mariadb.execute(statement, database=name)
        seconds += time.monotonic() - started
    return memos / seconds


async def plain_copy(source: Path, target: Path) -> float:
    """Rows a second of copying ids and vectors from one Lance table to another, batch by batch."""
    old = await (await lancedb.connect_async(source)).open_table("memos")
    names = ["memoId", "uid", "embedding"]
    schema = pa.schema([(await old.schema()).field(name) for name in names])
    new = await (await lancedb.connect_async(target)).create_table("copy", schema=schema)
    started = time.monotonic()
    async for batch in await old.query().select(names).to_batches(max_batch_length=8192):
        await new.add(pa.Table.from_batches([batch]))
    return await old.count_rows() / (time.monotonic() - started)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--memos", type=int, default=20_000)
    parser.add_argument("--dimensions", type=int, default=1536)
    parser.add_argument("--batch-size", type=int, default=100)
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="aimo-bench-"))
    mariadb = MariaDB(durable=True)
    try:
        mariadb.start()
        make(folder / "old", given.memos, given.dimensions)
        database = mariadb.create_database()
        settings = {"AIMO_DATA_DIR": str(folder / "data"), "OPENAI_API_KEY": "unused", **database}
        speeds = migrate(settings, folder, given.batch_size)
        loaded = load_data(mariadb, database["MYSQL_DATABASE"], given.memos)
        copied = asyncio.run(plain_copy(folder / "old", folder / "copy"))
    finally:
        mariadb.close()
        shutil.rmtree(folder, ignore_errors=True)
    rows, vectors = speeds["memos"], speeds["memo_vectors"]
    print(f"{given.memos:,} memos, {given.dimensions} dimensions, batches of {given.batch_size}")
    print(f"rows      {rows:>10,.0f}/s   LOAD DATA  {loaded:>10,.0f}/s   ratio {rows / loaded:.2f} (at least 0.33)")
    print(
        f"vectors   {vectors:>10,.0f}/s   plain copy {copied:>10,.0f}/s   ratio {vectors / copied:.2f} (at least 0.50)"
    )
    print(f"texts     {speeds['memo_texts']:>10,.0f}/s")
    print(f"verifying {speeds['verify memos']:>10,.0f} rows/s, {speeds['verify memo_vectors']:,.0f} vectors/s")
    print(f"whole command {speeds['total']:,.0f} s, peak memory {speeds['peak']:,.0f} MB (at most 600)")


if __name__ == "__main__":
    main()
