"""A pupil who is on the list twice: sealed, and in plain text of a version before 0007, which knows nobody by a mark.

During a rolling upgrade such a version may import the list once more. Whoever was sealed is then somebody new to it.
"""

from dataclasses import replace
from datetime import UTC, datetime

from sqlalchemy import delete, update
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.people import Person
from storage import tables as t
from storage.audit_entries import add_entry

JOINED = "person.joined"
"""Of an entry in the audit: what names one id names the other from now on."""


def as_one(sealed: tuple[Person, bool], plain: tuple[Person, bool]) -> tuple[Person, bool]:
    """Who of the two they are, and whether on the list: the plain one is the newer if it alone is on the list."""
    newer = plain[1] and not sealed[1]
    return (replace(plain[0], id=sealed[0].id), True) if newer else sealed


async def join_twin(connection: AsyncConnection, school: str, twin: str, kept: str) -> None:
    """Has everything that names the plain one name the sealed one, and takes the plain one away."""
    p, words = t.participants.c, t.people_words
    await connection.execute(update(t.participants).where(p.person_id == twin).values(person_id=kept))
    await connection.execute(delete(words).where(words.c.person_id == twin))
    await connection.execute(delete(t.people).where(t.people.c.id == twin))
    # What was committed to when it was reported has the other id.
    await add_entry(connection, school, datetime.now(UTC), "bot", JOINED, data={"was": twin, "person": kept})
