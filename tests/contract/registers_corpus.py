"""Registers: the lists, a line with all that was done with it, the forms, what is said in a chat: in every state."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from bot.registers_desk import RegistersDesk
from bot.replies import ShowForm, WrongForm
from cards import overview, registers
from cards.model import Card, Form
from cards.pages import as_form
from domain.entries import LONGEST_LINE
from domain.exports import LIVES, Page, PageKind
from domain.messages import RegisterMessage
from domain.overview import Listed, Listing, Overview, Tally
from domain.people import School
from domain.register_terms import DEFINITIONS, LONGEST, FieldType, Move, RecordState, RegisterKind
from domain.registers import (
    NOTE_FIELD,
    STATE_FIELD,
    Change,
    DecisionAsked,
    Record,
    RecordFile,
    RecordLine,
    RecordQuestions,
    RegisterChoice,
    RegisterPage,
    RegisterView,
    Shown,
    Version,
    standing,
)
from domain.report_form import Fault
from handlers.overview import MOST_SINGLE

LONG = ("What is done about it, point by point and day by day. " * 40)[:LONGEST]
WHO = "Dana Okafor"


def register_entries(
    schools: Iterable[School], now: datetime, nasty: Iterable[tuple[str, str]]
) -> Iterator[tuple[str, Card | Form]]:
    """All of it."""
    texts = tuple(nasty)
    yield "registers: which", as_form(registers.registers_card(), "registers_card")
    yield "registers: all, the word", as_form(overview.overview_card(), "overview_card")
    for name, lists in _overviews():
        yield f"registers: all, {name}", overview.overview_form(Overview(lists))
    for number, school in enumerate(schools):
        policy = school.policy.id
        desk = RegistersDesk(None, school, None)  # type: ignore[arg-type]
        outcomes = (
            *(("choice", RegisterChoice(kinds)) for kinds in (((RegisterKind.RISK, 0), (RegisterKind.FILTERING, 12)),)),
            *_pages(now),
            # Only the clauses and the levels are a policy's own.
            *((*_files(now, texts), *_asked(now, texts)) if number == 0 else _plain(now)),
        )
        for name, outcome in outcomes:
            reply = desk._shown(outcome)
            assert isinstance(reply, ShowForm | WrongForm)
            yield f"registers at {policy}: {name}", reply.form
        made = Page("p", "CSS-2026-page.html", PageKind.SUBJECT, "p", now, now + LIVES, "0" * 64, ())
        card = registers.exported_card(school, RegisterKind.RISK, made, "abcd-efgh-ijkl-mnop-qrst")
        yield f"registers at {policy}: taken out", as_form(card)


def _overviews() -> Iterator[tuple[str, tuple[Listed, ...]]]:
    tally = Tally(12, 3, 1)
    risks = Listed(Listing.REGISTER, tally, RegisterKind.RISK.value)
    breaches = tuple((f"CSS-B-2026-{n:04}", f"b{n}") for n in range(MOST_SINGLE))
    kinds = tuple(
        Listed(Listing.REQUESTS, tally, f"kind-{n}", f"Request of kind {n}, whatever it is called") for n in range(20)
    )
    yield "one", (risks,)
    yield "no breach", (Listed(Listing.BREACHES, Tally()),)
    signed = Listed(Listing.SIGNED, tally, "training", "Online-safety training")
    filtering = replace(risks, id="filtering")
    yield "everything", (risks, filtering, Listed(Listing.BREACHES, tally, single=breaches), *kinds, signed)


def _plain(now: datetime) -> Iterator[tuple[str, RecordQuestions]]:
    yield from ((f"{kind} asked", RecordQuestions(kind, "f", now)) for kind in RegisterKind)


def register_messages(now: datetime) -> Iterator[tuple[str, RegisterMessage]]:
    """What is said of a line."""
    for kind in RegisterKind:
        reference = f"CSS-{DEFINITIONS[kind].letter}-2026-4071"
        for approval in (True, False):
            for settled in (True, False):
                for state in RecordState:
                    message = RegisterMessage("r", reference, kind, state, approval, now, settled)
                    yield f"{kind} {approval=} {settled=} {state}", message
        yield f"{kind}, no date any more", RegisterMessage("r", reference, kind, RecordState.OPEN, False, None, settled=True)


def _values(kind: RegisterKind, now: datetime, text: str, *, whole: bool = True) -> dict[str, str]:
    found = {}
    for spec in DEFINITIONS[kind].fields:
        if spec.required or whole:
            told = {FieldType.CHOICE: (spec.options or ("",))[0], FieldType.LEVEL: "3", FieldType.MOMENT: now.isoformat()}
            short = {FieldType.LINE: text[:LONGEST_LINE], FieldType.STAFF: "p", FieldType.CASE: "i"}
            found[spec.id] = (told | short).get(spec.type, text)
    return found


def _versions(kind: RegisterKind, now: datetime, text: str, count: int, *, whole: bool = True) -> list[Shown]:
    found = []
    for n in range(1, count + 1):
        change = Change.ADDED if n == 1 else Change.MOVED if n % 2 == 0 else Change.WORDED
        state = DEFINITIONS[kind].begins if change is not Change.MOVED else RecordState.CLOSED
        note = text if change is Change.MOVED else ""
        version = Version(f"v{n}", "r", n, "p", now, change, state, _values(kind, now, text, whole=whole), note)
        staff = {s.id: WHO for s in DEFINITIONS[kind].fields if s.type is FieldType.STAFF}
        found.append(Shown(version, WHO if n % 3 else "", staff, "CSS-2026-4071" if whole else ""))
    return found


def _record(kind: RegisterKind, shown: Shown) -> Record:
    return standing("r", kind, f"CSS-{DEFINITIONS[kind].letter}-2026-4071", shown.version, "p")


def _pages(now: datetime) -> Iterator[tuple[str, RegisterPage]]:
    for kind in RegisterKind:
        record = _record(kind, _versions(kind, now, "Laptops", 1)[0])
        for view in RegisterView:
            yield f"{kind} {view} empty", RegisterPage(kind, view, ())
            for late in (True, False):
                lines = tuple(
                    RecordLine(replace(record, id=f"r{s}", state=s), LONG if late else "Laptops", WHO if late else "", late)
                    for s in RecordState
                )
                matrix = {"1x1": 2, "3x3": 1} if record.levels else {}
                page = RegisterPage(kind, view, lines, 1, 3, matrix, may_write=late, may_export=late)
                yield f"{kind} {view} {late=}", page
                yield f"{kind} {view} {late=}, on", replace(page, number=2, lines=(*lines, replace(lines[0], owner=""))[:8])
        undated = replace(record, review_at=None, owner_id="")
        yield f"{kind} without a date", RegisterPage(kind, RegisterView.LIVE, (RecordLine(undated, "Laptops"),))


def _files(now: datetime, nasty: Iterable[tuple[str, str]]) -> Iterator[tuple[str, RecordFile]]:
    for kind in RegisterKind:
        for name, text in (("long", LONG), *nasty):
            history = tuple(_versions(kind, now, text[:LONGEST], 25))
            record = _record(kind, history[-1])
            file = RecordFile(record, history[-1], history, may_write=True, moves=_moves(record))
            yield f"{kind} line {name}", file
        first = _versions(kind, now, "Laptops", 1, whole=False)
        for state in RecordState:
            shown = replace(first[0], version=replace(first[0].version, state=state))
            record = _record(kind, shown)
            file = RecordFile(record, shown, (shown,), moves=_moves(record), saved=True)
            yield f"{kind} line {state}", file
            yield f"{kind} line {state}, late", replace(file, late=True, saved=False)
            yield f"{kind} line {state}, waits for two", replace(file, waits_for=(WHO, "Maja Lindqvist"))
        three = tuple(_versions(kind, now, "Laptops", 3))
        for shown in three:
            left = replace(shown, staff={})
            yield f"{kind} line, wording {shown.version.number}", RecordFile(_record(kind, three[-1]), left, three)


def _moves(record: Record) -> tuple[Move, ...]:
    return record.definition.moves.get(record.state, ())


def _asked(now: datetime, nasty: Iterable[tuple[str, str]]) -> Iterator[tuple[str, RecordQuestions | DecisionAsked]]:
    for kind in RegisterKind:
        d = DEFINITIONS[kind]
        plain = RecordQuestions(kind, "f", now)
        record = _record(kind, _versions(kind, now, "Laptops", 1)[0])
        yield f"{kind} asked", plain
        yield f"{kind} changed", replace(plain, record=record, hides_case=True)
        yield f"{kind} changed meanwhile", replace(plain, record=record, stale=True)
        faults = {s.field: Fault.MISSING for s in d.fields if s.required}
        yield f"{kind} wrong", replace(plain, faults=faults)
        for name, text in (("long", LONG), *nasty):
            filled: dict[str, str | tuple[str, ...]] = {
                s.field: text[: LONGEST_LINE if s.type in (FieldType.LINE, FieldType.CASE) else LONGEST] for s in d.fields
            }
            staff = {s.field: (f"text:{text[:70]}",) for s in d.fields if s.type is FieldType.STAFF}
            yield (
                f"{kind} filled in, {name}",
                replace(plain, filled={**filled, **staff}, faults={d.fields[0].field: Fault.TOO_LONG}),
            )
        kept: dict[str, str | tuple[str, ...]] = {f"reg_{k}": v for k, v in _values(kind, now, "Laptops").items()}
        people = {s.field: "person:p" for s in d.fields if s.type is FieldType.STAFF}
        names = dict.fromkeys(people, WHO)
        yield f"{kind} as it reads", replace(plain, filled={**kept, **people}, names=names, record=record)
        naive = {
            s.field: (now + timedelta(days=1)).replace(tzinfo=None).isoformat() for s in d.fields if s.type is FieldType.MOMENT
        }
        yield f"{kind} at a moment without a zone", replace(plain, filled=naive)
        for state, moves in d.moves.items():
            asked = DecisionAsked(replace(record, state=state), "f", moves)
            yield f"{kind} {state} to decide", asked
            wrong = {STATE_FIELD: Fault.MISSING, NOTE_FIELD: Fault.TOO_LONG}
            yield f"{kind} {state} decided wrong", replace(asked, chosen=moves[0].to, note=LONG, faults=wrong, stale=True)
