"""The part of the desk for what staff ask for and declare."""

from dataclasses import dataclass
from typing import TypeAlias, assert_never

from bot.replies import Reply, ShowForm, Tell, WrongForm
from cards import pages
from cards import submissions as cards
from cards.model import Card, FormValues, Tone
from cards.texts import say
from domain.people import Account, School
from domain.submissions import RequestMenu, SubmissionFile, SubmissionPage, SubmissionQuestions
from handlers import submissions
from handlers.acknowledge import NotForYou
from handlers.ports import Ports

_Outcome: TypeAlias = RequestMenu | SubmissionPage | SubmissionFile | SubmissionQuestions | NotForYou


@dataclass(frozen=True, slots=True, eq=False)
class SubmissionsDesk:
    """Answers for one school."""

    ports: Ports
    school: School

    async def command(self, account: Account) -> Reply:
        """What somebody may ask for, and what waits for them."""
        return self._shown(await submissions.menu(self.ports, self.school, account))

    async def press(self, account: Account, action: str, value: str) -> Reply | None:
        """A button of one of these pages; None for any other."""
        at = self.ports, self.school, account
        match action:
            case cards.SHOW_REQUESTS:
                return await self.command(account)
            case cards.NEW_REQUEST:
                kind, _, asked = value.partition("|")
                return self._shown(await submissions.ask_new(*at, kind, asked))
            case cards.READ_SUBMISSION:
                return self._shown(await submissions.read(*at, value))
            case cards.REWORD_SUBMISSION:
                return self._shown(await submissions.ask_reword(*at, value))
            case cards.WITHDRAW_SUBMISSION:
                return self._shown(await submissions.withdraw(*at, value))
            case cards.END_SUBMISSION:
                return self._shown(await submissions.end(*at, value))
            case cards.DO_TASK:
                submission_id, _, task = value.partition("|")
                return self._shown(await submissions.do(*at, submission_id, task))
            case cards.SHOW_SUBMISSIONS:
                kind, live, after = (*value.split("|", 2), "", "")[:3]
                return self._shown(await submissions.show(*at, kind, live=live != "0", after_key=after))
        return None

    async def submit(self, account: Account, form_id: str, state: str, values: FormValues) -> Reply | None:
        """A form of one of these pages; None for any other."""
        at = self.ports, self.school, account
        match form_id:
            case cards.QUESTIONS:
                return self._shown(await submissions.send(*at, state, values))
            case cards.FILE:
                return self._shown(await submissions.answer(*at, state, values))
        return None

    def _shown(self, outcome: _Outcome) -> Reply:
        match outcome:
            case RequestMenu():
                return ShowForm(cards.menu_form(self.school, outcome))
            case SubmissionPage():
                return ShowForm(cards.page_form(self.school, outcome))
            case SubmissionQuestions(faults=faults, stale=stale):
                form = cards.questions_form(self.school, outcome)
            case SubmissionFile(faults=faults, stale=stale):
                form = cards.file_form(self.school, outcome)
            case NotForYou():
                title, text = say("submission.not_you_title"), say("submission.not_you")
                return Tell(pages.notice(title, text, Tone.WARNING), refused=True)
            case _:
                assert_never(outcome)
        # What has changed meanwhile stands above the fields, and in the state: the form is drawn anew.
        return WrongForm(form, grown=stale) if faults or stale else ShowForm(form)


def requests_words(text: str) -> Card | None:
    """For the word in a chat, where no dialog can be opened without a press: the button to press. None for other words."""
    return cards.requests_card() if text.casefold().split() in (["request"], ["requests"]) else None
