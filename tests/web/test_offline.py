"""Away from the server: reading, writing, and sending later, exactly once and in order."""

from __future__ import annotations

from tests.support.client import Client
from tests.support.server import Server

from .conftest import Open
from .screen import CONTROL, Screen

PASSWORD = "a quiet harbour"


def client_of(server: Server, email: str) -> Client:
    return server.client().login(email, PASSWORD)


WAITING = """new Promise((done) => {
  const opened = indexedDB.open('aimo');
  opened.onsuccess = () => {
    const asked = opened.result.transaction('outbox').objectStore('outbox').count();
    asked.onsuccess = () => { opened.result.close(); done(asked.result); };
  };
})"""


def settled(page: Screen) -> None:
    """Wait until nothing is left to be sent from this device, and the page shows that."""
    page.wait(f"{WAITING}.then((count) => count === 0)", 30)
    page.wait("!document.querySelector('.mark.waiting')")


def test_what_is_written_offline_is_sent_once_and_in_order(screen: Open, email: str, client_server: Server) -> None:
    page = screen()
    page.register(email)
    page.write("written online")
    settled(page)
    page.offline(True)
    page.write("first offline")
    page.write("second offline")
    page.sees("will be sent later")
    page.offline(False)
    page.run("dispatchEvent(new Event('online'))")
    settled(page)
    texts = [one["content"] for one in client_of(client_server, email).get("/memos").data["items"]]
    assert texts == ["second offline", "first offline", "written online"]


def test_a_crash_while_sending_loses_and_doubles_nothing(screen: Open, email: str, client_server: Server) -> None:
    page = screen()
    page.register(email)
    # The server gets the request, the tab never gets the answer.
    page.run(
        "globalThis.real = fetch; globalThis.fetch = async (url, options) => {"
        " const answer = await real(url, options); if (options?.method === 'POST') await new Promise(() => undefined);"
        " return answer; }; undefined"
    )
    page.write("sent, and never answered")
    reader = client_of(client_server, email)
    page.wait("true")
    for _ in range(100):
        if reader.get("/memos").data["items"]:
            break
        page.wait("new Promise((done) => setTimeout(() => done(true), 50))")
    page.page.command("Page.close")
    again = screen().go("/")
    again.sees("sent, and never answered")
    settled(again)
    assert [one["content"] for one in reader.get("/memos").data["items"]] == ["sent, and never answered"]


def test_a_conflict_is_shown_and_nothing_is_overwritten(screen: Open, email: str, client_server: Server) -> None:
    page = screen()
    page.register(email)
    page.write("as it was")
    settled(page)
    other = client_of(client_server, email)
    memo_id = other.get("/memos").data["items"][0]["memoId"]
    page.go(f"/m/{memo_id}?edit=1")
    page.wait("document.activeElement?.id === 'edit'")
    page.type(", changed here")
    assert other.put(f"/memos/{memo_id}", {"content": "changed on the telephone"}).code == 0
    page.key("Enter", CONTROL)
    page.sees("Changed on another device")
    page.sees("changed on the telephone")
    page.sees("as it was, changed here")
    assert other.get(f"/memos/{memo_id}").data["content"] == "changed on the telephone"
    page.press_button("Keep both")
    page.misses("Changed on another device")
    for _ in range(100):
        texts = {one["content"] for one in other.get("/memos").data["items"]}
        if len(texts) == 2:
            break
        page.wait("new Promise((done) => setTimeout(() => done(true), 50))")
    assert texts == {"changed on the telephone", "as it was, changed here"}


def test_logging_out_leaves_nothing_on_the_device(screen: Open, email: str) -> None:
    page = screen()
    page.register(email)
    page.write("a secret")
    settled(page)
    page.go("/more")
    page.press_button("Log out")
    page.wait("location.pathname === '/login'")
    kept = page.run(
        """new Promise((done) => { const opened = indexedDB.open('aimo'); opened.onsuccess = async () => {
          const all = {}; for (const name of opened.result.objectStoreNames) {
            all[name] = await new Promise((got) => {
              const asked = opened.result.transaction(name).objectStore(name).getAll();
              asked.onsuccess = () => got(asked.result.length); }); } done(all); }; })"""
    )
    assert set(kept.values()) == {0}
    assert page.run("localStorage.getItem('aimo.person')") is None
    page.go("/")
    page.wait("location.pathname === '/login'")


def test_two_tabs_show_the_same(screen: Open, email: str) -> None:
    one = screen()
    one.register(email)
    other = screen().go("/")
    other.wait("document.querySelector('#composer') !== null")
    one.write("seen in the other tab")
    other.sees("seen in the other tab")


def test_the_client_opens_without_the_server(screen: Open, email: str) -> None:
    page = screen()
    page.register(email)
    page.write("kept for reading offline")
    settled(page)
    page.wait("navigator.serviceWorker.getRegistration().then((one) => one?.active?.state === 'activated')", 20)
    page.go("/")
    page.sees("kept for reading offline")
    page.wait("navigator.serviceWorker.controller !== null")
    page.offline(True)
    page.go("/")
    page.sees("kept for reading offline")
    page.sees("Offline")
    page.offline(False)


def test_two_tabs_and_a_telephone_lose_and_double_nothing(screen: Open, email: str, client_server: Server) -> None:
    one = screen()
    one.register(email)
    other = screen(size="telephone").go("/")
    other.wait("document.querySelector('#composer') !== null")
    telephone = client_of(client_server, email)
    wanted = set()
    for turn in range(6):
        one.offline(turn % 2 == 0)
        other.offline(turn % 3 == 0)
        one.write(f"from one tab {turn}")
        other.write(f"from the other {turn}")
        telephone.post("/memos", {"content": f"from the telephone {turn}"})
        wanted |= {f"from one tab {turn}", f"from the other {turn}", f"from the telephone {turn}"}
    for tab in (one, other):
        tab.offline(False)
        tab.run("dispatchEvent(new Event('online'))")
    settled(one)
    settled(other)
    texts = [memo["content"] for memo in telephone.get("/memos", limit=100).data["items"]]
    assert len(texts) == len(wanted)
    assert set(texts) == wanted


def test_what_another_app_shares_becomes_a_draft(screen: Open, email: str) -> None:
    page = screen()
    page.register(email)
    page.wait("navigator.serviceWorker.getRegistration().then((one) => one?.active?.state === 'activated')", 20)
    page.go("/")
    page.wait("navigator.serviceWorker.controller !== null")
    page.page.follow(
        """(() => {
          const form = Object.assign(document.createElement('form'), {method: 'post', enctype: 'multipart/form-data'});
          form.action = '/share-target';
          for (const [name, value] of Object.entries({title: 'A page', text: '', url: 'https://example.org/shared'})) {
            form.append(Object.assign(document.createElement('input'), {name, value}));
          }
          document.body.append(form);
          form.submit();
        })()"""
    )
    page.wait("document.querySelector('#composer')?.value === 'A page\\nhttps://example.org/shared'")


def test_a_change_of_a_memo_that_is_gone_can_be_kept(screen: Open, email: str, client_server: Server) -> None:
    page = screen()
    page.register(email)
    page.write("short-lived")
    settled(page)
    other = client_of(client_server, email)
    memo_id = other.get("/memos").data["items"][0]["memoId"]
    page.go(f"/m/{memo_id}?edit=1")
    page.wait("document.activeElement?.id === 'edit'")
    page.type(", and changed")
    other.delete(f"/memos/{memo_id}")
    page.key("Enter", CONTROL)
    page.sees("1 change needs you")
    page.press_button("Look")
    page.sees("The memo was deleted on another device.")
    page.press_button("Keep it as a new memo")
    page.sees("Everything is sent.")
    assert [one["content"] for one in other.get("/memos").data["items"]] == ["short-lived, and changed"]
