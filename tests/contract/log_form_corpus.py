"""A case as the policy's log form, as a chat shows it: of each policy, empty, full, long, and with the worst that is typed."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from cards import log_form
from cards.model import Card, Form
from domain.case_changes import CaseChange, ChangeKind, Classified
from domain.entries import Line, Note, Wording
from domain.exports import LIVES, Page, PageKind
from domain.incident import CaseFile, CaseNote, NoteKind
from domain.log_records import Involved, LogRecord, Signed
from domain.people import Kind, Person, School
from domain.policy import SignOff
from domain.report_form import LONGEST_TEXT
from domain.words import Role, Urgency

LONG = ("What was said on the telephone, word by word. " * 70)[:LONGEST_TEXT]


def log_form_entries(
    schools: Iterable[School], file_of: Callable[[School], CaseFile], now: datetime, nasty: Iterable[tuple[str, str]]
) -> Iterator[tuple[str, Card | Form]]:
    """All of it."""
    for school in schools:
        bare = LogRecord(file_of(school), (), (), now, "")
        for name, record in (("bare", bare), ("full", _full(bare, now)), ("long", _full(bare, now, LONG, 9))):
            yield f"log form: {school.policy.id}, {name}", _drawn(school, record)
    for name, text in nasty:
        yield f"log form: {name}", _drawn(school, _full(bare, now, text))
    changed = replace(bare, case=replace(bare.case, changed=True), by="Dana Okafor")
    yield "log form: changed without the bot", _drawn(school, changed)
    signed = replace(
        school, policy=replace(school.policy, sign_off=tuple(SignOff(role) for role in (Role.CLASS_TEACHER, Role.DSL)))
    )
    yield "log form: signed where it has no line", _drawn(signed, bare)
    made = Page(
        "00000000-0000-4000-8000-000000000001", "CSS-2026-11-24-1a2b3c4d.html", PageKind.SUBJECT, "x", now, now + LIVES, ""
    )
    yield "log form: made", log_form.made_card(school, "CSS-2026-0042", made, "ABCD-EFGH-JKMN-PQRS-TVWX")
    yield "log form: its page deleted", log_form.dropped_card()


def _drawn(school: School, record: LogRecord) -> Form:
    return log_form.log_form_form(log_form.sheet_of(school, record))


def _full(bare: LogRecord, now: datetime, text: str = "Her mother has seen it", times: int = 1) -> LogRecord:
    note, handed = (CaseNote(bare.case.incident.id, "x", kind, now, text) for kind in (NoteKind.OUTCOME, NoteKind.HANDED_ON))
    later = now + timedelta(days=30)
    was, is_ = (Classified(bare.case.incident.facts.concern, urgency) for urgency in (Urgency.LOW, Urgency.HIGH))
    changes = [CaseChange(kind, "i", "x", kind, now, text, due_at=later) for kind in ChangeKind]
    changes += [CaseChange("c", "i", "x", ChangeKind.RECLASSIFIED, now, text, was=was, now=is_)]
    changes += [CaseChange("b", "i", "x", ChangeKind.REOPENED, now, text, code=Role.GOVERNORS)]
    kinds = (Kind.PUPIL, Kind.STAFF)
    people = [
        Involved(replace(p, name=text[:120]), Person("p", kinds[n % 2], text[:120], form="8C", house="Brunel") if n else None)
        for n, p in enumerate(bare.case.participants)
    ]
    signed = (Signed(Role.HEADTEACHER, text[:120], now, text), Signed(Role.GOVERNORS, "", now, before=True))
    lines = tuple(
        Line(f"e{n}", now, text[:120], Wording(now, text[:120], Note(text)), (Wording(now, "", Note(text)),))
        for n in range(times)
    )
    case = replace(bare.case, notes=((note, text[:120]), (handed, "")) * times, reporter=text[:120])
    return replace(
        bare,
        case=case,
        lines=lines,
        people=tuple(people),
        changes=tuple((c, "") for c in changes),
        signed=signed,
        by=text[:120],
    )
