"""Uploads as browsers and worse clients send them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from aimo.errors import AimoError, Code
from aimo.http.asgi_types import Message
from aimo.http.input.multipart import MAX_FIELD_BYTES, Upload, receive_upload

LIMIT = 1_000_000


def part(name: str, data: bytes, filename: str | bytes | None = None, kind: str | None = None) -> bytes:
    head = f'Content-Disposition: form-data; name="{name}"'.encode()
    if filename is not None:
        head += b'; filename="' + (filename.encode() if isinstance(filename, str) else filename) + b'"'
    if kind is not None:
        head += f"\r\nContent-Type: {kind}".encode()
    return b"--B\r\n" + head + b"\r\n\r\n" + data + b"\r\n"


def body(*parts: bytes) -> bytes:
    return b"".join(parts) + b"--B--\r\n"


@asynccontextmanager
async def uploaded(
    folder: Path, data: bytes, *, kind: str = "multipart/form-data; boundary=B", step: int = 64 * 1024, **options: Any
) -> AsyncIterator[Upload]:
    pieces = [data[at : at + step] for at in range(0, len(data), step)] or [b""]
    cut = options.pop("cut", False)

    async def receive() -> Message:
        if pieces:
            piece = pieces.pop(0)
            return {"type": "http.request", "body": piece, "more_body": bool(pieces) or cut}
        return {"type": "http.disconnect"}

    scope = {"headers": [(b"content-type", kind.encode()), (b"content-length", str(len(data)).encode())]}
    wanted = {"field": "file", "max_size": LIMIT, "folder": folder, **options}
    async with receive_upload(scope, receive, **wanted) as upload:
        yield upload


async def refusal(folder: Path, data: bytes, **options: Any) -> tuple[Code, str]:
    with pytest.raises(AimoError) as refused:
        async with uploaded(folder, data, **options):
            pass
    assert list(folder.iterdir()) == []
    return refused.value.code, refused.value.message


@pytest.mark.parametrize("step", [1, 7, 100, 64 * 1024])
async def test_a_file_and_its_fields_arrive_in_any_order(tmp_path: Path, step: int) -> None:
    data = body(
        part("createdAt", b"1600000000000"),
        part("file", b"\r\n --B no boundary \r\n-", "a b.png", "Image/PNG; x=y"),
        part("properties", '{"名":1}'.encode()),
    )
    async with uploaded(tmp_path, data, step=step) as upload:
        assert (upload.filename, upload.content_type) == ("a b.png", "image/png")
        assert upload.path.read_bytes() == b"\r\n --B no boundary \r\n-"
        assert upload.size == 22
        assert upload.fields == {"createdAt": "1600000000000", "properties": '{"名":1}'}
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("size", [0, 1, 256 * 1024, LIMIT - 1, LIMIT])
async def test_every_size_up_to_the_limit_is_received_whole(tmp_path: Path, size: int) -> None:
    data = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
    async with uploaded(tmp_path, body(part("file", data, "x.bin"))) as upload:
        assert upload.size == size == upload.path.stat().st_size
        assert upload.path.read_bytes() == data


async def test_one_byte_more_is_too_large(tmp_path: Path) -> None:
    assert (await refusal(tmp_path, body(part("file", b"x" * (LIMIT + 1), "x"))))[0] == Code.FILE_TOO_LARGE
    assert (await refusal(tmp_path, b"x" * (LIMIT + 6 * 1024 * 1024)))[0] == Code.FILE_TOO_LARGE


@pytest.mark.parametrize(
    "data",
    [
        body(part("upload", b"x", "x.txt")),
        body(part("file", b"x", "x.txt"), part("file", b"y", "y.txt")),
        body(part("file", b"x", "x.txt"), part("other", b"y", "y.txt")),
        body(part("file", b"x", "x.txt"))[:-8],
        part("file", b"x" * 5000, "x.txt")[:3000],
        b"--B\r\nContent-Type: text/plain\r\n\r\nx\r\n--B--\r\n",
        b"--B\r\nContent-Disposition: form-data; name=file\r\n" + b"X: " + b"y" * 10_000 + b"\r\n\r\nx\r\n--B--\r\n",
        body(*[part(f"f{n}", b"x") for n in range(200)]),
        body(part("properties", b"x" * (MAX_FIELD_BYTES + 1)), part("file", b"x", "x.txt")),
        body(*[part(f"f{n}", b"x" * 900_000) for n in range(5)]),
        b"garbage",
    ],
)
async def test_what_is_no_proper_upload_is_refused_and_leaves_nothing(tmp_path: Path, data: bytes) -> None:
    assert await refusal(tmp_path, data) == (Code.FILE_UPLOAD_ERROR, "文件上传失败")


async def test_a_body_that_is_cut_off_is_refused(tmp_path: Path) -> None:
    data = part("file", b"x" * 600_000, "x.txt")
    assert (await refusal(tmp_path, data, cut=True))[0] == Code.FILE_UPLOAD_ERROR


@pytest.mark.parametrize(
    "kind", ["multipart/form-data", "multipart/form-data; boundary=", "multipart/mixed; boundary=B"]
)
async def test_multipart_without_a_usable_boundary_is_refused(tmp_path: Path, kind: str) -> None:
    assert (await refusal(tmp_path, body(part("file", b"x", "x")), kind=kind))[0] == Code.FILE_UPLOAD_ERROR


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b'{"file":"x"}', "application/json"),
        (b"{}", ""),
        (b"", "multipart/form-data; boundary=B"),
        (b"--B--\r\n", "multipart/form-data; boundary=B"),
        (body(part("createdAt", b"1")), "multipart/form-data; boundary=B"),
        (body(part("file", b"x")), "multipart/form-data; boundary=B"),
        (body(part("file", b"", "", "application/octet-stream")), "multipart/form-data; boundary=B"),
    ],
)
async def test_without_a_file_the_contract_says_so(tmp_path: Path, data: bytes, kind: str) -> None:
    assert await refusal(tmp_path, data, kind=kind) == (Code.PARAMS_ERROR, "No file uploaded")


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("会议纪要.txt", "会议纪要.txt"),
        ("caf\u00e9.txt".encode("latin-1"), "café.txt"),
        ("a/b/../c.txt", "c.txt"),
        ("C:\\\\dir\\\\d.txt", "d.txt"),
        ("%22quoted%22.txt", '"quoted".txt'),
        (b"a\x00b\x07\x7f.txt", "ab.txt"),
        (b"\x01\x02", "file"),
        ("x" * 300 + ".txt", "x" * 251 + ".txt"),
        ("x" * 300, "x" * 255),
    ],
)
async def test_file_names_are_readable_and_harmless(tmp_path: Path, sent: str | bytes, kept: str) -> None:
    async with uploaded(tmp_path, body(part("file", b"x", sent))) as upload:
        assert upload.filename == kept


async def test_the_extended_form_of_a_file_name_is_understood(tmp_path: Path) -> None:
    head = b"--B\r\nContent-Disposition: form-data; name=file; filename*=UTF-8''%E4%BC%9A.txt\r\n\r\nx\r\n--B--"
    async with uploaded(tmp_path, head) as upload:
        assert upload.filename == "会.txt"


@pytest.mark.parametrize(
    ("declared", "kept"),
    [
        (None, "text/plain"),
        ("TEXT/HTML; charset=x", "text/html"),
        ("image/svg+xml", "image/svg+xml"),
        ("nonsense", "text/plain"),
        ("a/b c", "text/plain"),
        ("image/" + "x" * 60 + "y" * 60, "text/plain"),
    ],
)
async def test_media_types_are_tidied(tmp_path: Path, declared: str | None, kept: str) -> None:
    async with uploaded(tmp_path, body(part("file", b"x", "x", declared))) as upload:
        assert upload.content_type == kept


async def test_a_refused_type_is_refused_before_its_size(tmp_path: Path) -> None:
    def only_images(media_type: str) -> None:
        if not media_type.startswith("image/"):
            raise AimoError(Code.UNSUPPORTED_FILE_TYPE)

    data = body(part("file", b"x" * (LIMIT + 1), "x.txt", "text/plain"))
    assert (await refusal(tmp_path, data, check=only_images))[0] == Code.UNSUPPORTED_FILE_TYPE


async def test_a_full_disk_is_a_storage_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(AimoError) as refused:
        async with uploaded(tmp_path / "file", body(part("file", b"x" * 600_000, "x"))):
            pass
    assert refused.value.code == Code.STORAGE_ERROR


async def test_a_stalled_upload_ends(tmp_path: Path) -> None:
    async def receive() -> Message:
        await asyncio.Event().wait()
        raise AssertionError

    scope = {"headers": [(b"content-type", b"multipart/form-data; boundary=B")]}
    with pytest.raises(AimoError) as refused:
        async with receive_upload(scope, receive, field="file", max_size=1, folder=tmp_path, idle_seconds=0.05):
            pass
    assert refused.value.code == Code.FILE_UPLOAD_ERROR


async def test_an_upload_slower_than_the_minimum_pace_is_refused(tmp_path: Path) -> None:
    async def receive() -> Message:
        await asyncio.sleep(0.02)
        return {"type": "http.request", "body": b"-", "more_body": True}

    scope = {"headers": [(b"content-type", b"multipart/form-data; boundary=B")]}
    async with asyncio.timeout(5):
        with pytest.raises(AimoError) as refused:
            async with receive_upload(scope, receive, field="file", max_size=10**9, folder=tmp_path, idle_seconds=0.1):
                pass
    assert refused.value.code == Code.FILE_UPLOAD_ERROR


async def test_a_cancelled_upload_leaves_nothing(tmp_path: Path) -> None:
    halfway = asyncio.Event()
    data = part("file", b"x" * 900_000, "x")
    pieces = [data]

    async def receive() -> Message:
        if pieces:
            return {"type": "http.request", "body": pieces.pop(), "more_body": True}
        halfway.set()
        await asyncio.Event().wait()
        raise AssertionError

    async def upload() -> None:
        scope = {"headers": [(b"content-type", b"multipart/form-data; boundary=B")]}
        async with receive_upload(scope, receive, field="file", max_size=LIMIT, folder=tmp_path):
            pass

    task = asyncio.create_task(upload())
    await halfway.wait()
    assert len(list(tmp_path.iterdir())) == 1
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert list(tmp_path.iterdir()) == []


async def test_a_large_upload_does_not_hold_up_the_event_loop(tmp_path: Path) -> None:
    longest = 0.0
    running = True

    async def watch() -> None:
        nonlocal longest
        loop = asyncio.get_running_loop()
        while running:
            before = loop.time()
            await asyncio.sleep(0.001)
            longest = max(longest, loop.time() - before)

    watcher = asyncio.create_task(watch())
    data = body(part("file", b"x" * 30_000_000, "x"))
    async with uploaded(tmp_path, data, step=400_000, max_size=50_000_000) as upload:
        assert upload.size == 30_000_000
    running = False
    await watcher
    assert longest < 0.25
