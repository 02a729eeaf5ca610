"""Fixtures of the tests of pushes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from aimo.config import Settings
from aimo.db.connection import Database
from aimo.db.migrate import migrate

from .environment import Place

Open = Callable[..., Any]


@pytest.fixture
def opened(migrated_database: dict[str, str], settings: Callable[..., Settings]) -> Open:
    @asynccontextmanager
    async def open_place(**options: Any) -> AsyncIterator[Place]:
        database = await Database.open(settings(**migrated_database))
        try:
            await migrate(database)
            yield Place(database, **options)
        finally:
            await database.close()

    return open_place
