"""The manifests are what the code needs: pasted into Slack, the app works, and may do no more than it must.

manifest.json is for one workspace over Socket Mode, docs/slack-manifest-trust.json for many over HTTP.
"""

import json
import re
from pathlib import Path
from typing import Any, cast

import pytest

from bot.settings import Settings
from bot.slack.app import REPORT_MESSAGE_SHORTCUT, REPORT_SHORTCUT, SlackEdge
from bot.slack.install import Installer
from bot.slack.install_pages import REDIRECT_PATH
from bot.slack.scopes import SCOPES
from cards.pages import COMMANDS

ROOT = Path(__file__).parents[2]
MANIFEST: dict[str, Any] = json.loads((ROOT / "manifest.json").read_text(encoding="utf-8"))
TRUST: dict[str, Any] = json.loads((ROOT / "docs" / "slack-manifest-trust.json").read_text(encoding="utf-8"))
FEATURES, SETTINGS = MANIFEST["features"], MANIFEST["settings"]

SCOPES_OF_CALLS = {
    "apps_connections_open": set(),  # the app token's own
    "auth_revoke": set(),
    "auth_test": set(),
    "oauth.v2.access": set(),  # the client id and secret are asked for instead
    "views_open": set(),
    "views_publish": set(),
    "views_update": set(),
    "chat_postEphemeral": {"chat:write"},
    "chat.postMessage": {"chat:write"},
    "chat_delete": {"chat:write"},
    "chat_postMessage": {"chat:write"},
    "chat.update": {"chat:write"},
    "conversations_info": {"channels:read", "groups:read"},
    "conversations_members": {"channels:read", "groups:read"},
    "users_info": {"users:read", "users:read.email"},  # the second for the e-mail in it
    "users_lookupByEmail": {"users:read.email"},
}
SCOPES_OF_EVENTS = {
    "app_home_opened": set(),
    "app_mention": {"app_mentions:read"},
    "app_uninstalled": set(),
    "member_joined_channel": {"channels:read", "groups:read"},
    "member_left_channel": {"channels:read", "groups:read"},
    "message.im": {"im:history"},
    "tokens_revoked": set(),
    "user_change": {"users:read"},
}


class Listening:
    """Stands where Bolt's app does, and notes what the edge listens to."""

    def __init__(self) -> None:
        self.heard: dict[str, list[Any]] = {}

    def __getattr__(self, kind: str) -> Any:
        def register(what: Any, **_: Any) -> Any:
            heard = self.heard.setdefault(kind, [])
            heard += [what] if what not in heard else []
            return lambda **_: None

        return register


def listening() -> dict[str, list[Any]]:
    """What the Slack edge listens to, by kind."""
    app, nothing = Listening(), cast("Any", None)
    SlackEdge(cast("Any", app), nothing, nothing, nothing, nothing, nothing, nothing)
    return app.heard


def events_heard(*, by_many: bool) -> set[str]:
    """The events that are listened to, where many workspaces are served also those of an installation's end."""
    app, nothing = Listening(), cast("Any", None)
    if by_many:
        settings = Settings.model_validate({})
        Installer(settings, nothing, nothing, nothing, nothing, nothing, nothing).listen(cast("Any", app))
    heard = [*listening()["event"], *app.heard.get("event", [])]
    return {"message.im" if e == "message" else e for e in heard}


def calls() -> set[str]:
    """Every method of Slack's Web API that the code calls."""
    source = "\n".join(p.read_text(encoding="utf-8") for p in (ROOT / "bot" / "slack").glob("*.py"))
    return {*re.findall(r"client\.([a-z]+_\w+)\(", source), *re.findall(r'_?call\(\s*"(\w+(?:\.\w+)+)"', source)} - {"api_call"}


def test_the_command_is_the_one_the_bot_answers() -> None:
    """/esafety is the only command, and its hint names the words that the bot knows."""
    assert [c["command"] for c in FEATURES["slash_commands"]] == listening()["command"]
    assert FEATURES["slash_commands"][0]["usage_hint"] == " | ".join(COMMANDS)


def test_the_shortcuts_are_the_ones_the_bot_answers() -> None:
    """A shortcut from anywhere and one on a message, by the callback ids the code listens to."""
    kinds = {"global": "shortcut", "message": "message_action"}
    offered = [{"type": kinds[s["type"]], "callback_id": s["callback_id"]} for s in FEATURES["shortcuts"]]
    assert offered == listening()["shortcut"]
    assert [s["callback_id"] for s in FEATURES["shortcuts"]] == [REPORT_SHORTCUT, REPORT_MESSAGE_SHORTCUT]


@pytest.mark.parametrize("many", [False, True])
def test_the_events_are_the_ones_the_bot_answers(many: bool) -> None:
    """Every event that is listened to is subscribed to, and no other; of messages only those written to the bot itself."""
    asked = (TRUST if many else MANIFEST)["settings"]["event_subscriptions"]["bot_events"]
    heard = events_heard(by_many=many)
    assert set(asked) == heard
    assert len(asked) == len(heard)


def test_the_scopes_are_those_the_code_needs_and_no_others() -> None:
    """The manifest, the doctor's list, and what the calls and events need, are one and the same."""
    asked = MANIFEST["oauth_config"]["scopes"]["bot"]
    assert sorted(SCOPES) == asked
    assert calls() == set(SCOPES_OF_CALLS), "say here which scopes a call needs, and drop those that are no longer made"
    needed = {"commands"}.union(*SCOPES_OF_CALLS.values(), *SCOPES_OF_EVENTS.values())
    assert needed == SCOPES
    assert set(SCOPES_OF_EVENTS) == set(TRUST["settings"]["event_subscriptions"]["bot_events"])


def test_the_app_works_as_it_is_pasted() -> None:
    """Socket Mode and interactivity are on, the home tab is shown, and one can write to the bot."""
    assert SETTINGS["socket_mode_enabled"] is True
    assert SETTINGS["interactivity"] == {"is_enabled": True}
    assert (SETTINGS["org_deploy_enabled"], SETTINGS["token_rotation_enabled"]) == (False, False)
    home = {"home_tab_enabled": True, "messages_tab_enabled": True, "messages_tab_read_only_enabled": False}
    assert FEATURES["app_home"] == home


def test_the_app_of_a_trust_is_the_same_but_for_how_it_is_reached() -> None:
    """The same texts, commands and scopes; every address on one server, Slack's redirect among them; no Socket Mode."""
    for part in ("_metadata", "display_information"):
        assert TRUST[part] == MANIFEST[part]
    (command,) = TRUST["features"]["slash_commands"]
    address = command.pop("url")
    assert TRUST["features"] == FEATURES
    assert TRUST["oauth_config"]["scopes"] == MANIFEST["oauth_config"]["scopes"]
    assert address.startswith("https://")
    assert address.endswith("/slack/events")
    assert TRUST["oauth_config"]["redirect_urls"] == [address.replace("/slack/events", REDIRECT_PATH)]
    settings = TRUST["settings"]
    assert settings["event_subscriptions"]["request_url"] == address
    interactivity = {"is_enabled": True, "request_url": address, "message_menu_options_url": address}
    assert settings["interactivity"] == interactivity
    assert settings["socket_mode_enabled"] is False
    assert (settings["org_deploy_enabled"], settings["token_rotation_enabled"]) == (False, False)


def test_slack_takes_every_text() -> None:
    """No text is longer or shorter than Slack's manifest schema allows."""
    about = MANIFEST["display_information"]
    assert 1 <= len(about["name"]) <= 35
    assert 1 <= len(about["description"]) <= 140
    assert 175 <= len(about["long_description"]) <= 4000
    assert re.fullmatch("#[0-9a-fA-F]{6}", about["background_color"])
    assert len(FEATURES["bot_user"]["display_name"]) <= 80
    for shortcut in FEATURES["shortcuts"]:
        assert len(shortcut["name"]) <= 24
        assert len(shortcut["description"]) <= 150
    for command in FEATURES["slash_commands"]:
        assert len(command["command"]) <= 32
        assert len(command["usage_hint"]) <= 1000


def test_the_guide_gives_a_reason_for_every_scope() -> None:
    """docs/install-slack.md says of each scope what it is for."""
    guide = (ROOT / "docs" / "install-slack.md").read_text(encoding="utf-8")
    table = guide.partition("| scope | why |")[2].partition("\n\n")[0]
    assert (
        set(re.findall(r"`([a-z_]+(?::[a-z.]+)?)`", "\n".join(row.split("|")[1] for row in table.splitlines()[2:]))) == SCOPES
    )
