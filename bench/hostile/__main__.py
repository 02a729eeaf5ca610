"""Measure how long others wait while somebody sends expensive requests: ``python -m bench.hostile``.

For each input the table has the longest time between two answers that another client saw, beside the longest of a
moment in which nothing happens. Machines are noisy: what counts is what an input adds.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import httpx
from bench.hostile.inputs import MIB, RELATED, Input, all_inputs, fill
from bench.hostile.poller import Poller
from rich.console import Console
from rich.table import Table
from tests.support.client import Client
from tests.support.mariadb import MariaDB
from tests.support.server import Server

BAR_MS = 250
_CODE = re.compile(rb'\{"code":(\d+)')
_IDLE_SECONDS = 1.0
_AFTERWARDS_SECONDS = 0.5


@dataclass(frozen=True)
class Figure:
    """What one input did to the server and to another client.

    Attributes:
        name: of the input.
        results: statuses of its answers, each with the code of its envelope where there is one, such as ``200/0``.
        megabytes: of its largest answer.
        seconds: until the last answer.
        longest_wait_ms: of the other client.
    """

    name: str
    results: str
    megabytes: float
    seconds: float
    longest_wait_ms: float


def main(arguments: Sequence[str] | None = None) -> None:
    """Run everything and print a table a database; exit with 1 when somebody waited longer than the bar."""
    options = _parser().parse_args(arguments)
    worst = 0.0
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="aimo-hostile-")))
        for engine in options.engines:
            database: dict[str, str] = {}
            if engine == "mariadb":
                mariadb = MariaDB()
                stack.callback(mariadb.close)
                mariadb.start()
                database = mariadb.create_database()
            figures = measure(folder / engine, database, options.scale)
            _print(engine, figures)
            worst = max(worst, *(figure.longest_wait_ms for figure in figures))
    sys.exit(1 if worst > options.bar else 0)


def measure(folder: Path, database: dict[str, str], scale: float = 1.0) -> list[Figure]:
    """Start a server, send every input to it, and return what became of each; the first figure is of an idle moment."""
    server = Server(folder, {"EMBEDDER": "local", "AIMO_LOG_LEVEL": "error", **database}).start()
    try:
        attacker, other = server.user().token, server.user().token
        assert attacker and other
        memo = _write_related(server.client(), attacker, int(MIB * scale))
        with Poller(server.port, other) as poller:
            figures = [_figure(poller, "(nothing)", _idle)]
            figures += [
                _figure(poller, each.name, partial(_send, server.url, each.about(memo), attacker))
                for each in all_inputs(scale)
            ]
        return figures
    finally:
        server.close()


def _write_related(client: Client, token: str, size: int) -> str:
    """Write memos that all refer to each other, and return the id of one."""
    client.token = token
    content = fill("word ", size)
    memos = [client.post("/memos", {"content": content}).data["memo"]["memoId"] for _ in range(RELATED)]
    for memo in memos:
        others = [other for other in memos if other != memo]
        written = client.put(f"/memos/{memo}", {"content": content, "relationIds": others}).data
        assert len(written["memo"]["relations"]) == RELATED - 1
    return str(memos[0])


def _idle() -> list[httpx.Response]:
    time.sleep(_IDLE_SECONDS)
    return []


def _figure(poller: Poller, name: str, work: Callable[[], list[httpx.Response]]) -> Figure:
    poller.longest()
    started = time.perf_counter()
    answers = work()
    seconds = time.perf_counter() - started
    # What an answer left behind, such as an outbox entry, is applied within this moment.
    time.sleep(_AFTERWARDS_SECONDS * min(1.0, seconds))
    longest = poller.longest() * 1000
    results = " ".join(sorted({_result(answer) for answer in answers}))
    return Figure(name, results, max((len(answer.content) for answer in answers), default=0) / MIB, seconds, longest)


def _result(answer: httpx.Response) -> str:
    code = _CODE.match(answer.content)
    return f"{answer.status_code}/{code[1].decode()}" if code else str(answer.status_code)


def _send(url: str, each: Input, token: str) -> list[httpx.Response]:
    return asyncio.run(_send_at_once(url, each, token))


async def _send_at_once(url: str, each: Input, token: str) -> list[httpx.Response]:
    headers = {"authorization": f"Bearer {token}", "content-type": each.content_type, **each.headers}
    async with httpx.AsyncClient(base_url=f"{url}/api/v1", timeout=300, trust_env=False, headers=headers) as client:
        requests = [client.request(each.method, each.path, content=each.body or None) for _ in range(each.times)]
        return await asyncio.gather(*requests)


def _print(engine: str, figures: Sequence[Figure]) -> None:
    table = Table(title=f"{engine}: how long others wait", caption=f"the bar is {BAR_MS} ms on a quiet machine")
    for column in ("input", "status/code"):
        table.add_column(column)
    for column in ("MiB", "seconds", "longest wait, ms"):
        table.add_column(column, justify="right")
    for figure in figures:
        wait = f"{figure.longest_wait_ms:.0f}"
        table.add_row(figure.name, figure.results, f"{figure.megabytes:.1f}", f"{figure.seconds:.2f}", wait)
    Console(width=110).print(table)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.hostile", description=__doc__)
    parser.add_argument("--engines", nargs="+", choices=("sqlite", "mariadb"), default=["sqlite", "mariadb"])
    parser.add_argument("--scale", type=float, default=1.0, help="size of the large inputs, 1 for the largest")
    parser.add_argument("--bar", type=float, default=BAR_MS, help="milliseconds beyond which the exit code is 1")
    return parser


if __name__ == "__main__":
    main()
