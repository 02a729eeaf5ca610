"""Files of this server are known by their address below the path of `PUBLIC_URL`, whoever gives it."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from aimo.ai.ocr import RecognitionOptions, RecognizedText
from aimo.errors import AimoError
from aimo.outbound import OutboundClient
from aimo.services.accounts.provider_allowances import Unlimited
from aimo.services.attachments.file_urls import accept_avatar
from aimo.services.recognition.ocr import OcrService
from aimo.services.recognition.own_file_reader import OwnFileReader
from aimo.services.sync.attachment_vectors import AttachmentVectors
from aimo.storage.local import LocalStorage
from aimo.storage.signing import FileSigner

KEY = "u1/2026-01-31/a b.txt"


@pytest.fixture
def storage(tmp_path: Path) -> LocalStorage:
    file = tmp_path / KEY
    file.parent.mkdir(parents=True)
    file.write_text("hello")
    return LocalStorage(tmp_path, FileSigner("secret", "/aimo"))


class Provider:
    """Remembers what it was given."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def recognize(self, file: str, options: RecognitionOptions) -> RecognizedText:
        self.asked.append(file)
        return RecognizedText(text="", layout=None, visualization=None)

    async def close(self) -> None:
        """Nothing to close."""


async def test_text_recognition_takes_the_address_with_and_without_path_and_host(storage: LocalStorage) -> None:
    signer, provider = FileSigner("secret", "/aimo"), Provider()
    own = OwnFileReader(storage, signer)
    outbound = OutboundClient("")
    ocr = OcrService({"zhipu": provider}, outbound, own, Unlimited(), enabled=True, default_provider="zhipu")
    address = signer.url(KEY, 3600)
    forms = [address, address.removeprefix("/aimo"), f"https://h.example{address}"]
    await ocr.recognize("u1", forms, "", RecognitionOptions())
    assert provider.asked == ["data:text/plain;base64,aGVsbG8="] * 3
    for forged in ("/aimo/files/u1/x?exp=9&sig=x", "/files/u1/x", "/other/files/u1/x?exp=9&sig=x"):
        with pytest.raises(AimoError):
            await ocr.recognize("u1", [forged], "", RecognitionOptions())


def test_a_provider_is_given_the_path_once(storage: LocalStorage) -> None:
    vectors: Any = AttachmentVectors(None, storage, None, None, public_url="https://h.example/aimo")  # type: ignore[arg-type]
    row = SimpleNamespace(
        path=KEY, storage_type="local", is_public_bucket=None, bucket=None, prefix=None, endpoint=None, region=None
    )
    assert vectors._address(row).startswith("https://h.example/aimo/files/u1/")


def test_an_avatar_may_be_named_by_its_address_below_the_path() -> None:
    key = "avatar/u1/2026-01-31/x.png"
    assert accept_avatar("u1", FileSigner("secret", "/aimo").url(key, 3600)) == key
