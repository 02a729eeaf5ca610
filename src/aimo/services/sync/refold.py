"""Has the stored texts folded again after an update that changed what folds, while searches go on.

The text table remembers how its texts are folded. Until all of them are folded again, a search also looks for what the
former release would have stored (`aimo.vectors.text_table`), so that nothing is lost meanwhile.
"""

from __future__ import annotations

import structlog

from aimo.db.connection import Database
from aimo.db.migrations.equal_names import has_outdated_keys, merge_equal_names
from aimo.db.queries import rebuild as rebuild_queries
from aimo.db.transaction import atomically
from aimo.services.sync.crashes import set_aside
from aimo.services.sync.outbox import create_entries
from aimo.services.sync.rebuild import iterate_all
from aimo.vectors.text_table import TextTable

log = structlog.get_logger(__name__)


async def create_entries_for_refolding(database: Database, texts: TextTable) -> None:
    """Enqueue the text of every memo, unless the texts are folded as they should be. Vectors stay as they are.

    Names are merged once more: a process of the former release may have created some after the schema was migrated.
    Dying half-way means writing some entries twice, which does no harm. What is set aside stays so: applying it would
    kill the process again.

    Raises:
        VectorStoreError: LanceDB failed.
    """
    if await texts.is_folded():
        return
    # Looked for outside of a transaction, so that no other writer waits for that.
    async with database.reads() as connection:
        outdated = await connection.run_sync(has_outdated_keys)
    if outdated:
        await atomically(database, "sync.equal_names", lambda connection: connection.run_sync(merge_equal_names))
    left_out = {aside.entity_id for aside in await set_aside(database)}
    memos = 0
    async for chunk in iterate_all(database, rebuild_queries.next_memos):
        await create_entries(database, "text", [row for row in chunk if row[0] not in left_out])
        memos += len(chunk)
    await texts.record_folding()
    if memos:
        log.info("folding all texts again", memos=memos)
