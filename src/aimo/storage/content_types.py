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
    "avifs": "image/avif",
    "bmp": "image/bmp",
    "gif": "image/gif",
    "heic": "image/heic",
    "heics": "image/heic-sequence",
    "heif": "image/heif",
    "heifs": "image/heif-sequence",
    "hif": "image/heif",
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
    "aif": "audio/aiff",
    "aifc": "audio/aiff",
    "aiff": "audio/aiff",
    "amr": "audio/amr",
    "caf": "audio/x-caf",
    "flac": "audio/flac",
    "m4a": "audio/mp4",
    "m4b": "audio/mp4",
    "mka": "audio/x-matroska",
    "mp2": "audio/mpeg",
    "mp3": "audio/mpeg",
    "mpga": "audio/mpeg",
    "oga": "audio/ogg",
    "ogg": "audio/ogg",
    "opus": "audio/ogg",
    "wav": "audio/wav",
    "weba": "audio/webm",
    "3g2": "video/3gpp2",
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
_ALIASES = (
    "image/jpg",
    "image/pjpeg",
    "image/vnd.microsoft.icon",
    "image/x-bmp",
    "image/x-ms-bmp",
    "image/x-tiff",
    "audio/caf",
    "audio/mp3",
    "audio/mpeg3",
    "audio/opus",
    "audio/vnd.wave",
    "audio/wave",
    "audio/x-aac",
    "audio/x-aiff",
    "audio/x-flac",
    "audio/x-m4a",
    "audio/x-mp3",
    "audio/x-mpeg",
    "audio/x-wav",
    "video/avi",
    "video/msvideo",
    "video/x-m4v",
)
INERT = frozenset((*_BY_EXTENSION.values(), *_ALIASES))
"""Every media type that is shown in place."""

# Allowed in the former form of a name, and none of the characters that RFC 8187 lets stand for themselves.
_NOT_EXTENDED = {ord(character): f"%{ord(character):02X}" for character in "*'()"}

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
    """``attachment`` with the percent-encoded name twice: as clients decode it themselves, and as browsers do.

    The latter is ``filename*`` (RFC 6266, RFC 8187), which wins where it is known. Control characters, path separators
    and marks of text direction become ``_``, so that the name is what it seems to be after decoding, too.
    """
    encoded = quote(_MISLEADING.sub("_", filename), safe="!~*'()", errors="replace")
    extended = encoded.translate(_NOT_EXTENDED)
    return f"attachment; filename=\"{encoded}\"; filename*=UTF-8''{extended}"
