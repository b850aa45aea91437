"""Acknowledged and then left: it comes back when the school says, again and again, and in the end somebody else hears of it."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import cast
from zoneinfo import ZoneInfo

from sqlalchemy import update

from domain.deadlines import SchoolCalendar, Term
from domain.incident import AlertState, CaseFile, Incident
from domain.messages import ReminderMessage, WithdrawnMessage
from domain.words import Urgency
from handlers import details
from handlers.acknowledge import Acknowledged
from handlers.close import Closed
from handlers.hand_on import HandedOn
from storage import tables as t
from storage.store import Store
from tests.handlers.office import Office
from tests.handlers.test_case import closes, hands_on

LONDON = ZoneInfo("Europe/London")
YEAR = SchoolCalendar(
    terms=(
        Term(date(2026, 2, 23), date(2026, 4, 1)),
        Term(date(2026, 4, 20), date(2026, 7, 21)),
        Term(date(2026, 9, 3), date(2026, 10, 23)),
        Term(date(2026, 11, 2), date(2026, 12, 18)),
    ),
    closed=frozenset({date(2026, 11, 27)}),
)


def wall(text: str) -> datetime:
    """A moment by the clock on the school's wall."""
    return datetime.fromisoformat(text).replace(tzinfo=LONDON)


async def taken(office: Office, at: str, concern: str = "grooming") -> Incident:
    """A case that the safeguarding lead acknowledges at some time."""
    office.clock.at = wall(at).astimezone(UTC)
    incident = await office.reports(concern=concern)
    assert isinstance(await office.acknowledge("dsl", await office.alert(incident)), Acknowledged)
    await office.works()
    return incident


def reminders(office: Office, who: str) -> list[ReminderMessage]:
    """What somebody was reminded of."""
    return cast("list[ReminderMessage]", office.post.to(office.people[who].id, ReminderMessage))


async def mornings(office: Office, days: int) -> None:
    """So many days pass, and each has its morning, noon and evening."""
    for _ in range(3 * days):
        await office.later(hours=8)


MORNINGS = [
    ("over the weekend on which the clocks go forward", "2026-03-27T14:00", "2026-03-30T08:30"),
    ("at the end of term, before Easter", "2026-04-01T15:00", "2026-04-20T08:30"),
    ("in the summer", "2026-08-01T15:00", "2026-09-03T08:30"),
    ("before half-term, in which the clocks go back", "2026-10-23T14:00", "2026-11-02T08:30"),
    ("on a Friday evening before a weekend", "2026-11-20T18:00", "2026-11-23T08:30"),
    ("the next morning", "2026-11-24T10:00", "2026-11-25T08:30"),
    ("the evening before a holiday on a Friday", "2026-11-26T18:00", "2026-11-30T08:30"),
    ("at the end of the last term that is known", "2026-12-18T15:00", "2026-12-21T08:30"),
]


async def test_it_comes_back_the_next_school_morning(office: Office) -> None:
    """Whatever lies between: not a minute before, and at that very minute."""
    there = office.at(replace(office.school, calendar=YEAR))
    for number, (story, acknowledged, back) in enumerate(MORNINGS):
        incident = await taken(there, acknowledged)
        there.clock.at = (wall(back) - timedelta(minutes=1)).astimezone(UTC)
        await there.works()
        assert len(reminders(there, "dsl")) == number, story
        await there.later(minutes=1)
        assert len(reminders(there, "dsl")) == number + 1, story
        assert reminders(there, "dsl")[-1].reference == incident.reference
        assert isinstance(await closes(there, "dsl", await there.alert(incident)), Closed)


async def test_the_school_says_how_soon(office: Office) -> None:
    """Three school days for what is urgent, where the file says so; without a word of it one."""
    slow = office.at(replace(office.school, comes_back={**office.school.comes_back, Urgency.CRITICAL: 3}))
    await taken(slow, "2026-11-24T10:00")
    await mornings(slow, 2)
    assert reminders(slow, "dsl") == []
    await mornings(slow, 1)
    assert len(reminders(slow, "dsl")) == 1


async def test_what_is_not_urgent_has_a_week(office: Office) -> None:
    """Five school days, unless the school sets another."""
    await taken(office, "2026-11-24T10:00", "harmful_content")
    await mornings(office, 6)
    assert reminders(office, "dsl") == []
    await mornings(office, 1)
    assert len(reminders(office, "dsl")) == 1


async def test_the_third_time_the_next_person_hears_of_it(office: Office) -> None:
    """Two reminders are the owner's alone. With the third the deputy is told, then the head; the owner has one each time."""
    incident = await taken(office, "2026-11-23T10:00")
    told: list[dict[str, int]] = []
    for _ in range(4):
        await mornings(office, 1)
        told.append({who: len(reminders(office, who)) for who in ("dsl", "deputy", "headteacher")})
    assert told == [
        {"dsl": 1, "deputy": 0, "headteacher": 0},
        {"dsl": 2, "deputy": 0, "headteacher": 0},
        {"dsl": 3, "deputy": 1, "headteacher": 0},
        {"dsl": 4, "deputy": 1, "headteacher": 1},
    ]
    (reminder,) = reminders(office, "deputy")
    assert (reminder.reference, reminder.owner) == (incident.reference, "Dana Okafor")
    alert = await office.alert(incident)
    assert (alert.state, alert.owner_id) == (AlertState.ACKNOWLEDGED, office.people["dsl"].id), "it is still the owner's"
    noted = await office.rows(t.audit, t.audit.c.action == "owner.overlooked")
    assert [row.data["person"] for row in noted] == [office.people[w].id for w in ("deputy", "headteacher")]


async def test_whoever_hears_of_it_may_take_it_over(office: Office) -> None:
    """The headteacher, who holds neither role, reads the case and hands it on; then it is a new owner's, and counts anew."""
    incident = await taken(office, "2026-11-23T10:00")
    alert = await office.alert(incident)
    assert not isinstance(await details.read(office.ports, office.school, office.account("headteacher"), incident.id), CaseFile)
    await mornings(office, 4)
    assert isinstance(await details.read(office.ports, office.school, office.account("headteacher"), incident.id), CaseFile)
    assert isinstance(await hands_on(office, "headteacher", alert, "deputy"), HandedOn)
    await office.acknowledge("deputy", alert)
    before = {who: len(reminders(office, who)) for who in office.people}
    await mornings(office, 3)
    assert len(reminders(office, "deputy")) == before["deputy"] + 1
    assert len(reminders(office, "headteacher")) == before["headteacher"]
    assert reminders(office, "deputy")[-1].owner == ""


async def test_closed_it_comes_back_to_nobody(office: Office) -> None:
    """Whoever was told sees that it is done, where it stands; no more comes."""
    incident = await taken(office, "2026-11-23T10:00")
    await mornings(office, 3)
    assert isinstance(await closes(office, "dsl", await office.alert(incident)), Closed)
    await office.works()
    for who in ("dsl", "deputy"):
        last = office.post.now_shown(office.people[who].id)
        assert getattr(last, "state", None) in ("closed", "done"), last
    before = len(office.post.sent)
    await mornings(office, 10)
    assert len(office.post.sent) == before


async def test_handed_on_before_it_could_be_said(office: Office) -> None:
    """Between the timer and the message the case gets a new owner: nobody is told that they forgot it."""
    incident = await taken(office, "2026-11-23T10:00")
    alert = await office.alert(incident)
    await mornings(office, 2)
    office.clock.at = wall("2026-11-26T08:30").astimezone(UTC)
    due = await office.worker.outbox.due_timers(office.clock.now(), 10, [office.school.id])
    for _, timer in due:
        await office.worker._ring(office.school, timer)
    office.clock.advance(seconds=1)
    assert isinstance(await hands_on(office, "dsl", alert, "headteacher"), HandedOn)
    await office.acknowledge("headteacher", alert)
    await office.works()
    assert reminders(office, "deputy") == []
    assert len(reminders(office, "dsl")) == 2


async def test_whoever_is_shut_out_is_passed_over(office: Office) -> None:
    """The deputy is said to have done it: the third time the head hears of it, and never the deputy."""
    office.clock.at = wall("2026-11-23T10:00").astimezone(UTC)
    incident = await office.reports(targets=(office.picked("deputy"),))
    alert = next(a for a in await office.alerts(incident))
    await office.acknowledge("dsl", alert)
    await mornings(office, 8)
    assert len(reminders(office, "dsl")) >= 4
    assert reminders(office, "headteacher")
    assert office.post.to(office.people["deputy"].id) == []


async def test_named_after_they_were_told(office: Office) -> None:
    """A typed name turns out to be the deputy's after the deputy was told: the reminder is withdrawn where it stands."""
    from domain.incident import Exclusion, Why

    incident = await taken(office, "2026-11-23T10:00")
    await mornings(office, 3)
    assert len(reminders(office, "deputy")) == 1
    async with office.ports.store.transaction(office.school) as records:
        await records.add_exclusions(incident.id, [Exclusion(office.people["deputy"].id, Why.NAMED)])
    assert isinstance(await closes(office, "dsl", await office.alert(incident)), Closed)
    await office.works()
    assert isinstance(office.post.now_shown(office.people["deputy"].id), WithdrawnMessage)


async def test_with_nobody_else_on_the_ladder_it_stays_with_the_owner(office: Office) -> None:
    """A school of one: reminded each day, and nothing breaks."""
    alone = office.with_holders(
        dsl=["dsl"], deputy_dsl=[], headteacher=[], chair_of_governors=[], senior_leadership=["dsl"], governors=[]
    )
    await taken(alone, "2026-11-23T10:00")
    await mornings(alone, 4)
    assert len(reminders(alone, "dsl")) == 4
    assert await alone.rows(t.audit, t.audit.c.action == "owner.overlooked") == []


async def test_an_owner_who_has_left_leaves_it_unanswered(office: Office) -> None:
    """No longer on the staff list when it comes back: it is open again, and the deputy is asked to answer."""
    incident = await taken(office, "2026-11-23T10:00")
    async with office.database.begin() as connection:
        await connection.execute(update(t.people).where(t.people.c.id == office.people["dsl"].id).values(active=False))
    async with Store(office.database).transaction(office.school) as records:
        await records.next_number("people")
    await mornings(office, 1)
    assert (await office.alert(incident)).state is AlertState.OPEN
    assert "deputy" in await office.asked(incident)
