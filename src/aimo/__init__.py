"""AIMO: a self-hosted memo server that finds memos by words and by meaning."""
