"""What is not kept any longer than it is needed for."""

from collections import Counter
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, delete, exists, func, or_, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.people import Kind
from domain.retention import YEARS_AFTER_LEAVING
from storage import tables as t
from storage.audit_entries import add_entry
from storage.database import Database
from storage.vault import ERASED

_EVENTS_REMEMBERED = timedelta(days=1)
WHO = frozenset({"person_id", "owner_id", "settled_by", "agreed_by", "doer_id", "done_by"})
"""What columns are called, of what belongs to a case, in which somebody's id stands."""
_AFTER_LEAVING = timedelta(days=366) * YEARS_AFTER_LEAVING


async def tidy(database: Database, now: datetime) -> None:
    """Forgets reports that nobody sent in time, questions, people who left and are in no case, and what is long past."""
    d = t.drafts.c
    async with database.begin() as connection:
        expired = update(t.drafts).where(text("drafts.state = 'open'"), d.expires_at <= now)
        forgotten = expired.values(state="discarded", filled={}, sealed=None).returning(d.school)
        for school, count in sorted(Counter((await connection.execute(forgotten)).scalars()).items()):
            await add_entry(connection, school, now, "bot", "drafts.expired", data={"count": count})
        await connection.execute(delete(t.asked).where(t.asked.c.expires_at <= now))
        forgotten_people = [*await _forget_pupils(connection, now), *await _forget_staff(connection, now)]
        for school, count in sorted(Counter(forgotten_people).items()):
            await add_entry(connection, school, now, "bot", "people.forgotten", data={"count": count})
        over = select(t.surveys.c.id).where(t.surveys.c.closes_at <= now)
        await connection.execute(delete(t.survey_sends).where(t.survey_sends.c.survey_id.in_(over)))
        await connection.execute(delete(t.seen_events).where(t.seen_events.c.at < now - _EVENTS_REMEMBERED))


async def _forget_pupils(connection: AsyncConnection, now: datetime) -> list[str]:
    """Pupils who are off the list and whom no case names; the school of each. Not while a form is open that may name one."""
    p, d = t.people.c, t.drafts.c
    named = exists().where(t.participants.c.person_id == p.id)
    being_filled = select(d.school).where(text("drafts.state = 'open'"), d.expires_at > now)
    typing = set((await connection.execute(being_filled)).scalars())
    left = delete(t.people).where(p.kind == Kind.PUPIL, p.active.is_(False), ~named, p.school.notin_(typing))
    gone = (await connection.execute(left.returning(p.id, p.school))).all()
    for row in gone:
        await connection.execute(delete(t.people_words).where(t.people_words.c.person_id == row.id))
    return [row.school for row in gone]


async def _forget_staff(connection: AsyncConnection, now: datetime) -> list[str]:
    """Staff who left years ago and have to do with no case that is kept; the school of each. Their accounts are forgotten too.

    What else has their id, the audit above all, leads to nobody from then on.
    """
    p = t.people.c
    staff = update(t.people).where(p.kind == Kind.STAFF)
    await connection.execute(staff.where(p.active.is_(False), p.left_at.is_(None)).values(left_at=now))
    await connection.execute(staff.where(p.active.is_(True), p.left_at.is_not(None)).values(left_at=None))
    long_gone = select(p.id).where(p.kind == Kind.STAFF, p.active.is_(False), p.left_at <= now - _AFTER_LEAVING)
    ids = list((await connection.execute(long_gone)).scalars())
    if not ids:
        return []
    left = delete(t.people).where(p.id.in_(ids), ~or_(*_in_a_case(p.id))).returning(p.school, p.email)
    gone = (await connection.execute(left)).all()
    for school, email in ((row.school, row.email.lower()) for row in gone):
        a, u = t.accounts.c, t.teams_users.c
        await connection.execute(delete(t.accounts).where(a.school == school, func.lower(a.email) == email))
        still = exists().where(func.lower(p.email) == email)
        of_address = or_(func.lower(u.email) == email, func.lower(u.upn) == email)
        await connection.execute(delete(t.teams_users).where(of_address, ~still))
    return [row.school for row in gone]


def _in_a_case(person: ColumnElement[str]) -> list[ColumnElement[bool]]:
    """Every way in which somebody has to do with a case that is not erased."""
    i, s, a = t.incidents.c, t.summonses.c, t.alerts.c
    kept = or_(i.key_id.is_(None), i.key_id != ERASED)
    of_case = [table for table in t.metadata.sorted_tables if "incident_id" in table.c and table is not t.audit]
    theirs = {table: [c == person for c in table.c if c.name in WHO] for table in of_case}
    return [
        exists().where(i.reporter_person == person),
        exists().where(s.person_id == person, s.alert_id == a.id, a.incident_id == i.id, kept),
        *(exists().where(or_(*each), table.c.incident_id == i.id, kept) for table, each in theirs.items() if each),
    ]
