"""What every text recognizer promises: a picture or document in, its text out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True)
class RecognizedText:
    """The text of a file as Markdown, and of its first page what lies where.

    ``layout`` holds objects with `index`, `label`, `bbox2d`, `content`, `height` and `width` as far as known.
    """

    text: str
    layout: Sequence[Mapping[str, object]] | None = None
    visualization: Sequence[str] | None = None


@dataclass(frozen=True)
class RecognitionOptions:
    """What may be asked for besides the text; None and False ask for nothing."""

    values: Mapping[str, object] = field(default_factory=dict)


class TextRecognizer(Protocol):
    """Recognizes text, one file a call."""

    async def recognize(self, file: str, options: RecognitionOptions) -> RecognizedText:
        """Return the text of a file given by URL, data URL or base64 text.

        Raises:
            ProviderError: it could not be recognized; the text says why.
        """

    async def close(self) -> None:
        """Release connections."""
