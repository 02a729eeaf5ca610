"""The memos' texts: which contain these words, and which fit a query best."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from operator import and_, or_

import pyarrow as pa
import pyarrow.compute as pc
from lancedb import AsyncConnection
from lancedb.expr import Expr, col, lit

from aimo import folding
from aimo.folding import fold, fold_as_before
from aimo.threads import STORED_TEXTS
from aimo.vectors import schemas
from aimo.vectors.errors import report_failures_as
from aimo.vectors.fence import Fence
from aimo.vectors.owned_table import OwnedLanceTable, owned_by
from aimo.vectors.table import SEARCH_SECONDS, open_table

_CONTENT = "content"
# Ranking looks up every piece of one or two letters: 128 of them take 60 ms among 10,000 memos of one
# user, 512 take 300 ms, and beyond a sentence or two more words do not make the order better.
_RANKED_CHARACTERS = 128
# From this many characters on texts are folded in a thread: the worst ones take 10 ms.
_LARGE = 20_000


class TextTable(OwnedLanceTable):
    """Folded texts with their owner. Every method folds what it is given."""

    @classmethod
    async def open(cls, connection: AsyncConnection, fence: Fence) -> TextTable:
        """Open the table, or create it."""
        layout = schemas.memo_texts()
        return cls(connection, await open_table(connection, layout), layout, fence)

    async def upsert(self, rows: Sequence[tuple[str, str, str]]) -> None:
        """Write ``(id, uid, text)`` in one commit; rows with a known id are replaced, of equal ids the last counts.

        Raises:
            FencedError: another process has become the writer; nothing was written.
            VectorStoreError: LanceDB failed. Writing the same rows again is safe.
        """
        token = self.write_token()
        latest = {row[0]: row for row in rows}
        if not latest:
            return
        ids, uids, texts = zip(*latest.values(), strict=True)
        folded = await _folded(texts)
        columns = {self.id_column: ids, "uid": uids, _CONTENT: folded}
        written = pa.table(
            {name: pa.array(values, pa.string()) for name, values in columns.items()}, self.layout.schema
        )
        await self.write("writing to", lambda: self.merge(written, token))

    async def contents(self, ids: Sequence[str]) -> list[tuple[str, str, str]]:
        """``(id, uid, folded text)`` of the rows with these ids, as many as there are.

        Raises:
            VectorStoreError: LanceDB failed.
        """
        return [(row_id, uid, content) async for row_id, uid, content in self._rows_of(ids, ["uid", _CONTENT])]

    async def containing(self, uid: str, terms: Sequence[str]) -> list[str]:
        """Return ids of all the user's texts that literally contain every term, in no particular order, however many.

        An empty term is contained in every text, so without terms it is all the user's ids. The texts
        are scanned: an index for substrings (``Fm``) answers a rare word in 2 ms instead of 13, but
        takes seconds for a single letter.

        Raises:
            VectorStoreError: LanceDB failed.
        """
        [found] = await self.ids_containing_each_list(uid, [terms])
        return found

    async def ids_containing_each_list(self, uid: str, lists: Sequence[Sequence[str]]) -> list[list[str]]:
        """Do the same for several lists of terms in one scan. A text that fits any list must fit the last one.

        Raises:
            VectorStoreError: LanceDB failed.
        """
        if not lists:
            return []
        condition = _contains_all(owned_by(uid), lists[-1])
        # The terms of the last list are folded already: what 1.0.0 stored may fit a stricter one alone.
        for terms in lists[:-1]:
            if any(len(_forms(term)) > 1 for term in terms):
                condition = condition | _contains_all(owned_by(uid), terms)
        columns = [self.id_column, _CONTENT] if len(lists) > 1 else [self.id_column]
        rows = await self.read(self._handle.query().where(condition).select(columns), SEARCH_SECONDS)
        stricter = [_containing(rows, terms) for terms in lists[:-1]]
        return [part.column(self.id_column).to_pylist() for part in [*stricter, rows]]

    async def is_folded(self) -> bool:
        """Return whether all texts were folded as queries are, or have an entry; not those that 1.0.0 has written.

        Raises:
            VectorStoreError: LanceDB failed.
        """
        with report_failures_as(f"reading {self.name}"):
            metadata = (await self._handle.schema()).field(_CONTENT).metadata
        return bool(metadata) and metadata.get(schemas.FOLDING_KEY) == folding.VERSION.encode()

    async def record_folding(self) -> None:
        """Store that all texts are folded as queries are, or have an entry.

        Raises:
            VectorStoreError: LanceDB failed.
        """
        update = {"path": _CONTENT, "metadata": {schemas.FOLDING_KEY.decode(): folding.VERSION}}
        await self.write("updating", lambda: self._handle.update_field_metadata(update))

    async def ranked(self, uid: str, query: str, limit: int) -> list[str]:
        """Return ids of the user's texts that share pieces with the query, best first (BM25).

        The query is plain text, operators mean nothing; its first 128 characters count. Nothing is
        found for a query without any text.

        Raises:
            VectorStoreError: LanceDB failed.
        """
        wanted = fold(query)[:_RANKED_CHARACTERS].strip()
        if not wanted or limit < 1:
            return []
        matching = self._handle.query().where(owned_by(uid)).nearest_to_text(wanted, columns=_CONTENT)
        rows = await self.read(matching.select([self.id_column, "_score"]).limit(limit), SEARCH_SECONDS)
        scored = zip(rows.column("_score").to_pylist(), rows.column(self.id_column).to_pylist(), strict=True)
        return [row_id for _, row_id in sorted(scored, key=lambda row: (-row[0], row[1]))]


async def _folded(texts: Sequence[str]) -> list[str]:
    """Return all of them folded, in a thread where that takes long."""
    if sum(map(len, texts)) < _LARGE:
        return list(map(fold, texts))
    return await STORED_TEXTS.run(lambda: list(map(fold, texts)))


def _forms(term: str) -> list[str]:
    """Return what a term may be stored as: folded, and as 1.0.0 folded it, until all of its texts are folded again."""
    return list(dict.fromkeys((fold(term), fold_as_before(term))))


def _contains_all(owned: Expr, terms: Sequence[str]) -> Expr:
    """Return the condition of texts that are owned so and contain all terms, in the form that an index serves."""
    conditions = [
        reduce(or_, (col(_CONTENT).contains(lit(form)) for form in forms))
        for forms in map(_forms, dict.fromkeys(terms))
        if all(forms)
    ]
    return reduce(and_, conditions, owned)


def _containing(rows: pa.Table, terms: Sequence[str]) -> pa.Table:
    for term in terms:
        contents = rows.column(_CONTENT)
        rows = rows.filter(reduce(pc.or_, (pc.match_substring(contents, form) for form in _forms(term))))
    return rows
