"""Who reads a channel: looked up while people come and go."""

from datetime import timedelta

from bot.readers import Readers
from domain.people import Platform
from storage.database import Database
from storage.store import Store
from tests.fakes.clock import FakeClock
from tests.handlers.office import SAFEGUARDING, Office, open_office


async def known(office: Office) -> set[str] | None:
    """Who is known to read the safeguarding channel; None where nobody knows."""
    async with Store(office.database).transaction(office.school, write=False) as records:
        readers = (await records.readers(office.clock.now() - timedelta(days=1))).get(SAFEGUARDING)
    return None if readers is None else {who for who, person in office.people.items() if person.id in readers}


async def test_what_an_older_look_brings_late_counts_for_nothing(database: Database, clock: FakeClock) -> None:
    """Two looks overlap, and the one that began before the headteacher joined answers last: she is still known to read it."""
    async with open_office(database, clock) as office:
        dsl, head = (office.account(who).email for who in ("dsl", "headteacher"))
        readers = Readers(Store(database), clock, Platform.SLACK)
        before = readers.look(SAFEGUARDING.id)
        after = readers.look(SAFEGUARDING.id)
        await readers.found(office.school, SAFEGUARDING.id, after, [dsl, head])
        await readers.found(office.school, SAFEGUARDING.id, before, [dsl])
        assert await known(office) == {"dsl", "headteacher"}


async def test_a_look_that_was_under_way_when_somebody_joined_counts_for_nothing(database: Database, clock: FakeClock) -> None:
    """From the moment somebody joins, nobody knows who reads it, until a look that began later has found out."""
    async with open_office(database, clock) as office:
        dsl = office.account("dsl").email
        readers = Readers(Store(database), clock, Platform.SLACK)
        under_way = readers.look(SAFEGUARDING.id)
        await readers.forget(office.school, SAFEGUARDING.id)
        await readers.found(office.school, SAFEGUARDING.id, under_way, [dsl])
        assert await known(office) is None
        await readers.found(office.school, SAFEGUARDING.id, readers.look(SAFEGUARDING.id), [dsl])
        assert await known(office) == {"dsl"}
