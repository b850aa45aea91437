"""What is held about one person, for somebody who answers for the records to review before it is handed out."""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Literal

from domain.access import KEEPERS, Act, Subject, Viewer, may, may_read_request
from domain.entries import Entry, texts_of
from domain.incident import CaseNote, Incident, Narrative, Participant
from domain.people import Account, Kind, Person, School
from domain.report_form import Fault
from domain.subject_access import (
    PERSON,
    Held,
    HeldCase,
    HeldRequest,
    Labels,
    Passage,
    Register,
    SubjectQuestions,
    Where,
    may_be_theirs,
)
from handlers.acknowledge import NotForYou
from handlers.ports import Ports, Records, actor
from handlers.rights import subject, viewer
from handlers.timeline import people_of

MOST_CASES = 200
_PAGE = 500
_LISTED, _TYPED = "person:", "text:"


async def ask(ports: Ports, school: School, account: Account) -> SubjectQuestions | NotForYou:
    """The form, for those who answer for the records."""
    async with ports.store.transaction(school, write=False) as records:
        looking = await viewer(records, school, account)
        return SubjectQuestions() if looking.roles & KEEPERS else NotForYou()


async def gather(
    ports: Ports, school: School, account: Account, chosen: tuple[str, ...]
) -> Held | SubjectQuestions | NotForYou:
    """All that is held about a person in cases that the asker may read."""
    return await collect(ports, school, account, chosen, "subject.exported", lambda _: True)


async def collect(
    ports: Ports,
    school: School,
    account: Account,
    chosen: tuple[str, ...],
    action: Literal["subject.exported", "handover.exported"],
    wanted: Callable[[HeldCase], bool],
) -> Held | SubjectQuestions | NotForYou:
    """What is wanted of what is held about a person. Each case is noted as exported, before it is shown.

    A case that the asker may not read is left out without a word: that there is one would tell them something.
    """
    now = ports.clock.now()
    async with ports.store.transaction(school, write=False) as records:
        looking = await viewer(records, school, account)
        if not looking.roles & KEEPERS:
            return NotForYou()
        person = await _person(records, chosen)
        register = Register([who for kind in Kind for who, _ in (await records.listed(kind)).values()])
    if person is None:
        return SubjectQuestions(chosen, {PERSON: Fault.MISSING})
    found = await _named(ports, school, person)
    async with ports.store.transaction(school) as records:
        looking = await viewer(records, school, account)
        labels = Labels(person)
        cases: list[HeldCase] = []
        for incident_id, parts in found.items():
            incident = await records.incident(incident_id, hold=False)
            case = await subject(records, incident, now) if incident is not None else None
            if case is None or not may(looking, Act.EXPORT, case) or len(cases) > MOST_CASES:
                continue
            held = await _held(records, case, person, parts, labels, register)
            if wanted(held):
                cases.append(held)
        cases.sort(key=lambda held: held.incident.reported_at, reverse=True)
        for held in cases[:MOST_CASES]:
            await records.note(
                now,
                actor(account),
                "subject.exported" if action == "subject.exported" else "handover.exported",
                held.incident.id,
                person=person.id or None,
                roles=",".join(sorted(looking.roles)),
            )
        await records.note(now, actor(account), "subject.gathered", person=person.id or None, cases=len(cases[:MOST_CASES]))
        return Held(
            person,
            now,
            tuple(cases[:MOST_CASES]),
            await _reported(records, looking, person, now),
            await _asked(records, looking, person, now, labels, register),
            labels.names,
            more=len(cases) > MOST_CASES,
        )


async def _person(records: Records, chosen: tuple[str, ...]) -> Person | None:
    (value,) = chosen if len(chosen) == 1 else ("",)
    if value.startswith(_LISTED):
        person_id = value.removeprefix(_LISTED)
        return (await records.people([person_id])).get(person_id)
    name = value.removeprefix(_TYPED).strip() if value.startswith(_TYPED) else ""
    return Person("", Kind.PUPIL, name) if name else None


async def _named(ports: Ports, school: School, person: Person) -> dict[str, tuple[Participant, ...]]:
    """The cases that name the person, with their part in each. In pieces, so that nobody waits for it."""
    found: dict[str, list[Participant]] = {}
    after = ""
    while True:
        async with ports.store.transaction(school, write=False) as records:
            page = await records.involved(after, _PAGE)
        for incident_id, participants in page.items():
            theirs = [p for p in participants if _is(p, person)]
            if theirs:
                found[incident_id] = theirs
        if not page:
            return {case: tuple(parts) for case, parts in found.items()}
        after = max(page)


def _is(participant: Participant, person: Person) -> bool:
    if person.id and participant.person_id is not None:
        return participant.person_id == person.id
    return may_be_theirs(participant.name, person)


async def _held(
    records: Records, case: Subject, person: Person, parts: tuple[Participant, ...], labels: Labels, register: Register
) -> HeldCase:
    incident = case.incident
    mine = {p.id for p in parts}
    others = [(labels.of(p.name, p.person_id), p) for p in await records.participants(incident.id) if p.id not in mine]
    notes, entries = await records.case_notes(incident.id), await records.entries(incident.id)
    staff = await records.names_of_staff(_at_work(case, notes) | people_of(entries))
    names = [(label, p.name) for label, p in others]
    names += [(labels.of(name, person_id), name) for person_id, name in staff.items() if person_id != person.id]
    texts = _texts(await records.narrative(incident.id), notes, entries)
    names += _mentioned(person, labels, register, (text for _, text, _ in texts))
    readings = [(r.at, r.roles or ()) for r in await records.readings(incident.id)]
    return HeldCase(
        incident,
        tuple(dict.fromkeys(p.role for p in parts)),
        any(person.id and p.person_id == person.id for p in parts),
        tuple((label, p.role) for label, p in others),
        tuple(Passage(where, text, labels.redact(text, names), at) for where, text, at in texts),
        tuple(readings),
    )


def _mentioned(person: Person, labels: Labels, register: Register, texts: Iterable[str]) -> list[tuple[str, str]]:
    """Others of the school's lists whose whole name somebody wrote, though they have no part in it."""
    named = {p.id: p for text in texts for p in register.named_in(text) if p.id != person.id}
    return [(labels.of(p.name, p.id), p.name) for p in named.values()]


def _at_work(case: Subject, notes: tuple[CaseNote, ...]) -> set[str]:
    """The members of staff who have to do with a case: who reported it, who was asked, who owns it, who wrote in it."""
    asked = {s.person_id for _, summoned in case.duties for s in summoned}
    owners = {alert.owner_id for alert, _ in case.duties}
    return {p for p in {case.incident.reporter.person_id, *owners, *asked, *(n.person_id for n in notes)} if p is not None}


def _texts(
    narrative: Narrative, notes: tuple[CaseNote, ...], entries: tuple[Entry, ...]
) -> list[tuple[Where, str, datetime | None]]:
    told: list[tuple[Where, str, datetime | None]] = [
        (Where.HAPPENED, narrative.what_happened, None),
        (Where.DONE, narrative.done_already, None),
        (Where.PLACE, narrative.where, None),
        (Where.LINK, narrative.link, None),
        *((Where.NOTE, note.text, note.at) for note in notes),
        *((Where.ENTRY, text, entry.at) for entry in entries for text in texts_of(entry.told)),
    ]
    return [(where, text, at) for where, text, at in told if text]


async def _reported(records: Records, looking: Viewer, person: Person, now: datetime) -> tuple[Incident, ...]:
    """What they reported, as far as the asker may read it: a report may be about the asker."""
    if person.kind is not Kind.STAFF or not person.id:
        return ()
    theirs = await records.reported_by(Account(looking.account.platform, "", person_id=person.id), MOST_CASES)
    return tuple([i for i in theirs if may(looking, Act.READ, await subject(records, i, now))])


async def _asked(
    records: Records, looking: Viewer, person: Person, now: datetime, labels: Labels, register: Register
) -> tuple[HeldRequest, ...]:
    """What they asked of others, as far as the asker may read it, without the names that are known. Each is noted as read."""
    if not person.id:
        return ()
    found = [r for r in await records.requests_of(person.id) if may_read_request(looking, r)]
    for request in found:
        await records.note(now, actor(looking.account), "request.read", request=request.id)
    texts = [(r, ((Where.ASKED, r.text), (Where.ANSWERED, r.reason))) for r in found]
    _mentioned(person, labels, register, (text for _, both in texts for _, text in both))
    names = tuple(labels.names.items())
    return tuple(
        HeldRequest(r, tuple(Passage(where, text, labels.redact(text, names)) for where, text in both if text))
        for r, both in texts
    )
