"""Which scope of an access token opens which route; a route that is not listed here opens to sessions alone.

See docs/contract/access-tokens.md#scopes.
"""

from __future__ import annotations

from collections.abc import Collection

from aimo.services.accounts.token_scopes import TokenScope

_LISTED: dict[TokenScope, str] = {
    TokenScope.MEMOS_READ: """
        GET /api/v1/memos
        GET /api/v1/memos/changes
        GET /api/v1/memos/poll
        GET /api/v1/memos/{memo_id}
        GET /api/v1/memos/{memo_id}/backlinks
        GET /api/v1/memos/{memo_id}/related
        POST /api/v1/memos/search
        POST /api/v1/memos/search/vector
        GET /api/v1/categories
        GET /api/v1/categories/{category_id}
        GET /api/v1/tags
        GET /api/v1/tags/{tag_id}
        GET /api/v1/attachments
        GET /api/v1/attachments/{attachment_id}
        GET /api/v1/attachments/{attachment_id}/download
        GET /api/v1/attachments/{attachment_id}/file
        GET /api/v1/attachments/{attachment_id}/thumbnail
        GET /api/v1/explore/conversations
        GET /api/v1/explore/conversations/{conversation_id}
        GET /api/v1/explore/relations/{memo_id}
        GET /api/v1/insights/activity
        GET /api/v1/insights/on-this-day
        GET /api/v1/trash
        GET /api/v1/review/history
        GET /api/v1/review/profiles
        GET /api/v1/review/sessions/{review_id}
        GET /api/v1/spaced-repetition/due
        GET /api/v1/spaced-repetition/rules
        GET /api/v1/spaced-repetition/settings
        GET /api/v1/spaced-repetition/stats
        GET /api/v1/notifications
        GET /api/v1/notifications/unread-count
        GET /api/v1/ai/tools
        GET /api/v1/ocr/providers
        GET /api/v1/ocr/status
        GET /api/v1/system/app-versions
        GET /api/v1/system/version
    """,
    TokenScope.MEMOS_WRITE: """
        POST /api/v1/memos
        PUT /api/v1/memos/{memo_id}
        PUT /api/v1/memos/{memo_id}/tags
        POST /api/v1/categories
        PUT /api/v1/categories/{category_id}
        POST /api/v1/tags
        PUT /api/v1/tags/{tag_id}
        POST /api/v1/attachments/upload
        PATCH /api/v1/attachments/{attachment_id}/properties
        POST /api/v1/explore/conversations
        PUT /api/v1/explore/conversations/{conversation_id}
        POST /api/v1/trash/{memo_id}/restore
        POST /api/v1/review/profiles
        PUT /api/v1/review/profiles/{profile_id}
        POST /api/v1/spaced-repetition/cards/{card_id}/review
        POST /api/v1/spaced-repetition/import-existing
        POST /api/v1/spaced-repetition/rules
        PUT /api/v1/spaced-repetition/settings
        POST /api/v1/notifications/read-all
        POST /api/v1/notifications/{notification_id}/read
    """,
    TokenScope.MEMOS_DELETE: """
        DELETE /api/v1/memos/{memo_id}
        DELETE /api/v1/categories/{category_id}
        DELETE /api/v1/tags/{tag_id}
        DELETE /api/v1/attachments/{attachment_id}
        DELETE /api/v1/explore/conversations/{conversation_id}
        DELETE /api/v1/trash
        DELETE /api/v1/trash/{memo_id}
        DELETE /api/v1/review/profiles/{profile_id}
        DELETE /api/v1/spaced-repetition/rules/{repetition_rule_id}
    """,
    # What may cost money at a provider.
    TokenScope.AI: """
        POST /api/v1/ai/generate-tags
        GET /api/v1/asr/result/{task_id}
        GET /api/v1/asr/task/{task_id}
        POST /api/v1/asr/transcribe
        POST /api/v1/asr/transcribe-and-wait
        GET /api/v1/asr/wait/{task_id}
        POST /api/v1/explore
        POST /api/v1/explore/conversations/{conversation_id}/messages
        POST /api/v1/explore/quick-search
        GET /api/v1/insights/daily-recommendations
        POST /api/v1/ocr/parse
        POST /api/v1/ocr/parse-full
        POST /api/v1/review/sessions
        POST /api/v1/review/sessions/{review_id}/answer
        POST /api/v1/review/sessions/{review_id}/complete
    """,
    TokenScope.EXPORT: """
        GET /api/v1/export
    """,
}

ROUTE_SCOPES = {
    route.strip(): scope for scope, routes in _LISTED.items() for route in routes.splitlines() if route.strip()
}
"""The scope of each route that access tokens open."""

SESSION_ONLY = frozenset(
    line.strip()
    for line in """
        GET /api/v1/user/info
        PUT /api/v1/user/info
        GET /api/v1/user/avatar
        POST /api/v1/user/avatar
        POST /api/v1/user/password
        PUT /api/v1/user/password
        GET /api/v1/user/sessions
        DELETE /api/v1/user/sessions
        DELETE /api/v1/user/sessions/{session_id}
        GET /api/v1/user/tokens
        POST /api/v1/user/tokens
        DELETE /api/v1/user/tokens/{token_id}
        POST /api/v1/auth/logout
        GET /api/v1/push-rules
        POST /api/v1/push-rules
        GET /api/v1/push-rules/{rule_id}
        PUT /api/v1/push-rules/{rule_id}
        DELETE /api/v1/push-rules/{rule_id}
        POST /api/v1/push-rules/{rule_id}/test
        GET /api/v1/user-feature-configs/tag-model
        PUT /api/v1/user-feature-configs/tag-model
        GET /api/v1/user-models
        POST /api/v1/user-models
        POST /api/v1/user-models/test
        GET /api/v1/user-models/{model_id}
        PUT /api/v1/user-models/{model_id}
        DELETE /api/v1/user-models/{model_id}
        PATCH /api/v1/user-models/{model_id}/set-default
    """.splitlines()
    if line.strip()
)
"""Routes that were left to sessions on purpose: accounts, keys of models, and where messages are sent."""


def refusal(route: str, scopes: Collection[TokenScope]) -> str | None:
    """Return why a token with these scopes does not open a route, such as ``GET /api/v1/tags``; None where it does."""
    needed = ROUTE_SCOPES.get(route)
    if needed is None:
        return "Access tokens cannot do this; log in instead"
    return None if needed in scopes else f"This access token lacks the scope {needed}"
