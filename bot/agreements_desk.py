"""The part of the desk for what staff sign."""

from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias, assert_never

from bot.exports import Lately, taken_out
from bot.replies import Reply, ShowForm, Tell, WrongForm
from cards import agreements as cards
from cards import pages
from cards.model import Card, FormValues, Tone
from cards.signing_export import signing_page
from cards.taken_out import STYLE
from cards.texts import say
from domain.people import Account, School
from domain.signings import AgreementPage, AttendedForm, GapPage, SignMenu
from handlers import agreements
from handlers.acknowledge import NotForYou
from handlers.exports import id_of
from handlers.ports import Ports

_Outcome: TypeAlias = SignMenu | AgreementPage | GapPage | AttendedForm | NotForYou


@dataclass(frozen=True, slots=True, eq=False)
class AgreementsDesk:
    """Answers for one school. `exports`: the folder for what is taken out of the records. `lately`: what was made just now."""

    ports: Ports
    school: School
    exports: Path
    lately: Lately

    async def command(self, account: Account) -> Reply:
        """What somebody has to sign, and has signed."""
        return self._shown(await agreements.menu(self.ports, self.school, account))

    async def press(self, account: Account, action: str, value: str) -> Reply | None:
        """A button of one of these pages; None for any other."""
        at = self.ports, self.school, account
        match action:
            case cards.SHOW_SIGNING:
                return await self.command(account)
            case cards.READ_AGREEMENT:
                return self._shown(await agreements.read(*at, value))
            case cards.SHOW_UNSIGNED:
                agreement, _, after = value.partition("|")
                return self._shown(await agreements.gaps(*at, agreement, after))
            case cards.REMIND_SIGNERS:
                return self._shown(await agreements.remind(*at, value))
            case cards.ASK_ATTENDED:
                return self._shown(await agreements.ask_attended(*at, value))
            case cards.EXPORT_SIGNED:
                page_id = id_of(account, action, value)
                async with self.lately.one_at_a_time(page_id):
                    return await self._taken_out(account, value.partition("|")[0], page_id)
        return None

    async def submit(self, account: Account, form_id: str, state: str, values: FormValues) -> Reply | None:
        """A form of one of these pages; None for any other."""
        at = self.ports, self.school, account
        match form_id:
            case cards.AGREEMENT:
                return self._shown(await agreements.sign(*at, state, values))
            case cards.ATTENDED:
                return self._shown(await agreements.enter_attended(*at, state, values))
        return None

    async def _taken_out(self, account: Account, agreement_id: str, page_id: str) -> Reply:
        """Puts all signatures to an agreement onto a sealed page."""
        found = await agreements.export(self.ports, self.school, account, agreement_id, page_id)
        if isinstance(found, NotForYou):
            return self._shown(found)
        agreement = self.school.agreements[agreement_id]
        return await taken_out(
            self.ports,
            self.school,
            self.exports,
            self.lately,
            account,
            page_id,
            found,
            lambda export: signing_page(self.school, export),
            STYLE,
            lambda made, passphrase: cards.exported_card(self.school, agreement, made, passphrase),
        )

    def _shown(self, outcome: _Outcome) -> Reply:
        match outcome:
            case SignMenu():
                return ShowForm(cards.menu_form(self.school, outcome))
            case AgreementPage():
                form = cards.agreement_form(self.school, outcome)
                return WrongForm(form, grown=outcome.stale) if outcome.faults or outcome.stale else ShowForm(form)
            case GapPage():
                return ShowForm(cards.gaps_form(self.school, outcome))
            case AttendedForm():
                form = cards.attended_form(self.school, outcome)
                return WrongForm(form, grown=False) if outcome.faults else ShowForm(form)
            case NotForYou():
                return Tell(pages.notice(say("agreement.not_you_title"), say("agreement.not_you"), Tone.WARNING), refused=True)
            case _:
                assert_never(outcome)


def signing_words(text: str) -> Card | None:
    """For the word in a chat, where no dialog can be opened without a press: the button to press. None for other words."""
    return cards.signing_menu_card() if text.casefold().split() == ["sign"] else None
