"""What the calendar asks of somebody: told once, done by those whose it is, and a draft for parents that tells nothing more."""

import asyncio
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest

from domain.digests import Digest
from domain.duties import CalendarPage, DutyKind
from domain.figures import Figures, Season, Span, Table
from domain.incident import MessageKind
from domain.measures import Topic
from domain.messages import DutyMessage
from domain.school_dates import DateEntry, Once
from domain.words import Role
from handlers import digests, duties
from handlers.acknowledge import NotForYou
from storage import tables as t
from tests.handlers.office import Office

TUESDAY = datetime(2026, 11, 24, 10, tzinfo=UTC)
FAIR = DateEntry("fair", "E-safety fair", "In the hall", Once(date(2026, 12, 2)), (Role.COMPUTING_COORDINATOR,), 14)
AUTUMN = Span(date(2026, 8, 1), date(2026, 12, 31), Season.AUTUMN, 2026)


@pytest.fixture
def fair(office: Office) -> Office:
    """A school with one date of its own, in the care of the teacher, and no review."""
    policy = replace(office.school.policy, review_due=None, dates=replace(office.school.policy.dates, entries=()))
    office = office.with_holders(computing_coordinator=["teacher"])
    return office.at(replace(office.school, policy=policy, dates=(FAIR,)))


async def rings(office: Office, *, days: int = 0) -> int:
    office.clock.advance(days=days)
    rung = await duties.ring(office.ports, office.school)
    await office.works()
    return rung


def sent(office: Office, who: str) -> list[DutyMessage]:
    return [m for m in office.post.to(office.people[who].id, DutyMessage) if isinstance(m, DutyMessage)]


async def calendar(office: Office, who: str) -> CalendarPage:
    page = await duties.look(office.ports, office.school, office.account(who))
    assert isinstance(page, CalendarPage)
    return page


async def rows(office: Office) -> list[Any]:
    return await office.rows(t.duties)


async def test_a_day_that_is_moved_after_its_reminder_shows_once(fair: Office) -> None:
    """The old day is asked for no more, before it has come and after; whose it is hears of the new one in its time."""
    await rings(fair)
    assert [m.due for m in sent(fair, "teacher")] == [date(2026, 12, 2)]
    moved = fair.at(replace(fair.school, dates=(replace(FAIR, when=Once(date(2026, 12, 9))),)))
    for days, told in ((0, 1), (1, 2), (9, 2)):
        await rings(moved, days=days)
        page = await calendar(moved, "teacher")
        assert [line.occasion.due for line in (*page.overdue, *page.coming)] == [date(2026, 12, 9)]
        assert len({m.due for m in sent(moved, "teacher")}) == told


async def publishes(office: Office, **concerns: int) -> None:
    figures = Figures(AUTUMN, office.clock.now(), 5, sum(concerns.values()), {Table.CONCERN: concerns}, id="autumn")
    async with office.ports.store.transaction(office.school) as records:
        assert await records.add_figures(figures)
        await records.note(office.clock.now(), "bot", "figures.made", span=AUTUMN.id)


async def test_whose_it_is_says_that_it_is_done(fair: Office) -> None:
    assert await rings(fair) == 1
    (message,) = sent(fair, "teacher")
    assert (message.title, message.due, message.overdue, message.done_by) == ("E-safety fair", FAIR.when.day, False, "")  # type: ignore[union-attr]
    for who in ("it", "cabot head", "chair", "stranger"):
        assert isinstance(await duties.finish(fair.ports, fair.school, fair.account(who), message.duty_id), NotForYou), who
    assert isinstance(await duties.finish(fair.ports, fair.school, fair.account("teacher"), "x" * 99), NotForYou)
    for who in ("teacher", "headteacher"):
        page = await duties.finish(fair.ports, fair.school, fair.account(who), message.duty_id)
        assert isinstance(page, CalendarPage)
        assert page.coming[0].done_by == "Tess Whitlock"
    await fair.works()
    shown = fair.post.now_shown(fair.people["teacher"].id)
    assert isinstance(shown, DutyMessage)
    assert shown.done_by == "Tess Whitlock"
    (done,) = await fair.rows(t.audit, t.audit.c.action == "duty.done")
    assert done.data["entry"] == "fair"
    assert done.actor == f"person:{fair.people['teacher'].id}"
    assert await rings(fair, days=7) == 0


async def test_it_is_told_once_however_many_look(fair: Office) -> None:
    rung = await asyncio.gather(*(duties.ring(fair.ports, fair.school) for _ in range(4)))
    assert sum(rung) == 1
    fair.clock.advance(days=7)
    rung = await asyncio.gather(*(duties.ring(fair.ports, fair.school) for _ in range(4)))
    assert sum(rung) == 1
    await fair.works()
    assert len(sent(fair, "teacher")) == 2
    assert [row.rung for row in await rows(fair)] == [2]
    assert await rings(fair, days=30) == 0


async def test_what_nobody_does_stays_overdue(fair: Office) -> None:
    await rings(fair)
    fair.clock.advance(days=40)
    page = await calendar(fair, "it")
    assert [(line.occasion.entry, line.mine) for line in page.overdue] == [("fair", False)]
    assert [line.mine for line in (await calendar(fair, "teacher")).overdue] == [True]
    # Once the school takes it out of its file nobody has to do anything about it.
    gone = fair.at(replace(fair.school, dates=()))
    assert (await calendar(gone, "it")).overdue == ()
    (row,) = await rows(fair)
    assert isinstance(await duties.finish(gone.ports, gone.school, gone.account("teacher"), row.id), NotForYou)


async def test_nobody_is_disturbed_out_of_school_hours(fair: Office) -> None:
    for moment in (
        datetime(2026, 11, 28, 10, tzinfo=UTC),
        datetime(2026, 11, 24, 7, tzinfo=UTC),
        datetime(2026, 11, 24, 17, tzinfo=UTC),
    ):
        fair.clock.at = moment
        assert await rings(fair) == 0, moment
    fair.clock.at = TUESDAY
    assert await rings(fair) == 1


async def test_where_nobody_holds_the_role_the_leads_are_told(fair: Office) -> None:
    fair = fair.with_holders(computing_coordinator=[])
    assert await rings(fair) == 1
    assert len(sent(fair, "dsl")) == len(sent(fair, "deputy")) == 1
    assert sent(fair, "teacher") == []


async def test_where_there_is_nobody_it_waits_for_somebody(fair: Office) -> None:
    nobody = fair.with_holders(computing_coordinator=[], dsl=[], deputy_dsl=[], headteacher=[])
    assert await rings(nobody) == 0
    assert await rows(fair) == []
    assert await rings(fair) == 1


async def test_who_holds_the_role_no_more_is_not_told(fair: Office) -> None:
    """Between the moment that it was set going and the moment that it is sent, somebody else took it over."""
    assert await duties.ring(fair.ports, fair.school) == 1
    later = fair.with_holders(computing_coordinator=["it"])
    await later.works()
    assert sent(fair, "teacher") == []


async def test_another_school_knows_nothing_of_it(fair: Office) -> None:
    await rings(fair)
    (row,) = await rows(fair)
    other = fair.at(replace(fair.school, id="elsewhere"))
    assert isinstance(await duties.finish(other.ports, other.school, other.account("headteacher"), row.id), NotForYou)
    assert [r.done_at for r in await rows(fair)] == [None]


async def test_a_review_that_was_done_years_ago_is_not_overdue(office: Office) -> None:
    assert await rings(office) >= 1
    review = next(row for row in await rows(office) if row.kind == DutyKind.REVIEW)
    assert [line.occasion.kind for line in (await calendar(office, "teacher")).overdue] == [DutyKind.REVIEW]
    await duties.finish(office.ports, office.school, office.account("dsl"), review.id)
    assert (await calendar(office, "teacher")).overdue == ()
    office.clock.advance(days=800)
    assert DutyKind.REVIEW not in {line.occasion.kind for line in (await calendar(office, "teacher")).overdue}


async def test_a_review_is_brought_up_before_its_day_and_when_it_is_past(fair: Office) -> None:
    """Its day is a Saturday: on Monday the head and the lead hear that it is past, and then no more."""
    office = fair.at(replace(fair.school, dates=(), policy=replace(fair.school.policy, review_due=date(2027, 1, 16))))
    assert await rings(office) == 1
    assert await rings(office, days=7) == 1
    for moment in (datetime(2027, 1, 15, 15, tzinfo=UTC), datetime(2027, 1, 17, 10, tzinfo=UTC)):
        office.clock.at = moment
        assert await rings(office) == 0
    office.clock.at = datetime(2027, 1, 18, 9, tzinfo=UTC)
    assert await rings(office) == 1
    for who in ("headteacher", "dsl"):
        assert [(m.kind, m.overdue) for m in sent(office, who)] == [(DutyKind.REVIEW, late) for late in (False, False, True)]
    assert await rings(office, days=30) == 0
    # The policy has been reviewed, and its file says when next: what was asked before is asked no more.
    reviewed = office.at(replace(office.school, policy=replace(office.school.policy, review_due=date(2028, 1, 16))))
    assert (await calendar(reviewed, "teacher")).overdue == ()


async def test_a_lesson_is_suggested_by_figures_and_by_no_case(fair: Office) -> None:
    """A case that is closed suggests nothing; published figures do, of what was surely frequent, once, on a school day."""
    incident = await fair.reports()
    alert = await fair.alert(incident)
    await fair.acknowledge("dsl", alert)
    await rings(fair)
    assert {row.kind for row in await rows(fair)} == {DutyKind.DATE}
    fair.clock.at = datetime(2027, 1, 11, 10, tzinfo=UTC)
    await publishes(fair, cyberbullying=10, scam=5, nude_image=0)
    assert await rings(fair)
    (message,) = [m for m in sent(fair, "teacher") if m.kind is DutyKind.LESSON]
    assert (message.topic, message.title) == (Topic.BULLYING, "")
    assert await rings(fair) == 0
    assert [line.occasion.entry for line in (await calendar(fair, "teacher")).lessons] == [Topic.BULLYING]
    assert [line.occasion.entry for line in (await calendar(fair, "dsl")).lessons] == [Topic.BULLYING]
    for who in ("it", "chair", "cabot head"):
        assert (await calendar(fair, who)).lessons == (), who


async def test_the_draft_says_nothing_that_figures_do_not(fair: Office) -> None:
    """The same of every term with the same published concerns, whatever happened; and reading it is noted."""
    assert await digests.draft(fair.ports, fair.school, fair.account("dsl")) == Digest(None, (), ())
    await publishes(fair, cyberbullying=10, scam=5)
    before = await digests.draft(fair.ports, fair.school, fair.account("dsl"))
    assert isinstance(before, Digest)
    assert [advice.topic for advice, _ in before.topics] == [Topic.BULLYING]
    for _ in range(3):
        await fair.reports(concern="scam")
    assert await digests.draft(fair.ports, fair.school, fair.account("headteacher"), "2026-autumn") == before
    for who in ("teacher", "chair", "it", "stranger"):
        assert isinstance(await digests.draft(fair.ports, fair.school, fair.account(who)), NotForYou), who
    noted = await fair.rows(t.audit, t.audit.c.action == "digest.read")
    assert [(n.data["span"], n.data["topics"], n.incident_id) for n in noted] == [
        ("", 0, None),
        *[("2026-autumn", 1, None)] * 2,
    ]


async def test_its_messages_go_to_people_and_never_to_a_channel(fair: Office) -> None:
    await rings(fair)
    found = await fair.rows(t.deliveries, t.deliveries.c.message == MessageKind.DUTY)
    assert {row.address_kind for row in found} == {"person"}
    assert all(row.duty_id is not None and row.incident_id is None for row in found)
