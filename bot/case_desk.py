"""The part of the desk where a case is worked: its timeline, what the policy says to do, and what is decided."""

from dataclasses import dataclass
from typing import TypeAlias, assert_never

from bot.changes_desk import ChangesDesk
from bot.replies import Reply, ShowForm, Tell, WrongForm
from cards import measures, pages
from cards import timeline as cards
from cards.model import FormValues, Tone
from cards.texts import say
from domain.casework import DecisionQuestions, DecisionSteps, EntryQuestions, KindOfEntry, StepsPage
from domain.entries import KIND, Timeline
from domain.measures import BlockTask
from domain.people import Account, School
from handlers import casework
from handlers.acknowledge import NotForYou
from handlers.ports import Ports

_Outcome: TypeAlias = (
    Timeline | KindOfEntry | EntryQuestions | StepsPage | DecisionQuestions | DecisionSteps | BlockTask | NotForYou
)


@dataclass(frozen=True, slots=True, eq=False)
class CaseDesk:
    """Answers for one school."""

    ports: Ports
    school: School

    async def press(self, account: Account, action: str, value: str) -> Reply | None:
        """A button of one of these pages; None for any other."""
        at = self.ports, self.school, account
        match action:
            case cards.SHOW_TIMELINE:
                incident_id, _, page = value.partition("|")
                number = int(page) if page.isascii() and page.isdecimal() and len(page) < 6 else None
                return self._shown(await casework.timeline(*at, incident_id, number))
            case cards.ADD_ENTRY:
                return self._shown(await casework.begin(*at, value))
            case cards.CORRECT_ENTRY:
                return self._shown(await casework.ask_correction(*at, value))
            case measures.ADD_MORE:
                return self._shown(await casework.ask_more(*at, value))
            case measures.ADD_CONTACT:
                return self._shown(await casework.ask_contact(*at, value))
            case measures.MAKE_ACTION:
                return self._shown(await casework.make_action(*at, value))
            case measures.SHOW_BLOCK:
                return self._shown(await casework.block_task(*at, value))
            case measures.BLOCK_IN_PLACE | measures.BLOCK_LIFTED:
                return self._shown(await casework.carried_out(*at, value, lifted=action == measures.BLOCK_LIFTED))
            case cards.ACTION_DONE:
                return self._shown(await casework.done(*at, value))
            case cards.SHOW_STEPS:
                return self._shown(await casework.steps(*at, value))
            case cards.DECIDE_STEPS:
                return self._shown(await casework.ask_decision(*at, value))
        return await ChangesDesk(self.ports, self.school).press(account, action, value)

    async def submit(self, account: Account, form_id: str, state: str, values: FormValues) -> Reply | None:
        """A form of one of these pages; None for any other."""
        at = self.ports, self.school, account
        texts = {field: value for field, value in values.items() if isinstance(value, str)}
        match form_id:
            case cards.ENTRY_KIND_FORM:
                return self._shown(await casework.ask(*at, state, texts.get(KIND, "")))
            case cards.ENTRY_FORM:
                return self._shown(await casework.add(*at, state, values))
            case cards.DECISION_FORM:
                return self._shown(await casework.choose(*at, state, texts))
            case cards.DECISION_STEPS_FORM:
                return self._shown(await casework.decided(*at, state, texts))
        return await ChangesDesk(self.ports, self.school).submit(account, form_id, state, values)

    def _shown(self, outcome: _Outcome) -> Reply:
        match outcome:
            case Timeline():
                return ShowForm(cards.timeline_form(self.school, outcome))
            case BlockTask():
                return ShowForm(measures.block_form(self.school, outcome))
            case StepsPage():
                return ShowForm(cards.steps_form(self.school, outcome))
            case KindOfEntry(faults=faults):
                form = cards.entry_kind_form(outcome)
            case EntryQuestions(faults=faults):
                form = cards.entry_form(self.school, outcome)
            case DecisionQuestions(faults=faults):
                form = cards.decision_form(self.school, outcome)
            case DecisionSteps(faults=faults):
                form = cards.decision_steps_form(self.school, outcome)
            case NotForYou():
                return Tell(pages.notice(say("note.not_you_title"), say("note.not_you"), Tone.WARNING), refused=True)
            case _:
                assert_never(outcome)
        return WrongForm(form, grown=False) if faults else ShowForm(form)
