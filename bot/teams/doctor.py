"""The doctor's look at Teams: the bot's token, Microsoft's keys, the channels, and whether holders of roles can be reached."""

from collections.abc import AsyncIterator, Mapping
from typing import Final
from uuid import UUID

from aiohttp import ClientSession, ClientTimeout

from bot.doctor import Finding, Level, Lists, alerted_roles, roles_by_email, some
from bot.settings import BotType, Settings
from bot.teams.connector import Connector, OutOfReachError, RefusedError, credentials
from bot.teams.keys import KeyRing, KeysUnreachableError
from bot.teams.people import Tenants, described, on_the_list
from domain.people import Platform, School
from domain.words import Role
from storage.database import Database
from storage.teams import TeamsDirectory

_HOSTS: Final = "https://login.microsoftonline.com, https://login.botframework.com and https://smba.trafficmanager.net"
_NETWORK: Final = f"let this machine reach {_HOSTS}"
_SECRET_PLACE: Final = "Azure portal, your bot, Configuration, Manage Password: a new client secret"  # noqa: S105 - a place
_INSTALL: Final = "install the app for everybody by a setup policy in the Teams admin centre (docs/install-teams.md)"


async def examine_teams(
    settings: Settings, schools: Mapping[str, School], lists: Mapping[str, Lists | None]
) -> AsyncIterator[Finding]:
    """Everything about Teams. Without a token of the bot's own nothing can be sent, but people may still be looked at."""
    for wrong in _ids(settings):
        yield wrong
    async with ClientSession(timeout=ClientTimeout(total=30)) as session:
        connector = Connector(session, credentials(settings))
        token = await _token(connector, settings)
        yield token
        yield await _keys(session, settings)
        database = Database(settings.database_url)
        try:
            if not await database.ready():
                return
            tenants = Tenants(settings.microsoft_app_tenant_id.lower(), tuple(schools.values()))
            directory = TeamsDirectory(database)
            for school in schools.values():
                found = lists.get(school.id)
                async for finding in _school(connector, directory, tenants, school, found, can_ask=token.level is Level.OK):
                    yield finding
        finally:
            await database.close()


def _ids(settings: Settings) -> list[Finding]:
    given = {
        "MICROSOFT_APP_ID": settings.microsoft_app_id,
        "MICROSOFT_APP_TENANT_ID": settings.microsoft_app_tenant_id,
    }
    mend = "copy it anew: Azure portal, your bot, Configuration"
    return [
        Finding(Level.WARNING, f"Teams: {name} does not look like one of Microsoft's ids", mend)
        for name, value in given.items()
        if value and not _is_guid(value)
    ]


def _is_guid(value: str) -> bool:
    try:
        return str(UUID(value)) == value.lower()
    except ValueError:
        return False


async def _token(connector: Connector, settings: Settings) -> Finding:
    """Whether Microsoft gives the bot a token. What it says besides is left out: it can hold ids of the organisation."""
    try:
        await connector.token()
    except RefusedError:
        if settings.microsoft_app_type is BotType.MANAGED_IDENTITY:
            mend = "assign the identity MICROSOFT_APP_ID names to this machine in Azure"
        else:
            mend = f"copy MICROSOFT_APP_PASSWORD anew ({_SECRET_PLACE}), and check MICROSOFT_APP_ID"
        return Finding(Level.FAULT, "Teams: Microsoft does not take MICROSOFT_APP_ID and MICROSOFT_APP_PASSWORD", mend)
    except OutOfReachError as trouble:
        mend = f"check MICROSOFT_APP_TENANT_ID, and {_NETWORK}"
        return Finding(Level.FAULT, f"Teams: Microsoft's login gives no answer for that tenant ({trouble})", mend)
    return Finding(Level.OK, "Teams: Microsoft takes the bot's id and password")


async def _keys(session: ClientSession, settings: Settings) -> Finding:
    try:
        await KeyRing(session, settings.to_bot_from_channel_openid_metadata_url).get(None)
    except PermissionError:
        pass  # a key without a name is nobody's, but the ring was filled
    except KeysUnreachableError:
        return Finding(Level.FAULT, "Teams: Microsoft's signing keys are out of reach, so nobody can be let in", _NETWORK)
    return Finding(Level.OK, "Teams: Microsoft's signing keys can be fetched; Microsoft posts to /api/messages")


async def _school(
    connector: Connector,
    directory: TeamsDirectory,
    tenants: Tenants,
    school: School,
    lists: Lists | None,
    *,
    can_ask: bool,
) -> AsyncIterator[Finding]:
    tenant = tenants.of(school)
    if not tenant:
        mend = f"give teams_tenant in {school.id}.yaml, or MICROSOFT_APP_TENANT_ID"
        yield Finding(Level.FAULT, f"{school.id}: no tenant is named, so nobody's Teams is let in", mend)
        return
    service_url = await directory.service_url(tenant)
    if service_url is None:
        what = f"{school.id}: nobody has used the bot in Teams yet, so channels and people cannot be checked"
        yield Finding(Level.FAULT, what, f"{_INSTALL}, then write help to the bot, and run this again")
        return
    channels = list(dict.fromkeys(school.channels.get(Platform.TEAMS, {}).values()))
    if not channels:
        yield Finding(Level.OK, f"{school.id}: no Teams channel is given, so every alert goes to people's own chats")
    for channel in channels if can_ask else ():
        yield await _channel(connector, school, lists, service_url, channel)
    async for finding in _holders(directory, tenant, school, lists):
        yield finding


async def _channel(connector: Connector, school: School, lists: Lists | None, service_url: str, channel: str) -> Finding:
    """Whether the bot is in a channel's team, and everybody who reads it is known. Strangers are counted, never named."""
    readers = strangers = 0
    try:
        async for member in connector.members(service_url, channel):
            readers += 1
            strangers += lists is not None and on_the_list(school, lists.staff, described(member)) is None
    except RefusedError as no:
        what = f"{school.id}: the channel {channel} cannot be used ({no})"
        mend = f"add the app to that team, or correct the id in {school.id}.yaml (the channel's link holds it)"
        return Finding(Level.FAULT, what, mend)
    except OutOfReachError as trouble:
        return Finding(Level.FAULT, f"{school.id}: Teams went out of reach ({trouble})", _NETWORK)
    if strangers:
        what = f"{school.id}: in the channel {channel}, {strangers} of {readers} are not on the staff list"
        mend = "remove them from the team, or put them on the staff list with the e-mail they have in Teams"
        return Finding(Level.WARNING, f"{what}: it is avoided whenever a report shuts somebody out", mend)
    return Finding(Level.OK, f"{school.id}: everybody in the channel {channel} is on the staff list")


async def _holders(directory: TeamsDirectory, tenant: str, school: School, lists: Lists | None) -> AsyncIterator[Finding]:
    """Whether everybody who holds a role has been seen in Teams: only then can an alert be sent to them."""
    held = roles_by_email(school)
    if lists is not None and Role.LINE_MANAGER in alerted_roles(school.policy):
        for email in sorted({p.line_manager for p in lists.staff if p.line_manager and lists.staff.by_email(p.line_manager)}):
            held.setdefault(email, [Role.LINE_MANAGER])
    lost = False
    for email, roles in held.items():
        if not await directory.users_of(tenant, email):
            lost = True
            what = f"{school.id}: {email} holds {some(roles)} but cannot be reached in Teams yet"
            mend = f"have them open a chat with the bot, or {_INSTALL}; their e-mail in Teams must be that of the staff list"
            yield Finding(Level.FAULT, what, mend)
    if not lost:
        yield Finding(Level.OK, f"{school.id}: everybody who holds a role can be reached in Teams")
