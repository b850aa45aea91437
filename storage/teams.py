"""Who is known in Microsoft Teams, and where the bot is installed there.

Nothing here belongs to one school: a tenant can hold several, and whose somebody is the staff lists say.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, case, delete, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from domain.people import Standing
from storage import tables as t
from storage.database import Database


@dataclass(frozen=True, slots=True)
class TeamsUser:
    """A user as last seen. `user_id` is the directory's; `teams_id` and `conversation_id` hold towards this bot only."""

    tenant: str
    user_id: str
    teams_id: str
    service_url: str
    checked_at: datetime
    email: str = ""
    upn: str = ""
    name: str = ""
    conversation_id: str = ""
    standing: Standing = Standing.UNKNOWN

    @property
    def addresses(self) -> tuple[str, ...]:
        """What a staff list may know them by: their e-mail, then the name they sign in with."""
        return tuple(dict.fromkeys(a for a in (self.email, self.upn) if a))


class TeamsDirectory:
    """What the bot knows of the Teams it is in."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._insert = sqlite.insert if database.is_sqlite else postgresql.insert

    async def user(self, tenant: str, user_id: str) -> TeamsUser | None:
        """The user of that id, if they have been seen."""
        u = t.teams_users.c
        return await self._one(select(t.teams_users).where(u.tenant == tenant, u.user_id == user_id))

    async def users_of(self, tenant: str, email: str) -> list[TeamsUser]:
        """The members seen with that e-mail address, or who signed in with it: first those that the bot can write to."""
        u = t.teams_users.c
        best_first = (case((u.conversation_id != "", 0), else_=1), case((u.email == email, 0), else_=1), u.checked_at.desc())
        member = u.standing.in_((Standing.MEMBER, Standing.UNKNOWN))
        here = select(t.teams_users).where(u.tenant == tenant, member, or_(u.email == email, u.upn == email))
        async with self._database.begin(write=False) as connection:
            return [_user(r) for r in await connection.execute(here.order_by(*best_first))] if email else []

    async def add_user(self, user: TeamsUser) -> None:
        """Remembers a user of whom little is known yet; whoever is known already stays as they are."""
        async with self._database.begin() as connection:
            await connection.execute(self._with(user).on_conflict_do_nothing())

    async def save_user(self, user: TeamsUser) -> None:
        """Remembers a user. The chat with them stays as it is."""
        statement = self._with(user)
        new = {c: statement.excluded[c] for c in ("teams_id", "email", "upn", "name", "standing", "service_url", "checked_at")}
        async with self._database.begin() as connection:
            await connection.execute(statement.on_conflict_do_update(index_elements=["tenant", "user_id"], set_=new))

    def _with(self, user: TeamsUser) -> postgresql.Insert | sqlite.Insert:
        return self._insert(t.teams_users).values(
            tenant=user.tenant,
            user_id=user.user_id,
            teams_id=user.teams_id,
            email=user.email.lower()[:255],
            upn=user.upn.lower()[:255],
            name=user.name[:255],
            standing=user.standing,
            service_url=user.service_url,
            checked_at=user.checked_at,
        )

    async def open_chat(self, tenant: str, user_id: str, conversation_id: str) -> bool:
        """Remembers the one-to-one chat with a user who is known; True if it was not known before."""
        u = t.teams_users.c
        async with self._database.begin() as connection:
            done = await connection.execute(
                update(t.teams_users)
                .where(u.tenant == tenant, u.user_id == user_id, u.conversation_id != conversation_id)
                .values(conversation_id=conversation_id)
            )
            return bool(done.rowcount)

    async def close_chat(self, tenant: str, conversation_id: str) -> None:
        """The user has removed the bot: nothing can be sent there any more."""
        u = t.teams_users.c
        async with self._database.begin() as connection:
            await connection.execute(
                update(t.teams_users).where(u.tenant == tenant, u.conversation_id == conversation_id).values(conversation_id="")
            )

    async def add_place(self, tenant: str, conversation_id: str, kind: str, service_url: str, at: datetime) -> bool:
        """Remembers a team or a group chat; True if it is new."""
        here = {"tenant": tenant, "conversation_id": conversation_id}
        statement = self._insert(t.teams_places).values(**here, kind=kind, service_url=service_url, added_at=at)
        async with self._database.begin() as connection:
            done = await connection.execute(statement.on_conflict_do_nothing())
            return bool(done.rowcount)

    async def remove_place(self, tenant: str, conversation_id: str) -> None:
        """The bot was taken out of a team or a group chat."""
        p = t.teams_places.c
        async with self._database.begin() as connection:
            await connection.execute(delete(t.teams_places).where(p.tenant == tenant, p.conversation_id == conversation_id))

    async def places(self) -> list[tuple[str, str, str]]:
        """Every team and group chat: the tenant, the conversation, and the address of the service."""
        p = t.teams_places.c
        async with self._database.begin(write=False) as connection:
            rows = await connection.execute(select(p.tenant, p.conversation_id, p.service_url).order_by(p.added_at))
            return [(r.tenant, r.conversation_id, r.service_url) for r in rows]

    async def service_url(self, tenant: str) -> str | None:
        """Where Teams takes messages for a tenant, as it last said itself."""
        p, u = t.teams_places.c, t.teams_users.c
        async with self._database.begin(write=False) as connection:
            newest = select(u.service_url).where(u.tenant == tenant).order_by(u.checked_at.desc()).limit(1)
            place = select(p.service_url).where(p.tenant == tenant).order_by(p.added_at.desc()).limit(1)
            return (await connection.execute(newest)).scalar() or (await connection.execute(place)).scalar()

    async def knows_anybody(self) -> bool:
        """Whether anybody has ever used the bot in Teams."""
        async with self._database.begin(write=False) as connection:
            return (await connection.execute(select(t.teams_users.c.user_id).limit(1))).first() is not None

    async def _one(self, query: Any) -> TeamsUser | None:
        async with self._database.begin(write=False) as connection:
            row = (await connection.execute(query)).first()
        return None if row is None else _user(row)


def _user(r: Row[Any]) -> TeamsUser:
    return TeamsUser(
        tenant=r.tenant,
        user_id=r.user_id,
        teams_id=r.teams_id,
        service_url=r.service_url,
        checked_at=r.checked_at,
        email=r.email,
        upn=r.upn,
        standing=Standing(r.standing),
        name=r.name,
        conversation_id=r.conversation_id,
    )
