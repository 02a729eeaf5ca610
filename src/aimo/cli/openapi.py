"""``aimo openapi``: write the API's document."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import Parameter

from aimo import config
from aimo.http.app import CONTROLLERS, DEPENDENCIES
from aimo.http.output.openapi import document


def openapi(
    *, output: Annotated[Path | None, Parameter(help="File to write; standard output when absent.")] = None
) -> None:
    """Write the OpenAPI document of the API, as the server answers it at /api/v1/openapi.json."""
    described = document(CONTROLLERS, DEPENDENCIES, prefix=config.load().public_path)
    text = msgspec.json.format(msgspec.json.encode(described), indent=2).decode()
    if output is None:
        print(text)
    else:
        output.write_text(text + "\n", encoding="utf-8")
