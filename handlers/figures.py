"""Figures: made once when a term is over and sent to whom the school names; shown to those who may see them."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, time, timedelta

from domain.access import FIGURE_READERS, may_see_figures, may_see_running_figures
from domain.figures import RUNNING, YEAR, Figures, FiguresPage, Season, Span, publish, spans, together
from domain.incident import Delivery, MessageKind, Outgoing
from domain.people import Account, School
from handlers.acknowledge import NotForYou
from handlers.alerting import on_platforms
from handlers.ports import Ports, Records, actor
from handlers.rights import viewer

TERM_STEP, YEAR_STEP = "term", "year"
_HOLIDAY = timedelta(days=60)
"""A term counts the holiday before it, which nobody means who names the first day of a term."""
_MOST_MADE = 12
"""So many terms that were missed are made at once: four years without the program."""


async def look(ports: Ports, school: School, account: Account, wanted: str = "") -> FiguresPage | NotForYou:
    """The figures of a term (`2026-autumn`), of a school year (`2026-year`), or of the term that runs; else the newest.

    That they were read is noted.
    """
    now = ports.clock.now()
    async with ports.store.transaction(school) as records:
        looking = await viewer(records, school, account)
        if not may_see_figures(looking):
            return NotForYou()
        kept, running = await records.figures(), may_see_running_figures(looking)
        page = _chosen(kept, wanted)
        if running and (wanted == RUNNING or page.figures is None):
            figures = await _so_far(records, school, kept, now)
            page = FiguresPage(figures, kept[-1] if kept else None, is_running=True)
        shown = page.figures.span.id if page.figures is not None else ""
        await records.note(now, actor(account), "figures.read", span=shown, year=page.is_year, running=page.is_running)
    years = tuple(sorted({f.span.year for f in kept if f.span.season is Season.SUMMER}, reverse=True))
    return replace(page, terms=tuple(f.span for f in reversed(kept)), years=years, running=running)


def _chosen(kept: Sequence[Figures], wanted: str) -> FiguresPage:
    year, _, what = wanted.partition("-")
    if what == YEAR and (of_year := of_school_year(kept, year)) is not None:
        return FiguresPage(of_year, of_school_year(kept, str(of_year.span.year - 1)), is_year=True)
    place = next((n for n, f in enumerate(kept) if f.span.id == wanted), len(kept) - 1)
    return FiguresPage(kept[place] if kept else None, kept[place - 1] if place > 0 else None)


def of_school_year(kept: Sequence[Figures], year: str) -> Figures | None:
    """All that was published of a school year, as one; None where there is nothing of it."""
    terms = [f for f in kept if str(f.span.year) == year]
    return together(terms) if terms else None


async def _so_far(records: Records, school: School, kept: Sequence[Figures], now: datetime) -> Figures:
    today = now.astimezone(school.calendar.timezone).date()
    (span,) = spans(school.calendar, today, today)
    if kept:
        span = replace(span, first=min(kept[-1].span.last + timedelta(days=1), today))
    return await _made(records, school, replace(span, last=today), now)


async def make_due(ports: Ports, school: School) -> int:
    """Makes the figures of each term that is over and has none, and sends them out; how many. Each is made and sent once."""
    now, count = ports.clock.now(), 0
    async with ports.store.transaction(school, write=False) as records:
        due = await _due(records, school, now)
    for span in due[:_MOST_MADE]:
        async with ports.store.transaction(school) as records:
            figures = replace(await _made(records, school, span, now), id=ports.new_id())
            if not await records.add_figures(figures):
                continue
            await records.note(now, "bot", "figures.made", span=span.id)
            await _send(ports, records, school, figures)
            count += 1
    if count:
        ports.wake()
    return count


async def _due(records: Records, school: School, now: datetime) -> list[Span]:
    """The terms that are over and have no figures, beginning with the first in which anything was reported."""
    kept, first = await records.figures(), await records.first_report()
    if first is None:
        return []
    zone = school.calendar.timezone
    today, ids = now.astimezone(zone).date(), {f.span.id for f in kept}
    after = kept[-1].span.last if kept else date.min
    found: list[Span] = []
    for span in spans(school.calendar, first.astimezone(zone).date(), today):
        if span.last < today and span.id not in ids and span.last > after:
            # Where the school has moved a term since, no day is counted twice and none is left out.
            found.append(replace(span, first=after + timedelta(days=1)) if after > date.min else span)
            after = span.last
    return found


async def _made(records: Records, school: School, span: Span, now: datetime) -> Figures:
    staff, zone = await records.staff(), school.calendar.timezone
    shown_to = {p.id for role in FIGURE_READERS for p in staff.holders(school, role)}
    since, until = (datetime.combine(day, time(), zone) for day in (span.first, span.last + timedelta(days=1)))
    return publish(school, span, await records.counted(since, until, shown_to), now)


async def _send(ports: Ports, records: Records, school: School, figures: Figures) -> None:
    staff = await records.staff()
    people = {p.id: p for role in school.figures_to for p in staff.holders(school, role)}
    steps = (TERM_STEP, YEAR_STEP) if figures.span.season is Season.SUMMER else (TERM_STEP,)
    deliveries = [
        Delivery(ports.new_id(), None, None, MessageKind.FIGURES, place, figures_id=figures.id, step=step)
        for person in people.values()
        for place in on_platforms(ports.platforms, person)
        for step in steps
    ]
    await records.set_going(Outgoing(deliveries=deliveries), ports.clock.now())


async def for_governors(ports: Ports, school: School, first: date, last: date) -> tuple[tuple[Figures, ...], Figures | None]:
    """The figures of every term that lies between two days, and of the one before. That they were asked for is noted.

    For the command line: it is given what is published and makes nothing, so that whoever runs it learns nothing more.
    """
    async with ports.store.transaction(school) as records:
        kept = await records.figures()
        found = tuple(f for f in kept if first <= f.span.last <= last and f.span.first >= first - _HOLIDAY)
        await records.note(ports.clock.now(), "command", "figures.reported", terms=len(found))
    before = [f for f in kept if found and f.span.last < found[0].span.first]
    return found, before[-1] if before else None
