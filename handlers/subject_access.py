"""What is held about one person, for somebody who answers for the records to review before it is handed out."""

from collections.abc import Callable, Collection, Iterable
from dataclasses import replace
from datetime import datetime
from typing import Literal

from domain.access import KEEPERS, Act, Subject, Viewer, may, may_read_request, may_read_submission, may_use_record
from domain.case_changes import ChangeLine
from domain.consents import Entry as ConsentEntry
from domain.entries import Action, Contact, Decided, Entry, Note, lines_of, texts_of
from domain.incident import CaseNote, Incident, Narrative, Participant
from domain.names import plain_name
from domain.people import Account, Kind, Person, School
from domain.register_terms import FieldType, RegisterAct, RegisterKind
from domain.registers import Record, Shown, Version
from domain.report_form import Fault
from domain.request_types import ItemType, RequestType
from domain.signings import GivenSignature
from domain.subject_access import (
    PERSON,
    Held,
    HeldCase,
    HeldConsent,
    HeldMeasure,
    HeldRecord,
    HeldRequest,
    Labels,
    Passage,
    Register,
    SubjectQuestions,
    Where,
    may_be_theirs,
    names_beside,
    retold,
    whom_named,
)
from domain.submissions import SubmissionVersion
from handlers.acknowledge import NotForYou
from handlers.course import lines_for
from handlers.ports import Ports, Records, actor
from handlers.registers import told_of
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
    # What goes to the next school has none of these: it asks for consent of its own.
    own_file = action == "subject.exported"
    of_registers = await _lines_about(ports, school, account, person) if own_file else []
    of_consent = await _consents_about(ports, school, person) if own_file else []
    async with ports.store.transaction(school) as records:
        looking = await viewer(records, school, account)
        labels = Labels(person)
        cases: list[HeldCase] = []
        for incident_id, parts in found.items():
            incident = await records.incident(incident_id, hold=False)
            case = await subject(records, incident, now) if incident is not None else None
            if case is None or not may(looking, Act.EXPORT, case) or len(cases) > MOST_CASES:
                continue
            held = await _held(records, looking, case, person, parts, labels, register, now)
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
        shown = {held.incident.id for held in cases[:MOST_CASES]}
        registered = [
            _registered(person, labels, register, line)
            for record_id, through in of_registers
            # A case that they may not read must not be told of by what else it is named in.
            if (not through or through & shown) and (line := await told_of(ports, records, looking, record_id, now)) is not None
        ]
        return Held(
            person,
            now,
            tuple(cases[:MOST_CASES]),
            await _reported(records, looking, person, now),
            await _asked(records, looking, person, now, labels, register),
            labels.names,
            more=len(cases) > MOST_CASES,
            registered=tuple(registered),
            signed=await _signed(records, looking, person, now),
            consents=await _consented(records, looking, person, of_consent, now, labels, register),
        )


async def _person(records: Records, chosen: tuple[str, ...]) -> Person | None:
    (value,) = chosen if len(chosen) == 1 else ("",)
    if value.startswith(_LISTED):
        person_id = value.removeprefix(_LISTED)
        return (await records.people([person_id])).get(person_id)
    name = value.removeprefix(_TYPED).strip() if value.startswith(_TYPED) else ""
    return Person("", Kind.PUPIL, name) if name else None


async def _named(ports: Ports, school: School, person: Person) -> dict[str, tuple[Participant, ...]]:
    """The cases that name the person, with their part in each: none where only a measure is about them.

    In pieces, so that nobody waits for it.
    """
    found: dict[str, list[Participant]] = {}
    after = ""
    while True:
        async with ports.store.transaction(school, write=False) as records:
            measures = await records.measured(after, _PAGE)
        for incident_id, entries in measures.items():
            if any(may_be_theirs(whom_named(entry.told), person) for entry in entries):
                found[incident_id] = []
        if not measures:
            break
        after = max(measures)
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
    records: Records,
    looking: Viewer,
    case: Subject,
    person: Person,
    parts: tuple[Participant, ...],
    labels: Labels,
    register: Register,
    now: datetime,
) -> HeldCase:
    incident = case.incident
    mine = {p.id for p in parts}
    others = [(labels.of(p.name, p.person_id), p) for p in await records.participants(incident.id) if p.id not in mine]
    notes, entries = await records.case_notes(incident.id), await records.entries(incident.id)
    changes = await lines_for(records, looking, incident, now)
    at_work = _at_work(case, notes) | people_of(entries) | {line.change.person_id for line in changes}
    staff = await records.names_of_staff(at_work)
    names = [(label, p.name) for label, p in others]
    names += [(labels.of(name, person_id), name) for person_id, name in staff.items() if person_id != person.id]
    texts = _texts(await records.narrative(incident.id), notes, entries, changes)
    typed = [text for entry in entries for text in texts_of(entry.told)]
    known = {p.name for _, p in others} | {p.name for p in parts}
    names += _in_measures(person, labels, known, entries)
    names += _mentioned(person, labels, register, (*typed, *(text for _, text, _ in texts)))
    readings = [(r.at, r.roles or ()) for r in await records.readings(incident.id)]
    as_labels = {i: name if i == person.id else f"[{labels.of(name, i)}]" for i, name in staff.items()}
    measures = [e for e in entries if not isinstance(e.told, Note | Action | Contact | Decided)]
    without = [_without(entry, lambda text: labels.redact(text, names)) for entry in measures]
    return HeldCase(
        incident,
        tuple(dict.fromkeys(p.role for p in parts)),
        any(person.id and p.person_id == person.id for p in parts),
        tuple((label, p.role) for label, p in others),
        tuple(Passage(where, text, labels.redact(text, names), at) for where, text, at in texts),
        tuple(readings),
        tuple(map(HeldMeasure, lines_of(measures, staff, now), lines_of(without, as_labels, now))),
    )


def _without(entry: Entry, change: Callable[[str], str]) -> Entry:
    told = entry.told
    return entry if isinstance(told, Note | Action | Contact | Decided) else replace(entry, told=retold(told, change))


def _in_measures(person: Person, labels: Labels, known: Collection[str], entries: Iterable[Entry]) -> list[tuple[str, str]]:
    """Others whom no list and no report names: from whom something was taken, and who was there."""
    found = dict.fromkeys(name for e in entries for name in (whom_named(e.told), names_beside(e.told)) if name)
    return [(labels.of(name), name) for name in found if name not in known and not may_be_theirs(name, person)]


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
    narrative: Narrative, notes: tuple[CaseNote, ...], entries: tuple[Entry, ...], changes: tuple[ChangeLine, ...]
) -> list[tuple[Where, str, datetime | None]]:
    told: list[tuple[Where, str, datetime | None]] = [
        (Where.HAPPENED, narrative.what_happened, None),
        (Where.DONE, narrative.done_already, None),
        (Where.PLACE, narrative.where, None),
        (Where.LINK, narrative.link, None),
        *((Where.NOTE, note.text, note.at) for note in notes),
        *(
            (Where.ENTRY, text, e.at)
            for e in entries
            if isinstance(e.told, Note | Action | Contact | Decided)
            for text in texts_of(e.told)
        ),
        *((Where.CHANGE, c.text, c.at) for c in (line.change for line in changes) if c.text not in {n.text for n in notes}),
    ]
    return [(where, text, at) for where, text, at in told if text]


async def _lines_about(ports: Ports, school: School, account: Account, person: Person) -> list[tuple[str, frozenset[str]]]:
    """Lines of registers that concern the person, by id: in a field, or by their whole name; else the cases by which they may.

    None of those cases where it is theirs anyhow.
    """
    found, named = [], Register([person])
    async with ports.store.transaction(school, write=False) as records:
        looking = await viewer(records, school, account)
        for record in [record for kind in RegisterKind for record in await records.register_records(kind)]:
            if may_use_record(looking, RegisterAct.READ, record):
                versions = await records.register_versions(record.id)
                theirs = any(_concerns(record, version, person, named) for version in versions)
                cases = {case for version in versions for case in _of_type(record, version, FieldType.CASE)}
                if theirs or cases:
                    found.append((record.id, frozenset() if theirs else frozenset(cases)))
    return found


async def _consents_about(ports: Ports, school: School, person: Person) -> list[str]:
    """The entries of the register of consent that are theirs or may be, by id. In pieces, so that nobody waits for it."""
    found, after = list[str](), ""
    while person.kind is Kind.PUPIL:
        async with ports.store.transaction(school, write=False) as records:
            page = await records.consents_after(after, _PAGE)
        found += [e.consent.id for e in page if _is_theirs(e, person)]
        if not page:
            break
        after = page[-1].consent.id
    return found


def _is_theirs(entry: ConsentEntry, person: Person) -> bool:
    pupil_id = entry.consent.pupil_id
    if person.id and pupil_id is not None:
        return pupil_id == person.id
    return may_be_theirs(entry.newest.name, person)


async def _consented(
    records: Records,
    looking: Viewer,
    person: Person,
    consent_ids: Iterable[str],
    now: datetime,
    labels: Labels,
    register: Register,
) -> tuple[HeldConsent, ...]:
    """What was said for them, and when. Each entry is noted as read."""
    held = []
    for consent_id in consent_ids:
        entry = await records.consent(consent_id)
        if entry is None:
            continue
        await records.note(now, actor(looking.account), "consent.read", consent=consent_id)
        versions = await records.consent_versions(consent_id)
        _mentioned(person, labels, register, (v.note for v in versions))
        names = tuple(labels.names.items())
        sure = bool(person.id) and entry.consent.pupil_id == person.id
        similar = not sure and plain_name(entry.newest.name) != plain_name(person.name)
        held.append(HeldConsent(entry, sure, similar, tuple((v, labels.redact(v.note, names)) for v in versions)))
    return tuple(held)


def _concerns(record: Record, version: Version, person: Person, named: Register) -> bool:
    fields = bool(person.id) and person.id in _of_type(record, version, FieldType.STAFF)
    return fields or any(named.named_in(text) for text in (*version.values.values(), version.note))


def _of_type(record: Record, version: Version, wanted: FieldType) -> list[str]:
    """What stands in the fields of a type."""
    return [v for spec in record.definition.fields if spec.type is wanted and (v := version.values.get(spec.id))]


def _registered(person: Person, labels: Labels, register: Register, line: tuple[Record, tuple[Shown, ...]]) -> HeldRecord:
    """A line with all its versions, without the names of others."""
    record, shown = line
    written = {spec.id for spec in record.definition.fields if spec.type in (FieldType.TEXT, FieldType.LINE)}
    texts = [text for s in shown for text in (*(s.version.values.get(name, "") for name in written), s.version.note)]
    _mentioned(person, labels, register, texts)

    def whose(person_id: str, name: str) -> str:
        return name if not name or person_id == person.id else f"[{labels.of(name, person_id)}]"

    # Everybody has a label before the first text is looked through.
    staff = [{name: whose(s.version.values.get(name, ""), who) for name, who in s.staff.items()} for s in shown]
    who = [whose(s.version.person_id, s.who) for s in shown]
    names = tuple(labels.names.items())
    proposed = (
        replace(
            s,
            who=by,
            staff=of,
            version=replace(
                s.version,
                note=labels.redact(s.version.note, names),
                values={n: labels.redact(v, names) if n in written else v for n, v in s.version.values.items()},
            ),
        )
        for s, by, of in zip(shown, who, staff, strict=True)
    )
    return HeldRecord(record, tuple(zip(shown, proposed, strict=True)))


async def _reported(records: Records, looking: Viewer, person: Person, now: datetime) -> tuple[Incident, ...]:
    """What they reported, as far as the asker may read it: a report may be about the asker."""
    if person.kind is not Kind.STAFF or not person.id:
        return ()
    theirs = await records.reported_by(Account(looking.account.platform, "", person_id=person.id), MOST_CASES)
    return tuple([i for i in theirs if may(looking, Act.READ, await subject(records, i, now))])


async def _signed(records: Records, looking: Viewer, person: Person, now: datetime) -> tuple[GivenSignature, ...]:
    """What they have signed. It is noted as read."""
    signed = await records.signatures_of(person.id) if person.id else ()
    if signed:
        await records.note(now, actor(looking.account), "agreement.read", incident_id=None, person=person.id)
    return signed


async def _asked(
    records: Records, looking: Viewer, person: Person, now: datetime, labels: Labels, register: Register
) -> tuple[HeldRequest, ...]:
    """What they asked of others, and what others asked about them, as far as the asker may read it.

    Without the names that are known. Each is noted as read.
    """
    if not person.id:
        return ()
    asked = [r for r in await records.requests_of(person.id) if may_read_request(looking, r)]
    for request in asked:
        await records.note(now, actor(looking.account), "request.read", request=request.id)
    found = [(r.reference, r.at, r.text, r.reason) for r in asked]
    for submission in (*await records.submissions_by(person.id), *await records.submissions_about(person.id)):
        kind = looking.school.policy.requests.get(submission.type)
        if kind is not None and may_read_submission(looking, kind, submission):
            await records.note(now, actor(looking.account), "submission.read", submission=submission.id)
            versions = await records.submission_versions(submission.id)
            found.append((submission.reference, submission.sent_at, *_written(kind, versions)))
    _mentioned(person, labels, register, (text for _, _, *both in found for text in both))
    names = tuple(labels.names.items())
    return tuple(
        HeldRequest(
            reference,
            at,
            tuple(
                Passage(where, text, labels.redact(text, names))
                for where, text in ((Where.ASKED, asked_for), (Where.ANSWERED, answered))
                if text
            ),
        )
        for reference, at, asked_for, answered in found
    )


def _written(kind: RequestType, versions: Iterable[SubmissionVersion]) -> tuple[str, str]:
    """What was typed into a request's form, in each of its wordings, and what was said to it."""
    typed = [i.id for i in kind.items if i.type in (ItemType.TEXT, ItemType.LINE)]
    asked = dict.fromkeys(v.values[i] for v in versions for i in typed if v.values.get(i))
    return "\n".join(asked), "\n".join(v.note for v in versions if v.note)
