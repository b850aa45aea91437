"""The settings: environment variables, or a .env file beside the program. What is wrong or missing is named in one line."""

import ipaddress
import re
import shlex
from dataclasses import dataclass, field
from email.utils import parseaddr
from enum import StrEnum
from pathlib import Path
from typing import Annotated
from urllib.parse import unquote, urlsplit

from pydantic import BeforeValidator, Field, StringConstraints, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from domain.people import Platform
from storage.key_ring import CommandRing, InlineRing, RingFile, RingSource

DEMO_SCHOOLS = Path(__file__).parent / "demo"


class SettingsError(Exception):
    """The settings cannot be used. The message names the variable and says what to do."""


class SlackMode(StrEnum):
    """How Slack reaches the bot: over a connection that the bot opens, or over HTTP from the internet."""

    SOCKET = "socket"
    HTTP = "http"


class ConsoleMode(StrEnum):
    """When the local console is served: only where no chat credentials are set, always, or never."""

    AUTO = "auto"
    ON = "on"
    OFF = "off"


class BotType(StrEnum):
    """How the bot is registered with Microsoft. New multi-tenant bots can no longer be made; old ones still work."""

    SINGLE_TENANT = "SingleTenant"
    MANAGED_IDENTITY = "UserAssignedMSI"
    MULTI_TENANT = "MultiTenant"


class LogLevel(StrEnum):
    """How much is logged."""

    DEBUG = "DEBUG"
    INFO = "INFO"
    WARNING = "WARNING"
    ERROR = "ERROR"


class LogFormat(StrEnum):
    """What a log line looks like: text to read, or JSON for a program."""

    TEXT = "text"
    JSON = "json"


class MailTls(StrEnum):
    """How words to a mail server are kept secret: from the first one, from STARTTLS on, or not at all within this machine."""

    IMPLICIT = "implicit"
    STARTTLS = "starttls"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where e-mail is handed in. Without a `user` nobody logs in."""

    host: str
    port: int
    tls: MailTls
    user: str = ""
    password: str = field(default="", repr=False)


_Secret = Annotated[str, StringConstraints(strip_whitespace=True)]
_Place = Annotated[Path | None, BeforeValidator(lambda given: given or None)]


class Settings(BaseSettings):
    """Everything that can be set. `.env.example` explains each and says where it is found."""

    model_config = SettingsConfigDict(env_file=".env", env_file_encoding="utf-8", extra="ignore", hide_input_in_errors=True)

    slack_bot_token: _Secret = ""
    slack_signing_secret: _Secret = ""
    slack_app_token: _Secret = ""
    slack_client_id: _Secret = ""
    slack_client_secret: _Secret = ""
    slack_api_url: Annotated[str, StringConstraints(pattern=r"^https?://[^\s/]+")] = "https://slack.com/api/"
    slack_mode: SlackMode = Field(SlackMode.SOCKET, validation_alias="ESAFETY_SLACK_MODE")
    microsoft_app_id: _Secret = ""
    microsoft_app_password: _Secret = ""
    microsoft_app_tenant_id: _Secret = ""
    microsoft_app_type: BotType = BotType.SINGLE_TENANT
    to_channel_from_bot_login_url: str = ""
    to_channel_from_bot_oauth_scope: str = "https://api.botframework.com"
    to_bot_from_channel_token_issuer: str = "https://api.botframework.com"  # noqa: S105 - an address
    oauth_url: str = "https://api.botframework.com"
    to_bot_from_channel_openid_metadata_url: str = "https://login.botframework.com/v1/.well-known/openidconfiguration"
    to_bot_from_emulator_openid_metadata_url: str = (
        "https://login.microsoftonline.com/botframework.com/v2.0/.well-known/openid-configuration"
    )
    teams_hosts: str = Field("", validation_alias="ESAFETY_TEAMS_HOSTS")
    database_url: str = Field("sqlite:///data/esafety.db", validation_alias="ESAFETY_DATABASE_URL")
    keys: _Secret = Field("", validation_alias="ESAFETY_KEYS", repr=False)
    keys_file: Annotated[Path | None, BeforeValidator(lambda given: given or None)] = Field(
        None, validation_alias="ESAFETY_KEYS_FILE"
    )
    keys_command: _Secret = Field("", validation_alias="ESAFETY_KEYS_COMMAND", repr=False)
    schools: Path | None = Field(None, validation_alias="ESAFETY_SCHOOLS")
    console: ConsoleMode = Field(ConsoleMode.AUTO, validation_alias="ESAFETY_CONSOLE")
    log_level: Annotated[LogLevel, BeforeValidator(str.upper)] = Field(LogLevel.INFO, validation_alias="ESAFETY_LOG_LEVEL")
    log_format: Annotated[LogFormat, BeforeValidator(str.lower)] = Field(LogFormat.TEXT, validation_alias="ESAFETY_LOG_FORMAT")
    otel_exporter_otlp_endpoint: Annotated[str, StringConstraints(pattern=r"^(https?://[^\s/]+\S*)?$")] = ""
    heartbeat_url: Annotated[str, StringConstraints(pattern=r"^(https?://[^\s/]+\S*)?$")] = Field(
        "", validation_alias="ESAFETY_HEARTBEAT_URL"
    )
    smtp_url: _Secret = Field("", validation_alias="ESAFETY_SMTP_URL")
    mail_from: _Secret = Field("", validation_alias="ESAFETY_MAIL_FROM")
    audit_heads: _Place = Field(None, validation_alias="ESAFETY_AUDIT_HEADS")
    exports: _Place = Field(None, validation_alias="ESAFETY_EXPORTS")
    audit_key: _Secret = Field("", validation_alias="ESAFETY_AUDIT_KEY", repr=False)
    audit_key_file: _Place = Field(None, validation_alias="ESAFETY_AUDIT_KEY_FILE")
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 3978

    @property
    def has_slack(self) -> bool:
        """Whether Slack is to be served."""
        one = self.slack_bot_token or self.slack_signing_secret or self.slack_app_token
        return bool(one or self.has_many_workspaces)

    @property
    def has_many_workspaces(self) -> bool:
        """Whether any number of Slack workspaces is served, each with the token it gives when the bot is installed there."""
        return bool(self.slack_client_id or self.slack_client_secret)

    @property
    def has_teams(self) -> bool:
        """Whether Teams is to be served, with tokens that prove who is calling."""
        return bool(self.microsoft_app_id or self.microsoft_app_password)

    @property
    def has_anonymous_teams(self) -> bool:
        """Whether a development client on this machine may speak as Teams, without any token.

        Never beside a real Slack workspace: a proxy in front of it would let the whole internet in by this door.
        """
        beside_slack = self.has_slack and not self.has_console and not is_loopback(urlsplit(self.slack_api_url).hostname)
        return self.is_loopback and not self.has_teams and not beside_slack

    @property
    def has_console(self) -> bool:
        """Whether the console is to be served."""
        chat = self.has_slack or self.has_teams
        return self.console is ConsoleMode.ON or (self.console is ConsoleMode.AUTO and not chat)

    @property
    def platforms(self) -> frozenset[Platform]:
        """Every platform for which messages are sent, or may be as soon as a development client calls."""
        served = {
            Platform.SLACK: self.has_slack,
            Platform.TEAMS: self.has_teams or self.has_anonymous_teams,
            Platform.CONSOLE: self.has_console,
            Platform.EMAIL: bool(self.smtp_url),
        }
        return frozenset(platform for platform, is_served in served.items() if is_served)

    @property
    def mail_server(self) -> MailServer | None:
        """Where e-mail is handed in; None where no mail server is set."""
        return _mail_server(self.smtp_url) if self.smtp_url else None

    @property
    def key_source(self) -> RingSource | None:
        """Where the key ring comes from; None where nothing is said of it."""
        if self.keys:
            return InlineRing(self.keys)
        if self.keys_file is not None:
            return RingFile(self.keys_file)
        return CommandRing(shlex.split(self.keys_command)) if self.keys_command else None

    @property
    def schools_folder(self) -> Path:
        """Where the school files are; the demo school's where none is set and no chat is served."""
        if self.schools is not None:
            return self.schools
        return Path("schools") if self.has_slack or self.has_teams or Path("schools").is_dir() else DEMO_SCHOOLS

    @property
    def exports_folder(self) -> Path:
        """Where sealed pages lie that were taken out of the records: as set, else beside an SQLite database, or in data."""
        if self.exports is not None:
            return self.exports
        # The database's library takes a while to load, and few commands need it.
        from storage.audit_keys import place_beside

        beside = place_beside(self.database_url)
        return (beside.parent if beside is not None else Path("data")) / "exports"

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach the server."""
        return is_loopback(self.host)


def is_loopback(host: str | None) -> bool:
    """Whether a host is this machine itself."""
    try:
        return host == "localhost" or ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False


def load_settings() -> Settings:
    """The settings, checked.

    Raises:
        SettingsError: one is wrong, or one is missing beside the others.
    """
    try:
        settings = Settings()
    except UnicodeDecodeError:
        raise SettingsError(".env is not in UTF-8: save it again as plain UTF-8 text.") from None
    except ValidationError as wrong:
        first = wrong.errors()[0]
        name = str(first["loc"][0]).upper()
        raise SettingsError(f"{name} is wrong: {first['msg']}. See .env.example.") from None
    faults = (_slack_fault, _teams_fault, _mail_fault, _console_fault, _keys_fault)
    for check in (fault(settings) for fault in faults):
        if check:
            raise SettingsError(check)
    return settings


def _slack_fault(s: Settings) -> str:
    if not s.has_slack:
        return ""
    if s.has_many_workspaces:
        return _many_workspaces_fault(s)
    if not s.slack_bot_token:
        return "SLACK_BOT_TOKEN is missing: Slack's page of your app, OAuth & Permissions, Bot User OAuth Token (xoxb-...)."
    if not s.slack_bot_token.startswith("xoxb-"):
        return "SLACK_BOT_TOKEN is wrong: it must begin with xoxb- (OAuth & Permissions, Bot User OAuth Token)."
    if s.slack_mode is SlackMode.SOCKET:
        if not s.slack_app_token:
            return (
                "SLACK_APP_TOKEN is missing: Basic Information, App-Level Tokens, one with connections:write (xapp-...)."
                " Or set ESAFETY_SLACK_MODE=http if Slack reaches this server over the internet."
            )
        if not s.slack_app_token.startswith("xapp-"):
            return "SLACK_APP_TOKEN is wrong: it must begin with xapp- (Basic Information, App-Level Tokens)."
    elif not s.slack_signing_secret:
        return "SLACK_SIGNING_SECRET is missing: Basic Information, App Credentials, Signing Secret."
    return ""


def _many_workspaces_fault(s: Settings) -> str:
    if not s.slack_client_id:
        return "SLACK_CLIENT_ID is missing beside SLACK_CLIENT_SECRET: Basic Information, App Credentials, Client ID."
    if not s.slack_client_secret:
        return "SLACK_CLIENT_SECRET is missing beside SLACK_CLIENT_ID: Basic Information, App Credentials, Client Secret."
    if s.slack_bot_token:
        return (
            "SLACK_BOT_TOKEN is of one workspace, and SLACK_CLIENT_ID serves many: take one of them out."
            " With SLACK_CLIENT_ID each workspace gives its own token at /slack/install."
        )
    if s.slack_mode is not SlackMode.HTTP:
        return (
            "ESAFETY_SLACK_MODE must be http with SLACK_CLIENT_ID: Slack reaches many workspaces' bot over the internet only."
        )
    if not s.slack_signing_secret:
        return "SLACK_SIGNING_SECRET is missing: Basic Information, App Credentials, Signing Secret."
    return ""


def _teams_fault(s: Settings) -> str:
    if not s.has_teams:
        if s.microsoft_app_tenant_id:
            return "MICROSOFT_APP_ID is missing: the Azure portal's page of your bot, Configuration, Microsoft App ID."
        return ""
    if not s.microsoft_app_id:
        return "MICROSOFT_APP_ID is missing beside MICROSOFT_APP_PASSWORD: Azure portal, your bot, Configuration."
    if s.microsoft_app_type is not BotType.MULTI_TENANT and not s.microsoft_app_tenant_id:
        return "MICROSOFT_APP_TENANT_ID is missing: Azure portal, your bot, Configuration, App Tenant ID."
    if s.microsoft_app_type is not BotType.MANAGED_IDENTITY and not s.microsoft_app_password:
        return (
            "MICROSOFT_APP_PASSWORD is missing: Azure portal, your bot, Configuration, Manage Password, a new client secret."
            " Or set MICROSOFT_APP_TYPE=UserAssignedMSI if the bot runs under a managed identity."
        )
    return ""


def _mail_server(url: str) -> MailServer:
    """The mail server of an address.

    Raises:
        ValueError: it is none.
    """
    parts = urlsplit(url)
    tls = {"smtp": MailTls.STARTTLS, "smtps": MailTls.IMPLICIT}[parts.scheme] if parts.scheme in ("smtp", "smtps") else None
    path = (parts.path.rstrip("/"), parts.query, parts.fragment)
    if tls is None or not parts.hostname or any(path) or re.search(r"\s", url) or (parts.password and not parts.username):
        raise ValueError("not the address of a mail server")
    if tls is MailTls.STARTTLS and is_loopback(parts.hostname):
        tls = MailTls.NONE
    port = parts.port or (465 if tls is MailTls.IMPLICIT else 587)
    return MailServer(parts.hostname, port, tls, unquote(parts.username or ""), unquote(parts.password or ""))


def _mail_fault(s: Settings) -> str:
    if not s.smtp_url:
        return "ESAFETY_SMTP_URL is missing beside ESAFETY_MAIL_FROM: the mail server that sends it." if s.mail_from else ""
    try:
        server = _mail_server(s.smtp_url)
    except ValueError:
        return (
            "ESAFETY_SMTP_URL is wrong: smtp://user:password@host:587 or smtps://user:password@host:465,"
            " with what is special in user or password percent-encoded (@ is %40, / is %2F, # is %23)."
        )
    if server.user and not server.password:
        return "ESAFETY_SMTP_URL has a user and no password: smtp://user:password@host:587."
    if not s.mail_from:
        return "ESAFETY_MAIL_FROM is missing beside ESAFETY_SMTP_URL: the address from which the bot writes."
    address = parseaddr(s.mail_from)[1]
    if not re.fullmatch(r"[^@\s]+@[^@\s]+", address) or not s.mail_from.isprintable() or not address.isascii():
        return "ESAFETY_MAIL_FROM is wrong: an address such as esafety@school.example, or E-safety <esafety@school.example>."
    return ""


def _console_fault(s: Settings) -> str:
    if s.has_console and not s.is_loopback:
        return f"HOST={s.host} would show the console to the network: set HOST=127.0.0.1, or ESAFETY_CONSOLE=off."
    if not (s.is_loopback or s.has_slack or s.has_teams):
        return f"HOST={s.host} is open to the network, and no chat is set up: set HOST=127.0.0.1, or the tokens of one."
    return ""


def _keys_fault(s: Settings) -> str:
    given = {"ESAFETY_KEYS": s.keys, "ESAFETY_KEYS_FILE": s.keys_file, "ESAFETY_KEYS_COMMAND": s.keys_command}
    said = [name for name, value in given.items() if value]
    if len(said) > 1:
        return f"{' and '.join(said)} are both set, and there is one key ring: take one of them out."
    try:
        shlex.split(s.keys_command)
    except ValueError:
        return "ESAFETY_KEYS_COMMAND is wrong: a quotation mark in it has no second one."
    return ""
