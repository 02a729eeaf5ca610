"""Print nDCG@10 and recall@10 of every arm, by kind of query: ``python -m bench.search_quality``."""

from __future__ import annotations

import asyncio

from bench.search_quality.arms import arms
from bench.search_quality.metrics import load_memos, load_queries, ndcg, recall, score
from rich.console import Console
from rich.table import Table

from aimo.ai.local_embedder import LocalEmbedder


async def main() -> None:
    """Measure with the offline embedder."""
    memos, queries = load_memos(), load_queries()
    embedder = LocalEmbedder()
    found = await arms(embedder, memos, queries)
    await embedder.close()
    for title, measure in (("nDCG@10", ndcg), ("recall@10", recall)):
        scores = {name: score(arm, queries, measure) for name, arm in found.items()}
        kinds = list(scores["hybrid"])
        table = Table(title=f"{title}, {len(memos)} memos, {len(queries)} queries")
        table.add_column("arm")
        for kind in kinds:
            table.add_column(kind, justify="right")
        for name, by_kind in scores.items():
            table.add_row(name, *(f"{by_kind[kind]:.3f}" for kind in kinds))
        Console().print(table)


if __name__ == "__main__":
    asyncio.run(main())
