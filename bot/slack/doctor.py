"""The doctor's look at Slack: tokens, scopes, channels and their members, and whether everybody with a role can be reached."""

from collections.abc import AsyncIterator, Mapping
from typing import Any

from aiohttp import ClientError, ClientSession, ClientTimeout
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.doctor import Finding, Level, Lists, alerted_roles, roles_by_email, some
from bot.settings import Settings, SettingsError, SlackMode
from bot.slack.client import web_client
from bot.slack.install_pages import INSTALL_PATH
from bot.slack.scopes import SCOPES
from bot.slack.workspaces import NOT_INSTALLED, error_code, schools_by_team
from domain.people import Platform, School
from domain.words import Role
from storage.database import Database
from storage.slack_installs import SlackInstall, SlackInstalls

_SIGNING_SECRET_LENGTH = 32
_UNREACHABLE = (ClientError, TimeoutError, OSError)
_PATIENT_RETRIES = 5

_BOT_TOKEN_PLACE = "OAuth & Permissions, Bot User OAuth Token"  # noqa: S105 - where one is found, not one
_APP_TOKEN_PLACE = "Basic Information, App-Level Tokens, one with connections:write"  # noqa: S105 - as above
_REINSTALL = "paste manifest.json again under App Manifest, save, and press Reinstall to Workspace under Install App"
_NETWORK = "let this machine reach https://slack.com and wss://*.slack.com, or look at https://status.slack.com"


async def examine_slack(
    settings: Settings, schools: Mapping[str, School], lists: Mapping[str, Lists | None]
) -> AsyncIterator[Finding]:
    """Everything about Slack. Without a good bot token nothing else can be asked."""
    async with ClientSession(timeout=ClientTimeout(total=30)) as session:
        examine = _many if settings.has_many_workspaces else _one
        async for finding in examine(settings, session, schools, lists):
            yield finding


async def _one(
    settings: Settings, session: ClientSession, schools: Mapping[str, School], lists: Mapping[str, Lists | None]
) -> AsyncIterator[Finding]:
    """The workspace of SLACK_BOT_TOKEN."""
    # One question a member and a role holder can go past Slack's limit a minute: the doctor waits it out.
    client = web_client(settings, session, retries=_PATIENT_RETRIES)
    try:
        who = await client.auth_test()
    except SlackApiError as no:
        mend = f"copy it anew ({_BOT_TOKEN_PLACE}) into .env"
        yield Finding(Level.FAULT, f"Slack: SLACK_BOT_TOKEN is refused ({error_code(no)})", mend)
        return
    except _UNREACHABLE as trouble:
        yield Finding(Level.FAULT, f"Slack: out of reach ({type(trouble).__name__})", _NETWORK)
        return
    yield Finding(Level.OK, f"Slack: the bot token is good for the workspace {who['team']}")
    yield check_scopes(who.headers.get("x-oauth-scopes"))
    yield await _way_in(settings, client)
    for school in schools.values():
        async for finding in _guarded_school(client, school, lists.get(school.id), str(who["team_id"]), str(who["user"])):
            yield finding


async def _many(
    settings: Settings, session: ClientSession, schools: Mapping[str, School], lists: Mapping[str, Lists | None]
) -> AsyncIterator[Finding]:
    """Each school's workspace, with the token it gave at its installation."""
    yield _signing_secret(settings)
    try:
        schools_by_team(schools.values())
    except SettingsError as twice:
        yield Finding(Level.FAULT, f"Slack: {twice}", "correct slack_team in one of the school files")
        return
    if not lists:  # the database cannot be read, which has been said, and to look would make one
        return
    installs = await _installs(settings)
    for school in schools.values():
        if not school.slack_team:
            yield _no_workspace(school, elsewhere=settings.has_teams)
            continue
        async for finding in _installed(settings, session, school, lists.get(school.id), installs.pop(school.slack_team, None)):
            yield finding
    for team in installs:
        what = f"Slack: the bot is installed in the workspace {team}, which no school file names: nobody there is answered"
        yield Finding(Level.WARNING, what, "give slack_team in that school's file, or take the bot out of the workspace")


async def _installs(settings: Settings) -> dict[str, SlackInstall]:
    database = Database(settings.database_url, settings.key_source)
    try:
        return {install.team: install for install in await SlackInstalls(database).all()}
    finally:
        await database.close()


def _no_workspace(school: School, *, elsewhere: bool) -> Finding:
    what = f"{school.id}: the school file names no Slack workspace, so nobody there can use Slack"
    mend = f"add slack_team: T... to {school.id}.yaml (it stands in the address of Slack in a browser)"
    return Finding(Level.WARNING if elsewhere else Level.FAULT, what, mend)


async def _installed(
    settings: Settings, session: ClientSession, school: School, lists: Lists | None, install: SlackInstall | None
) -> AsyncIterator[Finding]:
    """Whether the bot is installed in a school's workspace, with a token that is good; and if so, the rest of it."""
    where = f"at the bot's public address open {INSTALL_PATH}?team={school.slack_team}, as somebody who may add apps there"
    if install is None:
        what = f"{school.id}: the bot is not installed in the workspace {school.slack_team} ({NOT_INSTALLED})"
        yield Finding(Level.FAULT, f"{what}; messages wait until it is", where)
        return
    client = web_client(settings, session, retries=_PATIENT_RETRIES, token=install.token)
    try:
        who = await client.auth_test()
    except SlackApiError as no:
        what = f"{school.id}: Slack refuses the token of the workspace {school.slack_team} ({error_code(no)})"
        yield Finding(Level.FAULT, f"{what}; messages wait until it is installed again", where)
        return
    except _UNREACHABLE as trouble:
        yield Finding(Level.FAULT, f"{school.id}: Slack is out of reach ({type(trouble).__name__})", _NETWORK)
        return
    yield Finding(Level.OK, f"{school.id}: the bot is installed in the workspace {who['team']}")
    yield check_scopes(who.headers.get("x-oauth-scopes"), school.id, f"install it again: {where}")
    async for finding in _guarded_school(client, school, lists, str(who["team_id"]), str(who["user"])):
        yield finding


async def _guarded_school(
    client: AsyncWebClient, school: School, lists: Lists | None, team: str, bot_name: str
) -> AsyncIterator[Finding]:
    try:
        async for finding in _school(client, school, lists, team, bot_name):
            yield finding
    except SlackApiError as no:
        yield _refused(f"{school.id}: Slack did not answer everything", no)
    except _UNREACHABLE as trouble:
        yield Finding(Level.FAULT, f"{school.id}: Slack went out of reach ({type(trouble).__name__})", _NETWORK)


def check_scopes(header: str | None, whose: str = "Slack", mend: str = _REINSTALL) -> Finding:
    """Whether the token may do what the bot needs, and no more."""
    if header is None:
        return Finding(Level.WARNING, f"{whose}: it is not said which scopes the token has", mend)
    granted = {scope.strip() for scope in header.split(",") if scope.strip()}
    if missing := sorted(SCOPES - granted):
        return Finding(Level.FAULT, f"{whose}: the bot lacks the scope{'s' * (len(missing) > 1)} {', '.join(missing)}", mend)
    if more := sorted(granted - SCOPES):
        return Finding(Level.WARNING, f"{whose}: the bot may do more than it needs: {', '.join(more)}", mend)
    return Finding(Level.OK, f"{whose}: the bot has the scopes it needs and no others")


def _signing_secret(settings: Settings) -> Finding:
    if len(settings.slack_signing_secret) != _SIGNING_SECRET_LENGTH:
        what = f"Slack: SLACK_SIGNING_SECRET does not have the {_SIGNING_SECRET_LENGTH} characters that Slack's have"
        return Finding(Level.WARNING, what, "copy it anew: Basic Information, App Credentials, Signing Secret")
    return Finding(Level.OK, "Slack: the signing secret is set; Slack posts to /slack/events")


async def _way_in(settings: Settings, client: AsyncWebClient) -> Finding:
    """Whether what people do in Slack can reach the bot."""
    if settings.slack_mode is SlackMode.HTTP:
        return _signing_secret(settings)
    try:
        await client.apps_connections_open(app_token=settings.slack_app_token)
    except SlackApiError as no:
        mend = f"copy it anew ({_APP_TOKEN_PLACE}) into .env, and see that Socket Mode is on"
        return Finding(Level.FAULT, f"Slack: SLACK_APP_TOKEN is refused ({error_code(no)})", mend)
    except _UNREACHABLE as trouble:
        return Finding(Level.FAULT, f"Slack: Socket Mode is out of reach ({type(trouble).__name__})", _NETWORK)
    return Finding(Level.OK, "Slack: the app token opens Socket Mode")


async def _school(
    client: AsyncWebClient, school: School, lists: Lists | None, team: str, bot_name: str
) -> AsyncIterator[Finding]:
    if school.slack_team and school.slack_team != team:
        what = f"{school.id}: slack_team is {school.slack_team}, but the bot token is of {team}"
        yield Finding(Level.FAULT, what, f"correct slack_team in {school.id}.yaml, or use that workspace's bot token")
    channels = list(dict.fromkeys(school.channels.get(Platform.SLACK, {}).values()))
    if not channels:
        yield Finding(Level.OK, f"{school.id}: no Slack channel is given, so every alert goes by direct message")
    for channel in channels:
        for finding in await _channel(client, school, channel, bot_name):
            yield finding
            if finding.level is not Level.FAULT and lists is not None:
                yield await _members(client, school, lists, channel)
                break
    async for finding in _holders(client, school, lists):
        yield finding


async def _channel(client: AsyncWebClient, school: School, channel: str, bot_name: str) -> list[Finding]:
    """Whether a channel is there, is private, and has the bot in it."""
    invite = f"type /invite @{bot_name} in that channel"
    try:
        info: dict[str, Any] = (await client.conversations_info(channel=channel))["channel"]
    except SlackApiError as no:
        if error_code(no) != "channel_not_found":
            return [_refused(f"{school.id}: the channel {channel} cannot be looked up", no)]
        what = f"{school.id}: there is no channel {channel}, or it is private and the bot is not in it"
        return [Finding(Level.FAULT, what, f"{invite}, or correct its id in {school.id}.yaml (C..., at the foot of its About)")]
    name = f"{school.id}: the channel #{info.get('name', channel)}"
    if info.get("is_archived"):
        return [Finding(Level.FAULT, f"{name} is archived", f"unarchive it, or give another in {school.id}.yaml")]
    if not info.get("is_member"):
        return [Finding(Level.FAULT, f"{name} does not have the bot in it", invite)]
    if not info.get("is_private"):
        what = f"{name} is public: anybody in the workspace can join it and read its alerts"
        return [Finding(Level.WARNING, what, "make it private in the channel's settings")]
    return [Finding(Level.OK, f"{name} is private and has the bot in it")]


async def _members(client: AsyncWebClient, school: School, lists: Lists, channel: str) -> Finding:
    """Whether everybody who reads a channel is known. Strangers are given by their id in Slack, never by name."""
    strangers = []
    for user in await _all_members(client, channel):
        info: dict[str, Any] = (await client.users_info(user=user))["user"]
        email = str((info.get("profile") or {}).get("email") or "")
        if not info.get("is_bot") and lists.staff.by_email(email) is None:
            strangers.append(user)
    if not strangers:
        return Finding(Level.OK, f"{school.id}: everybody in {channel} is on the staff list")
    what = f"{school.id}: in {channel}, {len(strangers)} not on the staff list ({some(strangers)})"
    mend = "remove them from it, or put them on the staff list with the e-mail they have in Slack"
    return Finding(Level.WARNING, f"{what}: it is avoided whenever a report shuts somebody out", mend)


async def _all_members(client: AsyncWebClient, channel: str) -> list[str]:
    found: list[str] = []
    cursor = ""
    while True:
        page = await client.conversations_members(channel=channel, cursor=cursor, limit=200)
        found += page["members"]
        cursor = (page.get("response_metadata") or {}).get("next_cursor") or ""
        if not cursor:
            return found


async def _holders(client: AsyncWebClient, school: School, lists: Lists | None) -> AsyncIterator[Finding]:
    """Whether everybody who holds a role has an account: an alert to them goes there."""
    held = roles_by_email(school)
    if lists is not None and Role.LINE_MANAGER in alerted_roles(school.policy):
        for email in sorted({p.line_manager for p in lists.staff if p.line_manager and lists.staff.by_email(p.line_manager)}):
            held.setdefault(email, [Role.LINE_MANAGER])
    lost = False
    for email, roles in held.items():
        try:
            await client.users_lookupByEmail(email=email)
        except SlackApiError as no:
            if error_code(no) != "users_not_found":
                raise
            lost = True
            what = f"{school.id}: {email} holds {some(roles)} but has no account of that e-mail in Slack"
            mend = f"invite them to the workspace, or give the e-mail they have there in {school.id}.yaml and staff.csv"
            yield Finding(Level.FAULT, what, mend)
    if not lost:
        yield Finding(Level.OK, f"{school.id}: everybody who holds a role has a Slack account")


def _refused(what: str, no: SlackApiError) -> Finding:
    code = error_code(no)
    match code:
        case "missing_scope":
            mend = "give the bot the scopes named above"
        case "ratelimited":
            mend = "Slack asks for patience: run this again in a minute"
        case _:
            mend = f"https://docs.slack.dev explains {code}"
    return Finding(Level.FAULT, f"{what} ({code})", mend)
