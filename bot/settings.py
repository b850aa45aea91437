"""The settings: environment variables, or a .env file beside the program. What is wrong or missing is named in one line."""

import ipaddress
from enum import StrEnum
from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, Field, StringConstraints, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

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


class LogLevel(StrEnum):
    """How much is logged."""

    DEBUG = "DEBUG"
    INFO = "INFO"
    WARNING = "WARNING"
    ERROR = "ERROR"


_Secret = Annotated[str, StringConstraints(strip_whitespace=True)]


class Settings(BaseSettings):
    """Everything that can be set. `.env.example` explains each and says where it is found."""

    model_config = SettingsConfigDict(env_file=".env", env_file_encoding="utf-8", extra="ignore", hide_input_in_errors=True)

    slack_bot_token: _Secret = ""
    slack_signing_secret: _Secret = ""
    slack_app_token: _Secret = ""
    slack_api_url: Annotated[str, StringConstraints(pattern=r"^https?://[^\s/]+")] = "https://slack.com/api/"
    slack_mode: SlackMode = Field(SlackMode.SOCKET, validation_alias="ESAFETY_SLACK_MODE")
    database_url: str = Field("sqlite:///data/esafety.db", validation_alias="ESAFETY_DATABASE_URL")
    schools: Path | None = Field(None, validation_alias="ESAFETY_SCHOOLS")
    console: ConsoleMode = Field(ConsoleMode.AUTO, validation_alias="ESAFETY_CONSOLE")
    log_level: Annotated[LogLevel, BeforeValidator(str.upper)] = Field(LogLevel.INFO, validation_alias="ESAFETY_LOG_LEVEL")
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 3978

    @property
    def has_slack(self) -> bool:
        """Whether Slack is to be served."""
        return bool(self.slack_bot_token or self.slack_signing_secret or self.slack_app_token)

    @property
    def has_console(self) -> bool:
        """Whether the console is to be served."""
        return self.console is ConsoleMode.ON or (self.console is ConsoleMode.AUTO and not self.has_slack)

    @property
    def schools_folder(self) -> Path:
        """Where the school files are; the demo school's where none is set and no chat is served."""
        if self.schools is not None:
            return self.schools
        return Path("schools") if self.has_slack or Path("schools").is_dir() else DEMO_SCHOOLS

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach the server."""
        try:
            return self.host == "localhost" or ipaddress.ip_address(self.host).is_loopback
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
    for check in (_slack_fault(settings), _console_fault(settings)):
        if check:
            raise SettingsError(check)
    return settings


def _slack_fault(s: Settings) -> str:
    if not s.has_slack:
        return ""
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


def _console_fault(s: Settings) -> str:
    if s.has_console and not s.is_loopback:
        return f"HOST={s.host} would show the console to the network: set HOST=127.0.0.1, or ESAFETY_CONSOLE=off."
    return ""
