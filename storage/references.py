"""What people call a case, a request or a breach by: a number that tells neither how many there are nor which came first."""

import secrets
from functools import cache
from itertools import count

from sqlalchemy import Executable, Table, bindparam, select
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.audit_entries import next_number

_FEWEST_DIGITS = 4
_TRIES = 8
"""So often a number is drawn that is in use already before one with a digit more is."""


async def new_reference(connection: AsyncConnection, table: Table, school: str, beginning: str, year: int) -> str:
    """The beginning, the year, and a number drawn by lot that nothing of that table has yet.

    It never begins with a nought: those were given out one after the other by an older version, which may still be doing so.
    """
    # The number is of no use: its row is held until the end of the transaction, so that no other process draws meanwhile.
    await next_number(connection, school, f"{table.name}-{year}")
    for tried in count():
        smallest = 10 ** (_FEWEST_DIGITS - 1 + tried // _TRIES)
        drawn = f"{beginning}-{year}-{smallest + secrets.randbelow(9 * smallest)}"
        if (await connection.execute(_called(table), {"school": school, "reference": drawn})).first() is None:
            return drawn
    raise AssertionError("there is always another number")


@cache
def _called(table: Table) -> Executable:
    """What bears a reference: written out once, since to put it together costs more than to run it."""
    c = table.c
    return select(c.id).where(c.school == bindparam("school"), c.reference == bindparam("reference"))
