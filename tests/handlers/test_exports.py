"""Sealed pages have an end: by the clock, by whoever made them, or with a case in them; and never without word."""

from dataclasses import replace
from datetime import timedelta

import pytest

from domain.exports import LIVES, Page, PageEnd, PageKind, PageLine, Stays
from domain.incident import Exclusion, Incident, Why
from domain.retention import Choice
from handlers import exports, handovers, keeping
from handlers.acknowledge import NotForYou
from handlers.exports import Swept
from handlers.keeping import KeepingList
from storage import tables as t
from tests.handlers.office import Office
from tests.handlers.test_handovers import CODE, sends
from tests.handlers.test_keeping import decides, leaves, over
from tests.handlers.test_listed import demo_list, imports
from tests.handlers.test_readers_log import pupil

FILE, DIGEST = "CSS-2026-11-24-1a2b3c4d.html", "ab" * 32


async def takes_out(office: Office, who: str, *cases: Incident, kind: PageKind = PageKind.SUBJECT, file: str = FILE) -> Page:
    """Somebody makes a page."""
    account = office.account(who)
    page = exports.new_page(office.ports, kind, account.person_id, file, DIGEST, tuple(c.id for c in cases))
    await exports.add(office.ports, office.school, account, page)
    return page


async def sweeps(office: Office, *there: str) -> Swept:
    """The clock looks into the folder."""
    return await exports.sweep(office.ports, office.school, dict.fromkeys(there, (office.clock.now(), DIGEST)))


async def listed(office: Office, who: str) -> list[PageLine]:
    """What somebody is told of their pages."""
    found = await keeping.to_decide(office.ports, office.school, office.account(who))
    assert isinstance(found, KeepingList)
    return list(found.pages)


async def waits(office: Office, who: str) -> bool:
    """Whether something waits for somebody."""
    async with office.ports.store.transaction(office.school, write=False) as records:
        return await keeping.waits(records, office.school, office.account(who), office.clock.now())


async def told(office: Office, action: str) -> list[dict[str, object]]:
    """What the audit has of pages."""
    return [row.data for row in await office.rows(t.audit, t.audit.c.action == action)]


async def test_the_clock_ends_it_after_thirty_days(office: Office) -> None:
    """Noted before its file goes; a file that a crash has left goes with the next sweep; its maker was warned, and is told."""
    page = await takes_out(office, "dsl")
    (made,) = await told(office, "page.made")
    assert (made["file"], made["digest"], made["kind"]) == (FILE, DIGEST, "subject")
    assert made["until"] == (office.clock.now() + LIVES).isoformat()
    office.clock.advance(days=22)
    assert await sweeps(office, FILE) == Swept((), 0, 0)
    assert not await waits(office, "dsl")
    office.clock.advance(days=2)
    assert await waits(office, "dsl")
    assert not await waits(office, "deputy")
    office.clock.advance(days=6)
    assert await sweeps(office, FILE) == Swept((FILE,), 1, 0)
    assert await told(office, "page.ended") == [{"page": page.id, "file": FILE, "how": "time"}]
    assert await sweeps(office, FILE) == Swept((FILE,), 0, 0)
    assert await sweeps(office) == Swept((), 0, 0)
    (line,) = await listed(office, "dsl")
    assert line.page.ended is PageEnd.TIME
    office.clock.advance(days=31)
    assert await listed(office, "dsl") == []


async def test_whoever_made_it_keeps_it_longer_or_deletes_it(office: Office) -> None:
    """And nobody else, who does not even hear of it."""
    page = await takes_out(office, "dsl")
    assert await listed(office, "deputy") == []
    office.clock.advance(days=29)
    kept = await exports.keep(office.ports, office.school, office.account("dsl"), page.id)
    assert isinstance(kept, Page)
    assert kept.ends_at == office.clock.now() + LIVES
    office.clock.advance(days=2)
    assert await sweeps(office, FILE) == Swept((), 0, 0)
    for who in ("deputy", "teacher", "headteacher", "stranger"):
        for act in (exports.keep, exports.drop):
            assert await act(office.ports, office.school, office.account(who), page.id) == NotForYou()
    assert isinstance(await exports.drop(office.ports, office.school, office.account("dsl"), page.id), Page)
    assert await exports.keep(office.ports, office.school, office.account("dsl"), page.id) == NotForYou()
    assert await sweeps(office, FILE) == Swept((FILE,), 0, 0)
    assert [e["how"] for e in await told(office, "page.ended")] == ["maker"]


async def test_it_goes_with_a_case_in_it_that_is_erased(office: Office) -> None:
    """What nobody may read any more does not lie about in a copy; a page without that case stays."""
    case, other = await over(office), await over(office)
    page = await takes_out(office, "dsl", case, other)
    await takes_out(office, "dsl", other, file="CSS-2026-11-24-00000000.html")
    office.clock.advance(days=76 * 366)
    await exports.keep(office.ports, office.school, office.account("dsl"), page.id)
    assert await keeping.propose_ended(office.ports, office.school) == 2
    await decides(office, "dsl", case, Choice.ERASE)
    assert [e["how"] for e in await told(office, "page.ended")] == ["erased"]
    assert (await sweeps(office, FILE)).remove == (FILE,)


async def test_one_that_is_made_while_a_case_in_it_is_erased_ends_at_once(office: Office) -> None:
    """Between gathering and writing somebody may erase it."""
    case = await over(office)
    office.clock.advance(days=76 * 366)
    await keeping.propose_ended(office.ports, office.school)
    await decides(office, "dsl", case, Choice.ERASE)
    await takes_out(office, "dsl", case)
    assert (await sweeps(office, FILE)).remove == (FILE,)


async def kept_out(office: Office, case: Incident, who: str) -> None:
    """It is found out that somebody is named in a case after all."""
    async with office.ports.store.transaction(office.school) as records:
        await records.add_exclusions(case.id, [Exclusion(office.people[who].id, Why.NAMED)])
        state = await records.shut_out(case.id)
        await records.note(office.clock.now(), "bot", "people.compared", case.id, shut_out=state)


@pytest.mark.parametrize("held", [False, True])
async def test_it_goes_when_its_maker_may_not_read_a_case_in_it_any_more(office: Office, held: bool) -> None:
    """Nobody reads about themselves in a copy that they made before. A hold is on the record, which is there. They are told
    nothing: that a page has ended, and why, would say what they must not know."""
    case, other = await over(office), await over(office)
    page = await takes_out(office, "dsl", case, other)
    await takes_out(office, "dsl", other, file="CSS-2026-11-24-00000000.html")
    await takes_out(office, "deputy", case, file="CSS-2026-11-24-00000001.html")
    if held:
        await decides(office, "deputy", case, Choice.HOLD, reason="The inquiry")
    await kept_out(office, case, "dsl")
    at = office.ports, office.school, office.account("dsl")
    assert [line.page.file for line in await listed(office, "dsl")] == ["CSS-2026-11-24-00000000.html"]
    assert await exports.keep(*at, page.id) == NotForYou()
    assert await exports.before(*at, page.id) == NotForYou()
    assert (await sweeps(office, FILE)).remove == (FILE,)
    assert await told(office, "page.ended") == [{"page": page.id, "file": FILE, "how": "no_right"}]
    assert [line.page.file for line in await listed(office, "dsl")] == ["CSS-2026-11-24-00000000.html"]
    assert len(await listed(office, "deputy")) == 1
    assert (await sweeps(office, FILE)).ended == 0


async def test_it_ends_at_once_with_a_name_that_is_found_to_be_its_maker(office: Office) -> None:
    """The lead marries, and has a name that was typed into a case: what she had made of it ends with the import."""
    case = await office.reports(perpetrators=("text:Dana Quillfeather",))
    page = await takes_out(office, "dsl", case)
    assert await told(office, "page.ended") == []
    lists, email = demo_list(), office.people["dsl"].email
    lists.people[email] = replace(lists.people[email], name="Dana Quillfeather")
    await imports(office, lists)
    assert await told(office, "page.ended") == [{"page": page.id, "file": FILE, "how": "no_right"}]


@pytest.mark.parametrize("cases", [0, 1])
async def test_a_page_of_somebody_who_has_left_goes(office: Office, cases: int) -> None:
    """Also one with no case in it, such as a register: off the staff list nobody reads any of it."""
    made = [await over(office) for _ in range(cases)]
    await takes_out(office, "dsl", *made)
    assert (await sweeps(office, FILE)).remove == ()
    await leaves(office, "dsl")
    assert (await sweeps(office, FILE)).remove == (FILE,)
    assert [e["how"] for e in await told(office, "page.ended")] == ["no_right"]


async def test_one_that_is_made_while_its_maker_is_kept_out_ends_at_once(office: Office) -> None:
    """Between gathering and writing it is found that they are named."""
    case = await over(office)
    await kept_out(office, case, "dsl")
    await takes_out(office, "dsl", case)
    assert [e["how"] for e in await told(office, "page.ended")] == ["no_right"]


async def test_a_legal_hold_holds_the_page_too(office: Office) -> None:
    """Its time goes by, the clock leaves it alone and says so; when the hold is lifted it goes."""
    case = await over(office)
    await takes_out(office, "dsl", case)
    await decides(office, "dsl", case, Choice.HOLD, reason="The inquiry")
    office.clock.advance(days=40)
    assert await sweeps(office, FILE) == Swept((), 0, 0)
    (line,) = await listed(office, "dsl")
    assert line.stays is Stays.HELD
    assert await waits(office, "dsl")
    await decides(office, "dsl", case, Choice.LIFT)
    assert await sweeps(office, FILE) == Swept((FILE,), 1, 0)


async def test_records_on_their_way_stay_until_the_receipt(office: Office) -> None:
    """They may have to be sent again."""
    child = await pupil(office)
    await office.reports(targets=(f"person:{child.id}",))
    sent = await sends(office, "dsl", f"person:{child.id}")
    await takes_out(office, "dsl", kind=PageKind.HANDOVER, file=sent.file)
    office.clock.advance(days=40)
    assert await sweeps(office, sent.file) == Swept((), 0, 0)
    (line,) = await listed(office, "dsl")
    assert line.stays is Stays.NO_RECEIPT
    await handovers.receive(office.ports, office.school, office.account("deputy"), sent.id, CODE)
    assert await sweeps(office, sent.file) == Swept((sent.file,), 1, 0)


async def test_a_page_that_nobody_noted_is_taken_in(office: Office) -> None:
    """An older version made it, or a restored backup does not know it: from now on it lives as long as a new one."""
    assert await sweeps(office, FILE) == Swept((), 0, 1)
    assert await sweeps(office, FILE) == Swept((), 0, 0)
    (found,) = await told(office, "page.found")
    assert found["file"] == FILE
    for who in ("dsl", "deputy"):
        assert await listed(office, who) == []
    office.clock.advance(days=30)
    assert await sweeps(office, FILE) == Swept((FILE,), 1, 0)


async def test_one_that_is_gone_is_said_to_be_gone(office: Office) -> None:
    """Not before its time is over: another process may have it in another folder. And not while it is being written."""
    page = await takes_out(office, "dsl")
    now = office.clock.now()
    assert not exports.is_missing(page, {}, now + timedelta(minutes=59))
    assert exports.is_missing(page, {}, now + timedelta(minutes=61))
    assert not exports.is_missing(page, {FILE: ""}, now + timedelta(minutes=61))
    assert await sweeps(office) == Swept((), 0, 0)
    office.clock.advance(days=30)
    assert await sweeps(office) == Swept((), 1, 0)
    assert [e["how"] for e in await told(office, "page.ended")] == ["missing"]


@pytest.mark.parametrize("how", [PageEnd.TIME, PageEnd.OPERATOR])
async def test_it_ends_once(office: Office, how: PageEnd) -> None:
    """However many see to it at the same time."""
    page = await takes_out(office, "dsl")
    for ended in (True, False):
        async with office.ports.store.transaction(office.school) as records:
            assert await exports.end(records, page, how, "command", office.clock.now()) is ended
    assert len(await told(office, "page.ended")) == 1
