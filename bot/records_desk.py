"""The part of the desk that has to do with records as such: how long they are kept, and what is held about one person."""

import logging
from dataclasses import dataclass, field
from pathlib import Path
from typing import assert_never

from bot.exports import Lately, put_away, sweep_folder
from bot.replies import Reply, ShowForm, Tell, WrongForm
from cards import breaches as breach_cards
from cards import export, pages, subject_page
from cards import handovers as handover_cards
from cards import keeping as cards
from cards.log_form import dropped_card
from cards.model import Card, FormValues, Tone
from cards.texts import say
from domain.breaches import BreachFile, BreachQuestions, BreachWithOthers
from domain.exports import Page, PageKind
from domain.handovers import (
    RECEIPT,
    SCHOOL,
    HandoverQuestions,
    HandoverReady,
    NothingToHandOver,
    ReceiptQuestions,
    Received,
)
from domain.people import Account, School
from domain.retention import CHOICE, REASON, WHY, KeepingFile
from domain.subject_access import PERSON, Held, SubjectQuestions
from handlers import breaches, exports, handovers, keeping, subject_access
from handlers.acknowledge import NotForYou
from handlers.ports import Ports
from storage.sealed_pages import new_passphrase

log = logging.getLogger("esafety")


@dataclass(frozen=True, slots=True, eq=False)
class RecordsDesk:
    """Answers for one school. `exports`: the folder for what is taken out of the records. `lately`: what was made just now."""

    ports: Ports
    school: School
    exports: Path
    lately: Lately = field(default_factory=Lately)

    async def command(self, account: Account, rest: str) -> Reply:
        """The list of records, or what stands after that word: the form for a person, or for a breach."""
        match rest.strip().casefold():
            case "subject":
                return await self.about_whom(account)
            case "handover":
                return await self._to_next_school(account)
            case "breach":
                return self._breach(await breaches.ask(self.ports, self.school, account))
            case _:
                return await self.to_decide(account)

    async def to_decide(self, account: Account) -> Tell:
        """What has reached its end and what is held, for those who answer for the records."""
        match await keeping.to_decide(self.ports, self.school, account):
            case keeping.KeepingList() as found:
                card = cards.keeping_list_card(
                    self.school,
                    found.lines,
                    more=found.more,
                    now=self.ports.clock.now(),
                    breaches=found.breaches,
                    handovers=found.handovers,
                    exported=found.pages,
                )
                return Tell(card)
            case NotForYou():
                return _not_for_you()
            case never:
                assert_never(never)

    async def press(self, account: Account, action: str, value: str) -> Reply | None:
        """A button of one of these cards; None for any other."""
        match action:
            case cards.KEEPING:
                return self._shown(await keeping.look(self.ports, self.school, account, value))
            case breach_cards.BREACH:
                return self._breach(await breaches.ask(self.ports, self.school, account))
            case breach_cards.READ_BREACH:
                return self._breach(await breaches.read(self.ports, self.school, account, value))
            case handover_cards.HANDOVER:
                return await self._to_next_school(account)
            case handover_cards.GIVE_RECEIPT:
                return await self._received(account, value, None)
            case export.SUBJECT:
                return await self.about_whom(account)
            case export.KEEP_PAGE:
                return await self._listed_after(account, await exports.keep(self.ports, self.school, account, value))
            case export.DROP_PAGE:
                return await self._listed_after(account, await exports.drop(self.ports, self.school, account, value))
            case pages.SHOW_RECORDS:
                return await self.to_decide(account)
        return None

    async def submit(self, account: Account, form_id: str, state: str, values: FormValues) -> Reply | None:
        """A form of one of these cards; None for any other."""
        if form_id in (handover_cards.HANDOVER_FORM, export.SUBJECT_FORM):
            return await self._made_once(account, form_id, state, values)
        texts = {field: value for field, value in values.items() if isinstance(value, str)}
        match form_id:
            case handover_cards.RECEIPT_FORM:
                return await self._received(account, state, texts.get(RECEIPT, ""))
            case breach_cards.BREACH_FORM:
                return self._breach(await breaches.start(self.ports, self.school, account, state, values))
            case breach_cards.BREACH_FILE:
                return self._breach(await breaches.change(self.ports, self.school, account, state, values))
            case cards.KEEPING_FORM:
                choice, why, reason = (texts.get(field, "") for field in (CHOICE, WHY, REASON))
                outcome = await keeping.decide(self.ports, self.school, account, state, choice, why, reason)
                await self._swept()
                return self._shown(outcome)
        return None

    async def _listed_after(self, account: Account, outcome: Page | NotForYou) -> Reply:
        if isinstance(outcome, NotForYou):
            return _not_for_you()
        await self._swept()
        listed = await self.to_decide(account)
        # Whoever only works a case has no list of pages, and may have made one of its log form.
        return Tell(dropped_card()) if listed.refused else listed

    async def _swept(self) -> None:
        """Takes the files of what has just ended out of the folder. What was decided stands; every hour it is tried again."""
        try:
            await sweep_folder(self.ports, self.school, self.exports)
        except Exception:
            log.exception("a page whose time is over could not be deleted; it is tried again")

    def _breach(self, outcome: BreachQuestions | BreachFile | BreachWithOthers | NotForYou) -> Reply:
        match outcome:
            case BreachWithOthers():
                return ShowForm(pages.as_form(breach_cards.with_others_card(outcome)))
            case BreachQuestions(faults=faults):
                form = breach_cards.breach_form(self.school, outcome)
                return WrongForm(form, grown=False) if faults else ShowForm(form)
            case BreachFile(faults=faults):
                form = breach_cards.breach_file_form(self.school, outcome)
                return WrongForm(form, grown=False) if faults else ShowForm(form)
            case NotForYou():
                return _not_for_you()
            case _:
                assert_never(outcome)

    async def about_whom(self, account: Account) -> Reply:
        """The form for what is held about one person."""
        match await subject_access.ask(self.ports, self.school, account):
            case SubjectQuestions() as questions:
                return ShowForm(export.subject_form(questions, self.ports.new_id()))
            case NotForYou():
                return _not_for_you()
            case never:
                assert_never(never)

    async def _made_once(self, account: Account, form_id: str, shown_id: str, values: FormValues) -> Reply:
        """Has the page of a form made; of a form that is sent again with the same in it, the page that there is."""
        said = [str(values.get(name, "")) for name in (PERSON, SCHOOL)]
        # Of a version before, a form has no id of its own: each time that it is sent it has another page made.
        page_id = exports.id_of(account, form_id, shown_id, *said) if shown_id else self.ports.new_id()
        async with self.lately.one_at_a_time(page_id):
            match await exports.before(self.ports, self.school, account, page_id):
                case NotForYou():
                    return _not_for_you()
                case Page() as page:
                    return self._made_before(page, self.lately.passphrase(page))
            make = self._handed_over if form_id == handover_cards.HANDOVER_FORM else self._taken_out
            return await make(account, values, shown_id, page_id)

    def _made_before(self, page: Page, passphrase: str) -> Reply:
        return ShowForm(pages.as_form(export.made_before_card(self.school, page, passphrase)))

    async def _taken_out(self, account: Account, values: FormValues, shown_id: str, page_id: str) -> Reply:
        chosen = values.get(PERSON, ())
        people = chosen if isinstance(chosen, tuple) else (chosen,)
        match await subject_access.gather(self.ports, self.school, account, people):
            case Held() as held:
                body = subject_page.page(self.school, held)
                made, passphrase = await self._sealed(account, PageKind.SUBJECT, held, body, page_id)
                if not passphrase:
                    return self._made_before(made, "")
                return ShowForm(pages.as_form(export.made_card(self.school, made, passphrase)))
            case SubjectQuestions() as questions:
                return WrongForm(export.subject_form(questions, shown_id), grown=False)
            case NotForYou():
                return _not_for_you()
            case never:
                assert_never(never)

    async def _sealed(self, account: Account, kind: PageKind, held: Held, body: str, page_id: str) -> tuple[Page, str]:
        """Puts a sealed page into the folder. Whom it is about stands neither in its name nor in what can be read of it."""
        cases = tuple(case.incident.id for case in held.cases)
        made, passphrase = await put_away(
            self.ports, self.school, self.exports, account, kind, cases, lambda: body, page_id=page_id
        )
        if passphrase:
            self.lately.keep(made, passphrase)
        return made, passphrase

    async def _to_next_school(self, account: Account) -> Reply:
        return self._handover(await handovers.ask(self.ports, self.school, account), self.ports.new_id())

    async def _handed_over(self, account: Account, values: FormValues, shown_id: str, page_id: str) -> Reply:
        chosen, to = values.get(PERSON, ()), values.get(SCHOOL, "")
        people = chosen if isinstance(chosen, tuple) else (chosen,)
        outcome = await handovers.prepare(self.ports, self.school, account, people, to if isinstance(to, str) else "")
        if not isinstance(outcome, HandoverReady):
            return self._handover(outcome, shown_id)
        code = new_passphrase()
        body = subject_page.handover_page(self.school, outcome.held, code)
        made, passphrase = await self._sealed(account, PageKind.HANDOVER, outcome.held, body, page_id)
        if not passphrase:
            return self._made_before(made, "")
        sent = await handovers.sent(self.ports, self.school, account, outcome, made.file, code)
        return ShowForm(pages.as_form(handover_cards.sent_card(self.school, sent, made, passphrase)))

    def _handover(self, outcome: NothingToHandOver | HandoverQuestions | NotForYou, shown_id: str) -> Reply:
        match outcome:
            case HandoverQuestions(faults=faults):
                form = handover_cards.handover_form(outcome, shown_id)
                return WrongForm(form, grown=False) if faults else ShowForm(form)
            case NothingToHandOver():
                nothing = pages.notice(say("handover.nothing_title"), say("handover.nothing"), Tone.WARNING)
                return ShowForm(pages.as_form(nothing))
            case NotForYou():
                return _not_for_you()
            case _:
                assert_never(outcome)

    async def _received(self, account: Account, handover_id: str, code: str | None) -> Reply:
        match await handovers.receive(self.ports, self.school, account, handover_id, code):
            case Received(handover=handover):
                text = handover_cards.received_text(self.school, handover)
                return ShowForm(pages.as_form(pages.notice(say("handover.received_title"), text, Tone.SUCCESS)))
            case ReceiptQuestions(faults=faults) as questions:
                form = handover_cards.receipt_form(self.school, questions)
                return WrongForm(form, grown=False) if faults else ShowForm(form)
            case NotForYou():
                return _not_for_you()
            case never:
                assert_never(never)

    def _shown(self, outcome: keeping.DecideOutcome) -> Reply:
        match outcome:
            case KeepingFile():
                form = cards.keeping_form(self.school, outcome)
                return WrongForm(form, grown=False) if outcome.faults else ShowForm(form)
            case keeping.KeepingDecided(reference=reference, choice=choice, asked=asked):
                done = pages.notice(say("keeping.done_title"), cards.decided_text(reference, choice, asked), Tone.SUCCESS)
                return ShowForm(pages.as_form(done))
            case keeping.NobodyToAgree(reference=reference):
                text = say("keeping.nobody", reference=reference)
                return ShowForm(pages.as_form(pages.notice(say("keeping.nobody_title"), text, Tone.WARNING)))
            case NotForYou():
                return Tell(pages.notice(say("note.not_you_title"), say("note.not_you"), Tone.WARNING), refused=True)
            case _:
                assert_never(outcome)


def records_card(text: str) -> Card | None:
    """For words in a chat, where no form can be opened without a press: the button to press. None for other words."""
    match text.casefold().split():
        case ["records", "subject"]:
            return export.subject_card()
        case ["records", "handover"]:
            return handover_cards.handover_start_card()
        case ["records", "breach"]:
            return breach_cards.breach_start_card()
        case _:
            return None


def _not_for_you() -> Tell:
    return Tell(pages.notice(say("keeping.not_you_title"), say("keeping.not_you"), Tone.WARNING), refused=True)
