"""Pictures of people, and trials of models and pushes in the settings."""

from __future__ import annotations

import pytest
from tests.support.browser import Browser, Person
from tests.support.server import Server
from tests.support.streaming_stub import StreamingStub

from .conftest import Open
from .screen import Screen

PASSWORD = "a quiet harbour"

CHOOSE_PICTURE = """new Promise((done) => {
  const canvas = Object.assign(document.createElement("canvas"), { width: 64, height: 64 });
  canvas.getContext("2d").fillRect(0, 0, 64, 64);
  canvas.toBlob((blob) => {
    const chosen = new DataTransfer();
    chosen.items.add(new File([blob], "me.png", { type: "image/png" }));
    const input = document.querySelector("input[type=file]");
    input.files = chosen.files;
    input.dispatchEvent(new Event("change", { bubbles: true }));
    done(true);
  });
})"""


def test_a_picture_of_oneself_is_shown_and_removed(screen: Open, client_server: Server, email: str) -> None:
    page = screen()
    page.register(email)
    page.go("/settings")
    page.wait("document.querySelector('input[type=file]') !== null")
    page.run(CHOOSE_PICTURE)
    page.wait("document.querySelector('img.avatar')?.naturalWidth > 0")
    api = client_server.client().login(email, PASSWORD)
    assert api.get("/user/info").data["avatar"]
    page.press_button("Remove picture")
    page.wait("document.querySelector('img.avatar') === null")
    assert not api.get("/user/info").data.get("avatar")
    assert page.complaints() == []


@pytest.fixture
def settings(browser: Browser, person: Person, model_server: Server, email: str) -> Screen:
    page = Screen(browser, person, model_server.url)
    page.register(email)
    page.go("/settings")
    page.wait("document.querySelector('[name=limit]') !== null")
    return page


def test_a_model_is_tried_before_it_is_saved(settings: Screen, model: StreamingStub) -> None:
    model.say = lambda system, user: "Hello from here"
    settings.press_button("Add model")
    settings.run(
        "document.querySelector('dialog select').value = 'other',"
        "document.querySelector('dialog select').dispatchEvent(new Event('change', {bubbles: true}))"
    )
    fields = {"name": "Mine", "modelName": "small", "address": f"{model.url}/v1", "key": "sk-of-nobody-1234"}
    for name, value in fields.items():
        settings.focus(f"dialog [name={name}]")
        settings.type(value)
    settings.press_button("Try it")
    settings.wait("document.querySelector('dialog .form-good')?.innerText === 'It works: Hello from here'")
    model.say = lambda system, user: 401
    settings.press_button("Try it")
    settings.wait("document.querySelector('dialog .form-error')?.innerText.length > 5")
    assert settings.run("document.querySelector('dialog [name=key]').value") == fields["key"]
    assert settings.complaints() == []


def test_a_push_that_cannot_be_sent_says_why(settings: Screen, model_server: Server, email: str) -> None:
    api = model_server.client().login(email, PASSWORD)
    nowhere = {"type": "feishu", "webhookUrl": "https://192.0.2.1/hook"}
    api.post("/push-rules", {"name": "Morning", "pushTime": 7, "contentType": "daily_pick", "channels": [nowhere]})
    settings.go("/settings")
    settings.press_button("Actions for Morning")
    settings.press_button("Send a test")
    settings.wait("document.querySelector('.toasts')?.innerText.length > 5")
    assert "it leads to an address that is not public" in settings.run("document.querySelector('.toasts').innerText")
