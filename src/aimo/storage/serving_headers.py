"""How stored bytes are served by this server without letting them run.

What a file *is* decides, not what its uploader called it: only inert media recognised by their
first bytes are shown in place, everything else is a download of no type. Both are sandboxed.
"""

from __future__ import annotations

from typing import NamedTuple

from aimo.storage.content_types import INERT, UNKNOWN, attachment_disposition

SNIFFED_BYTES = 64
"""How much of the beginning :func:`serving_headers` wants."""

SANDBOX = "default-src 'none'; style-src 'unsafe-inline'; sandbox"
"""The policy of answers that hold what users uploaded."""

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


class ServingHeaders(NamedTuple):
    """The headers that decide what a browser does with a file."""

    content_type: str
    disposition: str
    policy: str


def serving_headers(name: str, beginning: bytes) -> ServingHeaders:
    """Return how to serve a file, from its name (a key will do) and its first ``SNIFFED_BYTES``."""
    recognised = sniff(beginning)
    filename = name.rpartition("/")[2]
    suffix = filename.rpartition(".")[2].lower()
    if recognised == "audio/ogg" and suffix == "ogv":
        recognised = "video/ogg"
    if recognised == "application/pdf":
        # A sandbox would keep browsers from opening their PDF viewer.
        return ServingHeaders(recognised, "inline", "base-uri 'none'; form-action 'none'; frame-ancestors 'self'")
    if recognised in INERT:
        return ServingHeaders(recognised, "inline", SANDBOX)
    return ServingHeaders(UNKNOWN, attachment_disposition(filename), SANDBOX)


def sniff(beginning: bytes) -> str | None:
    """Return the media type that the first bytes give away; None for text and whatever is unknown."""
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
