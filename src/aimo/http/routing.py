"""The route decorators of the contract: JSON in UTF-8, and 200 for whatever method.

See docs/contract/errors.md#the-envelope.
"""

from __future__ import annotations

from functools import partial

import litestar

from aimo.http.output.envelope import JSON

get = partial(litestar.get, media_type=JSON)
post = partial(litestar.post, media_type=JSON, status_code=200)
put = partial(litestar.put, media_type=JSON)
patch = partial(litestar.patch, media_type=JSON)
delete = partial(litestar.delete, media_type=JSON, status_code=200)
