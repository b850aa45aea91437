"""The part of the desk that shows figures."""

from dataclasses import dataclass
from typing import assert_never

from bot.replies import Reply, Tell
from cards import figures as cards
from cards import pages
from cards.model import Tone
from cards.texts import say
from domain.figures import FiguresPage
from domain.people import Account, School
from handlers import figures
from handlers.acknowledge import NotForYou
from handlers.ports import Ports


@dataclass(frozen=True, slots=True, eq=False)
class FiguresDesk:
    """Answers for one school."""

    ports: Ports
    school: School

    async def show(self, account: Account, wanted: str = "") -> Tell:
        """The figures of a term or a school year; those of the newest where it is not said which."""
        match await figures.look(self.ports, self.school, account, wanted):
            case FiguresPage() as page:
                return Tell(cards.figures_card(self.school, page))
            case NotForYou():
                return Tell(pages.notice(say("figures.not_you_title"), say("figures.not_you"), Tone.WARNING))
            case never:
                assert_never(never)

    async def press(self, account: Account, action: str, value: str) -> Reply | None:
        """A button of these cards; None for any other."""
        match action:
            case pages.SHOW_FIGURES | cards.CHOOSE_FIGURES:
                return await self.show(account, value)
        return None
