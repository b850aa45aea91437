"""The desk: what every chat has in common. A command, a press or a filled form comes in; a card or a form goes out.

An edge knows its platform and calls the desk; the desk calls a handler and has `cards` draw its outcome.
"""

import logging
import re
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field, replace
from functools import wraps
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar, assert_never

from rapidfuzz import process
from rapidfuzz.distance import DamerauLevenshtein

from bot.agreements_desk import AgreementsDesk
from bot.calendar_desk import CalendarDesk
from bot.case_desk import CaseDesk
from bot.chronology_desk import ChronologyDesk
from bot.consents_desk import ConsentsDesk
from bot.exports import Lately
from bot.figures_desk import FiguresDesk
from bot.log_form_desk import LogFormDesk
from bot.metrics import Metrics
from bot.openers import opener
from bot.policy_desk import PolicyDesk
from bot.queue_desk import QueueDesk, queue_of_words
from bot.records_desk import RecordsDesk
from bot.registers_desk import RegistersDesk
from bot.replies import Reply, ShowForm, Tell, WrongForm
from bot.submissions_desk import SubmissionsDesk
from bot.surveys_desk import SurveysDesk
from bot.tracing import step
from bot.turns import Turns
from cards import answer, failures, messages, pages, policy_pages, readers, report_form, requests
from cards import case as case_cards
from cards.messages import CLOSE, DETAILS, HAND_ON, receipt_parts
from cards.model import Button, Buttons, Card, Form, FormValues, PersonChoice, Tone
from cards.texts import moment, quoted_command, say
from domain.access import admitted, in_doubt
from domain.audit import ReadersOfCase, ReadersOfChild
from domain.incident import CaseFile, TaskFile
from domain.people import Account, Kind, Platform, School
from domain.report_form import DetailQuestions, DraftGone, Field, KindQuestions, Unfinished
from handlers import acknowledge, close, details, hand_on, lists, opening, readers_log, report
from handlers.acknowledge import Acknowledged, AcknowledgeOutcome, AlreadyClosed, AlreadyTaken, NotForYou
from handlers.ports import Ports
from storage.trouble import may_be_kept

log = logging.getLogger("esafety.desk")

_FARTHEST_TYPO = 2
_FEWEST_WORDS = 3
_LONGEST_STATE = 1000
_IN_A_DIALOG = frozenset({"report", "request", "sign", "case", "chronology", "register", "calendar", "digest"})
CHAT_COMMANDS = frozenset(pages.COMMANDS) - _IN_A_DIALOG - {"consent", "survey", "registers", "help"}
"""What is answered in a chat as after `/esafety`. A form needs a press first, and help is what everything else gets."""
_ASKING = re.compile(
    r"\s*(can|could|may|might|must|shall|should|will|would|do|does|did|is|are|am|was|were|has|have|how|what|when|where|which|who|"
    r"whom|whose|why|if)\b",
    re.IGNORECASE,
)
_CASE = re.compile(r"case\s+([a-z0-9]{1,12}-[0-9]{4}-[0-9]{1,7})", re.IGNORECASE | re.ASCII)
LIVE_FORMS = frozenset({report_form.DETAIL})
_WORDS_FOR_ALL = frozenset({"report", "ask", "topics", "who", "help"})
_BUTTONS_FOR_ALL = frozenset(
    {
        *(pages.REPORT, answer.REPORT_AS, report_form.RESUME, report_form.DISCARD),
        *(answer.AGAIN, answer.SHARE, answer.MISREAD, answer.ASK_PERMISSION, answer.ASK_PERSON),
        *(pages.SHOW_TOPICS, pages.SHOW_WHO, policy_pages.TOPIC, policy_pages.ASK_KNOWN),
    }
)
_FORMS_FOR_ALL = frozenset({report_form.KIND, report_form.DETAIL, requests.PERMISSION_FORM, requests.QUESTION_FORM})

_P = ParamSpec("_P")
_T = TypeVar("_T")
_Work = Callable[Concatenate["Desk", Account, _P], Coroutine[Any, Any, _T]]


def _as_a_step(refused: Callable[["Desk"], _T]) -> Callable[[_Work[_P, _T]], _Work[_P, _T]]:
    """What is logged meanwhile names the school and the chat, and it is a span where traces are on.

    An account that the school does not let in gets `refused` instead, whatever it asks for. Where nobody can tell whose an
    account is, it is told that, instead of that something is not for them: it may well be.
    """

    def wrapped(work: _Work[_P, _T]) -> _Work[_P, _T]:
        @wraps(work)
        async def run(desk: "Desk", account: Account, /, *args: _P.args, **kwargs: _P.kwargs) -> _T:
            with step(f"desk.{work.__name__}", command=work.__name__, school=desk.school.id, platform=account.platform.value):
                if not admitted(desk.school, account):
                    log.warning("refused a %s account", account.standing.value)
                    return refused(desk)
                found = await work(desk, account, *args, **kwargs)
                if isinstance(found, Tell) and found.refused and in_doubt(account):
                    return replace(found, card=failures.in_doubt_card(desk.school))
                return found

        return run

    return wrapped


def _refused_page(desk: "Desk") -> Card:
    return failures.not_admitted_card(desk.school)


def _refused(desk: "Desk") -> Reply:
    return Tell(_refused_page(desk))


def _nothing(_: "Desk") -> None:
    return None


def _nobody(_: "Desk") -> list[tuple[PersonChoice, str]]:
    return []


def _no_cards(_: "Desk") -> list[Card]:
    return []


@dataclass(frozen=True, slots=True, eq=False)
class Desk:
    """Serves one school. `exports`: the folder for what is taken out of the records. `lately`: what was made of it just now.

    `turns`: the line in which questions wait, one for all the schools of a process.
    """

    ports: Ports
    school: School
    metrics: Metrics = field(default_factory=Metrics)
    exports: Path = Path("data/exports")
    lately: Lately = field(default_factory=Lately)
    turns: Turns = field(default_factory=Turns)

    @property
    def queues(self) -> QueueDesk:
        """The part of the desk where somebody looks through their queue."""
        return QueueDesk(self.ports, self.school)

    @property
    def policy(self) -> PolicyDesk:
        """The part of the desk that answers questions about the policy."""
        return PolicyDesk(self.ports, self.school, self.metrics, self.turns)

    @property
    def records(self) -> RecordsDesk:
        """The part of the desk that has to do with how long records are kept."""
        return RecordsDesk(self.ports, self.school, self.exports, self.lately)

    @property
    def cases(self) -> CaseDesk:
        """The part of the desk where a case is worked."""
        return CaseDesk(self.ports, self.school)

    @property
    def chronologies(self) -> ChronologyDesk:
        """The part of the desk that shows a child's chronology."""
        return ChronologyDesk(self.ports, self.school)

    @property
    def log_forms(self) -> LogFormDesk:
        """The part of the desk that shows a case as the policy's log form."""
        return LogFormDesk(self.ports, self.school, self.exports, self.lately)

    @property
    def registers(self) -> RegistersDesk:
        """The part of the desk for the registers."""
        return RegistersDesk(self.ports, self.school, self.exports, self.lately)

    @property
    def agreements(self) -> AgreementsDesk:
        """The part of the desk for what staff sign."""
        return AgreementsDesk(self.ports, self.school, self.exports, self.lately)

    @property
    def submissions(self) -> SubmissionsDesk:
        """The part of the desk for what staff ask for and declare."""
        return SubmissionsDesk(self.ports, self.school, self.exports, self.lately)

    @property
    def calendar(self) -> CalendarDesk:
        """The part of the desk for what the school works towards in the year."""
        return CalendarDesk(self.ports, self.school)

    @property
    def consents(self) -> ConsentsDesk:
        """The part of the desk where somebody asks before they publish."""
        return ConsentsDesk(self.ports, self.school)

    @property
    def surveys(self) -> SurveysDesk:
        """The part of the desk for surveys of pupils and parents."""
        return SurveysDesk(self.ports, self.school)

    @property
    def figures(self) -> FiguresDesk:
        """The part of the desk that shows figures."""
        return FiguresDesk(self.ports, self.school)

    def help(self, platform: Platform, typed: str = "") -> Card:
        """The ways on; for a word that is no command, with the nearest one."""
        word = typed.strip().casefold()
        if not word or word == "help":
            return pages.help_card(self.school, platform)
        found = process.extractOne(word, pages.COMMANDS, scorer=DamerauLevenshtein.distance, score_cutoff=_FARTHEST_TYPO)
        note = pages.unknown_command(platform, typed.strip(), found[0] if found else "")
        return pages.help_card(self.school, platform, note)

    @_as_a_step(_refused)
    async def command(self, account: Account, text: str, *, shared: bool = False) -> Reply:
        """What stands after `/esafety`, done. `shared`: where it was typed, others read, and an answer can be shown to them."""
        if reference := case_reference(text):
            return await self.case(account, reference)
        word, rest = (*_storable(text).split(maxsplit=1), "", "")[:2]
        match word.casefold():
            case "report":
                return await self.begin_report(account)
            case "mine":
                return Tell(await self.mine(account))
            case "queue":
                wanted = queue_of_words(text)
                return Tell(await (self.queue(account) if wanted is None else self.queues.tell(account, wanted)))
            case "ask":
                return await self.policy.ask(account, rest, shared=shared)
            case "topics":
                return await self.policy.topics(rest)
            case "who":
                return await self.policy.who()
            case "gaps":
                return await self.policy.gaps(account)
            case "records":
                return await self.records.command(account, rest)
            case "figures":
                return await self.figures.show(account, rest.strip().casefold())
            case "register":
                return await self.registers.command(account)
            case "sign":
                return await self.agreements.command(account)
            case "registers":
                return await self.registers.overview(account)
            case "request" | "requests":
                return await self.submissions.command(account)
            case "calendar":
                return await self.calendar.show(account)
            case "digest":
                return await self.calendar.draft(account, rest.strip().casefold())
            case "consent":
                return await self.consents.command(account)
            case "survey":
                return await self.surveys.command(account)
            case "chronology":
                return await self.chronologies.begin(account)
            case _ if is_question(text):
                return await self.policy.ask(account, _storable(text), shared=shared)
            case _:
                return Tell(self.help(account.platform, text))

    @_as_a_step(_refused_page)
    async def chat(self, account: Account, text: str, *, shared: bool = False) -> Card:
        """Words said to the bot in a chat, where no form can be opened without a press."""
        if wants_to_report(text):
            return pages.ask_report_card()
        if reference := case_reference(text):
            return pages.case_link_card(reference)
        if (opens := opener(text)) is not None:
            return opens
        if not is_question(text) and text.strip().casefold() not in CHAT_COMMANDS and queue_of_words(text) is None:
            return self.help(account.platform, text if len(text.split()) == 1 else "")
        match await self.command(account, text, shared=shared):
            case Tell(card=card):
                return card
            case _:
                return self.help(account.platform)

    @_as_a_step(_refused)
    async def begin_report(
        self, account: Account, *, link: str = "", fresh: bool = False, concern: str = "", about: str = ""
    ) -> Reply:
        """The first screen of a report, or the offer to take up one that was not sent."""
        known = {"link": _storable(link), "concern": concern, "about": about}
        match await report.begin(self.ports, self.school, account, fresh=fresh, **known):
            case KindQuestions() as questions:
                return ShowForm(report_form.kind_form(questions))
            case Unfinished() as unfinished:
                return ShowForm(report_form.unfinished_form(self.school, unfinished))
            case never:
                assert_never(never)

    @_as_a_step(_refused_page)
    async def mine(self, account: Account) -> Card:
        """One's own reports."""
        to_do = await lists.to_do(self.ports, self.school, account)
        return pages.mine_card(self.school, await lists.mine(self.ports, self.school, account), to_do)

    @_as_a_step(_refused_page)
    async def queue(self, account: Account) -> Card:
        """What is one's to answer."""
        if in_doubt(account):
            return failures.in_doubt_card(self.school)
        return pages.queue_card(self.school, await lists.queue(self.ports, self.school, account))

    @_as_a_step(_refused)
    async def case(self, account: Account, reference: str) -> Reply:
        """A case by its reference."""
        return self._case(await opening.look_up(self.ports, self.school, account, reference))

    @_as_a_step(_refused_page)
    async def home(self, account: Account) -> Card:
        """The home page."""
        queue = await lists.queue(self.ports, self.school, account)
        own = await lists.mine(self.ports, self.school, account)
        home = pages.home_card(self.school, queue, own[:10])
        return failures.in_doubt_home(self.school, home) if in_doubt(account) else home

    @_as_a_step(_refused)
    async def press(self, account: Account, action: str, value: str, *, shared: bool = False) -> Reply:
        """A button. What it may do is decided now, from the records, whoever the button was shown to."""
        value = _storable(value)
        if (of_policy := await self.policy.press(account, action, value, shared=shared)) is not None:
            return of_policy
        if (of_records := await self.records.press(account, action, value)) is not None:
            return of_records
        if (of_figures := await self.figures.press(account, action, value)) is not None:
            return of_figures
        if (of_calendar := await self.calendar.press(account, action, value)) is not None:
            return of_calendar
        if (of_case := await self.cases.press(account, action, value)) is not None:
            return of_case
        if (log_form := await self.log_forms.press(account, action, value)) is not None:
            return log_form
        if (of_child := await self.chronologies.press(account, action, value)) is not None:
            return of_child
        if (of_register := await self.registers.press(account, action, value)) is not None:
            return of_register
        if (of_request := await self.submissions.press(account, action, value)) is not None:
            return of_request
        if (of_signing := await self.agreements.press(account, action, value)) is not None:
            return of_signing
        if (of_consent := await self.consents.press(account, action, value)) is not None:
            return of_consent
        if (of_survey := await self.surveys.press(account, action, value)) is not None:
            return of_survey
        if (of_queue := await self.queues.press(account, action, value)) is not None:
            return of_queue
        match action:
            case answer.REPORT_AS:
                concern, _, about = value.partition("|")
                return await self.begin_report(account, concern=concern, about=about)
            case pages.REPORT:
                return await self.begin_report(account)
            case pages.SHOW_MINE:
                return Tell(await self.mine(account))
            case pages.SHOW_QUEUE:
                return Tell(await self.queue(account))
            case report_form.RESUME:
                return self._report_screen(account, await report.resume(self.ports, self.school, account, value))
            case report_form.DISCARD:
                await report.discard(self.ports, self.school, account, value)
                return await self.begin_report(account, fresh=True)
            case messages.ACKNOWLEDGE:
                return self._acknowledged(await acknowledge.acknowledge(self.ports, self.school, account, value))
            case messages.DETAILS:
                return self._case(await details.read(self.ports, self.school, account, value))
            case readers.READERS_OF_CASE:
                return self._readers(await readers_log.of_case(self.ports, self.school, account, value), value)
            case readers.READERS_OF_CHILD:
                incident_id, _, person_id = value.partition("|")
                found = await readers_log.of_child(self.ports, self.school, account, incident_id, person_id)
                return self._readers(found, incident_id)
            case pages.OPEN_CASE:
                return await self.case(account, value)
            case messages.HAND_ON:
                return self._hand_on(await hand_on.ask(self.ports, self.school, account, value))
            case messages.CLOSE:
                return self._close(await close.ask(self.ports, self.school, account, value))
            case case_cards.SAME_PERSON | case_cards.OTHER_PERSON:
                incident_id, _, person_id = value.partition("|")
                same = action == case_cards.SAME_PERSON
                return self._case(await details.settle(self.ports, self.school, account, incident_id, person_id, same=same))
            case _:
                return _notice("gone_title", say("note.gone", help=quoted_command(account.platform, "help")), Tone.WARNING)

    @_as_a_step(_refused)
    async def submit(self, account: Account, form_id: str, state: str, values: FormValues) -> Reply:
        """A form that was sent. `state` is what the form carried: an id, checked like everything else that comes in."""
        with self.turns.goes_first():
            return await self._submitted(account, form_id, state, values)

    async def _submitted(self, account: Account, form_id: str, state: str, values: FormValues) -> Reply:
        state, values = _storable(state)[:_LONGEST_STATE], _all_storable(values)
        if (of_policy := await self.policy.submit(account, form_id, state, values)) is not None:
            return of_policy
        if (of_records := await self.records.submit(account, form_id, state, values)) is not None:
            return of_records
        if (of_case := await self.cases.submit(account, form_id, state, values)) is not None:
            return of_case
        if (log_form := await self.log_forms.submit(account, form_id, state)) is not None:
            return log_form
        if (of_child := await self.chronologies.submit(account, form_id, values)) is not None:
            return of_child
        if (of_register := await self.registers.submit(account, form_id, state, values)) is not None:
            return of_register
        if (of_request := await self.submissions.submit(account, form_id, state, values)) is not None:
            return of_request
        if (of_signing := await self.agreements.submit(account, form_id, state, values)) is not None:
            return of_signing
        if (of_consent := await self.consents.submit(account, form_id, state, values)) is not None:
            return of_consent
        if (of_survey := await self.surveys.submit(account, form_id, state, values)) is not None:
            return of_survey
        if (of_queue := await self.queues.submit(account, form_id, values)) is not None:
            return of_queue
        match form_id:
            case report_form.KIND:
                return self._report_screen(account, await report.choose_kind(self.ports, self.school, account, state, values))
            case report_form.DETAIL:
                return await self._submit_details(account, state, values)
            case case_cards.HAND_ON_FORM:
                to, reason = _text(values, hand_on.TO), _text(values, hand_on.REASON)
                return self._hand_on(await hand_on.hand_on(self.ports, self.school, account, state, to, reason))
            case case_cards.OPEN_FORM:
                reason = _text(values, opening.REASON)
                return self._case(await opening.open_case(self.ports, self.school, account, state, reason))
            case case_cards.CLOSE_FORM:
                outcome, result = _text(values, close.OUTCOME), _text(values, close.RESULT)
                return self._close(await close.close(self.ports, self.school, account, state, outcome, result))
            case _:
                return ShowForm(report_form.gone_form(account.platform))

    @_as_a_step(_nothing)
    async def typing(self, account: Account, form_id: str, state: str, values: FormValues) -> None:
        """What has been typed of a form that is not sent yet."""
        if form_id in LIVE_FORMS:
            await report.keep_typing(self.ports, self.school, account, _storable(state), _all_storable(values))

    @_as_a_step(_nobody)
    async def suggest(self, account: Account, typed: str) -> list[tuple[PersonChoice, str]]:
        """People for a people field, each with a hint that tells namesakes apart; what was typed itself comes last.

        Somebody who is not on the staff list, or of whom nobody is sure, may report, but is not shown the school's lists.
        """
        name = " ".join(_storable(typed).split())
        people = await report.suggest(self.ports, self.school, account, name) if name else []
        found = [(PersonChoice(f"person:{p.id}", p.name), self._hint(p.kind, p.house, p.form)) for p in people]
        if name:
            short = name[:70]
            found.append((PersonChoice(f"text:{short}", f"\u201c{short}\u201d, not on the list"), ""))
        return found

    @_as_a_step(_no_cards)
    async def preview(self, account: Account, typed: str) -> list[Card]:  # noqa: ARG002 - who is let in is looked at before
        """The likeliest rules for what is being typed, as they would be shown to others."""
        return await self.policy.preview(_storable(typed))

    def failed(self, broken: Exception | None = None) -> Card:
        """Something of ours broke: what was asked for was not done, and whom to phone."""
        return failures.failed_card(self.school, unsure=may_be_kept(broken))

    def form_failed(self, broken: Exception | None = None, *, late: bool = False) -> str:
        """The same for a form, to be shown in it. `late`: it is not done yet, and the chat waits no longer."""
        return failures.form_failed(self.school, unsure=late or may_be_kept(broken))

    def _report_screen(self, account: Account, outcome: report.KindOutcome) -> Reply:
        match outcome:
            case KindQuestions():
                form = report_form.kind_form(outcome)
                return WrongForm(form, grown=False) if outcome.faults else ShowForm(form)
            case DetailQuestions():
                return ShowForm(report_form.detail_form(self.school, outcome))
            case DraftGone():
                return ShowForm(report_form.gone_form(account.platform))
            case _:
                assert_never(outcome)

    async def _submit_details(self, account: Account, draft_id: str, values: FormValues) -> Reply:
        match await report.submit(self.ports, self.school, account, draft_id, values):
            case report.Reported() as reported:
                if not reported.before:
                    self.metrics.report_received(self.school.id, reported.incident.urgency, account.platform)
                return ShowForm(Form("sent", say("sent.title"), receipt_parts(self.school, reported.receipt)))
            case DraftGone():
                typed = _text(values, Field.WHAT)
                return WrongForm(report_form.gone_with_text_form(account.platform, draft_id, typed), grown=False)
            case DetailQuestions() as again:
                grown = any(p.group.value in again.faults for p in again.places)
                return WrongForm(report_form.detail_form(self.school, again), grown=grown)
            case never:
                assert_never(never)

    def _acknowledged(self, outcome: AcknowledgeOutcome) -> Reply:
        match outcome:
            case Acknowledged(alert=alert):
                if alert.acknowledged_at is not None:
                    taken = (alert.acknowledged_at - alert.opened_at).total_seconds()
                    self.metrics.acknowledged(taken, outcome.incident.urgency)
                text = say("note.acknowledged", reference=outcome.incident.reference)
                close_button = Button(CLOSE, say("reminder.close"), outcome.alert.id, opens_form=True)
                hand_on_button = Button(HAND_ON, say("alert.hand_on"), outcome.alert.id, opens_form=True)
                details_button = Button(DETAILS, say("alert.details"), outcome.incident.id, opens_form=True)
                card = pages.notice(say("note.acknowledged_title"), text, Tone.SUCCESS)
                buttons = Buttons((details_button, hand_on_button, close_button))
                return Tell(Card(card.title, card.summary, (*card.parts, buttons)))
            case AlreadyTaken(mine=True):
                return _notice(
                    "mine_title", say("note.mine", reference=outcome.reference, when=moment(self.school, outcome.at))
                )
            case AlreadyTaken():
                when = moment(self.school, outcome.at)
                return _notice("taken_title", say("note.taken", owner=outcome.owner, reference=outcome.reference, when=when))
            case AlreadyClosed():
                return self._closed_already(outcome)
            case NotForYou():
                return _not_for_you()
            case _:
                assert_never(outcome)

    def _case(self, outcome: opening.CaseOutcome | details.PassedOn) -> Reply:
        match outcome:
            case details.PassedOn(reference=reference, roles=roles):
                titles = ", ".join(self.school.policy.role_title(r) for r in roles)
                text = say("settled.passed_on", reference=reference, roles=titles)
                return Tell(pages.notice(say("settled.passed_on_title"), text, Tone.SUCCESS))
            case CaseFile():
                return ShowForm(case_cards.case_form(self.school, outcome))
            case TaskFile():
                return ShowForm(case_cards.task_form(self.school, outcome))
            case opening.OpenQuestions(reference=reference, reason=reason, faults=faults):
                form = case_cards.open_form(self.school, reference, outcome.incident_id, outcome.told, reason, faults)
                return WrongForm(form, grown=False) if faults else ShowForm(form)
            case NotForYou():
                return _not_for_you()
            case _:
                assert_never(outcome)

    def _readers(self, outcome: ReadersOfCase | ReadersOfChild | NotForYou, incident_id: str) -> Reply:
        match outcome:
            case ReadersOfCase():
                return ShowForm(readers.case_readers_form(self.school, outcome, incident_id))
            case ReadersOfChild():
                return ShowForm(readers.child_readers_form(self.school, outcome, incident_id))
            case NotForYou():
                return _not_for_you()
            case _:
                assert_never(outcome)

    def _hand_on(self, outcome: hand_on.HandOnOutcome) -> Reply:
        match outcome:
            case hand_on.HandOnQuestions():
                title = self.school.policy.role_title
                label = case_cards.recipient_label
                choices = [(r.key, label(r.person.name, title(r.role), r.group)) for r in outcome.recipients]
                form = case_cards.hand_on_form(
                    outcome.incident.reference, outcome.state, choices, outcome.chosen, outcome.reason, outcome.faults or {}
                )
                return WrongForm(form, grown=False) if outcome.faults else ShowForm(form)
            case hand_on.HandedOn():
                role = self.school.policy.role_title(outcome.to.role)
                text = say("hand_on.done", reference=outcome.reference, person=outcome.to.person.name, role=role)
                return ShowForm(pages.as_form(pages.notice(say("hand_on.done_title"), text, Tone.SUCCESS)))
            case AlreadyClosed():
                return self._closed_already(outcome)
            case NotForYou():
                return _not_for_you()
            case _:
                assert_never(outcome)

    def _close(self, outcome: close.CloseOutcome) -> Reply:
        match outcome:
            case close.CloseQuestions():
                form = case_cards.close_form(
                    outcome.incident.reference,
                    outcome.alert.id,
                    outcome.outcome,
                    outcome.faults or {},
                    outcome.open_actions,
                    outcome.unsettled,
                    outcome.result if outcome.has_result else None,
                )
                return WrongForm(form, grown=False) if outcome.faults else ShowForm(form)
            case close.NotYetTaken():
                owner = say("note.not_owner_who", owner=outcome.owner) if outcome.owner else say("note.not_owner_nobody")
                return _notice("not_owner_title", say("note.not_owner", reference=outcome.reference, owner=owner))
            case close.Closed():
                text = say("close.done" if outcome.whole else "close.part", reference=outcome.reference)
                return ShowForm(pages.as_form(pages.notice(say("close.done_title"), text, Tone.SUCCESS)))
            case AlreadyClosed():
                return self._closed_already(outcome)
            case NotForYou():
                return _not_for_you()
            case _:
                assert_never(outcome)

    def _closed_already(self, outcome: AlreadyClosed) -> Reply:
        return _notice("closed_title", say("note.closed", reference=outcome.reference))

    def _hint(self, kind: Kind, house: str, form: str) -> str:
        return ", ".join(x for x in (form, house) if x) if kind is Kind.PUPIL else "staff"


def is_question(text: str) -> bool:
    """Whether words are meant for the policy, and not a command or a slip for one."""
    words = re.findall(r"[\w']+", text)
    return len(words) >= _FEWEST_WORDS or (len(words) > 1 and "?" in text)


def case_reference(text: str) -> str:
    """Which case is wanted by «case» and a reference; empty for anything else."""
    found = _CASE.fullmatch(text.strip())
    return found.group(1).upper() if found else ""


def words_show_records(text: str) -> bool:
    """Whether a command may show something of the records, so that it has to be sure who gives it.

    To report and to ask the policy never wait for that.
    """
    word = (_storable(text).split() or [""])[0].casefold().strip(".,!?:;")
    return bool(case_reference(text)) or (word in pages.COMMANDS and word not in _WORDS_FOR_ALL)


def button_shows_records(action: str) -> bool:
    """The same of a button: every one does that is not known to be for all."""
    return action not in _BUTTONS_FOR_ALL


def form_shows_records(form_id: str) -> bool:
    """The same of a form."""
    return form_id not in _FORMS_FOR_ALL


def wants_to_report(text: str) -> bool:
    """Whether words say that somebody wants to report something, rather than ask whether or how one reports."""
    words = re.findall(r"\w+", text.casefold())
    return bool({"report", "concern"} & set(words)) and "?" not in text and not _ASKING.match(text)


def _notice(title: str, text: str, tone: Tone = Tone.INFO) -> Tell:
    return Tell(pages.notice(say(f"note.{title}"), text, tone))


def _not_for_you() -> Tell:
    return Tell(pages.notice(say("note.not_you_title"), say("note.not_you"), Tone.WARNING), refused=True)


def _storable(text: str) -> str:
    """The text without what a database cannot keep: NUL, and halves of characters, as broken pastes leave them."""
    return text.replace("\x00", "").encode(errors="ignore").decode()


def _all_storable(values: FormValues) -> FormValues:
    return {
        _storable(name): _storable(value) if isinstance(value, str) else tuple(map(_storable, value))
        for name, value in values.items()
    }


def _text(values: FormValues, field: str) -> str:
    value = values.get(field, "")
    return value if isinstance(value, str) else ""
