"""A draft for parents: what is published of a term, as topics and advice. A person reads it, changes it and decides."""

from datetime import timedelta

from domain.access import may_draft_digest
from domain.agencies import Agency
from domain.digests import Digest, sure_topics
from domain.duties import entry_of, occasions
from domain.people import Account, School
from domain.school_dates import TopicAdvice
from handlers.acknowledge import NotForYou
from handlers.ports import Ports, actor
from handlers.rights import viewer

_AHEAD = timedelta(days=120)
"""Parents are told of what comes in about a term."""
_MOST_DATES, _MOST_TERMS = 6, 4


async def draft(ports: Ports, school: School, account: Account, wanted: str = "") -> Digest | NotForYou:
    """The draft of a term that is over (`2026-autumn`), of the newest where it is not said which. That it was made is noted."""
    now = ports.clock.now()
    async with ports.store.transaction(school) as records:
        if not may_draft_digest(await viewer(records, school, account)):
            return NotForYou()
        kept = await records.figures()
        figures = next((f for f in kept if f.span.id == wanted), kept[-1] if kept else None)
        span = figures.span if figures is not None else None
        topics = sure_topics(school.policy.dates.topics, figures) if figures is not None else ()
        await records.note(now, actor(account), "digest.read", span=span.id if span is not None else "", topics=len(topics))
    today = now.astimezone(school.calendar.timezone).date()
    coming = ((o.due, entry_of(school, o)) for o in occasions(school, today, today + _AHEAD))
    dates = tuple((due, entry) for due, entry in coming if entry is not None and entry.families)
    others = tuple(f.span for f in reversed(kept) if figures is None or f.id != figures.id)
    agencies = tuple((t, _agencies(school, t)) for t in topics)
    return Digest(span, agencies, dates[:_MOST_DATES], others[:_MOST_TERMS])


def _agencies(school: School, topic: TopicAdvice) -> tuple[Agency, ...]:
    found = {a.id: a for a in school.policy.guidance.agencies}
    return tuple(found[a] for a in topic.agencies if a in found)
