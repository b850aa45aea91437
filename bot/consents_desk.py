"""The part of the desk where somebody asks before they publish, and where the register of consent is kept."""

from dataclasses import dataclass
from typing import TypeAlias, assert_never

from bot.replies import Reply, ShowForm, Tell, WrongForm
from cards import consents as cards
from cards import pages
from cards.model import Card, FormValues, Tone
from cards.texts import say
from domain.consents import ConsentErased, ConsentFile, ConsentQuestions, KeepQuestions, LeftList
from domain.people import Account, School
from handlers import consents
from handlers.acknowledge import NotForYou
from handlers.ports import Ports

_Outcome: TypeAlias = ConsentQuestions | KeepQuestions | ConsentFile | ConsentErased | LeftList | NotForYou


@dataclass(frozen=True, slots=True, eq=False)
class ConsentsDesk:
    """Answers for one school."""

    ports: Ports
    school: School

    async def command(self, account: Account) -> Reply:
        """The form in which somebody asks."""
        return self._shown(await consents.begin(self.ports, self.school, account))

    async def press(self, account: Account, action: str, value: str) -> Reply | None:
        """A button of one of these pages; None for any other."""
        at = self.ports, self.school, account
        match action:
            case cards.ASK_CONSENT:
                return await self.command(account)
            case cards.KEEP_CONSENT:
                return self._shown(await consents.ask_keep(*at, value))
            case cards.READ_CONSENT:
                return self._shown(await consents.read(*at, value))
            case cards.WITHDRAW_CONSENT:
                return self._shown(await consents.withdraw(*at, value))
            case cards.ERASE_CONSENT:
                return self._shown(await consents.erase(*at, value))
            case cards.LEFT_CONSENTS:
                return self._shown(await consents.left(*at))
        return None

    async def submit(self, account: Account, form_id: str, state: str, values: FormValues) -> Reply | None:
        """A form of one of these pages; None for any other."""
        at = self.ports, self.school, account
        match form_id:
            case cards.ASK:
                return self._shown(await consents.ask(*at, values))
            case cards.KEEP:
                return self._shown(await consents.keep(*at, state, values))
        return None

    def _shown(self, outcome: _Outcome) -> Reply:
        stale = False
        match outcome:
            case ConsentQuestions(faults=faults):
                form = cards.ask_form(self.school, outcome)
            case KeepQuestions(faults=faults, stale=stale):
                form = cards.keep_form(self.school, outcome)
            case ConsentFile():
                return ShowForm(cards.file_form(self.school, outcome))
            case ConsentErased():
                return ShowForm(pages.as_form(cards.erased_card()))
            case LeftList():
                return ShowForm(cards.left_form(outcome))
            case NotForYou():
                title, text = say("consent.not_you_title"), say("consent.not_you")
                return Tell(pages.notice(title, text, Tone.WARNING), refused=True)
            case _:
                assert_never(outcome)
        # What stands in the entry now is in the form's hints, and in its state.
        return WrongForm(form, grown=stale) if faults else ShowForm(form)


def consent_words(text: str) -> Card | None:
    """For the word in a chat, where no dialog can be opened without a press: the button to press. None for other words."""
    return cards.consent_card() if text.casefold().split() == ["consent"] else None
