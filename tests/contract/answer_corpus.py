"""Every answer that a school can give, as a card, and everything around it: readings, requests, gaps, subjects."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from itertools import cycle, islice
from uuid import NAMESPACE_URL, uuid5

from cards import answer, policy_pages, requests
from cards.model import Card, Form
from domain.answers import GIVEN, PERMISSION, Answer, Catalogue, Decision, Question, ReportHint, Sheet, decide
from domain.asking import (
    DECISION,
    LONGEST_QUESTION,
    REASON,
    TEXT,
    Answered,
    Gap,
    GapFile,
    GapKind,
    GapLine,
    Kept,
    Request,
    RequestFile,
    RequestKind,
    RequestQuestions,
    carried,
)
from domain.asking import Decision as Decided
from domain.messages import DecisionMessage, Message, RequestMessage, UnheardMessage
from domain.people import Account, Platform, School
from domain.report_form import Fault
from domain.understanding import Choice, Understood
from domain.words import About, Role
from tests.policies.loaded import catalogue as catalogue_of_all
from tests.policies.loaded import sheet as sheet_of

Entry = tuple[str, Card | Form]

_DAY = date(2026, 11, 24)
_EVERY = 12
"""Of each school's answers so many are left out between two that are drawn: they are alike but for their words."""


def answer_entries(schools: Sequence[School], at: datetime, nasty: Sequence[tuple[str, str]]) -> Iterator[Entry]:
    """All of it, by name."""
    catalogue = catalogue_of_all()
    for school in schools:
        sheet = sheet_of(school.policy.id)
        yield from _answers(school, catalogue, sheet)
        yield from _pages(school, catalogue, sheet)
    yield from _requests(schools[0], at, nasty)
    yield from _gaps(schools[0], at, nasty)
    for platform in Platform:
        yield f"answer: nothing asked, {platform}", answer.nothing_asked_card(platform)
    yield "answer: very many are asking", answer.busy_card()


def request_messages(school: School, at: datetime) -> Iterator[tuple[str, School, Message]]:
    """What stays in a chat of a request and of its answer."""
    for kind in RequestKind:
        for decision in (None, *Decided):
            decided = at + timedelta(hours=1) if decision else None
            yield (
                f"request: {kind}, {decision}",
                school,
                RequestMessage(
                    _id("request"), "CSS-Q-2026-0001", kind, "use my own device", _cites(school), "IT Support", at,
                    decision, "Iga Nowak" if decision else "", decided,
                ),
            )  # fmt: skip
    for decision in Decided:
        for title in ("use my own device", ""):
            message = DecisionMessage(_id("request"), "CSS-Q-2026-0001", title, decision, "IT Support", at)
            yield f"decision: {decision}, about {title or 'nothing'}", school, message
    for title, mailed in (("use my own device", False), ("", True)):
        unheard = UnheardMessage(_id("request"), "CSS-Q-2026-0001", title, "IT Support", mailed)
        yield f"unheard: {mailed=}, about {title or 'nothing'}", school, unheard


def _answers(school: School, catalogue: Catalogue, sheet: Sheet) -> Iterator[Entry]:
    questions = list(catalogue.questions.values())
    others = cycle(questions)
    for number, question in enumerate(questions):
        given = sheet.on(_DAY, question.id)
        several = given is not None and len(given.cases) > 1
        if number % _EVERY and not several and (given is None or given.cases[0].but is None):
            continue
        readings = tuple(Choice(q, decide(q, sheet.on(_DAY, q.id), {}), 0.1) for q in islice(others, 3))
        for name, decision, facts in _decisions(question, given):
            found = Understood("asked", Choice(question, decision, 1.0), readings, facts, sure=True)
            for shared in (True, False):
                told = Answered(carried(_id(question.id), question.id, facts), found, _holders(decision), None)
                yield (
                    f"answer: {school.policy.id} {question.id} {name} {shared=}",
                    answer.answer_card(school, catalogue, told, shared=shared),
                )
            yield f"shared: {school.policy.id} {question.id} {name}", answer.shared_card(school, catalogue, found.best, facts)
    first = Choice(questions[0], decide(questions[0], sheet.on(_DAY, questions[0].id), {}), 1.0)
    more = tuple(Choice(q, decide(q, sheet.on(_DAY, q.id), {}), 0.9) for q in questions[1:4])
    unsure = Understood("asked", first, more, {}, sure=False)
    yield f"answer: {school.policy.id} unsure", answer.answer_card(school, catalogue, _answered(unsure), shared=True)
    grave = Understood(
        "asked", first, more, {}, sure=True, tell=(Role.DSL, Role.HEADTEACHER),
        report=ReportHint("nude_image", About.PUPIL), images=True,
    )  # fmt: skip
    yield f"answer: {school.policy.id} grave", answer.answer_card(school, catalogue, _answered(grave), shared=True)
    overdue = Answered(carried(_id("x")), unsure, {}, Role.HEADTEACHER, date(2023, 5, 31))
    sure = Understood("asked", first, more, {}, sure=True)
    yield (
        f"answer: {school.policy.id} overdue, with permission to ask",
        answer.answer_card(
            school, catalogue, Answered(overdue.state, sure, {}, Role.HEADTEACHER, date(2023, 5, 31)), shared=False
        ),
    )
    for count in (1, 3, 9):
        kinds = tuple(islice(cycle(school.policy.requests.values()), count))
        offering = replace(_answered(sure), offers=tuple(replace(k, id=f"{k.id}-{n}") for n, k in enumerate(kinds)))
        yield f"answer: {school.policy.id} {count} requests", answer.answer_card(school, catalogue, offering, shared=False)
    yield (
        f"answer: {school.policy.id} none of these",
        answer.misread_card(school, Kept(carried(_id("x")), {Role.DSL: ("Dana Okafor",)})),
    )


def _decisions(question: Question, given: Answer | None) -> Iterator[tuple[str, Decision, dict[str, str]]]:
    yield "bare", decide(question, given, {}), {}
    if given is not None and len(given.cases) > 1:
        for number, case in enumerate(given.cases):
            facts = {fact: min(values) for fact, values in case.when.items()}
            yield f"case {number}", decide(question, given, facts), facts
    if given is not None and given.cases[0].once_agreed:
        yield "agreed", decide(question, given, {PERMISSION: GIVEN}), {PERMISSION: GIVEN}


def _pages(school: School, catalogue: Catalogue, sheet: Sheet) -> Iterator[Entry]:
    answered = [q for q in catalogue.questions.values() if q.id in sheet.answers]
    counts = {topic: sum(q.topic == topic for q in answered) for topic in catalogue.topics}
    yield f"topics: {school.policy.id}", policy_pages.topics_card(catalogue, counts)
    for topic in catalogue.topics:
        found = [q for q in answered if q.topic == topic]
        for page in (0, 1, 99):
            yield f"topic: {school.policy.id} {topic} {page}", policy_pages.topic_card(catalogue, topic, found, page)
    rows = [(role, "Somebody Named, Another Named (Brunel)" if n % 2 else "") for n, role in enumerate(school.policy.titles)]
    yield f"who: {school.policy.id}", policy_pages.who_card(school, rows, "roles")


def _requests(school: School, at: datetime, nasty: Sequence[tuple[str, str]]) -> Iterator[Entry]:
    texts = [("plain", "For planning at lunch, please"), ("longest", "What for, and when. " * 75), *nasty]
    for kind in RequestKind:
        for name, text in texts:
            cut = text[:LONGEST_QUESTION]
            for faults in ({}, {TEXT: Fault.MISSING}, {TEXT: Fault.TOO_LONG}):
                questions = RequestQuestions(
                    kind, carried(_id("asked"), "own-device-wifi"), "use my own device", _cites(school), Role.IT_SUPPORT,
                    ("Iga Nowak",), cut, faults,
                )  # fmt: skip
                yield f"request form: {kind} {name} {sorted(faults.values())}", requests.request_form(school, questions)
            request = Request(
                _id("r"), kind, "CSS-Q-2026-0001", "own-device-wifi", _cites(school), cut, Account(Platform.SLACK, "U1"),
                Role.IT_SUPPORT, (_id("p"),), at,
            )  # fmt: skip
            yield f"request sent: {kind} {name}", requests.sent_card(request, ("Iga Nowak", "Dana Okafor"))
            for may, asker in ((True, "Tess Whitlock"), (False, "")):
                file = RequestFile(request, "use my own device", asker, "", may, {}, {})
                yield f"request file: {kind} {name} {may=}", requests.request_file_form(school, file)
            wrong = RequestFile(
                request, "", "Tess Whitlock", "", may_decide=True, filled={REASON: cut, DECISION: "refused"},
                faults={REASON: Fault.TOO_LONG, **({DECISION: Fault.MISSING} if kind is RequestKind.PERMISSION else {})},
            )  # fmt: skip
            yield f"request file: {kind} {name}, wrong", requests.request_file_form(school, wrong)


def _gaps(school: School, at: datetime, nasty: Sequence[tuple[str, str]]) -> Iterator[Entry]:
    for count in (0, 1, 60):
        lines = [GapLine(f"q-{n}", "picture a pupil on the wall" if n else "", n + 1, at) for n in range(count)]
        yield f"gaps: {count}", policy_pages.gaps_card(school, lines)
    for name, text in (("plain", "Can I put it on the wall?"), ("longest", "Why not? " * 160), *nasty):
        for many in (1, 30):
            asked = tuple(Gap(_id(str(n)), GapKind.MISREAD, "", text[:LONGEST_QUESTION], at) for n in range(many))
            yield f"gap: {name}, {many}", policy_pages.gap_form(school, GapFile("", "", asked))


def _answered(found: Understood) -> Answered:
    return Answered(carried(_id("x")), found, {Role.DSL: ("Dana Okafor",)}, None)


def _holders(decision: Decision) -> dict[Role, tuple[str, ...]]:
    return dict.fromkeys((*decision.roles[::2], Role.DSL), ("Somebody Named", "Another Named"))


def _cites(school: School) -> tuple[str, ...]:
    section = next(iter(school.policy.sections))
    return (f"{section}.1",)


def _id(seed: str) -> str:
    return str(uuid5(NAMESPACE_URL, seed))
