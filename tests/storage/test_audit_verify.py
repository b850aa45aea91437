"""Whoever owns the database changes the audit; what follows it says where, with heads and without."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.audit import Head, HeadWay, SignedHead
from storage import tables as t
from storage.audit_chain import BEFORE_THE_FIRST, entry_hash
from storage.audit_heads import SENDING_TAKES, Heads, add_to_folder
from storage.audit_keys import (
    AuditKeyError,
    HeadFileError,
    as_line,
    heads_in,
    key_in,
    key_made_in,
    public_key,
    signing_key,
)
from storage.audit_verify import Flaw, follow_chains
from storage.database import Database
from tests.fakes.clock import FakeClock
from tests.fakes.tampering import let_go_of_the_audit
from tests.handlers.office import Office, open_office

DAY = timedelta(days=1)
FOLDER = (HeadWay.FOLDER,)
KEY = signing_key("A" * 43 + "=")
Tampering = Callable[[AsyncConnection], Awaitable[None]]
a = t.audit.c


async def _edited(connection: AsyncConnection) -> None:
    await connection.execute(update(t.audit).where(a.seq == 4).values(actor="person:somebody"))


async def _edited_with_its_hash(connection: AsyncConnection) -> None:
    await connection.execute(update(t.audit).where(a.seq == 4).values(actor="person:somebody"))
    row = (await connection.execute(select(t.audit).where(a.seq == 4))).one()
    await connection.execute(update(t.audit).where(a.seq == 4).values(hash=_hash(row._asdict())))


async def _taken_out(connection: AsyncConnection) -> None:
    await connection.execute(delete(t.audit).where(a.seq == 4))


async def _taken_out_and_closed_up(connection: AsyncConnection) -> None:
    await connection.execute(delete(t.audit).where(a.seq == 4))
    for seq in range(5, await _last(connection) + 1):
        await connection.execute(update(t.audit).where(a.seq == seq).values(seq=seq - 1))
    await connection.execute(update(t.counters).where(t.counters.c.name == "audit").values(last=t.counters.c.last - 1))


async def _changed_places(connection: AsyncConnection) -> None:
    for before, after in ((4, -1), (5, 4), (-1, 5)):
        await connection.execute(update(t.audit).where(a.seq == before).values(seq=after))


async def _cut_off(connection: AsyncConnection) -> None:
    await connection.execute(delete(t.audit).where(a.seq >= 4))


async def _cut_off_and_counted_back(connection: AsyncConnection) -> None:
    await _cut_off(connection)
    await connection.execute(update(t.counters).where(t.counters.c.name == "audit").values(last=3))


async def _added(connection: AsyncConnection) -> None:
    last = (await connection.execute(select(t.audit).order_by(a.seq.desc()).limit(1))).one()
    entry = {**last._asdict(), "seq": last.seq + 1, "previous": last.hash, "actor": "person:somebody"}
    await connection.execute(insert(t.audit).values({**entry, "hash": _hash(entry)}))


async def _made_anew(connection: AsyncConnection) -> None:
    """From the changed entry on, every hash."""
    await connection.execute(update(t.audit).where(a.seq == 4).values(actor="person:somebody"))
    previous = BEFORE_THE_FIRST
    for row in (await connection.execute(select(t.audit).order_by(a.seq))).all():
        entry = {**row._asdict(), "previous": previous}
        previous = _hash(entry)
        await connection.execute(update(t.audit).where(a.seq == row.seq).values(previous=entry["previous"], hash=previous))


async def _unreadable(connection: AsyncConnection) -> None:
    """What no column of its kind can hold: SQLite takes it."""
    if connection.dialect.name == "sqlite":
        await connection.execute(text("UPDATE audit SET data = 'not JSON', at = 'never' WHERE seq = 4"))
    else:
        await connection.execute(update(t.audit).where(a.seq == 4).values(data=["no", "mapping"]))


async def _last(connection: AsyncConnection) -> int:
    return int((await connection.execute(select(a.seq).order_by(a.seq.desc()).limit(1))).scalar_one())


def _hash(entry: dict[str, Any]) -> str:
    return entry_hash(**{k: v for k, v in entry.items() if k != "hash"})


WITHOUT_HEADS: list[tuple[Tampering, Flaw, int]] = [
    (_edited, Flaw.CHANGED, 4),
    (_edited_with_its_hash, Flaw.DETACHED, 5),
    (_taken_out, Flaw.MISSING, 4),
    (_taken_out_and_closed_up, Flaw.CHANGED, 4),
    (_changed_places, Flaw.CHANGED, 4),
    (_cut_off, Flaw.CUT_OFF, 4),
    (_added, Flaw.SURPLUS, 7),
    (_unreadable, Flaw.CHANGED, 4),
]
WITH_HEADS: list[tuple[Tampering, Flaw, int]] = [
    *WITHOUT_HEADS[:-2],
    (_cut_off_and_counted_back, Flaw.CUT_OFF, 4),
    (_made_anew, Flaw.REWRITTEN, 6),
]


async def _six_entries(office: Office) -> SignedHead:
    """Two lists and three reports, and a head of all of it."""
    for _ in range(3):
        await office.reports()
    head = await Heads(office.database).make(office.school.id, office.clock.now(), DAY, FOLDER, KEY.sign)
    assert head is not None
    assert head.head.seq == 6
    return head


async def _tampered(database: Database, how: Tampering) -> None:
    async with database.begin() as connection:
        await let_go_of_the_audit(connection)
        await how(connection)


@pytest.mark.parametrize(("how", "flaw", "seq"), WITHOUT_HEADS, ids=lambda x: getattr(x, "__name__", None))
async def test_the_chain_alone_shows_it(database: Database, clock: FakeClock, how: Tampering, flaw: Flaw, seq: int) -> None:
    """Without any head: an edit, a deletion, two entries in one another's places, the end cut off, an entry put in."""
    async with open_office(database, clock) as office:
        await _six_entries(office)
        (whole,) = await follow_chains(database)
        assert (whole.entries, whole.broken) == (6, None)
        await _tampered(database, how)
        (chain,) = await follow_chains(database)
        assert chain.broken is not None
        assert (chain.school, chain.broken.flaw, chain.broken.seq) == (office.school.id, flaw, seq)


@pytest.mark.parametrize(("how", "flaw", "seq"), WITH_HEADS, ids=lambda x: getattr(x, "__name__", None))
async def test_with_a_head_nothing_before_it_is_hidden(
    database: Database, clock: FakeClock, how: Tampering, flaw: Flaw, seq: int
) -> None:
    """Also whoever counts back, or makes the whole chain anew with all its hashes, is found out by the head."""
    async with open_office(database, clock) as office:
        signed = await _six_entries(office)
        await _tampered(database, how)
        (chain,) = await follow_chains(database, [signed.head])
        assert chain.broken is not None
        assert (chain.broken.flaw, chain.broken.seq) == (flaw, seq)
        assert chain.agreed == []


async def test_what_came_after_the_last_head_is_vouched_for_by_the_next(database: Database, clock: FakeClock) -> None:
    """Which heads agree, from when to when, and how far they reach."""
    async with open_office(database, clock) as office:
        first = await _six_entries(office)
        clock.advance(days=1)
        await office.reports()
        (chain,) = await follow_chains(database, [first.head])
        assert (chain.entries, chain.broken, chain.agreed) == (7, None, [first.head])
        second = await Heads(database).make(office.school.id, clock.now(), DAY, FOLDER, KEY.sign)
        assert second is not None
        (chain,) = await follow_chains(database, [second.head, first.head])
        assert (chain.broken, chain.agreed) == (None, [first.head, second.head])


async def test_a_chain_that_is_gone_is_missed(database: Database, clock: FakeClock) -> None:
    """A head of a school of which the database knows nothing."""
    (chain,) = await follow_chains(database, [Head("oak", 3, "0" * 64, clock.now())])
    assert chain.broken is not None
    assert (chain.broken.flaw, chain.broken.seq) == (Flaw.CUT_OFF, 1)


# The heads


async def test_one_head_a_day_however_many_ask(database: Database, clock: FakeClock) -> None:
    """Several processes, and the same one every minute: one head, until the day is over. It is sent once."""
    async with open_office(database, clock) as office:
        school, heads = office.school.id, Heads(database)
        another = Database(database.url.render_as_string(hide_password=False))
        others = Heads(another)
        all_at_once = [h.make(school, clock.now(), DAY, FOLDER, KEY.sign) for h in (heads, others, heads, others)]
        (made,) = [m for m in await asyncio.gather(*all_at_once) if m is not None]
        taken = await asyncio.gather(*(h.take(clock.now(), 9) for h in (heads, others, heads, others)))
        assert [w.signed for found in taken for w in found] == [made]
        clock.advance(days=1)
        again = await others.make(school, clock.now(), DAY, FOLDER, KEY.sign)
        assert again is not None
        assert again.head.seq == made.head.seq + 1
        await another.close()


async def test_what_was_being_sent_when_the_process_died_is_sent(database: Database, clock: FakeClock) -> None:
    """After two minutes another takes it; once it is there nobody does."""
    async with open_office(database, clock) as office:
        heads = Heads(database)
        await heads.make(office.school.id, clock.now(), DAY, (HeadWay.FOLDER, HeadWay.MAIL), KEY.sign)
        assert {w.way for w in await heads.take(clock.now(), 9)} == set(HeadWay)
        clock.advance(seconds=SENDING_TAKES.total_seconds())
        folder, mail = sorted(await heads.take(clock.now(), 9), key=lambda w: w.way)
        assert folder.attempts == 2
        await heads.sent(folder, clock.now())
        await heads.put_off(mail, clock.now() + DAY, "smtp_451")
        clock.advance(hours=1)
        assert await heads.take(clock.now(), 9) == []
        by_way = {s.way: s for s in await heads.standing()}
        assert (by_way[HeadWay.FOLDER].waiting, by_way[HeadWay.FOLDER].last) == (0, folder.signed.head.at)
        assert (by_way[HeadWay.MAIL].waiting, by_way[HeadWay.MAIL].trouble) == (1, "smtp_451")


async def test_no_chain_has_no_head(database: Database, clock: FakeClock) -> None:
    """A school of which nothing was ever written."""
    assert await Heads(database).make("oak", clock.now(), DAY, FOLDER, KEY.sign) is None


def test_a_head_is_a_line_and_is_checked(tmp_path: Path, clock: FakeClock) -> None:
    """In the file of its month, once however often it is written; a changed word in it shows."""
    signed = KEY.sign(Head("oak", 7, "ab" * 32, clock.now()))
    for _ in range(2):
        add_to_folder(tmp_path / "heads", signed)
    file = tmp_path / "heads" / "audit-heads-2026-11.jsonl"
    assert file.read_text() == as_line(signed) + "\n"
    assert heads_in(file) == heads_in(file.parent) == [(1, signed)]
    assert KEY.public.has_signed(signed)
    assert public_key(KEY.public.text) == KEY.public
    for old, new in (('"seq": 7', '"seq": 6'), ('"ab', '"bb'), ('"oak"', '"ash"'), ("2026", "2025")):
        file.write_text(as_line(signed).replace(old, new))
        ((_, changed),) = heads_in(file)
        assert not KEY.public.has_signed(changed), old
    assert not signing_key("B" * 43 + "=").public.has_signed(signed)


def test_a_line_that_was_broken_off_is_written_whole(tmp_path: Path, clock: FakeClock) -> None:
    """The machine went down in the middle of it: nothing is taken away, and what comes after begins on a line of its own."""
    file = tmp_path / "audit-heads-2026-11.jsonl"
    signed = KEY.sign(Head("oak", 7, "ab" * 32, clock.now()))
    file.write_text(as_line(signed)[:40])
    add_to_folder(tmp_path, signed)
    assert file.read_text().splitlines() == [as_line(signed)[:40], as_line(signed)]
    assert heads_in(file) == [(2, signed)]
    file.write_text(as_line(signed)[:40])
    with pytest.raises(HeadFileError, match="line 1, is no head"):
        heads_in(file)


def test_the_key_is_made_once_and_for_its_owner_alone(tmp_path: Path) -> None:
    """0600; the second start finds the first one's; it does not show where it is printed."""
    file = tmp_path / "data" / "esafety.db.audit-key"
    key = key_made_in(file)
    assert key == key_made_in(file) == key_in(file)
    assert file.stat().st_mode & 0o777 == 0o600
    assert [f.name for f in file.parent.iterdir()] == [file.name]
    assert file.read_text().strip() not in repr(key)
    file.write_text("nonsense")
    with pytest.raises(AuditKeyError, match="it holds no key"):
        key_made_in(file)
