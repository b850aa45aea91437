"""Who a Teams user is and which school is theirs: looked up, remembered, and never a reason to lose a report.

To report and to ask the policy, what Teams said within a day will do. Where something of a case may be shown it is asked again
after a quarter of an hour: by then an account may be a guest's, somebody else's or nobody's. Then it counts as this process has
heard it of Teams itself: whoever can write to the database must not become somebody else by it.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from bot.readers import Readers
from bot.teams.connector import Connector, OutOfReachError, RefusedError
from bot.teams.incoming import CHANNEL, Incoming
from domain.access import admitted
from domain.people import Account, Person, Platform, School, Staff, Standing
from handlers.ports import Clock
from storage.store import Store
from storage.teams import TeamsDirectory, TeamsUser

log = logging.getLogger("esafety.teams")

_PATIENCE: Final = timedelta(seconds=4)
_LOOKED_UP_EVERY: Final = timedelta(days=1)
_SURE_FOR: Final = timedelta(minutes=15)
_SERVES_FOR: Final = timedelta(hours=1)
"""How long what Teams has said serves where something may be shown, while it does not answer."""
_GUESTS: Final = ("guest", "anonymous")
_GUESTS_NAME: Final = "#ext#"
"""How the directory marks the sign-in name of a guest."""


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
        self._heard: dict[tuple[str, str], TeamsUser] = {}
        """Users as Teams has described them to this process, with when."""
        self.readers = Readers(store, clock, Platform.TEAMS)
        self.tenants = tenants

    async def sender(self, incoming: Incoming, *, sure: bool) -> TeamsUser:
        """Who sent something. If Teams does not say in time, somebody without an e-mail address: the report still counts.

        `sure`: as Teams has it within a quarter of an hour; while it does not answer, an hour. After that nobody is sure.
        """
        return await (self._sure_sender if sure else self._likely_sender)(incoming)

    async def _sure_sender(self, incoming: Incoming) -> TeamsUser:
        tenant, user_id = self._id_of(incoming)
        heard, now = self._heard.get((tenant, user_id)), self._clock.now()
        if heard is not None and now - heard.checked_at <= _SURE_FOR and _is_settled(heard):
            return heard
        found = await self._looked_up(incoming, tenant, user_id, await self._directory.user(tenant, user_id))
        newer = self._heard.get((tenant, user_id), heard)
        if newer is None or now - newer.checked_at > _SERVES_FOR:
            return _doubted(found)
        return newer

    async def _likely_sender(self, incoming: Incoming) -> TeamsUser:
        tenant, user_id = self._id_of(incoming)
        kept = self._kept.get((tenant, user_id))
        now = self._clock.now()
        if kept is not None and now - kept.checked_at < _LOOKED_UP_EVERY and _is_settled(kept):
            return kept
        known = await self._directory.user(tenant, user_id)
        if known is None or not _is_settled(known) or now - known.checked_at > _LOOKED_UP_EVERY:
            known = await self._looked_up(incoming, tenant, user_id, known)
        if _is_settled(known):
            self._kept[tenant, user_id] = known
        return known

    async def account(self, school: School, user: TeamsUser) -> Account:
        """The user as a school knows them."""
        person = on_the_list(school, await self._staff(school), user)
        email = person.email if person is not None else user.email
        return Account(Platform.TEAMS, user.user_id, email, user.name, person.id if person is not None else None, user.standing)

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
        by_list = [s for s in schools if on_the_list(s, await self._staff(s), user) is not None]
        found = tuple(by_list) or schools
        # Whom none lets in is not asked whose they are: any of them says no.
        return tuple([s for s in found if admitted(s, await self.account(s, user))]) or found[:1]

    def tenant(self, incoming: Incoming) -> str:
        """The tenant under which a sender is remembered: a development client's is not worth telling apart."""
        return incoming.tenant if self.tenants.own or self.tenants.served else ""

    async def user_of(self, school: School, person: Person) -> TeamsUser | None:
        """The Teams user who is this member of staff, as far as the bot has seen them.

        Teams is asked whose the address is unless it has said so within a day, and where it was another's since. Of those that
        it says nothing of, the first one counts.
        """
        tenant = self.tenants.of(school)
        guest = next((u for (p, u), email in school.guests.items() if p is Platform.TEAMS and email == person.email), None)
        if guest is not None:
            return await self._directory.user(tenant, guest)
        found = await self._directory.users_of(tenant, person.email)
        newest, unasked = max((u.checked_at for u in found), default=None), None
        for user in found:
            if user.checked_at == newest and self._clock.now() - newest <= _LOOKED_UP_EVERY:
                return user
            asked = await self._asked_again(user)
            if asked is not None and person.email in asked.addresses and asked.standing is Standing.MEMBER:
                return asked
            unasked = unasked or (user if asked is None else None)
        return unasked

    async def sync_readers(self, school: School, channel: str) -> bool:
        """Looks up who reads a channel. False while nobody knows where to ask.

        Until that has worked, the channel is avoided when anybody is excluded.
        """
        tenant = self.tenants.of(school)
        service_url = await self._directory.service_url(tenant)
        if service_url is None:
            return False
        look = await self.readers.look(school, channel)
        staff = await self._staff(school)
        emails: set[str] = set()
        async for user in self._roster(tenant, service_url, channel):
            person = on_the_list(school, staff, user)
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
        self._is_in(user.tenant, user.user_id, conversation)
        return conversation

    async def remember_chat(self, user: TeamsUser, conversation_id: str) -> bool:
        """Remembers the one-to-one chat with a user; True if it is a new one."""
        if user.conversation_id == conversation_id:
            return False
        new = await self._directory.open_chat(user.tenant, user.user_id, conversation_id)
        self._is_in(user.tenant, user.user_id, conversation_id)
        return new

    async def remember_installer(self, incoming: Incoming) -> bool:
        """Remembers whoever installed the bot and their chat with it, without asking Teams anything; True if it is new."""
        tenant, user_id = self._id_of(incoming)
        await self._directory.add_user(self._nameless(incoming))
        self._is_in(tenant, user_id, incoming.conversation.id)
        return await self._directory.open_chat(tenant, user_id, incoming.conversation.id)

    async def close_chat(self, tenant: str, conversation_id: str) -> None:
        """The user of a one-to-one chat has removed the bot: nothing can be sent there any more."""
        await self._directory.close_chat(tenant, conversation_id)
        both = (*self._kept.items(), *self._heard.items())
        for key in {k for k, user in both if user.conversation_id == conversation_id}:
            self._is_in(*key, "")

    async def _asked_again(self, user: TeamsUser) -> TeamsUser | None:
        """What Teams says now of somebody who has a chat with the bot; None if it does not say."""
        if not user.conversation_id:
            return None
        asked_at = self._clock.now()
        try:
            async with asyncio.timeout(_PATIENCE.total_seconds()):
                member = await self._connector.member(user.service_url, user.conversation_id, user.teams_id)
        except (TimeoutError, RefusedError, OutOfReachError) as trouble:
            log.warning("could not look up whose an address is: %s", _why(trouble))
            return None
        asked = replace(described(member, user.tenant, user.service_url, asked_at), user_id=user.user_id)
        await self._directory.save_user(asked)
        self._kept.pop((user.tenant, user.user_id), None)
        self._heard.pop((user.tenant, user.user_id), None)
        return replace(asked, conversation_id=user.conversation_id)

    def _is_in(self, tenant: str, user_id: str, conversation_id: str) -> None:
        """The one-to-one chat with a user is another one now."""
        self._kept.pop((tenant, user_id), None)
        if (heard := self._heard.get((tenant, user_id))) is not None:
            self._heard[tenant, user_id] = replace(heard, conversation_id=conversation_id)

    def _id_of(self, incoming: Incoming) -> tuple[str, str]:
        return self.tenant(incoming), incoming.sender.object_id or incoming.sender.id

    def _nameless(self, incoming: Incoming) -> TeamsUser:
        """The sender as far as what came says who it is."""
        tenant, user_id = self._id_of(incoming)
        sender = incoming.sender
        return TeamsUser(tenant, user_id, sender.id, incoming.service_url, self._clock.now(), name=sender.name)

    async def _staff(self, school: School) -> Staff:
        async with self._store.transaction(school, write=False) as records:
            return await records.staff()

    async def _roster(self, tenant: str, service_url: str, conversation_id: str) -> AsyncIterator[TeamsUser]:
        # As old as the question: what was said of somebody may have changed while the answer was on its way.
        asked_at = self._clock.now()
        async for member in self._connector.members(service_url, conversation_id):
            user = described(member, tenant, service_url, asked_at)
            await self._directory.save_user(user)
            yield user

    async def _looked_up(self, incoming: Incoming, tenant: str, user_id: str, known: TeamsUser | None) -> TeamsUser:
        asked_at = self._clock.now()
        try:
            async with asyncio.timeout(_PATIENCE.total_seconds()):
                # The whole roster of a channel's thread is asked for by the channel, not by the thread.
                where = incoming.place if incoming.conversation.type == CHANNEL else incoming.conversation.id
                member = await self._connector.member(incoming.service_url, where, incoming.sender.id)
        except (TimeoutError, RefusedError, OutOfReachError) as trouble:
            log.warning("could not look up a user: %s", _why(trouble))
            if known is not None:
                return known
            # Kept all the same, so that there is somebody to whom the receipt can go; looked up again the next time.
            await self._directory.add_user(nameless := self._nameless(incoming))
            return nameless
        user = replace(described(member, tenant, incoming.service_url, asked_at), user_id=user_id)
        await self._directory.save_user(user)
        self._kept.pop((tenant, user_id), None)
        heard = replace(user, conversation_id=known.conversation_id if known is not None else "")
        self._heard[tenant, user_id] = heard
        return heard


def _why(trouble: Exception) -> str:
    return trouble.code if isinstance(trouble, RefusedError) else type(trouble).__name__


def _doubted(user: TeamsUser) -> TeamsUser:
    """Somebody of whom it is not known any more who they are. Whoever was refused stays so."""
    if user.standing is Standing.STRANGER:
        return user
    return replace(user, email="", upn="", standing=Standing.UNKNOWN)


def _is_settled(user: TeamsUser) -> bool:
    """Whether Teams has said who it is: a member without any address may yet be found to have one."""
    return user.standing is not Standing.UNKNOWN and (bool(user.addresses) or user.standing is not Standing.MEMBER)


def on_the_list(school: School, staff: Staff, user: TeamsUser) -> Person | None:
    """The member of staff that a Teams user is, by e-mail or by the name they sign in with.

    A guest is whoever the school file says that the account is of: its address is what another organisation writes there.
    """
    if user.standing is Standing.GUEST:
        return staff.by_email(school.guests.get((Platform.TEAMS, user.user_id), ""))
    return next((p for address in user.addresses if (p := staff.by_email(address))), None)


def described(member: Mapping[str, Any], tenant: str = "", service_url: str = "", at: datetime | None = None) -> TeamsUser:
    """A member as Teams describes them."""

    def word(name: str) -> str:
        return str(member.get(name) or "")

    # Some clients call the directory's id objectId.
    user_id = word("aadObjectId") or word("objectId") or word("id")
    seen = at or datetime.now(UTC)
    if tenant and word("tenantId").lower() not in ("", tenant) and word("userRole") not in _GUESTS:
        # Of another organisation, whose own administrators write these addresses as they like.
        return TeamsUser(tenant, user_id, word("id"), service_url, seen, name=word("name"), standing=Standing.STRANGER)
    upn = word("userPrincipalName").lower()
    guest = word("userRole") in _GUESTS or _GUESTS_NAME in upn
    standing = Standing.GUEST if guest else Standing.MEMBER
    return TeamsUser(
        tenant, user_id, word("id"), service_url, seen, word("email").lower(), upn, word("name"), standing=standing
    )
