"""Whether the database takes writes: one that answers reads only, as after a failover, is of no use."""

from __future__ import annotations

import asyncio
import time
from typing import Final

from aimo import clock
from aimo.db.connection import Database
from aimo.db.mysql_connector import CONNECT_SECONDS
from aimo.db.queries import leases as lease_queries

LASTS_SECONDS: Final = 1.0
"""For so long one answer stands for others: anybody may ask."""

_NAME = "write-probe"


class WriteProbe:
    """Replaces one small row."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._succeeded = -LASTS_SECONDS
        self._turn = asyncio.Lock()

    async def check(self) -> None:
        """Return once something was written, a second ago at most.

        Raises what the driver raises, and TimeoutError where nothing comes of it within five seconds.
        """
        async with asyncio.timeout(CONNECT_SECONDS), self._turn:
            if time.monotonic() - self._succeeded < LASTS_SECONDS:
                return
            async with self._database.reads(seconds=CONNECT_SECONDS) as connection:
                await lease_queries.probe(connection, lease=_NAME, holder="readiness", now=clock.now_ms())
            self._succeeded = time.monotonic()
