"""Writing, finding and changing memos, by keyboard alone, in a real browser."""

from __future__ import annotations

import json

from tests.support.server import Server

from .conftest import Open
from .screen import CONTROL


def test_a_first_person_writes_and_finds_with_the_keyboard_alone(screen: Open, email: str) -> None:
    page = screen()
    page.register(email)
    page.key("Escape")
    page.run("document.activeElement.blur()")
    page.key("c")
    page.wait("document.activeElement?.id === 'composer'")
    page.type("The plum tree by the harbour has flowers. #spring")
    page.key("Enter", CONTROL)
    page.sees("The plum tree by the harbour")
    page.wait("document.querySelector('.card a.inline-tag')?.textContent === '#spring'")
    page.wait("!document.querySelector('.mark.waiting')")

    page.key("k", CONTROL)
    page.wait("document.activeElement?.type === 'search'")
    page.type("plum harbour")
    page.wait("document.querySelector('.results .why')?.textContent.includes('words')")
    assert page.run("document.querySelector('.results mark').textContent.toLowerCase()") in ("plum", "harbour")
    page.key("Enter")
    page.wait("location.pathname.startsWith('/m/') && document.querySelector('article.memo') !== null")
    page.wait("!document.querySelector('dialog')")

    page.key("e")
    page.wait("document.activeElement?.id === 'edit'")
    page.type(" Bees, too.")
    page.key("Enter", CONTROL)
    page.wait("document.querySelector('article.memo')?.innerText.includes('Bees, too.')")
    page.key("?")
    page.sees("Next, previous memo")
    page.key("Escape")
    page.key("Delete")
    page.sees("Moved to the trash")
    page.wait("location.pathname === '/'")
    page.misses("The plum tree by the harbour")
    page.key("z")
    page.sees("The plum tree by the harbour")
    assert page.complaints() == []


def test_an_input_method_saves_and_completes_nothing_by_itself(screen: Open, email: str) -> None:
    page = screen()
    page.register(email)
    page.write("first #walks")
    page.wait("document.querySelector('.card') && !document.querySelector('.mark.waiting')")
    page.focus("#composer")
    page.page.command("Input.imeSetComposition", text="nihao", selectionStart=5, selectionEnd=5)
    for event in ("{isComposing: true}", "{keyCode: 229}"):
        page.run(
            f"document.querySelector('#composer').dispatchEvent(new KeyboardEvent('keydown',"
            f" {{key: 'Enter', ctrlKey: true, bubbles: true, cancelable: true, ...{event}}}))"
        )
    assert page.run("document.querySelectorAll('.card').length") == 1
    page.page.command("Input.insertText", text="你好")
    assert page.run("document.querySelector('#composer').value") == "你好"
    page.type(" #wa")
    page.wait("document.querySelector('.completion [role=option]')?.textContent.startsWith('#walks')")
    page.key("Enter")
    page.wait("document.querySelector('#composer').value === '你好 #walks '")
    page.key("Enter", CONTROL)
    page.wait("document.querySelectorAll('.card').length === 2")
    assert page.complaints() == []


def test_filters_are_in_the_address_and_can_be_removed(screen: Open, email: str) -> None:
    page = screen()
    page.register(email)
    for text in ("one #red", "two #blue", "three #red"):
        page.write(text)
    page.wait("!document.querySelector('.mark.waiting')")
    page.go("/?tag=red&q=three")
    page.sees("three")
    page.misses("one #red")
    page.press_button("Remove the filter “three”")
    page.sees("one #red")
    assert page.run("location.search") == "?tag=red"
    page.press_button("Remove the filter #red")
    page.sees("two #blue")
    assert page.complaints() == []


def test_a_picture_is_pasted_shown_and_opened(screen: Open, email: str) -> None:
    page = screen()
    page.register(email)
    page.focus("#composer")
    page.run(
        """(async () => {
          const canvas = Object.assign(document.createElement('canvas'), {width: 60, height: 40});
          canvas.getContext('2d').fillRect(0, 0, 60, 40);
          const blob = await new Promise((done) => canvas.toBlob(done));
          const transfer = new DataTransfer();
          transfer.items.add(new File([blob], 'evening.png', {type: 'image/png'}));
          const facts = {clipboardData: transfer, bubbles: true, cancelable: true};
          document.querySelector('#composer').dispatchEvent(new ClipboardEvent('paste', facts));
        })()"""
    )
    page.wait("document.querySelector('.file-chip') && !document.querySelector('.file-chip progress')")
    page.write("with a picture")
    page.wait("document.querySelector('.picture img')?.naturalWidth > 0")
    page.click(".picture")
    page.wait("document.querySelector('dialog.viewer img')?.naturalWidth === 60")
    page.key("Escape")
    page.wait("!document.querySelector('dialog')")
    assert page.complaints() == []


def test_a_draft_survives_the_crash_of_its_tab(screen: Open, email: str) -> None:
    page = screen()
    page.register(email)
    page.focus("#composer")
    page.type("half a sentence that")
    page.wait("new Promise((done) => setTimeout(() => done(true), 60))")
    page.page.command("Page.close")
    again = screen().go("/")
    again.wait("document.querySelector('#composer')?.value === 'half a sentence that'")


def test_a_session_that_ended_asks_in_place_and_goes_on(screen: Open, email: str) -> None:
    page = screen()
    page.register(email)
    page.write("before")
    page.wait("!document.querySelector('.mark.waiting')")
    page.page.command("Network.clearBrowserCookies")
    page.write("after the session has ended")
    page.wait("document.activeElement?.name === 'password'")
    page.type("a quiet harbour")
    page.key("Enter")
    page.wait("!document.querySelector('dialog') && !document.querySelector('.mark.waiting')")
    page.go("/")
    page.sees("after the session has ended")


def test_a_wrong_password_says_so_and_keeps_what_was_typed(screen: Open, email: str) -> None:
    page = screen().go("/login")
    page.wait("document.activeElement?.name === 'email'")
    page.type(email)
    page.key("Tab")
    page.type("wrong")
    page.key("Enter")
    page.sees("Wrong e-mail or password.")
    assert json.loads(page.run("JSON.stringify(document.querySelector('input').value)")) == email


def test_a_memo_comes_back_from_the_trash(screen: Open, email: str, client_server: Server) -> None:
    page = screen()
    page.register(email)
    page.write("deleted by mistake")
    page.wait("document.querySelector('.card') && !document.querySelector('.mark.waiting')")
    reader = client_server.client().login(email, "a quiet harbour")
    memo_id = reader.get("/memos").data["items"][0]["memoId"]
    reader.delete(f"/memos/{memo_id}")
    page.go("/trash")
    page.sees("deleted by mistake")
    page.press_button("Restore")
    page.sees("Restored")
    page.go("/")
    page.sees("deleted by mistake")
    assert reader.get(f"/memos/{memo_id}").code == 0
    reader.delete(f"/memos/{memo_id}")
    page.go("/trash")
    page.press_button("Delete for good")
    page.sees("cannot be brought back")
    page.press_button("Delete for good")
    page.sees("The trash is empty")
    assert reader.get("/trash").data["total"] == 0
    assert page.complaints() == []


def test_the_stream_is_filled_with_four_requests(screen: Open, email: str) -> None:
    page = screen()
    page.register(email)
    page.write("enough to fill a stream")
    page.wait("document.querySelector('.card') && !document.querySelector('.mark.waiting')")
    watch = (
        "new MutationObserver(() => { if (document.querySelector('.card')) window.filled ??= performance.now(); })"
        ".observe(document, {subtree: true, childList: true})"
    )
    page.page.command("Page.addScriptToEvaluateOnNewDocument", source=watch)
    page.go("/")
    page.wait("window.filled > 0")
    asked = page.run(
        "performance.getEntriesByType('resource').filter((one) => one.name.includes('/api/') && one.startTime < filled)"
        ".map((one) => one.name)"
    )
    assert len(asked) <= 4, asked
