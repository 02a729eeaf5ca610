"""Everything kept in LanceDB: vectors, texts and the embedding caches. Nothing else imports lancedb.

Start at `aimo.vectors.store.VectorStore`; docs/lancedb.md tells how it works.
"""

import importlib.util
import sys
from types import ModuleType


def _leave_out_rest_clients() -> None:
    """Give the package of LanceDB's REST API without the clients that importing it would make.

    They take half a second of each process, and serve catalogues that AIMO never asks; lancedb itself needs only the
    shapes below them, which it imports by their own names.
    """
    name = "lance_namespace_urllib3_client"
    found = importlib.util.find_spec(name)
    if found is not None and name not in sys.modules:
        package = ModuleType(name)
        package.__spec__, package.__path__ = found, list(found.submodule_search_locations or [])
        sys.modules[name] = package


_leave_out_rest_clients()
