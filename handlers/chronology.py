"""A child's cases in time order, and what a case's own page says of the others: of those alone that whoever looks may read.

Each case of a page is noted as read, as if it had been opened, so that it stands in the log of who has looked at it. What
somebody may not read is left out without a word, and out of every count.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from domain.access import Act, Subject, Viewer, leads, may, may_look_up_children
from domain.audit import Noted
from domain.chronology import (
    CHILD,
    MOST_ENTRIES,
    Appearance,
    Child,
    ChildQuestions,
    Chronology,
    Which,
    in_order,
    page_of,
)
from domain.entries import EntryKind, Line, lines_of
from domain.figures import spans
from domain.incident import Exclusion, Incident, Participant
from domain.patterns import Background, Hint, Seen, hints
from domain.people import Account, Kind, Person, School
from domain.report_form import Fault
from domain.subject_access import may_be_theirs
from domain.words import IncidentState, ParticipantRole
from handlers.acknowledge import NotForYou
from handlers.ports import Ports, Records, actor
from handlers.rights import reading, subject, subjects, viewer
from handlers.timeline import people_of

MOST_CASES = 200
"""Of one child, the newest: nobody has as many, and no page may take for ever."""
MOST_LIKE = 60
"""Of cases in which a name was typed that is like theirs: in each of them the names are opened and compared."""
MOST_BESIDE = 100
"""Of other cases of the pupils of one case, for what is said beside it."""
_MATTER = (EntryKind.DECISION, EntryKind.CONTACT)
_LISTED, _TYPED = "person:", "text:"
_LONGEST_NAME = 255


@dataclass(frozen=True, slots=True)
class _Whom:
    """Whose cases are looked for. `person_id` is empty for a name that was typed."""

    child: Child
    person_id: str = ""


@dataclass(frozen=True, slots=True)
class _Part:
    """What somebody was in a case, and the name that was typed there, if nobody picked it."""

    parts: tuple[ParticipantRole, ...]
    typed: str = ""


async def of_child(ports: Ports, school: School, account: Account, value: str) -> Chronology | NotForYou:
    """A page of it. `value`: the case that one comes from and whoever it is there; or a pupil of the list alone, for who leads.

    After these, which of their cases, and the page; the last one if none is named.
    """
    incident_id, whom, which, page = (*value.split("|"), "", "", "", "")[:4]
    now = ports.clock.now()
    async with ports.store.transaction(school) as records:
        looking = await viewer(records, school, account)
        found = await _whom(records, looking, incident_id, whom, now)
        if found is None:
            return NotForYou()
        chosen = Which.PERHAPS if which == Which.PERHAPS else Which.SURE
        number = int(page) if page.isascii() and page.isdecimal() and len(page) < 6 else None
        return await _page(records, looking, found, chosen, number, now)


async def ask(ports: Ports, school: School, account: Account) -> ChildQuestions | NotForYou:
    """The form that asks whose chronology it is to be: for those who lead safeguarding."""
    async with ports.store.transaction(school, write=False) as records:
        return ChildQuestions() if may_look_up_children(await viewer(records, school, account)) else NotForYou()


async def search(
    ports: Ports, school: School, account: Account, chosen: tuple[str, ...]
) -> Chronology | ChildQuestions | NotForYou:
    """The newest page for a pupil who was picked, or for a name that was typed. That somebody looked is noted, found or not."""
    now = ports.clock.now()
    async with ports.store.transaction(school) as records:
        looking = await viewer(records, school, account)
        if not may_look_up_children(looking):
            return NotForYou()
        (value,) = chosen if len(chosen) == 1 else ("",)
        if value.startswith(_LISTED):
            pupil = await _pupil(records, value.removeprefix(_LISTED))
            if pupil is None:
                return ChildQuestions(chosen, {CHILD: Fault.NOT_A_PUPIL})
            return await _page(records, looking, pupil, Which.SURE, None, now)
        name = value.removeprefix(_TYPED).strip()[:_LONGEST_NAME] if value.startswith(_TYPED) else ""
        if not name:
            return ChildQuestions(chosen, {CHILD: Fault.MISSING})
        return await _page(records, looking, _Whom(Child(name, "", listed=False)), Which.PERHAPS, None, now)


async def background(
    records: Records,
    looking: Viewer,
    case: Subject,
    participants: Sequence[Participant],
    shut_out: Iterable[Exclusion],
    now: datetime,
) -> Background:
    """What the page of a case says of other cases, for who may work it: whose chronology there is, and plain facts.

    Whoever calls it checks the right to the case; of the others, only those that may be read too are counted.
    """
    children = await _children(records, participants, shut_out)
    names = {p.person_id: p.name for p in children if p.person_id is not None}
    buttons = tuple((f"{case.incident.id}|{p.id}", p.name) for p in children)
    # A duplicate is no case beside the one that goes on: what there is to say stands on that one's page.
    counts = names and case.incident.state is not IncidentState.MERGED
    found = await _hints(records, looking, case.incident, participants, names, now) if counts else ()
    return Background(buttons, found, names)


# Whose it is


async def _whom(records: Records, looking: Viewer, incident_id: str, whom: str, now: datetime) -> _Whom | None:
    if not incident_id:
        return await _pupil(records, whom) if may_look_up_children(looking) else None
    incident = await records.incident(incident_id, hold=False)
    if incident is None or not may(looking, Act.WORK, await subject(records, incident, now)):
        return None
    shut_out = (await records.exclusions(incident.id))[incident.id]
    for child in await _children(records, await records.participants(incident.id), shut_out):
        if child.id == whom:
            return _Whom(Child(child.name, f"{incident.id}|{whom}", listed=child.person_id is not None), child.person_id or "")
    return None


async def _pupil(records: Records, person_id: str) -> _Whom | None:
    person = (await records.people([person_id])).get(person_id)
    if person is None or person.kind is not Kind.PUPIL:
        return None
    return _Whom(Child(person.name, f"|{person.id}", listed=True), person.id)


async def _children(
    records: Records, participants: Sequence[Participant], shut_out: Iterable[Exclusion]
) -> tuple[Participant, ...]:
    """Who of a case may be a child: no member of staff, nor a name that may mean one. Each once, in whatever part."""
    maybe_staff = {e.participant_id for e in shut_out if e.holds}
    staff = await records.names_of_staff({p.person_id for p in participants if p.person_id is not None})
    found: dict[str, Participant] = {}
    for p in participants:
        if p.name and p.person_id not in staff and p.id not in maybe_staff:
            found.setdefault(p.person_id or p.name.casefold(), p)
    return tuple(found.values())


# Their cases


async def _page(records: Records, looking: Viewer, whom: _Whom, which: Which, number: int | None, now: datetime) -> Chronology:
    sure_ids = await records.cases_naming([whom.person_id], None, MOST_CASES + 1) if whom.person_id else ()
    like_ids = await records.cases_typed_like(whom.child.name, MOST_LIKE + 1, listed=bool(whom.person_id))
    alike = await _alike_on_the_list(records, whom)
    alike_ids = await records.cases_naming(alike, None, MOST_LIKE + 1) if alike else ()
    cases = await _readable(records, looking, {*sure_ids[:MOST_CASES], *like_ids[:MOST_LIKE], *alike_ids[:MOST_LIKE]}, now)
    sure = [case for i, case in cases.items() if i in sure_ids]
    unsure = [i for i in cases if i not in sure_ids]
    typed = await records.typed_in(unsure) if unsure else {}
    perhaps = await _perhaps(records, whom, unsure, alike, typed)
    of_sort = sure if which is Which.SURE else [case for i, case in cases.items() if i in perhaps]
    number, pages, on_it = page_of(len(of_sort), number)
    shown = of_sort[on_it]
    parts: Mapping[str, _Part] = perhaps if which is Which.PERHAPS else await _sure_parts(records, whom, shown)
    read = [reading(looking, case.incident, how="chronology") for case in shown]
    # For a name that nobody picked and that was looked for, the newest case of it is where its other pages are found.
    child = whom.child if whom.child.key else await _with_a_key(records, looking, whom.child, [*cases.values()][::-1], typed)
    opened = Noted("chronology.opened", data={"person": whom.person_id or None, "list": which.value, "cases": len(shown)})
    await records.note_all(now, actor(looking.account), [*read, opened])
    return Chronology(
        child,
        which,
        await _appearances(records, looking, shown, parts, now),
        len(of_sort),
        len(perhaps) if which is Which.SURE else len(sure),
        number,
        pages,
        cut=len(sure_ids) > MOST_CASES or len(like_ids) > MOST_LIKE or len(alike_ids) > MOST_LIKE,
    )


async def _alike_on_the_list(records: Records, whom: _Whom) -> dict[str, str]:
    """Whom of the list a typed name may mean, with their names, by id. Of two who are on the list, neither is the other."""
    if whom.person_id:
        return {}
    found = await records.search_people(whom.child.name, 20)
    return {p.id: p.name for p in found if p.kind is Kind.PUPIL and may_be_theirs(whom.child.name, p)}


async def _readable(records: Records, looking: Viewer, incident_ids: Collection[str], now: datetime) -> dict[str, Subject]:
    """Of these cases those that somebody may read, in the order in which they were reported."""
    if not incident_ids:
        return {}
    incidents = await records.incidents(incident_ids)
    # Of most cases whoever leads may read it is enough to know whom they exclude.
    by_alerts = [i.id for i in incidents.values() if not leads(looking, i)]
    alerts = [(a, incidents[a.incident_id]) for a in await records.alerts_of_cases(*by_alerts)]
    found = await subjects(records, alerts, list(incidents.values()), now)
    return {i: found[i] for i in incidents if may(looking, Act.READ, found[i])}


async def _perhaps(
    records: Records,
    whom: _Whom,
    readable: Sequence[str],
    alike: Mapping[str, str],
    typed: Mapping[str, Sequence[Participant]],
) -> dict[str, _Part]:
    """In which of these cases somebody was named who may be them, by a typed name or by one like it on the list."""
    found: dict[str, _Part] = {}
    listed = await records.parts_of(list(alike), readable) if alike and readable else {}
    for i, people in listed.items():
        who = ", ".join(sorted(alike[person] for person in people))
        found[i] = _Part(in_order([part for parts in people.values() for part in parts]), who)
    for i, people_typed in typed.items():
        theirs = [p for p in people_typed if _may_be(whom, p.name)]
        if theirs:
            names = ", ".join(dict.fromkeys(p.name for p in theirs))
            found[i] = _Part(in_order([p.role for p in theirs]), names)
    return found


def _may_be(whom: _Whom, typed: str) -> bool:
    """Whether a typed name may mean them. Of two typed names nobody knows which is the fuller one."""
    if may_be_theirs(typed, Person("", Kind.PUPIL, whom.child.name)):
        return True
    return not whom.person_id and may_be_theirs(whom.child.name, Person("", Kind.PUPIL, typed))


async def _sure_parts(records: Records, whom: _Whom, shown: Sequence[Subject]) -> dict[str, _Part]:
    found = await records.parts_of([whom.person_id], [case.incident.id for case in shown]) if shown else {}
    return {i: _Part(in_order(list(people[whom.person_id]))) for i, people in found.items()}


async def _with_a_key(
    records: Records,
    looking: Viewer,
    child: Child,
    newest_first: Iterable[Subject],
    typed: Mapping[str, Sequence[Participant]],
) -> Child:
    for case in newest_first:
        i = case.incident.id
        same = {p.id for p in typed.get(i, ()) if p.name.casefold() == child.name.casefold()}
        if same and may(looking, Act.WORK, case):
            shut_out = (await records.exclusions(i))[i]
            for found in await _children(records, await records.participants(i), shut_out):
                if found.id in same:
                    return Child(child.name, f"{i}|{found.id}", listed=False)
    return child


async def _appearances(
    records: Records, looking: Viewer, shown: Sequence[Subject], parts: Mapping[str, _Part], now: datetime
) -> tuple[Appearance, ...]:
    ids = [case.incident.id for case in shown]
    outcomes = await records.outcomes(ids) if ids else {}
    worked = [case.incident.id for case in shown if may(looking, Act.WORK, case)]
    entries = await records.entries_of(worked, _MATTER) if worked else {}
    names = await records.names_of_staff({p for written in entries.values() for p in people_of(written)}) if entries else {}
    found = []
    for case in shown:
        i = case.incident.id
        lines: tuple[Line, ...] = lines_of(entries.get(i, ()), names, now)
        found.append(
            Appearance(
                case.incident,
                parts[i].parts if i in parts else (),
                parts[i].typed if i in parts else "",
                outcomes[i].text if i in outcomes else "",
                lines[-MOST_ENTRIES:],
                max(0, len(lines) - MOST_ENTRIES),
            )
        )
    return tuple(found)


# What is said beside a case


async def _hints(
    records: Records,
    looking: Viewer,
    incident: Incident,
    participants: Sequence[Participant],
    names: Mapping[str, str],
    now: datetime,
) -> tuple[Hint, ...]:
    patterns = looking.school.patterns
    since = incident.reported_at - timedelta(days=patterns.longest_days + 1)
    ids = [i for i in await records.cases_naming(list(names), since, MOST_BESIDE) if i != incident.id]
    cases = await _readable(records, looking, ids, now)
    # One that was merged is another that is there already.
    counted = {i: case.incident for i, case in cases.items() if case.incident.state is not IncidentState.MERGED}
    if not counted:
        return ()
    parts = await records.parts_of(list(names), list(counted))
    own: dict[str, set[ParticipantRole]] = {}
    for p in participants:
        if p.person_id in names and p.person_id is not None:
            own.setdefault(p.person_id, set()).add(p.role)
    this = _seen(looking.school, incident, {person: frozenset(roles) for person, roles in own.items()})
    others = [_seen(looking.school, other, parts.get(i, {})) for i, other in counted.items()]
    (term, *_) = spans(looking.school.calendar, this.day, this.day)
    return hints(this, others, patterns, term.first)


def _seen(school: School, incident: Incident, parts: Mapping[str, frozenset[ParticipantRole]]) -> Seen:
    day = incident.reported_at.astimezone(school.calendar.timezone).date()
    return Seen(incident.reference, day, incident.facts.concern, parts, incident.reported_at)
