"""The part of the desk that shows a child's chronology."""

from dataclasses import dataclass
from typing import assert_never

from bot.replies import Reply, ShowForm, Tell, WrongForm
from cards import chronology as cards
from cards import pages
from cards.model import Card, FormValues, Tone
from cards.texts import say
from domain.chronology import CHILD, ChildQuestions, Chronology
from domain.people import Account, School
from handlers import chronology
from handlers.acknowledge import NotForYou
from handlers.ports import Ports

COMMAND = "chronology"


@dataclass(frozen=True, slots=True, eq=False)
class ChronologyDesk:
    """Answers for one school."""

    ports: Ports
    school: School

    async def begin(self, account: Account) -> Reply:
        """Asks whose. A name that was typed after the command is not taken: it would have stood in a chat."""
        return self._looked_up(await chronology.ask(self.ports, self.school, account))

    async def press(self, account: Account, action: str, value: str) -> Reply | None:
        """A button of one of these pages; None for any other."""
        match action:
            case cards.SHOW_CHRONOLOGY:
                return self._shown(await chronology.of_child(self.ports, self.school, account, value))
            case cards.LOOK_UP_CHILD:
                return await self.begin(account)
        return None

    async def submit(self, account: Account, form_id: str, values: FormValues) -> Reply | None:
        """The form that asks whose; None for any other."""
        if form_id != cards.CHILD_FORM:
            return None
        value = values.get(CHILD, ())
        chosen = ((value,) if value else ()) if isinstance(value, str) else value
        return self._looked_up(await chronology.search(self.ports, self.school, account, chosen))

    def _looked_up(self, outcome: Chronology | ChildQuestions | NotForYou) -> Reply:
        if isinstance(outcome, NotForYou):
            return Tell(pages.notice(say("chronology.not_you_title"), say("chronology.not_you"), Tone.WARNING), refused=True)
        return self._shown(outcome)

    def _shown(self, outcome: Chronology | ChildQuestions | NotForYou) -> Reply:
        match outcome:
            case Chronology():
                return ShowForm(cards.chronology_form(self.school, outcome))
            case ChildQuestions(faults=faults):
                form = cards.child_form(outcome)
                return WrongForm(form, grown=False) if faults else ShowForm(form)
            case NotForYou():
                return Tell(pages.notice(say("note.not_you_title"), say("note.not_you"), Tone.WARNING), refused=True)
            case _:
                assert_never(outcome)


def chronology_card(text: str) -> Card | None:
    """For the word in a chat, where no form can be opened without a press: the button to press. None for other words."""
    return cards.child_card() if text.casefold().split()[:1] == [COMMAND] else None
