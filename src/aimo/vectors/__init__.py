"""Everything kept in LanceDB: vectors, texts and the embedding caches. Nothing else imports lancedb.

Start at `aimo.vectors.store.VectorStore`; docs/lancedb.md tells how it works.
"""
