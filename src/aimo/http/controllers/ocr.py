"""Text recognition (docs/contract/ocr.md)."""

from __future__ import annotations

import msgspec
from litestar import Controller
from litestar.params import JSONBody

from aimo.ai.ocr import RecognitionOptions, RecognizedText
from aimo.dto import ocr as dto
from aimo.dto.base import UNSET, Envelope
from aimo.http.cancel_on_disconnect import run_until_disconnect
from aimo.http.dependencies import AnyRequest, Services, User
from aimo.http.output.envelope import ok
from aimo.http.routing import get, post


class OcrController(Controller):
    """Reading the text of pictures and documents."""

    path = "/api/v1/ocr"
    tags = ("OCR",)

    @post("/parse", summary="Recognize text", opt={"limited": True})
    async def parse(
        self, data: JSONBody[dto.OcrBody], request: AnyRequest, services: Services, user: User
    ) -> Envelope[dto.OcrTexts]:
        """Return the text of each file."""
        work = services.ocr.recognize(user.uid, _files(data), data.provider or "", RecognitionOptions())
        return ok(dto.OcrTexts(texts=[found.text for found in await run_until_disconnect(request, work)]))

    @post("/parse-full", summary="Recognize text and layout", opt={"limited": True})
    async def parse_full(
        self, data: JSONBody[dto.OcrFullBody], request: AnyRequest, services: Services, user: User
    ) -> Envelope[dto.OcrResults]:
        """Return the text of each file, and the layout of its first page."""
        files = _files(data)
        options = data.options or dto.OcrOptions()
        wanted = RecognitionOptions({name: getattr(options, name) for name in options.__struct_fields__})
        found = await run_until_disconnect(
            request, services.ocr.recognize(user.uid, files, data.provider or "", wanted)
        )
        results = [_result(*item) for item in zip(range(len(files)), files, found, strict=True)]
        return ok(dto.OcrResults(results=results))

    @get("/status", summary="Is text recognition offered?")
    async def status(self, services: Services, user: User) -> Envelope[dto.OcrStatus]:
        """Return whether it is switched on, and by whom it is done."""
        ocr = services.ocr
        return ok(
            dto.OcrStatus(enabled=ocr.enabled, default_provider=ocr.default_provider, available_providers=ocr.providers)
        )

    @get("/providers", summary="List who can recognize text")
    async def providers(self, services: Services, user: User) -> Envelope[dto.OcrProviders]:
        """Return names of the providers."""
        return ok(dto.OcrProviders(providers=services.ocr.providers))


def _files(data: dto.OcrBody) -> list[str]:
    return [data.files] if isinstance(data.files, str) and data.files else list(data.files or ())


def _result(index: int, file: str, found: RecognizedText) -> dto.OcrResult:
    layout = UNSET if found.layout is None else msgspec.convert(found.layout, list[dto.LayoutDetail])
    return dto.OcrResult(
        index=index,
        text=found.text,
        original_file=file,
        layout_details=layout,
        layout_visualization=UNSET if found.visualization is None else list(found.visualization),
    )
