"""A case's timeline, the forms to add to it, what the policy says, and actions that are overdue: in every state."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta

from bot.case_desk import CaseDesk
from bot.replies import ShowForm, WrongForm
from cards import case, messages, pages, timeline
from cards.model import Card, Form
from domain.agencies import offered
from domain.casework import DecisionQuestions, DecisionSteps, EntryQuestions, KindOfEntry, StepsPage
from domain.checklists import (
    KIND,
    NO_KIND,
    OWN,
    TIMES,
    WHY,
    Checklist,
    Decision,
    Difference,
    Earlier,
    Repeats,
    suggest,
)
from domain.entries import (
    ADDED,
    CONTACTS,
    DOER,
    DONE,
    DUE,
    LONGEST_LINE,
    OUTCOME,
    REFERENCE,
    STATUS,
    TEXT,
    WHAT,
    WHEN,
    WHO,
    WHOM,
    Action,
    Contact,
    Decided,
    EntryKind,
    Line,
    Note,
    Overdue,
    Timeline,
    Told,
    Wording,
    paged,
)
from domain.entries import KIND as ENTRY_KIND
from domain.grids import Times
from domain.incident import CaseFile, Incident
from domain.messages import ActionMessage
from domain.people import School
from domain.queues import Queue
from domain.report_form import LONGEST_TEXT, Fault
from domain.words import About, Role

LONG = ("What was said on the telephone, word by word. " * 70)[:LONGEST_TEXT]


def casework_entries(
    school: School, file: CaseFile, now: datetime, nasty: Iterable[tuple[str, str]]
) -> Iterator[tuple[str, Card | Form]]:
    """All of it."""
    i, texts = file.incident, tuple(nasty)
    for name, page in _timelines(i, now, texts):
        yield f"timeline: {name}", timeline.timeline_form(school, page)
        newest = replace(page, lines=page.lines[-3:])
        if not name.startswith(("hostile", "long")):
            yield f"case: timeline {name}", case.case_form(school, replace(file, timeline=newest))
    desk = CaseDesk(None, school)  # type: ignore[arg-type]
    for name, asked in (*_asked(i, now, texts), *_decisions(school, i)):
        reply = desk._shown(asked)
        assert isinstance(reply, ShowForm | WrongForm)
        yield f"timeline: {name}", reply.form
    for count in (1, 2):
        yield f"close: {count} not done", case.close_form(i.reference, "a", "", {}, count)
    for name, found in (("one", 1), ("more than a list takes", 9)):
        late = tuple(Overdue(i.id, i.reference, now, own=n % 2 == 0, reads=n % 3 == 0) for n in range(found))
        yield f"queue: {name} overdue", pages.queue_card(school, Queue((), answers=True, now=now, overdue=late))
        yield f"mine: {name} overdue", pages.mine_card(school, (), late)
    for name, message in action_messages(i, now):
        yield f"overdue: {name}, again", messages.message_card(school, replace(message, again=True))


def action_messages(incident: Incident, now: datetime) -> Iterator[tuple[str, ActionMessage]]:
    """What is said of an action."""
    for own in (True, False):
        for reads in (True, False):
            message = ActionMessage(incident.id, incident.reference, now, own, reads)
            yield f"{own=} {reads=}", message
            yield f"{own=} {reads=}, done", replace(message, due_at=None, done=True)


def _timelines(incident: Incident, now: datetime, nasty: tuple[tuple[str, str], ...]) -> Iterator[tuple[str, Timeline]]:
    def of(*lines: Line, **more: bool) -> Timeline:
        return paged(incident.id, incident.reference, lines, **more)

    yield "empty", of()
    for number, told in enumerate(_told(now, "Her mother has seen it")):
        wording = Wording(now, "Dana Okafor", told, "Tess Whitlock" if isinstance(told, Action) else "")
        line = Line(f"e{number}", now, "Dana Okafor", wording)
        yield f"entry {number}", of(line, saved=True)
        left = replace(line, who="", now=replace(wording, who="", doer=""))
        yield f"entry {number}, its writer has left", of(left)
        earlier = replace(wording, at=now - timedelta(days=1))
        corrected = replace(line, at=earlier.at, before=(earlier, replace(earlier, at=now, who="")))
        yield f"entry {number}, corrected", of(corrected)
        if isinstance(told, Action):
            yield f"entry {number}, overdue", of(replace(line, overdue=True))
            yield f"entry {number}, done", of(replace(line, done_at=now, done_by="Dana Okafor"))
            yield f"entry {number}, done by somebody who has left", of(replace(line, done_at=now))
    for name, text in (("long", LONG), *nasty):
        lines = [
            Line(f"e{n}", now, text[:255], Wording(now, text[:255], told, text[:255]), (Wording(now, text[:255], told),) * 9)
            for n, told in enumerate(_told(now, text[:LONGEST_TEXT]))
        ]
        last = paged(incident.id, incident.reference, lines)
        for number in range(1, last.pages + 1):
            yield f"{name}, page {number}", paged(incident.id, incident.reference, lines, number)


def _told(now: datetime, text: str) -> Iterator[Told]:
    yield Note(text)
    yield Action(text, "p", now)
    yield Action(text, "p")
    yield Contact(Role.PARENTS, now, text)
    yield Contact(Role.LADO, now, text, text[:LONGEST_LINE], text[:LONGEST_LINE])
    yield Decided(Decision(NO_KIND, None, (), text, "", ()))
    differs = tuple(Difference)
    yield Decided(
        Decision("k", Times.SECOND, ("a", "b"), text, text or "Why", differs), "A kind of incident", ("Tell the parents.",) * 12
    )
    yield Decided(Decision("k", Times.MORE, (), "", text or "Why", differs[:1]), "A kind of incident")


def _asked(
    incident: Incident, now: datetime, nasty: tuple[tuple[str, str], ...]
) -> Iterator[tuple[str, KindOfEntry | EntryQuestions]]:
    yield "kind asked", KindOfEntry(incident)
    yield "kind wrong", KindOfEntry(incident, {ENTRY_KIND: Fault.MISSING})
    for kind in ADDED:
        plain = EntryQuestions(incident, kind, "f", now)
        yield f"{kind} asked", plain
        yield f"{kind} corrected", replace(plain, corrects="e")
    for name, text in (("long", LONG), *nasty):
        filled = {TEXT: text, WHAT: text, OUTCOME: text, DUE: text, WHEN: text, STATUS: text, WHOM: text}
        filled |= {WHO: text[:LONGEST_LINE], REFERENCE: text[:LONGEST_LINE]}
        for kind, wrong in zip(ADDED, (TEXT, DOER, WHOM), strict=True):
            faults = {wrong: Fault.UNKNOWN_CHOICE}
            people = {DOER: (f"text:{text[:70]}",)}
            again = EntryQuestions(incident, kind, "f", now, {**filled, **people}, faults, text[:70])
            yield f"{kind} {name}", again
    kept = {WHAT: "Ring her", DOER: "person:p", STATUS: DONE, DUE: "2026-11-24T10:00", WHEN: now.isoformat(), WHOM: CONTACTS[0]}
    for fault, field in ((Fault.NOT_STAFF, DOER), (Fault.KEPT_OUT, DOER), (Fault.NOT_A_MOMENT, DUE), (Fault.MISSING, STATUS)):
        yield (
            f"action {fault} at {field}",
            EntryQuestions(incident, EntryKind.ACTION, "f", now, kept, {field: fault}, "Tess Whitlock"),
        )
    yield "contact again", EntryQuestions(incident, EntryKind.CONTACT, "f", now, kept, {WHEN: Fault.IN_FUTURE})


def _decisions(school: School, i: Incident) -> Iterator[tuple[str, StepsPage | DecisionQuestions | DecisionSteps]]:
    grid = school.policy.grid
    assert grid is not None
    agencies = offered(school.policy.guidance.agencies, school.agencies, i.facts.concern, i.facts.about)
    kinds = tuple(grid.kinds.values())
    for concern in school.policy.concerns:
        found = suggest(school.policy, concern, About.PUPIL, Times.SECOND)
        counted = Repeats(Times.SECOND, (Earlier("x", date(2026, 10, 1), concern),)) if isinstance(found, Checklist) else None
        yield f"steps for {concern}", StepsPage(i, found, counted, agencies)
    yield "decision asked", DecisionQuestions(i, kinds, kinds[0].id, Times.FIRST)
    wrong = {KIND: Fault.MISSING, TIMES: Fault.UNKNOWN_CHOICE}
    yield "decision wrong", DecisionQuestions(i, kinds, "", Times.MORE, wrong)
    for kind in kinds:
        taken = suggest(school.policy, min(kind.concerns), min(kind.about), Times.MORE, kind=kind.id)
        assert isinstance(taken, Checklist)
        chosen = [item.action.id for item in taken.items if item.laid_down]
        yield f"decision steps for {kind.id}", DecisionSteps(i, taken, "f", chosen)
        again = DecisionSteps(i, taken, "f", (), LONG, LONG, {WHY: Fault.WHY_NEEDED, OWN: Fault.TOO_LONG}, "e")
        yield f"decision steps for {kind.id}, wrong", again
    yield "decision in words", DecisionSteps(i, None, "f")
    yield "decision in words, wrong", DecisionSteps(i, None, "f", (), "", LONG, {OWN: Fault.MISSING})
