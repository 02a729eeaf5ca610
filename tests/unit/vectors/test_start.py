"""Starting is quick: every command and every worker imports LanceDB."""

from __future__ import annotations

import sys

import aimo.vectors.store


def test_unused_rest_clients_of_lancedb_are_not_imported() -> None:
    assert hasattr(aimo.vectors.store, "lancedb")
    assert "lance_namespace_urllib3_client.models" in sys.modules
    assert not [name for name in sys.modules if name.startswith("lance_namespace_urllib3_client.api")]
