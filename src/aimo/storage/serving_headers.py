"""How stored bytes are served by this server without letting them run.

What a file *is* decides, not what its uploader called it: only inert media recognised by their
first bytes are shown in place, everything else is a download of no type. Both are sandboxed.
"""

from __future__ import annotations

from typing import NamedTuple

from aimo.storage.content_types import INERT, UNKNOWN, attachment_disposition
from aimo.storage.protocol import StoredObject

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
    (b"II*\x00", "image/tiff"),
    (b"MM\x00*", "image/tiff"),
    (b"II+\x00\x08\x00", "image/tiff"),
    (b"MM\x00+\x00\x08", "image/tiff"),
    (b"\xff\x0a", "image/jxl"),
    (b"\x00\x00\x00\x0cJXL \r\n\x87\n", "image/jxl"),
    (b"ID3", "audio/mpeg"),
    (b"ADIF", "audio/aac"),
    (b"fLaC", "audio/flac"),
    (b"#!AMR", "audio/amr"),
    (b"caff\x00\x01\x00\x00", "audio/x-caf"),
    (b"\x00\x00\x01\xba", "video/mpeg"),
    (b"\x00\x00\x01\xb3", "video/mpeg"),
)
# Containers of chunks: how the file begins, and what stands eight bytes further.
_BY_FORM = {
    (b"RIFF", b"WEBP"): "image/webp",
    (b"RIFF", b"WAVE"): "audio/wav",
    (b"RF64", b"WAVE"): "audio/wav",
    (b"BW64", b"WAVE"): "audio/wav",
    (b"RIFF", b"AVI "): "video/x-msvideo",
    (b"FORM", b"AIFF"): "audio/aiff",
    (b"FORM", b"AIFC"): "audio/aiff",
}
_BY_SUFFIX: dict[tuple[str | None, str], str] = {
    ("audio/ogg", "ogv"): "video/ogg",
    ("video/mp4", "m4a"): "audio/mp4",
    ("video/mp4", "m4b"): "audio/mp4",
    ("video/webm", "weba"): "audio/webm",
    ("video/x-matroska", "mka"): "audio/x-matroska",
}
_BY_BRAND = {
    b"avif": "image/avif",
    b"avis": "image/avif",
    b"heic": "image/heic",
    b"heix": "image/heic",
    b"heim": "image/heic",
    b"heis": "image/heic",
    b"hevc": "image/heic-sequence",
    b"hevx": "image/heic-sequence",
    b"hevm": "image/heic-sequence",
    b"hevs": "image/heic-sequence",
    b"M4A ": "audio/mp4",
    b"M4B ": "audio/mp4",
    b"F4A ": "audio/mp4",
    b"F4B ": "audio/mp4",
    b"qt  ": "video/quicktime",
}
# Brands of what any codec may be inside of: the compatible brands behind them tell which.
_BY_GENERAL_BRAND = {
    b"mif1": "image/heif",
    b"mif2": "image/heif",
    b"miaf": "image/heif",
    b"msf1": "image/heif-sequence",
}
# Boxes with which movies begin that are older than brands.
_QUICKTIME_BOXES = (b"moov", b"mdat", b"wide", b"pnot")


class ServingHeaders(NamedTuple):
    """The headers that decide what a browser does with a file."""

    content_type: str
    disposition: str
    policy: str


async def beginning_of(stored: StoredObject) -> bytes:
    """Return as much of an open object as `serving_headers` wants."""
    beginning = b""
    async for piece in stored.read(0, SNIFFED_BYTES):
        beginning += piece
    return beginning


def serving_headers(name: str, beginning: bytes) -> ServingHeaders:
    """Return how to serve a file, from its name (a key will do) and its first ``SNIFFED_BYTES``."""
    recognised = sniff(beginning)
    filename = name.rpartition("/")[2]
    suffix = filename.rpartition(".")[2].lower()
    # One container for sound and pictures; only the name tells.
    recognised = _BY_SUFFIX.get((recognised, suffix), recognised)
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
    if found := _BY_FORM.get((beginning[:4], beginning[8:12])):
        return found
    if beginning[4:8] == b"ftyp":
        return _by_brands(beginning)
    if beginning[4:8] in _QUICKTIME_BOXES:
        return "video/quicktime"
    if beginning[:1] == b"\xff":
        return _mpeg_audio(beginning)
    if beginning.startswith(b"\x1a\x45\xdf\xa3"):
        return "video/webm" if b"webm" in beginning else "video/x-matroska"
    if beginning.startswith(b"BM") and beginning[6:10] == bytes(4):
        return "image/bmp"
    return None


def _by_brands(beginning: bytes) -> str:
    """Return the type that the file type box of an ISO media file names: by its major brand, then by the others."""
    size = int.from_bytes(beginning[:4])
    major, others = beginning[8:12], beginning[16 : min(size, len(beginning))]
    if major in _BY_BRAND:
        return _BY_BRAND[major]
    if major[:3] in (b"3gp", b"3gr", b"3gs"):
        return "video/3gpp"
    if major[:3] == b"3g2":
        return "video/3gpp2"
    if general := _BY_GENERAL_BRAND.get(major):
        brands = [others[start : start + 4] for start in range(0, len(others) - 3, 4)]
        known = (found for brand in brands if (found := _BY_BRAND.get(brand, "")).startswith("image/"))
        return next(known, general)
    return "video/mp4"


def _mpeg_audio(beginning: bytes) -> str | None:
    """Return the type of a raw stream of MPEG audio by the header of its first frame (ISO/IEC 11172-3, 13818-3, -7)."""
    if len(beginning) < 3 or beginning[1] & 0xE0 != 0xE0:
        return None
    version, layer = beginning[1] >> 3 & 3, beginning[1] >> 1 & 3
    if layer == 0:
        # AAC has no layer, and a sync word of twelve bits; 15 is no sampling rate index.
        return "audio/aac" if version >= 2 and beginning[2] >> 2 & 15 != 15 else None
    # MPEG 1, 2 and 2.5; layers III and II. Layer I would take in texts of UTF-16.
    possible = version != 1 and layer != 3 and beginning[2] >> 4 != 15 and beginning[2] >> 2 & 3 != 3
    return "audio/mpeg" if possible else None
