"""What was written in a case while it was worked, as a page to read; and who may be told that something is to be done."""

from datetime import datetime

from domain.access import Act, Subject, Viewer, may
from domain.entries import Entry, Timeline, lines_of, paged, staff_in, standing_of
from domain.incident import Incident
from handlers.ports import Records

_NEWEST = 3
"""How many entries the case's own page shows."""


async def page(
    records: Records,
    incident: Incident,
    now: datetime,
    number: int | None = None,
    *,
    saved: bool = False,
    untold: bool = False,
) -> Timeline:
    """A page of the timeline, the last one if none is named. Whoever calls it checks the right to it and notes the reading."""
    entries = await records.entries(incident.id)
    lines = lines_of(entries, await records.names_of_staff(people_of(entries)), now)
    standing = standing_of(lines, now)
    return paged(incident.id, incident.reference, lines, number, saved=saved, untold=untold, standing=standing)


async def newest(records: Records, incident: Incident, now: datetime) -> Timeline:
    """The last few entries, as they read now."""
    entries = await records.entries(incident.id)
    lines = lines_of(entries, await records.names_of_staff(people_of(entries)), now)
    pages, standing = -(-len(lines) // _NEWEST) or 1, standing_of(lines, now)
    return Timeline(incident.id, incident.reference, lines[-_NEWEST:], pages=pages, standing=standing)


def people_of(entries: tuple[Entry, ...]) -> set[str]:
    """The members of staff who wrote these entries, whom these name, or who have done what they say."""
    doers = {person for e in entries for person in staff_in(e.told)}
    return {p for p in doers | {e.person_id for e in entries} | {e.done_by for e in entries} if p}


def may_be_told(looking: Viewer, case: Subject) -> bool:
    """Whether somebody may know that there is something for them to do in a case: its reference, and by when."""
    if looking.person is None or looking.person in case.excluded or case.incident.erased:
        return False
    return not case.incident.private or may(looking, Act.READ, case)
