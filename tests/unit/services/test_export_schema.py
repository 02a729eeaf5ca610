"""The schema of `memos.json` is published, and is that of the code."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec

from aimo.services.export.records import Document

PAGE = Path(__file__).resolve().parents[3] / "docs/export.schema.json"


def test_the_published_schema_is_that_of_the_code() -> None:
    assert json.loads(PAGE.read_text(encoding="utf-8")) == msgspec.json.schema(Document)
