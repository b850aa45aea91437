"""The public page of surveys against whoever means ill: nothing but whole answers are counted, and nothing is told."""

import asyncio
import logging
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from io import BytesIO
from typing import Any
from urllib.parse import urlencode

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import web

from bot.http_server import Site, new_application, new_runner
from bot.settings import DEMO_SCHOOLS, ConsoleMode, Settings, SettingsError
from bot.survey_door import AT_ONCE, LARGEST_ANSWERS, SurveyDoor
from bot.wiring import check_doors
from domain.people import School
from domain.surveys import CLOSES, SKIP, SurveyOpening, SurveyPage
from handlers import surveys
from handlers.ports import Store
from storage import tables as t
from storage.database import Database
from storage.housekeeping import tidy
from storage.school_files import load_schools
from tests.fakes.clock import FakeClock
from tests.handlers.office import Office, open_office

FORM = "application/x-www-form-urlencoded"
ADDRESS = "http://127.0.0.1:3978"
GONE = "This survey is not open"


@dataclass
class Door:
    """A server with the page, and one survey of pupils that is open."""

    office: Office
    school: School
    address: str
    token: str
    session: aiohttp.ClientSession
    survey_id: str
    seen: dict[str, str] = field(default_factory=dict)

    async def asks(
        self, method: str = "GET", token: str | None = None, body: bytes | None = None, **headers: str
    ) -> tuple[int, str]:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        url = f"{self.address}/survey/{self.token if token is None else token}"
        async with self.session.request(
            method, url, data=None if body is None else BytesIO(body), headers=named, allow_redirects=False
        ) as response:
            self.seen = dict(response.headers)
            return response.status, await response.text()

    async def fields(self) -> list[tuple[str, str]]:
        """A page as it is sent in with the choice not to say, everywhere."""
        status, text = await self.asks()
        assert status == 200
        (page,) = re.findall(r'name="page" value="([^"]+)"', text)
        names = dict.fromkeys(re.findall(r'name="(q-[^"]+)"', text))
        return [("page", page), *((name, SKIP) for name in names)]

    async def sends(self, fields: list[tuple[str, str]], **headers: str) -> tuple[int, str]:
        return await self.asks("POST", None, urlencode(fields).encode(), **{"Content_Type": FORM, **headers})

    async def counted(self) -> Mapping[tuple[str, str], int]:
        c = t.survey_counts.c
        rows = await self.office.rows(t.survey_counts, c.survey_id == self.survey_id)
        return {(row.question, row.choice): row.times for row in rows}

    async def total(self) -> int:
        return (await self.counted())["", ""]


@asynccontextmanager
async def door_of(office: Office) -> AsyncIterator[Door]:
    """The page of the demo school, and a survey that its lead has opened."""
    school = replace(office.school, survey_address=ADDRESS)
    lead = (office.ports, school, office.account("dsl"))
    asked = await surveys.ask_open(*lead, "pupils")
    assert isinstance(asked, SurveyOpening)
    assert asked.closes_at is not None
    opened = await surveys.open_survey(*lead, asked.state, {CLOSES: asked.closes_at.isoformat()})
    assert isinstance(opened, SurveyPage)
    app = new_application()
    SurveyDoor(office.ports, {school.id: school, "closed": office.school}).add_to(app)
    runner = new_runner(app)
    await runner.setup()
    try:
        await Site(runner, "127.0.0.1", 0).start()
        at = f"http://127.0.0.1:{runner.addresses[0][1]}"
        async with aiohttp.ClientSession() as session:
            yield Door(office, school, at, opened.link.rpartition("/")[2], session, opened.survey.id)
    finally:
        await runner.cleanup()


@pytest_asyncio.fixture
async def door(database: Database, clock: FakeClock) -> AsyncIterator[Door]:
    """With nobody before it yet."""
    async with open_office(database, clock) as office, door_of(office) as found:
        yield found


class CountedStore:
    """The records, and how often somebody has begun to read or to write there, by school."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.begun: list[tuple[str, bool]] = []

    def transaction(self, school: School, *, write: bool = True) -> Any:
        """As the records have it."""
        self.begun.append((school.id, write))
        return self._store.transaction(school, write=write)


async def test_a_wrong_link_asks_the_records_once_however_many_schools_there_are(door: Door) -> None:
    """Whoever guesses must not make a hundred schools open their records for each guess, and least of all to write."""
    store = CountedStore(door.office.ports.store)
    schools = {f"s{n}": replace(door.school, id=f"s{n}") for n in range(100)} | {door.school.id: door.school}
    app = new_application()
    SurveyDoor(replace(door.office.ports, store=store), schools).add_to(app)
    runner = new_runner(app)
    await runner.setup()
    try:
        await Site(runner, "127.0.0.1", 0).start()
        there = replace(door, address=f"http://127.0.0.1:{runner.addresses[0][1]}")
        for method, body in (("GET", None), ("POST", b"page=x")):
            status, text = await there.asks(method, "A" * 43, body, **({"Content_Type": FORM} if body else {}))
            assert (status, GONE in text) == (404, True)
        assert [write for _, write in store.begun] == [False, False]
        store.begun.clear()
        assert (await there.sends(await there.fields()))[0] == 200
        assert store.begun[1] == (door.school.id, False)
        assert store.begun[3:] == [(door.school.id, True)]
        assert await door.total() == 1
    finally:
        await runner.cleanup()


async def test_an_answer_is_counts_and_nothing_else(door: Door) -> None:
    """Of every question one choice, and of all one more; no row anywhere says when, from where, or what together."""
    fields = await door.fields()
    before = {table.name: len(await door.office.rows(table)) for table in t.metadata.sorted_tables}
    status, text = await door.sends(fields, User_Agent="Zanzibar/1.0", X_Forwarded_For="203.0.113.7")
    assert status == 200
    assert "Thank you" in text
    counted = await door.counted()
    assert {cell for cell, times in counted.items() if times} == {
        ("", ""),
        *((n.removeprefix("q-"), SKIP) for n, _ in fields[1:]),
    }
    after = {table.name: len(await door.office.rows(table)) for table in t.metadata.sorted_tables}
    assert {name for name in after if after[name] != before[name]} == {"survey_sends"}
    (sent,) = await door.office.rows(t.survey_sends)
    assert fields[0][1] not in sent.page
    for table in t.metadata.sorted_tables:
        said = repr(await door.office.rows(table))
        assert "Zanzibar" not in said
        assert "203.0.113.7" not in said
        assert door.token not in said


async def test_the_same_page_counts_once_and_another_counts_again(door: Door) -> None:
    """A double press is no second answer, and is thanked all the same."""
    fields = await door.fields()
    for _ in range(3):
        assert "Thank you" in (await door.sends(fields))[1]
    assert await door.total() == 1
    assert (await door.sends(await door.fields()))[0] == 200
    assert await door.total() == 2


async def test_a_class_that_answers_at_once_is_counted_whole(door: Door) -> None:
    """Each once, whatever they chose, and none waits for another for ever."""
    pages = [await door.fields() for _ in range(24)]
    chosen = [
        [(name, "often" if n % 2 and name == "q-unkind" else value) for name, value in page] for n, page in enumerate(pages)
    ]
    found = await asyncio.gather(*(door.sends(page) for page in (*chosen, *chosen[:6])))
    assert {status for status, _ in found} == {200}
    counted = await door.counted()
    assert counted["", ""] == 24
    assert (counted["unkind", "often"], counted["unkind", SKIP], counted["upset", SKIP]) == (12, 12, 24)


@pytest.mark.parametrize(
    "wrong",
    [
        {"q-unkind": ["anything else"]},
        {"q-unkind": ["never", "often"]},
        {"q-unkind": ["never", "never"]},
        {"q-unkind": []},
        {"q-unkind": [""]},
        {"q-unkind": ["\x00"]},
        {"q-unkind": ["never' OR 1=1 --"]},
        {"q-unkind": ["<script>alert(1)</script>"]},
        {"page": []},
        {"page": ["", ""]},
        {"page": ["0" * 96]},
        {"page": ["\u00e9" * 96]},
    ],
)
async def test_what_is_not_whole_is_not_counted(door: Door, wrong: Mapping[str, list[str]]) -> None:
    """One value of those there are for each question, on a page of ours: else the page is shown again, and its choices kept."""
    fields = await door.fields()
    kept = [(name, value) for name, value in fields if name not in wrong]
    status, text = await door.sends([*kept, *((name, value) for name, values in wrong.items() for value in values)])
    assert status == 422
    assert "alert(1)" not in text
    assert 'id="a-upset-skip" name="q-upset" value="skip" checked' in text
    assert await door.total() == 0


async def test_what_else_a_form_brings_is_left_out(door: Door) -> None:
    """A field of nobody's, such as a browser's extension adds, changes nothing and is kept nowhere."""
    fields = await door.fields()
    assert (await door.sends([*fields, ("name", "Zanzibar"), ("q-nothing", "x")]))[0] == 200
    assert "Zanzibar" not in repr([await door.office.rows(table) for table in t.metadata.sorted_tables])


async def test_a_page_of_another_survey_or_site_does_not_count(door: Door) -> None:
    """What another survey's page carries does not do here; nor what another site has a browser send."""
    async with door_of(door.office) as other:
        theirs = await other.fields()
    assert (await door.sends(theirs))[0] == 422
    for site in ("cross-site", "same-site", "none"):
        status, text = await door.sends(await door.fields(), Sec_Fetch_Site=site)
        assert (status, "Please send it once more" in text) == (422, True)
    assert await door.total() == 0
    assert (await door.sends(await door.fields(), Sec_Fetch_Site="same-origin"))[0] == 200


@pytest.mark.parametrize(
    ("kind", "body", "status"),
    [
        ("application/json", b'{"page": "x"}', 415),
        ("multipart/form-data; boundary=x", b"--x\r\n\r\n--x--", 415),
        ("text/plain", b"page=x", 415),
        ("", b"page=x", 415),
        (FORM, b"page=" + b"x" * LARGEST_ANSWERS, 413),
        (FORM, b"&".join(b"a=b" for _ in range(200)), 400),
        (FORM, b"page=%ff%fe", 400),
        (FORM, b"\xff\xfe\x00", 400),
        (FORM, b"&&&;;;", 400),
        (FORM, b"", 422),
        (f"{FORM}; charset=rot13", b"page=x", 422),
        (FORM, b"page=x" * 200_000, 413),
    ],
)
async def test_what_is_no_form_of_ours_is_refused(door: Door, kind: str, body: bytes, status: int) -> None:
    """Another type, too much, too many fields, no text: nothing is counted and nothing fails."""
    assert (await door.asks("POST", None, body, Content_Type=kind))[0] == status
    assert await door.total() == 0


async def test_a_guess_is_told_what_a_survey_that_is_over_tells(door: Door, caplog: pytest.LogCaptureFixture) -> None:
    """The same page for all, the same headers, and not a word in the log."""
    near = (door.token[:-1], door.token + "A", door.token.swapcase())
    guesses = ["x", "A" * 43, *near, "%00", "%ff", "..%2f..%2fetc", "\u00e9" * 43, "a" * 4000]
    told = {(await door.asks("GET", guess))[1] for guess in guesses}
    await surveys.close(door.office.ports, door.school, door.office.account("dsl"), door.survey_id)
    status, text = await door.asks()
    assert (status, GONE in text) == (404, True)
    assert told == {text}
    assert (await door.asks("POST", None, b"page=x", Content_Type=FORM)) == (404, text)
    assert [r for r in caplog.records if r.levelno >= logging.INFO and r.name.startswith("esafety")] == []


@pytest.mark.parametrize("method", ["HEAD", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND"])
async def test_nothing_else_is_answered(door: Door, method: str) -> None:
    """Neither to a survey that there is nor to one that there is not."""
    assert (await door.asks(method))[0] == 405
    assert (await door.asks(method, "A" * 43))[0] == 405
    assert await door.total() == 0


async def test_a_browser_may_do_nothing_but_send_the_form_back(door: Door) -> None:
    """No script, no cookie, nothing from elsewhere, no frame; the address is handed on to nobody and kept in no cache."""
    _, text = await door.asks()
    policy = door.seen["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert policy.endswith("form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
    assert door.seen["Referrer-Policy"] == "no-referrer"
    assert door.seen["Cache-Control"] == "no-store"
    assert door.seen["X-Robots-Tag"] == "noindex"
    assert "Set-Cookie" not in door.seen
    assert not re.search(r"<script|javascript:|\son\w+=|https?://|@import|url\(", text)
    assert door.token not in text


async def test_one_address_cannot_ask_for_ever(door: Door) -> None:
    """And is told when to come back; a minute later it may again."""
    found = {(await door.asks("GET", "x"))[0] for _ in range(AT_ONCE)}
    assert found == {404}
    assert (await door.asks())[0] == 429
    assert (await door.sends([("page", "x")]))[0] == 429
    door.office.clock.advance(minutes=1)
    assert (await door.asks())[0] == 200


async def test_no_line_of_the_log_holds_the_link(door: Door, caplog: pytest.LogCaptureFixture) -> None:
    """Not even where the page breaks: what broke is there, and nothing of who asked for what."""
    fields = await door.fields()
    async with door.office.database.begin() as connection:
        await connection.execute(t.surveys.update().values(asked={"title": "broken"}))
    for status, text in (await door.asks(), await door.sends(fields)):
        assert status == 500
        assert "KeyError" not in text
    assert "a page of a survey failed" in caplog.text
    for record in caplog.records:
        assert door.token not in record.getMessage()
        assert "127.0.0.1" not in record.getMessage()


async def test_there_is_no_door_where_no_school_has_one(door: Door) -> None:
    """Off unless the school's file switches it on; and a link of before leads nowhere."""
    app = new_application()
    SurveyDoor(door.office.ports, {"chipping-sodbury": door.office.school}).add_to(app)
    assert [r for r in app.router.routes() if "survey" in str(r.resource)] == []
    assert isinstance(app, web.Application)


def test_it_is_not_opened_beside_what_is_for_this_machine_alone(door_school: School) -> None:
    """A proxy that lets people in to a survey would let them in to the console."""
    schools = {"oak": replace(door_school, survey_address="https://esafety.school.example")}
    with pytest.raises(SettingsError, match="ESAFETY_CONSOLE=off"):
        check_doors(Settings(ESAFETY_CONSOLE=ConsoleMode.ON), schools)
    with pytest.raises(SettingsError, match="ESAFETY_CONSOLE=off"):
        check_doors(Settings(ESAFETY_CONSOLE=ConsoleMode.OFF), schools)
    real = Settings(ESAFETY_CONSOLE=ConsoleMode.AUTO, SLACK_BOT_TOKEN="xoxb-1", SLACK_APP_TOKEN="xapp-1")
    check_doors(real, schools)
    check_doors(Settings(ESAFETY_CONSOLE=ConsoleMode.ON), {"oak": replace(door_school, survey_address=ADDRESS)})


@pytest.fixture
def door_school() -> School:
    """A school, of which only its address matters here."""
    return load_schools(DEMO_SCHOOLS)["chipping-sodbury"]


async def test_which_pages_were_sent_in_is_forgotten_when_it_is_over(door: Door) -> None:
    """When somebody closes it, or its day has come; the counts stay."""
    async with door_of(door.office) as other:
        for one in (door, other):
            await one.sends(await one.fields())
        await surveys.close(door.office.ports, door.school, door.office.account("dsl"), door.survey_id)
        assert {row.survey_id for row in await door.office.rows(t.survey_sends)} == {other.survey_id}
        await tidy(door.office.database, door.office.clock.now())
        assert await door.office.rows(t.survey_sends)
        door.office.clock.advance(days=15)
        await tidy(door.office.database, door.office.clock.now())
        assert await door.office.rows(t.survey_sends) == []
        assert (await door.total(), await other.total()) == (1, 1)
