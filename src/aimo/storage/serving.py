"""How stored bytes are shown to browsers without letting them run (decisions 10, contract 8.5).

What a file *is* decides, not what its uploader called it: only media recognised by their
first bytes are shown in place, everything else is a download in a sandbox.
"""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import quote

SNIFFED_BYTES = 64
"""How much of the beginning :func:`served_as` wants."""

_SANDBOX = "default-src 'none'; style-src 'unsafe-inline'; sandbox"
_UNKNOWN = "application/octet-stream"

_BY_EXTENSION = {
    "svg": "image/svg+xml",
    "txt": "text/plain; charset=utf-8",
    "md": "text/plain; charset=utf-8",
    "log": "text/plain; charset=utf-8",
    "csv": "text/csv; charset=utf-8",
    "json": "application/json",
    "zip": "application/zip",
    "doc": "application/msword",
    "xls": "application/vnd.ms-excel",
    "ppt": "application/vnd.ms-powerpoint",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    "epub": "application/epub+zip",
}
_BY_MAGIC = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"\x00\x00\x01\x00", "image/x-icon"),
    (b"%PDF-", "application/pdf"),
    (b"OggS", "audio/ogg"),
    (b"ID3", "audio/mpeg"),
    (b"\xff\xfb", "audio/mpeg"),
    (b"\xff\xf3", "audio/mpeg"),
    (b"\xff\xf2", "audio/mpeg"),
    (b"\xff\xf1", "audio/aac"),
    (b"\xff\xf9", "audio/aac"),
    (b"fLaC", "audio/flac"),
    (b"#!AMR", "audio/amr"),
)
_BY_RIFF = {b"WEBP": "image/webp", b"WAVE": "audio/wav"}
_BY_BRAND = {
    b"avif": "image/avif",
    b"avis": "image/avif",
    b"heic": "image/heic",
    b"heix": "image/heic",
    b"mif1": "image/heif",
    b"M4A ": "audio/mp4",
    b"M4B ": "audio/mp4",
    b"qt  ": "video/quicktime",
}


class ServedAs(NamedTuple):
    """The headers that decide what a browser does with a file."""

    content_type: str
    disposition: str
    policy: str


def served_as(name: str, beginning: bytes) -> ServedAs:
    """How to serve a file, from its name (a key will do) and its first ``SNIFFED_BYTES``."""
    recognised = sniff(beginning)
    filename = name.rpartition("/")[2]
    suffix = filename.rpartition(".")[2].lower()
    if recognised == "audio/ogg" and suffix == "ogv":
        recognised = "video/ogg"
    if recognised == "application/pdf":
        # A sandbox would keep browsers from opening their PDF viewer.
        return ServedAs(recognised, "inline", "base-uri 'none'; form-action 'none'; frame-ancestors 'self'")
    if recognised is not None:
        return ServedAs(recognised, "inline", _SANDBOX)
    return ServedAs(_BY_EXTENSION.get(suffix, _UNKNOWN), attachment_disposition(filename), _SANDBOX)


def sniff(beginning: bytes) -> str | None:
    """The media type that the first bytes give away; None for text and whatever is unknown."""
    for magic, media_type in _BY_MAGIC:
        if beginning.startswith(magic):
            return media_type
    if beginning.startswith(b"RIFF"):
        return _BY_RIFF.get(beginning[8:12])
    if beginning[4:8] == b"ftyp":
        return _BY_BRAND.get(beginning[8:12], "video/mp4")
    if beginning.startswith(b"\x1a\x45\xdf\xa3"):
        return "video/webm" if b"webm" in beginning else "video/x-matroska"
    if beginning.startswith(b"BM") and beginning[6:10] == bytes(4):
        return "image/bmp"
    return None


def attachment_disposition(filename: str) -> str:
    """``attachment`` with the percent-encoded name, the form in which clients expect it (contract 8.5)."""
    encoded = quote(filename, safe="!~*'()", errors="replace")
    return f'attachment; filename="{encoded}"'
