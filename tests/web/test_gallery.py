"""The gallery, and the filter for memos with files."""

from __future__ import annotations

import io

import pytest
from PIL import Image
from tests.support.client import Client
from tests.support.server import Server

from .conftest import Open

PASSWORD = "a quiet harbour"
HOSTILE = "<img src=x onerror=document.title='pwned'>.png"


def upload(api: Client, name: str, kind: str, content: bytes) -> str:
    answer = api.post("/attachments/upload", files={"file": (name, content, kind)})
    return str(answer.data["attachment"]["attachmentId"])


def png(color: str) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (90, 60), color).save(stream, "PNG")
    return stream.getvalue()


@pytest.mark.parametrize("size", ["desktop", "telephone"])
def test_files_are_shown_by_kind_and_lead_to_their_memos(
    screen: Open, client_server: Server, email: str, size: str
) -> None:
    page = screen(size)
    page.register(email)
    page.wait("!document.querySelector('.mark.waiting')")
    api = client_server.client().login(email, PASSWORD)
    old, new = (upload(api, name, "image/png", png(color)) for name, color in (("old.png", "red"), (HOSTILE, "blue")))
    paper = upload(api, "paper.pdf", "application/pdf", b"%PDF-1.4")
    first = api.post("/memos", {"content": "By the sea", "attachments": [old, paper]}).data["memo"]["memoId"]
    api.post("/memos", {"content": "In the hills", "attachments": [new]})
    api.post("/memos", {"content": "Nothing but words"})

    page.go("/gallery")
    page.wait("[...document.querySelectorAll('.tiles img')].filter(one => one.naturalWidth > 0).length === 2")
    assert page.run("document.querySelector('.tiles button').getAttribute('aria-label')") == f"View {HOSTILE}"
    assert page.run("document.title") != "pwned"
    page.click(".tiles button")
    page.sees("1 / 2")
    page.key("+")
    page.wait("document.querySelector('.viewer-stage img').style.transform.includes('scale(1.5)')")
    page.key("ArrowRight")
    page.sees("2 / 2")
    page.click(".viewer-bar a[aria-label=Open]")
    page.wait(f"location.pathname === '/m/{first}'")
    page.run("history.back()")
    page.wait("document.querySelectorAll('.tiles img').length === 2")

    page.press_button("Documents")
    page.sees("paper.pdf")
    assert page.run("location.search") == "?kind=documents"
    assert page.violations() == []
    page.press_button("Sound and video")
    page.sees("No files of this kind")
    assert page.complaints() == []


def test_memos_with_files_are_a_filter_that_can_be_removed(screen: Open, client_server: Server, email: str) -> None:
    page = screen()
    page.register(email)
    api = client_server.client().login(email, PASSWORD)
    api.post("/memos", {"content": "With a picture", "attachments": [upload(api, "a.png", "image/png", png("red"))]})
    api.post("/memos", {"content": "Nothing but words"})
    page.go("/")
    page.sees("Nothing but words")
    page.press_button("Filter")
    page.click("dialog [name=files]")
    page.press_button("Show")
    page.wait("document.querySelector('.filter-bar .count')?.innerText === '1 memo'")
    page.wait(
        "[...document.querySelectorAll('.card')].map(one => one.innerText.includes('With a picture')).join() === 'true'"
    )
    assert page.run("location.search") == "?files=1"
    page.press_button("Remove the filter Has files")
    page.wait("document.querySelectorAll('.card').length === 2")
    assert page.complaints() == []
