"""Text and speech recognition over HTTP, with a stand-in for the providers."""

from __future__ import annotations

import pytest
from tests.support.client import Client
from tests.support.stub import Stub


@pytest.fixture(scope="module")
def alice(module_stub: Stub, module_server) -> Client:  # type: ignore[no-untyped-def]
    keys = {"ZHIPU_API_KEY": "zhipu", "FUN_ASR_API_KEY": "fun"}
    client: Client = module_server(**module_stub.settings(), **keys).user()
    return client


def test_text_of_every_file_comes_in_their_order(alice: Client) -> None:
    texts = alice.post("/ocr/parse", {"files": ["aGk=", "data:image/png;base64,aGk="]}).data["texts"]
    assert len(set(texts)) == 2
    assert alice.post("/ocr/parse", {"files": "aGk="}).data == {"texts": texts[:1]}


def test_layout_of_the_first_page_comes_under_its_contract_names(alice: Client) -> None:
    (result,) = alice.post("/ocr/parse-full", {"files": "aGk=", "options": {"startPageId": 1}}).data["results"]
    text = result["text"]
    assert result == {
        "index": 0,
        "text": text,
        "originalFile": "aGk=",
        "layoutDetails": [
            {"index": 0, "label": "text", "bbox2d": [0, 0, 100, 20], "content": text, "height": 100, "width": 100}
        ],
    }


def test_one_failing_file_fails_the_request_and_is_named(alice: Client) -> None:
    failed = alice.post("/ocr/parse", {"files": ["aGk=", "https://example.com/[[stub:400]]"]})
    assert (failed.code, failed.message) == (
        1,
        "Zhipu OCR failed for file 1: Zhipu OCR API call failed: 400 - Bad Request",
    )


@pytest.mark.parametrize(
    "file", ["", "  ", "not base64!", "data:text/html,<p>", "a.png; rm", "\\\\host\\share", "ＡＢ", "=="]
)
def test_what_is_neither_an_address_nor_base64_reaches_no_provider(alice: Client, module_stub: Stub, file: str) -> None:
    module_stub.reset()
    refused = alice.post("/ocr/parse", {"files": ["aGk=", file]})
    assert (refused.code, "File 1" in (refused.message or "")) == (2, True), refused
    assert alice.post("/ocr/parse", {"files": ["  aGk=\n"]}).code == 0, "blanks around it are no harm"


@pytest.mark.parametrize("url", ["http://169.254.169.254/latest", "http://10.0.0.1/x.png", "file:///etc/passwd"])
def test_private_addresses_reach_no_provider(alice: Client, module_stub: Stub, url: str) -> None:
    module_stub.reset()
    assert alice.post("/ocr/parse", {"files": ["aGk=", url]}).code == 2
    submitted = alice.post("/asr/transcribe", {"fileUrls": [url]})
    assert submitted.status == 202
    assert submitted.code in (1, 2)
    assert module_stub.stats()["requests"] == {}


def test_speech_is_recognized_by_a_task(alice: Client) -> None:
    begun = alice.post("/asr/transcribe", {"fileUrls": ["http://127.0.0.1:8080/x.mp3"], "languageHints": ["zh"]})
    assert begun.status == 202
    task_id = begun.data["taskId"]
    assert begun.data["status"] == "PENDING"
    task = alice.get(f"/asr/task/{task_id}").data
    # The provider's times carry no zone; they are in the server's, which is Asia/Shanghai.
    assert task == {
        "taskId": task_id,
        "requestId": task["requestId"],
        "status": "SUCCEEDED",
        "completedTime": 1704038401000,
    }
    result = alice.get(f"/asr/result/{task_id}").data
    assert result == alice.get(f"/asr/wait/{task_id}").data
    assert result["status"] == "SUCCEEDED"
    assert result["results"][0]["transcripts"][0]["text"].startswith("Stub transcript")


def test_speech_is_recognized_while_the_client_waits(alice: Client) -> None:
    answer = alice.post(
        "/asr/transcribe-and-wait", {"fileUrls": [" http://127.0.0.1:8080/a.mp3", "oss://bucket/b.mp3"]}
    )
    assert answer.status == 202
    assert len(answer.data["results"]) == 2


@pytest.mark.parametrize(
    ("urls", "reason"),
    [
        ([], "At least one file URL is required"),
        (None, "At least one file URL is required"),
        (["no url"], "Invalid file URL: no url"),
        (["http://"], "Invalid file URL: http://"),
        (["http:"], "Invalid file URL: http:"),
        (["http://exa mple.com/a"], "Invalid file URL: http://exa mple.com/a"),
        (["http://example.com:99999/a"], "Invalid file URL: http://example.com:99999/a"),
        (["http://[::1/a"], "Invalid file URL: http://[::1/a"),
        ([7], "Invalid file URL: 7"),
        ([None], "Invalid file URL: null"),
        (
            ["file:///etc/x.wav"],
            'Unsupported file URL protocol "file:". Only HTTP/HTTPS or OSS URLs are allowed.',
        ),
        (
            ["ftp://127.0.0.1/x"],
            'Unsupported file URL protocol "ftp:". Only HTTP/HTTPS or OSS URLs are allowed.',
        ),
        (["oss://b/x"] * 101, "At most 100 file URLs are supported per request"),
        (["oss://b/[[stub:400]]"], None),
    ],
)
def test_refused_recordings_say_why_with_202(alice: Client, urls: object, reason: str | None) -> None:
    for route in ("transcribe", "transcribe-and-wait"):
        answer = alice.post(f"/asr/{route}", {"fileUrls": urls})
        assert answer.status == 202
        if reason:
            assert (answer.code, answer.message) == (2 if "At least" in reason else 1, reason)
        else:
            assert answer.message is not None
            assert answer.message.startswith("ASR API error: 400 Bad Request - ")


def test_a_body_that_cannot_be_read_is_refused_with_202(alice: Client) -> None:
    answer = alice.post("/asr/transcribe", {"fileUrls": ["oss://b/x"], "languageHints": 7})
    assert (answer.status, answer.code) == (202, 2)


def test_unknown_tasks_are_failures_of_the_provider(alice: Client) -> None:
    for route in ("task", "wait", "result"):
        answer = alice.get(f"/asr/{route}/nothing%2Fhere")
        assert answer.status == 200
        assert answer.code == 1
        assert str(answer.message).startswith("ASR API error: 404 Not Found - ")


def test_files_of_this_server_are_sent_themselves_because_no_provider_can_fetch_them(alice: Client) -> None:
    upload = {"file": ("x.png", b"hi", "image/png")}
    url = alice.post("/attachments/upload", files=upload).data["attachment"]["url"]
    assert url.startswith("/files/")
    (relative,) = alice.post("/ocr/parse-full", {"files": url}).data["results"]
    assert relative["originalFile"] == url
    (absolute,) = alice.post("/ocr/parse", {"files": f"http://memos.internal{url}"}).data["texts"]
    assert absolute == relative["text"] != alice.post("/ocr/parse", {"files": "x"}).data["texts"][0]
    forged = alice.post("/ocr/parse", {"files": url[:-3] + "AAA"})
    assert (forged.code, forged.message) == (2, "The address of the file is not valid or has expired")
