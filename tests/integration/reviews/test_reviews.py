"""Which memos reviews ask about, and what becomes of the answers."""

from __future__ import annotations

import asyncio

import pytest

from aimo import clock
from aimo.dto.base import UNSET
from aimo.dto.categories import CategoryBody
from aimo.dto.reviews import ReviewProfileBody
from aimo.errors import AimoError, Code

from .environment import DAY, QUESTION, Make, agreeable, begin, drawn, profile, reply, reviewing, user, write


async def test_a_review_from_its_questions_to_its_score(settings: Make, migrated_database: dict[str, str]) -> None:
    async with reviewing(settings, migrated_database, agreeable) as (runtime, stub):
        uid = await user(runtime)
        memos = {await write(runtime, uid, f"note {number}"): f"note {number}" for number in range(6)}
        session = await begin(runtime, uid, question_count=1)
        assert [item.order for item in session.items] == [0, 1, 2, 3, 4]
        assert {item.question for item in session.items} == {QUESTION}
        assert all(item.memo_content == memos[item.memo_id] for item in session.items)
        assert len(stub.asked) == 5
        assert all(sum(content in asked for content in memos.values()) == 1 for asked in stub.asked)
        assert (session.scope, session.status, session.score, session.scope_value) == ("all", "active", UNSET, UNSET)
        assert all(item.mastery is UNSET and item.user_answer is UNSET for item in session.items)

        assert await reply(runtime, session, 0, "it was this") == "remembered"
        assert await reply(runtime, session, 1, "我忘记了") == "forgot"
        assert len(stub.asked) == 6
        result = await runtime.services.reviews.complete(uid, session.session_id)
        assert result.score == 20
        assert [item.order for item in result.items] == [0, 1, 2, 3, 4]
        assert (result.items[0].mastery, result.items[0].ai_feedback) == ("remembered", "Right.")

        assert await reply(runtime, session, 2, "now I know") == "remembered"
        (summary,) = (await runtime.services.reviews.history(uid)).items
        assert (summary.score, summary.item_count) == (40, 5)
        again = await runtime.services.reviews.get(uid, session.session_id)
        assert (again.status, again.score, again.completed_at) == ("completed", 40, summary.completed_at)


async def test_rules_restrict_what_is_asked_about(settings: Make, migrated_database: dict[str, str]) -> None:
    async with reviewing(settings, migrated_database, None) as (runtime, _):
        uid, stranger = await user(runtime), await user(runtime, "b")
        await write(runtime, stranger, "not yours", tags=["Tea"])
        (foreign_tag,) = (tag.tag_id for tag in await runtime.services.tags.all(stranger))
        work, home = [
            (await runtime.services.categories.create(uid, CategoryBody(name=name))).category_id
            for name in ("work", "home")
        ]
        now = clock.now_ms()
        tea = await write(runtime, uid, "tea at work", tags=["Tea"], category_id=work)
        both = await write(runtime, uid, "tea and cake", tags=["tea", "Cake"], category_id=home)
        plain = await write(runtime, uid, "plain")
        old = await write(runtime, uid, "old", created_at=now - 30 * DAY, tags=["cake"])
        everything = {tea, both, plain, old}
        tags = {tag.name: tag.tag_id for tag in await runtime.services.tags.all(uid)}
        today = clock.local_day(runtime.services.settings.zone, now)
        then = clock.local_day(runtime.services.settings.zone, now - 30 * DAY)

        async def found(*rules: tuple[str, str, str]) -> set[str]:
            return await drawn(runtime, uid, *rules)

        assert await found() == everything
        assert await found(("category", "include", work)) == {tea}
        assert await found(("category", "exclude", work)) == everything - {tea}
        assert await found(("category", "include", work), ("category", "include", home)) == set()
        assert await found(("category", "include", "c-unknown")) == set()
        assert await found(("category", "exclude", "no id at all")) == everything
        assert await found(("tag", "include", tags["Tea"])) == {tea, both}
        assert await found(("tag", "include", " TEA")) == {tea, both}
        assert await found(("tag", "exclude", "cAKE")) == {tea, plain}
        assert await found(("tag", "include", "tea"), ("tag", "include", "cake")) == {both}
        assert await found(("tag", "include", "tea"), ("tag", "exclude", tags["Cake"])) == {tea}
        assert await found(("tag", "include", "unknown")) == set()
        assert await found(("tag", "include", foreign_tag)) == set()
        assert await found(("tag", "exclude", "unknown")) == everything
        assert await found(("recent_days", "include", "7")) == everything - {old}
        assert await found(("recent_days", "include", "some")) == everything - {old}
        assert await found(("recent_days", "exclude", "7")) == {old}
        assert await found(("date_range", "include", f"{today},{today}")) == everything - {old}
        assert await found(("date_range", "exclude", f"{today},{today}")) == {old}
        assert await found(("date_range", "include", f"{then},{then}")) == {old}
        both_days = (("date_range", "exclude", f"{today},{today}"), ("date_range", "exclude", f"{then},{then}"))
        assert await found(*both_days) == set()
        assert await found(("date_range", "exclude", f"{today},{today}"), ("tag", "include", "cake")) == {old}

        by_scope = {item.memo_id for item in (await begin(runtime, uid, scope="tag", scope_value="TEA")).items}
        assert by_scope == {tea, both}
        recent = await begin(runtime, uid, scope="recent", scope_value=7)
        assert {item.memo_id for item in recent.items} == everything - {old}
        assert (recent.scope, recent.scope_value) == ("recent", "7")
        assert len((await begin(runtime, uid, scope="category")).items) == 4
        assert len(await runtime.services.tags.all(uid)) == 2


async def test_memos_that_were_asked_about_least_come_first(settings: Make, migrated_database: dict[str, str]) -> None:
    async with reviewing(settings, migrated_database, None) as (runtime, _):
        uid = await user(runtime)
        memos = {await write(runtime, uid, f"note {number}") for number in range(15)}
        rounds = [[item.memo_id for item in (await begin(runtime, uid, question_count=5)).items] for _ in range(6)]
        for start in (0, 3):
            asked = [memo_id for round_ in rounds[start : start + 3] for memo_id in round_]
            assert set(asked) == memos
            assert len(asked) == 15
        assert rounds[:3] != rounds[3:]


async def test_without_a_model_words_are_compared(settings: Make, migrated_database: dict[str, str]) -> None:
    async with reviewing(settings, migrated_database, None) as (runtime, _):
        uid = await user(runtime)
        await write(runtime, uid, "Tomatoes\nThey want full sun, deep watering twice a week and compost in April.")
        session = await begin(runtime, uid)
        assert session.items[0].question == "What do you remember about “Tomatoes”?"
        answers = {
            "full sun, deep watering twice a week, compost in April": "remembered",
            "something about watering and compost and other things": "fuzzy",
            "the capital of France": "forgot",
            "": "forgot",
        }
        assert {answer: await reply(runtime, session, 0, answer) for answer in answers} == answers
        shown = (await runtime.services.reviews.get(uid, session.session_id)).items[0]
        assert shown.user_answer == ""
        assert shown.ai_feedback == "This is not what the note says. Have another look at it."


async def test_answers_at_the_same_time_are_all_counted(settings: Make, migrated_database: dict[str, str]) -> None:
    async with reviewing(settings, migrated_database, agreeable) as (runtime, _):
        uid = await user(runtime)
        for number in range(10):
            await write(runtime, uid, f"note {number}")
        session = await begin(runtime, uid, question_count=10)
        await runtime.services.reviews.complete(uid, session.session_id)
        await asyncio.gather(*(reply(runtime, session, place, "x") for place in range(10)))
        (summary,) = (await runtime.services.reviews.history(uid)).items
        assert summary.score == 100


async def test_a_memo_in_the_trash_hides_its_text_and_cannot_be_answered_until_it_is_back(
    settings: Make, migrated_database: dict[str, str]
) -> None:
    async with reviewing(settings, migrated_database, None) as (runtime, _):
        uid = await user(runtime)
        memo = await write(runtime, uid, "secret\nrest")
        session = await begin(runtime, uid)
        await runtime.services.memos.delete(uid, memo)
        (item,) = (await runtime.services.reviews.get(uid, session.session_id)).items
        assert item.memo_content is UNSET
        assert item.memo_id == memo
        with pytest.raises(AimoError, match="Memo not found") as refused:
            await reply(runtime, session, 0, "x")
        assert refused.value.code == Code.NOT_FOUND
        with pytest.raises(AimoError, match="No memos available"):
            await begin(runtime, uid)
        assert (await runtime.services.reviews.complete(uid, session.session_id)).score == 0

        await runtime.services.trash.restore(uid, memo)
        (item,) = (await runtime.services.reviews.get(uid, session.session_id)).items
        assert item.memo_content == "secret\nrest"
        assert await reply(runtime, session, 0, "the rest of the secret") == "remembered"
        assert {each.memo_id for each in (await begin(runtime, uid)).items} == {memo}

        await runtime.services.memos.delete(uid, memo)
        await runtime.services.trash.delete(uid, memo)
        (item,) = (await runtime.services.reviews.get(uid, session.session_id)).items
        assert (item.memo_id, item.memo_content, item.mastery) == (memo, UNSET, "remembered")


async def test_a_profile_decides_how_many_and_wins_over_the_rest(
    settings: Make, migrated_database: dict[str, str]
) -> None:
    async with reviewing(settings, migrated_database, None) as (runtime, _):
        uid = await user(runtime)
        for number in range(8):
            await write(runtime, uid, f"note {number}")
        chosen = await profile(runtime, uid, count=6)
        session = await begin(runtime, uid, profile_id=chosen, scope="tag", scope_value="x", question_count=20)
        assert (len(session.items), session.scope, session.scope_value) == (6, "all", UNSET)
        await runtime.services.review_profiles.delete(uid, chosen)
        assert len((await runtime.services.reviews.get(uid, session.session_id)).items) == 6
        for unknown in (chosen, "no id"):
            with pytest.raises(AimoError, match="Review profile not found"):
                await begin(runtime, uid, profile_id=unknown)
        with pytest.raises(AimoError, match="Model not found") as refused:
            await runtime.services.review_profiles.create(uid, ReviewProfileBody(name="x", user_model_id="u1"))
        assert refused.value.code == Code.NOT_FOUND
