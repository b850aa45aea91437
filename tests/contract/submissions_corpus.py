"""Requests: what may be asked for, the form of one, one in every state, pages of all, what is said in a chat."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from bot.replies import ShowForm, WrongForm
from bot.submissions_desk import SubmissionsDesk, _Outcome
from cards import submissions
from cards.model import Card, Form
from cards.pages import as_form
from domain.exports import LIVES, Page, PageKind
from domain.messages import SubmissionMessage, SubmissionPart
from domain.people import School
from domain.report_form import Fault
from domain.request_types import LONGEST, LONGEST_LINE, AnswerStep, Item, ItemType, RequestTask, RequestType, StepAct, Term
from domain.submissions import (
    ANSWER_FIELD,
    NOTE_FIELD,
    Doing,
    Leave,
    Led,
    LedTo,
    Place,
    RequestMenu,
    Submission,
    SubmissionFile,
    SubmissionLine,
    SubmissionPage,
    SubmissionQuestions,
    SubmissionState,
    SubmissionVersion,
)
from domain.words import Role

WHO = "Dana Okafor"
LONG = ("What it is for, lesson by lesson and week by week. " * 40)[:LONGEST]
_STATES = list(SubmissionState)
_ASKS = RequestType(
    id="everything",
    group="internet",
    title="Unblock a website for a lesson",
    about="For a lesson or a day. It is opened for that time, and closed again after it.",
    items=(
        Item("site", ItemType.LINE, "Which website?", "Its address"),
        Item("why", ItemType.TEXT, "Which lesson is it for?"),
        Item("more", ItemType.TEXT, "Anything else?", required=False),
        Item("kind", ItemType.CHOICE, "What kind is it?", options={"film": "A film", "game": "A game"}),
        Item("who", ItemType.STAFF, "Who else teaches it?", required=False),
        Item("asked", ItemType.STAFF, "Who wanted it?", "A colleague", required=False),
        Item("until", ItemType.MOMENT, "Until when?"),
    ),
    steps=(AnswerStep(StepAct.ADVISE, (Role.IT_SUPPORT,)), AnswerStep(StepAct.DECIDE, (Role.HEADTEACHER,))),
    tasks=(RequestTask("open", "Open the website", (Role.IT_SUPPORT,)), RequestTask("tell", "Tell the class", (Role.DSL,))),
    term=Term("until", warn_days=3),
    cites=("technical.4",),
)
_DECLARES = replace(_ASKS, id="declared", title="Declare a family link", steps=(), tells=(Role.HEADTEACHER,), cites=())


def submission_entries(school: School, now: datetime, nasty: Iterable[tuple[str, str]]) -> Iterator[tuple[str, Card | Form]]:
    """All of it."""
    desk = SubmissionsDesk(None, school, None)  # type: ignore[arg-type]
    yield "requests: the word", as_form(submissions.requests_card(), "requests_card")
    found: tuple[tuple[str, _Outcome], ...] = (*_menus(now), *_pages(now), *_files(now, nasty), *_asked(now, nasty))
    for name, outcome in found:
        reply = desk._shown(outcome)
        assert isinstance(reply, ShowForm | WrongForm)
        yield f"requests: {name}", reply.form
    made = Page("p", "CSS-2026-page.html", PageKind.SUBJECT, "p", now, now + LIVES, "0" * 64, ())
    taken = submissions.exported_card(school, _ASKS, made, "abcd-efgh-ijkl-mnop-qrst")
    yield "requests: taken out", as_form(taken)
    given = Leave("s", "CSS-P-2026-4071", _ASKS.title, WHO, now, now + timedelta(days=9))
    leaves = (given, replace(given, by="", until=None))
    yield "requests: leave that was given", Card("An answer", "An answer", submissions.leave_parts(school, leaves))


def submission_messages(now: datetime) -> Iterator[tuple[str, SubmissionMessage]]:
    """What is said of one, to each of those who hear of it."""
    plain = SubmissionMessage("s", "CSS-P-2026-4071", _ASKS.title, SubmissionPart.ANSWER, SubmissionState.WAITING)
    for settled in (True, False):
        for late in (True, False):
            yield f"to answer {settled=} {late=}", replace(plain, settled=settled, late=late)
            task = replace(
                plain, part=SubmissionPart.TASK, state=SubmissionState.GRANTED, task_id="open", task="Open the website"
            )
            yield f"to do {settled=} {late=}", replace(task, settled=settled, late=late)
        ending = replace(plain, part=SubmissionPart.ENDING, state=SubmissionState.GRANTED, until=now, settled=settled)
        yield f"ends soon {settled=}", ending
    for until in (None, now):
        for state in SubmissionState:
            yield f"{state} to who asked, {until}", replace(plain, part=SubmissionPart.ASKER, state=state, until=until)
        for state in (SubmissionState.GRANTED, SubmissionState.ENDED):
            yield f"{state} to who is told, {until}", replace(plain, part=SubmissionPart.TOLD, state=state, until=until)


def _submission(
    state: SubmissionState, now: datetime, tasks: tuple[str, ...] = (), until: datetime | None = None
) -> Submission:
    return Submission(f"s{state}", _ASKS.id, "CSS-P-2026-4071", "p", now, now, 2, Place(state, 0, tasks, (), until))


def _lines(now: datetime, headline: str) -> tuple[SubmissionLine, ...]:
    found = [SubmissionLine(_submission(s, now, until=now), _ASKS.title, headline, WHO) for s in _STATES]
    to_do = SubmissionLine(_submission(SubmissionState.GRANTED, now, ("open",)), _ASKS.title, "", "")
    return (*found[:6], replace(to_do, submission=replace(to_do.submission, id="todo")))


def _menus(now: datetime) -> Iterator[tuple[str, RequestMenu]]:
    types = (("internet", (_ASKS, _DECLARES)),)
    yield "nothing", RequestMenu((), (), (), (), ())
    yield "what can be asked for", RequestMenu(types, (), (), (), ())
    lines = _lines(now, LONG)
    own = tuple(replace(x, submission=replace(x.submission, id=f"own{n}")) for n, x in enumerate(lines[:3]))
    gone = tuple(replace(x, title="", headline="", asker="") for x in own)
    yield "kinds that are gone", RequestMenu(types, (), (), gone, ())
    yield "all that waits", RequestMenu(types, lines[:1], lines[1:2], own, (_ASKS, _DECLARES), more=True)


def _pages(now: datetime) -> Iterator[tuple[str, SubmissionPage]]:
    for live in (True, False):
        yield f"{live=} empty", SubmissionPage(_ASKS, live, ())
        yield f"{live=} full", SubmissionPage(_DECLARES, live, _lines(now, "Maps"), f"{now.isoformat()}|s", begins=live)


def _version(
    number: int, doing: Doing, place: Place, now: datetime, text: str, note: str = "", by: str = "p"
) -> SubmissionVersion:
    filled = {"site": text[:LONGEST_LINE], "why": text, "kind": "film", "who": "p", "until": now.isoformat()}
    task = {Doing.DONE: "open"}.get(doing, "")
    return SubmissionVersion(f"v{number}", "s", number, by, now, doing, place, filled, note, task)


def _files(now: datetime, nasty: Iterable[tuple[str, str]]) -> Iterator[tuple[str, SubmissionFile]]:
    for kind in (_ASKS, _DECLARES):
        for state in SubmissionState:
            for until in (None, now):
                file = _file(kind, _submission(state, now, until=until), now, "Maps")
                yield f"{kind.id} {state}, {until}", file
                yield f"{kind.id} {state}, {until}, kept", replace(file, saved=True, may_end=True, waits_for=(WHO, "Iga Nowak"))
    for led in Led:
        for id_, reference in (("", ""), ("b", "CSS-B-2026-4071")):
            file = _file(_DECLARES, _submission(SubmissionState.GRANTED, now), now, "Maps")
            yield f"led to {led} {reference}", replace(file, led_to=(LedTo(led, id_, reference),))
    waiting = _file(_ASKS, _submission(SubmissionState.WAITING, now), now, "Maps")
    yield "one's own", replace(waiting, may_withdraw=True)
    yield "came back", replace(waiting, may_reword=True, may_withdraw=True)
    granted = _file(_ASKS, _submission(SubmissionState.GRANTED, now, ("open", "tell")), now, "Maps")
    yield "to carry out", replace(granted, tasks=_ASKS.tasks, open_tasks=_ASKS.tasks)
    for answers in ((Doing.ADVISED, Doing.RETURNED), (Doing.GRANTED, Doing.REFUSED, Doing.RETURNED)):
        asked = replace(waiting, answers=answers, form_id="f")
        yield f"to be answered {len(answers)}", asked
        wrong = {ANSWER_FIELD: Fault.MISSING, NOTE_FIELD: Fault.WHY_NEEDED}
        yield f"answered wrong {len(answers)}", replace(asked, filled={ANSWER_FIELD: "", NOTE_FIELD: LONG}, faults=wrong)
        yield f"answered too late {len(answers)}", replace(asked, filled={ANSWER_FIELD: answers[0]}, stale=True)
    for name, text in (("long", LONG), *nasty):
        yield (
            f"of {name}",
            replace(_file(_ASKS, _submission(SubmissionState.WAITING, now), now, text[:LONGEST]), answers=(Doing.ADVISED,)),
        )


def _file(kind: RequestType, submission: Submission, now: datetime, text: str) -> SubmissionFile:
    place = submission.place
    doings = [Doing.SENT, *(d for d in Doing if d is not Doing.SENT), *(Doing.ADVISED for _ in range(5))]
    noted = {Doing.REFUSED, Doing.RETURNED, Doing.ADVISED}
    history = tuple(
        (
            _version(n, d, place, now, text, text[:300] if d in noted else "", "" if d is Doing.ENDED else "p"),
            WHO if n % 3 else "",
        )
        for n, d in enumerate(doings, 1)
    )
    return SubmissionFile(kind, submission, WHO, history[0][0], history, {"p": WHO}, form_id="f")


def _asked(now: datetime, nasty: Iterable[tuple[str, str]]) -> Iterator[tuple[str, SubmissionQuestions]]:
    plain = SubmissionQuestions(_ASKS, "f", now)
    record = _submission(SubmissionState.RETURNED, now)
    yield "asked", replace(plain, waits_for=(WHO,))
    yield "declared", SubmissionQuestions(_DECLARES, "f", now)
    yield "asked back", replace(plain, record=record, asked_back="Which class is it?")
    yield "asked back meanwhile", replace(plain, record=record, asked_back="Which class is it?", stale=True)
    yield "wrong", replace(plain, faults={i.field: Fault.MISSING for i in _ASKS.items if i.required})
    for name, text in (("long", LONG), *nasty):
        filled: dict[str, str | tuple[str, ...]] = {
            i.field: text[: LONGEST_LINE if i.type is ItemType.LINE else LONGEST] for i in _ASKS.items
        }
        picked: dict[str, str | tuple[str, ...]] = {
            "req_staff_who": (f"text:{text[:70]}",),
            "req_staff_asked": f"text:{text[:70]}",
        }
        yield f"filled in, {name}", replace(plain, filled={**filled, **picked}, faults={"req_site": Fault.TOO_LONG})
    kept: dict[str, str | tuple[str, ...]] = {
        "req_site": "example.org",
        "req_why": "Maps",
        "req_kind": "film",
        "req_staff_who": ("person:p",),
    }
    until: dict[str, str | tuple[str, ...]] = {"req_until": now.replace(tzinfo=None).isoformat()}
    yield "as it reads", replace(plain, filled={**kept, **until}, names={"req_staff_who": WHO}, record=record)
    yield "with a moment in its zone", replace(plain, filled={**kept, "req_until": now.isoformat()})
