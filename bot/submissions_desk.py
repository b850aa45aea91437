"""The part of the desk for what staff ask for and declare."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias, assert_never

from bot.exports import Lately, taken_out
from bot.replies import Reply, ShowForm, Tell, WrongForm
from cards import pages
from cards import submissions as cards
from cards.model import Card, FormValues, Tone
from cards.submissions_export import submissions_page
from cards.taken_out import STYLE
from cards.texts import say
from domain.people import Account, School
from domain.submissions import RequestMenu, SubmissionFile, SubmissionPage, SubmissionQuestions
from handlers import submissions
from handlers.acknowledge import NotForYou
from handlers.exports import id_of
from handlers.ports import Ports

_Outcome: TypeAlias = RequestMenu | SubmissionPage | SubmissionFile | SubmissionQuestions | NotForYou


@dataclass(frozen=True, slots=True, eq=False)
class SubmissionsDesk:
    """Answers for one school. `exports`: the folder for what is taken out of the records. `lately`: what was made just now."""

    ports: Ports
    school: School
    exports: Path
    lately: Lately = field(default_factory=Lately)

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
                page = await submissions.show(*at, kind, live=live != "0", after_key=after)
                return self._shown(page, self.ports.new_id())
            case cards.EXPORT_SUBMISSIONS:
                page_id = id_of(account, action, value)
                async with self.lately.one_at_a_time(page_id):
                    return await self._taken_out(account, value.partition("|")[0], page_id)
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

    async def _taken_out(self, account: Account, type_id: str, page_id: str) -> Reply:
        """Puts all requests of a type onto a sealed page."""
        found = await submissions.export(self.ports, self.school, account, type_id, page_id)
        if isinstance(found, NotForYou):
            return self._shown(found)
        kind = self.school.policy.requests[type_id]
        return await taken_out(
            self.ports,
            self.school,
            self.exports,
            self.lately,
            account,
            page_id,
            found,
            lambda export: submissions_page(self.school, export),
            STYLE,
            lambda made, passphrase: cards.exported_card(self.school, kind, made, passphrase),
        )

    def _shown(self, outcome: _Outcome, shown_id: str = "") -> Reply:
        match outcome:
            case RequestMenu():
                return ShowForm(cards.menu_form(self.school, outcome))
            case SubmissionPage():
                return ShowForm(cards.page_form(self.school, outcome, shown_id))
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
