"""What LanceDB says is passed on, and only files that are missing or broken are called damage."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from aimo.vectors.errors import DamagedTableError, VectorStoreError, report_failures_as
from aimo.vectors.schemas import memo_vectors
from aimo.vectors.table import open_table

MISSING = "lance error: Not found: /d/lancedb/memo_texts.lance/data/1.lance, lance-io/src/local.rs:141:31"
REFUSED = [
    "Unable to rename file: Operation not permitted (os error 1)",
    "Not found: /d/memo_texts.lance/data/1.lance: Permission denied (os error 13)",
    "Not found: /d/memo_texts.lance/_versions: Input/output error (os error 5)",
    "Table 'memo_texts' was not found: Too many open files (os error 24)",
    "failed to fill whole buffer: No space left on device (os error 28)",
    'Not found: /d/memo_texts.lance/x: Os { code: 116, kind: StaleNetworkFileHandle, message: "Stale file handle" }',
]


def raised(text: str) -> VectorStoreError:
    with pytest.raises(VectorStoreError) as found, report_failures_as("reading memo_texts"):
        raise RuntimeError(text)
    return found.value


@pytest.mark.parametrize("text", REFUSED)
def test_what_the_system_refuses_is_no_damage_and_keeps_its_reason(text: str) -> None:
    error = raised(text)
    assert not isinstance(error, DamagedTableError)
    assert str(error) == f"reading memo_texts: {text}"


@pytest.mark.parametrize("text", [MISSING, f"{MISSING}: No such file or directory (os error 2)"])
def test_a_missing_file_is_damage_and_keeps_its_reason(text: str) -> None:
    error = raised(text)
    assert isinstance(error, DamagedTableError)
    assert "run `aimo sync rebuild`" in str(error)
    assert text in str(error)


async def test_a_table_that_cannot_be_created_says_why(tmp_path: Path) -> None:
    class Refusing:
        uri = str(tmp_path)

        async def open_table(self, name: str) -> None:
            raise ValueError(f"Table '{name}' was not found")

        async def create_table(self, name: str, **_: Any) -> None:
            raise RuntimeError("Unable to rename file: Operation not permitted (os error 1)")

    with pytest.raises(
        VectorStoreError, match=r"opening table memo_vectors: Unable to rename .* \(os error 1\)"
    ) as found:
        await open_table(Refusing(), memo_vectors("m", 8))  # type: ignore[arg-type]
    assert not isinstance(found.value, DamagedTableError)
