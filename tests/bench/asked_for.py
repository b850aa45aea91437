"""Ten thousand requests of one kind: a page of them, what waits for somebody among them, one of them, an answer's leave."""

import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path

from cards.submissions import file_form, menu_form, page_form
from domain.submissions import Doing, RequestMenu, SubmissionFile, SubmissionPage
from handlers import submissions
from handlers.leaves import leaves
from tests.bench.databases import kinds, new_database, opened
from tests.bench.figures import Figure
from tests.bench.tools import Options, share
from tests.fakes.clock import FakeClock
from tests.handlers.office import Office, open_office

REQUESTS, GOAL_MS, LOOKS = 10_000, 50, 300
LESSON = "unblock-lesson"
MEANS = "Sent through the same handler as by people; every third answered, and of these every second carried out."


async def measure(options: Options) -> list[Figure]:
    """On each database."""
    found = []
    for kind in await kinds():
        with tempfile.TemporaryDirectory() as name:
            async with new_database(kind, Path(name)) as url:
                database = opened(url)
                async with open_office(database, FakeClock()) as opened_office:
                    office = opened_office.with_holders(head_of_faculty=["brunel head"])
                    sent = await _fill(office, options.of(REQUESTS, 60))
                    for name_of, look in _looks(office, sent).items():
                        times = [await _timed(look) for _ in range(options.of(LOOKS, 5))]
                        found.append(
                            Figure("asked_for", f"{name_of}, p99, {kind}", share(times, 0.99) * 1e3, "ms", GOAL_MS, means=MEANS)
                        )
                        found.append(Figure("asked_for", f"{name_of}, median, {kind}", share(times, 0.5) * 1e3, "ms"))
                await database.close()
    return found


async def _timed(look: Callable[[], Awaitable[object]]) -> float:
    began = time.perf_counter()
    await look()
    return time.perf_counter() - began


async def _fill(office: Office, count: int) -> list[str]:
    """That many requests for a lesson, from two people. Their ids."""
    ports, school, made = office.ports, office.school, list[str]()
    for n in range(count):
        now = office.clock.now()
        until = (now + timedelta(days=400)).isoformat()
        filled = {"req_site": f"{n}.example", "req_why": "Maps", "req_since": now.isoformat(), "req_until": until}
        account = office.account("teacher" if n % 5 == 0 else "cabot head")
        file = await submissions.send(ports, school, account, f"{LESSON}|{n}||", filled)
        assert isinstance(file, SubmissionFile)
        made.append(file.submission.id)
        if n % 3 == 0:
            said = {"submission_answer": Doing.GRANTED.value}
            await submissions.answer(ports, school, office.account("brunel head"), f"{made[-1]}|1|{n}", said)
            if n % 2 == 0:
                await submissions.do(ports, school, office.account("it"), made[-1], "unblock")
        office.clock.advance(seconds=20)
    return made


def _looks(office: Office, sent: list[str]) -> dict[str, Callable[[], Awaitable[object]]]:
    ports, school, lead = office.ports, office.school, office.account("dsl")
    turn = iter(range(1_000_000))

    async def first_page() -> object:
        page = await submissions.show(ports, school, lead, LESSON, live=False)
        assert isinstance(page, SubmissionPage)
        return page_form(school, page)

    async def page_in_the_middle() -> object:
        from_ = sent[len(sent) // 4 + next(turn) % (len(sent) // 2)]
        async with ports.store.transaction(school, write=False) as records:
            one = await records.submission(from_, hold=False)
        assert one is not None
        page = await submissions.show(ports, school, lead, LESSON, live=False, after_key=f"{one.sent_at.isoformat()}|{one.id}")
        assert isinstance(page, SubmissionPage)
        return page_form(school, page)

    async def menu() -> object:
        found = await submissions.menu(ports, school, office.account("it"))
        assert isinstance(found, RequestMenu)
        return menu_form(school, found)

    async def one() -> object:
        file = await submissions.read(ports, school, lead, sent[next(turn) % len(sent)])
        assert isinstance(file, SubmissionFile)
        return file_form(school, file)

    async def leave() -> object:
        person = office.people["teacher"].id
        async with ports.store.transaction(school, write=False) as records:
            return await leaves(records, school, person, LESSON, ports.clock.now())

    return {
        "the first page of 10,000": first_page,
        "a page in the middle": page_in_the_middle,
        "what waits for IT among 10,000": menu,
        "one of them": one,
        "the leave that an answer tells of": leave,
    }
