"""An upgrade to the version that seals: what an older one wrote in plain text is sealed bit by bit, and gone as plain text."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Table, insert, select, text, update

from bot.settings import DEMO_SCHOOLS
from domain.people import Kind, Person
from domain.report_form import Draft
from storage import tables as t
from storage.audit_verify import follow_chains
from storage.console import ConsoleLog
from storage.database import Database
from storage.key_ring import SealError
from storage.name_index import searchable
from storage.records import new_id
from storage.school_files import load_schools
from storage.sealing_job import seal_the_rest
from storage.slack_installs import SlackInstalls
from storage.store import Store
from storage.trouble import DatabaseTroubleError
from tests.fakes.clock import FakeClock
from tests.fakes.keys import ring_for
from tests.handlers.office import Office, import_people, open_office
from tests.storage.test_upgrade import NOW, fill, to_revision
from tests.storage.test_vault import pulled_at_update

PLAIN = "posting"
BEFORE = "0006"
COLUMNS: Mapping[Table, tuple[str, ...]] = {
    t.incident_texts: ("text",),
    t.case_notes: ("text",),
    t.participants: ("name",),
    t.asked: ("text",),
    t.gaps: ("text",),
    t.requests: ("text", "reason"),
    t.slack_installs: ("token",),
}


@asynccontextmanager
async def upgraded(url: str) -> AsyncIterator[Database]:
    """A database that an older version has filled, brought up to date and not yet looked at."""
    database = Database(url, ring_for(url))
    await to_revision(database, BEFORE)
    async with database.begin() as connection:
        await fill(connection)
    await database.migrate()
    yield database
    await database.close()


async def left_plain(database: Database) -> list[str]:
    """Where there is still plain text."""
    found = []
    async with database.begin(write=False) as connection:
        for table, columns in COLUMNS.items():
            for row in await connection.execute(select(table)):
                found += [f"{table.name}.{c}" for c in columns if getattr(row, c)]
        found += [
            f"people {p.id}" for p in await connection.execute(select(t.people).where(t.people.c.kind == "pupil")) if p.name
        ]
        found += [f"drafts {d.id}" for d in await connection.execute(select(t.drafts)) if d.filled and d.state == "open"]
    return found


async def seen(database: Database) -> dict[str, object]:
    """All that is read of it, by those who may."""
    school = replace(next(iter(load_schools(DEMO_SCHOOLS).values())), id="oak")
    async with Store(database).transaction(school, write=False) as records:
        found: dict[str, object] = {
            "told": await records.narrative("incident-reported"),
            "involved": {p.id: p.name for p in await records.participants("incident-reported")},
            "noted": {n.id: n.text for n in await records.case_notes("incident-reported")},
            "pupils": await records.listed(Kind.PUPIL),
            "staff": await records.listed(Kind.STAFF),
            "gaps": await records.gaps(10),
            "asked": await records.asked("slack", NOW),
            "requests": [await records.request(f"request-{n}", hold=False) for n in ("asked", 1, 2, 3)],
            "draft": await records.draft("draft-slack-open"),
        }
    found["installed"] = await SlackInstalls(database).all()
    found["console"] = [(m.id, m.body) for m in await ConsoleLog(database).of_place("safeguarding")]
    return found


async def test_it_reads_the_same_before_and_after(empty_database_url: str) -> None:
    """A case, a request, a list: nobody who uses the bot notices that it was sealed, nor while it is not."""
    async with upgraded(empty_database_url) as database:
        before = await seen(database)
        assert PLAIN in str(before["told"])
        await seal_the_rest(database)
        assert await seen(database) == before
        again = Database(empty_database_url, ring_for(empty_database_url))
        assert await seen(again) == before
        await again.close()


async def test_all_of_it_is_sealed(empty_database_url: str) -> None:
    """In every table; staff and the states that routing needs stay as they are."""
    async with upgraded(empty_database_url) as database:
        assert len(await left_plain(database)) > 15
        assert await seal_the_rest(database) > 15
        assert await left_plain(database) == []
        async with database.begin(write=False) as connection:
            staff = (await connection.execute(select(t.people).where(t.people.c.kind == "staff"))).all()
        assert {(p.name, p.list_key, p.sealed) for p in staff} == {
            ("Dana Okafor", "d@oak.example", None),
            ("Dana Okafor", "e@oak.example", None),
        }
        assert await seal_the_rest(database) == 0


@pytest.mark.parametrize("empty_database_url", ["sqlite"], indirect=True)
async def test_nothing_is_left_in_the_file(empty_database_url: str) -> None:
    """Not in a page that is free, not in a part of one, not in the log: the file is written anew."""
    secrets = [f"Zebedee Quill number {n} behind the gym" for n in range(400)]
    async with upgraded(empty_database_url) as database:
        async with database.begin() as connection:
            rows = [
                {"incident_id": "incident-closed", "id": f"note {n}", "person_id": "p", "kind": "outcome"} for n in range(400)
            ]
            at = (await connection.execute(select(t.incidents.c.reported_at).limit(1))).scalar_one()
            added = [{**row, "at": at, "text": s} for row, s in zip(rows, secrets, strict=True)]
            await connection.execute(insert(t.case_notes), added)
            # As a version before, which did not overwrite what it deleted.
            await connection.exec_driver_sql("PRAGMA secure_delete=OFF")
            await connection.execute(text("DELETE FROM case_notes WHERE id LIKE 'note 1%'"))
        files = [Path(f"{database.url.database}{part}") for part in ("", "-wal")]
        assert any(b"Zebedee Quill" in file.read_bytes() for file in files)
        await seal_the_rest(database)
        for file in files:
            for secret in (b"Zebedee", b"Quill", b"behind the gym", PLAIN.encode()):
                assert secret not in file.read_bytes(), file
        before = files[0].stat().st_mtime_ns
        await seal_the_rest(database)
        assert files[0].stat().st_mtime_ns == before, "once is enough"


@pytest.mark.parametrize("stops_at", [1, 2, 4, 7, 11])
async def test_broken_off_it_goes_on(empty_database_url: str, stops_at: int) -> None:
    """The bot is stopped in the middle of it, and started again: nothing is sealed twice, and nothing forgotten."""
    async with upgraded(empty_database_url) as database:
        with pulled_at_update(database, stops_at), pytest.raises((ConnectionAbortedError, DatabaseTroubleError)):
            await seal_the_rest(database)
        assert await left_plain(database)
        again = Database(empty_database_url, ring_for(empty_database_url))
        await seal_the_rest(again)
        await again.close()
        assert await left_plain(database) == []


# An older version imports the pupils once more


async def imported_again(office: Office, *, active: bool = True) -> tuple[Person, str]:
    """A pupil who is sealed, and the id under which a version before 0007 has put them onto the list again."""
    async with Store(office.database).transaction(office.school, write=False) as records:
        number, (pupil, _) = next(iter(sorted((await records.listed(Kind.PUPIL)).items())))
    p, twin = t.people.c, new_id()
    row = {"id": twin, "school": office.school.id, "kind": Kind.PUPIL, "list_key": number, "name": pupil.name, "form": "9Z"}
    async with office.database.begin() as connection:
        await connection.execute(update(t.people).where(p.id == pupil.id).values(active=False))
        await connection.execute(insert(t.people).values(**row, search=searchable(pupil.name), active=active))
    return pupil, twin


async def found(office: Office, name: str) -> list[Person]:
    async with office.ports.store.transaction(office.school, write=False) as records:
        return await records.search_people(name, 10)


async def test_a_pupil_who_was_put_onto_the_list_again_is_one(database: Database, clock: FakeClock) -> None:
    """With the newer form, under the id that earlier cases name; a case that named the other names them; the audit holds."""
    async with open_office(database, clock) as office:
        pupil, twin = await imported_again(office)
        incident = await office.reports(targets=(f"person:{twin}",))
        for _ in range(2):
            await seal_the_rest(database)
        assert await found(office, pupil.name) == [replace(pupil, form="9Z", house="")]
        assert await left_plain(database) == []
        assert [p.person_id for p in await office.rows(t.participants, t.participants.c.incident_id == incident.id)] == [
            pupil.id
        ]
        (chain,) = await follow_chains(database, words=True)
        assert (chain.broken, chain.unkept) == (None, [])


@pytest.mark.parametrize("active", [True, False])
async def test_the_list_can_be_taken_over_while_they_are_two(database: Database, clock: FakeClock, *, active: bool) -> None:
    """By this version, before anything is sealed; whoever was on the list is on it once."""
    async with open_office(database, clock) as office:
        pupil, _ = await imported_again(office, active=active)
        await import_people(database, office.school, clock.now())
        assert await found(office, pupil.name) == [pupil]
        await seal_the_rest(database)
        assert await found(office, pupil.name) == [pupil]
        assert await left_plain(database) == []


async def test_what_cannot_be_sealed_does_not_stop_the_rest(empty_database_url: str) -> None:
    """The key of one school is damaged: it is said, and what belongs to cases and to everybody is sealed all the same."""
    async with upgraded(empty_database_url) as database:
        await database.vault.of_school("oak")
        async with database.begin() as connection:
            await connection.execute(update(t.school_keys).where(t.school_keys.c.school == "oak").values(wrapped_key=b"x"))
        again = Database(empty_database_url, ring_for(empty_database_url))
        with pytest.raises(SealError):
            await seal_the_rest(again)
        await again.close()
        plain = {where.split(".")[0].split(" ")[0] for where in await left_plain(database)}
        assert not plain & {"incident_texts", "case_notes", "participants", "slack_installs"}
        assert "asked" in plain


async def test_a_form_that_two_versions_filled_in_is_begun_again(database: Database, clock: FakeClock) -> None:
    """An old process wrote beside what this one has sealed: a report made of either could be of words that were given up."""
    async with open_office(database, clock) as office:
        draft = Draft("draft", office.account("teacher"), {"concern": "grooming"}, clock.now(), clock.now() + timedelta(days=1))
        async with office.ports.store.transaction(office.school) as records:
            await records.save_draft(draft)
        async with database.begin() as connection:
            await connection.execute(update(t.drafts).values(filled={"concern": "self_harm"}))
        await seal_the_rest(database)
        async with office.ports.store.transaction(office.school) as records:
            shown = await records.draft("draft")
            await records.save_draft(draft)
            again = await records.draft("draft")
        assert shown is not None
        assert again is not None
        assert (shown.filled, again.filled) == ({}, draft.filled)
