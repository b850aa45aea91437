"""Surveys: what may be opened, the form that opens one, and one with what was counted, open and over."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from bot.replies import ShowForm, WrongForm
from bot.surveys_desk import SurveysDesk, _Outcome
from cards import surveys
from cards.model import Card, Form
from cards.pages import as_form
from domain.people import School
from domain.report_form import Fault
from domain.surveys import (
    CLOSES,
    SKIP,
    Survey,
    SurveyExtension,
    SurveyFigures,
    SurveyMenu,
    SurveyOpening,
    SurveyPage,
    SurveyQuestion,
    SurveyType,
)

WHO = "Dana Okafor"
LINK = "https://esafety.school.example/survey/" + "x" * 43
_LONG = ("How confident are you in helping your child to stay safe online, at home and elsewhere? " * 2)[:150]
_CHOICES = {f"choice-{n}": f"{n}: as often as every week, or nearly so, in most weeks"[:60] for n in range(7)}
FULL = SurveyType(
    "full",
    "Everything that can be asked of parents",
    ("It is for parents and carers. " * 13)[:400],
    tuple(SurveyQuestion(f"question-{n}", f"{n}: {_LONG}"[:150], _CHOICES) for n in range(12)),
    ("parents.3",),
)
SHORT = SurveyType("short", "Clubs", "Three clubs.", (SurveyQuestion("like", "Do you like it?", {"yes": "Yes", "no": "No"}),))


def survey_entries(school: School, now: datetime, nasty: Iterable[tuple[str, str]]) -> Iterator[tuple[str, Card | Form]]:
    """All of it."""
    desk = SurveysDesk(None, school)  # type: ignore[arg-type]
    yield "surveys: the word", as_form(surveys.surveys_card(), "surveys_card")
    found: tuple[tuple[str, _Outcome], ...] = (
        *_menus(school, now),
        *_openings(now),
        *_extensions(now),
        *_pages(now),
        *_nasty(now, nasty),
    )
    for name, outcome in found:
        reply = desk._shown(outcome)
        assert isinstance(reply, ShowForm | WrongForm)
        yield f"surveys: {name}", reply.form
    shown = tuple(page for _, page in _pages(now))
    assert surveys.csv_surveys(school, shown).count("\r\n") > len(FULL.questions)


def survey(kind: SurveyType, now: datetime, **more: object) -> Survey:
    """One that was opened yesterday."""
    begun = now - timedelta(days=1)
    return Survey("s", kind, "p", begun, begun + timedelta(days=14), 5, **more)  # type: ignore[arg-type]


def figures(kind: SurveyType, times: int) -> SurveyFigures:
    """Numbers for each choice: the first that often, the choice not to say never."""
    return SurveyFigures(5, times, {q.id: {v: 0 if v == SKIP else times for v in q.values} for q in kind.questions})


def _menus(school: School, now: datetime) -> Iterator[tuple[str, SurveyMenu]]:
    types = tuple(school.policy.surveys.values())
    one = survey(SHORT, now)
    known = (one, *(replace(survey(FULL, now), id=f"s{n}", closed_at=now) for n in range(11)))
    for address in ("", "https://esafety.school.example"):
        yield f"nothing, {address=}", SurveyMenu((), (), address, now)
        yield f"all of it, {address=}", SurveyMenu(types, known, address, now)


def _openings(now: datetime) -> Iterator[tuple[str, SurveyOpening]]:
    for kind in (SHORT, FULL):
        yield f"opens {kind.id}", SurveyOpening(kind, f"{kind.id}|f", now, {})
    for fault in (Fault.MISSING, Fault.IN_PAST, Fault.TOO_FAR):
        yield f"opens, {fault}", SurveyOpening(SHORT, "short|f", None, {CLOSES: fault})


def _extensions(now: datetime) -> Iterator[tuple[str, SurveyExtension]]:
    for kind in (SHORT, FULL):
        yield f"extends {kind.id}", SurveyExtension(survey(kind, now), now + timedelta(days=20), {})
    for fault in (Fault.MISSING, Fault.NOT_LATER, Fault.TOO_FAR):
        yield f"extends, {fault}", SurveyExtension(survey(SHORT, now), None, {CLOSES: fault})


def _pages(now: datetime) -> Iterator[tuple[str, SurveyPage]]:
    for kind in (SHORT, FULL):
        for over in (None, now):
            one = survey(kind, now, closed_at=over)
            counted = replace(one, seen=7, lot="x", published=figures(kind, 5))
            before = replace(counted, id="b", opened_at=now - timedelta(days=300), published=figures(kind, 0))
            at = now + timedelta(minutes=1)
            yield f"{kind.id}, few, {over=}", SurveyPage(one, at, "" if over else LINK, opened_by=WHO)
            yield f"{kind.id}, counted, {over=}", SurveyPage(counted, at)
            yield f"{kind.id}, beside the last, {over=}", SurveyPage(counted, at, "" if over else LINK, before, WHO)
    gone = replace(SHORT, cites=("parents.3", "nowhere.99"))
    yield "a clause that is there no more", SurveyPage(survey(gone, now), now)
    # What the policy's folder no longer has is called by its id.
    odd = replace(survey(SHORT, now), seen=7, lot="x", published=SurveyFigures(5, 10, {}))
    yield "nothing of a question", SurveyPage(odd, now)


def _nasty(now: datetime, nasty: Iterable[tuple[str, str]]) -> Iterator[tuple[str, SurveyPage]]:
    for name, text in nasty:
        question = SurveyQuestion("q", text[:150] or "?", {"a": text[:60] or "A", "b": "B"})
        kind = SurveyType("nasty", text[:40] or "Nasty", text[:400] or "About", (question,))
        counted = replace(survey(kind, now), seen=7, lot="x", published=figures(kind, 10))
        yield f"nasty {name}", SurveyPage(counted, now, LINK, counted, text[:75])
