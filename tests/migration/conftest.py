"""What the tests of the migration have in common."""

from __future__ import annotations

import gc
from typing import Any

import pytest

from aimo.config import Settings

from .source_builder import DIMENSION
from .support import MakeSettings


@pytest.fixture(autouse=True)
def spared_garbage_collector() -> None:
    """As in the command: each stage collects garbage, and must not look through what was there before every time."""
    gc.collect()
    gc.freeze()


@pytest.fixture
def installed(settings: MakeSettings) -> MakeSettings:
    """An installation with the model of the made sources."""

    def make(**values: Any) -> Settings:
        return settings(
            **{
                "openai_api_key": "unused",
                "openai_embedding_dimensions": DIMENSION,
                "mysql_driver": "asyncmy",
                **values,
            }
        )

    return make
