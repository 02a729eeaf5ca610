"""The client that is committed is the one that its sources build; types hold and unit tests pass."""

from __future__ import annotations

import gzip
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]
BUILT = ROOT / "src" / "aimo" / "http" / "web"


def test_the_committed_client_is_what_its_sources_build() -> None:
    command = [str(ROOT / "scripts" / "web"), "check"]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr


def test_compressed_assets_hold_what_the_plain_ones_do() -> None:
    assets = [path for path in (BUILT / "assets").iterdir() if path.suffix in {".js", ".css"}]
    assert len(assets) > 10
    for path in assets:
        assert gzip.decompress(path.with_name(path.name + ".gz").read_bytes()) == path.read_bytes()
        assert 0 < path.with_name(path.name + ".br").stat().st_size < path.stat().st_size


def test_the_lock_file_names_no_registry() -> None:
    assert '"resolved"' not in (ROOT / "web" / "package-lock.json").read_text()
