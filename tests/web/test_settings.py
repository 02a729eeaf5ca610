"""Settings: what is changed there holds on the server, and refusals are said in words."""

from __future__ import annotations

import pytest
from tests.support.server import Server

from .conftest import Open
from .screen import Screen

PASSWORD = "a quiet harbour"


@pytest.fixture
def settings(screen: Open, email: str) -> Screen:
    """The page of settings of somebody new."""
    page = screen()
    page.register(email, PASSWORD)
    page.go("/settings")
    page.wait("document.querySelector('[name=limit]') !== null")
    return page


def fill(page: Screen, name: str, value: str) -> None:
    page.focus(f"[name={name}]")
    page.run("document.activeElement.select?.()")
    page.type(value)


def test_a_name_and_a_password_change(settings: Screen, client_server: Server, email: str) -> None:
    elsewhere = client_server.client().login(email, PASSWORD)
    fill(settings, "nickname", "Mei Lin")
    settings.key("Enter")
    settings.sees("Saved")
    assert elsewhere.get("/user/info").data["nickname"] == "Mei Lin"

    fill(settings, "old", "not this one")
    fill(settings, "new", "a louder harbour")
    settings.key("Enter")
    settings.sees("The current password is not right.")
    assert settings.run("document.querySelector('[name=new]').value") == "a louder harbour"
    fill(settings, "old", PASSWORD)
    settings.key("Enter")
    settings.sees("1 other login has ended")
    assert elsewhere.get("/user/info").status == 401
    client_server.client().login(email, "a louder harbour")
    assert settings.complaints() == []


def test_sessions_end_elsewhere_and_everywhere(settings: Screen, client_server: Server, email: str) -> None:
    others = [client_server.client().login(email, PASSWORD) for _ in range(2)]
    settings.go("/settings")
    settings.wait("document.body?.innerText.split('Log out\\n').length >= 3")
    settings.press_button("Log out everywhere else")
    settings.sees("2 other logins have ended")
    assert [other.get("/user/info").status for other in others] == [401, 401]
    settings.press_button("Log out everywhere")
    settings.sees("You have to log in again on every device")
    settings.press_button("Log out everywhere")
    settings.wait("location.pathname === '/login'")
    assert settings.run("localStorage.getItem('aimo.person')") is None


def test_spaced_repetition_is_switched_and_limited_by_rules(
    settings: Screen, client_server: Server, email: str
) -> None:
    api = client_server.client().login(email, PASSWORD)
    api.post("/tags", {"name": "poems"})
    settings.go("/settings")
    settings.wait(
        "document.querySelector('[name=limit]') && document.querySelector('[name=value] option + option') !== null"
    )
    settings.click("[name=enabled]")
    fill(settings, "limit", "12")
    settings.key("Enter")
    settings.sees("Saved")
    assert api.get("/spaced-repetition/settings").data == {"srEnabled": True, "srDailyLimit": 12}
    settings.run(
        "(one => (one.selectedIndex = 1, one.dispatchEvent(new Event('change', {bubbles: true}))))"
        "(document.querySelector('[name=value]'))"
    )
    settings.press_button("Add rule")
    settings.sees("Only #poems")
    [rule] = api.get("/spaced-repetition/rules").data["rules"]
    assert (rule["mode"], rule["filterType"], rule["filterValue"]) == ("include", "tag", "poems")
    settings.press_button("Remove the rule “Only #poems”")
    settings.sees("All memos take part.")


def test_a_push_rule_keeps_fields_that_the_client_does_not_know(
    settings: Screen, client_server: Server, email: str
) -> None:
    api = client_server.client().login(email, PASSWORD)
    channel = {"type": "meow", "nickname": "mei", "htmlHeight": 300}
    api.post("/push-rules", {"name": "Morning", "pushTime": 7, "contentType": "daily_pick", "channels": [channel]})
    settings.go("/settings")
    settings.sees("07:00 · Today's picks · MeoW")
    settings.click("[aria-label='Morning: enabled']")
    settings.wait("!document.querySelector(\"[aria-label='Morning: enabled']\").checked")
    settings.press_button("Actions for Morning")
    settings.press_button("Edit")
    fill(settings, "name", "Early")
    settings.press_button("Save")
    settings.sees("Early")
    [rule] = api.get("/push-rules").data["pushRules"]
    assert (rule["name"], rule["enabled"], rule["pushTime"]) == ("Early", False, 7)
    assert rule["channels"] == [channel]
    settings.press_button("Actions for Early")
    settings.press_button("Delete")
    settings.press_button("Delete")
    settings.wait("!document.querySelector(\"[aria-label='Early: enabled']\")")
    assert api.get("/push-rules").data["pushRules"] == []


def test_a_model_of_ones_own_keeps_its_key_unless_another_is_entered(
    settings: Screen, client_server: Server, email: str
) -> None:
    api = client_server.client().login(email, PASSWORD)
    settings.press_button("Add model")
    for name, value in (("name", "Mine"), ("modelName", "small"), ("key", "sk-a-secret-of-mine-1234")):
        settings.focus(f"dialog [name={name}]")
        settings.type(value)
    settings.press_button("Save")
    settings.sees("openai · small · ••••1234")
    assert "sk-a-secret" not in settings.run("document.documentElement.innerHTML")
    settings.press_button("Actions for Mine")
    settings.press_button("Edit")
    settings.focus("dialog [name=modelName]")
    settings.run("document.activeElement.select()")
    settings.type("large")
    settings.press_button("Save")
    settings.sees("openai · large · ••••1234")
    model = api.get("/user-models").data["models"][0]
    settings.run(f"[...document.querySelectorAll('option')].find(one => one.value === '{model['id']}').selected = true")
    settings.run(
        "[...document.querySelectorAll('select')].find(one => one.innerText.includes('Mine'))"
        ".dispatchEvent(new Event('change', {bubbles: true}))"
    )
    settings.sees("Saved")
    assert api.get("/user-feature-configs/tag-model").data["userModelId"] == model["id"]


def test_who_logs_in_next_in_the_same_tab_sees_nothing_of_the_one_before(
    settings: Screen, client_server: Server, email: str
) -> None:
    other = f"other-{email}"
    client_server.client().register(other, PASSWORD)
    settings.go("/")
    settings.write("A word between us")
    settings.wait("document.querySelector('.card') !== null && !document.querySelector('.mark.waiting')")
    settings.press_button("Settings")
    settings.press_button("Log out")
    settings.wait("location.pathname === '/login' && document.activeElement?.name === 'email'")
    settings.type(other)
    settings.key("Tab")
    settings.type(PASSWORD)
    settings.key("Enter")
    settings.sees("Nothing here yet")
    settings.misses("A word between us")
