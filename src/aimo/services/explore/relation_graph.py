"""The graph around a memo: references in both directions, and memos on the same subject.

See docs/contract/explore.md#relations.
"""

from __future__ import annotations

from collections.abc import Sequence

import structlog

from aimo.db.connection import Database
from aimo.db.queries import relations as relation_queries
from aimo.db.queries.memos import MemoRow
from aimo.db.queries.relations import ReferenceRow
from aimo.dto.explore import EdgeKind, Graph, GraphEdge, GraphNode, NodeKind, Relations
from aimo.errors import AimoError, Code, ProviderError
from aimo.services.embedding.service import EmbeddingService
from aimo.services.memos.lists import load_rows_by_ids
from aimo.services.memos.service import one
from aimo.services.utf16_text import beginning, cut
from aimo.vectors.errors import VectorStoreError
from aimo.vectors.store import VectorStore

log = structlog.get_logger(__name__)

_MOST_BACKLINKS = 1000
_MOST_THEMATIC = 4
_THEME_UNITS = 500
_EMBED_SECONDS = 8.0

OUTGOING: EdgeKind = "outgoing"
INCOMING: EdgeKind = "incoming"
THEMATIC: EdgeKind = "thematic"
_LABELS: dict[EdgeKind, str] = {OUTGOING: "引用", INCOMING: "被引用", THEMATIC: "主题关联"}
_SAYINGS: dict[EdgeKind, str] = {
    OUTGOING: "引用了 {} 条相关笔记",
    INCOMING: "被 {} 条笔记引用",
    THEMATIC: "发现 {} 个主题关联",
}
_ALONE = "暂未发现与其他笔记的关联"
_CUES = (
    (("项目", "project"), "这个项目的整体进展如何？"),
    (("会议", "meeting"), "还有哪些相关的会议记录？"),
    (("问题", "bug", "issue"), "这个问题最终如何解决？"),
)


class RelationGraph:
    """Draws the graph with four statements and one vector search."""

    def __init__(self, database: Database, vectors: VectorStore, embeddings: EmbeddingService) -> None:
        self._database = database
        self._vectors = vectors
        self._embeddings = embeddings

    async def draw(self, uid: str, memo_id: str, *, backlinks: bool) -> Relations:
        """Return the graph of a user's memo; SYSTEM_ERROR with the contract's text when there is no such memo."""
        async with self._database.reads() as connection:
            try:
                centre = await one(connection, uid, memo_id)
            except AimoError as error:
                raise failed("Memo not found") from error
            found = await relation_queries.targets(connection, owner=uid, memo_ids=[memo_id])
            targets = sorted(found, key=lambda row: row.position)
            sources: Sequence[ReferenceRow] = []
            if backlinks:
                sources = await relation_queries.backlinks(
                    connection, owner=uid, memo_id=memo_id, limit=_MOST_BACKLINKS
                )
        similar = await self._similar(uid, centre)
        drawing = _GraphBuilder(centre)
        for row in targets:
            drawing.add(row, "related", OUTGOING)
        for row in sources:
            drawing.add(row, "backlink", INCOMING)
        linked = {row.memo_id for row in (*targets, *sources)}
        fresh = [memo_id for memo_id in similar if memo_id not in linked]
        async with self._database.reads() as connection:
            for other in await load_rows_by_ids(connection, uid, fresh):
                drawing.add(other, "related", THEMATIC)
        return drawing.finish()

    async def _similar(self, uid: str, row: MemoRow) -> list[str]:
        """Return ids of the memos on the same subject; none when that is not known."""
        table, embedder = self._vectors.memo_vectors, self._embeddings.embedder
        theme = cut(row.content, _THEME_UNITS)
        try:
            vector = await table.get(uid, row.memo_id) if theme == row.content else None
            if vector is None and theme.strip() and table.matches(embedder.model, embedder.dimension):
                vector = await self._embeddings.query(theme, seconds=_EMBED_SECONDS)
            if vector is None:
                return []
            hits = await table.search(uid, vector, _MOST_THEMATIC, exclude=row.memo_id)
        except (ProviderError, VectorStoreError) as error:
            log.warning("relation graph without thematic edges", reason=str(error))
            return []
        return [hit.id for hit in hits if hit.similarity >= embedder.thematic]


class _GraphBuilder:
    """Nodes and edges in the making; every memo is drawn once."""

    def __init__(self, centre: MemoRow) -> None:
        self._centre = centre
        self._nodes = {centre.memo_id: _node(centre, "source")}
        self._edges: list[GraphEdge] = []

    def add(self, row: MemoRow | ReferenceRow, kind: NodeKind, edge: EdgeKind) -> None:
        """Draw a memo and the edge between it and the one in the centre."""
        self._nodes.setdefault(row.memo_id, _node(row, kind))
        ends = (self._centre.memo_id, row.memo_id)
        source, target = reversed(ends) if edge == INCOMING else ends
        self._edges.append(GraphEdge(source=source, target=target, type=edge, label=_LABELS[edge]))

    def finish(self) -> Relations:
        """Return the graph with its analysis and suggestions."""
        counts = {kind: sum(edge.type == kind for edge in self._edges) for kind in _LABELS}
        said = [_SAYINGS[kind].format(count) for kind, count in counts.items() if count]
        graph = Graph(
            nodes=list(self._nodes.values()),
            edges=self._edges,
            center_memo_id=self._centre.memo_id,
            analysis="，".join(said) + "。" if said else _ALONE,
        )
        return Relations(graph=graph, suggested_explorations=_suggestions(self._centre.content, counts))


def failed(reason: str) -> AimoError:
    """Return the failure that clients see when there is no graph."""
    return AimoError(Code.SYSTEM_ERROR, f"Failed to get relationship graph: {reason}")


def _node(row: MemoRow | ReferenceRow, kind: NodeKind) -> GraphNode:
    first_line = row.content.split("\n", 1)[0].strip()
    return GraphNode(
        id=row.memo_id,
        type=kind,
        title=beginning(first_line, 50),
        content=cut(row.content, 200),
        created_at=row.created_at,
    )


def _suggestions(content: str, counts: dict[EdgeKind, int]) -> list[str]:
    lowered = content.lower()
    found = []
    if counts[OUTGOING] or counts[INCOMING]:
        found.append("这些笔记之间有什么联系？")
    if counts[THEMATIC]:
        found.append("深入探索这个主题")
    found += [question for cues, question in _CUES if any(cue in lowered for cue in cues)]
    return [*found, "基于这个话题继续探索"][:3]
