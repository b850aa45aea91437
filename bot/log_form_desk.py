"""The part of the desk that shows a case as the policy's log form, and has it made into a sealed page."""

from dataclasses import dataclass, field
from pathlib import Path

from bot.exports import Lately, taken_out
from bot.replies import Reply, ShowForm, Tell
from cards import log_form as cards
from cards import pages
from cards.log_form_page import LOG_STYLE, log_page
from cards.model import Tone
from cards.texts import say
from domain.exports import MadeAlready
from domain.people import Account, School
from handlers import log_form
from handlers.acknowledge import NotForYou
from handlers.exports import id_of
from handlers.ports import Ports


@dataclass(frozen=True, slots=True, eq=False)
class LogFormDesk:
    """Answers for one school. `exports`: the folder for what is taken out of the records. `lately`: what was made just now."""

    ports: Ports
    school: School
    exports: Path
    lately: Lately = field(default_factory=Lately)

    async def press(self, account: Account, action: str, value: str) -> Reply | None:
        """The button of a case's page; None for any other."""
        if action != cards.LOG_FORM:
            return None
        match await log_form.look(self.ports, self.school, account, value):
            case NotForYou():
                return _not_for_you()
            case record:
                return ShowForm(cards.log_form_form(cards.sheet_of(self.school, record), self.ports.new_id()))

    async def submit(self, account: Account, form_id: str, state: str) -> Reply | None:
        """Has the form that was shown made into a page, once; None for any other form."""
        if form_id != cards.LOG_FORM:
            return None
        incident_id, _, shown_id = state.partition("|")
        # Of a version before, a form has no id of its own: each time that it is sent it has another page made.
        page_id = id_of(account, incident_id, shown_id) if shown_id else self.ports.new_id()
        async with self.lately.one_at_a_time(page_id):
            return await self._made(account, incident_id, page_id)

    async def _made(self, account: Account, incident_id: str, page_id: str) -> Reply:
        found = await log_form.take_out(self.ports, self.school, account, incident_id, page_id)
        if isinstance(found, NotForYou):
            return _not_for_you()
        case = found.case.incident if not isinstance(found, MadeAlready) else None
        reference = case.reference if case is not None else ""
        return await taken_out(
            self.ports,
            self.school,
            self.exports,
            self.lately,
            account,
            page_id,
            found,
            lambda record: log_page(cards.sheet_of(self.school, record)),
            LOG_STYLE,
            lambda made, passphrase: cards.made_card(self.school, reference, made, passphrase),
            (case.id,) if case is not None else (),
        )


def _not_for_you() -> Tell:
    return Tell(pages.notice(say("note.not_you_title"), say("note.not_you"), Tone.WARNING), refused=True)
