"""What schemathesis is told besides the document: to try ids of a stranger and of the user, and to look for a secret.

It runs in the process of schemathesis, which gets the path of its plan, JSON, in FUZZ_PLAN.
"""

from __future__ import annotations

import atexit
import itertools
import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

import schemathesis

_PLAN = Path(os.environ["FUZZ_PLAN"])
_plan: dict[str, Any] = json.loads(_PLAN.read_text(encoding="utf-8"))
_turn = itertools.count()
_told: Counter[str] = Counter()

# The keys of bodies and queries that hold ids, and whose they are.
_LISTS = {"tagIds": "tagId", "attachments": "attachmentId", "relationIds": "memoId"}
_SINGLE = ("categoryId", "memoId")


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: Any) -> None:
    """Every third request is left as it is, every third has the stranger's ids, every third the user's own."""
    turn = next(_turn)
    _told["requests"] += 1
    if turn % 3 == 0:
        return
    whose = "theirs" if turn % 3 == 1 else "mine"
    ids: dict[str, str] = _plan[whose]
    fed = False
    for name in set(case.path_parameters or ()) & set(ids):
        case.path_parameters[name] = ids[name]
        fed = True
    for part in (case.query, case.body):
        if isinstance(part, dict):
            fed = _feed(part, ids) or fed
    _told[f"with ids of {whose}"] += fed


def _feed(part: dict[str, Any], ids: dict[str, str]) -> bool:
    before = dict(part)
    part.update({key: [ids[name]] for key, name in _LISTS.items() if key in part})
    part.update({key: ids[key] for key in _SINGLE if key in part})
    return part != before


@schemathesis.check
def nothing_of_a_stranger(ctx: Any, response: Any, case: Any) -> None:
    """No answer holds what only the stranger may see."""
    _told["answers searched"] += 1
    text = response.content.decode("utf-8", "replace")
    for secret in _plan["secrets"]:
        assert secret not in text, f"the answer has {secret!r} of another user"


@atexit.register
def _tell() -> None:
    _PLAN.with_suffix(".told").write_text(json.dumps(_told), encoding="utf-8")
