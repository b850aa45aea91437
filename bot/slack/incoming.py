"""What Slack sends over HTTP, as far as the bot reads it: whether Slack has signed it, and whether it has Slack's shape.

Bolt reads a body before it looks at the signature, and takes on trust what is in it. Here the signature is looked at first,
over the bytes as they came; then all that the bot goes by must be of the kind that Slack sends. The rest is left alone.
"""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Final, Self
from urllib.parse import parse_qsl, urlsplit

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, model_validator
from slack_sdk.signature import SignatureVerifier

from bot.json_bodies import json_of
from bot.nulls import NullableText, no_words, none_of_them, nothing_in
from bot.settings import is_loopback

_LONGEST_ID: Final = 255
_LONGEST_PERSON: Final = 64
"""Of a user, a workspace or a channel: the records have room for no more, and Slack's have a dozen characters."""
_MOST_FIELDS: Final = 100
_ANSWERED_AT: Final = re.compile(r"https://hooks\.slack(-gov)?\.com")
_SSL_CHECK: Final = b"ssl_check=1"


class UnreadableError(Exception):
    """Not what Slack sends."""


def is_genuine(verifier: SignatureVerifier, body: bytes, headers: Mapping[str, str]) -> bool:
    """Whether Slack has signed the body, within the last five minutes."""
    try:
        return verifier.is_valid(body, headers.get("X-Slack-Request-Timestamp", ""), headers.get("X-Slack-Signature", ""))
    except (ValueError, TypeError):
        # A time that is no number, a signature or a body that is no text: Slack's library expects none of them.
        return False


def is_ssl_check(body: bytes) -> bool:
    """Whether Slack only looks at the certificate: it does not sign that, and wants nothing but a yes."""
    return _SSL_CHECK in body[:1000].split(b"&")


def read(body: bytes, content_type: str, *, api: str) -> dict[str, Any]:
    """What a request says. `api` is where Slack's Web API is: with a test server in its place answers go to this machine.

    Raises:
        UnreadableError: it is nothing that Slack sends.
    """
    try:
        said = _parsed(body, content_type)
        check(said, api=api)
    except (ValueError, RecursionError):
        raise UnreadableError from None
    return said


def check(said: object, *, api: str) -> None:
    """Holds a payload to the shape of what Slack sends, whichever way it came.

    Raises:
        ValueError: it has not.
    """
    found = _kind_of(said).model_validate(said)
    if isinstance(found, _Asked) and found.response_url and not _is_slacks(found.response_url, api):
        raise ValueError("answers would go to somebody else")


def user_of(said: Mapping[str, Any]) -> str:
    """Who has done something, in which workspace, of a payload that has Slack's shape; '' for what nobody has done by hand."""
    user = said.get("user")
    if isinstance(user, Mapping):
        return f"{user.get('team_id') or ''}/{user['id']}"
    return f"{said.get('team_id') or ''}/{said['user_id']}" if "command" in said else ""


def is_question(said: Mapping[str, Any]) -> bool:
    """Whether it is `/esafety ask`, of a payload that has Slack's shape: what stands after another word is never put off."""
    return "command" in said and [w.casefold() for w in said.get("text", "").split(maxsplit=1)[:1]] == ["ask"]


def _parsed(body: bytes, content_type: str) -> dict[str, Any]:
    if content_type == "application/json":
        return _object(json_of(body))
    fields = dict(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=_MOST_FIELDS))
    if "payload" in fields:
        return _object(json_of(fields["payload"].encode()))
    return {name: text.replace("\x00", "") for name, text in fields.items()}


def _object(said: Any) -> dict[str, Any]:
    match said:
        case dict():
            return said
        case _:
            raise ValueError("no object")


def _is_slacks(url: str, api: str) -> bool:
    parts = urlsplit(url)
    # A test server in Slack's place, on this machine.
    if is_loopback(urlsplit(api).hostname):
        return parts.scheme == "http" and is_loopback(parts.hostname)
    return _ANSWERED_AT.fullmatch(f"{parts.scheme}://{parts.netloc}") is not None


_SomeText = Annotated[str, StringConstraints(min_length=1)]
_Id = Annotated[str, BeforeValidator(no_words), StringConstraints(max_length=_LONGEST_ID, pattern=r"^[^\s\x00-\x1f\x7f]*$")]
_Word = Annotated[str, StringConstraints(max_length=_LONGEST_ID, pattern=r"^[^\s\x00-\x1f\x7f]*$")]
_SomeId = Annotated[str, StringConstraints(min_length=1, max_length=_LONGEST_ID, pattern=r"^[^\s\x00-\x1f\x7f]+$")]
_Person = Annotated[_Id, StringConstraints(max_length=_LONGEST_PERSON)]
_SomePerson = Annotated[_SomeId, StringConstraints(max_length=_LONGEST_PERSON)]
_Seconds = Annotated[str, BeforeValidator(no_words), StringConstraints(pattern=r"^[0-9]{0,15}(\.[0-9]{1,9})?$")]


class _Read(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True, str_strip_whitespace=False)


class _Named(_Read):
    id: _Person = ""


class _Team(_Named):
    domain: _Id = ""


class _User(_Read):
    id: _SomePerson
    team_id: _Person = ""


class _Block(_Read):
    type: _Id = ""
    block_id: _Id = ""


class _State(_Read):
    values: dict[str, dict[str, dict[str, Any]]] = {}


class _View(_Read):
    id: _Id = ""
    type: _SomeId
    callback_id: _Word = ""
    private_metadata: str = ""
    app_installed_team_id: _Person = ""
    team_id: _Person = ""
    blocks: Annotated[tuple[_Block, ...], BeforeValidator(none_of_them)] = ()
    state: Annotated[_State, BeforeValidator(nothing_in)] = _State()


class _Action(_Read):
    type: _SomeId
    action_id: _SomeId
    block_id: _Id = ""
    value: str = ""
    url: str = ""


class _Message(_Read):
    ts: _Seconds = ""
    thread_ts: _Seconds = ""
    user: _Id = ""
    bot_id: _Id = ""


class _Asked(_Read):
    """Something that a person has done, and that is answered."""

    response_url: NullableText = ""
    trigger_id: _Id = ""


class _Command(_Asked):
    command: _SomeId
    response_url: _SomeText
    trigger_id: _SomeId
    user_id: _SomePerson
    team_id: _Person = ""
    channel_id: _Person = ""
    text: str = ""


class _Interaction(_Asked):
    user: _User
    team: Annotated[_Team, BeforeValidator(nothing_in)] = _Team()
    channel: Annotated[_Named, BeforeValidator(nothing_in)] = _Named()
    callback_id: _Word = ""
    value: str = ""
    view: _View | None = None


class _Shortcut(_Interaction):
    trigger_id: _SomeId


class _MessageAction(_Shortcut):
    response_url: _SomeText
    message: _Message
    message_ts: _Seconds = ""


class _Actions(_Interaction):
    actions: Annotated[tuple[_Action, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _is_answered_somewhere(self) -> Self:
        if self.view is None and not self.response_url:
            raise ValueError("neither in a view nor in a message")
        return self


class _OfView(_Interaction):
    view: _View


class _Suggestion(_OfView):
    action_id: _SomeId
    block_id: _Id = ""


class _Authorization(_Read):
    team_id: _Person = ""
    enterprise_id: _Person = ""
    user_id: _Person = ""


class _AnyEvent(_Read):
    type: _SomeId


class _Event(_AnyEvent):
    """One that the bot listens to: in others Slack puts whole things where these have ids."""

    user: _Person = ""
    bot_id: _Person = ""
    subtype: _Id = ""
    channel: _Person = ""
    channel_type: _Id = ""
    tab: _Id = ""
    text: NullableText = ""
    ts: _Seconds = ""
    thread_ts: _Seconds = ""
    team: _Person = ""
    user_team: _Person = ""


class _EventInChannel(_Event):
    channel: _SomePerson


class _EventOfPerson(_Event):
    user: _SomePerson


class _Organisation(_Read):
    teams: Annotated[tuple[_Id, ...], BeforeValidator(none_of_them)] = ()


class _Changed(_User):
    enterprise_user: Annotated[_Organisation, BeforeValidator(nothing_in)] = _Organisation()


class _UserChanged(_AnyEvent):
    user: _Changed


class _Told(_Read):
    team_id: _Person = ""
    event_id: _Person = ""
    event_time: int = 0
    authorizations: Annotated[tuple[_Authorization, ...], BeforeValidator(none_of_them)] = ()
    event: _AnyEvent


class _HeardInChannel(_Told):
    event: _EventInChannel


class _HeardOfPerson(_Told):
    event: _EventOfPerson


class _HeardOfChange(_Told):
    event: _UserChanged


class _Verification(_Read):
    challenge: str


class _SslCheck(_Read):
    ssl_check: str


_KINDS: Final[Mapping[str, type[_Read]]] = {
    "shortcut": _Shortcut,
    "message_action": _MessageAction,
    "block_actions": _Actions,
    "block_suggestion": _Suggestion,
    "view_submission": _OfView,
    "view_closed": _OfView,
    "url_verification": _Verification,
}
_EVENTS: Final[Mapping[str, type[_Read]]] = {
    "app_mention": _HeardInChannel,
    "message": _HeardInChannel,
    "member_joined_channel": _HeardInChannel,
    "member_left_channel": _HeardInChannel,
    "app_home_opened": _HeardOfPerson,
    "user_change": _HeardOfChange,
}
"""Those that the bot listens to."""


def _kind_of(said: object) -> type[_Read]:
    match said:
        case {"type": "event_callback", "event": {"type": str(event)}}:
            return _EVENTS.get(event, _Told)
        case {"type": str(kind)} if kind in _KINDS:
            return _KINDS[kind]
        case {"command": _}:
            return _Command
        case {"ssl_check": _}:
            return _SslCheck
    raise ValueError("of no kind that Slack sends")
