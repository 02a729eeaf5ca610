"""docs/indexes.md names every index with its columns, and every statement that looks something up."""

from __future__ import annotations

import fnmatch
import re
from pathlib import Path

from sqlalchemy import UniqueConstraint
from sqlalchemy.sql import Insert
from tests.support.statements import family, registered

from aimo.db.schema import Model

PAGE = (Path(__file__).resolve().parents[3] / "docs/indexes.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| `([\w.]+)` \| ([\w, ]+) \| [^|]+ \| [^|]+ \|$", PAGE, re.MULTILINE)


def real_indexes() -> dict[str, str]:
    found = {}
    for table in Model.metadata.tables.values():
        found[f"{table.name}.PRIMARY"] = table.primary_key.columns.keys()
        found |= {str(index.name): index.columns.keys() for index in table.indexes}
        unique = [rule for rule in table.constraints if isinstance(rule, UniqueConstraint)]
        found |= {str(rule.name): rule.columns.keys() for rule in unique}
    return {name: ", ".join(columns) for name, columns in found.items()}


def test_every_index_is_documented_with_its_columns_and_no_other() -> None:
    assert dict(ROWS) == real_indexes()
    assert len(ROWS) == len(dict(ROWS))


def test_every_statement_that_looks_something_up_is_documented() -> None:
    """`doctor.*` stands for all statements of the doctor."""
    looking = {family(name) for name, entry in registered().items() if not isinstance(entry.statement, Insert)}
    for named in re.findall(r"`([a-z_]+\.[a-z_*]+)`", PAGE):
        looking -= set(fnmatch.filter(looking, named))
    assert sorted(looking) == []
