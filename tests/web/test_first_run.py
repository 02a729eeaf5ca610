"""A server on which nobody has an account: the client leads to the first one, or says why there can be none."""

from __future__ import annotations

from pathlib import Path

from tests.support.browser import Browser, Person
from tests.support.server import Server

from .screen import Screen


def test_a_new_server_leads_to_the_first_account_and_a_closed_one_says_how_to_open_it(
    browser: Browser, person: Person, tmp_path: Path
) -> None:
    server = Server(tmp_path, {"ALLOW_REGISTRATION": "false"}).start()
    try:
        page = Screen(browser, person, server.url)
        page.go("/")
        page.sees("Whoever runs it sets ALLOW_REGISTRATION to true")
        assert page.run("document.querySelector('form') === null")
        assert page.violations() == []

        server.kill()
        server.settings["ALLOW_REGISTRATION"] = "true"
        server.start()
        page.go("/")
        page.sees("Make the first one: yours.")
        page.wait("location.pathname === '/register' && document.activeElement?.name === 'email'")
        assert page.violations() == []
        page.type("first@example.org")
        for value in ("Mei", "a quiet harbour"):
            page.key("Tab")
            page.type(value)
        page.key("Enter")
        page.wait("document.querySelector('#composer') !== null")
        assert server.client().get("/system/open/config").data == {"allowRegistration": True}
        assert page.complaints() == []

        page.run("localStorage.clear()")
        page.go("/login")
        page.sees("Welcome back")
    finally:
        server.close()
