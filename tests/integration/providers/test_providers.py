"""Adapters of outside services against answers that a test wrote down."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from tests.support.tasks import EverybodysTasks

from aimo.ai.chat import Prompt
from aimo.ai.fun_asr import FunAsr
from aimo.ai.ocr import RecognitionOptions
from aimo.ai.openai_chat import OpenAIChat
from aimo.ai.zhipu_ocr import ZhipuOcr
from aimo.errors import AimoError, ProviderError
from aimo.outbound import OutboundClient
from aimo.services.accounts.provider_allowances import Unlimited
from aimo.services.operations.app_versions import APK, DESKTOP, AppVersionService
from aimo.services.recognition.asr import AsrService

Script = Callable[[str, dict[str, Any]], tuple[int, Any]]
ZONE = ZoneInfo("Asia/Shanghai")
PROMPT = Prompt("system", "user")


class Provider:
    """Answers every request with ``script(path, body)``."""

    def __init__(self) -> None:
        self.script: Script = lambda path, body: (200, {})
        self.seen: list[tuple[str, dict[str, str], Any]] = []
        provider = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or b"{}")
                provider.seen.append((self.path, {k.lower(): v for k, v in self.headers.items()}, body))
                status, answer = provider.script(self.path, body)
                data = (answer if isinstance(answer, str) else json.dumps(answer)).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                if status == 301:
                    self.send_header("Location", answer)
                self.end_headers()
                self.wfile.write(data)

            do_POST = do_GET

            def log_message(self, *_: Any) -> None:
                """Nobody reads it."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def provider() -> Iterator[Provider]:
    one = Provider()
    yield one
    one.close()


async def test_versions_are_looked_up_once_an_hour(provider: Provider) -> None:
    provider.script = lambda path, body: (200, {"tag_name": "v1.2.3"})
    versions = AppVersionService(provider.url)
    first, again = await versions.latest(), await versions.latest()
    await versions.close()
    assert first == again
    assert (first.desktop.version, first.apk.version) == ("1.2.3", "1.2.3")
    assert sorted(path for path, _, _ in provider.seen) == sorted(f"/repos/{r}/releases/latest" for r in (DESKTOP, APK))
    assert all(headers["user-agent"] == "AIMO-App/1.0" for _, headers, _ in provider.seen)


async def test_the_versions_of_a_renamed_repository_are_found(provider: Provider) -> None:
    def moved(path: str, body: Any) -> tuple[int, Any]:
        return (200, {"tag_name": "v3"}) if path.startswith("/repositories/") else (301, "/repositories/7/latest")

    provider.script = moved
    versions = AppVersionService(provider.url)
    found = await versions.latest()
    await versions.close()
    assert (found.desktop.version, found.apk.version) == ("3", "3")


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ((404, {}), f"No releases found for {APK}"),
        ((403, {}), "GitHub API rate limit exceeded"),
        ((500, {}), "GitHub API error: 500 Internal Server Error"),
        ((200, "<html>"), "Invalid response from GitHub API"),
        ((200, {"tag_name": 7}), "Invalid response from GitHub API"),
    ],
)
async def test_one_unknown_app_version_is_looked_up_again(
    provider: Provider, answer: tuple[int, Any], reason: str
) -> None:
    provider.script = lambda path, body: answer if APK in path else (200, {"tag_name": "2.0"})
    versions = AppVersionService(provider.url)
    found = [await versions.latest() for _ in range(2)][1]
    await versions.close()
    assert found.desktop.version == "2.0"
    assert found.apk.error == reason
    assert len(provider.seen) == 3


async def test_unreachable_releases_are_told() -> None:
    versions = AppVersionService("http://127.0.0.1:9")
    found = await versions.latest()
    await versions.close()
    assert isinstance(found.desktop.error, str)
    assert not isinstance(found.desktop.version, str)


async def test_recognized_text_is_read_leniently_and_options_are_sent_only_when_wanted(provider: Provider) -> None:
    provider.script = lambda path, body: (200, {"layout_details": [], "md_results": None})
    ocr = ZhipuOcr(provider.url, "key")
    found = await ocr.recognize("x", RecognitionOptions({"start_page_id": 2, "request_id": "", "user_id": None}))
    assert (found.text, found.layout, found.visualization) == ("", None, None)
    path, headers, body = provider.seen[0]
    assert path == "/paas/v4/layout_parsing"
    assert headers["authorization"] == "Bearer key"
    assert body == {"model": "glm-ocr", "file": "x", "start_page_id": 2}
    provider.script = lambda path, body: (200, {"error": {"code": "1210", "message": "no"}})
    with pytest.raises(ProviderError, match=r"^Zhipu OCR API error: 1210 - no$"):
        await ocr.recognize("x", RecognitionOptions())
    await ocr.close()


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ({"message": "broken", "output": {"task_status": "FAILED"}}, "broken"),
        (
            {
                "output": {
                    "task_status": "FAILED",
                    "results": [{"subtask_status": "FAILED", "code": "E", "message": "m"}],
                }
            },
            "E - m",
        ),
        (
            {"output": {"task_status": "FAILED", "results": [{"subtask_status": "FAILED", "message": "m"}]}},
            "SubtaskFailed - m",
        ),
        ({"output": {"task_status": "UNKNOWN"}}, "Transcription failed"),
    ],
)
async def test_failed_tasks_say_why(provider: Provider, answer: Any, message: str) -> None:
    provider.script = lambda path, body: (200, answer)
    asr = FunAsr(provider.url + "/", "key", "fun-asr", ZONE)
    task = await asr.task("a/b")
    await asr.close()
    assert (task.status, task.message) == ("FAILED", message)
    assert provider.seen[0][0] == "/tasks/a%2Fb"


async def test_waiting_for_a_task_ends_in_time(provider: Provider) -> None:
    provider.script = lambda path, body: (200, {"output": {"task_status": "RUNNING"}})
    recognizer = FunAsr(provider.url, "key", "fun-asr", ZONE)
    asr = AsrService(recognizer, OutboundClient(), EverybodysTasks(), Unlimited(), poll_seconds=0.02, wait_seconds=1)
    with pytest.raises(AimoError, match=r"^Transcription timeout after 1000ms$"):
        await asr.wait("alice", "t")
    await recognizer.close()
    assert len(provider.seen) > 2


async def test_results_come_from_public_addresses_only(provider: Provider) -> None:
    done = {"subtask_status": "SUCCEEDED", "transcription_url": provider.url + "/t"}
    parts = [done, {**done, "subtask_status": "FAILED"}, {**done, "transcription_url": "http://10.0.0.1/"}]
    output = {"output": {"task_status": "SUCCEEDED", "results": parts}}
    provider.script = lambda path, body: (200, {"text": "hi"} if path == "/t" else output)
    recognizer = FunAsr(provider.url, "key", "fun-asr", ZONE)
    for allow, found in (("127.0.0.1", [{"text": "hi"}]), ("", [])):
        asr = AsrService(recognizer, OutboundClient(allow), EverybodysTasks(), Unlimited())
        assert await asr.results(await asr.task("alice", "t")) == found
    await recognizer.close()
    # The provider's key goes to the provider alone.
    assert all("authorization" not in headers for path, headers, _ in provider.seen if path == "/t")


@pytest.mark.parametrize(
    "answer",
    [(200, "not json"), (200, []), (200, {"choices": None}), (200, {"error": {"message": "x"}}), (401, {})],
)
async def test_chat_answers_that_are_none_are_failures(provider: Provider, answer: tuple[int, Any]) -> None:
    provider.script = lambda path, body: answer
    chat = OpenAIChat(provider.url, "secret-key", "m", waits=())
    with pytest.raises(ProviderError) as failed:
        await chat.complete(PROMPT, seconds=5)
    assert "secret-key" not in str(failed.value)
    with pytest.raises(ProviderError):
        [piece async for piece in chat.stream(PROMPT, seconds=5)]
    await chat.close()


async def test_chat_is_asked_as_the_contract_says(provider: Provider) -> None:
    provider.script = lambda path, body: (200, {"choices": [{"message": {"content": "hi \ud800"}}]})
    chat = OpenAIChat(provider.url, "key", "m")
    assert await chat.complete(Prompt("be kind", "say hi \ud800", 0.7), seconds=5) == "hi \ufffd"
    await chat.close()
    path, _, body = provider.seen[0]
    assert path == "/chat/completions"
    assert body == {
        "model": "m",
        "temperature": 0.7,
        "stream": False,
        "messages": [{"role": "system", "content": "be kind"}, {"role": "user", "content": "say hi \ufffd"}],
    }


async def test_chat_is_asked_again_after_an_outage_but_not_after_a_refusal(provider: Provider) -> None:
    answers = iter([(500, {}), (429, {}), (200, {"choices": [{"message": {"content": "hi"}}]}), (400, {})])
    provider.script = lambda path, body: next(answers)
    chat = OpenAIChat(provider.url, "key", "m", waits=(0.01, 0.01))
    assert await chat.complete(PROMPT, seconds=5) == "hi"
    with pytest.raises(ProviderError):
        await chat.complete(PROMPT, seconds=5)
    await chat.close()
    assert len(provider.seen) == 4
