"""What staff sign: what there is, one to read in each way, who has not, who was at a training, what is said in a chat."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

from bot.agreements_desk import AgreementsDesk, _Outcome
from bot.replies import ShowForm, WrongForm
from cards import agreements
from cards.model import Card, Form
from cards.pages import as_form
from domain.agreements import Agreement, AgreementKind
from domain.exports import LIVES, Page, PageKind
from domain.messages import SigningMessage
from domain.people import School
from domain.report_form import Fault
from domain.signings import (
    ATTENDED_FIELD,
    DONE_FIELD,
    AgreementPage,
    AttendedForm,
    Gap,
    GapPage,
    GivenSignature,
    SignMenu,
    ToSign,
)

WHO = "Dana Okafor"
POINT = "I keep to what the school asks of me, at school and outside of it, in every lesson and every message. " * 5
_CITES = ("all-staff.3", "all-staff.1", "training.1")


def agreement_entries(school: School, now: datetime, nasty: Iterable[tuple[str, str]]) -> Iterator[tuple[str, Card | Form]]:
    """All of it."""
    desk = AgreementsDesk(None, school, Path(), None)  # type: ignore[arg-type]
    made = Page("p", "CSS-2026-page.html", PageKind.SUBJECT, "p", now, now + LIVES, "0" * 64, ())
    taken = agreements.exported_card(school, _agreement(AgreementKind.READING), made, "abcd-efgh-ijkl-mnop-qrst")
    yield "signing: taken out", as_form(taken, "signing_taken")
    yield "signing: the word", as_form(agreements.signing_menu_card(), "signing_card")
    found: tuple[tuple[str, _Outcome], ...] = (*_menus(now), *_pages(now, nasty), *_gaps(now, nasty), *_attended(now, nasty))
    for name, outcome in found:
        reply = desk._shown(outcome)
        assert isinstance(reply, ShowForm | WrongForm)
        yield f"signing: {name}", reply.form


def signing_messages(now: datetime) -> Iterator[tuple[str, SigningMessage]]:
    """What is said of it."""
    titles = tuple(_agreement(kind).title for kind in AgreementKind)
    yield "all signed", SigningMessage()
    for reminder in (False, True):
        for late in (False, True):
            yield f"to sign {reminder=} {late=}", SigningMessage(titles, now, late=late, reminder=reminder, last=late)


def _agreement(kind: AgreementKind, points: tuple[str, ...] = ("I keep to it.",), changes: tuple[str, ...] = ()) -> Agreement:
    return Agreement(kind, kind, f"The {kind} of the staff", "May 2022", "For all staff.", points, changes, cites=_CITES)


def _menus(now: datetime) -> Iterator[tuple[str, SignMenu]]:
    kinds = [_agreement(kind) for kind in AgreementKind]
    wanted = tuple(ToSign(a, now, late=late, wanted=True) for a, late in zip(kinds, (True, False, False), strict=True))
    signed = [
        ToSign(kinds[0], now, late=False, wanted=False, signed_at=now),
        ToSign(kinds[1], now, late=False, wanted=False, signed_at=now, until=now + timedelta(days=365)),
    ]
    ends = ToSign(kinds[2], now, late=False, wanted=True, signed_at=now, until=now + timedelta(days=20))
    yield "nothing to sign", SignMenu(tuple(signed), ())
    yield "to sign", SignMenu(wanted, ())
    yield "some of each", SignMenu((*signed, ends), tuple((a, n, 80) for n, a in enumerate(kinds)))


def _pages(now: datetime, nasty: Iterable[tuple[str, str]]) -> Iterator[tuple[str, AgreementPage]]:
    for kind in AgreementKind:
        long = _agreement(kind, (POINT[:500],) * 40, (POINT[:500],) * 10)
        for agreement in (_agreement(kind), _agreement(kind, ()), long):
            item = ToSign(agreement, now, late=False, wanted=True)
            yield f"{kind}, {len(agreement.points)} points", AgreementPage(item, "f")
        item = ToSign(_agreement(kind), now, late=True, wanted=True)
        yield f"{kind}, stale", AgreementPage(item, "f", stale=True)
        signed = ToSign(_agreement(kind), now, late=False, wanted=False, signed_at=now, until=now)
        for n, name in enumerate((WHO, *(text[:200] for _, text in nasty))):
            given = GivenSignature("g", "s", 1, "p", "p", now, "May 2022", "ab" * 32, name, "It", None, None)
            yield f"{kind}, signed by {n}", AgreementPage(signed, "f", given, just=not n)
        other = GivenSignature("g", "s", 1, "p", "q", now, "May 2022", "ab" * 32, WHO, "It", now, now)
        yield f"{kind}, entered by another", AgreementPage(signed, "f", other)
    training = ToSign(_agreement(AgreementKind.TRAINING), now, late=False, wanted=True)
    for fault in (Fault.MISSING, Fault.IN_FUTURE, Fault.TOO_LONG_AGO, Fault.NOT_A_MOMENT):
        for when in ("", "nonsense", now.isoformat(), now.replace(tzinfo=None).isoformat()):
            filled: dict[str, str | tuple[str, ...]] = {DONE_FIELD: when}
            yield f"training, {fault} {when}", AgreementPage(training, "f", None, filled, {DONE_FIELD: fault})


def _gaps(now: datetime, nasty: Iterable[tuple[str, str]]) -> Iterator[tuple[str, GapPage]]:
    for kind in AgreementKind:
        agreement = _agreement(kind)
        yield f"{kind}, everybody has", GapPage(agreement, (), 0, 80)
        gaps = tuple(Gap(text[:200], now, late=bool(n % 2), reminded=n % 4) for n, (_, text) in enumerate([("", WHO), *nasty]))
        yield f"{kind}, some have not", GapPage(agreement, gaps[:20], 40, 80, "p", begins=False)
        yield f"{kind}, reminded", GapPage(agreement, gaps[:3], 3, 80, reminded=3)
        yield f"{kind}, changed since", GapPage(agreement, gaps[:3], 3, 80, reworded=77)
        yield f"{kind}, reminded before", GapPage(agreement, gaps[:3], 3, 80, reminded=0)
    yield "entered", GapPage(_agreement(AgreementKind.TRAINING), gaps[:3], 3, 80, entered=2)


def _attended(now: datetime, nasty: Iterable[tuple[str, str]]) -> Iterator[tuple[str, AttendedForm]]:
    training = _agreement(AgreementKind.TRAINING)
    yield "who was there", AttendedForm(training, "f", now)
    faults = {ATTENDED_FIELD: Fault.TOO_MANY_AT_ONCE, DONE_FIELD: Fault.MISSING}
    picked = ("person:p", *(f"text:{text[:70]}" for _, text in nasty))
    for filled in ({ATTENDED_FIELD: picked[:9]}, {ATTENDED_FIELD: "person:p", DONE_FIELD: now.isoformat()}):
        yield f"who was there, wrong {len(filled)}", AttendedForm(training, "f", now, filled, faults, {"person:p": WHO})
