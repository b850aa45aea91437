"""The part of the desk for the school's calendar, and the draft for parents."""

from dataclasses import dataclass
from typing import assert_never

from bot.replies import Reply, ShowForm, Tell
from cards import duties as cards
from cards import pages
from cards.model import Card, Tone
from cards.texts import say
from domain.digests import Digest
from domain.duties import CalendarPage
from domain.people import Account, School
from handlers import digests, duties
from handlers.acknowledge import NotForYou
from handlers.ports import Ports


@dataclass(frozen=True, slots=True, eq=False)
class CalendarDesk:
    """Answers for one school."""

    ports: Ports
    school: School

    async def show(self, account: Account) -> Reply:
        """What comes in the next twelve months."""
        return self._shown(await duties.look(self.ports, self.school, account))

    async def draft(self, account: Account, wanted: str = "") -> Reply:
        """The draft for parents of a term that is over."""
        return self._shown(await digests.draft(self.ports, self.school, account, wanted))

    async def press(self, account: Account, action: str, value: str) -> Reply | None:
        """A button of one of these pages; None for any other."""
        match action:
            case cards.SHOW_CALENDAR:
                return await self.show(account)
            case cards.SHOW_DIGEST:
                return await self.draft(account, value)
            case cards.FINISH_DUTY:
                return self._shown(await duties.finish(self.ports, self.school, account, value))
        return None

    def _shown(self, outcome: CalendarPage | Digest | NotForYou) -> Reply:
        match outcome:
            case CalendarPage():
                return ShowForm(cards.calendar_form(self.school, outcome))
            case Digest():
                return ShowForm(cards.digest_form(self.school, outcome))
            case NotForYou():
                return Tell(pages.notice(say("duty.not_you_title"), say("duty.not_you"), Tone.WARNING), refused=True)
            case _:
                assert_never(outcome)


def calendar_words(text: str) -> Card | None:
    """For the words in a chat, where no dialog can be opened without a press: the button to press. None for other words."""
    words = text.casefold().split()
    if words not in (["calendar"], ["digest"]):
        return None
    return cards.calendar_card(digest=words == ["digest"])
