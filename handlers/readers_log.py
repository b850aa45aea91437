"""Who has looked at a case, and at every case of a child: for those who answer for the records. To ask is itself noted."""

from collections.abc import Iterable
from datetime import datetime

from domain.access import Act, may
from domain.audit import CaseReaders, Reader, ReadersOfCase, ReadersOfChild, Reading
from domain.incident import Incident
from domain.people import Account, School
from handlers.acknowledge import NotForYou
from handlers.ports import Ports, Records, actor
from handlers.rights import subject, viewer

MOST_READERS, MOST_CASES = 30, 20


async def of_case(ports: Ports, school: School, account: Account, incident_id: str) -> ReadersOfCase | NotForYou:
    """Who has looked at one case, and the pupils in it of whom the same can be asked."""
    now = ports.clock.now()
    async with ports.store.transaction(school) as records:
        incident = await _shown(records, school, account, incident_id, now)
        if incident is None:
            return NotForYou()
        await records.note(now, actor(account), "readers.read", incident.id)
        (case,) = await _readers(records, school, [incident])
        return ReadersOfCase(case, tuple((await _pupils(records, incident.id)).items()))


async def of_child(
    ports: Ports, school: School, account: Account, incident_id: str, person_id: str
) -> ReadersOfChild | NotForYou:
    """Who has looked at each case of a pupil. One comes to it from a case of theirs that one may read.

    A case that the asker may not read is left out without a word: that there is one would tell them something.
    """
    now = ports.clock.now()
    async with ports.store.transaction(school) as records:
        incident = await _shown(records, school, account, incident_id, now)
        name = (await _pupils(records, incident.id)).get(person_id) if incident is not None else None
        if incident is None or name is None:
            return NotForYou()
        found = [await _shown(records, school, account, case, now) for case in await records.cases_of(person_id)]
        cases = [case for case in found if case is not None]
        for case in cases[:MOST_CASES]:
            await records.note(now, actor(account), "readers.read", case.id, person=person_id)
        return ReadersOfChild(name, await _readers(records, school, cases[:MOST_CASES]), max(0, len(cases) - MOST_CASES))


async def for_the_office(records: Records, school: School, person_id: str, now: datetime) -> tuple[CaseReaders, ...]:
    """The same for whoever administers the bot: every case of a pupil but the private ones, by reference."""
    found = [await records.incident(case, hold=False) for case in await records.cases_of(person_id)]
    cases = [case for case in found if case is not None and not case.private]
    await records.note(now, "command", "readers.listed", person=person_id, cases=len(cases))
    return await _readers(records, school, cases)


async def _shown(records: Records, school: School, account: Account, incident_id: str, now: datetime) -> Incident | None:
    incident = await records.incident(incident_id, hold=False)
    if incident is None:
        return None
    allowed = may(await viewer(records, school, account), Act.READ_READERS, await subject(records, incident, now))
    return incident if allowed else None


async def _pupils(records: Records, incident_id: str) -> dict[str, str]:
    """The pupils of a case that are on the school's list, with their names, by id."""
    found = {p.person_id: p.name for p in await records.participants(incident_id) if p.person_id is not None}
    staff = await records.names_of_staff(found)
    return {person: name for person, name in found.items() if person not in staff}


async def _readers(records: Records, school: School, cases: Iterable[Incident]) -> tuple[CaseReaders, ...]:
    cases = tuple(cases)
    readings = await records.readings(*(c.id for c in cases))
    names = await records.names_of_staff({r.person_id for r in readings})
    staff = await records.staff()
    looks: dict[tuple[str, str], list[Reading]] = {}
    for reading in readings:
        looks.setdefault((reading.incident_id, reading.person_id), []).append(reading)
    found: dict[str, list[Reader]] = {c.id: [] for c in cases}
    for (case_id, person_id), times in looks.items():
        last = times[-1]
        roles = staff.roles_of(school, person_id) if last.roles is None else last.roles
        reader = Reader(names.get(person_id, ""), tuple(sorted(roles)), times[0].at, last.at, len(times))
        found[case_id].append(reader)
    return tuple(_of_one(case, found[case.id]) for case in cases)


def _of_one(case: Incident, readers: list[Reader]) -> CaseReaders:
    newest = sorted(readers, key=lambda r: r.last, reverse=True)
    return CaseReaders(case.reference, tuple(newest[:MOST_READERS]), max(0, len(newest) - MOST_READERS))
