"""Media types by file extension, for objects that browsers fetch from a bucket (contract, integrations.md 12)."""

from __future__ import annotations

import mimetypes

UNKNOWN = "application/octet-stream"

# Without the files of the system, so that every installation answers alike.
_STANDARD = mimetypes.MimeTypes(filenames=())
_MORE = {
    "aac": "audio/aac",
    "amr": "audio/amr",
    "avif": "image/avif",
    "epub": "application/epub+zip",
    "flac": "audio/flac",
    "heic": "image/heic",
    "heif": "image/heif",
    "m4a": "audio/mp4",
    "m4v": "video/mp4",
    "md": "text/markdown",
    "mkv": "video/x-matroska",
    "oga": "audio/ogg",
    "ogg": "audio/ogg",
    "ogv": "video/ogg",
    "opus": "audio/ogg",
    "webp": "image/webp",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
# What a browser would run or render as a page of the bucket's host.
_NEVER_SHOWN = frozenset(
    {
        "text/html",
        "application/xhtml+xml",
        "text/plain",
        "text/javascript",
        "application/javascript",
        "application/x-javascript",
        "text/ecmascript",
        "application/ecmascript",
    }
)


def shown_as(key: str) -> str:
    """What a bucket should say that an object is: by extension, and a mere download where showing is not safe."""
    extension = key.rpartition("/")[2].rpartition(".")[2].lower()
    found = _MORE.get(extension) or _STANDARD.guess_type(f"x.{extension}")[0] or UNKNOWN
    return UNKNOWN if found in _NEVER_SHOWN else found
