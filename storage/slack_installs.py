"""In which Slack workspaces the bot is installed, and the installations that have been begun."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Row, bindparam, delete, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from domain.people import AddressKind, Platform
from domain.words import DeliveryState
from storage import sealed as s
from storage import tables as t
from storage.channel_records import forgotten
from storage.database import Database
from storage.vault import EVERYBODY, SchoolKeys

TIME_TO_INVITE = timedelta(minutes=10)
"""How long messages to channels still wait after an installation."""

# Written out once: every request and every message asks for it.
_OF_TEAM = select(t.slack_installs).where(t.slack_installs.c.team == bindparam("of"))


@dataclass(frozen=True, slots=True)
class SlackInstall:
    """The bot in one workspace, with the token that Slack gave for it."""

    team: str
    team_name: str
    token: str = field(repr=False)
    bot_user: str
    installed_by: str
    installed_at: datetime


class SlackInstalls:
    """The workspaces, at most one installation each."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of_team(self, team: str) -> SlackInstall | None:
        """The installation of a workspace; None if there is none, or it was taken away."""
        keys = await self._keys(make=False)
        async with self._database.begin(write=False) as connection:
            row = (await connection.execute(_OF_TEAM, {"of": team})).first()
        return None if row is None else _install(keys, row)

    async def all(self) -> list[SlackInstall]:
        """Every installation, by workspace."""
        keys = await self._keys(make=False)
        async with self._database.begin(write=False) as connection:
            rows = await connection.execute(select(t.slack_installs).order_by(t.slack_installs.c.team))
            return [_install(keys, row) for row in rows]

    async def save(self, install: SlackInstall, school: str, waited_for: Collection[str]) -> None:
        """Keeps an installation in place of an earlier one. Messages of that school that waited for it become due.

        They are known by the trouble that their last try ended in. Those to people are due at once; those to channels a little
        later, as the bot has to be invited there again. Who reads a channel is no longer known: nobody told the bot meanwhile.
        """
        add = sqlite.insert if self._database.is_sqlite else postgresql.insert
        kept = {
            "team_name": install.team_name[:255],
            "token": "",
            "sealed": (await self._keys(make=True)).records.seal_text(install.token, s.of_token(install.team)),
            "bot_user": install.bot_user,
            "installed_by": install.installed_by,
            "installed_at": install.installed_at,
        }
        d = t.deliveries.c
        waiting = update(t.deliveries).where(
            d.school == school,
            d.platform == Platform.SLACK,
            d.state == DeliveryState.PENDING,
            d.trouble.in_(waited_for),
        )
        to_channels = d.address_kind == AddressKind.CHANNEL
        readers = t.channel_readers.c
        async with self._database.begin() as connection:
            statement = add(t.slack_installs).values(team=install.team, **kept)
            await connection.execute(statement.on_conflict_do_update(index_elements=["team"], set_=kept))
            await connection.execute(waiting.where(~to_channels).values(next_at=install.installed_at))
            await connection.execute(waiting.where(to_channels).values(next_at=install.installed_at + TIME_TO_INVITE))
            await connection.execute(forgotten(readers.school == school, readers.platform == Platform.SLACK))

    async def forget(self, team: str, until: datetime) -> bool:
        """Forgets what was installed in a workspace until then; False if there is nothing so old.

        Slack tells of the end of an installation more than once, and perhaps only when there is a new one.
        """
        i = t.slack_installs.c
        async with self._database.begin() as connection:
            gone = await connection.execute(delete(t.slack_installs).where(i.team == team, i.installed_at <= until))
            return bool(gone.rowcount)

    async def _keys(self, *, make: bool) -> SchoolKeys:
        return await self._database.vault.of_school(EVERYBODY, make=make)


class InstallStates:
    """Installations that somebody has begun: each can be finished once, within its time."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def begin(self, state: str, now: datetime, expires_at: datetime) -> None:
        """Remembers one, and drops those whose time is over."""
        s = t.slack_install_states
        async with self._database.begin() as connection:
            await connection.execute(delete(s).where(s.c.expires_at <= now))
            await connection.execute(insert(s).values(state=state, expires_at=expires_at))

    async def finish(self, state: str, now: datetime) -> bool:
        """True for one that is under way; from now on it is not."""
        s = t.slack_install_states
        async with self._database.begin() as connection:
            found = await connection.execute(delete(s).where(s.c.state == state).returning(s.c.expires_at))
            row = found.first()
        return row is not None and row.expires_at > now


def _install(keys: SchoolKeys, row: Row[tuple[object, ...]]) -> SlackInstall:
    token = s.opened(keys.records, row.token, row.sealed, s.of_token(row.team))
    return SlackInstall(row.team, row.team_name, token, row.bot_user, row.installed_by, row.installed_at)
