from __future__ import annotations

import json
from pathlib import Path

import pytest
from bench.http.__main__ import main


@pytest.mark.parametrize("engine", ["sqlite", pytest.param("mariadb", marks=pytest.mark.long)])
def test_the_bench_over_http_runs_and_its_floor_answers_the_same(tmp_path: Path, engine: str) -> None:
    written = tmp_path / "rows.json"
    main(["--quick", "--engines", engine, "--seconds", "0.1", "--memos", "60", "--json", str(written)])
    rows = json.loads(written.read_text())
    compared = {(row["database"], row["what"]) for row in rows if "ratio" in row}
    operations = ("list", "get", "vector search", "hybrid search", "create")
    assert compared == {(engine, what) for what in operations}
    assert all(row["aimo"]["rate"] > 0 and row["floor"]["rate"] > 0 for row in rows if "ratio" in row)
    assert {"p99 200 ms", "ratio 0.4"} <= {row.get("bar") for row in rows}
