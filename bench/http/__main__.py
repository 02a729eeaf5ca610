"""Measure AIMO over HTTP beside the same work by hand: ``python -m bench.http``, or ``make bench``."""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import secrets
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import structlog
from bench.http import parts
from bench.http.compare import Pace, Side, measure, require_same_answers, side
from bench.http.data import Data, make
from bench.http.operations import operations
from bench.http.report import SEARCH_BAR_MS, STATEMENT_BAR_MS, DeliveryReport
from bench.http.servers import FloorServer, settings
from rich.console import Console
from tests.support.mariadb import MariaDB
from tests.support.server import Server

from aimo import config
from aimo.ai.local_embedder import LocalEmbedder
from aimo.db.connection import Database
from aimo.db.migrate import migrate
from aimo.vectors.store import VectorStore

_ENGINES = ("sqlite", "mariadb")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run everything and print the table."""
    options = _parser().parse_args(arguments)
    pace = Pace(options.rounds, options.seconds, options.connections)
    if options.quick:
        pace = Pace(2, min(0.5, options.seconds), options.connections)
    report = DeliveryReport(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, {options.connections} connections")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="aimo-bench-")))
        mariadb = None
        if "mariadb" in options.engines:
            mariadb = MariaDB(durable=True, time_zone="+00:00", options=("--innodb-buffer-pool-size=512M",))
            stack.callback(mariadb.close)
            mariadb.start()
        for memos in options.memos:
            data = make(memos)
            filled = folder / f"lancedb-{memos}"
            asyncio.run(_fill_vectors(filled, data, report, memos, times=20 if options.quick else 200))
            for engine in options.engines:
                database = mariadb.create_database() if mariadb and engine == "mariadb" else {}
                _compare(folder / f"{engine}-{memos}", engine, database, data, filled, pace, report, options)
    for part in asyncio.run(parts.embedder(5 if options.quick else 30)):
        report.part("", 0, part)
    Console(width=160).print(report.table())
    if options.json:
        options.json.write_text(json.dumps(report.rows, indent=1), encoding="utf-8")


def _compare(
    folder: Path,
    engine: str,
    database: Mapping[str, str],
    data: Data,
    filled: Path,
    pace: Pace,
    report: DeliveryReport,
    options: argparse.Namespace,
) -> None:
    """Everything on one database of one size."""
    memos = len(data.memo_ids)
    secret = secrets.token_hex(16)
    aimo_settings, floor_settings = (settings(folder, name, database, secret) for name in ("aimo", "floor"))
    opened = config.load(_env_file=None, **{name.lower(): value for name, value in aimo_settings.items()})
    asyncio.run(_fill_database(opened, data))
    for side_settings in (aimo_settings, floor_settings):
        # Lance never changes a file that it has written, so links will do.
        shutil.copytree(filled, side_settings["LANCEDB_PATH"], copy_function=os.link)
    if engine == "mariadb":
        for part in asyncio.run(_statements(opened, data, 20 if options.quick else 300)):
            report.part(engine, memos, part, STATEMENT_BAR_MS)
    with (
        _running(Server(folder / "aimo", aimo_settings)) as ours,
        _running(FloorServer(folder / "floor", floor_settings)) as theirs,
    ):
        aimo, floor = side(ours, secret, data.owner), side(theirs, secret, data.owner)
        asyncio.run(_measure_all(aimo, floor, engine, data, pace, report, options.only))


async def _measure_all(
    aimo: Side, floor: Side, engine: str, data: Data, pace: Pace, report: DeliveryReport, only: Sequence[str]
) -> None:
    for operation in operations(data):
        if only and operation.name not in only:
            continue
        if operation.floor and operation.reads:
            await require_same_answers(aimo, floor, operation)
        ours, theirs, ratio = await measure(aimo, floor, operation, pace)
        report.compared(engine, len(data.memo_ids), operation.name, ours, theirs, ratio)


async def _fill_vectors(folder: Path, data: Data, report: DeliveryReport, memos: int, *, times: int) -> None:
    store = await VectorStore.open(folder, model=LocalEmbedder.model, dimension=LocalEmbedder.dimension)
    try:
        await store.raise_fence()
        await data.fill_vectors(store)
        report.part("lancedb", memos, await parts.vector_search(store, data, times), SEARCH_BAR_MS)
    finally:
        await store.close()


async def _fill_database(opened: config.Settings, data: Data) -> None:
    database = await Database.open(opened)
    try:
        await migrate(database)
        await data.fill_database(database)
    finally:
        await database.close()


async def _statements(opened: config.Settings, data: Data, times: int) -> list[parts.Part]:
    database = await Database.open(opened)
    try:
        return await parts.statements(database, data, times)
    finally:
        await database.close()


@contextmanager
def _running(server: Server) -> Iterator[Server]:
    try:
        yield server.start()
    except AssertionError:
        print(server.log_tail(), file=sys.stderr)
        raise
    finally:
        server.close()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.http", description=__doc__)
    parser.add_argument("--memos", type=int, nargs="+", default=[1_000, 100_000], help="memos of the heavy user")
    parser.add_argument("--engines", nargs="+", choices=_ENGINES, default=_ENGINES)
    parser.add_argument("--rounds", type=int, default=5, help="rounds of each side, in turn")
    parser.add_argument("--seconds", type=float, default=2.0, help="length of a round")
    parser.add_argument("--connections", type=int, default=8, help="connections that ask at once")
    parser.add_argument("--only", nargs="+", default=[], help="names of operations, as the table has them")
    parser.add_argument("--quick", action="store_true", help="two short rounds: shows that it runs, measures little")
    parser.add_argument("--json", type=Path, help="also write the rows to this file")
    return parser


if __name__ == "__main__":
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    main()
