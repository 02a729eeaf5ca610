"""New passwords keep the rules wherever one is set; old ones stay valid."""

from __future__ import annotations

import subprocess
from collections.abc import Callable

from tests.support.server import AIMO, Server, environment

GOOD = "纸箱上的饺子"
BAD = {
    "kx7-Qm2": ("Password must have at least 8 bytes", "新密码长度至少8个字节"),
    "x" * 73: ("Password must have at most 72 bytes", "新密码长度最多72个字节"),
    "Password123": ("Password is one of the most common ones, choose another", "新密码过于常见，请换一个"),
}


def test_new_passwords_keep_the_rules_and_old_ones_stay_valid(server: Callable[..., Server]) -> None:
    running = server(PASSWORD_RULES="off")
    old = running.client().register("old@example.test", "x")
    del running.settings["PASSWORD_RULES"]
    running.restart()

    assert old.login("old@example.test", "x").get("/user/info").code == 0
    for password, (english, chinese) in BAD.items():
        refused = running.client().post("/auth/register", {"email": "new@example.test", "password": password})
        assert (refused.status, refused.code, refused.message) == (200, 2, english)
        refused = old.post("/user/password", {"oldPassword": "x", "newPassword": password})
        assert (refused.status, refused.code, refused.message) == (200, 2, chinese)
    refused = old.post("/user/password", {"oldPassword": "x", "newPassword": "kx7-Q"})
    assert (refused.status, refused.code, refused.message) == (200, 2, "新密码长度至少6位")
    assert running.client().register("new@example.test", GOOD).get("/user/info").code == 0
    assert old.post("/user/password", {"oldPassword": "x", "newPassword": GOOD}).code == 0
    assert old.login("old@example.test", GOOD).get("/user/info").code == 0


def test_the_demo_user_gets_no_common_password(server: Callable[..., Server]) -> None:
    running = server()
    done = subprocess.run(
        [AIMO, "seed", "--password", "12345678"],
        env=environment(running.settings),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 1
    assert "most common" in done.stdout + done.stderr
    assert running.client().post("/auth/login", {"email": "demo@example.org", "password": "12345678"}).code == 1000
