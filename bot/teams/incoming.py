"""What Teams sends, as far as the bot reads it. Everything else in an activity is left alone."""

import re
from html import unescape
from typing import Annotated, Any, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

PERSONAL: Final = "personal"
CHANNEL: Final = "channel"

_MENTION: Final = re.compile(r"<at[^<>]*>[^<]*</at>", re.IGNORECASE)
_LONGEST: Final = 4000
_ROOT: Final = ";messageid="


def _some(value: object) -> object:
    """Teams sends null where it has nothing to say."""
    return {} if value is None else value


def _none(value: object) -> object:
    return "" if value is None else value


def _list(value: object) -> object:
    return () if value is None else value


_Text = Annotated[str, BeforeValidator(_none)]


class _Read(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True, hide_input_in_errors=True)


class Who(_Read):
    """A user or the bot. `object_id` is the user's in the school's directory.

    `targeted` at the recipient of a message in a conversation of many: nobody but the two sees it.
    """

    id: _Text = ""
    name: _Text = ""
    object_id: _Text = Field("", alias="aadObjectId")
    targeted: bool = Field(default=False, alias="isTargeted")


class Conversation(_Read):
    """Where something was said. In a channel the id names the thread as well."""

    id: _Text = ""
    type: _Text = Field("", alias="conversationType")


class _Id(_Read):
    id: _Text = ""


class ChannelData(_Read):
    """What Teams adds to the Bot Framework's activity."""

    tenant: Annotated[_Id, BeforeValidator(_some)] = _Id()
    channel: Annotated[_Id, BeforeValidator(_some)] = _Id()
    team: Annotated[_Id, BeforeValidator(_some)] = _Id()
    event: _Text = Field("", alias="eventType")


class Attachment(_Read):
    """Something that hangs on a message: looked at for its kind only, never fetched."""

    content_type: _Text = Field("", alias="contentType")


class Incoming(_Read):
    """An activity."""

    type: _Text = ""
    id: _Text = ""
    name: _Text = ""
    action: _Text = ""
    text: _Text = ""
    channel_id: _Text = Field("", alias="channelId")
    service_url: _Text = Field("", alias="serviceUrl")
    sender: Annotated[Who, BeforeValidator(_some)] = Field(Who(), alias="from")
    recipient: Annotated[Who, BeforeValidator(_some)] = Who()
    conversation: Annotated[Conversation, BeforeValidator(_some)] = Conversation()
    channel_data: Annotated[ChannelData, BeforeValidator(_some)] = Field(ChannelData(), alias="channelData")
    attachments: Annotated[tuple[Attachment, ...], BeforeValidator(_list)] = ()
    added: Annotated[tuple[Who, ...], BeforeValidator(_list)] = Field((), alias="membersAdded")
    removed: Annotated[tuple[Who, ...], BeforeValidator(_list)] = Field((), alias="membersRemoved")
    value: Any = None

    @property
    def is_personal(self) -> bool:
        """Whether nobody but the sender reads the conversation."""
        return self.conversation.type == PERSONAL

    @property
    def tenant(self) -> str:
        """The organisation whose Teams it is."""
        return self.channel_data.tenant.id.lower()

    @property
    def place(self) -> str:
        """The conversation itself, without the thread."""
        return self.channel_data.channel.id or self.conversation.id.partition(_ROOT)[0]

    @property
    def roster(self) -> str:
        """The conversation that knows who is in it: a team has one, by way of whichever channel it is spoken of."""
        return self.channel_data.team.id or self.place

    @property
    def said(self) -> str:
        """What was typed, without the mention of the bot."""
        return " ".join(unescape(_MENTION.sub(" ", self.text[:_LONGEST])).split())

    @property
    def data(self) -> dict[str, Any]:
        """What the pressed button or the sent form carries."""
        value = self.value if isinstance(self.value, dict) else {}
        inner = value.get("action") if self.name == "adaptiveCard/action" else value
        data = inner.get("data") if isinstance(inner, dict) else None
        return data if isinstance(data, dict) else {}
