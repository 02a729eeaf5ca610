"""Text recognition (docs/contract/ocr.md)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from aimo.ai.ocr import RecognitionOptions, RecognizedText, TextRecognizer
from aimo.errors import AimoError, Code, ProviderError
from aimo.inert_text import inert, inert_inside
from aimo.outbound import OutboundClient
from aimo.services.accounts.provider_allowances import Allowance
from aimo.services.recognition.own_file_reader import OwnFileReader

MOST_FILES = 20

_URL = re.compile(r"(?!data:)[a-z][a-z0-9+.-]*:", re.IGNORECASE)
_DATA = re.compile(r"data:[a-z0-9.+-]+/[a-z0-9.+-]+;base64,[A-Za-z0-9+/=\s]+\Z", re.IGNORECASE | re.ASCII)
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]+={0,2}", re.ASCII)
_PICTURE = re.compile(r"https?://|data:image/(png|jpeg|gif|webp);base64,|[A-Za-z0-9+/=]+\Z")
_NAMES = {"zhipu": ("Zhipu OCR", "ZHIPU_API_KEY")}


class OcrService:
    """Hands files to a provider of text recognition, one after the other."""

    def __init__(
        self,
        providers: Mapping[str, TextRecognizer | None],
        outbound: OutboundClient,
        own_files: OwnFileReader,
        allowance: Allowance,
        *,
        enabled: bool,
        default_provider: str,
    ) -> None:
        """Create it with providers by name, None for one that has no key; ``allowance`` counts files."""
        self._providers = providers
        self._outbound = outbound
        self._own_files = own_files
        self._allowance = allowance
        self.enabled = enabled
        self.default_provider = default_provider

    @property
    def providers(self) -> list[str]:
        """Names of the providers there are, with a key or without."""
        return list(self._providers)

    async def recognize(
        self, uid: str, files: Sequence[str], provider: str, options: RecognitionOptions
    ) -> list[RecognizedText]:
        """Return what each file says, in their order, as inert text.

        PARAMS_ERROR without files, for too many, and for URLs that lead to a private address; LimitReached when the
        user had too many recognized; SYSTEM_ERROR when recognition is switched off, the provider unknown or without a
        key, or a file fails.
        """
        if not files:
            raise AimoError(Code.PARAMS_ERROR, "At least one file is required")
        if len(files) > MOST_FILES:
            raise AimoError(Code.PARAMS_ERROR, f"At most {MOST_FILES} files are supported per request")
        if not self.enabled:
            raise _failed("OCR service is not enabled")
        name = provider or self.default_provider
        if name not in self._providers:
            raise _failed(f"OCR provider '{name}' is not registered")
        title, variable = _NAMES[name]
        recognizer = self._providers[name]
        if recognizer is None:
            raise _failed(f"{variable} is not configured")
        files = [self._address(file, number) for number, file in enumerate(files)]
        for file in files:
            if _URL.match(file) and not self._own_files.owns(file):
                await self._outbound.check(file, resolvable=False)
        await self._allowance.spend(uid, len(files))
        found = []
        for number, file in enumerate(files):
            try:
                # The provider cannot fetch what lies on this server.
                result = await recognizer.recognize(await self._own_files.inline(file) or file, options)
                found.append(_inert(result))
            except ProviderError as error:
                raise _failed(f"{title} failed for file {number}: {error}") from error
        return found

    def _address(self, file: str, number: int) -> str:
        """Return what a provider may be given: an http(s) address, a ``data:`` URL, base64 or an own file, trimmed.

        Raises:
            AimoError: ``PARAMS_ERROR`` for anything else, which a provider might take for an address all the same.
        """
        address = file.strip()
        if self._own_files.is_path(address):
            return address
        if _URL.match(address) or _DATA.match(address) or _BASE64.fullmatch(address):
            return address
        raise AimoError(Code.PARAMS_ERROR, f"File {number} must be an http(s) address, a data: URL or base64")


def _inert(found: RecognizedText) -> RecognizedText:
    """Return what a provider said, with no markup and no address of a picture but of http(s) and images."""
    shown = None
    if found.visualization is not None:
        shown = [address for address in found.visualization if _PICTURE.match(address)]
    return RecognizedText(inert(found.text), inert_inside(found.layout), shown)


def _failed(reason: str) -> AimoError:
    return AimoError(Code.SYSTEM_ERROR, inert(reason))
