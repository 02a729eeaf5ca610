"""Asking one's memos: answers come piece by piece, with sources that open beside them, and stay."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.support.browser import Browser, Person
from tests.support.server import Server
from tests.support.streaming_stub import StreamingStub

from .conftest import Open
from .screen import Screen

PASSWORD = "a quiet harbour"
QUESTION = "When is the budget meeting on Friday?"
Ask = Callable[[], Screen]


@pytest.fixture
def page(browser: Browser, person: Person, model_server: Server, email: str) -> Screen:
    """The page of somebody with two memos, who is about to ask."""
    somebody = model_server.client().register(email, PASSWORD).login(email, PASSWORD)
    for room in ("red", "blue"):
        somebody.post("/memos", {"content": f"The budget meeting on Friday is in the {room} room"})
    tab = Screen(browser, person, model_server.url)
    tab.log_in(email)
    tab.go("/ask")
    tab.focus(".ask textarea")
    tab.type(QUESTION)
    return tab


def test_an_answer_is_streamed_its_sources_open_beside_it_and_it_stays(
    page: Screen, model: StreamingStub, model_server: Server, email: str
) -> None:
    pieces = ["In the red room [1]", " or the blue one [2].", " <img src=x onerror=alert(1)>"]
    model.say = lambda system, user: pieces
    model.pause = 0.3
    page.key("Enter")
    page.wait("location.pathname.startsWith('/ask/')")
    page.sees("In the red room")
    assert not page.run("document.body?.innerText.includes('or the blue one')"), "it was not shown piece by piece"
    page.sees("or the blue one")
    page.wait("document.querySelector('[aria-busy=true]') === null")
    assert page.run("document.querySelectorAll('.answer img').length") == 0
    second = page.run("document.querySelectorAll('.sources a')[1].innerText")
    page.run("[...document.querySelectorAll('.answer .md a')].find(one => one.innerText === '[2]').click()")
    page.wait("document.querySelector('.beside .md') !== null")
    room = "red" if "red" in second else "blue"
    assert f"in the {room} room" in page.run("document.querySelector('.beside').innerText")
    assert page.run("document.activeElement?.innerText") == "Source 2"
    page.key("Escape")
    page.wait("document.querySelector('.beside') === null")

    model.say = lambda system, user: "Nobody says."
    page.focus(".ask textarea")
    page.type("Who chairs the budget meeting on Friday?")
    page.key("Enter")
    page.sees("Nobody says.")
    page.wait("document.querySelector('[aria-busy=true]') === null")
    assert any(
        "In the red room" in asked for asked in model.asked if "Who chairs the budget meeting on Friday?" in asked
    )
    page.go(page.run("location.pathname"))
    page.sees("Nobody says.")
    page.sees("or the blue one")
    api = model_server.client().login(email, PASSWORD)
    [kept] = api.get("/explore/conversations").data["items"]
    assert (kept["title"], kept["messageCount"]) == (QUESTION, 4)

    page.press_button("All conversations")
    page.press_button(f"Actions for {QUESTION}")
    page.press_button("Rename")
    page.focus("dialog [name=title]")
    page.run("document.activeElement.select()")
    page.type("Budget")
    page.key("Enter")
    page.press_button("Actions for Budget")
    page.press_button("Delete")
    page.press_button("Delete")
    page.wait("document.querySelector('.rows li') === null")
    assert api.get("/explore/conversations").data["items"] == []
    assert page.complaints() == []


def test_stopping_keeps_what_was_said_until_then(
    page: Screen, model: StreamingStub, model_server: Server, email: str
) -> None:
    model.hung_up.clear()
    model.pause = 0.1
    model.say = lambda system, user: [f"word{number} " for number in range(100)]
    page.press_button("Ask")
    page.sees("word3")
    page.press_button("Stop")
    page.wait("document.querySelector('[aria-busy=true]') === null")
    page.sees("word3")
    assert model.hung_up.wait(5), "the model still writes"
    page.go(page.run("location.pathname"))
    page.sees("word3")
    page.misses("word90")


def test_an_input_methods_enter_asks_nothing_and_a_failure_can_be_repeated(page: Screen, model: StreamingStub) -> None:
    page.run(
        "document.activeElement.dispatchEvent(new KeyboardEvent('keydown',"
        " {key: 'Enter', keyCode: 229, bubbles: true, cancelable: true}))"
    )
    page.run(
        "document.activeElement.dispatchEvent(new KeyboardEvent('keydown',"
        " {key: 'Enter', isComposing: true, bubbles: true, cancelable: true}))"
    )
    assert page.run("location.pathname") == "/ask"
    assert page.run("document.activeElement?.value") == QUESTION
    model.say = lambda system, user: 400
    page.key("Enter")
    page.sees("Try again")
    model.say = lambda system, user: "In the red room."
    page.press_button("Try again")
    page.sees("In the red room.")
    assert page.run("document.querySelectorAll('.question').length") == 1


def test_without_a_model_the_best_passages_are_shown_and_that_is_said(screen: Open, email: str) -> None:
    page = screen()
    page.register(email)
    page.write("The budget meeting on Friday is in the red room")
    page.wait("document.querySelector('.card') !== null && !document.querySelector('.mark.waiting')")
    page.go("/ask")
    page.focus(".ask textarea")
    page.type("budget meeting Friday")
    page.key("Enter")
    page.sees("A written answer needs a chat model.")
    page.wait("document.querySelector('.sources')?.innerText.includes('in the red room')")
    assert page.complaints() == []
