"""The part of the desk for the registers."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias, assert_never

from bot.exports import Lately, taken_out
from bot.replies import Reply, ShowForm, Tell, WrongForm
from cards import overview as overview_cards
from cards import pages
from cards import registers as cards
from cards.model import Card, FormValues, Tone
from cards.registers_export import register_page
from cards.taken_out import STYLE
from cards.texts import say
from domain.overview import Overview
from domain.people import Account, School
from domain.register_terms import RegisterKind
from domain.registers import DecisionAsked, RecordFile, RecordQuestions, RegisterChoice, RegisterPage, RegisterView
from handlers import overview, registers
from handlers.acknowledge import NotForYou
from handlers.exports import id_of
from handlers.ports import Ports

_Outcome: TypeAlias = Overview | RegisterChoice | RegisterPage | RecordFile | RecordQuestions | DecisionAsked | NotForYou


@dataclass(frozen=True, slots=True, eq=False)
class RegistersDesk:
    """Answers for one school. `exports`: the folder for what is taken out of the records. `lately`: what was made just now."""

    ports: Ports
    school: School
    exports: Path
    lately: Lately = field(default_factory=Lately)

    async def command(self, account: Account) -> Reply:
        """The registers that somebody may look at."""
        return self._shown(await registers.choose(self.ports, self.school, account))

    async def overview(self, account: Account) -> Reply:
        """All the lists that somebody may read beside the cases."""
        return self._shown(await overview.everything(self.ports, self.school, account))

    async def press(self, account: Account, action: str, value: str) -> Reply | None:
        """A button of one of these pages; None for any other."""
        at = self.ports, self.school, account
        match action:
            case overview_cards.SHOW_OVERVIEW:
                return await self.overview(account)
            case cards.SHOW_REGISTER:
                kind, view, number = _place(value)
                page = await registers.show(*at, kind, view, number) if kind is not None else NotForYou()
                return self._shown(page, self.ports.new_id())
            case cards.READ_RECORD:
                record_id, _, version = value.partition("|")
                return self._shown(await registers.read(*at, record_id, _number(version)))
            case cards.ADD_RECORD:
                kind, _, _ = _place(value)
                return self._shown(await registers.ask_new(*at, kind) if kind is not None else NotForYou())
            case cards.EXPORT_REGISTER:
                kind, _, _ = _place(value)
                _, _, shown_id = value.partition("|")
                # Of a version before, the button has no id of its own: each press has another page made.
                page_id = id_of(account, action, value) if shown_id else self.ports.new_id()
                async with self.lately.one_at_a_time(page_id):
                    return await self._taken_out(account, kind, page_id) if kind is not None else self._shown(NotForYou())
            case cards.CHANGE_RECORD:
                return self._shown(await registers.ask_change(*at, value))
            case cards.DECIDE_RECORD:
                return self._shown(await registers.ask_decision(*at, value))
        return None

    async def submit(self, account: Account, form_id: str, state: str, values: FormValues) -> Reply | None:
        """A form of one of these pages; None for any other."""
        at = self.ports, self.school, account
        match form_id:
            case cards.RECORD_FORM:
                return self._shown(await registers.save(*at, state, values))
            case cards.RECORD_DECISION:
                return self._shown(await registers.decide(*at, state, values))
        return None

    async def _taken_out(self, account: Account, kind: RegisterKind, page_id: str) -> Reply:
        """Puts a register onto a sealed page."""
        found = await registers.export(self.ports, self.school, account, kind, page_id)
        if isinstance(found, NotForYou):
            return self._shown(found)
        return await taken_out(
            self.ports,
            self.school,
            self.exports,
            self.lately,
            account,
            page_id,
            found,
            lambda export: register_page(self.school, export),
            STYLE,
            lambda made, passphrase: cards.exported_card(self.school, kind, made, passphrase),
        )

    def _shown(self, outcome: _Outcome, shown_id: str = "") -> Reply:
        match outcome:
            case RegisterChoice():
                return ShowForm(cards.choice_form(outcome))
            case Overview():
                return ShowForm(overview_cards.overview_form(outcome))
            case RegisterPage():
                return ShowForm(cards.register_form(self.school, outcome, shown_id))
            case RecordFile():
                return ShowForm(cards.record_form(self.school, outcome))
            case RecordQuestions(faults=faults, stale=stale):
                form = cards.record_questions_form(self.school, outcome)
            case DecisionAsked(faults=faults, stale=stale):
                form = cards.decision_form(outcome)
            case NotForYou():
                return Tell(pages.notice(say("register.not_you_title"), say("register.not_you"), Tone.WARNING), refused=True)
            case _:
                assert_never(outcome)
        # What has changed meanwhile stands above the fields, and in the state: the form is drawn anew.
        return WrongForm(form, grown=stale) if faults or stale else ShowForm(form)


def _place(value: str) -> tuple[RegisterKind | None, RegisterView, int]:
    """A register, which lines of it, and the page: whatever a button says that is none of ours is left out."""
    kind, view, number = (*value.split("|"), "", "", "")[:3]
    known = next((k for k in RegisterKind if k == kind), None)
    return known, next((v for v in RegisterView if v == view), RegisterView.LIVE), _number(number) or 1


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 6 else None


def registers_words(text: str) -> Card | None:
    """For the word in a chat, where no dialog can be opened without a press: the buttons to press. None for other words."""
    match text.casefold().split():
        case ["register"]:
            return cards.registers_card()
        case ["registers"]:
            return overview_cards.overview_card()
        case _:
            return None
