"""Who a Slack user is: looked up, remembered, and never a reason to lose a report.

To report and to ask the policy, what Slack said within a day will do. Where something of a case may be shown it is asked again
after a quarter of an hour: by then an account may be a guest's, somebody else's or nobody's. Then it counts as this process has
heard it of Slack itself. The row in the database is what it shares with others, and may tell it that there is news; but whoever
can write there must not become somebody else by it.
"""

import asyncio
import logging
from collections.abc import Mapping
from datetime import datetime, timedelta

import aiohttp
from slack_sdk.errors import SlackApiError

from bot.readers import Readers
from bot.slack.workspaces import NotInstalledError, Workspaces, error_code
from domain.access import admitted
from domain.people import Account, Person, Platform, School, Standing
from handlers.ports import Clock
from storage.channel_records import NEVER
from storage.store import Store

log = logging.getLogger("esafety.slack")

_SLACKBOT = "USLACKBOT"
_PATIENCE = timedelta(seconds=1.5)
_LOOKED_UP_EVERY = timedelta(days=1)
_SURE_FOR = timedelta(minutes=15)
_SERVES_FOR = timedelta(hours=1)
"""How long what Slack has said serves where something may be shown, while it does not answer."""
_KEPT_FOR = timedelta(minutes=1)
"""How long nobody looks again who a user is. Short, so that a changed staff list counts at once for a human."""


class NotListedError(Exception):
    """Nobody on the school's lists has that id."""


class Accounts:
    """Slack users and the readers of channels, by way of the database."""

    def __init__(self, workspaces: Workspaces, store: Store, clock: Clock) -> None:
        self._workspaces = workspaces
        self._store = store
        self._clock = clock
        self.readers = Readers(store, clock, Platform.SLACK)
        self._kept: dict[tuple[str, str, bool], tuple[Account, datetime]] = {}
        self._heard: dict[tuple[str, str], tuple[str, Standing, datetime]] = {}
        """What Slack has told this process of a user, and when: their address, and how they stand."""

    async def of_user(self, school: School, user_id: str, *, sure: bool = True) -> Account:
        """The account of a user. If Slack does not say in time who it is, one without a name: the report still counts.

        `sure`: as Slack has it within a quarter of an hour; while it does not answer, an hour. After that nobody is sure.
        """
        now = self._clock.now()
        kept = self._kept.get((school.id, user_id, sure))
        if kept is not None and now - kept[1] < _KEPT_FOR:
            return kept[0]
        account = await self._of_user(school, user_id, sure=sure)
        if self._is_settled(school, account):
            for less in {sure, False}:
                self._kept[school.id, user_id, less] = (account, now)
        return account

    async def _of_user(self, school: School, user_id: str, *, sure: bool) -> Account:
        now = self._clock.now()
        async with self._store.transaction(school, write=False) as records:
            fresh = await records.account(Platform.SLACK, user_id, since=now - _LOOKED_UP_EVERY)
            known = fresh or await records.account(Platform.SLACK, user_id)
        heard = now - self._heard_at(school, known)
        if fresh is not None and self._is_settled(school, fresh) and (not sure or heard <= _SURE_FOR):
            return fresh
        try:
            async with asyncio.timeout(_PATIENCE.total_seconds()):
                return await self._look_up(school, user_id)
        except (TimeoutError, SlackApiError, NotInstalledError, OSError, aiohttp.ClientError) as trouble:
            log.warning("could not look up a user: %s", type(trouble).__name__)
            # Whoever was refused stays so; of anybody else it is not known any more.
            if known is not None and not admitted(school, known):
                return known
            if known is None or known.standing is Standing.UNKNOWN or (sure and heard > _SERVES_FOR):
                return Account(Platform.SLACK, user_id)
            return known

    async def user_of(self, school: School, person_id: str) -> str | None:
        """The user id of a member of staff, by e-mail; None if the workspace has no such user.

        Slack is asked whose the address is unless it has said so within a day. If it does not answer, what it said last counts.

        Raises:
            NotListedError: nobody on the school's lists has that id.
            SlackApiError: Slack refuses for another reason, and has never said.
            NotInstalledError: the bot is not installed there.
        """
        now = self._clock.now()
        async with self._store.transaction(school, write=False) as records:
            person = (await records.people([person_id])).get(person_id)
            if person is None:
                raise NotListedError
            fresh = await records.user_of(Platform.SLACK, person, since=now - _LOOKED_UP_EVERY)
            known = fresh or await records.user_of(Platform.SLACK, person)
        guest = next((u for (p, u), email in school.guests.items() if p is Platform.SLACK and email == person.email), None)
        if guest is not None or fresh is not None or not person.email:
            return guest or fresh
        try:
            return await self._with_address(school, person)
        except (SlackApiError, TimeoutError, OSError, aiohttp.ClientError) as trouble:
            if known is None:
                raise
            log.warning("could not look up whose an address is: %s", type(trouble).__name__)
            return known

    async def _with_address(self, school: School, person: Person) -> str | None:
        try:
            client = await self._workspaces.client(school)
            found = await client.users_lookupByEmail(email=person.email)
        except SlackApiError as no:
            if error_code(no) == "users_not_found":
                return None
            raise
        standing = standing_of(found["user"], await self._workspaces.team(school))
        if standing is not Standing.MEMBER:
            # Of an account that is no member's the address proves nothing.
            return None
        account = Account(Platform.SLACK, found["user"]["id"], person.email, person.name, person.id, standing)
        await self._remember(school, account)
        return account.user_id

    async def is_known_otherwise(self, school: School, user: Mapping[str, object]) -> bool:
        """Whether a user whom the bot knows is not who they were, by what Slack says of them now: `user` as in `users.info`."""
        async with self._store.transaction(school, write=False) as records:
            known = await records.account(Platform.SLACK, str(user["id"]))
        if known is None:
            return False
        standing = standing_of(user, await self._workspaces.team(school))
        return standing is not known.standing or (standing is Standing.MEMBER and _address_of(user) != known.email)

    async def ask_anew(self, school: School, user_id: str) -> None:
        """What is known of a user holds no more. Slack itself is asked: news may come late, and out of order.

        Until it has answered nobody knows who they are, nor who reads the channels: nothing that names anybody is shown.
        """
        async with self._store.transaction(school) as records:
            await records.save_account(Account(Platform.SLACK, user_id), NEVER)
        self._heard.pop((school.id, user_id), None)
        for sure in (True, False):
            self._kept.pop((school.id, user_id, sure), None)
        channels = dict.fromkeys(school.channels.get(Platform.SLACK, {}).values())
        for channel in channels:
            await self.readers.forget(school, channel)
        await self._look_up(school, user_id)
        for channel in channels:
            await self.sync_readers(school, channel)

    async def sync_readers(self, school: School, channel: str) -> None:
        """Looks up who reads a channel. Until that has worked, the channel is avoided when anybody is excluded."""
        look = await self.readers.look(school, channel)
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
            account = await records.account(Platform.SLACK, user_id, since=self._clock.now() - _LOOKED_UP_EVERY)
        if account is None or not self._is_settled(school, account):
            account = await self._look_up(school, user_id)
        if account.standing is Standing.BOT:
            return None
        return account.email if admitted(school, account) else ""

    async def _look_up(self, school: School, user_id: str) -> Account:
        client = await self._workspaces.client(school)
        info = await client.users_info(user=user_id)
        return await self._take(school, info["user"])

    async def _take(self, school: School, user: dict[str, object]) -> Account:
        standing = standing_of(user, await self._workspaces.team(school))
        # A guest may put any address on an account: the one that counts is the school file's.
        bound = school.guests.get((Platform.SLACK, str(user["id"])), "") if standing is Standing.GUEST else ""
        own = _address_of(user) if standing is Standing.MEMBER else ""
        name = str(user.get("real_name") or _profile(user).get("real_name") or "")
        return await self._remember(school, Account(Platform.SLACK, str(user["id"]), own or bound, name, standing=standing))

    def _is_settled(self, school: School, account: Account) -> bool:
        """Whether nothing needs to be looked up: Slack has said who it is, and the school file has named no other since."""
        if account.standing is Standing.GUEST:
            return account.email == school.guests.get((Platform.SLACK, account.user_id), "")
        return account.standing is not Standing.UNKNOWN and (bool(account.email) or not admitted(school, account))

    def _heard_at(self, school: School, known: Account | None) -> datetime:
        """When Slack has told this process what the database has of a user; NEVER if it has told it otherwise, or nothing."""
        if known is None:
            return NEVER
        email, standing, at = self._heard.get((school.id, known.user_id), ("", Standing.UNKNOWN, NEVER))
        return at if (email, standing) == (known.email, known.standing) else NEVER

    async def _remember(self, school: School, account: Account) -> Account:
        """What Slack has just said. To be called with nothing else."""
        now = self._clock.now()
        self._heard[school.id, account.user_id] = (account.email.lower(), account.standing, now)
        async with self._store.transaction(school) as records:
            await records.save_account(account, now)
            return await records.account(Platform.SLACK, account.user_id) or account


def _profile(user: Mapping[str, object]) -> Mapping[str, object]:
    profile = user.get("profile")
    return profile if isinstance(profile, dict) else {}


def _address_of(user: Mapping[str, object]) -> str:
    return str(_profile(user).get("email") or "").lower()


def standing_of(user: Mapping[str, object], team: str) -> Standing:
    """What Slack says of a user, as `users.info` gives it. `team`: the school's workspace, in which the user has to be."""
    if user.get("deleted"):
        return Standing.GONE
    if user.get("is_bot") or user.get("id") == _SLACKBOT:
        return Standing.BOT
    organisation = user.get("enterprise_user")
    elsewhere = organisation.get("teams") if isinstance(organisation, dict) else None
    if user.get("is_stranger") or (user.get("team_id") != team and team not in (elsewhere or ())):
        return Standing.STRANGER
    return Standing.GUEST if user.get("is_restricted") or user.get("is_ultra_restricted") else Standing.MEMBER
