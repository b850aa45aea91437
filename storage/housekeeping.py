"""What is not kept any longer than it is needed for."""

from datetime import datetime, timedelta

from sqlalchemy import delete, text, update

from storage import tables as t
from storage.database import Database

_EVENTS_REMEMBERED = timedelta(days=1)


async def tidy(database: Database, now: datetime) -> None:
    """Forgets what was typed into reports that nobody sent in time, questions, and events that no platform repeats any more."""
    d = t.drafts.c
    async with database.begin() as connection:
        expired = update(t.drafts).where(text("drafts.state = 'open'"), d.expires_at <= now)
        await connection.execute(expired.values(state="discarded", filled={}))
        await connection.execute(delete(t.asked).where(t.asked.c.expires_at <= now))
        await connection.execute(delete(t.seen_events).where(t.seen_events.c.at < now - _EVENTS_REMEMBERED))
