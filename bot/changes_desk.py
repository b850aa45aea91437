"""The part of the desk where a case is changed, merged, linked, looked at again, opened anew and signed off."""

from dataclasses import dataclass
from typing import TypeAlias, assert_never

from bot.replies import Reply, ShowForm, Tell, WrongForm
from cards import case_changes as cards
from cards import pages
from cards.model import FormValues, Tone
from cards.texts import say
from domain.case_changes import (
    KIND,
    NOTE,
    REASON,
    ChangesPage,
)
from domain.change_forms import ChangeQuestions, Done, SendBackPage, SignPage, UnlinkQuestions, WishQuestions
from domain.people import Account, School
from handlers import case_changes, sending_back, signing
from handlers.acknowledge import NotForYou
from handlers.details import PassedOn
from handlers.ports import Ports
from handlers.signing import SignedAlready

_Outcome: TypeAlias = (
    ChangesPage
    | ChangeQuestions
    | WishQuestions
    | UnlinkQuestions
    | SignPage
    | SendBackPage
    | Done
    | PassedOn
    | SignedAlready
    | NotForYou
)


@dataclass(frozen=True, slots=True, eq=False)
class ChangesDesk:
    """Answers for one school."""

    ports: Ports
    school: School

    async def press(self, account: Account, action: str, value: str) -> Reply | None:
        """A button of one of these pages; None for any other."""
        at = self.ports, self.school, account
        match action:
            case cards.CHANGE_CASE:
                return self._shown(await case_changes.begin(*at, value))
            case cards.SHOW_CHANGES:
                incident_id, _, page = value.partition("|")
                number = int(page) if page.isascii() and page.isdecimal() and len(page) < 6 else None
                return self._shown(await case_changes.history(*at, incident_id, number))
            case cards.UNLINK:
                return self._shown(await case_changes.ask_unlink(*at, value))
            case cards.SIGN_CASE:
                return self._shown(await signing.look(*at, value))
            case cards.SEND_BACK:
                return self._shown(await sending_back.ask(*at, value))
        return None

    async def submit(self, account: Account, form_id: str, state: str, values: FormValues) -> Reply | None:
        """A form of one of these pages; None for any other."""
        at = self.ports, self.school, account
        match form_id:
            case cards.CHANGE_KIND_FORM:
                return self._shown(await case_changes.ask(*at, state, _text(values, KIND)))
            case cards.CHANGE_FORM:
                return self._shown(await case_changes.change(*at, state, values))
            case cards.UNLINK_FORM:
                return self._shown(await case_changes.unlink(*at, state, values))
            case cards.SIGN_FORM:
                return self._shown(await signing.sign(*at, state, _text(values, NOTE)))
            case cards.SEND_BACK_FORM:
                return self._shown(await sending_back.send_back(*at, state, _text(values, REASON)))
        return None

    def _shown(self, outcome: _Outcome) -> Reply:
        match outcome:
            case ChangesPage():
                return ShowForm(cards.changes_form(self.school, outcome))
            case ChangeQuestions(faults=faults):
                form = cards.change_kind_form(outcome)
            case WishQuestions(faults=faults):
                form = cards.change_form(self.school, outcome)
            case UnlinkQuestions(faults=faults):
                form = cards.unlink_form(outcome)
            case SignPage(faults=faults):
                form = cards.sign_form(self.school, outcome)
            case SendBackPage(faults=faults):
                form = cards.send_back_form(self.school, outcome)
            case Done():
                return ShowForm(pages.as_form(cards.done_card(outcome)))
            case PassedOn(reference=reference, roles=roles):
                titles = ", ".join(self.school.policy.role_title(r) for r in roles)
                text = say("settled.passed_on", reference=reference, roles=titles)
                return ShowForm(pages.as_form(pages.notice(say("settled.passed_on_title"), text, Tone.SUCCESS)))
            case SignedAlready(reference=reference):
                text = say("sign.already", reference=reference)
                return ShowForm(pages.as_form(pages.notice(say("sign.already_title"), text, Tone.SUCCESS)))
            case NotForYou():
                return Tell(pages.notice(say("note.not_you_title"), say("note.not_you"), Tone.WARNING), refused=True)
            case _:
                assert_never(outcome)
        return WrongForm(form, grown=False) if faults else ShowForm(form)


def _text(values: FormValues, field: str) -> str:
    value = values.get(field, "")
    return value if isinstance(value, str) else ""
