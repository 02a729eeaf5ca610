"""Keys of the two embedding caches, byte for byte those of the existing server.

The recipes are in the docs/contract/source-database.md#embedding-caches and 7.2.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from aimo.folding import well_formed

_LONE_SURROGATE = re.compile("[\ud800-\udfff]")

# Dimensions that a model may be asked for, and its default.
ALLOWED_DIMENSIONS: dict[str, tuple[tuple[int, ...], int]] = {
    "qwen3-vl-embedding": ((2560, 2048, 1536, 1024, 768, 512, 256), 2560),
    "qwen2.5-vl-embedding": ((2048, 1024, 768, 512), 1024),
    "tongyi-embedding-vision-plus": ((1152, 1024, 512, 256, 128, 64), 1152),
    "tongyi-embedding-vision-flash": ((768, 512, 256, 128, 64), 768),
}


def text_model_hash(model: str, dimension: int) -> str:
    """``modelHash`` of the text cache: SHA-256 of ``model:dimension``.

    See docs/contract/source-database.md#embedding-caches.
    """
    return _sha256(f"{model}:{dimension}")


def content_hash(text: str) -> str:
    """``contentHash`` of the text cache: SHA-256 of the text exactly as received.

    See docs/contract/source-database.md#embedding-caches.
    """
    return _sha256(text)


def multimodal_dimension(model: str, configured: int) -> int | None:
    """Return the dimension that a multimodal model is asked for, or None when none is sent.

    See docs/contract/source-database.md#embedding-caches.
    """
    if model not in ALLOWED_DIMENSIONS:
        return None
    allowed, default = ALLOWED_DIMENSIONS[model]
    return configured if configured in allowed else default


def multimodal_model_hash(model: str, output_type: str, dimension: int, fps: float) -> str:
    """``modelHash`` of the multimodal cache (docs/contract/source-database.md#embedding-caches).

    Args:
        model: ``MULTIMODAL_EMBEDDING_MODEL``.
        output_type: ``MULTIMODAL_EMBEDDING_OUTPUT_TYPE``.
        dimension: ``MULTIMODAL_EMBEDDING_DIMENSION`` as configured; what is sent is worked out here.
        fps: ``MULTIMODAL_EMBEDDING_VIDEO_FPS``.
    """
    fields = [("model", _js_string(model)), ("outputType", _js_string(output_type))]
    sent = multimodal_dimension(model, dimension)
    if sent is not None:
        fields.append(("dimension", js_number(sent)))
    fields.append(("fps", js_number(fps)))
    return _sha256(_js_object(fields))


@dataclass(frozen=True)
class MultimodalContent:
    """What a multimodal model embeds; images and videos by their URL or base64 text.

    ``asked_modality`` is the third part of the cache key when the caller knows better than
    the rule of docs/contract/source-database.md#embedding-caches, which looks at the kinds of content present.
    """

    text: str = ""
    image: str = ""
    video: str = ""
    multi_images: tuple[str, ...] = ()
    asked_modality: str = ""

    @property
    def hash(self) -> str:
        """``contentHash``: SHA-256 of compact JSON of the parts that are not empty."""
        fields = [(name, _js_string(value)) for name, value in self._single_parts() if value]
        if images := self._images():
            fields.append(("multi_images", f"[{','.join(map(_js_string, images))}]"))
        return _sha256(_js_object(fields))

    @property
    def modality(self) -> str:
        """``modalityType``: ``text``, ``image``, ``video``, ``multi_images``, or ``vl`` for several kinds."""
        if self.asked_modality:
            return self.asked_modality
        kinds = [name for name, value in self._single_parts() if value] + ["multi_images"] * bool(self._images())
        return kinds[0] if len(kinds) == 1 else "vl"

    def _single_parts(self) -> Sequence[tuple[str, str]]:
        return (("text", self.text), ("image", self.image), ("video", self.video))

    def _images(self) -> list[str]:
        return [image for image in self.multi_images if image]


def js_number(value: float) -> str:
    """Return a finite number as ``JSON.stringify`` prints it: ``1`` for 1.0, ``1e-7`` for 0.0000001."""
    number = Decimal(repr(float(value))).normalize()
    if not number:
        return "0"
    if 1e-6 <= abs(value) < 1e21:
        return format(number, "f")
    sign, digits, _ = number.as_tuple()
    mantissa = "".join(map(str, digits))
    mantissa = mantissa[0] + ("." + mantissa[1:] if mantissa[1:] else "")
    return f"{'-' * sign}{mantissa}e{number.adjusted():+d}"


def _js_string(text: str) -> str:
    joined = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
    quoted = json.dumps(joined, ensure_ascii=False)
    return _LONE_SURROGATE.sub(lambda match: f"\\u{ord(match[0]):04x}", quoted)


def _js_object(fields: Sequence[tuple[str, str]]) -> str:
    return "{" + ",".join(f'"{name}":{value}' for name, value in fields) + "}"


def _sha256(text: str) -> str:
    return hashlib.sha256(well_formed(text).encode()).hexdigest()
