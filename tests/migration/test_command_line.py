"""The command itself: how it is called, how it ends, what it prints."""

from __future__ import annotations

import json
import random
import subprocess
from collections.abc import Iterator
from pathlib import Path

import jsonschema
import pytest
from tests.support.server import AIMO, environment

from aimo.legacy.plan.options import ROW_TABLES
from aimo.legacy.plan.run_plan import MAPPERS

from .source_builder import DIMENSION, plain_rows, write
from .support import SCHEMA, settings_for

USAGE = {
    "no source": ([], "--source is required"),
    "an unknown option": (["--source", "old", "--bogus"], "Unknown option"),
    "an option without its value": (["--source"], "requires an argument"),
    "a word too many": (["--source", "old", "more"], "more"),
    "a source that is not there": (["--source", "nowhere"], "there is no folder"),
    "the target as source": (["--source", "data/lancedb"], "must differ"),
    "an unknown table": (["--source", "old", "--table", "users", "--table", "nope"], "there is no such table"),
    "a batch of nothing": (["--source", "old", "--batch-size", "0"], "--batch-size"),
    "contradicting models": (["--source", "old", "--model", "x", "--reembed"], "exclude each other"),
    "a rehearsal that deletes": (["--source", "old", "--dry-run", "--purge-source"], "--dry-run"),
    "files from nowhere": (["--source", "old", "--copy-files", "nowhere"], "there is no folder"),
    "another kind of database": (["--source", "postgres://u@h/d"], "postgres:// is not understood"),
    "half an address": (["--source", "mysql://", "--reembed"], "--source must be mysql://USER@HOST:PORT/DATABASE"),
    "no vectors": (["--source", "mysql://u@127.0.0.1:9/d"], "--vectors is required"),
    "vectors without rows": (["--source", "old", "--vectors", "old"], "--vectors and --source-zone go with"),
    "no zone": (["--source", "mysql://u@h/d", "--reembed", "--source-zone", "Mars/X"], "--source-zone"),
    "a report that is a folder": (["--source", "old", "--report", "old"], "is a folder"),
    "a report to nowhere": (["--source", "old", "--report", "no/where.json"], "--report"),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    made = tmp_path_factory.mktemp("command")
    rows = plain_rows(random.Random(8), 20)
    (made / "old").mkdir()
    rows["tags"].append({"tagId": "t-x", "uid": "nobody", "name": "x"})
    write(made / "orphans", rows)
    (made / "data" / "lancedb").mkdir(parents=True)
    yield made


def aimo(folder: Path, *arguments: str, data: str = "data") -> subprocess.CompletedProcess[str]:
    settings = settings_for(folder / data, {}, DIMENSION)
    command = [str(AIMO), "migrate-data", *arguments]
    return subprocess.run(
        command, env=environment(settings), cwd=folder, capture_output=True, text=True, timeout=120, check=False
    )


def test_wrong_usage_ends_with_2_and_says_what_is_wrong(folder: Path) -> None:
    for what, (arguments, said) in USAGE.items():
        done = aimo(folder, *arguments)
        assert done.returncode == 2, (what, done.stdout, done.stderr)
        assert said in done.stdout + done.stderr, what
    assert list((folder / "data").rglob("*")) == [folder / "data" / "lancedb"], "nothing was written"


def test_a_run_ends_with_what_became_of_it(folder: Path) -> None:
    never = aimo(folder, "--source", "orphans", "--verify-only", data="new")
    assert (never.returncode, "State: pending" in never.stdout) == (1, True)
    done = aimo(folder, "--source", "orphans", "--report", "report.json", data="new")
    assert (done.returncode, "owner_missing" in done.stdout) == (3, True)
    report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    jsonschema.validate(report, SCHEMA, format_checker=jsonschema.FormatChecker())
    assert report["exit_code"] == 3
    again = aimo(folder, "--source", "orphans", data="new")
    assert (again.returncode, "Nothing to do" in again.stdout) == (3, True)


def test_the_tables_that_may_be_named_are_those_that_are_moved() -> None:
    assert tuple(mapper.source for mapper in MAPPERS) == ROW_TABLES
