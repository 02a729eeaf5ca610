"""Tags and categories: renaming, colours and deleting reach the server and the memos that carry them."""

from __future__ import annotations

from tests.support.server import Server

from .conftest import Open

PASSWORD = "a quiet harbour"


def test_a_tag_is_renamed_and_coloured_and_a_name_that_is_taken_is_refused(
    screen: Open, client_server: Server, email: str
) -> None:
    page = screen()
    page.register(email)
    page.write("Walked along the harbour. #walks")
    page.write("A heron stood there. #birds")
    page.wait("document.querySelectorAll('.card').length === 2 && !document.querySelector('.mark.waiting')")
    page.go("/tags")
    page.press_button("Actions for walks")
    page.press_button("Name and colour")
    page.focus("dialog [name=name]")
    page.run("document.activeElement.select()")
    page.type("birds")
    page.press_button("Save")
    page.sees("Another tag has this name.")
    page.focus("dialog [name=name]")
    page.run("document.activeElement.select()")
    page.type("strolls")
    page.click("dialog [type=checkbox]")
    page.wait("document.querySelector('dialog [type=color]') !== null")
    page.run("document.querySelector('dialog [type=color]').value = '#aa3300'")
    page.press_button("Save")
    page.sees("#strolls")
    page.wait("[...document.querySelectorAll('.swatch')].some(one => one.style.background === 'rgb(170, 51, 0)')")
    tags = client_server.client().login(email, PASSWORD).get("/tags").data["tags"]
    assert {(tag["name"], tag["color"], tag["usageCount"]) for tag in tags} == {
        ("strolls", "#aa3300", 1),
        ("birds", None, 1),
    }
    page.press_button("#strolls")
    page.sees("Walked along the harbour.")
    page.misses("A heron stood there.")
    assert page.complaints() == []


def test_deleting_asks_first_and_says_what_memos_lose(screen: Open, client_server: Server, email: str) -> None:
    page = screen()
    page.register(email)
    page.write("A heron stood there. #birds")
    page.wait("document.querySelector('.card') !== null && !document.querySelector('.mark.waiting')")
    page.go("/tags")
    page.press_button("New category")
    page.focus("dialog [name=name]")
    page.type("Diary")
    page.key("Enter")
    page.wait("document.querySelector('dialog') === null")
    page.press_button("Actions for birds")
    page.press_button("Delete")
    page.sees("1 memo loses this tag.")
    page.press_button("Cancel")
    api = client_server.client().login(email, PASSWORD)
    assert [tag["name"] for tag in api.get("/tags").data["tags"]] == ["birds"]
    for name in ("birds", "Diary"):
        page.press_button(f"Actions for {name}")
        page.press_button("Delete")
        page.wait("document.querySelector('dialog') !== null")
        page.press_button("Delete")
        page.sees(f"“{name}” is deleted")
    assert api.get("/tags").data["tags"] == []
    assert [one["name"] for one in api.get("/categories").data["categories"]] == ["日记"]
    [memo] = api.get("/memos").data["items"]
    assert (memo["content"], memo.get("tags", [])) == ("A heron stood there. #birds", [])
