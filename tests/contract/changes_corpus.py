"""How a case has changed and ended, the forms to change it, what is signed, and what is said of it: in every state."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from bot.changes_desk import ChangesDesk
from bot.replies import ShowForm, WrongForm
from cards import case, messages
from cards.model import Card, Form
from domain.case_changes import (
    CONCERN,
    DUE,
    KIND,
    NOTE,
    OTHER,
    REASON,
    URGENCY,
    CaseChange,
    CaseCourse,
    ChangeKind,
    ChangeLine,
    Classified,
    Link,
    LinkedCase,
    LinkKind,
    Result,
    Review,
    Signature,
    SignatureLine,
    changes_paged,
)
from domain.change_forms import ChangeQuestions, Done, SendBackPage, SignPage, UnlinkQuestions, Wish, WishQuestions
from domain.incident import CaseFile, Incident
from domain.messages import ReviewMessage, SignOffMessage
from domain.people import School
from domain.report_form import LONGEST_TEXT, Fault
from domain.words import IncidentState, Role, Urgency
from handlers.details import PassedOn
from handlers.signing import SignedAlready

LONG = ("It was said again and again, by everybody who was there. " * 60)[:LONGEST_TEXT]


def change_entries(
    school: School, file: CaseFile, now: datetime, nasty: Iterable[tuple[str, str]]
) -> Iterator[tuple[str, Card | Form]]:
    """All of it."""
    i, texts = file.incident, (("long", LONG), *nasty)
    for name, course in _courses(school, i, now):
        yield f"course: {name}", case.case_form(school, replace(file, course=course))
    desk = ChangesDesk(None, school)  # type: ignore[arg-type]
    for name, outcome in (*_asked(school, i, now, texts), *_signed(i, now, texts)):
        reply = desk._shown(outcome)
        assert isinstance(reply, ShowForm | WrongForm)
        yield f"change: {name}", reply.form
    for result in (*Result, ""):
        yield f"close: ended as {result}", case.close_form(i.reference, "a", "", {}, result=result)
    for name, message in change_messages(i, now):
        yield f"ending: {name}, again", messages.message_card(school, replace(message, again=True))


def change_messages(incident: Incident, now: datetime) -> Iterator[tuple[str, SignOffMessage | ReviewMessage]]:
    """What stays in a chat."""
    for settled in (False, True):
        yield f"sign {settled=}", SignOffMessage(incident.id, incident.reference, "Headteacher", now, settled)
        yield f"review done={settled}", ReviewMessage(incident.id, incident.reference, now, settled)


def _lines(now: datetime, text: str = "Because of what his brother said") -> Iterator[ChangeLine]:
    was, is_now = Classified("grooming", Urgency.CRITICAL), Classified("gone_from_the_policy", Urgency.LOW)
    for n, kind in enumerate(ChangeKind):
        code = Result.REFERRED if kind is ChangeKind.CLOSED else Role.HEADTEACHER if kind is ChangeKind.SIGNED else ""
        made = CaseChange(f"c{n}", "i", "p", kind, now, text, "other", code, was, is_now, due_at=now)
        yield ChangeLine(made, "Dana Okafor", "CSS-2026-4071")
        yield ChangeLine(replace(made, text="", was=None, now=None, due_at=None), "")
    back = CaseChange("back", "i", "p", ChangeKind.REOPENED, now, text, code=Role.GOVERNORS)
    yield ChangeLine(back, "Chidi Adeyemi")


def _courses(school: School, incident: Incident, now: datetime) -> Iterator[tuple[str, CaseCourse]]:
    lines = tuple(_lines(now))
    for first in range(0, len(lines), 5):
        yield f"changes {first}", CaseCourse(works=True, changes=lines[first : first + 5])
    yield "a long reason", CaseCourse(works=True, changes=tuple(_lines(now, LONG))[:5])
    concern = next(iter(school.policy.concerns))
    for kind in LinkKind:
        for into in (False, True):
            link = Link("l", "i" if into else "o", "o" if into else "i", kind, "p", now)
            for known in (concern, "gone"):
                found = LinkedCase(link, "o", "CSS-2026-4071", known, IncidentState.CLOSED, into)
                yield f"{kind} {into=} {known}", CaseCourse(works=known == concern, links=(found,), merged=into)
    yield "merged into what they may not know of", CaseCourse(merged=True)
    review = Review("r", incident.id, "p", now, now)
    for due in (False, True):
        yield f"review {due=}", CaseCourse(review=review, review_is_due=due)
    signature = Signature("s", incident.id, Role.HEADTEACHER, 0, now, "p", Role.CHAIR_OF_GOVERNORS)
    done = replace(signature, done_at=now, done_by="p")
    marks = [SignatureLine(x, who) for x in (signature, done) for who in ("Helen Pemberton", "")]
    marks += [
        SignatureLine(replace(signature, person_id=None, asked_as=None), ""),
        SignatureLine(done, "Helen Pemberton", before=True),
    ]
    yield "signatures", CaseCourse(signatures=tuple(marks), result=Result.NO_ACTION, signs=signature)
    yield "another category at first", CaseCourse(works=True, first=Classified(concern, Urgency.HIGH))
    given = (("a1", "Dana Okafor", Role.DSL), ("a2", "", Role.HEAD_OF_HOUSE))
    yield "duties of others", CaseCourse(works=True, given=given)


def _asked(school: School, incident: Incident, now: datetime, texts: tuple[tuple[str, str], ...]) -> Iterator[tuple[str, Any]]:
    at = incident.id, incident.reference
    yield "nothing", ChangeQuestions(*at, ())
    yield "what", ChangeQuestions(*at, tuple(Wish))
    yield "what, wrong", ChangeQuestions(*at, tuple(Wish), {KIND: Fault.MISSING})
    concerns = tuple((c.id, c.label) for c in school.policy.concerns.values())
    for wish in Wish:
        asked = WishQuestions(
            *at,
            wish,
            "f",
            now,
            was=Classified(incident.facts.concern, incident.urgency),
            concerns=concerns if wish is Wish.RECLASSIFY else (),
            cites=tuple(f"{s}.1" for s in list(school.policy.sections)[:2]) if wish is Wish.REVIEW else (),
        )
        yield f"{wish}", asked
        filled = {CONCERN: "gone", URGENCY: "low", OTHER: "CSS-2026-4071", DUE: now.isoformat()}
        for name, text in texts:
            faults = {REASON: Fault.TOO_LONG, **({OTHER: Fault.OTHER_AUDIENCE} if wish in (Wish.MERGE, Wish.LINK) else {})}
            yield f"{wish} {name}", replace(asked, filled={**filled, REASON: text[:LONGEST_TEXT]}, faults=faults)
        naive = now.replace(tzinfo=None).isoformat()
        yield f"{wish}, a private case", replace(asked, filled={DUE: naive}, private=True, was=Classified("gone", Urgency.LOW))
    yield "unlink", UnlinkQuestions(*at, "CSS-2026-4071", "l", "f")
    yield "unlink, wrong", UnlinkQuestions(*at, "CSS-2026-4071", "l", "f", {REASON: ""}, {REASON: Fault.MISSING})
    for kind in ChangeKind:
        yield f"done {kind}", Done(incident.reference, incident.id, kind)
    yield "done, merged into", Done(incident.reference, incident.id, ChangeKind.MERGED, "CSS-2026-4071")
    yield "done, signed off", Done(incident.reference, incident.id, ChangeKind.SIGNED, whole=True)
    yield "passed on", PassedOn(incident.reference, (Role.HEADTEACHER,))
    yield "signed already", SignedAlready(incident.reference)
    for name, text in (("short", "Because"), *texts):
        lines = tuple(_lines(now, text[:LONGEST_TEXT]))
        for number in (1, 2, None):
            yield f"all changes {name} {number}", changes_paged(*at, lines, number)
    yield "no changes", changes_paged(*at, ())


def _signed(incident: Incident, now: datetime, texts: tuple[tuple[str, str], ...]) -> Iterator[tuple[str, Any]]:
    mine = Signature("s", incident.id, Role.HEADTEACHER, 0, now, "p", Role.HEADTEACHER, reads=True)
    other = SignatureLine(replace(mine, role=Role.GOVERNORS, done_at=now, done_by="q"), "Chidi Adeyemi")
    page = SignPage(
        incident.id,
        incident.reference,
        "Bypassing filters",
        incident.urgency,
        now - timedelta(days=4),
        now,
        mine,
        Result.DEALT_WITH,
        (Role.DSL, Role.HEAD_OF_HOUSE),
        (other,),
        Review("r", incident.id, "p", now, now),
        None,
        2,
        (),
        may_read=True,
        form_id="f",
    )
    yield "sign", page
    stands_in = replace(mine, asked_as=Role.CHAIR_OF_GOVERNORS, reads=False)
    bare = replace(page, signature=stands_in, result=None, roles=(), others=(), review=None, open_actions=0, may_read=False)
    yield "sign in place of another", bare
    yield "sign, looked at again", replace(bare, reviewed_at=now)
    back = SendBackPage(incident.id, incident.reference, mine, "f")
    yield "send back", back
    yield "send back, no reason", replace(back, faults={REASON: Fault.MISSING})
    yield "sent back", Done(incident.reference, incident.id, ChangeKind.REOPENED, sent_back=True)
    for name, text in texts:
        yield f"send back {name}", replace(back, reason=text[:LONGEST_TEXT], faults={REASON: Fault.TOO_LONG})
        yield f"sign {name}", replace(page, note=text[:LONGEST_TEXT], faults={NOTE: Fault.TOO_LONG})
