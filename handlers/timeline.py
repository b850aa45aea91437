"""What was written in a case while it was worked, as a page to read; and what is overdue, for lists."""

from datetime import datetime

from domain.access import Act, Subject, Viewer, may
from domain.entries import Action, Entry, Overdue, Timeline, lines_of, paged
from domain.incident import Incident
from handlers.ports import Records
from handlers.rights import subject

_NEWEST = 3
"""How many entries the case's own page shows."""


async def page(
    records: Records, incident: Incident, now: datetime, number: int | None = None, *, saved: bool = False
) -> Timeline:
    """A page of the timeline, the last one if none is named. Whoever calls it checks the right to it and notes the reading."""
    entries = await records.entries(incident.id)
    lines = lines_of(entries, await records.names_of_staff(people_of(entries)), now)
    return paged(incident.id, incident.reference, lines, number, saved=saved)


async def newest(records: Records, incident: Incident, now: datetime) -> Timeline:
    """The last few entries, as they read now."""
    entries = await records.entries(incident.id)
    lines = lines_of(entries, await records.names_of_staff(people_of(entries)), now)
    return Timeline(incident.id, incident.reference, lines[-_NEWEST:], pages=-(-len(lines) // _NEWEST) or 1)


def people_of(entries: tuple[Entry, ...]) -> set[str]:
    """The members of staff who wrote these entries, or are to do or have done what they say."""
    doers = {e.told.doer_id for e in entries if isinstance(e.told, Action)}
    return {p for p in doers | {e.person_id for e in entries} | {e.done_by for e in entries} if p}


async def overdue(records: Records, looking: Viewer, now: datetime) -> tuple[Overdue, ...]:
    """What is not done in time, of what somebody is to do and of cases that they work: never of one that excludes them."""
    if looking.person is None:
        return ()
    found = []
    for late in await records.overdue_actions(now):
        incident = await records.incident(late.incident_id, hold=False)
        if incident is None or late.due_at is None:
            continue
        case, own = await subject(records, incident, now), late.doer_id == looking.person
        reads = may(looking, Act.WORK, case)
        if reads or (own and may_be_told(looking, case)):
            found.append(Overdue(incident.id, incident.reference, late.due_at, own, reads))
    return tuple(found)


def may_be_told(looking: Viewer, case: Subject) -> bool:
    """Whether somebody may know that there is something for them to do in a case: its reference, and by when."""
    if looking.person is None or looking.person in case.excluded or case.incident.erased:
        return False
    return not case.incident.private or may(looking, Act.READ, case)
