"""Fills a MariaDB database with 50,000 memos and what goes with them; the server makes them itself, in seconds."""

from __future__ import annotations

from tests.support.mariadb import MariaDB

_MEMOS = 50_000
_OF_BIG_USER = 15_000
_WRITERS = 50


def _id(prefix: str, number: str) -> str:
    """SQL for an id that is spread like a random one."""
    return f"CONCAT('{prefix}', LEFT(MD5({number}), 23))"


def _moment(number: str) -> str:
    return f"TIMESTAMP('2020-01-01') + INTERVAL ({number}) * 3907 SECOND"


# The number of a memo's author: 0 is the big user.
_AUTHOR = f"IF(seq <= {_OF_BIG_USER}, 0, 1 + seq % {_WRITERS - 1})"
_UID = _id("u", _AUTHOR)
_MEMO = _id("m", "seq")

# Rows refer to each other by arithmetic on their numbers: thing n of kind k belongs to the writer n % 50.
_STATEMENTS = (
    # Most accounts have nothing yet, so that no user is half of everything.
    f"""INSERT INTO users (uid, email, email_key, password, salt, sr_enabled)
    SELECT {_id("u", "seq")}, CONCAT(seq, '@example.org'), CONCAT(seq, '@example.org'), 'x', 'x', seq % 40 = 0
    FROM seq_0_to_1999""",
    # A few sessions have expired; one user has as many as there may be.
    f"""INSERT INTO sessions (session_id, uid, address, user_agent, ended, created_at, last_used_at, expires_at)
    SELECT {_id("sess", "seq")}, {_id("u", "IF(seq < 100, 0, seq % 2000)")}, '192.0.2.1', 'a browser', seq % 50 = 49,
    NOW(3) - INTERVAL seq HOUR, NOW(3) - INTERVAL seq HOUR, NOW(3) + INTERVAL 4900 HOUR - INTERVAL seq HOUR
    FROM seq_0_to_4999""",
    # One user has as many access tokens as there may be; a few have expired.
    f"""INSERT INTO access_tokens (token_id, uid, name, secret_hash, scopes, seq, expires_at)
    SELECT {_id("pat", "seq")}, {_id("u", "IF(seq < 50, 0, seq % 2000)")}, 'script', 'x', 'memos:read', seq,
    NOW(3) + INTERVAL 2900 HOUR - INTERVAL seq HOUR FROM seq_0_to_2999""",
    f"""INSERT INTO categories (category_id, uid, name, name_key, seq)
    SELECT {_id("c", "seq")}, {_id("u", f"seq % {_WRITERS}")}, CONCAT('c', seq), CONCAT('c', seq), seq
    FROM seq_0_to_499""",
    f"""INSERT INTO tags (tag_id, uid, name, name_key, seq)
    SELECT {_id("t", "seq")}, {_id("u", f"seq % {_WRITERS}")}, CONCAT('t', seq), CONCAT('t', seq), seq
    FROM seq_0_to_2999""",
    # A third has no category, a twentieth is public, a seventh was changed long after it was made,
    # one of 53 is in the trash.
    f"""INSERT INTO memos
    (memo_id, uid, category_id, content, attachments, tag_ids, is_public, seq, created_at, updated_at,
    deleted_at)
    SELECT {_MEMO}, {_UID}, IF(seq % 3, {_id("c", f"{_WRITERS} * (seq % 10) + {_AUTHOR}")}, NULL),
    REPEAT(CONCAT('今天 wrote ', MD5(seq), ' '), 1 + seq % 9), '[]', '[]', seq % 20 = 0, seq,
    {_moment("seq")}, {_moment("seq + (seq % 7 = 0) * seq % 99")},
    IF(seq % 53, 0, 1700000000000 + seq)
    FROM seq_1_to_{_MEMOS}""",
    *(
        f"""INSERT INTO memo_tags (memo_id, tag_id, uid)
        SELECT {_MEMO}, {_id("t", f"{_WRITERS} * ({rank}) + {_AUTHOR}")}, {_UID} FROM seq_1_to_{_MEMOS}"""
        for rank in ("seq % 5", "5 + seq % 50")
    ),
    f"""INSERT INTO memo_relations (relation_id, uid, source_memo_id, target_memo_id, position, seq)
    SELECT {_id("r", "seq")}, {_UID}, {_MEMO},
    {_id("m", f"IF(seq <= {_OF_BIG_USER}, 1 + (seq * 7) % {_OF_BIG_USER}, seq - {_WRITERS - 1})")}, 0, seq
    FROM seq_1_to_{_MEMOS} WHERE seq NOT BETWEEN {_OF_BIG_USER} AND {_OF_BIG_USER + _WRITERS}""",
    f"""INSERT INTO attachments
    (attachment_id, uid, filename, type, size, storage_type, path, seq, created_at)
    SELECT LEFT(MD5(seq), 24), {_UID}, 'a.png', 'image/png', 9, 'local', CONCAT('a/', seq), seq, {_moment("seq")}
    FROM seq_1_to_{_MEMOS} WHERE seq % 5 = 0""",
    f"""INSERT INTO ai_conversations (conversation_id, uid, title, seq, updated_at)
    SELECT {_id("conv", "seq")}, {_id("u", f"seq % {_WRITERS}")}, 'talk', seq, {_moment("seq")} FROM seq_0_to_999""",
    f"""INSERT INTO ai_messages (message_id, conversation_id, role, content, seq)
    SELECT {_id("msg", "seq")}, {_id("conv", "seq % 1000")}, 'user', 'hello', seq FROM seq_0_to_19999""",
    f"""INSERT INTO daily_recommendations (recommendation_id, uid, date, memo_ids)
    SELECT {_id("rec", "seq")}, {_id("u", f"seq % {_WRITERS}")},
    DATE(TIMESTAMP('2025-01-01') + INTERVAL seq DIV {_WRITERS} DAY), '[]' FROM seq_0_to_4999""",
    f"""INSERT INTO push_rules (id, uid, name, push_time, content_type, enabled, seq)
    SELECT {_id("push", "seq")}, {_id("u", "seq % 2000")}, 'rule', seq % 24, 'daily', seq % 3 > 0, seq
    FROM seq_0_to_5999""",
    f"""INSERT INTO review_profiles (profile_id, uid, name, seq, created_at)
    SELECT {_id("rev", "seq")}, {_id("u", f"seq % {_WRITERS}")}, 'profile', seq, {_moment("seq")} FROM seq_0_to_499""",
    f"""INSERT INTO review_sessions (session_id, uid, profile_id, scope, status, seq, created_at)
    SELECT {_id("revs", "seq")}, {_id("u", f"seq % {_WRITERS}")}, {_id("rev", f"seq % {_WRITERS}")}, 'all', 'active',
    seq, {_moment("seq")} FROM seq_0_to_1999""",
    f"""INSERT INTO review_items (item_id, session_id, uid, memo_id, question, position)
    SELECT {_id("ri", "seq")}, {_id("revs", "seq DIV 10")}, {_id("u", f"seq DIV 10 % {_WRITERS}")},
    {_id("m", "1 + seq")}, 'what?', seq % 10 FROM seq_0_to_19999""",
    f"""INSERT INTO spaced_repetition_cards (card_id, uid, memo_id, seq, next_review_at)
    SELECT {_id("ri", "seq")}, {_UID}, {_MEMO}, seq, {_moment("seq * 2")} FROM seq_1_to_{_MEMOS} WHERE seq % 9""",
    f"""INSERT INTO spaced_repetition_rules (rule_id, uid, mode, filter_type, filter_value, tag_id, seq)
    SELECT {_id("srr", "seq")}, {_id("u", f"seq % {_WRITERS}")}, 'exclude', 'tag', CONCAT('t', seq),
    {_id("t", "seq")}, seq FROM seq_0_to_999""",
    f"""INSERT INTO in_app_notifications (notification_id, uid, type, title, body, memo_id, seq)
    SELECT {_id("notif", "seq")}, {_id("u", f"seq % {_WRITERS}")}, 'spaced_repetition', 'x', 'x',
    {_MEMO}, seq FROM seq_0_to_2499""",
    f"""INSERT INTO outbox_entries (kind, entity_id, uid, attempts, last_error, created_at, next_try_at)
    SELECT 'memo', {_MEMO}, {_UID}, seq % 40 = 0, IF(seq % 40, NULL, 'late'), NOW(3),
    NOW(3) + INTERVAL IF(seq % 10, 100, -100) SECOND FROM seq_1_to_10000""",
    f"""INSERT INTO push_deliveries
    (rule_id, due, channel, uid, state, attempts, claimed_at, retry_at)
    SELECT {_id("push", "seq % 6000")}, CONCAT('2025-01-', LPAD(seq DIV 6000, 2, '0')), 'meow', 'u',
    COALESCE(ELT(1 + seq % 100, 'waiting', 'claimed', 'failed', 'unknown'), 'sent'), 1, {_moment("seq DIV 4")},
    IF(seq % 100 < 2, {_moment("seq DIV 4")}, NULL) FROM seq_0_to_29999""",
    """INSERT INTO rate_limits (name, hits, expires_at)
    SELECT SHA2(seq, 256), 1, NOW(3) - INTERVAL 100 SECOND + INTERVAL seq SECOND FROM seq_0_to_4999""",
    f"""INSERT INTO asr_tasks (uid, task_hash, expires_at)
    SELECT {_id("u", "seq % 2000")}, SHA2(seq, 256), NOW(3) + INTERVAL 1 DAY FROM seq_0_to_19999""",
    f"""INSERT INTO user_models (id, uid, name, provider, api_key, model_name, is_default, seq)
    SELECT {_id("um", "seq")}, {_id("u", "seq % 2000")}, 'mine', 'openai', 'v1.x', 'gpt', seq < 2000, seq
    FROM seq_0_to_5999""",
    f"""INSERT INTO user_feature_configs (id, uid, feature, user_model_id)
    SELECT {_id("uf", "seq")}, {_id("u", "seq")}, 'tag_generation', {_id("um", "seq")} FROM seq_0_to_1999""",
    f"""INSERT INTO memo_change_counters (uid, epoch, version)
    SELECT {_id("u", "seq")}, 'e', 50000 FROM seq_0_to_1999""",
    f"""INSERT INTO memo_changes (memo_id, uid, version, changed_at)
    SELECT {_MEMO}, {_UID}, seq, {_moment("seq")} FROM seq_1_to_{_MEMOS}""",
    f"""INSERT INTO answered_requests (uid, request_key, fingerprint, expires_at)
    SELECT {_id("u", "seq % 2000")}, SHA2(seq, 256), SHA2(seq, 256), NOW(3) + INTERVAL seq SECOND
    FROM seq_0_to_19999""",
    """INSERT INTO invariant_checks (name, checked, violations, repaired, finished_at)
    SELECT CONCAT('check', seq), 1, 0, 0, NOW(3) FROM seq_1_to_9""",
    "INSERT INTO trusted_times (name, at) SELECT CONCAT('work', seq), NOW(3) FROM seq_1_to_9",
    "INSERT INTO leases (name, holder, expires_at) SELECT CONCAT('role', seq), 'x', NOW(3) FROM seq_1_to_9",
)


def fill(server: MariaDB, name: str) -> None:
    """Fill a database that has the schema and no rows, and have its statistics made."""
    for statement in _STATEMENTS:
        unchecked = f"SET STATEMENT foreign_key_checks = 0, unique_checks = 0 FOR {statement}"
        server.execute(unchecked.replace("%", "%%"), database=name)
    for (table,) in server.execute("SHOW TABLES", database=name):
        server.execute(f"ANALYZE TABLE `{table}`", database=name)
