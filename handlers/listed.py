"""When the staff list changes, whoever comes onto it may be named in what was reported before: they are kept out of it."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from domain.audience import excluded_ids
from domain.incident import Exclusion, Incident, Why
from domain.listed import Newcomers, may_be_named
from domain.people import School
from domain.routing import Facts
from domain.words import ParticipantRole
from handlers.course import merged_with
from handlers.kept_out import look_again
from handlers.ports import Ports, Records

Found = Mapping[str, Sequence[Exclusion]]
"""Whom to keep out of which case."""

_AT_ONCE = 10
"""Names are unsealed for each: so many cases take some hundredths of a second."""


async def find(records: Records, school: School, newcomers: Newcomers, cases: Mapping[str, Facts]) -> Found:
    """Which of the cases may name which of the newcomers."""
    found: dict[str, tuple[Exclusion, ...]] = {}
    if not newcomers:
        return found
    for ids in _parts(cases):
        shut_out = await records.exclusions(*ids)
        names = await records.names_of_staff({e.person_id for id_ in ids for e in shut_out[id_] if e.why is Why.NAMED})
        for id_ in ids:
            people = await records.participants(id_)
            if named := may_be_named(school, newcomers, cases[id_], people, shut_out[id_], names):
                found[id_] = named
    return found


async def find_same(records: Records, same: Iterable[tuple[str, str]]) -> Found:
    """The cases of which somebody is kept out whom the list now has as another person: each an old id and the new one."""
    found: dict[str, list[Exclusion]] = {}
    for old, new in same:
        ids = await records.cases_shutting_out(old)
        for id_, shut_out in (await records.exclusions(*ids)).items():
            if new not in {e.person_id for e in shut_out}:
                found.setdefault(id_, []).extend(replace(e, person_id=new) for e in shut_out if e.person_id == old)
    return found


async def keep_out(ports: Ports, records: Records, school: School, *findings: Found) -> int:
    """Shuts people out of cases, open and closed, and looks at each again. Gives how many cases it changed."""
    now = ports.clock.now()
    findings = (*findings, await _of_the_same_matter(records, findings))
    # All are held before the first note, which holds the audit: others hold a case first and the audit after it.
    ids = sorted(set().union(*findings))
    held = [i for id_ in ids if (i := await records.incident(id_)) is not None]
    changed = 0
    for incident in held:
        before = (await records.exclusions(incident.id))[incident.id]
        known = {e.person_id for e in before}
        # Of two reasons for the same person the certain one stands.
        wanted = sorted((e for f in findings for e in f.get(incident.id, ())), key=lambda e: e.why is not Why.NAMED)
        more = {e.person_id: e for e in reversed(wanted) if e.person_id not in known}
        if not more:
            continue
        await records.add_exclusions(incident.id, tuple(more.values()))
        state = await records.shut_out(incident.id)
        if not incident.private and await _accused_of_what_goes_on(records, incident, more.values()):
            # As with a report that names them from the start: it may be about staff, and a channel must not see it. A
            # duplicate of a case that goes on can be taken apart from it again, and is as private as that.
            await records.make_private(incident.id, incident.facts.about)
            await records.note(now, "bot", "case.made_private", incident.id, about=incident.facts.about, shut_out=state)
        await look_again(ports, records, school, incident, excluded_ids((*before, *more.values())))
        for person_id in more:
            await records.note(now, "bot", "match.listed", incident.id, person=person_id, shut_out=state)
        changed += 1
    return changed


async def _of_the_same_matter(records: Records, findings: Iterable[Found]) -> Found:
    """Of what was merged with these cases: it tells of the same, and whom one of two excludes must not read the other."""
    found: dict[str, list[Exclusion]] = {}
    for finding in findings:
        for id_, shut_out in finding.items():
            incident = await records.incident(id_, hold=False)
            for other in await merged_with(records, incident) if incident is not None else ():
                if not other.erased:
                    found.setdefault(other.id, []).extend(shut_out)
    return found


async def catch_up(ports: Ports, school: School, breathe: Callable[[], Awaitable[object]] | None = None) -> int:
    """Compares every case with the whole list, if the list was changed by a version that did not: how many it concerned.

    A few cases at a time, and it `breathe`s in between: there may be thousands, and nobody is to wait for them. How far it has
    come is kept, so that it goes on from there if it is interrupted, and begins anew if the list changes meanwhile.
    """
    changed, more = 0, True
    while more:
        here, more = await _catch_up_a_little(ports, school, changed)
        changed += here
        if more and breathe is not None:
            await breathe()
    return changed


async def _catch_up_a_little(ports: Ports, school: School, before: int) -> tuple[int, bool]:
    """How many of the next cases it concerned, and whether there are more. `before`: of how many that was known already."""
    async with ports.store.transaction(school, write=False) as records:
        version, compared = await records.list_versions()
        if version == compared:
            return 0, False
        cases, until = await records.cases_to_compare(version, _AT_ONCE)
        found = await find(records, school, Newcomers(known=tuple(await records.staff())), cases)
    async with ports.store.transaction(school) as records:
        changed = await keep_out(ports, records, school, found)
        if until is not None:
            await records.set_came_to(version, until)
        else:
            await records.set_compared(version)
            await records.note(ports.clock.now(), "bot", "people.compared", cases=before + changed)
    if changed:
        ports.wake()
    return changed, until is not None


async def _accused_of_what_goes_on(records: Records, incident: Incident, found: Iterable[Exclusion]) -> bool:
    """Whether one of these people may be the one who is said to have done it, in a case of one matter that is not over."""
    did_it = ParticipantRole.ALLEGED_PERPETRATOR
    matter = (incident, *await merged_with(records, incident))
    if not any(i.is_open for i in matter):
        return False
    accused = {p.id for i in matter for p in await records.participants(i.id) if p.role is did_it}
    return any(e.participant_id in accused for e in found)


def _parts(cases: Mapping[str, Facts]) -> list[list[str]]:
    ids = sorted(cases)
    return [ids[n : n + _AT_ONCE] for n in range(0, len(ids), _AT_ONCE)]
