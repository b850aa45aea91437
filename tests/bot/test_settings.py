"""Each setting that is wrong or missing is named in one line that says what to do."""

import re
from pathlib import Path

import pytest

from bot.cli import main
from bot.settings import DEMO_SCHOOLS, MailServer, MailTls, Settings, SettingsError, SlackMode, load_settings

ROOT = Path(__file__).parents[2]
BOT, APP, SECRET = "xoxb-1-abc", "xapp-1-abc", "0123456789abcdef0123456789abcdef"
APP_ID, TENANT = "7f1e3c52-0f6e-4a7e-9c53-0d7a54f0a001", "5c0d6a1e-2a37-4b58-8f0e-6f5f0f5ea002"
TRUST = {
    "SLACK_CLIENT_ID": "1.2",
    "SLACK_CLIENT_SECRET": SECRET,
    "SLACK_SIGNING_SECRET": SECRET,
    "ESAFETY_SLACK_MODE": "http",
}
MAIL = {"ESAFETY_SMTP_URL": "smtps://mail.school.example", "ESAFETY_MAIL_FROM": "E-safety <esafety@school.example>"}

WRONG = {
    "app token alone": ({"SLACK_APP_TOKEN": APP}, "SLACK_BOT_TOKEN is missing"),
    "signing secret alone": ({"SLACK_SIGNING_SECRET": SECRET}, "SLACK_BOT_TOKEN is missing"),
    "a user's token": ({"SLACK_BOT_TOKEN": "xoxp-1", "SLACK_APP_TOKEN": APP}, "SLACK_BOT_TOKEN is wrong"),
    "no app token": ({"SLACK_BOT_TOKEN": BOT}, "SLACK_APP_TOKEN is missing"),
    "a blank app token": ({"SLACK_BOT_TOKEN": BOT, "SLACK_APP_TOKEN": "  "}, "SLACK_APP_TOKEN is missing"),
    "tokens changed over": ({"SLACK_BOT_TOKEN": BOT, "SLACK_APP_TOKEN": BOT}, "SLACK_APP_TOKEN is wrong"),
    "no signing secret": ({"SLACK_BOT_TOKEN": BOT, "ESAFETY_SLACK_MODE": "http"}, "SLACK_SIGNING_SECRET is missing"),
    "a client id alone": ({"SLACK_CLIENT_ID": "1.2"}, "SLACK_CLIENT_SECRET is missing"),
    "a client secret alone": ({"SLACK_CLIENT_SECRET": SECRET}, "SLACK_CLIENT_ID is missing"),
    "many workspaces and the token of one": ({**TRUST, "SLACK_BOT_TOKEN": BOT}, "SLACK_BOT_TOKEN is of one workspace"),
    "many workspaces over Socket Mode": ({**TRUST, "ESAFETY_SLACK_MODE": "socket"}, "ESAFETY_SLACK_MODE must be http"),
    "many workspaces unsigned": ({**TRUST, "SLACK_SIGNING_SECRET": ""}, "SLACK_SIGNING_SECRET is missing"),
    "no such mode": ({"ESAFETY_SLACK_MODE": "carrier-pigeon"}, "ESAFETY_SLACK_MODE is wrong"),
    "no such console mode": ({"ESAFETY_CONSOLE": "perhaps"}, "ESAFETY_CONSOLE is wrong"),
    "no port": ({"PORT": "many"}, "PORT is wrong"),
    "a port too high": ({"PORT": "65536"}, "PORT is wrong"),
    "an app id alone": ({"MICROSOFT_APP_ID": APP_ID}, "MICROSOFT_APP_TENANT_ID is missing"),
    "a tenant alone": ({"MICROSOFT_APP_TENANT_ID": TENANT}, "MICROSOFT_APP_ID is missing"),
    "a password alone": ({"MICROSOFT_APP_PASSWORD": SECRET}, "MICROSOFT_APP_ID is missing"),
    "no password": ({"MICROSOFT_APP_ID": APP_ID, "MICROSOFT_APP_TENANT_ID": TENANT}, "MICROSOFT_APP_PASSWORD is missing"),
    "no such type": ({"MICROSOFT_APP_TYPE": "Anonymous"}, "MICROSOFT_APP_TYPE is wrong"),
    "nothing set and open to the network": ({"HOST": "0.0.0.0", "ESAFETY_CONSOLE": "off"}, "HOST=0.0.0.0 is open"),
    "a mail server alone": ({"ESAFETY_SMTP_URL": "smtps://mail.school.example"}, "ESAFETY_MAIL_FROM is missing"),
    "a sender alone": ({"ESAFETY_MAIL_FROM": "esafety@school.example"}, "ESAFETY_SMTP_URL is missing"),
    "a mail server that is a website": (
        {**MAIL, "ESAFETY_SMTP_URL": "https://mail.school.example"},
        "ESAFETY_SMTP_URL is wrong",
    ),
    "a mail server without a name": ({**MAIL, "ESAFETY_SMTP_URL": "smtp://:25"}, "ESAFETY_SMTP_URL is wrong"),
    "a mail server's port that is none": (
        {**MAIL, "ESAFETY_SMTP_URL": "smtp://mail.school.example:many"},
        "ESAFETY_SMTP_URL is wrong",
    ),
    "a password with a slash as it is": (
        {**MAIL, "ESAFETY_SMTP_URL": "smtp://u:0123/4@mail.school.example"},
        "ESAFETY_SMTP_URL is wrong",
    ),
    "a user without a password": (
        {**MAIL, "ESAFETY_SMTP_URL": "smtp://u@mail.school.example"},
        "ESAFETY_SMTP_URL has a user and no",
    ),
    "a sender that is no address": ({**MAIL, "ESAFETY_MAIL_FROM": "the bot"}, "ESAFETY_MAIL_FROM is wrong"),
    "the console shown to all": ({"HOST": "0.0.0.0"}, "HOST=0.0.0.0 would show the console to the network"),
}

TEAMS = {"MICROSOFT_APP_ID": APP_ID, "MICROSOFT_APP_PASSWORD": SECRET, "MICROSOFT_APP_TENANT_ID": TENANT}


def given(monkeypatch: pytest.MonkeyPatch, **settings: str) -> None:
    for name, value in settings.items():
        monkeypatch.setenv(name, value)


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_named_in_one_line(
    case: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The variable stands first, no value of a secret is repeated, and the command ends with 2."""
    settings, named = WRONG[case]
    given(monkeypatch, **settings)
    assert main(["run"]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"esafety: {named}")
    assert said.count("\n") == 1
    assert not [s for s in settings.values() if s.startswith(("xox", "xapp", "0123")) and s in said]


@pytest.mark.parametrize(
    ("settings", "mode"),
    [
        ({"SLACK_BOT_TOKEN": BOT, "SLACK_APP_TOKEN": APP}, SlackMode.SOCKET),
        ({"SLACK_BOT_TOKEN": f" {BOT} ", "SLACK_SIGNING_SECRET": SECRET, "ESAFETY_SLACK_MODE": "http"}, SlackMode.HTTP),
    ],
)
def test_slack_is_served_with_what_its_mode_needs(
    settings: dict[str, str], mode: SlackMode, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Socket Mode needs two tokens, HTTP the signing secret; a blank around a token does no harm, and no console is shown."""
    given(monkeypatch, **settings)
    loaded = load_settings()
    assert loaded.slack_bot_token == BOT
    assert loaded.slack_mode is mode
    assert loaded.has_slack
    assert not loaded.has_console
    assert loaded.schools_folder == Path("schools")


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("smtp://mail.school.example", MailServer("mail.school.example", 587, MailTls.STARTTLS)),
        ("smtps://mail.school.example/", MailServer("mail.school.example", 465, MailTls.IMPLICIT)),
        (
            "smtp://bot%40school.example:p%40ss%2Fw%23rd@mail.school.example:2525",
            MailServer("mail.school.example", 2525, MailTls.STARTTLS, "bot@school.example", "p@ss/w#rd"),
        ),
        ("smtp://127.0.0.1:25", MailServer("127.0.0.1", 25, MailTls.NONE)),
        ("smtp://[::1]:25", MailServer("::1", 25, MailTls.NONE)),
        ("smtp://10.0.0.5:25", MailServer("10.0.0.5", 25, MailTls.STARTTLS)),
    ],
)
def test_a_mail_server(url: str, server: MailServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only to this machine itself is anything said in the clear; what is special in a password is percent-encoded."""
    given(monkeypatch, **{**MAIL, "ESAFETY_SMTP_URL": url})
    assert load_settings().mail_server == server
    assert not server.password or server.password not in repr(server)


def test_no_mail_server_is_needed() -> None:
    """Without one the bot works as it did."""
    assert load_settings().mail_server is None


@pytest.mark.parametrize(
    ("settings", "signed", "anonymous"),
    [
        ({}, False, True),
        ({"ESAFETY_CONSOLE": "off"}, False, True),
        (TEAMS, True, False),
        ({"MICROSOFT_APP_ID": APP_ID, "MICROSOFT_APP_TENANT_ID": TENANT, "MICROSOFT_APP_TYPE": "UserAssignedMSI"}, True, False),
        ({"SLACK_BOT_TOKEN": BOT, "SLACK_APP_TOKEN": APP}, False, False),
        ({"SLACK_BOT_TOKEN": BOT, "SLACK_APP_TOKEN": APP, "SLACK_API_URL": "http://127.0.0.1:9/"}, False, True),
        ({"SLACK_BOT_TOKEN": BOT, "SLACK_APP_TOKEN": APP, **TEAMS}, True, False),
        ({"SLACK_BOT_TOKEN": BOT, "SLACK_APP_TOKEN": APP, "HOST": "0.0.0.0"}, False, False),
    ],
)
def test_teams_is_open_without_a_token_to_this_machine_only(
    settings: dict[str, str], signed: bool, anonymous: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With an app id every call must be signed; without one only this machine may call, never beside a real Slack."""
    given(monkeypatch, **settings)
    loaded = load_settings()
    assert (loaded.has_teams, loaded.has_anonymous_teams) == (signed, anonymous)


def test_many_workspaces_need_no_bot_token(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the app's id and secret each workspace gives its own."""
    given(monkeypatch, **TRUST)
    loaded = load_settings()
    assert loaded.has_many_workspaces
    assert loaded.has_slack
    assert not loaded.has_console
    assert loaded.schools_folder == Path("schools")


def test_with_nothing_set_the_demo_is_served_on_this_machine() -> None:
    """No setting is needed to try it out."""
    settings = load_settings()
    assert settings.has_console
    assert not settings.has_slack
    assert settings.is_loopback
    assert settings.schools_folder == DEMO_SCHOOLS


def test_the_example_works_as_it_is() -> None:
    """.env.example copied and not filled in is the demo."""
    Path(".env").write_text((ROOT / ".env.example").read_text(encoding="utf-8"), encoding="utf-8")
    assert load_settings() == Settings.model_validate({})
    assert load_settings().has_console


def test_the_example_filled_in_is_read() -> None:
    """What stands in .env counts."""
    text = (ROOT / ".env.example").read_text(encoding="utf-8")
    Path(".env").write_text(text.replace("SLACK_BOT_TOKEN=", f"SLACK_BOT_TOKEN={BOT}"), encoding="utf-8")
    with pytest.raises(SettingsError, match="SLACK_APP_TOKEN is missing"):
        load_settings()


def test_the_example_has_every_setting_and_no_other() -> None:
    """.env.example is complete, and what it gives as a default is the default."""
    lines = (ROOT / ".env.example").read_text(encoding="utf-8").splitlines()
    explained = {m[1] for line in lines if (m := re.match(r"#?([A-Z_]+)=", line))}
    assert explained == {str(f.validation_alias or name).upper() for name, f in Settings.model_fields.items()}


@pytest.mark.parametrize(
    ("given", "folder"),
    [
        ({}, "data/exports"),
        ({"ESAFETY_DATABASE_URL": "sqlite:////srv/esafety/school.db"}, "/srv/esafety/exports"),
        ({"ESAFETY_DATABASE_URL": "postgresql://esafety@127.0.0.1/esafety"}, "data/exports"),
        ({"ESAFETY_EXPORTS": "/mnt/pages"}, "/mnt/pages"),
    ],
)
def test_pages_that_are_taken_out_have_a_place(given: dict[str, str], folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beside the database, where nothing else is said: also for the demo, which sets nothing."""
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    assert load_settings().exports_folder == Path(folder)
