"""Who reads a channel: looked up while people come and go, by several processes, and not always heard of."""

from datetime import timedelta

from bot.readers import Readers
from domain.incident import AlertState
from domain.messages import AlertMessage, WithdrawnMessage
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


def readers_of(office: Office) -> Readers:
    """A process's readers."""
    return Readers(Store(office.database), office.clock, Platform.SLACK)


def emails(office: Office, *who: str) -> list[str]:
    return [office.account(w).email for w in who]


async def looks(office: Office, readers: Readers, *who: str) -> None:
    """A whole look at the channel, which finds these people."""
    look = await readers.look(office.school, SAFEGUARDING.id)
    await readers.found(office.school, SAFEGUARDING.id, look, emails(office, *who))


async def test_what_an_older_look_brings_late_counts_for_nothing(database: Database, clock: FakeClock) -> None:
    """Two looks overlap, and the one that began before the headteacher joined answers last: she is still known to read it."""
    async with open_office(database, clock) as office:
        readers = readers_of(office)
        before = await readers.look(office.school, SAFEGUARDING.id)
        await looks(office, readers, "dsl", "headteacher")
        await readers.found(office.school, SAFEGUARDING.id, before, emails(office, "dsl"))
        assert await known(office) == {"dsl", "headteacher"}


async def test_a_look_that_was_under_way_when_somebody_joined_counts_for_nothing(database: Database, clock: FakeClock) -> None:
    """From the moment somebody joins, nobody knows who reads it, until a look that began later has found out."""
    async with open_office(database, clock) as office:
        readers = readers_of(office)
        under_way = await readers.look(office.school, SAFEGUARDING.id)
        await readers.forget(office.school, SAFEGUARDING.id)
        await readers.found(office.school, SAFEGUARDING.id, under_way, emails(office, "dsl"))
        assert await known(office) is None
        await looks(office, readers, "dsl")
        assert await known(office) == {"dsl"}


async def test_a_look_that_fails_takes_nothing_away_from_another(database: Database, clock: FakeClock) -> None:
    """A second process begins to look and is never answered: what the first one finds counts all the same."""
    async with open_office(database, clock) as office:
        first, second = readers_of(office), readers_of(office)
        look = await first.look(office.school, SAFEGUARDING.id)
        await second.look(office.school, SAFEGUARDING.id)
        await first.found(office.school, SAFEGUARDING.id, look, emails(office, "dsl"))
        assert await known(office) == {"dsl"}


async def test_a_slow_answer_in_another_process_does_not_undo_that_somebody_joined(
    database: Database, clock: FakeClock
) -> None:
    """One process asked before IT joined, another heard of it: the next report about IT does not go to the channel."""
    async with open_office(database, clock) as office:
        slow, quick = readers_of(office), readers_of(office)
        look = await slow.look(office.school, SAFEGUARDING.id)
        await quick.forget(office.school, SAFEGUARDING.id)
        await looks(office, quick, "dsl", "deputy", "it")
        await slow.found(office.school, SAFEGUARDING.id, look, emails(office, "dsl", "deputy"))
        assert await known(office) == {"dsl", "deputy", "it"}
        await office.reports(targets=(office.picked("it"),))
        await office.works()
        assert office.post.to(SAFEGUARDING.id) == []


async def test_an_alert_is_withdrawn_once_a_look_finds_somebody_whom_nobody_heard_join(
    database: Database, clock: FakeClock
) -> None:
    """The bot was away when IT joined. The regular look finds IT there, and the alert about IT goes at once."""
    async with open_office(database, clock) as office:
        readers = readers_of(office)
        await looks(office, readers, "dsl", "deputy")
        incident = await office.reports(targets=(office.picked("it"),))
        await office.works()
        await office.acknowledge("dsl", await office.alert(incident))
        await office.works()
        assert isinstance(office.post.now_shown(SAFEGUARDING.id), AlertMessage)
        clock.advance(hours=1)
        await looks(office, readers, "dsl", "deputy", "it")
        await office.works()
        assert isinstance(office.post.now_shown(SAFEGUARDING.id), WithdrawnMessage)


async def test_an_alert_comes_back_once_its_readers_are_known_again(database: Database, clock: FakeClock) -> None:
    """Slack was away for a day, so the channel's copy was withdrawn; then the same readers are found: it is shown again."""
    async with open_office(database, clock) as office:
        readers = readers_of(office)
        await looks(office, readers, "dsl", "deputy")
        incident = await office.reports(targets=(office.picked("it"),))
        await office.works()
        await office.later(hours=25)
        await office.acknowledge("dsl", await office.alert(incident))
        await office.works()
        assert isinstance(office.post.now_shown(SAFEGUARDING.id), WithdrawnMessage)
        await looks(office, readers, "dsl", "deputy")
        await office.works()
        shown = office.post.now_shown(SAFEGUARDING.id)
        assert isinstance(shown, AlertMessage)
        assert shown.state is AlertState.ACKNOWLEDGED


async def test_a_look_that_finds_the_same_changes_no_message(database: Database, clock: FakeClock) -> None:
    """The regular look finds what was known: nothing is shown again for it."""
    async with open_office(database, clock) as office:
        readers = readers_of(office)
        await looks(office, readers, "dsl", "deputy")
        await office.reports(targets=(office.picked("it"),))
        await office.works()
        before = len(office.post.changed)
        await looks(office, readers, "deputy", "dsl")
        await office.works()
        assert len(office.post.changed) == before
