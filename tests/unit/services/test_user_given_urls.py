"""Every service that takes an address from a user looks where its name leads before anything is handed on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.support.tasks import EverybodysTasks

from aimo.ai.asr import SpeechTask
from aimo.ai.ocr import RecognitionOptions, RecognizedText
from aimo.errors import AimoError, Code
from aimo.outbound import OutboundClient
from aimo.push.feishu import Feishu
from aimo.push.protocol import PushError, PushMessage
from aimo.services.accounts.provider_allowances import Unlimited
from aimo.services.recognition.asr import AsrService
from aimo.services.recognition.ocr import OcrService
from aimo.services.recognition.own_file_reader import OwnFileReader
from aimo.storage.local import LocalStorage
from aimo.storage.signing import FileSigner

URL = "http://files.example.org/a.png"


class Provider:
    """Would recognize anything."""

    def __init__(self) -> None:
        self.asked: list[Any] = []

    async def recognize(self, file: str, options: RecognitionOptions) -> RecognizedText:
        self.asked.append(file)
        return RecognizedText(text="", layout=None, visualization=None)

    async def submit(self, urls: Sequence[str], language_hints: Sequence[str]) -> SpeechTask:
        self.asked.append(urls)
        raise AssertionError("a private address was handed on")

    async def task(self, task_id: str) -> SpeechTask:
        raise AssertionError(f"nobody asked for {task_id}")

    async def close(self) -> None:
        """Nothing to close."""


@pytest.fixture(params=["10.0.0.1", "127.0.0.1", "::1", "::ffff:192.168.0.1"])
def inside(request: pytest.FixtureRequest) -> OutboundClient:
    """Resolves every name to a public address and a private one."""

    async def resolve(host: str, port: int) -> list[str]:
        return ["93.184.215.14", request.param]

    return OutboundClient(resolve=resolve)


async def test_text_recognition_is_not_sent_to_names_that_lead_inside(inside: OutboundClient, tmp_path: Path) -> None:
    provider = Provider()
    signer = FileSigner("secret")
    own = OwnFileReader(LocalStorage(tmp_path, signer), signer)
    service = OcrService({"zhipu": provider}, inside, own, Unlimited(), enabled=True, default_provider="zhipu")
    with pytest.raises(AimoError, match="not public") as refusal:
        await service.recognize("alice", [URL], "", RecognitionOptions())
    assert refusal.value.code is Code.PARAMS_ERROR
    assert provider.asked == []


async def test_speech_recognition_is_not_sent_to_names_that_lead_inside(inside: OutboundClient) -> None:
    provider = Provider()
    with pytest.raises(AimoError, match="not public") as refusal:
        await AsrService(provider, inside, EverybodysTasks(), Unlimited()).submit("alice", [URL], [])
    assert refusal.value.code is Code.PARAMS_ERROR
    assert provider.asked == []


async def test_a_webhook_is_not_sent_to_names_that_lead_inside(inside: OutboundClient) -> None:
    target: Mapping[str, Any] = {"webhookUrl": URL}
    with pytest.raises(PushError, match="not public"):
        await Feishu(inside).send(target, PushMessage("t", "m"))
