"""A child's chronology, the form that asks whose, and what a case's page says of other cases: in every state."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from cards import case, chronology
from cards.model import Card, Form
from domain.checklists import NO_KIND, Decision
from domain.chronology import A_PAGE, CHILD, MOST_ENTRIES, Appearance, Child, ChildQuestions, Chronology, Which
from domain.entries import Contact, Decided, Line, Note, Told, Wording
from domain.grids import Times
from domain.incident import CaseFile
from domain.patterns import Background, Hint, Sort
from domain.people import School
from domain.report_form import LONGEST_TEXT, Fault
from domain.words import IncidentState, ParticipantRole, Role

_KEY = f"{'i' * 36}|{'p' * 36}"


def chronology_entries(
    school: School, file: CaseFile, now: datetime, nasty: Iterable[tuple[str, str]]
) -> Iterator[tuple[str, Card | Form]]:
    """All of it."""
    texts = tuple(nasty)
    yield "chronology: card", chronology.child_card()
    yield "chronology: asked", chronology.child_form(ChildQuestions())
    for fault in (Fault.MISSING, Fault.NOT_A_PUPIL):
        again = ChildQuestions(("text:Bea Exemplar",), {CHILD: fault})
        yield f"chronology: {fault}", chronology.child_form(again)
    for name, found in _pages(file, now, texts):
        yield f"chronology: {name}", chronology.chronology_form(school, found)
    for name, background in _backgrounds(texts):
        yield f"case: {name}", case.case_form(school, replace(file, background=background))


def _pages(file: CaseFile, now: datetime, nasty: tuple[tuple[str, str], ...]) -> Iterator[tuple[str, Chronology]]:
    i, child = file.incident, Child("Bea Exemplar", _KEY, listed=True)
    plain = Appearance(i, (ParticipantRole.TARGET,))
    yield "none", Chronology(child, Which.SURE, (), 0, 0)
    yield "none like it", Chronology(child, Which.PERHAPS, (), 0, 2)
    one = Chronology(child, Which.SURE, (plain,), 1, 0)
    yield "one", one
    for others in (1, 2):
        yield f"{others} others", replace(one, others=others)
    for number in (1, 2, 3):
        yield f"page {number}", replace(one, number=number, pages=3, cut=True)
    for state in IncidentState:
        closed_at = now if state in (IncidentState.CLOSED, IncidentState.SIGNED_OFF, IncidentState.MERGED) else None
        line = replace(plain, incident=replace(i, state=state, closed_at=closed_at))
        yield f"{state}", replace(one, lines=(line,))
    yield "erased", replace(one, lines=(replace(plain, incident=replace(i, erased=True)),))
    yield (
        "of a concern that there is no more",
        replace(one, lines=(replace(plain, incident=replace(i, facts=replace(i.facts, concern="gone"))),)),
    )
    for name, text in (("short", "Bea Exemplar"), ("long", "Bea Exemplar " * 400), *nasty):
        parts = tuple(ParticipantRole) if text else ()
        entries = tuple(_entries(now, text[:LONGEST_TEXT]))
        typed = Appearance(i, parts, text[:255], text[:LONGEST_TEXT], entries[:MOST_ENTRIES], 1 if name == "short" else 7)
        full = (typed, replace(typed, entries=entries[-MOST_ENTRIES:])) * (A_PAGE // 2)
        named = Child(text[:255] or "?", _KEY, listed=name == "short")
        yield f"typed, {name}", Chronology(named, Which.PERHAPS, full, 20, 9, 2, 4)
        yield f"typed and looked for, {name}", Chronology(replace(named, key="", listed=False), Which.PERHAPS, full, 6, 0)


def _entries(now: datetime, text: str) -> Iterator[Line]:
    told: tuple[Told, ...] = (
        Decided(Decision(NO_KIND, None, (), text, "", ())),
        Decided(Decision("k", Times.SECOND, ("a",), text, text, ()), text[:200] or "A kind", ("Tell the parents.",)),
        Contact(Role.PARENTS, now - timedelta(days=1), text, text[:200]),
        Contact(Role.LADO, now, text),
        Note(text),
    )
    for number, one in enumerate(told):
        yield Line(f"e{number}", now, text[:200], Wording(now, text[:200], one))


def _backgrounds(nasty: tuple[tuple[str, str], ...]) -> Iterator[tuple[str, Background]]:
    yield "nobody in it has other cases", Background()
    yield "one child in it", Background(((_KEY, "Bea Exemplar"),))
    names = {"a": "Alfie Demosson", "b": "Bea Exemplar"}
    for name, others in (("one", ("CSS-2026-4071",)), ("many", tuple(f"CSS-2026-{n}" for n in range(4000, 4024)))):
        hints = (
            Hint(Sort.TOGETHER, ("a", "b"), others),
            Hint(Sort.OFTEN, ("b",), others, len(others) + 1, 1),
            Hint(Sort.OFTEN, ("a",), others, 0, len(others) + 1),
            Hint(Sort.SAME_KIND, ("b",), others, 2),
        )
        yield f"beside {name} other", Background(((_KEY, "Bea Exemplar"), (_KEY, "Alfie Demosson")), hints, names)
    for name, text in nasty:
        called = text[:255] or "?"
        hint = Hint(Sort.OFTEN, ("a",), ("CSS-2026-4071",) * 2, 3)
        yield f"children, {name}", Background(((_KEY, called),) * 40, (hint,) * 40, {"a": called})
