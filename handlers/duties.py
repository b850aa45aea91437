"""The school's calendar: shown to all staff, brought to mind of those whose it is, and done when somebody says so.

An occasion becomes a row with its first reminder, in the transaction that writes the deliveries: the row is unique, so that it
is brought up once however many processes look. What is suggested as a lesson comes out of published figures alone.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import TypeAlias

from domain.access import dated_people, may_draft_digest, may_finish_duty, may_see_dates
from domain.duties import (
    AHEAD,
    MISSED_FOR,
    SUGGESTED_FOR,
    CalendarLine,
    CalendarPage,
    Duty,
    DutyKind,
    Occasion,
    entry_of,
    lessons,
    next_reminder,
    occasions,
    roles_of,
    stands,
    to_begin,
    topic_of,
)
from domain.incident import Delivery, MessageKind, Outgoing
from domain.messages import DutyMessage
from domain.people import Account, Person, School
from handlers.acknowledge import NotForYou
from handlers.alerting import on_platforms
from handlers.ports import Ports, Records, actor
from handlers.rights import member, viewer
from handlers.working import AtTheDesk

MOST_SHOWN = 24
"""So many dates that come are shown at once."""
_MOST_OPEN = 8
_KNOWN_FOR = timedelta(days=366)
"""How long ago a date may be that was done, and still be known as such."""
_LONGEST_ID = 36

FinishOutcome: TypeAlias = CalendarPage | NotForYou


@dataclass(frozen=True, slots=True)
class _Desk(AtTheDesk):
    """Somebody before the calendar."""

    @property
    def today(self) -> date:
        return self.now.astimezone(self.school.calendar.timezone).date()


async def look(ports: Ports, school: School, account: Account) -> CalendarPage | NotForYou:
    """What is overdue, what is suggested, and what comes in the next twelve months."""
    async with ports.store.transaction(school, write=False) as records:
        desk = _Desk(ports, records, await viewer(records, school, account), ports.clock.now())
        return await _page(desk) if may_see_dates(desk.looking) else NotForYou()


async def finish(ports: Ports, school: School, account: Account, duty_id: str) -> FinishOutcome:
    """Somebody says that it is done. Whoever presses second changes nothing; both are shown the calendar."""
    async with ports.store.transaction(school) as records:
        desk = _Desk(ports, records, await viewer(records, school, account), ports.clock.now())
        duty = await records.duty(duty_id) if 0 < len(duty_id) <= _LONGEST_ID else None
        if duty is None or not stands(school, duty.occasion) or not _is_theirs(desk, duty.occasion):
            return NotForYou()
        if await records.finish_duty(duty.id, desk.person, desk.now):
            of = duty.occasion
            await records.note(desk.now, actor(account), "duty.done", duty=duty.id, kind=of.kind, entry=of.entry, of=of.key)
        page = await _page(desk)
    ports.wake()
    return page


def _is_theirs(desk: _Desk, occasion: Occasion) -> bool:
    return may_finish_duty(desk.looking, roles_of(desk.school, occasion))


async def _page(desk: _Desk) -> CalendarPage:
    school, today = desk.school, desk.today
    known = {d.occasion.name: d for d in await desk.records.duties(today - _KNOWN_FOR)}
    names = await desk.records.names_of_staff({d.done_by for d in known.values() if d.done_by is not None})
    kept = [d for d in known.values() if stands(school, d.occasion)]
    overdue = [d.occasion for d in kept if d.is_overdue(today) and d.occasion.kind is not DutyKind.LESSON]
    coming = [o for o in occasions(school, today, today + AHEAD) if o.due >= today]
    lately = [d for d in kept if d.done_at is None and d.occasion.due >= today - SUGGESTED_FOR]
    suggested = [d.occasion for d in lately if d.occasion.kind is DutyKind.LESSON and _is_theirs(desk, d.occasion)]
    # The review that is past and was not brought up yet, as on the day the bot came, is overdue all the same.
    overdue += [o for o in occasions(school, today, today) if o.due < today and o.name not in known]

    def lines(found: list[Occasion], most: int) -> tuple[CalendarLine, ...]:
        return tuple(_line(desk, o, known, names) for o in sorted(found, key=lambda o: o.due)[:most])

    more = max(len(overdue), len(suggested)) > _MOST_OPEN or len(coming) > MOST_SHOWN
    return CalendarPage(
        today,
        lines(overdue, _MOST_OPEN),
        lines(suggested, _MOST_OPEN),
        lines(coming, MOST_SHOWN),
        more,
        may_draft_digest(desk.looking),
    )


def _line(
    desk: _Desk, occasion: Occasion, known: Mapping[tuple[str, str, str], Duty], names: Mapping[str, str]
) -> CalendarLine:
    duty, school = known.get(occasion.name), desk.school
    by = names.get(duty.done_by, "") if duty is not None and duty.done_by is not None else ""
    mine = duty is not None and duty.done_at is None and _is_theirs(desk, occasion)
    return CalendarLine(occasion, entry_of(school, occasion), topic_of(school, occasion), duty, by, mine)


async def ring(ports: Ports, school: School) -> int:
    """Reminds whoever is to be, in school hours; of how many things. Each is brought up once, whoever else looks as well."""
    now, count = ports.clock.now(), 0
    if not school.calendar.is_open(now):
        return 0
    async with ports.store.transaction(school, write=False) as records:
        begin, again = await _due(records, school, now)
    for occasion in begin:
        async with ports.store.transaction(school) as records:
            duty = Duty(ports.new_id(), occasion, now, next_at=next_reminder(school, occasion, 1, now))
            people = dated_people(school, await records.staff(), roles_of(school, occasion))
            # While nobody is on the staff list who could see to it, nobody has been reminded: it is tried again.
            if people and await records.add_duty(duty):
                await _remind(ports, records, duty, people, now)
                count += 1
    for duty in again:
        async with ports.store.transaction(school) as records:
            rung = duty.rung + 1
            people = dated_people(school, await records.staff(), roles_of(school, duty.occasion))
            if people and await records.ring_duty(duty, next_reminder(school, duty.occasion, rung, now), now):
                await _remind(ports, records, replace(duty, rung=rung), people, now)
                count += 1
    if count:
        ports.wake()
    return count


async def _due(records: Records, school: School, now: datetime) -> tuple[list[Occasion], list[Duty]]:
    """What nobody has been reminded of, and what somebody is to be reminded of again."""
    today = now.astimezone(school.calendar.timezone).date()
    known = await records.duties(today - _KNOWN_FOR)
    found = occasions(school, today - MISSED_FOR, today + AHEAD)
    if published := await records.figures():
        found += lessons(school, published[-1], today)
    due = [d for d in known if d.done_at is None and d.next_at is not None and d.next_at <= now]
    return to_begin(school, found, {d.occasion.name for d in known}, today), [d for d in due if stands(school, d.occasion)]


async def _remind(ports: Ports, records: Records, duty: Duty, people: Iterable[Person], now: datetime) -> None:
    of = duty.occasion
    deliveries = [
        Delivery(ports.new_id(), None, None, MessageKind.DUTY, place, duty_id=duty.id, step=str(duty.rung))
        for person in people
        for place in on_platforms(ports.platforms, person)
    ]
    await records.set_going(Outgoing(deliveries=deliveries), now)
    await records.note(now, "bot", "duty.reminded", duty=duty.id, kind=of.kind, entry=of.entry, of=of.key, rung=duty.rung)


async def of_duty(records: Records, school: School, delivery: Delivery, duty_id: str, now: datetime) -> DutyMessage | None:
    """What a message about a date says now; None where nobody needs it any more, or it is not theirs."""
    duty = await records.duty(duty_id)
    if duty is None or not stands(school, duty.occasion) or (duty.done_at is not None and delivery.message_id is None):
        return None
    reader = member(school, await records.staff(), delivery.address.id)
    if not may_finish_duty(reader, roles_of(school, duty.occasion)):
        return None
    entry, topic = entry_of(school, duty.occasion), topic_of(school, duty.occasion)
    names = await records.names_of_staff({duty.done_by} if duty.done_by is not None else ())
    return DutyMessage(
        duty.id,
        duty.occasion.kind,
        duty.occasion.due,
        entry.title if entry is not None else "",
        topic.topic if topic is not None else None,
        duty.is_overdue(now.astimezone(school.calendar.timezone).date()),
        names.get(duty.done_by, "") if duty.done_by is not None else "",
        duty.done_at,
    )
