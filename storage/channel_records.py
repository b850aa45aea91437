"""Who reads the channels of a chat, as far as anybody has looked."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Update, case, exists, literal, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.incident import MessageKind
from domain.people import Address
from domain.words import DeliveryState
from storage import tables as t
from storage.outbox import IN_A_CHANNEL, show_again

NEVER = datetime(1970, 1, 1, tzinfo=UTC)
"""When a channel was last looked at whose readers nobody knows."""


@dataclass(frozen=True, slots=True)
class Readership:
    """What is kept of a channel: its readers' e-mail addresses, '' for one without, and when that was found.

    Looks at it are numbered in the order in which they began, in whichever process. `begun` is the number of the last one;
    `counted` that of the newest which has brought something, or of the moment when somebody joined or left.
    """

    emails: frozenset[str]
    at: datetime
    begun: int
    counted: int

    def awaits(self, look: int) -> bool:
        """Whether what a look brings now counts: nothing that is newer has come in since it began."""
        return self.counted < look <= self.begun


def forgotten(*where: ColumnElement[bool]) -> Update:
    """From now on nobody knows who reads some channels; looks that are under way count for nothing."""
    r = t.channel_readers.c
    return update(t.channel_readers).where(*where).values(emails=[], checked_at=NEVER, begun=r.begun + 1, counted=r.begun + 1)


class ChannelRecords:
    """The part of a school's records that says who reads its channels."""

    _c: AsyncConnection
    _school: str

    async def begin_look(self, channel: Address) -> int:
        """A look at a channel begins: the number that it has to be kept under."""
        statement = self._add(channel, emails=[], checked_at=NEVER, begun=1)
        more = {"begun": t.channel_readers.c.begun + 1}
        key = ["school", "platform", "channel"]
        numbered = statement.on_conflict_do_update(index_elements=key, set_=more).returning(t.channel_readers.c.begun)
        return int((await self._c.execute(numbered)).scalar_one())

    async def readership(self, channel: Address) -> Readership | None:
        """What is kept of a channel, held until the end of the transaction; None if nobody has begun to look."""
        row = (await self._c.execute(select(t.channel_readers).where(*self._is(channel)).with_for_update())).first()
        return None if row is None else Readership(frozenset(row.emails), row.checked_at, row.begun, row.counted)

    async def save_readers(self, channel: Address, emails: Iterable[str], at: datetime, look: int = 0) -> None:
        """Remembers who reads a channel, by e-mail, '' for a reader without one, and which look has found it."""
        r = t.channel_readers.c
        statement = self._add(channel, emails=sorted(emails), checked_at=at, begun=look, counted=look)
        new: dict[str, Any] = {c: statement.excluded[c] for c in ("emails", "checked_at")}
        new["counted"] = case((r.counted < literal(look), literal(look)), else_=r.counted)
        key = ["school", "platform", "channel"]
        await self._c.execute(statement.on_conflict_do_update(index_elements=key, set_=new))

    async def forget_readers(self, channel: Address) -> None:
        """From now on nobody knows who reads the channel: it is avoided whenever anybody is excluded."""
        await self._c.execute(forgotten(*self._is(channel)))

    async def look_again_at(self, channel: Address, at: datetime) -> None:
        """A channel's readers have changed: each alert there that shuts somebody out is withdrawn, or shown again."""
        d = t.deliveries.c
        here = (IN_A_CHANNEL, d.school == self._school, d.platform == channel.platform, d.address_id == channel.id)
        # What was given up may stand there as well: one that could not be changed can perhaps be taken away.
        standing = (DeliveryState.SENT, DeliveryState.LEASED, DeliveryState.DEAD)
        shown = (d.message == MessageKind.ALERT, d.state.in_(standing))
        shuts_out = exists().where(t.exclusions.c.incident_id == d.incident_id)
        cases = select(t.incidents.c.id).where(t.incidents.c.id.in_(select(d.incident_id).where(*here, *shown, shuts_out)))
        # The cases first, as everybody holds them who shows a case's messages again; in one order, whatever it is.
        await self._c.execute(cases.order_by(t.incidents.c.id.concat("")).with_for_update())
        await self._c.execute(show_again(at, *here, *shown, shuts_out, given_up=True))

    def _is(self, channel: Address) -> tuple[ColumnElement[bool], ...]:
        r = t.channel_readers.c
        return (r.school == self._school, r.platform == channel.platform, r.channel == channel.id)

    def _add(self, channel: Address, **kept: object) -> sqlite.Insert | postgresql.Insert:
        add = sqlite.insert if self._c.dialect.name == "sqlite" else postgresql.insert
        return add(t.channel_readers).values(school=self._school, platform=channel.platform, channel=channel.id, **kept)
