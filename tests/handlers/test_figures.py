"""A term is over: its figures are made once, sent to whom the school names, and tell nobody of what they may not know of."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from domain.case_changes import Result
from domain.change_forms import Done, Wish
from domain.deadlines import SchoolCalendar, Term
from domain.figures import OPEN, RUNNING, Figures, FiguresPage, Season, Table
from domain.incident import Incident
from domain.messages import FiguresMessage
from domain.words import Role
from handlers import close, figures
from handlers.acknowledge import NotForYou
from storage import tables as t
from storage.store import Store
from tests.handlers.office import Office
from tests.handlers.test_case_changes import changes

JANUARY = datetime(2027, 1, 11, 9, tzinfo=UTC)
READERS = ("dsl", "deputy", "headteacher", "chair")
PUPIL_TYPED = "text:Somebody From Year Nine"


async def looks(office: Office, who: str, wanted: str = "") -> FiguresPage | NotForYou:
    return await figures.look(office.ports, office.school, office.account(who), wanted)


async def shown(office: Office, who: str, wanted: str = "") -> Figures:
    page = await looks(office, who, wanted)
    assert isinstance(page, FiguresPage)
    assert page.figures is not None
    return page.figures


async def term_ends(office: Office) -> int:
    """The next term has begun, and the program looks."""
    office.clock.at = JANUARY
    made = await figures.make_due(office.ports, office.school)
    await office.works(400)
    return made


def sent(office: Office, who: str) -> list[FiguresMessage]:
    return [m for m in office.post.to(office.people[who].id, FiguresMessage) if isinstance(m, FiguresMessage)]


def exact(office: Office) -> Office:
    """A school that rounds nothing, so that a test can count. No school file can say so."""
    return office.at(replace(office.school, figures_base=1))


async def entries(office: Office, action: str) -> list[Any]:
    return await office.rows(t.audit, t.audit.c.action == action)


async def test_a_term_that_is_over_is_sent_once_to_whom_the_school_names(office: Office) -> None:
    for _ in range(7):
        await office.reports()
    assert await figures.make_due(office.ports, office.school) == 0, "the term still runs"
    assert await term_ends(office) == 1
    (message,) = sent(office, "dsl")
    assert len(sent(office, "headteacher")) == 1
    assert sent(office, "chair") == sent(office, "deputy") == []
    assert (message.figures.span.id, message.figures.total % 5, message.year) == ("2026-autumn", 0, False)
    assert await figures.make_due(office.ports, office.school) == 0
    await office.works(400)
    assert len(sent(office, "dsl")) == 1
    rows = await office.rows(t.deliveries, t.deliveries.c.message == "figures")
    assert {(row.incident_id, row.figures_id) for row in rows} == {(None, message.figures.id)}


async def test_what_was_missed_is_caught_up_with(office: Office) -> None:
    """The program stood still from spring to autumn: every term is there, in order, and the school year with its last."""
    await office.reports()
    office.clock.at = datetime(2027, 9, 20, 9, tzinfo=UTC)
    assert await figures.make_due(office.ports, office.school) == 3
    await office.works(600)
    told = [(m.figures.span.season, m.year) for m in sent(office, "dsl")]
    assert sorted(told) == sorted([*((season, False) for season in Season), (Season.SUMMER, True)])
    (year,) = [m.figures for m in sent(office, "dsl") if m.year]
    assert (year.span.first, year.span.last, year.terms) == (date(2026, 8, 1), date(2027, 7, 31), 3)
    page = await looks(office, "chair", "2026-year")
    assert isinstance(page, FiguresPage)
    assert (page.figures, page.is_year, page.years) == (year, True, (2026,))


async def test_two_processes_make_it_once(office: Office) -> None:
    """Both have seen that it is due."""
    await office.reports()
    office.clock.at = JANUARY
    async with office.ports.store.transaction(office.school, write=False) as records:
        assert len(await figures._due(records, office.school, JANUARY)) == 1
    assert [await figures.make_due(office.ports, office.school) for _ in range(2)] == [1, 0]
    async with Store(office.database).transaction(office.school) as records:
        (kept,) = await records.figures()
        assert not await records.add_figures(replace(kept, id="another"))
    assert len(await entries(office, "figures.made")) == 1


async def test_what_is_published_stays_as_it_is(office: Office) -> None:
    """Whoever compares what they are shown today with what they were shown then finds no difference, and so nobody's case."""
    office = exact(office)
    for _ in range(3):
        await office.reports()
    await term_ends(office)
    before = await shown(office, "chair")
    assert before.total == 3
    office.clock.at = datetime(2026, 12, 1, 9, tzinfo=UTC)
    late = await office.reports()
    office.clock.at = JANUARY + timedelta(days=1)
    await office.acknowledge("dsl", await office.alert(late))
    assert await shown(office, "chair") == before


async def test_only_those_who_may_see_figures_do_and_it_is_noted(office: Office) -> None:
    await office.reports()
    await term_ends(office)
    for who in (*READERS, "teacher", "it", "brunel head", "stranger"):
        assert isinstance(await looks(office, who), FiguresPage) == (who in READERS), who
    assert isinstance(await looks(office.with_holders(governors=["teacher"]), "teacher"), FiguresPage)
    notes = await entries(office, "figures.read")
    assert len(notes) == len(READERS) + 1
    assert {(n.incident_id, n.data["span"]) for n in notes} == {(None, "2026-autumn")}


async def test_the_running_term_is_for_those_who_lead(office: Office) -> None:
    """It changes with every report: who watches it sees when one comes. Governors see terms that are over."""
    await office.reports()
    for who, running in (("dsl", True), ("deputy", True), ("headteacher", True), ("chair", False)):
        page = await looks(office, who, RUNNING)
        assert isinstance(page, FiguresPage)
        assert (page.is_running, page.running, page.figures is not None) == (running, running, running), who
    await term_ends(office)
    so_far = await looks(office, "dsl", RUNNING)
    assert isinstance(so_far, FiguresPage)
    assert so_far.figures is not None
    assert so_far.before is not None
    assert (so_far.figures.span.season, so_far.before.span.season) == (Season.SPRING, Season.AUTUMN)
    assert (await looks(office, "chair", RUNNING)) == await looks(office, "chair")


async def test_what_is_private_or_shuts_a_reader_out_is_in_no_figure(office: Office) -> None:
    """All see the same, so that what one may not know of is told to none."""
    office = exact(office)
    counted = await office.reports(concern="cyberbullying", targets=(PUPIL_TYPED,), house="Brunel")
    await office.reports(concern="staff_conduct", about="staff", perpetrators=(office.picked("it"),))
    await office.reports(concern="low_level_concern", about="staff")
    await office.reports(concern="staff_targeted", about="pupil", targets=(office.picked("deputy"),))
    of_no_reader = await office.reports(concern="staff_targeted", about="pupil", targets=(office.picked("teacher"),))
    assert {counted.private, of_no_reader.private} == {False}
    told = await shown(office, "dsl", RUNNING)
    assert told.total == 2
    assert {k: n for k, n in told.tables[Table.CONCERN].items() if n} == {"cyberbullying": 1, "staff_targeted": 1}
    assert told == await shown(office, "headteacher", RUNNING)


async def test_reports_are_counted_as_they_went(office: Office) -> None:
    office = exact(office)
    answered = await office.reports(concern="cyberbullying", targets=(await _pupil(office),))
    office.clock.advance(minutes=30)
    theirs = next(a for a in await office.alerts(answered) if Role.HEAD_OF_HOUSE in a.roles)
    await office.acknowledge("brunel head", theirs)
    await office.works()
    office.clock.advance(minutes=10)
    forgotten = await office.reports(concern="grooming")
    closed = await office.reports(concern="grooming")
    alert = await office.alert(closed)
    await office.acknowledge("dsl", alert)
    done = await close.close(
        office.ports, office.school, office.account("dsl"), alert.id, "Talked to them both.", Result.DEALT_WITH
    )
    assert isinstance(done, close.Closed)
    office.clock.advance(hours=3)
    assert forgotten.urgency != answered.urgency
    told = (await shown(office, "dsl", RUNNING)).tables
    some = {table: {k: n for k, n in rows.items() if n} for table, rows in told.items()}
    assert some[Table.KIND] == {"bullying": 1, "contact": 2}
    assert some[Table.OUTCOME] == {Result.DEALT_WITH: 1, "open": 2}
    assert some[Table.ANSWERED] == {"in_time": 2, "late": 1}
    assert some[Table.YEAR] == {"8": 1, "unknown": 2}
    assert sum(some[Table.ROLE].values()) == 3


async def _pupil(office: Office) -> str:
    async with office.ports.store.transaction(office.school, write=False) as records:
        return next(f"person:{p.id}" for p in await records.search_people("bea", 20) if p.form == "8C")


async def test_an_erased_case_stays_in_the_figures(office: Office) -> None:
    """As one of its kind, of which nobody knows who was in it."""
    office = exact(office)
    found = await office.reports(concern="cyberbullying", targets=(await _pupil(office),))
    before = await shown(office, "dsl", RUNNING)
    async with office.ports.store.transaction(office.school) as records:
        await records.erase(found.id)
        await records.note(office.clock.now(), "bot", "case.erased", found.id)
    after = await shown(office, "dsl", RUNNING)
    assert (after.total, after.tables[Table.CONCERN]) == (before.total, before.tables[Table.CONCERN])
    assert after.tables[Table.YEAR]["unknown"] == before.tables[Table.YEAR]["unknown"] + 1


async def test_whoever_lost_the_role_is_not_sent_it(office: Office) -> None:
    """The message is made when the term is over, and rendered when it is sent."""
    await office.reports()
    office.clock.at = JANUARY
    await figures.make_due(office.ports, office.school)
    without = office.with_holders(headteacher=["teacher"], senior_leadership=["teacher"])
    await without.works(400)
    assert sent(office, "headteacher") == []
    assert len(sent(office, "dsl")) == 1


async def test_a_term_that_was_moved_counts_no_day_twice(office: Office) -> None:
    await office.reports()
    await term_ends(office)
    async with office.ports.store.transaction(office.school, write=False) as records:
        (autumn,) = await records.figures()
    calendar = SchoolCalendar(terms=(Term(date(2026, 9, 1), date(2027, 1, 5)),))
    moved = office.at(replace(office.school, calendar=calendar))
    moved.clock.at = datetime(2027, 4, 20, tzinfo=UTC)
    assert await figures.make_due(moved.ports, moved.school) == 1
    async with office.ports.store.transaction(office.school, write=False) as records:
        (_, spring) = await records.figures()
    assert spring.span.first == autumn.span.last + timedelta(days=1)


async def test_the_report_of_terms_gives_what_is_published_and_no_more(office: Office) -> None:
    await office.reports()
    await term_ends(office)
    found, before = await figures.for_governors(office.ports, office.school, date(2026, 9, 1), date(2027, 7, 31))
    assert [f.span.id for f in found] == ["2026-autumn"]
    assert before is None
    nothing, _ = await figures.for_governors(office.ports, office.school, date(2026, 9, 1), date(2026, 12, 1))
    assert nothing == ()
    assert [n.data["terms"] for n in await entries(office, "figures.reported")] == [1, 0]


async def test_how_cases_ended_is_counted_as_it_was_said_last(office: Office) -> None:
    """Of a case that was opened again and closed anew, the last word; of one that is open, none."""
    office = exact(office)
    for result in (Result.REFERRED, Result.REFERRED, Result.MISTAKEN):
        await closed(office, result)
    twice = await closed(office, Result.MISTAKEN)
    assert isinstance(await changes(office, "dsl", twice, Wish.REOPEN), Done)
    await ends(office, twice, Result.NO_ACTION)
    again = await closed(office, Result.REFERRED)
    assert isinstance(await changes(office, "dsl", again, Wish.REOPEN), Done)
    await term_ends(office)
    told = (await shown(office, "dsl")).tables[Table.OUTCOME]
    assert {k: n for k, n in told.items() if n} == {Result.REFERRED: 2, Result.MISTAKEN: 1, Result.NO_ACTION: 1, OPEN: 1}


async def closed(office: Office, result: Result) -> Incident:
    """A case that has ended."""
    incident = await office.reports()
    await ends(office, incident, result)
    return incident


async def ends(office: Office, incident: Incident, result: Result) -> None:
    """The lead closes every part of a case, some minutes later."""
    office.clock.advance(minutes=5)
    for alert in await office.alerts(incident):
        await office.acknowledge("dsl", alert)
        await close.close(office.ports, office.school, office.account("dsl"), alert.id, "Seen.", result)
