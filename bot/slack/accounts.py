"""Who a Slack user is: looked up once a day, remembered, and never a reason to lose a report."""

import asyncio
import logging
from datetime import datetime, timedelta

import aiohttp
from slack_sdk.errors import SlackApiError

from bot.readers import Readers
from bot.slack.workspaces import NotInstalledError, Workspaces, error_code
from domain.people import Account, Person, Platform, School
from handlers.ports import Clock
from storage.store import Store

log = logging.getLogger("esafety.slack")

_PATIENCE = timedelta(seconds=1.5)
_LOOKED_UP_EVERY = timedelta(days=1)
_KEPT_FOR = timedelta(minutes=1)
"""How long nobody looks again who a user is. Short, so that a changed staff list counts at once for a human."""


class Accounts:
    """Slack users and the readers of channels, by way of the database."""

    def __init__(self, workspaces: Workspaces, store: Store, clock: Clock) -> None:
        self._workspaces = workspaces
        self._store = store
        self._clock = clock
        self.readers = Readers(store, clock, Platform.SLACK)
        self._kept: dict[tuple[str, str], tuple[Account, datetime]] = {}

    async def of_user(self, school: School, user_id: str) -> Account:
        """The account of a user. If Slack does not say in time who it is, one without a name: the report still counts."""
        kept = self._kept.get((school.id, user_id))
        if kept is not None and self._clock.now() - kept[1] < _KEPT_FOR:
            return kept[0]
        account = await self._of_user(school, user_id)
        if account.email:
            self._kept[school.id, user_id] = (account, self._clock.now())
        return account

    async def _of_user(self, school: School, user_id: str) -> Account:
        async with self._store.transaction(school, write=False) as records:
            fresh = await records.account(Platform.SLACK, user_id, since=self._clock.now() - _LOOKED_UP_EVERY)
            known = fresh or await records.account(Platform.SLACK, user_id)
        if fresh is not None and fresh.email:
            return fresh
        try:
            async with asyncio.timeout(_PATIENCE.total_seconds()):
                return await self._look_up(school, user_id)
        except (TimeoutError, SlackApiError, NotInstalledError, OSError, aiohttp.ClientError) as trouble:
            log.warning("could not look up a user: %s", type(trouble).__name__)
            return known or Account(Platform.SLACK, user_id)

    async def user_of(self, school: School, person: Person) -> str | None:
        """The user id of a member of staff, by e-mail; None if the workspace has no such user.

        Raises:
            SlackApiError: Slack refuses for another reason.
            NotInstalledError: the bot is not installed there.
        """
        async with self._store.transaction(school, write=False) as records:
            known = await records.account_of(Platform.SLACK, person)
        if known is not None:
            return known.user_id
        if not person.email:
            return None
        try:
            client = await self._workspaces.client(school)
            found = await client.users_lookupByEmail(email=person.email)
        except SlackApiError as no:
            if error_code(no) == "users_not_found":
                return None
            raise
        account = Account(Platform.SLACK, found["user"]["id"], person.email, person.name, person.id)
        await self._remember(school, account)
        return account.user_id

    async def sync_readers(self, school: School, channel: str) -> None:
        """Looks up who reads a channel. Until that has worked, the channel is avoided when anybody is excluded."""
        look = self.readers.look(channel)
        client = await self._workspaces.client(school)
        users: list[str] = []
        cursor = ""
        while True:
            page = await client.conversations_members(channel=channel, cursor=cursor, limit=200)
            users += page["members"]
            cursor = (page.get("response_metadata") or {}).get("next_cursor") or ""
            if not cursor:
                break
        emails = [e for user in users if (e := await self._email(school, user)) is not None]
        await self.readers.found(school, channel, look, emails)

    async def _email(self, school: School, user_id: str) -> str | None:
        """The e-mail of a reader, '' if not known; None for a bot, which reads nothing."""
        async with self._store.transaction(school, write=False) as records:
            known = await records.account(Platform.SLACK, user_id)
        if known is not None and known.email:
            return known.email
        client = await self._workspaces.client(school)
        info = await client.users_info(user=user_id)
        if info["user"].get("is_bot"):
            return None
        return (await self._take(school, info["user"])).email

    async def _look_up(self, school: School, user_id: str) -> Account:
        client = await self._workspaces.client(school)
        info = await client.users_info(user=user_id)
        return await self._take(school, info["user"])

    async def _take(self, school: School, user: dict[str, object]) -> Account:
        profile = user.get("profile")
        profile = profile if isinstance(profile, dict) else {}
        email = str(profile.get("email") or "").lower()
        name = str(user.get("real_name") or profile.get("real_name") or "")
        return await self._remember(school, Account(Platform.SLACK, str(user["id"]), email, name))

    async def _remember(self, school: School, account: Account) -> Account:
        async with self._store.transaction(school) as records:
            await records.save_account(account, self._clock.now())
            return await records.account(Platform.SLACK, account.user_id) or account
