"""Keys of users' models are encrypted in the database, and come back after the server's secret has changed."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from aimo import config
from aimo.cli import backup as backup_command
from aimo.cli import models as command
from aimo.db.queries import user_models as model_queries
from aimo.dto.user_models import UserModelBody
from aimo.errors import AimoError, Code, ConfigurationError
from aimo.runtime import Runtime
from aimo.services.models.key_cipher import MASK, KeyCipher, UnreadableKeyError

from .environment import KEY, Make, add, running, user

OLD, NEW = "the-old-secret-of-the-server-0001", "the-new-secret-of-the-server-0002"


def test_a_key_is_read_with_its_secret_for_its_model_alone() -> None:
    cipher = KeyCipher(OLD)
    stored = cipher.encrypt(KEY, model_id="u1")
    assert KEY not in stored
    assert stored != cipher.encrypt(KEY, model_id="u1")
    assert cipher.decrypt(stored, model_id="u1") == KEY
    damaged = stored[:-6] + ("AAAAAA" if stored[-6:] != "AAAAAA" else "BBBBBB")
    for reader, text, model in (
        (KeyCipher(NEW), stored, "u1"),
        (cipher, stored, "u2"),
        (cipher, damaged, "u1"),
        (cipher, stored[4:], "u1"),
        (cipher, "", "u1"),
        (cipher, KEY, "u1"),
        (cipher, "日记", "u1"),
    ):
        with pytest.raises(UnreadableKeyError):
            reader.decrypt(text, model_id=model)


@pytest.mark.parametrize(("key", "mask"), [(KEY, MASK + "cdef"), ("x" * 12, MASK + "xxxx"), ("x" * 11, MASK)])
def test_a_mask_shows_the_end_of_a_long_key_alone(key: str, mask: str) -> None:
    cipher = KeyCipher(OLD)
    assert cipher.masked(cipher.encrypt(key, model_id="u1"), model_id="u1") == mask


async def stored_keys(runtime: Runtime) -> list[str]:
    async with runtime.stores.database.reads() as connection:
        return [row.api_key for row in await model_queries.keys(connection, after="", limit=10)]


async def doubtful(runtime: Runtime) -> int:
    outcomes = await runtime.services.doctor.run()
    return next(each.violations for each in outcomes if each.name == "readable-model-keys")


async def test_after_another_secret_keys_are_named_entered_again_or_rotated(
    settings: Make,
    migrated_database: dict[str, str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    async with running(settings, migrated_database, jwt_secret=OLD) as runtime:
        uid = await user(runtime)
        first, second = await add(runtime, uid), await add(runtime, uid, name="other")
        assert not any(KEY in stored for stored in await stored_keys(runtime))
        assert await doubtful(runtime) == 0

    new = settings(**migrated_database, EMBEDDER="local", jwt_secret=NEW)
    async with Runtime(new, worker=False) as runtime:
        assert await doubtful(runtime) == 2
        assert {each.api_key for each in await runtime.services.user_models.all(uid)} == {MASK}
        with pytest.raises(AimoError, match="enter the key again") as refusal:
            await runtime.services.explore.begin(uid, first.id)
        assert refusal.value.code is Code.SYSTEM_ERROR
        with pytest.raises(AimoError, match="enter the API key again"):
            body = UserModelBody(provider="openai", api_key=MASK, model_name="gpt")
            await runtime.services.user_models.test(uid, body)
        changed = await runtime.services.user_models.update(uid, second.id, UserModelBody(api_key="sk-entered-again"))
        assert changed.api_key == MASK + "gain"
        assert await doubtful(runtime) == 1

    file = tmp_path / "old_secret"
    file.write_text(f"{OLD}\n")
    run_apart(new, lambda: command.rotate_key(old_secret_file=file))
    told = capsys.readouterr().out
    assert "1 keys were encrypted again, 1 could be read already." in told
    assert KEY not in told
    async with Runtime(new, worker=False) as runtime:
        assert await doubtful(runtime) == 0
        assert (await runtime.services.user_models.get(uid, first.id)).api_key == MASK + "cdef"
        assert (await runtime.services.user_models.get(uid, second.id)).api_key == MASK + "gain"
        assert await runtime.services.explore.begin(uid, first.id)


def run_apart(chosen: config.Settings, work: Callable[[], None]) -> None:
    """Run a command, which has an event loop of its own, in a thread."""
    with pytest.MonkeyPatch.context() as patch, ThreadPoolExecutor(1) as pool:
        patch.setattr(config, "load", lambda: chosen)
        pool.submit(work).result()


@pytest.mark.parametrize("content", [b"", b" \n", b"\xff\xfe"])
def test_an_old_secret_that_is_none_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "old_secret"
    file.write_bytes(content)
    with pytest.raises(ConfigurationError):
        command.rotate_key(old_secret_file=file)
    with pytest.raises(ConfigurationError, match="cannot be read"):
        command.rotate_key(old_secret_file=tmp_path / "none")


async def test_a_backup_holds_no_key_and_a_restoration_says_what_to_do(
    settings: Make, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "backup.tar"
    old = settings(aimo_data_dir=tmp_path / "old", EMBEDDER="local", jwt_secret=OLD)
    async with Runtime(old, worker=False) as runtime:
        uid = await user(runtime)
        await add(runtime, uid)
    run_apart(old, lambda: backup_command.backup(file))
    assert KEY.encode() not in file.read_bytes()
    assert "another JWT_SECRET" not in capsys.readouterr().out
    for secret, count in ((OLD, 0), (NEW, 1)):
        fresh = settings(aimo_data_dir=tmp_path / f"new-{count}", EMBEDDER="local", jwt_secret=secret)
        run_apart(fresh, lambda: backup_command.restore(file))
        told = " ".join(capsys.readouterr().out.split())
        assert ("1 keys of users' models are encrypted with another JWT_SECRET" in told) is bool(count)
        assert ("aimo models rotate-key --old-secret-file" in told) is bool(count)
        async with Runtime(fresh, worker=False) as runtime:
            assert await doubtful(runtime) == count
