"""Reviewing: due memos by keys, and questions with answers that are graded; nothing typed is lost."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from tests.support.browser import Browser, Person
from tests.support.client import Client
from tests.support.server import Server
from tests.support.streaming_stub import StreamingStub

from .conftest import Open
from .furniture import cards, make_due
from .screen import Screen

PASSWORD = "a quiet harbour"
NOTES = ("The lighthouse keeper\nHe painted the lamp room blue.", "The ferry\nIt leaves at seven from the north pier.")
FRONT = "document.querySelector('.flash')?.innerText"


@pytest.fixture
def somebody(client_server: Server, email: str) -> Client:
    """Somebody with two memos that are due."""
    api = client_server.client().register(email, PASSWORD).login(email, PASSWORD)
    for note in NOTES:
        api.post("/memos", {"content": note})
    make_due(client_server, api)
    return api


@pytest.fixture
def due(screen: Open, somebody: Client, email: str) -> Screen:
    """Their page of what is due."""
    page = screen()
    page.log_in(email)
    page.go("/review")
    page.sees("The lighthouse keeper")
    return page


def test_due_memos_are_recalled_and_graded_by_keys_and_the_last_grade_is_taken_back(
    due: Screen, somebody: Client, client_server: Server
) -> None:
    due.sees("2 due, of 2 memos")
    assert "lamp room" not in due.run(FRONT), "the memo is shown before anybody tried to recall it"
    due.key("3")
    assert "The lighthouse keeper" in due.run(FRONT), "it was graded unseen"
    due.key(" ")
    due.sees("He painted the lamp room blue.")
    assert due.violations() == []
    due.key("3")
    due.sees("Comes back tomorrow")
    due.sees("The ferry")
    due.key("z")
    due.sees("He painted the lamp room blue.")
    due.key("1")
    due.sees("The ferry")
    due.key(" ")
    due.sees("It leaves at seven")
    due.key("4")
    due.sees("Nothing more is due today.")
    assert due.complaints() == []
    due.go("/")
    due.wait("document.querySelector('.card') !== null")
    assert [rest for _, *rest in cards(client_server, somebody)] == [[0, 1], [1, 0]]
    due.go("/review")
    due.sees("0 due, of 2 memos")


def test_a_grade_that_does_not_reach_the_server_is_asked_for_again(due: Screen) -> None:
    due.offline(True)
    for note in ("lamp room", "north pier"):
        due.key(" ")
        due.sees(note)
        due.key("2")
    due.sees("The server cannot be reached.")
    due.wait(f"{FRONT}?.includes('The lighthouse keeper')")
    due.offline(False)
    due.key("2")
    due.sees("Nothing more is due today.")


def test_questions_of_a_selection_are_answered_graded_and_scored(
    browser: Browser, person: Person, model: StreamingStub, model_server: Server, email: str
) -> None:
    api = model_server.client().register(email, PASSWORD).login(email, PASSWORD)
    for note in NOTES:
        api.post("/memos", {"content": note, "tags": ["coast"]})
    api.post("/memos", {"content": "Nothing about the sea"})
    page = Screen(browser, person, model_server.url)
    page.log_in(email)
    page.go("/review")
    page.press_button("New selection")
    page.focus("dialog [name=name]")
    page.type("By the sea")
    page.press_button("Add rule")
    page.wait("document.querySelector('dialog [name=value] option + option') !== null")
    page.run(
        "(one => (one.selectedIndex = 1, one.dispatchEvent(new Event('change', {bubbles: true}))))"
        "(document.querySelector('dialog [name=value]'))"
    )
    page.press_button("Save")
    page.sees("10 questions · Only #coast")

    answers: list[Callable[[], str | int]] = [lambda: 400, lambda: grade("remembered", "Yes, <b>blue</b>.")]

    def grade(mastery: str, feedback: str) -> str:
        return json.dumps({"mastery": mastery, "feedback": feedback})

    model.say = lambda system, user: answers.pop(0)() if "Answer:" in user else "What about <i>it</i>?"
    page.press_button("Start “By the sea”")
    page.sees("Question 1 of 2")
    page.sees("What about")
    page.wait("document.activeElement?.matches('.ask-me textarea')")
    page.type("The lamp room is blue")
    address = page.run("location.pathname")
    page.wait("new Promise((done) => setTimeout(() => done(true), 50))")
    page.go(address)
    page.wait("document.querySelector('.ask-me textarea')?.value === 'The lamp room is blue'")
    page.key("Enter")
    page.sees("The answer was saved, but the model could not grade it.")
    assert page.run("document.querySelector('.ask-me textarea').value") == "The lamp room is blue"
    page.press_button("Try again")
    page.sees("Remembered")
    page.wait("document.querySelector('.ask-me [role=status]').innerText.includes('b>blue')")
    page.wait("document.activeElement?.innerText === 'Next'")
    assert page.violations() == []
    page.key("Enter")
    page.sees("Question 2 of 2")
    page.press_button("I have forgotten it")
    page.sees("Forgot")
    page.press_button("Next")
    page.sees("50 of 100")
    assert page.violations() == []
    [kept] = api.get("/review/history").data["items"]
    assert kept["score"] == 50

    page.press_button("Review")
    page.sees("2 questions · 50 of 100")
    page.press_button("Actions for By the sea")
    page.press_button("Delete")
    page.press_button("Delete")
    page.misses("Only #coast")
    assert api.get("/review/profiles").data["profiles"] == []
    assert [one for one in page.complaints() if "502" not in one] == []


def test_without_a_model_that_is_said_and_words_are_compared(screen: Open, somebody: Client, email: str) -> None:
    page = screen("telephone")
    page.log_in(email)
    page.go("/review")
    page.sees("The server has no chat model")
    page.press_button("Ask me about all memos")
    page.sees("Question 1 of 2")
    page.focus(".ask-me textarea")
    page.offline(True)
    page.type("He painted the lamp room blue, it leaves at seven from the north pier")
    page.key("Enter")
    page.sees("The server cannot be reached. What you typed is kept here.")
    page.offline(False)
    page.press_button("Try again")
    page.sees("That matches the note well.")
    assert page.violations() == []
    page.go("/review")
    page.sees("not finished")
