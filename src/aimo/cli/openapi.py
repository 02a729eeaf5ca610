"""``aimo openapi``: write the API's document."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import Parameter

from aimo.http.app import CONTROLLERS, DEPENDENCIES
from aimo.http.output.openapi import document


def openapi(
    *, output: Annotated[Path | None, Parameter(help="File to write; standard output when absent.")] = None
) -> None:
    """Write the OpenAPI document of the API, as the server answers it at /api/v1/openapi.json."""
    text = msgspec.json.format(msgspec.json.encode(document(CONTROLLERS, DEPENDENCIES)), indent=2).decode()
    if output is None:
        print(text)
    else:
        output.write_text(text + "\n", encoding="utf-8")
