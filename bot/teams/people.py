"""Who a Teams user is and which school is theirs: looked up once a day, remembered, and never a reason to lose a report."""

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from bot.readers import Readers
from bot.teams.connector import Connector, OutOfReachError, RefusedError
from bot.teams.incoming import CHANNEL, Incoming
from domain.people import Account, Person, Platform, School, Staff
from handlers.ports import Clock
from storage.store import Store
from storage.teams import TeamsDirectory, TeamsUser

log = logging.getLogger("esafety.teams")

_PATIENCE: Final = timedelta(seconds=4)
_LOOKED_UP_EVERY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Tenants:
    """Which schools are in which tenant. `own` is the bot's; without one (a development client) every school is everywhere."""

    own: str
    schools: tuple[School, ...]

    @property
    def served(self) -> frozenset[str]:
        """Every tenant that may speak to the bot."""
        return frozenset(t for t in (self.own, *(s.teams_tenant for s in self.schools)) if t)

    def of(self, school: School) -> str:
        """A school's tenant."""
        return school.teams_tenant or self.own

    def schools_in(self, tenant: str) -> tuple[School, ...]:
        """The schools of a tenant."""
        return tuple(s for s in self.schools if self.of(s) == tenant) if self.served else self.schools


class People:
    """Teams users and the readers of channels, by way of the database."""

    def __init__(self, connector: Connector, directory: TeamsDirectory, store: Store, tenants: Tenants, clock: Clock) -> None:
        self._connector = connector
        self._directory = directory
        self._store = store
        self._clock = clock
        self._kept: dict[tuple[str, str], TeamsUser] = {}
        self.readers = Readers(store, clock, Platform.TEAMS)
        self.tenants = tenants

    async def sender(self, incoming: Incoming) -> TeamsUser:
        """Who sent something. If Teams does not say in time, somebody without an e-mail address: the report still counts."""
        tenant, user_id = self.tenant(incoming), incoming.sender.object_id or incoming.sender.id
        kept = self._kept.get((tenant, user_id))
        now = self._clock.now()
        if kept is not None and now - kept.checked_at < _LOOKED_UP_EVERY and kept.addresses:
            return kept
        known = await self._directory.user(tenant, user_id)
        if known is None or not known.addresses or now - known.checked_at > _LOOKED_UP_EVERY:
            known = await self._looked_up(incoming, tenant, user_id, known)
        if known.addresses:
            self._kept[tenant, user_id] = known
        return known

    async def account(self, school: School, user: TeamsUser) -> Account:
        """The user as a school knows them."""
        person = on_the_list(await self._staff(school), user)
        email = person.email if person is not None else user.email
        return Account(Platform.TEAMS, user.user_id, email, user.name, person.id if person is not None else None)

    async def schools_of(self, incoming: Incoming, user: TeamsUser, named: str = "") -> tuple[School, ...]:
        """Which school something is about: the one a button names, the tenant's only one, the channel's, or the sender's.

        More than one where that cannot be told: those on whose staff list the sender is, else every school of the tenant.
        """
        schools = self.tenants.schools_in(self.tenant(incoming))
        if named:
            return tuple(s for s in schools if s.id == named) or schools
        if len(schools) < 2:
            return schools
        by_channel = [s for s in schools if incoming.place in s.channels.get(Platform.TEAMS, {}).values()]
        if len(by_channel) == 1:
            return tuple(by_channel)
        by_list = [s for s in schools if on_the_list(await self._staff(s), user) is not None]
        return tuple(by_list) or schools

    def tenant(self, incoming: Incoming) -> str:
        """The tenant under which a sender is remembered: a development client's is not worth telling apart."""
        return incoming.tenant if self.tenants.own or self.tenants.served else ""

    async def user_of(self, school: School, person: Person) -> TeamsUser | None:
        """The Teams user who is this member of staff, as far as the bot has seen them."""
        return await self._directory.user_of(self.tenants.of(school), person.email)

    async def sync_readers(self, school: School, channel: str) -> bool:
        """Looks up who reads a channel. False while nobody knows where to ask.

        Until that has worked, the channel is avoided when anybody is excluded.
        """
        tenant = self.tenants.of(school)
        service_url = await self._directory.service_url(tenant)
        if service_url is None:
            return False
        look = self.readers.look(channel)
        staff = await self._staff(school)
        emails: set[str] = set()
        async for user in self._roster(tenant, service_url, channel):
            person = on_the_list(staff, user)
            emails.add(person.email if person is not None else user.email)
        await self.readers.found(school, channel, look, emails)
        return True

    async def meet(self, tenant: str, service_url: str, conversation_id: str) -> None:
        """Remembers everybody in a team or group chat, so that they can be written to before they have ever said a word."""
        async for _ in self._roster(tenant, service_url, conversation_id):
            pass

    async def chat_with(self, user: TeamsUser) -> str:
        """The one-to-one chat with a user, opened if need be.

        Raises:
            RefusedError, OutOfReachError: Teams does not open one.
        """
        if user.conversation_id:
            return user.conversation_id
        conversation = await self._connector.open_chat(user.service_url, user.tenant, user.teams_id)
        await self._directory.open_chat(user.tenant, user.user_id, conversation)
        self._kept.pop((user.tenant, user.user_id), None)
        return conversation

    async def remember_chat(self, user: TeamsUser, conversation_id: str) -> bool:
        """Remembers the one-to-one chat with a user; True if it is a new one."""
        if user.conversation_id == conversation_id:
            return False
        new = await self._directory.open_chat(user.tenant, user.user_id, conversation_id)
        self._kept.pop((user.tenant, user.user_id), None)
        return new

    async def close_chat(self, tenant: str, conversation_id: str) -> None:
        """The user of a one-to-one chat has removed the bot: nothing can be sent there any more."""
        await self._directory.close_chat(tenant, conversation_id)
        for key in [k for k, user in self._kept.items() if user.conversation_id == conversation_id]:
            del self._kept[key]

    async def _staff(self, school: School) -> Staff:
        async with self._store.transaction(school, write=False) as records:
            return await records.staff()

    async def _roster(self, tenant: str, service_url: str, conversation_id: str) -> AsyncIterator[TeamsUser]:
        async for member in self._connector.members(service_url, conversation_id):
            user = described(member, tenant, service_url, self._clock.now())
            await self._directory.save_user(user)
            yield user

    async def _looked_up(self, incoming: Incoming, tenant: str, user_id: str, known: TeamsUser | None) -> TeamsUser:
        now = self._clock.now()
        nameless = TeamsUser(tenant, user_id, incoming.sender.id, incoming.service_url, now, name=incoming.sender.name)
        try:
            async with asyncio.timeout(_PATIENCE.total_seconds()):
                # The whole roster of a channel's thread is asked for by the channel, not by the thread.
                where = incoming.place if incoming.conversation.type == CHANNEL else incoming.conversation.id
                member = await self._connector.member(incoming.service_url, where, incoming.sender.id)
        except (TimeoutError, RefusedError, OutOfReachError) as trouble:
            why = trouble.code if isinstance(trouble, RefusedError) else type(trouble).__name__
            log.warning("could not look up a user: %s", why)
            if known is not None:
                return known
            # Kept all the same, so that there is somebody to whom the receipt can go; looked up again the next time.
            await self._directory.save_user(nameless)
            return nameless
        user = replace(described(member, tenant, incoming.service_url, now), user_id=user_id)
        await self._directory.save_user(user)
        return replace(user, conversation_id=known.conversation_id if known is not None else "")


def on_the_list(staff: Staff, user: TeamsUser) -> Person | None:
    """The member of staff that a Teams user is, by e-mail or by the name they sign in with."""
    return next((p for address in user.addresses if (p := staff.by_email(address))), None)


def described(member: Mapping[str, Any], tenant: str = "", service_url: str = "", at: datetime | None = None) -> TeamsUser:
    """A member as Teams describes them."""

    def word(name: str) -> str:
        return str(member.get(name) or "")

    # Some clients call the directory's id objectId.
    user_id = word("aadObjectId") or word("objectId") or word("id")
    seen = at or datetime.now(UTC)
    if tenant and word("tenantId").lower() not in ("", tenant) and word("userRole") != "guest":
        # Of another organisation, whose own administrators write these addresses as they like.
        return TeamsUser(tenant, user_id, word("id"), service_url, seen, name=word("name"))
    upn = word("userPrincipalName").lower()
    return TeamsUser(tenant, user_id, word("id"), service_url, seen, word("email").lower(), upn, word("name"))
