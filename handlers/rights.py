"""What domain.access needs to decide, read from the records on the very request."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from domain.access import Subject, Viewer
from domain.audience import excluded_ids
from domain.audit import Noted
from domain.case_changes import Signature
from domain.incident import Alert, Incident, Summons
from domain.people import Account, Platform, School, Staff, Standing
from domain.words import IncidentState, Role
from handlers.ports import Records, actor

_MOST_MERGES = 20
"""How far the way is followed from a duplicate to the case that goes on."""


async def viewer(records: Records, school: School, account: Account) -> Viewer:
    """Somebody as the school's lists have them now."""
    return Viewer(school, await records.staff(), account)


def member(school: School, staff: Staff, person_id: str) -> Viewer:
    """Somebody of the staff list who has not asked for anything: what they would be let see."""
    return Viewer(school, staff, Account(Platform.CONSOLE, "", person_id=person_id, standing=Standing.MEMBER))


async def note_reading(
    records: Records, looking: Viewer, incident: Incident, now: datetime, *, task: bool = False, **more: str
) -> None:
    """Notes that somebody is shown a case, or of a case what is to be done alone; and in which roles they are.

    `more`: in what else than the case's own page (`how`), and which other cases were told of beside it (`beside`).
    """
    await records.note_all(now, actor(looking.account), [reading(looking, incident, task=task, **more)])


def reading(looking: Viewer, incident: Incident, *, task: bool = False, **more: str) -> Noted:
    """What is noted of that: for whoever notes several at once."""
    said = {"roles": ",".join(sorted(looking.roles)), **{name: value for name, value in more.items() if value}}
    return Noted("task.read" if task else "case.read", incident.id, said)


async def subject(records: Records, incident: Incident, now: datetime) -> Subject:
    """A case as far as rights to it go."""
    return (await subjects(records, [(a, incident) for a in await records.alerts_of(incident.id)], [incident], now))[
        incident.id
    ]


async def subjects(
    records: Records, alerts: Sequence[tuple[Alert, Incident]], incidents: Sequence[Incident], now: datetime
) -> dict[str, Subject]:
    """The same for many cases, of which the given alerts are considered, by the case's id."""
    ids = {i.id for i in incidents}
    excluded = await records.exclusions(*ids)
    instead = {i.id: await _instead(records, i) for i in incidents if i.private and i.state is IncidentState.MERGED}
    summonses = await records.summonses(*(a.id for a, _ in alerts))
    opened = await records.opened_by(now, *ids)
    closed = [i.id for i in incidents if i.state is IncidentState.CLOSED]
    awaited = await records.awaited_signatures(*closed) if closed else {}
    duties: dict[str, list[Alert]] = {}
    for alert, incident in alerts:
        duties.setdefault(incident.id, []).append(alert)
    return {
        i.id: Subject(
            i,
            tuple((a, summonses[a.id]) for a in duties.get(i.id, ())),
            excluded_ids(excluded[i.id]) | (instead[i.id][1] if i.id in instead else frozenset()),
            opened.get(i.id, frozenset()),
            frozenset(_signers(awaited.get(i.id, ()))),
            frozenset(_signers(x for x in awaited.get(i.id, ()) if x.reads)),
            instead[i.id][0] if i.id in instead else (),
        )
        for i in incidents
    }


async def _instead(
    records: Records, duplicate: Incident
) -> tuple[tuple[tuple[Alert, tuple[Summons, ...]], ...], frozenset[str]]:
    """Who answers for the case that goes on in place of a duplicate, and who is kept out of that one.

    Of a duplicate of a duplicate, the last of them: whoever may not read the one has nothing there that opens the other.
    """
    last = duplicate.id
    for _ in range(_MOST_MERGES):
        into = await records.merged_into(last)
        if into is None:
            break
        last = into
    alerts = await records.alerts_of(last) if last != duplicate.id else ()
    summonses = await records.summonses(*(a.id for a in alerts))
    kept_out = excluded_ids((await records.exclusions(last))[last])
    return tuple((a, summonses[a.id]) for a in alerts), kept_out


def _signers(awaited: Iterable[Signature]) -> Iterator[tuple[str, Role]]:
    return ((x.person_id, x.asked_as) for x in awaited if x.person_id is not None and x.asked_as is not None)
