"""Correcting what a bucket says of objects that were stored before it said so of every new one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from aimo.storage.object_store import RemoteStorage
from aimo.storage.protocol import ObjectMissingError, StorageError

_BATCH = 200
_AT_ONCE = 4


@dataclass
class RelabelReport:
    """How many objects were looked at and changed; the reason by key for those that failed."""

    seen: int = 0
    changed: int = 0
    failed: dict[str, str] = field(default_factory=dict)


async def relabel(bucket: RemoteStorage, done: Callable[[], None] = lambda: None) -> RelabelReport:
    """Give every object of the bucket the media type and disposition of a new one; ``done`` is called after each.

    Raises:
        StorageError: the objects cannot be listed.
    """
    report = RelabelReport()
    limit = asyncio.Semaphore(_AT_ONCE)

    async def one(key: str) -> None:
        async with limit:
            try:
                changed = await bucket.relabel(key)
            except ObjectMissingError:
                return  # removed by its user meanwhile
            except StorageError as error:
                changed = False
                report.failed[key] = str(error)
            report.seen += 1
            report.changed += changed
            done()

    async for batch in bucket.listing(_BATCH):
        async with asyncio.TaskGroup() as group:
            for found in batch:
                group.create_task(one(found.key))
    return report
