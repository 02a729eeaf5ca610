"""Keeps the command's memory flat, however large the database is."""

from __future__ import annotations

import ctypes
import gc
import os

import pyarrow as pa

# From malloc.h: the number of heaps that threads allocate from.
_M_ARENA_MAX = -8

# LanceDB reads ahead by up to 2 GB and scans 8,192 rows at a time (50 MB of 1,536 numbers each) by default.
# Merging the fragments of 200,000 vectors takes 150 MB with 16 MB read ahead, 230 with 64, and the same time.
_LANCE = {"LANCE_DEFAULT_BATCH_SIZE": "512", "LANCE_DEFAULT_IO_BUFFER_SIZE": str(16 * 1024 * 1024)}


def _libc() -> ctypes.CDLL | None:
    try:
        library = ctypes.CDLL(None)
    except (OSError, TypeError):
        return None
    return library if hasattr(library, "mallopt") and hasattr(library, "malloc_trim") else None


def bound() -> None:
    """Call once, after the imports and before LanceDB is used.

    Measured on 20,000 vectors of 1,536 numbers: 570 MB instead of 870.
    """
    for name, value in _LANCE.items():
        os.environ.setdefault(name, value)
    libc = _libc()
    if libc is not None:
        libc.mallopt(_M_ARENA_MAX, 2)
    # Arrow's own allocator keeps what it has had; the system's can be made to give it back.
    pa.set_memory_pool(pa.system_memory_pool())
    # What is imported stays; looking through it for garbage again and again took a fifth of the time.
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


def give_back() -> None:
    """Return what a finished stage has freed to the system."""
    gc.collect()
    libc = _libc()
    if libc is not None:
        libc.malloc_trim(0)
