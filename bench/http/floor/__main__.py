"""Serve the floor just as `aimo serve` serves AIMO: ``python -m bench.http.floor``."""

from __future__ import annotations

import multiprocessing

from aimo import config
from aimo.cli.serve import run_http_server

if __name__ == "__main__":
    multiprocessing.set_start_method("spawn")
    run_http_server("bench.http.floor.app:create", config.load())
