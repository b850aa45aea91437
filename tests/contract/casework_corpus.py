"""A case's timeline, the forms to add to it, what the policy says, and actions that are overdue: in every state."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal

from bot.case_desk import CaseDesk
from bot.replies import ShowForm, WrongForm
from cards import case, measures, messages, pages, timeline
from cards.model import Card, Form
from domain.agencies import offered
from domain.casework import Advice, DecisionQuestions, DecisionSteps, EntryQuestions, KindOfEntry, StepsPage
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
    FOLLOWS,
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
from domain.grids import Note as PolicyNote
from domain.grids import Times
from domain.incident import CaseFile, Incident
from domain.measures import (
    AUTHORISED,
    BLOCKED,
    COST,
    END,
    FROM,
    FROM_WHO,
    GROUNDS,
    ITEM,
    PLACE,
    PRESENT,
    START,
    TO,
    AccessBlock,
    Billed,
    Blocked,
    BlockTask,
    Concerned,
    Confiscated,
    Damage,
    Held,
    InPlace,
    Lesson,
    Lifted,
    Moved,
    Now,
    Owed,
    Paid,
    Released,
    Searched,
    Standing,
    Topic,
    Unsettled,
)
from domain.messages import ActionMessage, BlockMessage, LessonMessage
from domain.people import School
from domain.policy import Step
from domain.queues import Queue
from domain.report_form import LONGEST_TEXT, Fault
from domain.words import About, ParticipantRole, Role

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
        yield f"close: {count} not settled", case.close_form(i.reference, "a", "", {}, 0, Unsettled(count, count))
    for name, task in _tasks(i, now):
        yield f"block: {name}", measures.block_form(school, task)
    for name, found in (("one", 1), ("more than a list takes", 9)):
        late = tuple(Overdue(i.id, i.reference, now, own=n % 2 == 0, reads=n % 3 == 0) for n in range(found))
        yield f"queue: {name} overdue", pages.queue_card(school, Queue((), answers=True, now=now, overdue=late))
        yield f"mine: {name} overdue", pages.mine_card(school, (), late)
    for name, message in action_messages(i, now):
        yield f"overdue: {name}, again", messages.message_card(school, replace(message, again=True))


def measure_messages(incident: Incident) -> Iterator[tuple[str, BlockMessage | LessonMessage]]:
    """What is said of a block, and of a lesson."""
    for over in (True, False):
        for lifted in (True, False):
            yield f"block {over=} {lifted=}", BlockMessage(incident.id, "e", incident.reference, over, over, lifted)
    for topic in Topic:
        yield f"lesson {topic}", LessonMessage(topic, incident.facts.concern)


def _tasks(incident: Incident, now: datetime) -> Iterator[tuple[str, BlockTask]]:
    plain = BlockTask(
        incident.id, incident.reference, "e", Blocked.ACCOUNT, now, None, None, None, ("Dana Okafor", "Tess Whitlock")
    )
    yield "to be carried out", plain
    for what in Blocked:
        yield f"{what} in place", replace(plain, what=what, ends_at=now, in_place_at=now, saved=True)
    yield "over", replace(plain, ends_at=now, in_place_at=now, over=True)
    yield "lifted", replace(plain, ends_at=now, lifted_at=now, over=True, ask=())


def _standing(now: datetime, text: str) -> Now:
    whom = Concerned(None, text[:LONGEST_LINE])
    return Now(
        (Held("e0", text[:LONGEST_LINE], text[:LONGEST_LINE], "", now),),
        tuple(Standing(f"e{n}", what, whom, now, now if n else None, n == 1, n == 2) for n, what in enumerate(Blocked)),
        (Owed("e9", text, Decimal("1234.50")),),
    )


def action_messages(incident: Incident, now: datetime) -> Iterator[tuple[str, ActionMessage]]:
    """What is said of an action."""
    for own in (True, False):
        for reads in (True, False):
            message = ActionMessage(incident.id, incident.reference, now, own, reads)
            yield f"{own=} {reads=}", message
            yield f"{own=} {reads=}, done", replace(message, due_at=None, done=True)


def _timelines(incident: Incident, now: datetime, nasty: tuple[tuple[str, str], ...]) -> Iterator[tuple[str, Timeline]]:
    def of(*lines: Line, saved: bool = False) -> Timeline:
        return paged(incident.id, incident.reference, lines, saved=saved)

    yield "empty", of()
    yield "with what stands", replace(of(), standing=_standing(now, "A phone"), saved=True, untold=True)
    yield "with much that stands", replace(of(), standing=_standing(now, LONG))
    for number, told in enumerate(_told(now, "Her mother has seen it")):
        wording = Wording(now, "Dana Okafor", told, "Tess Whitlock" if isinstance(told, Action) else "")
        line = Line(f"e{number}", now, "Dana Okafor", wording)
        yield f"entry {number}", of(line, saved=True)
        left = replace(line, who="", now=replace(wording, who="", doer=""))
        yield f"entry {number}, its writer has left", of(left)
        earlier = replace(wording, at=now - timedelta(days=1))
        corrected = replace(line, at=earlier.at, before=(earlier, replace(earlier, at=now, who="")))
        yield f"entry {number}, corrected", of(corrected)
        yield f"entry {number}, lasting", of(replace(line, lasts=True))
        if isinstance(told, Action):
            yield f"entry {number}, overdue", of(replace(line, overdue=True))
            yield f"entry {number}, done", of(replace(line, done_at=now, done_by="Dana Okafor"))
            yield f"entry {number}, done by somebody who has left", of(replace(line, done_at=now))
    for name, text in (("long", LONG), *nasty):
        lines = []
        for n, told in enumerate(_told(now, text[:LONGEST_TEXT])):
            wording = Wording(now, text[:255], told, text[:255])
            lines.append(Line(f"e{n}", now, text[:255], wording, (replace(wording, doer=""),) * (9 if n < _OFTEN else 1)))
        last = paged(incident.id, incident.reference, lines)
        for number in range(1, last.pages + 1):
            yield f"{name}, page {number}", paged(incident.id, incident.reference, lines, number)


_OFTEN = 6
"""So many of the entries are corrected nine times, so that one goes over several pages; the others once."""


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
    yield Decided(Decision("k", Times.MORE, (), "", text or "Why", differs[:1]), "A kind of incident", (), text[:200] or "C4")
    yield Contact(Role.PARENTS, now, text, refused=True)
    line, whom = text[:LONGEST_LINE], Concerned(ParticipantRole.TARGET, text[:255])
    yield Confiscated(line, whom, now, line, "p")
    yield Confiscated(line, Concerned(None, line), now, line, "p")
    yield Moved("e", now, line, "p", text)
    yield Released("e", now, line)
    yield Searched(line, whom, now, text, "p", "q", line, text)
    yield AccessBlock(whom, Blocked.WIFI, now, now)
    yield AccessBlock(whom, Blocked.ACCOUNT, now)
    yield InPlace("e", now)
    yield Lifted("e", now, text)
    yield Damage(text, Decimal("79.50"), Billed.PARENTS)
    yield Damage(text, Decimal("79.50"), Billed.PARENTS, paid=True)
    yield Damage(text, Decimal("1000000.00"), Billed.NOBODY)
    yield Paid("e", now)
    yield Lesson(Topic.SELF_IMAGE)


_WRONG = {
    EntryKind.NOTE: TEXT,
    EntryKind.ACTION: DOER,
    EntryKind.CONTACT: WHOM,
    EntryKind.CONFISCATION: FROM,
    EntryKind.SEARCH: AUTHORISED,
    EntryKind.BLOCK: END,
    EntryKind.DAMAGE: COST,
    EntryKind.CUSTODY: PLACE,
    EntryKind.RELEASE: TO,
    EntryKind.LIFTED: TEXT,
}
"""A field of each kind of entry at which something can be wrong."""


def _asked(
    incident: Incident, now: datetime, nasty: tuple[tuple[str, str], ...]
) -> Iterator[tuple[str, KindOfEntry | EntryQuestions]]:
    yield "kind asked", KindOfEntry(incident)
    yield "kind wrong", KindOfEntry(incident, {ENTRY_KIND: Fault.MISSING})
    for kind in ADDED:
        plain = EntryQuestions(incident, kind, "f", now)
        yield f"{kind} asked", plain
        yield f"{kind} corrected", replace(plain, corrects="e")
    for kind in (*ADDED, *FOLLOWS):
        yield (
            f"{kind} with all that stands before it",
            replace(
                EntryQuestions(incident, kind, "f", now),
                of_what="A black phone",
                people=tuple((f"p{n}", f"Bea Exemplar {n}", role) for n, role in enumerate(ParticipantRole)),
                warnings=(Step("Do not view the image."), Step("Leave the device as it is.")),
                says=(PolicyNote("It is held in the office.", ("sanctions-grid.3",)),),
                untold=kind in (EntryKind.BLOCK, EntryKind.LESSON),
            ),
        )
    for name, text in (("long", LONG), *nasty):
        filled = {TEXT: text, WHAT: text, OUTCOME: text, DUE: text, WHEN: text, STATUS: text, WHOM: text}
        lines = (WHO, REFERENCE, ITEM, FROM_WHO, PLACE, TO, PRESENT, COST)
        filled |= dict.fromkeys(lines, text[:LONGEST_LINE]) | {
            GROUNDS: text,
            FROM: text,
            BLOCKED: text,
            START: text,
            END: text,
        }
        for kind, wrong in _WRONG.items():
            faults = {wrong: Fault.UNKNOWN_CHOICE}
            people = {DOER: (f"text:{text[:70]}",), AUTHORISED: (f"text:{text[:70]}",)}
            named = (("p", text[:255], ParticipantRole.TARGET),) if text else ()
            again = EntryQuestions(
                incident, kind, "f", now, {**filled, **people}, faults, text[:70], people=named, of_what=text[:200]
            )
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
        made = frozenset(x.action.id for x in found.items) if isinstance(found, Checklist) else frozenset()
        yield f"steps for {concern}, all made", StepsPage(i, found, counted, agencies, made, Advice(()))
    reached = Contact(Role.LADO, i.reported_at, "Wait", reference="L-77")
    for name, advice in (
        ("first", Advice(("sanctions-grid.3",))),
        ("sought", Advice((), (reached, replace(reached, reference="")))),
    ):
        yield f"LADO {name}", StepsPage(i, found, None, (), advice=advice)
        yield f"decision, LADO {name}", DecisionSteps(i, None, "f", advice=advice)
    yield "decision asked", DecisionQuestions(i, kinds, kinds[0].id, Times.FIRST)
    yield "decision asked of a line yet to be chosen", DecisionQuestions(i, kinds, "", None)
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
