"""The queue of each: all that is theirs and nothing else, page after page; what is late, to be signed or looked at again."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest
import pytest_asyncio
from sqlalchemy import select

from domain.access import answerable
from domain.case_changes import Result, Review, Signature
from domain.incident import CaseLine, Incident
from domain.queues import REVIEW, SIGN_OFF, Count, Filters, QueueLine, Waiting, Wanted, Whose
from domain.words import IncidentState, Role, Urgency
from handlers import close, lists
from handlers.rights import subject, viewer
from storage import queue_records
from storage import tables as t
from storage.database import Database
from tests.fakes.clock import FakeClock
from tests.handlers.office import Office, open_office


@pytest_asyncio.fixture
async def office(database: Database, clock: FakeClock) -> AsyncIterator[Office]:
    """The demo school at work."""
    async with open_office(database, clock) as office:
        yield office


async def whole(office: Office, who: str, filters: Filters) -> list[QueueLine]:
    """A list from its first page to its last."""
    found: list[QueueLine] = []
    wanted: Wanted | None = Wanted(filters)
    while wanted is not None:
        page = await lists.of_filters(office.ports, office.school, office.account(who), wanted)
        found += page.lines
        wanted = page.after
    return found


async def all_sorts(office: Office) -> None:
    """Cases of houses, of IT, of colleagues, some that name somebody, some taken on."""
    reports: tuple[dict[str, str | tuple[str, ...]], ...] = (
        {"concern": "cyberbullying", "targets": ("text:Bea Exemplar",), "house": "Brunel"},
        {"concern": "cyberbullying", "targets": ("text:Bea Exemplar", office.picked("brunel head")), "house": "Brunel"},
        {"concern": "cyberbullying", "targets": ("text:Cai Placeholder",), "house": "Cabot"},
        {"concern": "harmful_content", "targets": (office.picked("deputy"),)},
        {"concern": "filter_bypass", "targets": ("text:Cai Placeholder",), "house": "Cabot"},
        {"concern": "staff_conduct", "about": "staff", "perpetrators": ("text:Some Colleague",)},
        {"concern": "staff_conduct", "about": "headteacher", "perpetrators": ("text:The Head",)},
        {"concern": "grooming", "targets": ("text:Bea Exemplar",)},
    )
    for number in range(2):
        for details in reports:
            incident = await office.reports(**details)  # type: ignore[arg-type]
            office.clock.advance(minutes=1)
            if number:
                for alert in await office.alerts(incident):
                    for who in ("brunel head", "dsl", "headteacher"):
                        await office.acknowledge(who, alert)


async def test_everybody_is_listed_all_that_they_may_answer_and_nothing_else(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if each alert of the school had been decided on, one by one; whether they were asked rarely or thousands of times."""
    await all_sorts(office)
    live = await office.rows(t.alerts, t.alerts.c.state.in_(("open", "acknowledged")))
    for who in office.people:
        theirs = set()
        async with office.ports.store.transaction(office.school, write=False) as records:
            looking = await viewer(records, office.school, office.account(who))
            for incident_id in {row.incident_id for row in live}:
                incident = await records.incident(incident_id, hold=False)
                assert incident is not None
                case = await subject(records, incident, office.clock.now())
                theirs |= {a.id for a in answerable(looking, case)} & {row.id for row in live}
        shown = [line.alert_id for line in await whole(office, who, Filters()) if isinstance(line, CaseLine)]
        assert len(shown) == len(set(shown)), who
        assert set(shown) == theirs, who
        parts = [await whole(office, who, Filters(whose=w)) for w in (Whose.NOBODY, Whose.MINE, Whose.OTHERS)]
        assert sorted(line.alert_id or "" for part in parts for line in part if isinstance(line, CaseLine)) == sorted(theirs)
        queue = await lists.queue(office.ports, office.school, office.account(who))
        assert {line.alert_id for line in queue.lines} == theirs, who
        with monkeypatch.context() as as_if:
            as_if.setattr(queue_records, "_MANY_TIMES", 0)
            often = [line.alert_id for line in await whole(office, who, Filters()) if isinstance(line, CaseLine)]
        assert often == shown, who


async def closed(office: Office, *targets: str) -> Incident:
    """A case that the lead has dealt with."""
    incident = await office.reports(concern="harmful_content", targets=targets)
    alert = await office.alert(incident)
    await office.acknowledge("dsl", alert)
    done = await close.close(
        office.ports, office.school, office.account("dsl"), alert.id, "Talked to them both.", Result.DEALT_WITH
    )
    assert isinstance(done, close.Closed), done
    async with office.database.begin() as connection:
        states = (await connection.execute(select(t.incidents.c.state).where(t.incidents.c.id == incident.id))).scalar_one()
    assert states == IncidentState.CLOSED
    return incident


async def test_what_waits_to_be_signed_off_is_shown_to_who_signs_and_who_leads(office: Office) -> None:
    """The deputy is named in the second: neither its line nor its number is theirs."""
    first, second = await closed(office, "text:Bea Exemplar"), await closed(office, office.picked("deputy"))
    now = office.clock.now()
    async with office.ports.store.transaction(office.school) as records:
        for case in (first, second):
            head = office.people["headteacher"].id
            await records.ask_to_sign(Signature(f"s-{case.id}"[:36], case.id, Role.HEADTEACHER, 1, now, head, Role.HEADTEACHER))
            await records.note(now, "bot", "case.sign_off_asked", case.id)
    both = {first.reference, second.reference}
    for who, wanted in (("dsl", both), ("deputy", {first.reference}), ("headteacher", both), ("it", set()), ("teacher", set())):
        found = [line for line in await whole(office, who, SIGN_OFF) if isinstance(line, Waiting)]
        assert {line.reference for line in found} == wanted, who
        assert all(line.sign == (who == "headteacher") and line.role is Role.HEADTEACHER for line in found)
        queue = await lists.queue(office.ports, office.school, office.account(who))
        assert queue.counts.get(SIGN_OFF, Count(0)) == Count(len(wanted)), who
    assert len(await whole(office, "headteacher", replace(SIGN_OFF, whose=Whose.MINE))) == 2
    assert await whole(office, "dsl", replace(SIGN_OFF, whose=Whose.MINE)) == []


async def test_a_review_is_listed_from_its_day_on(office: Office) -> None:
    """For those who work the case, by any filter that fits."""
    case, other = await closed(office, "text:Bea Exemplar"), await closed(office, office.picked("deputy"))
    now = office.clock.now()
    async with office.ports.store.transaction(office.school) as records:
        for number, incident in enumerate((case, other)):
            review = Review(f"review-{number}", incident.id, office.people["dsl"].id, now, now + timedelta(days=7))
            await records.set_review(review)
            await records.note(now, "bot", "case.review_set", incident.id)
    assert await whole(office, "dsl", REVIEW) == []
    office.clock.advance(days=8)
    assert len(await whole(office, "dsl", REVIEW)) == 2
    (line,) = await whole(office, "deputy", REVIEW)
    assert isinstance(line, Waiting)
    assert line.reference == case.reference
    assert await whole(office, "headteacher", REVIEW) == []
    wrong = next(u for u in Urgency if u is not case.urgency)
    assert len(await whole(office, "dsl", replace(REVIEW, urgency=case.urgency, concern="harmful_content"))) == 2
    assert await whole(office, "dsl", replace(REVIEW, urgency=wrong)) == []
