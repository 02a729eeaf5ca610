"""Which stored files a browser may show in place, and how every other one is handed over.

Inert media cannot run anything in the name of the host that serves them: raster images, audio, video, and PDF,
which browsers open in a viewer of its own process and origin. Everything else (SVG, XML and HTML of any kind,
scripts, mail, text, office documents, unknown types) is ``application/octet-stream`` and a download.
"""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import quote

UNKNOWN = "application/octet-stream"

_BY_EXTENSION = {
    "apng": "image/apng",
    "avif": "image/avif",
    "bmp": "image/bmp",
    "gif": "image/gif",
    "heic": "image/heic",
    "heif": "image/heif",
    "ico": "image/x-icon",
    "jfif": "image/jpeg",
    "jpe": "image/jpeg",
    "jpeg": "image/jpeg",
    "jpg": "image/jpeg",
    "jxl": "image/jxl",
    "png": "image/png",
    "tif": "image/tiff",
    "tiff": "image/tiff",
    "webp": "image/webp",
    "aac": "audio/aac",
    "amr": "audio/amr",
    "flac": "audio/flac",
    "m4a": "audio/mp4",
    "m4b": "audio/mp4",
    "mp3": "audio/mpeg",
    "oga": "audio/ogg",
    "ogg": "audio/ogg",
    "opus": "audio/ogg",
    "wav": "audio/wav",
    "weba": "audio/webm",
    "3gp": "video/3gpp",
    "avi": "video/x-msvideo",
    "m4v": "video/mp4",
    "mkv": "video/x-matroska",
    "mov": "video/quicktime",
    "mp4": "video/mp4",
    "mpeg": "video/mpeg",
    "mpg": "video/mpeg",
    "ogv": "video/ogg",
    "webm": "video/webm",
    "pdf": "application/pdf",
}
# Other names for the same types that uploads declare.
_ALIASES = ("image/jpg", "image/pjpeg", "image/vnd.microsoft.icon", "audio/mp3", "audio/x-m4a", "audio/x-wav")
INERT = frozenset((*_BY_EXTENSION.values(), *_ALIASES))
"""Every media type that is shown in place."""

# Control characters, path separators, and what reverses the direction of the text behind it.
_MISLEADING = re.compile("[\x00-\x1f\x7f-\x9f/\\\\\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]")


class Shown(NamedTuple):
    """What a bucket says of an object. ``disposition`` is empty for what is shown in place."""

    content_type: str
    disposition: str


def content_type_for_bucket(key: str) -> Shown:
    """Return what a bucket should say that an object is, by the extension of its key.

    The bytes do not matter: browsers never take an image, audio, video or PDF type for a document or a script.
    """
    name = key.rpartition("/")[2]
    found = _BY_EXTENSION.get(name.rpartition(".")[2].lower()) if "." in name else None
    return Shown(found, "") if found else Shown(UNKNOWN, attachment_disposition(name))


def inert_or_unknown(media_type: str) -> str:
    """Return the declared media type without parameters where it is inert, else ``application/octet-stream``."""
    plain = media_type.partition(";")[0].strip().lower()
    return plain if plain in INERT else UNKNOWN


def attachment_disposition(filename: str) -> str:
    """``attachment`` with the percent-encoded name, the form in which clients expect it.

    Control characters, path separators and marks of text direction become ``_``, so that the name is what it
    seems to be after decoding, too.
    """
    encoded = quote(_MISLEADING.sub("_", filename), safe="!~*'()", errors="replace")
    return f'attachment; filename="{encoded}"'
