"""What is recognised in pictures and recordings is text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.support.hostile_texts import PAYLOADS, live_parts
from tests.support.tasks import EverybodysTasks

from aimo.ai.asr import SpeechTask
from aimo.ai.ocr import RecognitionOptions, RecognizedText
from aimo.errors import AimoError, ProviderError
from aimo.outbound import Answer, OutboundClient
from aimo.services.accounts.provider_allowances import Unlimited
from aimo.services.recognition.asr import AsrService
from aimo.services.recognition.ocr import OcrService
from aimo.services.recognition.own_file_reader import OwnFileReader
from aimo.storage.local import LocalStorage
from aimo.storage.signing import FileSigner


class HostileProvider:
    """Recognises whatever a test wants it to."""

    def __init__(self, said: str) -> None:
        self.said = said

    async def recognize(self, file: str, options: RecognitionOptions) -> RecognizedText:
        if file == "ZmFpbA==":
            raise ProviderError(self.said)
        pictures = ["https://a.example/x.png", "javascript:alert(1)", "data:text/html,x", self.said, "aGk="]
        return RecognizedText(self.said, [{"content": self.said, "bbox2d": [1, [self.said]]}], pictures)

    async def submit(self, urls: Any, language_hints: Any) -> SpeechTask:
        raise ProviderError(self.said)

    async def task(self, task_id: str) -> SpeechTask:
        return SpeechTask(task_id, "r", "SUCCEEDED", message=self.said, results=["https://a.example/"])

    async def close(self) -> None:
        """Nothing to close."""


class Fetching(OutboundClient):
    """Answers every request with one transcription."""

    def __init__(self, said: str) -> None:
        super().__init__()
        self.said = said

    async def check(self, url: str, *, resolvable: bool = True) -> None:
        """Everything may be requested."""

    async def request(self, method: str, url: str, **options: Any) -> Answer:
        told = {"file_url": url, "transcripts": [{"text": self.said, "sentences": [{"text": self.said}]}]}
        return Answer(200, msgspec.json.encode(told))


@pytest.mark.parametrize("payload", PAYLOADS)
async def test_recognised_text_carries_no_markup(payload: str, tmp_path: Path) -> None:
    signer = FileSigner("secret")
    own = OwnFileReader(LocalStorage(tmp_path, signer), signer)
    provider = HostileProvider(payload)
    ocr = OcrService({"zhipu": provider}, Fetching(payload), own, Unlimited(), enabled=True, default_provider="zhipu")
    (found,) = await ocr.recognize("alice", ["aGk="], "", RecognitionOptions())
    assert found.layout is not None
    detail: Any = found.layout[0]
    assert found.visualization == ["https://a.example/x.png", "aGk="]
    asr = AsrService(provider, Fetching(payload), EverybodysTasks(), Unlimited())
    task = await asr.task("alice", "t")
    result: Any = (await asr.results(task))[0]
    assert result["file_url"] == "https://a.example/"
    told = [found.text, detail["content"], detail["bbox2d"][1][0], str(task.message), result["transcripts"][0]["text"]]
    for refused in (
        ocr.recognize("alice", ["ZmFpbA=="], "", RecognitionOptions()),
        asr.submit("alice", ["https://a.example/"], []),
    ):
        with pytest.raises(AimoError) as error:
            await refused
        told.append(error.value.message)
    assert [live_parts(text) for text in told] == [[]] * 7
