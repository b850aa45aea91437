"""Whose workspace a request is of, and with which token a school is spoken to: one workspace, or as many as have installed."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, Final, Protocol

from slack_bolt.authorization import AuthorizeResult
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bot.desk import Desk
from bot.settings import SettingsError
from domain.people import School
from storage.slack_installs import SlackInstalls
from storage.trouble import DatabaseTroubleError

NOT_INSTALLED: Final = "slack_not_installed"
NO_WORKSPACE: Final = "slack_team_not_given"
DEAD_TOKEN: Final = frozenset({"invalid_auth", "not_authed", "account_inactive", "token_revoked", "token_expired"})
"""What Slack says of a token that is good for nothing any more: only a new installation helps."""

Authorize = Callable[..., Awaitable[AuthorizeResult]]
"""Bolt's way to ask who the bot is. It gives what the function names."""
IS_EVENT: Final = "is_event"
"""What the door says of each request, in Bolt's context: whether it tells of an event, and not of what a person does."""


class NotInstalledError(Exception):
    """The bot cannot speak to a school: it is not installed in its workspace, or the school file names none."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class UnknownWorkspaceError(Exception):
    """A request comes from a workspace that no school names."""


class Workspaces(Protocol):
    """How each school's workspace is spoken to."""

    async def client(self, school: School, /) -> AsyncWebClient:
        """A client that speaks as the bot in the school's workspace.

        Raises:
            NotInstalledError: it cannot speak there at present.
        """
        ...

    async def team(self, school: School, /) -> str:
        """The id of the school's workspace: T..."""
        ...


class OneWorkspace:
    """The workspace of SLACK_BOT_TOKEN, whichever school it is about."""

    def __init__(self, client: AsyncWebClient) -> None:
        self._client = client
        self._team = ""

    async def client(self, _school: School, /) -> AsyncWebClient:
        """The only client there is."""
        return self._client

    async def team(self, school: School, /) -> str:
        """The workspace of the token, asked of Slack once, unless the school file names it."""
        if not (school.slack_team or self._team):
            self._team = str((await self._client.auth_test())["team_id"])
        return school.slack_team or self._team


class ManyWorkspaces:
    """A workspace for each school that names one, with the token it gave."""

    def __init__(self, installs: SlackInstalls, client_with: Callable[[str], AsyncWebClient]) -> None:
        self._installs = installs
        self._client_with = client_with
        self._kept: dict[str, AsyncWebClient] = {}

    async def client(self, school: School, /) -> AsyncWebClient:
        """A client with the token as it stands in the database now: another process may have put a new one there."""
        if not school.slack_team:
            raise NotInstalledError(NO_WORKSPACE)
        try:
            install = await self._installs.of_team(school.slack_team)
        except DatabaseTroubleError:
            # To say that nothing was received needs a way to say it: the token of before is good enough for that.
            if (before := self._kept.get(school.slack_team)) is None:
                raise
            return before
        if install is None:
            raise NotInstalledError(NOT_INSTALLED)
        kept = self._kept.get(install.team)
        if kept is None or kept.token != install.token:
            kept = self._kept[install.team] = self._client_with(install.token)
        return kept

    async def team(self, school: School, /) -> str:
        """The workspace that the school file names."""
        return school.slack_team


def authorize_one(client: AsyncWebClient) -> Authorize:
    """Tells Bolt who the bot is, in the workspace of SLACK_BOT_TOKEN; asked of Slack once.

    Bolt could do this itself, but it takes a blank SLACK_CLIENT_ID in the environment for a wish to serve many workspaces.
    """
    known: list[AsyncSlackResponse] = []

    async def authorize(team_id: str | None) -> AuthorizeResult:  # noqa: ARG001 - Bolt gives what is named here
        if not known:
            known.append(await client.auth_test())
        who = known[0]
        return AuthorizeResult(
            enterprise_id=who.get("enterprise_id"),
            team_id=who.get("team_id"),
            bot_user_id=who.get("user_id"),
            bot_id=who.get("bot_id"),
            bot_token=client.token,
        )

    return authorize


def authorize_many(installs: SlackInstalls) -> Authorize:
    """Tells Bolt who the bot is in each workspace. Nothing is asked of Slack: each request waits for this.

    Bolt goes by it in events alone, to leave out what the bot itself has done (`is_event`, which the door says). Whoever speaks
    to a workspace looks its token up then.
    """

    async def authorize(team_id: str | None, is_event: bool) -> AuthorizeResult:  # noqa: FBT001 - Bolt gives what is named
        if not is_event:
            return AuthorizeResult(enterprise_id=None, team_id=team_id)
        try:
            install = await installs.of_team(team_id or "")
        except DatabaseTroubleError:
            # It goes on to the edge, which says that nothing was received; Bolt itself would say nothing of use.
            install = None
        if install is None:
            return AuthorizeResult(enterprise_id=None, team_id=team_id)
        return AuthorizeResult(enterprise_id=None, team_id=team_id, bot_user_id=install.bot_user, bot_token=install.token)

    return authorize


def team_of(body: Mapping[str, Any]) -> str:
    """The workspace that a request is of, as Slack says it: the one in which the bot is installed, '' if none is named.

    A dialog, or a channel shared with another organisation, can be open to people of another workspace.
    """
    view = body.get("view")
    if isinstance(view, Mapping) and view.get("app_installed_team_id"):
        return str(view["app_installed_team_id"])
    team = body.get("team")
    if isinstance(team, Mapping):
        return str(team.get("id") or "")
    authorizations = body.get("authorizations")
    if isinstance(authorizations, list) and authorizations and isinstance(authorizations[0], Mapping):
        return str(authorizations[0].get("team_id") or body.get("team_id") or "")
    return str(body.get("team_id") or "")


def schools_by_team(schools: Iterable[School]) -> dict[str, School]:
    """The schools that name a workspace, by it.

    Raises:
        SettingsError: two schools name the same one, so that nobody could say whose a report is.
    """
    found: dict[str, School] = {}
    for school in schools:
        if school.slack_team:
            other = found.setdefault(school.slack_team, school)
            if other is not school:
                both = f"{other.id}.yaml and {school.id}.yaml"
                raise SettingsError(f"{both} name the same workspace, {school.slack_team}: each school must have its own.")
    return found


def desk_finder(desks: Iterable[Desk], own_team: str = "", *, many: bool = False) -> Callable[[str], Desk]:
    """Finds the desk of a workspace: that of the school that names it. It raises UnknownWorkspaceError for any other.

    Only with the one token of one workspace, and one school that names none, every request is of that school.

    Raises:
        SettingsError: which workspace is whose cannot be told.
    """
    all_desks = list(desks)
    schools_by_team(d.school for d in all_desks)
    by_team = {d.school.slack_team: d for d in all_desks if d.school.slack_team}
    if not many:
        if len(all_desks) == 1 and not by_team:
            return lambda _team: all_desks[0]
        if len(by_team) < len(all_desks):
            raise SettingsError("With more than one school each school file must name its workspace: slack_team: T...")

    def find(team: str) -> Desk:
        desk = by_team.get(team or own_team)
        if desk is None:
            raise UnknownWorkspaceError
        return desk

    return find


def error_code(no: SlackApiError) -> str:
    """What Slack says is wrong, without the rest of its answer."""
    if not isinstance(no.response, AsyncSlackResponse):
        return "no_answer_of_slack"
    return str(no.response.get("error") or f"http_{no.response.status_code}")
