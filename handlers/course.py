"""What a case's page shows of how it has changed and ended, and which case goes on in place of a duplicate."""

from datetime import datetime

from domain.access import Act, Subject, Viewer, answerable, may
from domain.case_changes import (
    CaseCourse,
    ChangeKind,
    ChangeLine,
    ChangesPage,
    Classified,
    LinkedCase,
    LinkKind,
    Result,
    changes_paged,
)
from domain.incident import AlertState, Incident
from domain.words import IncidentState, Role
from handlers.ports import Records
from handlers.rights import subject
from handlers.signing import lines

NEWEST = 5
"""How many changes the case's own page shows."""
_MOST_MERGES = 20
_MOST_OF_ONE_MATTER = 200
_OF_LINKS = frozenset({ChangeKind.LINKED, ChangeKind.UNLINKED})


async def course(records: Records, looking: Viewer, case: Subject, now: datetime) -> CaseCourse:
    """All of it, for somebody who reads the case. Whoever calls it notes the reading."""
    incident, works = case.incident, may(looking, Act.WORK, case)
    links = await linked(records, looking, incident, now)
    changes = await lines_for(records, looking, incident, now) if works else ()
    review, said = await records.review(incident.id), await records.result(incident.id)
    awaited = (await records.awaited_signatures(incident.id))[incident.id] if may(looking, Act.SIGN, case) else ()
    return CaseCourse(
        works=works,
        changes=changes[-NEWEST:],
        links=links,
        signatures=await lines(records, looking.school, incident),
        review=review,
        review_is_due=review is not None and review.due_at <= now,
        signs=next((x for x in awaited if x.person_id == looking.person), None),
        merged=incident.state is IncidentState.MERGED,
        first=_first(incident, [line.change.was for line in changes if line.change.kind is ChangeKind.RECLASSIFIED]),
        result=Result(said) if said in set(Result) else None,
        given=_to_be_given(looking, case),
    )


async def page(records: Records, looking: Viewer, incident: Incident, now: datetime, number: int | None) -> ChangesPage:
    """All changes of a case, by pages. Whoever calls it checks the right to it and notes the reading."""
    return changes_paged(incident.id, incident.reference, await lines_for(records, looking, incident, now), number)


async def lines_for(records: Records, looking: Viewer, incident: Incident, now: datetime) -> tuple[ChangeLine, ...]:
    """How a case has changed, for somebody who works it: no link to a case that they may not read, nor why it was made."""
    changes = await records.changes(incident.id)
    names, known = await records.names_of_staff({c.person_id for c in changes}), dict[str, str]()
    for other_id in {c.other_id for c in changes if c.other_id}:
        other = await records.incident(other_id, hold=False)
        if other is not None and may(looking, Act.READ, await subject(records, other, now)):
            known[other_id] = other.reference
    return tuple(
        ChangeLine(c, names.get(c.person_id, ""), known.get(c.other_id, ""))
        for c in changes
        if c.kind not in _OF_LINKS or c.other_id in known
    )


async def linked(records: Records, looking: Viewer, incident: Incident, now: datetime) -> tuple[LinkedCase, ...]:
    """The cases at the other ends of a case's links, as far as somebody who reads this one may read those too."""
    found = []
    for link in await records.links_of(incident.id):
        other = await records.incident(link.beyond(incident.id), hold=False)
        if other is None or not may(looking, Act.READ, await subject(records, other, now)):
            continue
        into = link.kind is LinkKind.MERGED and link.incident_id == incident.id
        found.append(LinkedCase(link, other.id, other.reference, other.facts.concern, other.state, into))
    return tuple(found)


async def survivor(records: Records, incident: Incident) -> Incident:
    """The case that goes on in place of a duplicate; of any other case, itself."""
    for _ in range(_MOST_MERGES):
        into = await records.merged_into(incident.id) if incident.state is IncidentState.MERGED else None
        found = await records.incident(into, hold=False) if into is not None else None
        if found is None:
            break
        incident = found
    return incident


async def merged_with(records: Records, incident: Incident) -> tuple[Incident, ...]:
    """The other cases of the same matter: what it was merged into, and what was merged into either. Nobody holds them."""
    found, waiting = {incident.id: incident}, [incident.id]
    while waiting and len(found) <= _MOST_OF_ONE_MATTER:
        here = waiting.pop()
        for other_id in {x.beyond(here) for x in await records.links_of(here) if x.kind is LinkKind.MERGED} - found.keys():
            other = await records.incident(other_id, hold=False)
            if other is not None:
                found[other_id] = other
                waiting.append(other_id)
    return tuple(other for other in found.values() if other.id != incident.id)


async def shown_instead(records: Records, looking: Viewer, incident: Incident, now: datetime) -> Incident:
    """The case that a reference leads to: of a duplicate the one that goes on, for whoever may know of that."""
    other = await survivor(records, incident)
    if other.id == incident.id:
        return incident
    case = await subject(records, other, now)
    return other if may(looking, Act.READ, case) or may(looking, Act.OPEN, case) else incident


def _first(incident: Incident, before: list[Classified | None]) -> Classified | None:
    first = next((was for was in before if was is not None), None)
    return first if first != Classified(incident.facts.concern, incident.urgency) else None


def _to_be_given(looking: Viewer, case: Subject) -> tuple[tuple[str, str, Role], ...]:
    """What others answer for and the reader may give to somebody else."""
    if not case.incident.is_open:
        return ()
    theirs = answerable(looking, case)
    return tuple(
        (a.id, person.name if (person := looking.staff.get(a.owner_id)) is not None else "", a.role)
        for a in theirs[1:]
        if a.state is not AlertState.DONE and a.owner_id != looking.person
    )
