"""The part of the desk for surveys: opened, looked at, extended and closed. Whoever answers one comes by another door."""

from dataclasses import dataclass
from typing import TypeAlias, assert_never

from bot.replies import Reply, ShowForm, Tell, WrongForm
from cards import pages
from cards import surveys as cards
from cards.model import Card, FormValues, Tone
from cards.texts import say
from domain.people import Account, School
from domain.surveys import SurveyExtension, SurveyMenu, SurveyOpening, SurveyPage
from handlers import surveys
from handlers.acknowledge import NotForYou
from handlers.ports import Ports

_Outcome: TypeAlias = SurveyMenu | SurveyOpening | SurveyExtension | SurveyPage | NotForYou


@dataclass(frozen=True, slots=True, eq=False)
class SurveysDesk:
    """Answers for one school."""

    ports: Ports
    school: School

    async def command(self, account: Account) -> Reply:
        """What may be opened, and what was."""
        return self._shown(await surveys.choose(self.ports, self.school, account))

    async def press(self, account: Account, action: str, value: str) -> Reply | None:
        """A button of one of these pages; None for any other."""
        at = self.ports, self.school, account
        match action:
            case cards.SHOW_SURVEYS:
                return await self.command(account)
            case cards.OPEN_SURVEY:
                return self._shown(await surveys.ask_open(*at, value))
            case cards.READ_SURVEY:
                return self._shown(await surveys.look(*at, value))
            case cards.EXTEND_SURVEY:
                return self._shown(await surveys.ask_extend(*at, value))
            case cards.CLOSE_SURVEY:
                return self._shown(await surveys.close(*at, value))
        return None

    async def submit(self, account: Account, form_id: str, state: str, values: FormValues) -> Reply | None:
        """The form that opens one, or lets one run longer; None for any other."""
        if form_id == cards.OPENING:
            return self._shown(await surveys.open_survey(self.ports, self.school, account, state, values))
        if form_id == cards.EXTENDING:
            return self._shown(await surveys.extend(self.ports, self.school, account, state, values))
        return None

    def _shown(self, outcome: _Outcome) -> Reply:
        match outcome:
            case SurveyMenu():
                return ShowForm(cards.menu_form(self.school, outcome))
            case SurveyPage():
                return ShowForm(cards.page_form(self.school, outcome))
            case SurveyOpening(faults=faults):
                form = cards.opening_form(self.school, outcome)
                return WrongForm(form, grown=False) if faults else ShowForm(form)
            case SurveyExtension(faults=faults):
                form = cards.extending_form(self.school, outcome)
                return WrongForm(form, grown=False) if faults else ShowForm(form)
            case NotForYou():
                return Tell(pages.notice(say("survey.not_you_title"), say("survey.not_you"), Tone.WARNING), refused=True)
            case _:
                assert_never(outcome)


def surveys_words(text: str) -> Card | None:
    """For the word in a chat, where no dialog can be opened without a press: the button to press. None for other words."""
    return cards.surveys_card() if text.casefold().split() in (["survey"], ["surveys"]) else None
