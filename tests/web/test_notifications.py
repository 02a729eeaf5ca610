"""Notifications: the bell says how many are unread, and opening one leads to its memo."""

from __future__ import annotations

from tests.support.server import Server

from .conftest import Open
from .furniture import notify

PASSWORD = "a quiet harbour"


def test_the_bell_counts_what_is_unread_and_opening_or_marking_lowers_it(
    screen: Open, client_server: Server, email: str
) -> None:
    api = client_server.client().register(email, PASSWORD).login(email, PASSWORD)
    memo = api.post("/memos", {"content": "The ferry leaves at seven"}).data["memo"]["memoId"]
    for number in range(3):
        notify(client_server, api, f"{email[:40]}-{number}", f"Due {number}", "The ferry", memo)
    page = screen()
    page.log_in(email)
    page.wait("document.querySelector('.nav .count')?.firstChild.data === '3'")
    page.key("g")
    page.key("n")
    page.sees("3 are unread")
    page.press_button("Mark “Due 0” as read")
    page.sees("2 are unread")
    page.run("[...document.querySelectorAll('.news')].find(one => one.innerText.includes('Due 1')).click()")
    page.wait(f"location.pathname === '/m/{memo}'")
    page.wait("document.querySelector('.nav .count')?.firstChild.data === '1'")
    page.go("/notifications")
    page.sees("1 is unread")
    page.press_button("Mark all as read")
    page.wait("document.querySelector('.unread, .nav .count') === null")
    assert all(one["isRead"] for one in api.get("/notifications").data["notifications"])
    assert page.complaints() == []
