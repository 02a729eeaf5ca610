"""What the tables hold, for operators (docs/contract/machines.md#table-browser)."""

from __future__ import annotations

from litestar import Controller

from aimo.dto.base import Envelope
from aimo.dto.debug import TableData, TableSchema
from aimo.errors import AimoError, Code
from aimo.http.auth import require_machine_token
from aimo.http.dependencies import Params, Services
from aimo.http.input.query_parameters import Query
from aimo.http.output.envelope import ok
from aimo.http.output.openapi_parameters import Parameter, documented
from aimo.http.routing import get

_TABLE = Parameter("table", "string", "Name of the table.", required=True)
_PAGE = Parameter("page", "number", "Page, from 1.", 1)
_SIZE = Parameter("pageSize", "number", "Rows a page, at most 1000.", 10)


class DebugController(Controller):
    """Looking into the tables, with the configured token. Nothing secret is shown."""

    path = "/api/v1/debug/ba"
    tags = ("Machines",)
    guards = (require_machine_token,)

    @get("/schema", summary="List the columns of a table", opt=documented(_TABLE))
    async def schema(self, params: Params, services: Services) -> Envelope[TableSchema]:
        """Return names and types of a table's columns."""
        return ok(services.table_browser.schema(_table(params)))

    @get("/data", summary="List rows of a table", opt=documented(_TABLE, _PAGE, _SIZE))
    async def data(self, params: Params, services: Services) -> Envelope[TableData]:
        """Return a page of rows of all users."""
        page, size = params.number("page", 1), params.number("pageSize", 10)
        return ok(await services.table_browser.rows(_table(params), page, size))


def _table(params: Query) -> str:
    name = params.text("table", "")
    if not name:
        raise AimoError(Code.PARAMS_ERROR, "Table name is required")
    return name
