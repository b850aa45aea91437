"""The part of the desk that shows a case as the policy's log form, and has it made into a sealed page."""

from dataclasses import dataclass
from pathlib import Path

from bot.exports import put_away
from bot.replies import Reply, ShowForm, Tell
from cards import log_form as cards
from cards import pages
from cards.log_form_page import LOG_STYLE, log_page
from cards.model import Tone
from cards.texts import say
from domain.exports import PageKind
from domain.people import Account, School
from handlers import log_form
from handlers.acknowledge import NotForYou
from handlers.ports import Ports


@dataclass(frozen=True, slots=True, eq=False)
class LogFormDesk:
    """Answers for one school. `exports`: the folder for what is taken out of the records."""

    ports: Ports
    school: School
    exports: Path

    async def press(self, account: Account, action: str, value: str) -> Reply | None:
        """The button of a case's page; None for any other."""
        if action != cards.LOG_FORM:
            return None
        match await log_form.look(self.ports, self.school, account, value):
            case NotForYou():
                return _not_for_you()
            case record:
                return ShowForm(cards.log_form_form(cards.sheet_of(self.school, record)))

    async def submit(self, account: Account, form_id: str, state: str) -> Reply | None:
        """Has the form that was shown made into a page; None for any other form."""
        if form_id != cards.LOG_FORM:
            return None
        match await log_form.take_out(self.ports, self.school, account, state):
            case NotForYou():
                return _not_for_you()
            case record:
                sheet, cases = cards.sheet_of(self.school, record), (record.case.incident.id,)
                # It is a page about a case, and lives as one about a person does: an older version that runs beside this one
                # must be able to list it, to end it and to delete it, and knows no other kind.
                made, passphrase = await put_away(
                    self.ports, self.school, self.exports, account, PageKind.SUBJECT, cases, lambda: log_page(sheet), LOG_STYLE
                )
                return ShowForm(pages.as_form(cards.made_card(self.school, sheet.reference, made, passphrase)))


def _not_for_you() -> Tell:
    return Tell(pages.notice(say("note.not_you_title"), say("note.not_you"), Tone.WARNING), refused=True)
