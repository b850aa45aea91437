"""Every card and form that people can come to see, in every state: drawn by the real views, from the real demo school.

Everybody in it is invented. Nothing here asks a clock, a database or chance, so that two runs give the same. States that do not
depend on one another are not multiplied: each is there once.
"""

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import cache
from typing import Any, TypeAlias, cast
from uuid import NAMESPACE_URL, uuid5

from bot.desk import Desk
from bot.replies import Reply, ShowForm, Tell, WrongForm
from bot.settings import DEMO_SCHOOLS
from cards import breaches as breach_cards
from cards import case, export, messages, pages, readers, report_form
from cards import figures as figure_cards
from cards import handovers as handover_cards
from cards import keeping as keeping_cards
from cards.failures import failed_card, failed_line, in_doubt_card, in_doubt_home, not_admitted_card
from cards.model import Card, Form, Tone
from cards.texts import say, texts
from domain.asking import UnheardRequest
from domain.audience import about_whom, duties, excluded_ids, exclusions, missing_groups
from domain.audit import CaseReaders, Reader, ReadersOfCase, ReadersOfChild
from domain.breaches import Breach, BreachDecision, BreachFile, BreachKind, BreachQuestions, BreachStep, BreachWithOthers
from domain.case_changes import Result
from domain.exports import LIVES, Page, PageEnd, PageKind, PageLine, Stays
from domain.figures import Counted, Figures, FiguresPage, Span, layout, publish, spans, together
from domain.handovers import Handover, HandoverQuestions, ReceiptQuestions, Unreceived
from domain.incident import (
    Alert,
    AlertState,
    Asked,
    CaseFile,
    CaseLine,
    CaseNote,
    Incident,
    LogEntry,
    Narrative,
    NoteKind,
    Outgoing,
    Participant,
    Place,
    PossibleMatch,
    Summons,
    TaskFile,
    Undelivered,
)
from domain.messages import (
    AlertMessage,
    BreachMessage,
    ErasureMessage,
    FiguresMessage,
    Message,
    OpenedMessage,
    ProgressMessage,
    ReceiptMessage,
    ReminderMessage,
    StillShownMessage,
    WithdrawnMessage,
)
from domain.people import Account, Group, Holders, Kind, Person, Platform, School, Staff
from domain.queues import Queue
from domain.register_terms import RegisterKind
from domain.report_form import (
    LONGEST_NAME,
    LONGEST_PLACE,
    LONGEST_TEXT,
    MOST_PEOPLE,
    NO,
    PEOPLE_FIELDS,
    UNSURE,
    YES,
    DetailQuestions,
    DraftGone,
    Fault,
    Field,
    Filled,
    KindQuestions,
    NamedPerson,
    Unfinished,
)
from domain.retention import CHOICE, EarlyReason, Keeping, KeepingFile, KeepingLine, KeepState
from domain.retention import REASON as KEEPING_REASON
from domain.retention import Choice as KeepChoice
from domain.routing import Facts, matters, route, route_kept
from domain.subject_access import SubjectQuestions
from domain.words import About, IncidentState, ParticipantRole, RetentionClass, Role, Urgency
from handlers.acknowledge import Acknowledged, AlreadyClosed, AlreadyTaken, NotForYou
from handlers.alerting import open_duty
from handlers.close import Closed, CloseQuestions, NotYetTaken
from handlers.compose import receipt
from handlers.hand_on import REASON, TO, HandedOn, HandOnQuestions, recipients
from handlers.lists import MOST_LINES
from handlers.opening import OpenQuestions
from handlers.ports import Ports
from handlers.readers_log import MOST_CASES, MOST_READERS
from storage.answering import Answers
from storage.people_files import read_people
from storage.policy_files import load_policy, policy_ids
from storage.school_files import load_schools
from tests.cards.strategies import NASTY
from tests.contract.agreements_corpus import agreement_entries, signing_messages
from tests.contract.answer_corpus import answer_entries, request_messages
from tests.contract.calendar_corpus import calendar_entries, duty_messages
from tests.contract.casework_corpus import action_messages, casework_entries, measure_messages
from tests.contract.changes_corpus import change_entries, change_messages
from tests.contract.checklist_corpus import checklist_entries
from tests.contract.chronology_corpus import chronology_entries
from tests.contract.consents_corpus import consent_entries
from tests.contract.log_form_corpus import log_form_entries
from tests.contract.queue_corpus import queue_entries
from tests.contract.registers_corpus import register_entries, register_messages
from tests.contract.submissions_corpus import submission_entries, submission_messages
from tests.contract.surveys_corpus import survey_entries
from tests.fakes.clock import A_TUESDAY_MORNING, FakeClock

Entry: TypeAlias = tuple[str, Card | Form]

HOME = "home"
"""What the names of cards for the home page begin with."""

TOO_MUCH = (
    "queue: full",
    "home: queue full",
    "case: twenty long notes",
    "case: told in another script",
    "case: told in short lines",
)
"""What the names of those begin with that hold more than some chat takes, so that they end with how many parts are left out."""

NOW = A_TUESDAY_MORNING
EARLIER = NOW - timedelta(minutes=47)
WHAT = "He keeps posting things about her in the group chat"
ARABIC = ("قال لها ذلك في المجموعة أمام الجميع. " * 100)[:LONGEST_TEXT]
LONG_TEXT = ("What was said in the group chat, line by line. " * 70)[:LONGEST_TEXT]

_OPEN = (IncidentState.REPORTED, IncidentState.ACKNOWLEDGED, IncidentState.IN_PROGRESS)
_OVER = (IncidentState.CLOSED, IncidentState.SIGNED_OFF, IncidentState.MERGED)


def entries() -> Iterator[Entry]:
    """All of it, by name. The names are distinct, and the same in every run."""
    yield from _message_cards()
    yield from _report_forms()
    yield from _cases()
    yield from _hand_ons_and_closings()
    yield from _in_dialogs_too(_outcomes())
    yield from _in_dialogs_too(_page_cards())
    yield from answer_entries(schools(), NOW, tuple(_hostile()))
    yield from checklist_entries(schools(), NASTY)
    yield from register_entries(schools(), NOW, tuple(_hostile()))
    yield from submission_entries(demo_school(), NOW, tuple(_hostile()))
    yield from agreement_entries(demo_school(), NOW, tuple(_hostile()))
    yield from calendar_entries(schools(), NOW, tuple(_hostile()))
    yield from consent_entries(demo_school(), NOW, tuple(_hostile()))
    yield from survey_entries(demo_school(), NOW, tuple(_hostile()))
    yield from casework_entries(demo_school(), _case_file(_opened(_facts())), NOW, tuple(_hostile()))
    yield from log_form_entries(schools(), lambda school: _case_file(_opened(_facts(), school), school), NOW, tuple(_hostile()))
    yield from change_entries(demo_school(), _case_file(_opened(_facts())), NOW, tuple(_hostile()))
    yield from chronology_entries(demo_school(), _case_file(_opened(_facts())), NOW, tuple(_hostile()))


def all_messages() -> Iterator[tuple[str, School, Message]]:
    """The messages that stay in a chat, before they are drawn."""
    yield from request_messages(demo_school(), NOW)
    yield from ((f"alert: {name}", demo_school(), found) for name, found in _alerts())
    yield from ((f"receipt: {name}", school, found) for name, school, found in _receipts())
    incident = _opened(_facts()).incident
    for closed in (False, True):
        told = ProgressMessage(incident.reference, closed, demo_school().policy.role_title(Role.DSL), NOW)
        yield f"progress: closed={closed}", demo_school(), told
    yield "progress: closed by others", demo_school(), ProgressMessage(incident.reference, True, "", NOW)
    alert = _opened(_facts()).alerts[0]
    for state in IncidentState:
        reminder = ReminderMessage(
            incident.id, alert.id, incident.reference, _concern(incident), incident.urgency, EARLIER, state
        )
        yield f"reminder: {state}", demo_school(), reminder
        yield f"reminder to another: {state}", demo_school(), replace(reminder, owner="Dana Okafor")
    yield "withdrawn", demo_school(), WithdrawnMessage(incident.reference)
    for name, opener in (("by the headteacher", "Helen Pemberton"), ("by somebody who has left", "")):
        opened = OpenedMessage(incident.id, incident.reference, opener, "Headteacher", EARLIER, NOW + timedelta(hours=24))
        yield f"opened: {name}", demo_school(), opened
    for reason, settled, erased in ((EarlyReason.IN_ERROR, False, False), (None, True, False), (None, True, True)):
        wanted = ErasureMessage(incident.id, incident.reference, "Dana Okafor", reason, EARLIER, settled=settled, erased=erased)
        yield f"erasure: {settled=} {erased=}", demo_school(), wanted
    new = BreachMessage("b", "CSS-B-2026-0001", BreachKind.LOST, EARLIER, EARLIER + timedelta(hours=72))
    for breach in (new, replace(new, reminder=True), replace(new, late=True), replace(new, decided=True)):
        yield f"breach: {breach.reminder} {breach.late} {breach.decided}", demo_school(), breach
    for name, shown, before, year in _figures():
        yield f"figures: {name}", demo_school(), FiguresMessage(shown, before, year=year)
    yield from ((f"overdue: {name}", demo_school(), found) for name, found in action_messages(incident, NOW))
    yield from ((f"ending: {name}", demo_school(), found) for name, found in change_messages(incident, NOW))
    yield from ((f"measure: {name}", demo_school(), found) for name, found in measure_messages(incident))
    yield from ((f"register: {name}", demo_school(), found) for name, found in register_messages(NOW))
    yield from ((f"request type: {name}", demo_school(), found) for name, found in submission_messages(NOW))
    yield from ((f"signing: {name}", demo_school(), found) for name, found in signing_messages(NOW))
    yield from ((f"calendar: {name}", demo_school(), found) for name, found in duty_messages(NOW))
    for platform, in_channel in ((Platform.SLACK, True), (Platform.TEAMS, False)):
        message = StillShownMessage(incident.id, incident.reference, platform, in_channel)
        yield f"still shown on {platform}", demo_school(), message


def _figures() -> Iterator[tuple[str, Figures, Figures | None, bool]]:
    """A quiet term, one in which much happened, and the school year."""
    found = [
        publish(demo_school(), span, [_counted(span, n) for n in range(many)], NOW)
        for span, many in zip(spans(demo_school().calendar, NOW.date(), date(2027, 7, 1)), (0, 4, 300), strict=True)
    ]
    yield "quiet", found[0], None, False
    yield "few", found[1], found[0], False
    yield "many", found[2], found[1], False
    yield "year", together(found), together(found[:2]), True


def _counted(span: Span, number: int) -> Counted:
    concerns = list(layout(demo_school()).concerns)
    at, role = NOW + timedelta(minutes=number), Role.DSL if number % 2 else None
    answered = at + timedelta(hours=4) if number % 9 else None
    forms = (("7B",), ("8C",), ("9F",), ("10B",), ("7B", "8C"), ())[number % 6]
    return Counted(
        f"{span.id} {number}",
        at,
        at + timedelta(hours=number % 9),
        concerns[number % len(concerns)],
        role,
        bool(number % 4),
        answered,
        forms,
        [None, *Result][number % 7],
    )


# The school and its people


@cache
def demo_school() -> School:
    """The demo school; all that depends on a policy is drawn for each of the others too."""
    return next(iter(load_schools(DEMO_SCHOOLS).values()))


@cache
def schools() -> tuple[School, ...]:
    """The demo school with each of the policies."""
    return tuple(replace(demo_school(), policy=load_policy(policy)) for policy in policy_ids())


@cache
def linked_school() -> School:
    """The demo school with a policy that links to the school's own copy."""
    policy = replace(demo_school().policy, url="https://school.example/policies/e-safety.pdf?version=2&print=yes")
    return replace(demo_school(), policy=policy)


@cache
def staff() -> Staff:
    """The demo school's staff list."""
    found = read_people(DEMO_SCHOOLS / "staff.csv", Kind.STAFF)
    return Staff(replace(person, id=_id(email)) for email, person in found.items())


@cache
def pupils() -> tuple[Person, ...]:
    """The demo school's pupils."""
    found = read_people(DEMO_SCHOOLS / "pupils.csv", Kind.PUPIL)
    return tuple(replace(person, id=_id(number)) for number, person in found.items())


def _id(of: str) -> str:
    """An id like those that are stored, the same in every run."""
    return str(uuid5(NAMESPACE_URL, of))


def _holder(role: Role) -> Person:
    return staff().holders(demo_school(), role)[0]


def _teacher() -> Person:
    found = staff().by_email("t.whitlock@demo.example")
    assert found is not None
    return found


def _account(person: Person) -> Account:
    return Account(Platform.SLACK, f"U-{person.id[:8]}", person.email, person.name, person.id)


# Reports


@dataclass(frozen=True, slots=True)
class _Opened:
    """A report as it stands right after it was sent."""

    incident: Incident
    alerts: tuple[Alert, ...]
    summonses: Mapping[str, tuple[Summons, ...]]
    excluded: frozenset[str]
    participants: tuple[Participant, ...]


def _facts(concern: str = "grooming", about: About = About.PUPIL, **more: Any) -> Facts:
    return Facts(concern, about, **more)


def _opened(
    facts: Facts, school: School | None = None, participants: tuple[Participant, ...] = (), groups: Iterable[str] = ("Brunel",)
) -> _Opened:
    """The report with these facts: routed, its alerts opened and its first people asked, as the handler does it."""
    school = school or demo_school()
    facts = replace(facts, about=about_whom(school, staff(), facts.about, participants))
    excluded = excluded_ids(exclusions(school, staff(), facts, participants))
    found = route(school.policy, facts, staff().fully_excluded_roles(school, excluded))
    incident = Incident(
        id=_id(f"{school.policy.id} {facts}"),
        school=school.id,
        reference=f"{school.prefix}-2026-0042",
        facts=facts,
        urgency=found.urgency,
        private=found.private,
        state=IncidentState.REPORTED,
        reporter=_account(_teacher()),
        reported_at=NOW,
        occurred_at=EARLIER,
        due_at=school.calendar.due(found.acknowledge, NOW),
    )
    outgoing = Outgoing()
    concerned: Mapping[Group, tuple[str, ...]] = {Group.HOUSE: tuple(groups), Group.FORM: ("8C",), Group.STAFF: ()}
    for duty in duties(school, staff(), found.notify, concerned, excluded, private=found.private, readers={}):
        open_duty(_ports(incident.id), outgoing, incident, duty, NOW, incident.due_at)
    summonses = {a.id: tuple(s for s in outgoing.summonses if s.alert_id == a.id) for a in outgoing.alerts}
    return _Opened(incident, tuple(outgoing.alerts), summonses, excluded, participants)


def _ports(seed: str) -> Ports:
    numbers = itertools.count()
    nothing = cast("Any", None)

    def numbered() -> str:
        return _id(f"{seed} {next(numbers)}")

    return Ports(nothing, FakeClock(), frozenset({Platform.SLACK}), numbered, numbered, lambda: None, Answers())


def _concern(incident: Incident) -> str:
    return demo_school().policy.concerns[incident.facts.concern].label


def _every_concern(school: School) -> Iterator[tuple[str, Facts]]:
    """Each concern once; whom it is about, and what else routing turns on, come round."""
    turns = zip(
        itertools.cycle(About), itertools.cycle((False, False, True)), itertools.cycle((None, True, False)), strict=False
    )
    for concern, (about, danger, answer) in zip(school.policy.concerns, turns, strict=False):
        facts = Facts(concern, about, repeat=answer, immediate_danger=danger, illegal_suspected=answer)
        yield f"{school.policy.id}, {concern}, {about}, danger={danger}, answers={answer}", facts


# The messages that stay in a chat


def _message_cards() -> Iterator[Entry]:
    for name, school, message in all_messages():
        yield name, messages.message_card(school, message)


def _alerts() -> Iterator[tuple[str, AlertMessage]]:
    for name, facts in _every_concern(demo_school()):
        for number, alert in enumerate(_opened(facts).alerts):
            yield f"{name}, alert {number}", _alert(_opened(facts), alert)
    opened = _opened(_facts(illegal_suspected=True))
    first = _alert(opened, opened.alerts[0])
    for urgency in Urgency:
        yield f"urgency={urgency}", replace(first, urgency=urgency)
    asked = [*((why, 0) for why in Asked), (Asked.CLIMBED, 2), (Asked.HANDED_ON, 1)]
    flags = itertools.product(asked, *((False, True),) * 5)
    for (why, round_), late, danger, again, group, outside in flags:
        asked_again = replace(first, why=why, round=round_, late=late, immediate_danger=danger, again=again)
        shown = replace(asked_again, group="Brunel" if group else "", outside=_agencies() if outside else ())
        yield f"{why} round={round_} {late=} {danger=} {again=} {group=} {outside=}", shown
    owner = _holder(Role.DSL).name
    for state, incident_state in itertools.product(AlertState, IncidentState):
        taken = state is not AlertState.OPEN
        yield (
            f"{state}, case {incident_state}",
            replace(
                first,
                state=state,
                incident_state=incident_state,
                owner=owner if taken else "",
                acknowledged_at=NOW if taken else None,
            ),
        )
    yield "its owner has left", replace(first, state=AlertState.ACKNOWLEDGED, owner="", acknowledged_at=NOW)


def _alert(opened: _Opened, alert: Alert) -> AlertMessage:
    school, incident = demo_school(), opened.incident
    found = route(school.policy, incident.facts, staff().fully_excluded_roles(school, opened.excluded))
    asked = opened.summonses[alert.id]
    return AlertMessage(
        incident_id=incident.id,
        alert_id=alert.id,
        reference=incident.reference,
        concern=_concern(incident),
        urgency=incident.urgency,
        reported_at=incident.reported_at,
        due_at=alert.due_at,
        state=alert.state,
        incident_state=incident.state,
        role_title=" / ".join(school.policy.role_title(r) for r in alert.roles),
        group=alert.group if "@" not in alert.group else "",
        why=asked[0].why if asked else Asked.FIRST,
        owner="",
        acknowledged_at=None,
        late=False,
        immediate_danger=incident.facts.immediate_danger,
        outside=tuple(school.policy.role_title(r) for r in found.external),
    )


def _agencies() -> tuple[str, ...]:
    return tuple(demo_school().policy.role_title(r) for r in (Role.POLICE, Role.CEOP, Role.IWF, Role.LADO, Role.SOCIAL_CARE))


def _receipts() -> Iterator[tuple[str, School, ReceiptMessage]]:
    for school in schools():
        for name, facts in _every_concern(school):
            yield name, school, _receipt(school, _opened(facts, school))
        images = next(c.id for c in school.policy.concerns.values() if c.images)
        for state in IncidentState:
            opened = _opened(_facts(images, immediate_danger=True, illegal_suspected=True), school)
            opened = replace(opened, incident=replace(opened.incident, state=state))
            yield f"{school.policy.id}, {images}, {state}", school, _receipt(school, opened)
            nobody = replace(opened, alerts=(), summonses={})
            yield f"{school.policy.id}, {images}, {state}, reached nobody", school, _receipt(school, nobody)
    school, linked = demo_school(), linked_school()
    yield "policy with a link", linked, _receipt(linked, _opened(_facts(), linked))
    accused = (Participant(_id("part"), ParticipantRole.ALLEGED_PERPETRATOR, "Dana Okafor", _holder(Role.DSL).id),)
    yield "names the lead", school, _receipt(school, _opened(_facts(), participants=accused))
    without_phones = replace(school, phones={})
    yield "no phones", without_phones, _receipt(without_phones, _opened(_facts()))
    nobody_at_all = replace(school, holders={role: Holders() for role in school.holders})
    yield "nobody holds a role", nobody_at_all, _receipt(nobody_at_all, _opened(_facts("nude_image"), nobody_at_all))


def _receipt(school: School, opened: _Opened) -> ReceiptMessage:
    return receipt(school, staff(), opened.incident, opened.alerts, opened.summonses, opened.excluded)


# The two screens of a report, and what comes before and after


def _report_forms() -> Iterator[Entry]:
    yield from _kind_forms()
    yield from _detail_forms()
    draft = _id("draft")
    concerns = list(demo_school().policy.concerns.values())
    for concern in (None, concerns[0], max(concerns, key=lambda c: len(c.label))):
        unfinished = Unfinished(draft, concern, EARLIER)
        yield f"unfinished: {concern and concern.id}", report_form.unfinished_form(demo_school(), unfinished)
    yield "gone", report_form.gone_form(Platform.TEAMS)
    for name, typed in (("empty", ""), ("short", WHAT), ("long", LONG_TEXT), *_hostile()):
        yield f"gone with text: {name}", report_form.gone_with_text_form(Platform.SLACK, draft, typed)
    for name, school, message in all_messages():
        if isinstance(message, ReceiptMessage):
            yield f"sent: {name}", Form("sent", say("sent.title"), messages.receipt_parts(school, message))


def _kind_forms() -> Iterator[Entry]:
    draft, concerns = _id("draft"), tuple(demo_school().policy.concerns.values())
    for school in schools():
        questions = KindQuestions(draft, tuple(school.policy.concerns.values()))
        yield f"screen 1: {school.policy.id}", report_form.kind_form(questions)
    abouts, dangers = itertools.cycle(About), itertools.cycle((NO, YES))
    for concern, about, danger in zip(concerns, abouts, dangers, strict=False):
        filled: Filled = {Field.CONCERN: concern.id, Field.ABOUT: about, Field.DANGER: danger}
        yield f"screen 1: {concern.id}, {about}, danger={danger}", report_form.kind_form(KindQuestions(draft, concerns, filled))
    kept: Filled = {Field.CONCERN: concerns[3].id, Field.ABOUT: About.PUPIL, Field.DANGER: NO}
    fields = (Field.CONCERN, Field.ABOUT, Field.DANGER)
    for field, fault in itertools.product(fields, (Fault.MISSING, Fault.UNKNOWN_CHOICE)):
        wrong: Filled = {**kept, field: "" if fault is Fault.MISSING else "made up"}
        yield (
            f"screen 1: {fault} at {field}",
            report_form.kind_form(KindQuestions(draft, concerns, wrong, {field: fault})),
        )
    every = KindQuestions(draft, concerns, faults=dict.fromkeys(fields, Fault.MISSING))
    yield "screen 1: nothing filled in", report_form.kind_form(every)


def _detail_forms() -> Iterator[Entry]:
    numbers = itertools.count()
    for concern, about in itertools.product(demo_school().policy.concerns, About):
        facts, searchable = Facts(concern, about, immediate_danger=next(numbers) % 3 == 0), next(numbers) % 4 != 1
        name = f"screen 2: {concern}, {about}, danger={facts.immediate_danger}, {searchable=}"
        yield name, _details(_questions(facts, searchable=searchable))
    for school in schools():
        for name, facts in _every_concern(school):
            yield f"screen 2: {name}", _details(_questions(facts, school), school)
    for searchable, danger in itertools.product((True, False), repeat=2):
        asked = _questions(_facts("nude_image", immediate_danger=danger), searchable=searchable)
        name = f"{searchable=} {danger=}"
        yield f"screen 2: no phones, {name}", _details(replace(asked, phones=()))
        yield f"screen 2: filled, {name}", _details(_filled(asked))
    yield from _wrong_details()
    yield from _hostile_details()


def _questions(facts: Facts, school: School | None = None, *, searchable: bool = True) -> DetailQuestions:
    """Screen two as the handler asks it."""
    school = school or demo_school()
    found, turns_on = route(school.policy, facts), matters(school.policy, facts)
    return DetailQuestions(
        draft_id=_id("draft"),
        concern=school.policy.concerns[facts.concern],
        about=facts.about,
        immediate_danger=facts.immediate_danger,
        warnings=found.warnings,
        phones=tuple((school.policy.role_title(role), number) for role, number in school.phones.items()),
        asks_repeat="repeat" in turns_on,
        asks_illegal="illegal_suspected" in turns_on,
        places=() if searchable else missing_groups(school, found.notify, {}),
        searchable=searchable,
        now=NOW.astimezone(school.calendar.timezone),
    )


def _details(questions: DetailQuestions, school: School | None = None) -> Form:
    return report_form.detail_form(school or demo_school(), questions)


def _filled(asked: DetailQuestions, **more: str) -> DetailQuestions:
    filled: dict[str, str | tuple[str, ...]] = {
        Field.WHAT: WHAT,
        Field.WHEN: (NOW - timedelta(days=1)).isoformat(),
        Field.WHERE: "On the bus, and in the group chat",
        Field.DONE: "I kept the phone in the office, switched off",
        Field.REPEAT: YES,
        Field.ILLEGAL: UNSURE,
        Field.HOUSE: "Brunel",
        Field.FORM: UNSURE,
        **more,
    }
    people: dict[str, tuple[NamedPerson, ...]] = {
        Field.TARGETS: tuple(NamedPerson(f"person:{p.id}", p.name) for p in pupils()[:2]),
        Field.PERPETRATORS: (NamedPerson("text:Somebody called Robin", "Somebody called Robin"),),
        Field.WITNESSES: tuple(NamedPerson(f"person:{p.id}", p.name) for p in (*pupils(), *staff()))[:MOST_PEOPLE],
        Field.OTHERS: (),
    }
    return replace(asked, filled=filled, people=people)


def _wrong_details() -> Iterator[Entry]:
    """Screen two again, with what was filled in and what is wrong with it."""
    text_faults = {
        Field.WHAT: (Fault.MISSING, Fault.TOO_LONG),
        Field.DONE: (Fault.TOO_LONG,),
        Field.WHERE: (Fault.TOO_LONG,),
        Field.WHEN: (Fault.NOT_A_MOMENT, Fault.IN_FUTURE),
        Field.REPEAT: (Fault.MISSING, Fault.UNKNOWN_CHOICE),
        Field.ILLEGAL: (Fault.MISSING, Fault.UNKNOWN_CHOICE),
        Field.HOUSE: (Fault.UNKNOWN_CHOICE, Fault.GROUP_NEEDED),
        Field.FORM: (Fault.UNKNOWN_CHOICE, Fault.GROUP_NEEDED),
        **dict.fromkeys(PEOPLE_FIELDS, (Fault.TOO_MANY, Fault.TOO_LONG, Fault.PERSON_GONE)),
    }
    wrong = {
        Fault.MISSING: "",
        Fault.TOO_LONG: LONG_TEXT + " and more",
        Fault.NOT_A_MOMENT: "last Tuesday",
        Fault.IN_FUTURE: (NOW + timedelta(days=400)).isoformat(),
        Fault.UNKNOWN_CHOICE: "made up",
    }
    places = (Place(Group.HOUSE, demo_school().houses), Place(Group.FORM, demo_school().forms))
    asked = replace(_questions(_facts("cyberbullying")), asks_repeat=True, asks_illegal=True, places=places)
    for field, faults in text_faults.items():
        for fault in faults:
            more = {field: wrong[fault]} if fault in wrong and field not in PEOPLE_FIELDS else {}
            yield f"screen 2: {fault} at {field}", _details(replace(_filled(asked, **more), faults={field: fault}))
    every: dict[str, Fault] = {field: faults[0] for field, faults in text_faults.items()}
    for searchable in (True, False):
        again = replace(_filled(asked), searchable=searchable, faults=every)
        yield f"screen 2: all wrong, {searchable=}", _details(again)
    for place in places:
        grown = replace(_filled(asked), places=(place,), faults={Field(place.group.value): Fault.GROUP_NEEDED})
        yield f"screen 2: grown with {place.group}", _details(grown)
    long_ago = {
        "naive": "2026-11-23T18:30",
        "last century": "1999-12-31T23:59:59+00:00",
        "no year": "0001-01-01T00:00:00+14:00",
    }
    for name, when in long_ago.items():
        yield f"screen 2: when={name}", _details(_filled(asked, **{Field.WHEN: when}))


def _hostile_details() -> Iterator[Entry]:
    asked = replace(_questions(_facts("cyberbullying")), places=(Place(Group.HOUSE, demo_school().houses),))
    for (name, text), searchable in zip(_hostile(), itertools.cycle((True, False)), strict=False):
        cut = text[:LONGEST_NAME]
        people: dict[str, tuple[NamedPerson, ...]] = {field: (NamedPerson(f"text:{cut}", cut),) for field in PEOPLE_FIELDS}
        filled = _filled(
            asked,
            **{Field.WHAT: text[:LONGEST_TEXT], Field.DONE: text[:LONGEST_TEXT], Field.WHERE: text[:LONGEST_PLACE]},
            **{Field.HOUSE: cut, Field.WHEN: cut},
        )
        yield f"screen 2: {name}", _details(replace(filled, people=people, searchable=searchable))


def _hostile() -> Iterator[tuple[str, str]]:
    return ((f"hostile text {number}", text) for number, text in enumerate(NASTY))


# A case


def _cases() -> Iterator[Entry]:
    school = demo_school()
    for own in schools():
        for name, facts in _every_concern(own):
            yield f"case: {name}", case.case_form(own, _case_file(_opened(facts, own), own))
    linked = linked_school()
    yield "case: policy with a link", case.case_form(linked, _case_file(_opened(_facts(), linked), linked))
    plain = _case_file(_opened(_facts()))
    yield "case: changed without the bot", case.case_form(school, replace(plain, changed=True))
    for state, alert_state in itertools.product(IncidentState, AlertState):
        found = replace(plain, incident=replace(plain.incident, state=state), duties=_in_state(plain, alert_state))
        mine = found.duties[0][0]
        yield f"case: {state}, duty {alert_state}", case.case_form(school, replace(found, mine=mine))
        yield f"case: {state}, duty {alert_state}, not mine", case.case_form(school, replace(found, mine=None))
    for name, changed in _case_variants(plain):
        yield f"case: {name}", case.case_form(school, changed)
    yield "case: its keeping may be asked for", case.case_form(school, replace(plain, may_keep=True))
    yield from _keeping(plain)
    yield from _breaches()
    yield from _exports()
    yield from _handovers()
    yield "case: its readers may be asked for", case.case_form(school, replace(plain, may_see_readers=True))
    yield from _tasks()
    yield from _emergencies()
    yield from _readers()


def _tasks() -> Iterator[Entry]:
    """What somebody of IT is shown of every kind of case."""
    for own in schools():
        for name, facts in _every_concern(own):
            case_file = _case_file(_opened(facts, own), own)
            mine = case_file.duties[0][0]
            task = TaskFile(case_file.incident, case_file.duties, case_file.actions, case_file.warnings, mine)
            yield f"task: {name}", case.task_form(own, task)
            yield f"task: {name}, not mine", case.task_form(own, replace(task, mine=None))


def _emergencies() -> Iterator[Entry]:
    """Opening a case that is not one's own."""
    incident, desk = _opened(_facts()).incident, _desk()
    for name, told in (("leads", (Role.DSL, Role.DEPUTY_DSL)), ("nobody", ())):
        asked = OpenQuestions(incident.id, incident.reference, told)
        yield f"open: {name} told", _shown(desk._case(asked))
        for fault in (Fault.MISSING, Fault.TOO_LONG):
            again = replace(asked, reason=LONG_TEXT, faults={"reason": fault})
            yield f"open: {name} told, {fault}", _shown(desk._case(again))
    for name, text in _hostile():
        again = OpenQuestions(incident.id, incident.reference, (Role.DSL,), text[:LONGEST_TEXT], {"reason": Fault.MISSING})
        yield f"open: {name}", _shown(desk._case(again))
    yield "case: its link", pages.case_link_card(incident.reference)


def _breaches() -> Iterator[Entry]:
    """A breach: found, typed wrongly, open, late, and decided with steps left or none; and in the list."""
    school = demo_school()
    asked = BreachQuestions("b", NOW)
    yield "breach: its button", breach_cards.breach_start_card()
    yield "breach: asked", breach_cards.breach_form(school, asked)
    typed = {"kind": "lost", "what": LONG_TEXT, "found": "yesterday"}
    faults = dict.fromkeys(("kind", "what"), Fault.TOO_LONG) | {"found": Fault.NOT_A_MOMENT}
    for found in ("yesterday", "2026-11-24T10:00", NOW.isoformat()):
        wrong = replace(asked, filled={**typed, "found": found}, faults=faults)
        yield f"breach: wrong, found {found}", breach_cards.breach_form(school, wrong)
    plain = Breach("b", "CSS-B-2026-0001", BreachKind.LOST, EARLIER, _id("somebody"), NOW, what=LONG_TEXT)
    decided = replace(plain, decision=BreachDecision.NO_RISK, reason=LONG_TEXT, decided_at=NOW)
    for name, breach in (
        ("open", plain),
        ("late", replace(plain, found_at=NOW - timedelta(days=4))),
        ("decided", replace(decided, steps=frozenset({BreachStep.CONTAIN}))),
        ("done", replace(decided, decision=BreachDecision.REPORTED, steps=frozenset(BreachStep))),
    ):
        file = BreachFile(breach, NOW, "", "")
        yield f"breach: {name}", breach_cards.breach_file_form(school, file)
        yield (
            f"breach: {name}, listed",
            keeping_cards.keeping_list_card(school, (), more=False, now=NOW, breaches=(breach,) * 4),
        )
    again = BreachFile(plain, NOW, "Dana Okafor", "", {"decision": "no_risk", "contain": "done"}, {"reason": Fault.MISSING})
    yield "breach: wrong decision", breach_cards.breach_file_form(school, again)
    caused = tuple((f"person:{_id(str(n))}", LONG_TEXT[:70]) for n in range(10))
    named = {"caused": Fault.UNKNOWN_CHOICE}
    yield "breach: caused by many", breach_cards.breach_form(school, replace(asked, faults=named, caused=caused))
    anew = replace(decided, decided_by="x", caused_by=frozenset({"x"}))
    yield (
        "breach: to be decided anew",
        breach_cards.breach_file_form(school, replace(again, breach=anew, caused=caused, faults=named)),
    )
    for people in ((), ("Dana Okafor",), ("Dana Okafor",) * 12):
        yield f"breach: with {len(people)} others", breach_cards.with_others_card(BreachWithOthers("CSS-B-2026-4711", people))


def _handovers() -> Iterator[Entry]:
    """Records on their way to the next school."""
    school = demo_school()
    yield "handover: its button", handover_cards.handover_start_card()
    yield "handover: asked", handover_cards.handover_form(HandoverQuestions())
    faults = {"person": Fault.MISSING, "next_school": Fault.TOO_LONG}
    wrong = HandoverQuestions((f"text:{LONG_TEXT[:70]}",), LONG_TEXT[:120], faults)
    yield "handover: wrong", handover_cards.handover_form(wrong)
    sent = Handover("h", _id("pupil"), LONG_TEXT[:120], "CSS-2026-11-24-1a2b3c4d.html", "", _id("x"), EARLIER, NOW)
    yield "handover: sent", handover_cards.sent_card(school, sent, _page(), "ABCD-EFGH-JKMN-PQRS-TVWX")
    for typed in ("", "nonsense"):
        faults = {"receipt": Fault.UNKNOWN_CHOICE if typed else Fault.MISSING}
        yield f"handover: receipt {typed}", handover_cards.receipt_form(school, ReceiptQuestions(sent, typed, faults))
    waiting = Unreceived("h", sent.file, EARLIER, NOW)
    for now in (EARLIER, NOW):
        card = keeping_cards.keeping_list_card(school, (), more=False, now=now, handovers=(waiting,) * 6)
        yield f"handover: listed, late={now == NOW}", card


def _exports() -> Iterator[Entry]:
    """What is held about one person."""
    yield "export: asked", export.subject_form(SubjectQuestions(), "f")
    made = Page("p", "CSS-2026-11-24-1a2b3c4d.html", PageKind.SUBJECT, "x", NOW, NOW, "d")
    for passphrase in ("ABCDE-FGHJK-MNPQR-STVWX", ""):
        yield f"export: made before, {passphrase}", export.made_before_card(demo_school(), made, passphrase)
    yield "export: wrong", export.subject_form(SubjectQuestions((f"text:{LONG_TEXT[:70]}", "x"), {"person": Fault.MISSING}))
    yield "export: its button", export.subject_card()
    school, made = demo_school(), _page()
    yield "export: made", export.made_card(school, made, "ABCD-EFGH-JKMN-PQRS-TVWX")
    over = replace(made, ends_at=EARLIER)
    lines = [PageLine(made), PageLine(over), *(PageLine(over, why) for why in Stays)]
    lines += [PageLine(replace(made, ended=how, ended_at=NOW)) for how in PageEnd if how is not PageEnd.REPLACED]
    listed = [tuple(lines[n : n + 4]) for n in range(0, len(lines), 4)]
    for number, some in enumerate(listed):
        yield f"export: listed {number}", keeping_cards.keeping_list_card(school, (), more=False, now=NOW, exported=some)


def _page() -> Page:
    file, cases = "CSS-2026-11-24-1a2b3c4d.html", (_id("a case"),) * 3
    return Page(_id("page"), file, PageKind.SUBJECT, _id("x"), EARLIER, NOW + LIVES, "", cases)


def _keeping(plain: CaseFile) -> Iterator[Entry]:
    """How long a case is kept: in every state, for somebody with every choice and with none; and what is left of one erased."""
    school, incident, someone = demo_school(), plain.incident, _id("somebody")
    stored = [
        Keeping(incident.id, kind, state, NOW, someone, EarlyReason.UPHELD if state is KeepState.EARLY else None, until)
        for kind in RetentionClass
        for state in KeepState
        for until in ((None, NOW + timedelta(days=365)) if state is KeepState.HELD else (None,))
    ]
    for number, keeping in enumerate((None, *stored)):
        kind = keeping.kind if keeping is not None else RetentionClass.OTHER
        for choices in ((), tuple(KeepChoice)):
            file = KeepingFile(incident, kind, NOW if number else None, keeping, "Dana Okafor", choices)
            yield f"keeping: {number}, choices {len(choices)}", keeping_cards.keeping_form(school, file)
    filled = {CHOICE: KeepChoice.HOLD.value, KEEPING_REASON: LONG_TEXT}
    wrong = replace(file, filled=filled, faults={KEEPING_REASON: Fault.TOO_LONG, CHOICE: Fault.MISSING})
    yield "keeping: wrong", keeping_cards.keeping_form(school, wrong)
    lines = tuple(KeepingLine(incident, keeping, "") for keeping in stored)
    for name, some, more in (("none", (), False), ("some", lines[:3], False), ("more", lines, True)):
        yield f"keeping list: {name}", keeping_cards.keeping_list_card(school, some, more=more, now=NOW)
    breach = Breach("b", "CSS-B-2026-0001", BreachKind.LOST, EARLIER, _id("somebody"), NOW, what=LONG_TEXT)
    waiting = Unreceived("h", "CSS-2026-11-24-1a2b3c4d.html", EARLIER, NOW)
    full = keeping_cards.keeping_list_card(
        school, lines, more=True, now=NOW, breaches=(breach,) * 9, handovers=(waiting,) * 9, exported=(PageLine(_page()),) * 9
    )
    yield "keeping list: full", full
    done = LogEntry(NOW, "Dana Okafor", "case.erased")
    for name, log in (("", (done,)), (", log gone too", ())):
        left = replace(plain, narrative=Narrative("", erased=True), log=log)
        yield f"case: erased{name}", case.case_form(school, left)


def _readers() -> Iterator[Entry]:
    """Who has looked: nobody, one, and as many as there can be."""
    school, incident_id = demo_school(), _id("an incident")
    nobody = CaseReaders("CSS-2026-0001", ())
    yield "readers: nobody", readers.case_readers_form(school, ReadersOfCase(nobody, ()), incident_id)
    now, roles = A_TUESDAY_MORNING, (Role.DSL, Role.HEAD_OF_HOUSE, Role.LINE_MANAGER, Role.SENIOR_LEADERSHIP)
    for name, text in (("one", "Bea Exemplar"), *_hostile()):
        one = Reader(text, roles[:1], now, now, 1)
        many = (one, Reader("", (), now, now, 2), *(Reader(text[:255], roles, now, now, n) for n in range(3, MOST_READERS + 1)))
        case_readers = CaseReaders("CSS-2026-0001", many, more=7)
        pupils = tuple((_id(f"pupil {n}"), text[:255]) for n in range(4))
        yield f"readers: {name}", readers.case_readers_form(school, ReadersOfCase(case_readers, pupils), incident_id)
        child = ReadersOfChild(text[:255], (case_readers,) * MOST_CASES, more=3)
        yield f"readers of a child: {name}", readers.child_readers_form(school, child, incident_id)


def _case_file(opened: _Opened, school: School | None = None) -> CaseFile:
    """What the handler reads for somebody with a right to the case."""
    school = school or demo_school()
    found = route_kept(school.policy, opened.incident.facts, staff().fully_excluded_roles(school, opened.excluded))
    return CaseFile(
        incident=opened.incident,
        narrative=Narrative(WHAT, "I kept the phone in the office", "On the bus", "https://chat.example/archives/C1/p2"),
        participants=_participants(),
        possible=(),
        duties=tuple((alert, "") for alert in opened.alerts),
        notes=(),
        log=(LogEntry(NOW, _teacher().name, "incident.reported"),),
        actions=found.actions,
        warnings=found.warnings,
        outside=found.external,
        reporter=_teacher().name,
        mine=opened.alerts[0] if opened.alerts else None,
    )


def _participants() -> tuple[Participant, ...]:
    people = zip(ParticipantRole, pupils(), strict=False)
    return tuple(Participant(_id(f"part {role}"), role, person.name, person.id) for role, person in people)


def _in_state(found: CaseFile, state: AlertState) -> tuple[tuple[Alert, str], ...]:
    owner = _holder(Role.DSL)
    if state is AlertState.OPEN:
        return found.duties
    return tuple((replace(a, state=state, owner_id=owner.id, acknowledged_at=NOW), owner.name) for a, _ in found.duties)


def _case_variants(plain: CaseFile) -> Iterator[tuple[str, CaseFile]]:
    dsl, head = _holder(Role.DSL), _holder(Role.HEADTEACHER)
    incident, facts = plain.incident, plain.incident.facts
    matches = tuple(PossibleMatch(p.id, p.name, f"Mx {p.name.split()[-1]}") for p in staff())
    for count in (1, 2, len(matches)):
        yield f"{count} possible matches", replace(plain, possible=matches[:count])
    notes = tuple(
        (CaseNote(incident.id, person.id, kind, NOW, text), person.name)
        for kind, person, text in (
            (NoteKind.HANDED_ON, dsl, "I am away from Wednesday, and you know the family."),
            (NoteKind.OUTCOME, head, LONG_TEXT),
        )
    )
    for count in (1, 2):
        yield f"{count} notes", replace(plain, notes=notes[:count])
    yield "told in another script", replace(plain, narrative=Narrative(ARABIC, ARABIC), notes=_rewritten(notes[1:], ARABIC))
    yield "told in short lines", replace(plain, narrative=Narrative("No\n" * (LONGEST_TEXT // 3)))
    yield "twenty long notes", replace(plain, notes=notes[1:] * 20)
    actions = [key.removeprefix("action.") for key in texts() if key.startswith("action.")]
    log = tuple(LogEntry(NOW, who, action) for action in (*actions, "unheard.of") for who in (dsl.name, "the bot"))
    yield "everything in the log", replace(plain, log=log)
    yield "a log of three hundred lines", replace(plain, log=log[:6] * 50)
    yield "nothing in the log", replace(plain, log=())
    yield "long narrative", replace(plain, narrative=Narrative(LONG_TEXT, LONG_TEXT, LONG_TEXT[:LONGEST_PLACE]))
    yield "only what happened", replace(plain, narrative=Narrative(WHAT))
    yield "nobody named", replace(plain, participants=())
    yield "forty people", replace(plain, participants=_participants() * MOST_PEOPLE)
    yield "reporter not listed", replace(plain, reporter="")
    yield "no duties", replace(plain, duties=(), mine=None)
    yield "a duty for two roles", replace(plain, duties=((replace(plain.duties[0][0], also_roles=(Role.DEPUTY_DSL,)), ""),))
    gone = replace(facts, concern="dropped_since")
    yield "a concern that the policy has dropped", replace(plain, incident=replace(incident, facts=gone))
    yield "in danger", replace(plain, incident=replace(incident, facts=replace(facts, immediate_danger=True)))
    for answer in (None, True, False):
        answered = replace(facts, repeat=answer, illegal_suspected=answer)
        yield f"answers={answer}", replace(plain, incident=replace(incident, facts=answered))
    for name, text in _hostile():
        cut = text[:LONGEST_TEXT]
        people = tuple(replace(p, name=text[:LONGEST_NAME]) for p in _participants())
        yield (
            name,
            replace(
                plain,
                narrative=Narrative(cut, cut, text[:LONGEST_PLACE], cut[:2000]),
                participants=people,
                possible=tuple(replace(m, typed=text[:LONGEST_NAME]) for m in matches[:1]),
                notes=_rewritten(notes, cut),
            ),
        )


def _rewritten(notes: tuple[tuple[CaseNote, str], ...], text: str) -> tuple[tuple[CaseNote, str], ...]:
    return tuple((replace(note, text=text), who) for note, who in notes)


# Handing on and closing


def _hand_ons_and_closings() -> Iterator[Entry]:
    desk = _desk()
    opened = _opened(_facts("nude_image"))
    alert, incident = opened.alerts[0], opened.incident
    everybody = recipients(demo_school(), staff(), incident, ())
    few = recipients(demo_school(), staff(), replace(incident, private=True), {_holder(Role.DSL).id})
    for name, found in (("everybody", everybody), ("few", few), ("nobody", ())):
        yield f"hand on: {name}", _shown(desk._hand_on(HandOnQuestions(alert, incident, found)))
    many = tuple(replace(r, person=replace(r.person, id=_id(f"{r.key} {n}"))) for n in range(12) for r in everybody)
    yield "hand on: more than a list takes", _shown(desk._hand_on(HandOnQuestions(alert, incident, many)))
    first = everybody[0].key
    wrongs: tuple[tuple[str, str, dict[str, Fault]], ...] = (
        ("", WHAT, {TO: Fault.MISSING}),
        ("made up", WHAT, {TO: Fault.UNKNOWN_CHOICE}),
        (first, "", {REASON: Fault.MISSING}),
        (first, LONG_TEXT + " and more", {REASON: Fault.TOO_LONG}),
        ("", "", {TO: Fault.MISSING, REASON: Fault.MISSING}),
    )
    for to, reason, faults in wrongs:
        again = HandOnQuestions(alert, incident, everybody, to, reason, faults)
        yield f"hand on: {_told(faults)}", _shown(desk._hand_on(again))
    for name, text in _hostile():
        again = HandOnQuestions(alert, incident, everybody, text, text, {REASON: Fault.TOO_LONG})
        yield f"hand on: {name}", _shown(desk._hand_on(again))
    yield "close: asked", _shown(desk._close(CloseQuestions(alert, incident)))
    for outcome, fault in (("", Fault.MISSING), (LONG_TEXT + " and more", Fault.TOO_LONG)):
        again_asked = CloseQuestions(alert, incident, outcome, {"outcome": fault})
        yield f"close: {fault} at outcome", _shown(desk._close(again_asked))
    unsaid = CloseQuestions(alert, incident, "Both families seen.", {"result": Fault.MISSING})
    yield "close: missing at result", _shown(desk._close(unsaid))
    for name, text in _hostile():
        yield f"close: {name}", _shown(desk._close(CloseQuestions(alert, incident, text, {"outcome": Fault.TOO_LONG})))


def _outcomes() -> Iterator[Entry]:
    """What is said once something was done, or could not be."""
    desk, opened = _desk(), _opened(_facts("nude_image"))
    alert, reference = opened.alerts[0], opened.incident.reference
    owner = _holder(Role.DEPUTY_DSL).name
    yield "notice: acknowledged", _shown(desk._acknowledged(Acknowledged(opened.incident, alert)))
    yield "notice: acknowledged by me", _shown(desk._acknowledged(AlreadyTaken(reference, owner, EARLIER, mine=True)))
    yield "notice: acknowledged by another", _shown(desk._acknowledged(AlreadyTaken(reference, owner, EARLIER, mine=False)))
    draws: tuple[tuple[str, Callable[[Any], Reply]], ...] = (
        ("acknowledge", desk._acknowledged),
        ("hand on", desk._hand_on),
        ("close", desk._close),
    )
    for name, draw in draws:
        yield f"notice: {name}, closed already", _shown(draw(AlreadyClosed(reference)))
        yield f"notice: {name}, not for you", _shown(draw(NotForYou()))
    yield "notice: details, not for you", _shown(desk._case(NotForYou()))
    for to in recipients(demo_school(), staff(), opened.incident, ()):
        yield f"notice: handed on to {to.role} {to.group}", _shown(desk._hand_on(HandedOn(reference, to)))
    for whole in (True, False):
        yield f"notice: closed, {whole=}", _shown(desk._close(Closed(reference, whole)))
    for name in (owner, ""):
        yield f"notice: not its owner, who is {name or 'nobody'}", _shown(desk._close(NotYetTaken(reference, name)))
    yield "notice: report gone", _shown(desk._report_screen(Account(Platform.SLACK, "U1"), DraftGone()))
    yield "notice: failed", desk.failed()
    yield "notice: out of date", pages.notice(say("note.gone_title"), say("note.gone", help="help"), Tone.WARNING)


def _desk() -> Desk:
    """It draws outcomes alike for every chat; nothing is asked of it here that needs a port."""
    return Desk(_ports("desk"), demo_school())


def _shown(reply: Reply) -> Card | Form:
    match reply:
        case ShowForm(form=form) | WrongForm(form=form):
            return form
        case Tell(card=card):
            return card
        case _:
            raise AssertionError(reply)


def _told(faults: Mapping[str, Fault]) -> str:
    return ", ".join(f"{fault} at {field}" for field, fault in faults.items())


# Pages


def _in_dialogs_too(found: Iterable[Entry]) -> Iterator[Entry]:
    """Cards that somebody asked for; each is shown in a dialog too, where it is asked for in one."""
    for name, card in found:
        yield name, card
        if isinstance(card, Card) and not name.startswith(HOME):
            yield f"{name}, in a dialog", pages.as_form(card)


def _page_cards() -> Iterator[Entry]:
    """What somebody asks for."""
    school, desk = demo_school(), _desk()
    yield "help", pages.help_card(school, Platform.TEAMS)
    yield "help: no phones", pages.help_card(replace(school, phones={}), Platform.SLACK)
    words = ("repotr", "que", "sing", "report it at once", LONG_TEXT, *(text for _, text in _hostile()))
    for number, typed in enumerate(words):
        yield f"help: unknown word {number}", desk.help(Platform.SLACK, typed)
    for shared, phones in itertools.product((True, False), repeat=2):
        told = school if phones else replace(school, phones={})
        yield f"welcome: {shared=} {phones=}", pages.welcome_card(told, shared=shared)
    link = "https://teams.example/l/message/19:2f00@thread.tacv2/1764064800000?groupId=" + _id("group")
    named = tuple(replace(s, id=s.policy.id, name=s.policy.school) for s in schools())
    for (then, value), some in itertools.product(((pages.REPORT, link), (pages.SHOW_MINE, "")), (named[:2], named, named * 6)):
        yield f"which school: {len(some)}, then {then}", pages.which_school_card([(s, then, value) for s in some])
    yield "ask report", pages.ask_report_card()
    terms, years = tuple(f.span for _, f, _, year in _figures() if not year), (2026,)
    for name, shown, before, year in _figures():
        page = FiguresPage(shown, before, terms, years, running=True, is_running=name == "few", is_year=year)
        yield f"figures page: {name}", figure_cards.figures_card(school, page)
    yield "figures page: none", figure_cards.figures_card(school, FiguresPage(None))
    lines = tuple(_lines())
    own = tuple(replace(x, alert_id=None, alert_state=None, role=None, owner="") for x in lines)
    dropped = replace(own[0], concern="dropped_since")
    for name, found in (("empty", ()), ("one", own[:1]), ("full", own), ("dropped", (dropped,))):
        yield f"mine: {name}", pages.mine_card(school, found)
    for number, line in enumerate(lines[:9]):
        for now in (NOW, NOW + timedelta(days=30)):
            yield f"queue: line {number}, late={now > NOW}", pages.queue_card(school, Queue((line,), answers=True, now=now))
    open_lines = tuple(replace(x, alert_state=AlertState.OPEN) for x in lines)
    queues: tuple[tuple[str, tuple[CaseLine, ...], bool], ...] = (
        ("none", (), False),
        ("empty", (), True),
        ("three", lines[:3], True),
        ("full", lines, True),
        ("full and open", open_lines, True),
        ("dropped", (replace(lines[0], concern="dropped_since"),), True),
    )
    for name, waiting, answers in queues:
        queue = Queue(waiting, answers=answers, now=NOW)
        yield f"queue: {name}", pages.queue_card(school, queue)
        for count in (0, 1, 10):
            yield f"{HOME}: queue {name}, own {count}", pages.home_card(school, queue, own[:count])
    for name, count in (("one message", 1), ("many messages", 12)):
        given_up = tuple(Undelivered(x.incident_id, p, count, count // 12) for x in lines for p in Platform)
        queue = Queue(lines, answers=True, now=NOW, undelivered=given_up)
        yield f"queue: {name} not delivered", pages.queue_card(school, queue)
        yield f"{HOME}: {name} not delivered", pages.home_card(school, queue, own)
    for waiting in ((), lines[:3]):
        queue = Queue(waiting, answers=True, now=NOW)
        yield f"queue: {len(waiting)}, records wait", pages.queue_card(school, replace(queue, records_wait=True))
        registers = replace(queue, registers={kind: n for n, kind in enumerate(RegisterKind, start=1)})
        yield f"queue: {len(waiting)}, registers wait", pages.queue_card(school, registers)
        yield f"{HOME}: {len(waiting)}, registers wait", pages.home_card(school, replace(registers, answers=False), own)
        unheard = tuple(UnheardRequest(f"request-{n}", f"CSS-Q-2026-{n:04d}") for n in range(9))
        queue = replace(queue, unheard=unheard)
        yield f"queue: requests that reached nobody, {len(waiting)} cases", pages.queue_card(school, queue)
        yield f"{HOME}: {len(waiting)} cases, requests that reached nobody", pages.home_card(school, queue, own)
    yield from queue_entries(school, lines, NOW)
    whole_home = pages.home_card(school, Queue((), answers=False, now=NOW), own)
    yield f"{HOME}: nobody can tell whose it is", in_doubt_home(school, whole_home)
    for tone in Tone:
        yield f"notice: {tone}", pages.notice(say("note.failed_title"), failed_line(school), tone)
    whose = (("by phone", school), ("no phones", replace(school, phones={})), ("no school", None))
    for name, at in (("by phone", school), ("no phones", replace(school, phones={}))):
        yield f"not admitted: {name}", not_admitted_card(at)
        yield f"nobody can tell whose account it is: {name}", in_doubt_card(at)
    for (name, asked), unsure in itertools.product(whose, (True, False)):
        yield f"failed: {name}, {unsure=}", failed_card(asked, unsure=unsure)


def _lines() -> Iterator[CaseLine]:
    """As many lines as a list shows, in every state."""
    states = itertools.cycle(
        [
            (IncidentState.REPORTED, AlertState.OPEN, "", False),
            (IncidentState.ACKNOWLEDGED, AlertState.ACKNOWLEDGED, _holder(Role.DSL).name, True),
            (IncidentState.IN_PROGRESS, AlertState.ACKNOWLEDGED, _holder(Role.DEPUTY_DSL).name, False),
            *((state, AlertState.ACKNOWLEDGED, "", False) for state in (*_OPEN, *_OVER)),
        ]
    )
    concerns, urgencies = itertools.cycle(demo_school().policy.concerns), itertools.cycle(Urgency)
    for number, concern, urgency, (state, alert_state, owner, mine) in zip(
        range(MOST_LINES), concerns, urgencies, states, strict=False
    ):
        yield CaseLine(
            incident_id=_id(f"incident {number}"),
            alert_id=_id(f"alert {number}"),
            reference=f"{demo_school().prefix}-2026-{number:04d}",
            concern=concern,
            urgency=urgency,
            state=state,
            alert_state=alert_state,
            reported_at=_before(number),
            due_at=_before(number) + timedelta(hours=5),
            role=Role.DSL,
            owner=owner,
            mine=mine,
        )


def _before(hours: int) -> datetime:
    return NOW - timedelta(hours=hours)
