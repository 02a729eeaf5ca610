"""A backup that somebody else made costs no more memory than one's own, and changes nothing."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.server import environment

from aimo.db import migrate
from aimo.db.queries import backup as sql

MEMOS = "tables/memos/000000.ndjson"
CACHE = "vectors/embedding_cache/000000.ndjson"
MOST_MB = 300
_MIB = 1024 * 1024
_HEADER = {"format": 1, "aimo": "1", "schema": "", "created_at": 0, "database": "sqlite", "model": "m", "dimension": 1}

# What is written: (name, size that the header tells, content); a content is bytes and how often they are repeated.
Piece = tuple[bytes, int]

_RESTORING = """
import asyncio, json, os, re, sys
from pathlib import Path
from aimo import config
from aimo.db.queries import backup as sql
from aimo.db.transaction import transaction
from aimo.dto.users import RegisterBody
from aimo.errors import ConfigurationError
from aimo.runtime import Runtime
from aimo.services.backup.export import Backup
from aimo.services.backup.restore import Restore

def peak():
    return int(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]) // 1024

async def main():
    async with Runtime(config.load(), worker=False) as runtime:
        stores = runtime.stores
        for path in sys.argv[1:]:
            Path("/proc/self/clear_refs").write_text("5")
            try:
                await Restore(stores.database, stores.vectors, stores.storage).read(Path(path))
                told = "restored"
            except ConfigurationError as error:
                told = str(error)
            print(json.dumps([told, peak()]), flush=True)
        user = await runtime.services.accounts.register(RegisterBody(email="a@example.test", password="Passw0rd-1"))
        row = {"uid": user.uid, "content": "x" * 1048576, "type": "text", "is_public": False}
        row |= {"created_at": 0, "updated_at": 0}
        for number in range(100):
            async with transaction(stores.database, "plant") as connection:
                await sql.write(connection, "memos", [row | {"memo_id": f"m{number}", "seq": number}])
        Path("/proc/self/clear_refs").write_text("5")
        backup = Backup(stores.database, stores.vectors, stores.embeddings.embedder, stores.storage)
        await backup.write(Path("b.tar.gz"))
        print(json.dumps(["backup", peak()]), flush=True)

asyncio.run(main())
"""


def memo(**values: bytes) -> bytes:
    """A row of memos in which these columns have this JSON."""
    plain = dict.fromkeys(sql.TABLES["memos"].columns.keys(), b"null")
    return b"{" + b",".join(b'"%s":%s' % (k.encode(), v) for k, v in (plain | values).items()) + b"}"


def info(name: str, size: int = 0, kind: bytes = tarfile.REGTYPE, **more: Any) -> bytes:
    made = tarfile.TarInfo(name)
    made.size, made.type = size, kind
    for key, value in more.items():
        setattr(made, key, value)
    return made.tobuf(tarfile.GNU_FORMAT)


def negative(name: str) -> bytes:
    """A header whose size is -512."""
    header = bytearray(info(name))
    header[124:136] = b"\xff" * 10 + b"\xfe\x00"
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    return bytes(header)


def member(name: str, *pieces: Piece, told: int | None = None) -> list[Piece]:
    size = sum(len(content) * times for content, times in pieces)
    return [(info(name, size if told is None else told), 1), *pieces, (b"\0" * (-size % 512), 1)]


def start() -> list[Piece]:
    header = _HEADER | {"schema": migrate.known_revisions()[-1]}
    return member("backup.json", (json.dumps(header).encode(), 1))


def written(path: Path, pieces: list[Piece]) -> Path:
    """Write gzip members one after another, so that what is repeated is compressed once."""
    with path.open("wb") as file:
        for content, times in pieces:
            block = max(1, min(times, 4 * _MIB // max(1, len(content))))
            packed = gzip.compress(content * block, 9)
            for _ in range(times // block):
                file.write(packed)
            if times % block:
                file.write(gzip.compress(content * (times % block), 9))
    return path


def long_row(**values: bytes) -> list[Piece]:
    return member(MEMOS, (memo(**values) + b"\n", 1))


def filled(before: bytes, piece: bytes, after: bytes, size: int = 38 * _MIB) -> bytes:
    return before + piece * (size // len(piece)) + after


HOSTILE: dict[str, tuple[Callable[[], list[Piece]], str]] = {
    "a part of one gigabyte": (lambda: member(MEMOS, (b"x" * 1024, _MIB)), "longer than"),
    "a line without end": (lambda: member(MEMOS, (b"x" * 1024, 43 * 1024)), "a line of more than"),
    "rows without columns": (lambda: member(MEMOS, (b"{}\n", 10 * _MIB)), "columns"),
    "a row of many keys": (lambda: member(MEMOS, (filled(b'{"a":1', b',"a":1', b"}\n"), 1)), "unknown field"),
    "a list of many lists": (lambda: long_row(tag_ids=filled(b"[0", b",[]", b"]")), "cannot be one"),
    "a text of wide characters": (lambda: long_row(content=filled('"😀'.encode(), b"a", b'"')), "cannot be one"),
    "a text for a number": (lambda: long_row(seq=filled(b'"', b"a", b'"')), "cannot be one"),
    "lists in lists": (lambda: long_row(tag_ids=b"[" * 10**6 + b"]" * 10**6), "recursion"),
    "a vector of millions": (lambda: member(CACHE, (b'{"embedding":"', 1), (b"QUJDRA==", 5 * _MIB)), "a line of more"),
    "a header of one gigabyte": (lambda: member("backup.json", (b" " * 1024, _MIB)), "longer than"),
    "a name of one gigabyte": (
        lambda: [(info("././@LongLink", 1024 * _MIB, tarfile.GNUTYPE_LONGNAME), 1), (b"x" * 1024, _MIB)],
        "too long",
    ),
    "a description of one gigabyte": (
        lambda: [(info("x", 1024 * _MIB, tarfile.XHDTYPE), 1), (b"x" * 1024, _MIB)],
        "too long",
    ),
    "many descriptions of one member": (
        lambda: [(info("x", 512, tarfile.XHDTYPE) + b"9 path=a\n".ljust(512, b"\0"), 1_000_000)],
        "too long",
    ),
    "descriptions of everything": (
        lambda: [(info("x", 512, tarfile.XGLTYPE) + b"9 path=a\n".ljust(512, b"\0"), 1), *member("files/a", (b"x", 1))],
        "no plain file",
    ),
    "a sparse file of many holes": (
        lambda: [
            (info("x", 1024, tarfile.XHDTYPE), 1),
            (b"22 GNU.sparse.major=1\n22 GNU.sparse.minor=0\n".ljust(1024, b"\0"), 1),
            (info("files/u/a.txt", 1024 * _MIB), 1),
            (b"999999999\n".ljust(512, b"0") + b"\n", 1),
            (b"1\n" * 512, _MIB),
        ],
        "too long|no plain file|cannot be read",
    ),
    "a negative length": (lambda: [(negative("files/u/a.txt"), 1)] * 3, "negative|too long|cannot be read"),
    "a link": (lambda: [(info("files/u/a.txt", 0, tarfile.SYMTYPE, linkname="/etc/passwd"), 1)], "no plain file"),
    "a device": (lambda: [(info("files/u/a.txt", 0, tarfile.CHRTYPE), 1)], "no plain file"),
    "an absolute name": (lambda: member("/etc/passwd", (b"x", 1)), "no member"),
    "a file elsewhere": (lambda: member("files/../../evil", (b"x", 1)), "no name of a stored file"),
    "one name twice": (
        lambda: member("files/a", (b"x", 1)) + member("files/a", (b"y", 1)) + member("manifest.json", (b"{}", 1)),
        "twice",
    ),
    "a file that is shorter than told": (
        lambda: member("files/u/a.txt", (b"x", 1000), told=10**12),
        "cannot be read|room|free",
    ),
    "a file larger than the disk": (lambda: member("files/u/a.txt", told=2**60), "free on the disk"),
    "a list of one gigabyte": (
        lambda: member("manifest.json", (b'{"members":[', 1), (b'"' + b"x" * 1023, _MIB)),
        "cannot be read",
    ),
    "a list of a number without end": (
        lambda: member("manifest.json", (b'{"members":[1.', 1), (b"1" * 1024, _MIB)),
        "too long",
    ),
    "a list of many members": (
        lambda: member(
            "manifest.json",
            (b'{"members":[{"name":"x","bytes":1,"sha256":""}', 1),
            (b',{"name":"x","bytes":1,"sha256":""}', 500_000),
            (b'],"rows":{},"missing_files":[]}', 1),
        ),
        "not what was written",
    ),
    "no archive": (lambda: [(b"hello", 1)], "cannot be read"),
}


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, tuple[str, int]]]:
    """What restoring each of them told, and the peak of its memory in MB."""
    folder = tmp_path_factory.mktemp("hostile")
    paths = []
    for number, (name, (make, _)) in enumerate(HOSTILE.items()):
        first = [] if "header" in name or name == "no archive" else start()
        paths.append(written(folder / f"{number}.tar.gz", [*first, *make()]))
    settings = {"AIMO_DATA_DIR": str(folder / "data"), "EMBEDDER": "local"}
    done = subprocess.run(
        [sys.executable, "-c", _RESTORING, *map(str, paths)],
        env=environment(settings),
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    told = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("[")]
    assert list((folder / "data" / "attachments").rglob("*.*")) == [folder / "data" / "attachments" / ".incoming"]
    yield dict(zip([*HOSTILE, "backup"], [(text, peak) for text, peak in told], strict=True))
    for path in paths:
        path.unlink()


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_backup_is_refused_in_one_line_and_little_memory(
    outcomes: dict[str, tuple[str, int]], name: str
) -> None:
    told, peak = outcomes[name]
    assert told.startswith("The backup is damaged: ")
    assert told.endswith("Nothing was changed.")
    assert "\n" not in told
    assert len(told) < 1000
    assert any(part in told for part in HOSTILE[name][1].split("|")), told
    assert peak < MOST_MB


def test_a_backup_of_long_memos_takes_little_memory(outcomes: dict[str, tuple[str, int]]) -> None:
    """One hundred memos of a megabyte each."""
    assert outcomes["backup"][1] < MOST_MB
