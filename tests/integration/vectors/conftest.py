"""A store of its own for every test, and vectors to fill it with."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from aimo.vectors.store import VectorStore

DIMENSION = 8

OpenStore = Callable[..., Awaitable[VectorStore]]


@pytest.fixture
async def open_store(tmp_path: Path) -> AsyncIterator[OpenStore]:
    """Opens the store of this test, as often as wanted; all are closed at the end. The first one writes."""
    stores: list[VectorStore] = []

    async def open_one(**options: Any) -> VectorStore:
        stores.append(await VectorStore.open(tmp_path / "lancedb", **{"model": "m", "dimension": DIMENSION, **options}))
        if len(stores) == 1:
            await stores[0].raise_fence()
        return stores[-1]

    yield open_one
    for store in stores:
        await store.close()


@pytest.fixture
async def store(open_store: OpenStore) -> VectorStore:
    """A fresh store for vectors of 8 numbers."""
    return await open_store()


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(7)


def same_vector(found: np.ndarray | None, expected: npt.ArrayLike) -> bool:
    """Whether a vector was found, and is this one."""
    return found is not None and np.array_equal(found, expected)
