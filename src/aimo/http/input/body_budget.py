"""How many bytes of request bodies one process holds at the same time, and how many of them one client."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

FREE_BYTES: Final = 4 * 1024
"""What any body may have without asking: most bodies are smaller."""

WAIT_SECONDS: Final = 5.0


class BudgetUsedUp(Exception):
    """The bodies of other requests take all there is; trying again in a while helps."""


class BodyBudget:
    """Counts bytes that were received, not bytes that were announced: announcing costs nothing.

    Args:
        total: most bytes of all bodies together.
        share: most bytes of all bodies of one client.
    """

    def __init__(self, total: int, share: int) -> None:
        self._total = total
        self._share = share
        self._used = 0
        self._used_by: dict[str, int] = defaultdict(int)
        self._freed = asyncio.Event()

    @contextmanager
    def account(self, client: str) -> Iterator[Account]:
        """Give the account of one body, whose bytes are free again when the context ends."""
        account = Account(self, client)
        try:
            yield account
        finally:
            self._give_back(client, account.taken)

    async def _take(self, client: str, size: int) -> None:
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                while self._used + size > self._total or self._used_by[client] + size > self._share:
                    self._freed.clear()
                    await self._freed.wait()
        except TimeoutError:
            self._forget(client)
            raise BudgetUsedUp from None
        self._used += size
        self._used_by[client] += size

    def _give_back(self, client: str, size: int) -> None:
        if size:
            self._used -= size
            self._used_by[client] -= size
            self._forget(client)
            self._freed.set()

    def _forget(self, client: str) -> None:
        if not self._used_by.get(client, 1):
            del self._used_by[client]


class Account:
    """The bytes of one body."""

    def __init__(self, budget: BodyBudget, client: str) -> None:
        self._budget = budget
        self._client = client
        self._received = 0
        self.taken = 0

    async def add(self, size: int) -> None:
        """Account for ``size`` more bytes, waiting a moment where others have to finish first.

        Raises:
            BudgetUsedUp: nobody finished.
        """
        self._received += size
        if (due := self._received - FREE_BYTES - self.taken) > 0:
            await self._budget._take(self._client, due)
            self.taken += due
