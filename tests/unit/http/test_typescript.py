"""The TypeScript types in the repository are those of the API as it is now."""

from __future__ import annotations

import json
import re
from hashlib import sha256
from pathlib import Path
from typing import Any

from aimo.http.app import CONTROLLERS, DEPENDENCIES
from aimo.http.output.openapi import document

TYPES = Path(__file__).resolve().parents[3] / "packages/dto/index.d.ts"
HEAD, _, BODY = TYPES.read_text(encoding="utf-8").partition("\n\n")


def recorded(what: str) -> str:
    found = re.search(rf"^// {what}: sha256 (\w+)$", HEAD, re.MULTILINE)
    assert found, HEAD
    return found[1]


def digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def test_types_match_the_current_openapi_document() -> None:
    described = document(CONTROLLERS, DEPENDENCIES)
    parts = {part: described[part] for part in ("paths", "components")}
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert digest(text) == recorded("Document"), "the API has changed: run `make types` and commit what it wrote"


def test_types_are_as_they_were_generated() -> None:
    assert digest(BODY) == recorded("Types"), "packages/dto/index.d.ts is generated: run `make types`"


def test_every_shape_can_be_imported_by_its_name() -> None:
    described: Any = document(CONTROLLERS, DEPENDENCIES)
    schemas = described["components"]["schemas"]
    exported = re.findall(r"^export type (\w+) = components\['schemas'\]", BODY, re.MULTILINE)
    assert sorted(exported) == sorted(schemas)
