"""What Teams sends, as far as the bot reads it. Everything else in an activity is left alone."""

import re
from html import unescape
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from bot.nulls import NullableText, none_of_them, nothing_in

PERSONAL: Final = "personal"
CHANNEL: Final = "channel"

_MENTION: Final = re.compile(r"<at[^<>]*>[^<]*</at>", re.IGNORECASE)
_LONGEST: Final = 4000
_ROOT: Final = ";messageid="


# The longest that the records have room for, which is longer than any of Teams' own. What is longer is refused here.
_LONGEST_ID: Final = 512
_LONGEST_USER: Final = 128
_LONGEST_NAME: Final = 255
_LONGEST_TENANT: Final = 64


def _cut(name: str) -> str:
    return name[:_LONGEST_NAME]


class _Read(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True, hide_input_in_errors=True)


class Who(_Read):
    """A user or the bot. `object_id` is the user's in the school's directory.

    `targeted` at the recipient of a message in a conversation of many: nobody but the two sees it.
    """

    id: NullableText = Field("", max_length=_LONGEST_USER)
    name: Annotated[NullableText, AfterValidator(_cut)] = ""
    object_id: NullableText = Field("", alias="aadObjectId", max_length=_LONGEST_USER)
    targeted: bool = Field(default=False, alias="isTargeted")


class Conversation(_Read):
    """Where something was said. In a channel the id names the thread as well."""

    id: NullableText = Field("", max_length=_LONGEST_ID)
    type: NullableText = Field("", alias="conversationType")


class _Id(_Read):
    id: NullableText = Field("", max_length=_LONGEST_ID)


class _Tenant(_Read):
    id: NullableText = Field("", max_length=_LONGEST_TENANT)


class ChannelData(_Read):
    """What Teams adds to the Bot Framework's activity."""

    tenant: Annotated[_Tenant, BeforeValidator(nothing_in)] = _Tenant()
    channel: Annotated[_Id, BeforeValidator(nothing_in)] = _Id()
    team: Annotated[_Id, BeforeValidator(nothing_in)] = _Id()
    event: NullableText = Field("", alias="eventType")


class Attachment(_Read):
    """Something that hangs on a message: looked at for its kind only, never fetched."""

    content_type: NullableText = Field("", alias="contentType")


class Incoming(_Read):
    """An activity."""

    type: NullableText = ""
    id: NullableText = ""
    name: NullableText = ""
    action: NullableText = ""
    text: NullableText = ""
    channel_id: NullableText = Field("", alias="channelId")
    service_url: NullableText = Field("", alias="serviceUrl", max_length=_LONGEST_ID)
    sender: Annotated[Who, BeforeValidator(nothing_in)] = Field(Who(), alias="from")
    recipient: Annotated[Who, BeforeValidator(nothing_in)] = Who()
    conversation: Annotated[Conversation, BeforeValidator(nothing_in)] = Conversation()
    channel_data: Annotated[ChannelData, BeforeValidator(nothing_in)] = Field(ChannelData(), alias="channelData")
    attachments: Annotated[tuple[Attachment, ...], BeforeValidator(none_of_them)] = ()
    added: Annotated[tuple[Who, ...], BeforeValidator(none_of_them)] = Field((), alias="membersAdded")
    removed: Annotated[tuple[Who, ...], BeforeValidator(none_of_them)] = Field((), alias="membersRemoved")
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
