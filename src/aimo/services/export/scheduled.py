"""Exports that are made by themselves, of every user one after another (docs/export.md#scheduled)."""

from __future__ import annotations

import re

import structlog

from aimo.db.connection import Database
from aimo.db.queries import users as user_queries
from aimo.errors import AimoError, Code
from aimo.services.backup.error_text import reason
from aimo.services.export.collected import ExportOptions
from aimo.services.export.service import ExportService
from aimo.storage.export_target import ExportTarget

log = structlog.get_logger(__name__)

_USERS = 100
# Only these are ever removed: the place may hold what somebody else put there.
_OWN = re.compile(r"AIMO-\d{4}-\d\d-\d\d\.zip")


class ScheduledExports:
    """Writes ``{uid}/AIMO-{day}.zip`` for each user and keeps the newest few."""

    def __init__(self, database: Database, exports: ExportService, target: ExportTarget, *, keep: int) -> None:
        self._database = database
        self._exports = exports
        self._target = target
        self._keep = keep

    async def run(self) -> None:
        """Export every user; one whose export fails is logged and stops nobody else's."""
        after = ""
        done = failed = 0
        while users := await self._next(after):
            after = users[-1]
            for uid in users:
                try:
                    await self._export(uid)
                    done += 1
                except AimoError as error:
                    # Somebody else is just taking it out, or the account has gone meanwhile.
                    if error.code is not Code.USER_NOT_FOUND:
                        failed += 1
                        log.warning("scheduled export left out", user=uid, reason=error.message)
                except Exception as error:  # noqa: BLE001 (one line a user; the others are exported)
                    failed += 1
                    log.warning("scheduled export failed, the next one tries again", user=uid, reason=reason(error))
        log.info("scheduled exports", done=done, failed=failed)

    async def _next(self, after: str) -> list[str]:
        async with self._database.reads() as connection:
            return await user_queries.next_ids(connection, after=after, limit=_USERS)

    async def _export(self, uid: str) -> None:
        async with self._exports.archive(uid, ExportOptions()) as archive:
            await self._target.put(f"{uid}/{archive.filename}", archive.chunks)
        own = [name for name in await self._target.names(uid) if _OWN.fullmatch(name.removeprefix(f"{uid}/"))]
        for name in own[: -self._keep]:
            await self._target.delete(name)
