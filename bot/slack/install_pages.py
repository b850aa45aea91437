"""What somebody sees in the browser who installs the bot in a workspace: what was done, or what to do."""

from html import escape
from typing import Final

from aiohttp import web

INSTALL_PATH: Final = "/slack/install"
REDIRECT_PATH: Final = "/slack/oauth_redirect"

_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",  # the address of the second page carries a code of Slack's
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex",
}
_AGAIN: Final = "Nothing was kept. Start again:"

WHY_NOT: Final = {
    "access_denied": (
        "Nothing was installed",
        "Permission was not given in Slack. If only owners of your workspace may add apps, ask one of them to open this page.",
    ),
    "other_browser": (
        "This installation was begun elsewhere",
        "It must be finished in the browser that began it, with cookies allowed, and in the newest of several tabs.",
    ),
    "stale": ("This installation is over", "It was finished already, or begun more than ten minutes ago."),
    "no_code": ("Slack sent nothing to install with", "This page is opened by Slack, after somebody has pressed Allow there."),
    "invalid_code": ("Slack does not know this installation any more", "What it handed over works once, for ten minutes."),
    "settings": (
        "Slack does not accept the bot",
        "In the bot's .env, SLACK_CLIENT_ID or SLACK_CLIENT_SECRET is not the app's: Basic Information, App Credentials.",
    ),
    "bad_redirect_uri": (
        "Slack does not know this address",
        f"On the app's page, under OAuth & Permissions, Redirect URLs, there must be this one alone: https://…{REDIRECT_PATH}",
    ),
    "not_distributed": (
        "The app is not open to other workspaces yet",
        "On the app's page, under Manage Distribution, activate public distribution. It need not be listed anywhere.",
    ),
    "unreachable": ("Slack is out of reach", "The bot could not ask Slack just now. Try again in a few minutes."),
    "refused": ("Slack refused the installation", "The bot's log says with which error."),
    "whole_organisation": (
        "The bot is not for a whole organisation",
        "It was to be installed in an Enterprise organisation. Choose the workspace of one school instead.",
    ),
    "rotating_token": (
        "The app gives tokens that expire",
        "Token rotation cannot be switched off for an app that has it: make the app anew from docs/slack-manifest-trust.json.",
    ),
    "no_bot_token": ("Slack gave no token for the bot", "The app must be made from docs/slack-manifest-trust.json."),
}
"""Why an installation came to nothing, by reason: a heading, and what to do."""


def page(title: str, *said: str, link: tuple[str, str] | None = None, status: int = 200) -> web.Response:
    """A page of plain text, with a link of that address and label at its end."""
    body = "".join(f"<p>{escape(text)}</p>" for text in said)
    if link is not None:
        body += f'<p><a href="{escape(link[0])}">{escape(link[1])}</a></p>'
    text = (
        '<!DOCTYPE html><html lang="en-GB"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title></head><body><main><h1>{escape(title)}</h1>{body}</main></body></html>"
    )
    return web.Response(text=text, content_type="text/html", charset="utf-8", headers=_HEADERS, status=status)


def failed(reason: str, status: int = 400) -> web.Response:
    """Why nothing was installed, and where to start again."""
    title, what = WHY_NOT[reason]
    return page(title, what, _AGAIN, link=(INSTALL_PATH, "Install the e-safety bot"), status=status)


def no_school(team: str, team_name: str) -> web.Response:
    """The page for a workspace that no school file names."""
    return page(
        "No school has this workspace",
        f"The bot does not serve {team_name or team}: no school file names it. Its token was given back to Slack and not kept.",
        "If it is a school's own, put this line into the file of that school, restart the bot, and start again:",
        f"slack_team: {team}",
        "If not, take the app out of the workspace again: Manage apps, E-safety, Remove.",
        link=(INSTALL_PATH, "Install the e-safety bot"),
        status=403,
    )


def installed(school: str, team_name: str) -> web.Response:
    """The page at the end of an installation."""
    return page(
        "The e-safety bot is installed",
        f"The workspace {team_name} now reports to {school}, and to no other school.",
        "Next, within ten minutes: in each channel that the school file names, type /invite @E-safety, even if it was there"
        " before. Then run make doctor on the server.",
    )
