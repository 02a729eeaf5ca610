"""Clients that hang up in the middle of anything cost the pool no connection (docs/guarantees.md)."""

from __future__ import annotations

import asyncio
import json
import random
import socket
import struct
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from tests.support.client import Client
from tests.support.mariadb import MariaDB
from tests.support.server import Server
from tests.support.stub import Stub
from tests.support.waiting import eventually

CLIENTS = 24
HANG_UPS = 0.2
# A reset, as when a phone loses its network, instead of an orderly end.
RESET = struct.pack("ii", 1, 0)


@dataclass
class DisconnectingClients:
    """Clients of one user, of whom a fifth hang up: while they still talk, while they wait, or while they listen."""

    server: Server
    user: Client
    memo_ids: list[str]
    left: int
    done: Counter[str] = field(default_factory=Counter)

    async def run(self) -> None:
        await asyncio.gather(*(self._client(random.Random(number)) for number in range(CLIENTS)))

    async def _client(self, chance: random.Random) -> None:
        while self.left > 0:
            self.left -= 1
            name, request = self._request(chance)
            self.done[name] += 1
            reader, writer = await asyncio.open_connection("127.0.0.1", self.server.port)
            try:
                if chance.random() < HANG_UPS:
                    self.done["hang-ups"] += 1
                    await self._hang_up(chance, request, writer)
                else:
                    writer.write(request)
                    answer = await asyncio.wait_for(reader.read(), 60)
                    assert answer.startswith(b"HTTP/1.1 200"), answer[:300]
            finally:
                writer.close()

    async def _hang_up(self, chance: random.Random, request: bytes, writer: asyncio.StreamWriter) -> None:
        talks_on = chance.random() < 0.2
        writer.write(request[: chance.randrange(1, len(request))] if talks_on else request)
        await asyncio.sleep(chance.choice((0, 0.002, 0.01, 0.03, 0.1)))
        if chance.random() < 0.5:
            link: socket.socket = writer.get_extra_info("socket")
            link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            writer.transport.abort()

    def _request(self, chance: random.Random) -> tuple[str, bytes]:
        number = chance.randrange(1000)
        memo = chance.choice(self.memo_ids)
        name, method, path, body = chance.choice(
            (
                ("pages", "GET", "/memos?page=1&limit=20&sortBy=updatedAt", None),
                ("memos read", "GET", f"/memos/{memo}", None),
                ("tags", "GET", "/tags", None),
                ("memos made", "POST", "/memos", {"content": f"memo {number}", "tags": [f"tag {number % 20}"]}),
                ("memos changed", "PUT", f"/memos/{memo}", {"content": f"memo {number}", "tags": [f"t{number % 9}"]}),
                ("searches", "POST", "/memos/search", {"query": f"memo {number}"}),
                ("questions", "POST", "/explore", {"query": f"What is memo {number}?"}),
            )
        )
        content = b"" if body is None else json.dumps(body).encode()
        accept = "text/event-stream" if name == "questions" and number % 2 else "application/json"
        head = (
            f"{method} /api/v1{path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
            f"Authorization: Bearer {self.user.token}\r\nAccept: {accept}\r\n"
        )
        if body is not None:
            head += f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n"
        return name, f"{head}\r\n".encode() + content


@pytest.mark.parametrize(
    ("driver", "requests"),
    [
        ("asyncmy", 1000),
        pytest.param("asyncmy", 10_000, marks=pytest.mark.long),
        pytest.param("aiomysql", 10_000, marks=pytest.mark.long),
    ],
)
def test_disconnecting_clients_leak_no_connection(
    server: Callable[..., Server],
    mariadb: MariaDB,
    mysql_database: dict[str, str],
    stub: Stub,
    driver: str,
    requests: int,
) -> None:
    running = server(**mysql_database, **stub.settings(), EMBEDDER="local", MYSQL_DRIVER=driver)
    user = running.user()
    memo_ids = [user.post("/memos", {"content": f"memo {n}"}).data["memo"]["memoId"] for n in range(10)]
    crowd = DisconnectingClients(running, user, memo_ids, requests)
    asyncio.run(crowd.run())

    query = "SELECT COUNT(*) FROM information_schema.processlist WHERE user = %s"
    seen: dict[Any, Any] = {}

    def none_lost() -> bool:
        pool = user.http.get("/readyz").json()["pool"]
        [(connections,)] = mariadb.execute(query, mysql_database["MYSQL_USER"])
        seen.update(pool, of_the_database=connections)
        return bool(pool["inUse"] == 0 and pool["open"] == connections <= pool["limit"])

    try:
        eventually(none_lost, "no connection is checked out, and the database knows those of the pool", timeout=20)
    finally:
        leaks = max(seen["inUse"], seen["of_the_database"] - seen["open"])
        print(
            f"{driver}: {sum(crowd.done.values()) - crowd.done['hang-ups']} requests {dict(crowd.done)}, {leaks} leaks"
        )
    assert crowd.done["hang-ups"] > requests * HANG_UPS * 0.7
    assert "Traceback" not in running.log.read_text(encoding="utf-8")
