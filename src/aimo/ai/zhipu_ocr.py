"""Text recognition by Zhipu (docs/contract/providers.md#text-recognition-calls)."""

from __future__ import annotations

from aimo.ai.json_client import JsonClient
from aimo.ai.ocr import RecognitionOptions, RecognizedText
from aimo.errors import ProviderError

_SECONDS = 120.0
_MODEL = "glm-ocr"
_LAYOUT = {
    "index": "index",
    "label": "label",
    "bbox_2d": "bbox2d",
    "content": "content",
    "height": "height",
    "width": "width",
}


class ZhipuOcr:
    """Text from ``POST {base_url}/paas/v4/layout_parsing``."""

    def __init__(self, base_url: str, api_key: str, *, seconds: float = _SECONDS) -> None:
        self._calls = JsonClient(base_url, api_key, seconds=seconds)

    async def recognize(self, file: str, options: RecognitionOptions) -> RecognizedText:
        """See ``TextRecognizer.recognize``."""
        asked = {name: value for name, value in options.values.items() if value}
        reply = await self._calls.post("/paas/v4/layout_parsing", {"model": _MODEL, "file": file, **asked})
        if not reply.ok:
            raise ProviderError(f"Zhipu OCR API call failed: {reply.status} - {reply.reason}")
        found = reply.json
        if isinstance(error := found.get("error"), dict):
            raise ProviderError(f"Zhipu OCR API error: {error.get('code')} - {error.get('message')}")
        text = found.get("md_results")
        return RecognizedText(
            text=text if isinstance(text, str) else "",
            layout=_first_page(found.get("layout_details")),
            visualization=_texts(found.get("layout_visualization")),
        )

    async def close(self) -> None:
        """See ``TextRecognizer.close``."""
        await self._calls.close()


def _first_page(pages: object) -> list[dict[str, object]] | None:
    if not isinstance(pages, list) or not pages or not isinstance(pages[0], list):
        return None
    items = [item for item in pages[0] if isinstance(item, dict)]
    return [{ours: item[theirs] for theirs, ours in _LAYOUT.items() if theirs in item} for item in items]


def _texts(value: object) -> list[str] | None:
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else None
