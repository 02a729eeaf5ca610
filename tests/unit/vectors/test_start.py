"""Starting is quick: every command and every worker imports LanceDB."""

from __future__ import annotations

import subprocess
import sys

# In a process of its own: another test may have asked for what nobody should import by himself.
_IMPORTS = """
import sys
import aimo.vectors.store
assert aimo.vectors.store.lancedb
assert "lance_namespace_urllib3_client.models" in sys.modules
print([name for name in sys.modules if name.startswith("lance_namespace_urllib3_client.api")])
"""


def test_unused_rest_clients_of_lancedb_are_not_imported() -> None:
    command = [sys.executable, "-c", _IMPORTS]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (0, "[]\n"), done.stderr
