"""The browser of these tests gives an answer whenever a page can give one."""

from __future__ import annotations

from .conftest import Open


def test_what_a_page_is_asked_while_it_goes_elsewhere_is_answered_where_it_has_gone(screen: Open) -> None:
    page = screen().go("/login")
    again = "sessionStorage.getItem('been') ? done('there') : (sessionStorage.setItem('been', '1'), location.reload())"
    assert page.run(f"new Promise((done) => {{ {again} }})") == "there"


def test_a_click_that_leads_elsewhere_happens_once(screen: Open) -> None:
    page = screen().go("/login")
    page.page.act(
        "new Promise(() => { localStorage.clicks = Number(localStorage.clicks ?? 0) + 1; location.reload(); })"
    )
    page.wait("document.readyState === 'complete'")
    assert page.run("localStorage.clicks") == "1"
