"""Small copies of pictures, made with Pillow: nothing that a file says of itself makes the work large.

Bytes, pixels and formats are bounded, of animations only the first frame is read, one picture is worked on at a time.
"""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import structlog

from aimo.threads import Threads

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

log = structlog.get_logger(__name__)

WIDTHS: Final = (160, 320, 640, 1280)
"""How wide a small copy may be."""

MOST_BYTES: Final = 40 * 1024 * 1024
MOST_PIXELS: Final = 64_000_000

THREADS = Threads("pictures", 1, most_waiting=64)

# Those whose decoders are well kept; TIFF and the icons of old systems are not worth their number of variants.
_FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "BMP", "AVIF")
_ORIENTATION = 0x0112
# From here on the camera was turned by a quarter.
_FIRST_TURNED = 5
_MOST_PROFILE = 8 * 1024
_QUALITY = 78


class Size(NamedTuple):
    """How a picture is shown, in pixels."""

    width: int
    height: int


class NoPictureError(Exception):
    """The bytes are no picture of a known format, or one that is too large."""


def width_for(wanted: float) -> int:
    """Return the smallest width that is at least the wanted one, or the largest."""
    return next((width for width in WIDTHS if width >= wanted), WIDTHS[-1])


def measure(path: Path) -> Size:
    """Return how large a picture in a file is shown, without decoding it.

    Raises:
        NoPictureError: it is none.
    """
    with _open(path) as picture:
        return _shown(picture)


def shrink(data: bytes, width: int) -> tuple[bytes, Size]:
    """Return a WebP picture that is at most so wide, turned as it is shown, and how large the original is.

    Raises:
        NoPictureError: it is none, is damaged, or has more than `MOST_PIXELS`.
    """
    with _open(BytesIO(data)) as picture:
        from PIL import ImageOps

        size = _shown(picture)
        if picture.width * picture.height > MOST_PIXELS:
            raise NoPictureError("too many pixels")
        try:
            # JPEG decodes to a fraction of its size by itself.
            picture.draft("RGB", (2 * width, 2 * width * max(1, size.height // max(1, size.width))))
            turned = ImageOps.exif_transpose(picture)
            profile = picture.info.get("icc_profile") or b""
            small = turned.convert("RGBA" if turned.has_transparency_data else "RGB")
            small.thumbnail((width, width * 4))
            target = BytesIO()
            kept = profile if len(profile) <= _MOST_PROFILE else b""
            small.save(target, "WEBP", quality=_QUALITY, method=4, icc_profile=kept)
        except Exception as error:  # decoders raise whatever a damaged file makes them stumble over
            raise NoPictureError("damaged") from error
    return target.getvalue(), size


def _open(source: Path | BytesIO) -> Picture:
    try:
        from PIL import Image
    except ImportError as error:
        # Uploads do not depend on a library that may not load on every machine.
        log.exception("pictures cannot be read: Pillow is not installed or does not load")
        raise NoPictureError("no library") from error
    # Pillow warns at half of what it refuses; what is too large is refused here, by name.
    Image.MAX_IMAGE_PIXELS = None
    try:
        return Image.open(source, formats=_FORMATS)
    except Exception as error:  # see above
        raise NoPictureError("no picture") from error


def _shown(picture: Picture) -> Size:
    try:
        turned = picture.getexif().get(_ORIENTATION, 1) >= _FIRST_TURNED
    except Exception:  # noqa: BLE001 (a picture with a damaged description is shown as it is)
        turned = False
    return Size(picture.height, picture.width) if turned else Size(picture.width, picture.height)
