"""Plays the table on a way in: everybody tries everything with every case, refused things first, since they change nothing."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from zlib import crc32

from sqlalchemy import select

from bot.running import Bot
from cards import (
    agreements,
    breaches,
    chronology,
    consents,
    duties,
    export,
    handovers,
    keeping,
    log_form,
    measures,
    messages,
    overview,
    pages,
    policy_pages,
    queue,
    readers,
    registers,
    requests,
    submissions,
    surveys,
    timeline,
)
from cards import case as case_cards
from cards import case_changes as change_cards
from domain import case_changes, checklists, entries, retention
from domain.access import Act
from domain.asking import DECISION, REASON
from domain.case_changes import Result
from domain.chronology import CHILD, Which
from domain.consents import NAME_FIELD, USE_FIELD
from domain.handovers import RECEIPT as RECEIPT_FIELD
from domain.handovers import SCHOOL as NEXT_SCHOOL
from domain.measures import BILLED, COST, PAID, TO
from domain.queues import QueueKind
from domain.registers import NOTE_FIELD, STATE_FIELD
from domain.subject_access import PERSON
from domain.words import Role
from handlers import close, hand_on, opening
from storage import tables as t
from tests.access.edges import Answer, Edge
from tests.access.table import Table
from tests.access.town import PEOPLE, PLANTED, RECEIPT, SODBURY, UNBLOCKED, Kept, Town, own_reports, queue_of

_WHO_IS_WHO = frozenset(
    {"accounts", "seen_events", "console_messages", "teams_users", "teams_places", "slack_installs", "slack_install_states"}
    | {"channel_readers", "school_keys"}
)
"""What may change because somebody has been seen, or has been answered."""
NO_CASE = "00000000-0000-4000-8000-000000000000"
_BY_ID = frozenset({"page", "breach", "receipt", "keeping", "line", "reword", "consent", "consent_of", "survey"})
_AT_ONCE = 4
_FOR_OUTSIDERS = ("pupil", "staff", "closed", "otherdoor")
"""Whoever is not let in, or is of the other school, is turned away before any case is looked at: they try these kinds alone."""


@dataclass(frozen=True, slots=True)
class Try:
    """One thing that somebody tries with one case.

    `act`: what it takes, None where nobody may; `alert`: of which alert, by the table's name. `values`: what is sent where it
    is allowed, which need not be enough to change anything. `complete`: what is sent where it is refused, so that nothing but
    the right to it is missing. `only_refused`: where it is allowed it takes long, and the stories have it.
    """

    words: str
    act: Act | None
    how: str
    name: str
    value: str
    values: Mapping[str, str] = field(default_factory=dict)
    alert: str = ""
    complete: Mapping[str, str] = field(default_factory=dict)
    opens_form: bool = True
    only_refused: bool = False


def tries(case: Kept, town_persons: Mapping[str, str]) -> Sequence[Try]:
    """Everything that can be sent about a case."""
    found = [
        Try("details", Act.READ_TASK, "press", messages.DETAILS, case.id),
        Try("look up", Act.READ_TASK, "look_up", "", case.reference),
        Try("who has looked", Act.READ_READERS, "press", readers.READERS_OF_CASE, case.id),
        Try("is that person", Act.SETTLE, "press", case_cards.SAME_PERSON, f"{case.id}|{NO_CASE}"),
        Try("is another person", Act.SETTLE, "press", case_cards.OTHER_PERSON, f"{case.id}|{town_persons['deputy']}"),
    ]
    if case.pupil:
        found.append(
            Try("who has looked at the child", Act.READ_READERS, "press", readers.READERS_OF_CHILD, f"{case.id}|{case.pupil}")
        )
    if case.child:
        found.append(Try("chronology", Act.WORK, "press", chronology.SHOW_CHRONOLOGY, f"{case.id}|{case.child}"))
        typed = f"{case.id}|{case.child}|{Which.PERHAPS}|1"
        found.append(Try("chronology, typed names", Act.WORK, "press", chronology.SHOW_CHRONOLOGY, typed))
    # Nobody is in it by that id.
    found.append(Try("chronology, forged", None, "press", chronology.SHOW_CHRONOLOGY, f"{case.id}|{NO_CASE}"))
    key, alert = next(iter(case.alerts.items()))
    found += [
        Try("hand on", Act.ANSWER, "press", messages.HAND_ON, alert, alert=key),
        Try(
            "hand on, sent",
            Act.ANSWER,
            "submit",
            case_cards.HAND_ON_FORM,
            f"{alert}|f",
            _HANDED,
            key,
            handed_over(case, town_persons),
        ),
        Try("close", Act.ANSWER, "press", messages.CLOSE, alert, alert=key),
        Try("close, sent", Act.ANSWER, "submit", case_cards.CLOSE_FORM, alert, _CLOSED, key, _SETTLED),
        *(
            Try("acknowledge", Act.ANSWER, "press", messages.ACKNOWLEDGE, each, alert=name, opens_form=False)
            for name, each in case.alerts.items()
        ),
    ]
    found += [
        Try("how long it is kept", Act.KEEP, "press", keeping.KEEPING, case.id),
        Try("keep it, sent", Act.KEEP, "submit", keeping.KEEPING_FORM, case.id, _NOT_CHOSEN, complete=_HELD),
        *_work(case),
    ]
    found.append(Try("open", Act.OPEN, "submit", case_cards.OPEN_FORM, case.id, {opening.REASON: "Nobody answers"}))
    return found


@dataclass(frozen=True, slots=True)
class DeskTry:
    """One thing that somebody tries with what belongs to no case, or is a case in no list.

    `column`: of the table of the desk. `seen_by`: a column whose people are not refused, though nothing is done for them.
    `once`: what is done at the very end, since it ends what the others try. `values`: nothing but the right to it is missing.
    """

    column: str
    how: str
    name: str
    value: str = ""
    values: Mapping[str, str] = field(default_factory=dict)
    seen_by: str = ""
    once: bool = False

    def __post_init__(self) -> None:
        """Nobody else sees it, unless it says so."""
        object.__setattr__(self, "seen_by", self.seen_by or self.column)


_OF_EVERY_SCHOOL = frozenset(
    {
        "gaps",
        "records",
        "figures",
        "children",
        "registers",
        "enter",
        "may_ask",
        "all_asked",
        "signs",
        "unsigned",
        "dates",
        "draft",
        "keeps_consent",
        "surveys",
        "overview",
    }
)
"""What names no id: whoever asks at another school's door is shown that school's."""


def desk_tries(town: Town) -> Sequence[DeskTry]:
    """Everything that can be sent about what belongs to no case, with ids that are real."""
    assert town.proposed is not None
    bea, proposed = f"person:{town.pupils['Bea Exemplar']}", town.proposed.id
    return (
        DeskTry("gaps", "press", pages.SHOW_GAPS),
        DeskTry("gaps", "press", policy_pages.READ_GAPS),
        DeskTry("read", "press", requests.READ_REQUEST, town.request),
        DeskTry("decide", "submit", requests.DECIDE_FORM, town.request, {DECISION: "told", REASON: ""}, "read"),
        DeskTry("figures", "press", pages.SHOW_FIGURES),
        DeskTry("records", "press", pages.SHOW_RECORDS),
        DeskTry("records", "press", export.SUBJECT),
        DeskTry("records", "press", handovers.HANDOVER),
        DeskTry("records", "press", breaches.BREACH),
        DeskTry("records", "submit", export.SUBJECT_FORM, "", {PERSON: bea}, once=True),
        DeskTry("records", "submit", handovers.HANDOVER_FORM, "", {PERSON: bea, NEXT_SCHOOL: "Academy"}, once=True),
        DeskTry("records", "submit", breaches.BREACH_FORM, NO_CASE, {"kind": "lost", "what": "A list"}, once=True),
        DeskTry("children", "press", chronology.LOOK_UP_CHILD),
        DeskTry("children", "submit", chronology.CHILD_FORM, "", {CHILD: bea}),
        DeskTry("child", "press", chronology.SHOW_CHRONOLOGY, f"|{town.pupils['Bea Exemplar']}"),
        DeskTry("registers", "press", registers.SHOW_REGISTER, "risk"),
        DeskTry("registers", "press", registers.SHOW_REGISTER, "filtering|all|2"),
        DeskTry("registers", "press", registers.EXPORT_REGISTER, "filtering"),
        DeskTry("overview", "press", overview.SHOW_OVERVIEW),
        DeskTry("line", "press", registers.READ_RECORD, town.line),
        DeskTry("line", "press", registers.READ_RECORD, f"{town.line}|1"),
        DeskTry("enter", "press", registers.ADD_RECORD, "filtering"),
        DeskTry("enter", "submit", registers.RECORD_FORM, "filtering|f||", UNBLOCKED),
        DeskTry("reword", "press", registers.CHANGE_RECORD, town.line),
        DeskTry("reword", "submit", registers.RECORD_FORM, f"filtering|f|{town.line}|1", UNBLOCKED),
        # Whoever may write may close it: they are asked, and not for whether they agree.
        DeskTry("consent", "press", registers.DECIDE_RECORD, town.line, seen_by="reword"),
        DeskTry("consent", "submit", registers.RECORD_DECISION, f"{town.line}|1|f", _CONSENT, "reword"),
        DeskTry("may_ask", "press", consents.ASK_CONSENT),
        DeskTry("may_ask", "submit", consents.ASK, "", {NAME_FIELD: "text:Nobody Known", USE_FIELD: "all"}),
        DeskTry("keeps_consent", "press", consents.KEEP_CONSENT),
        DeskTry("keeps_consent", "press", consents.LEFT_CONSENTS),
        DeskTry("keeps_consent", "submit", consents.KEEP, "|f", {NAME_FIELD: "text:Nobody Known"}),
        DeskTry("consent_of", "press", consents.KEEP_CONSENT, town.consent),
        DeskTry("consent_of", "press", consents.READ_CONSENT, town.consent),
        DeskTry("consent_of", "submit", consents.KEEP, f"{town.consent}|f", {}),
        DeskTry("consent_of", "press", consents.WITHDRAW_CONSENT, town.consent),
        DeskTry("consent_of", "press", consents.ERASE_CONSENT, town.consent, once=True),
        DeskTry("may_ask", "press", submissions.SHOW_REQUESTS),
        DeskTry("may_ask", "press", submissions.NEW_REQUEST, "unblock-lesson"),
        DeskTry("asked_for", "press", submissions.READ_SUBMISSION, town.sent),
        DeskTry("all_asked", "press", submissions.SHOW_SUBMISSIONS, "unblock-lesson"),
        DeskTry("all_asked", "press", submissions.SHOW_SUBMISSIONS, "unblock-lesson|0|2026-01-01T00:00:00+00:00|x"),
        DeskTry("all_asked", "press", submissions.EXPORT_SUBMISSIONS, "unblock-lesson|p"),
        # Whoever may read it is shown how it stands; who may answer it, tests/handlers/test_submissions.py knows.
        DeskTry("asked_for", "submit", submissions.FILE, f"{town.sent}|1|f", _SAYS_NO),
        # Nothing is to be carried out yet, and it has not come back.
        DeskTry("asked_for", "press", submissions.DO_TASK, f"{town.sent}|unblock"),
        DeskTry("asked_for", "press", submissions.END_SUBMISSION, town.sent),
        DeskTry("of_lead", "press", submissions.READ_SUBMISSION, town.of_dsl),
        DeskTry("of_lead", "submit", submissions.FILE, f"{town.of_dsl}|1|f", _SAYS_NO),
        DeskTry("of_lead", "press", submissions.END_SUBMISSION, town.of_dsl),
        DeskTry("rewords", "press", submissions.REWORD_SUBMISSION, town.sent),
        DeskTry("rewords", "submit", submissions.QUESTIONS, f"unblock-lesson|f|{town.sent}|1", {}, "asks"),
        DeskTry("signs", "press", agreements.SHOW_SIGNING),
        DeskTry("signs", "press", agreements.READ_AGREEMENT, "acceptable-use"),
        DeskTry("signs", "submit", agreements.AGREEMENT, "acceptable-use|another text|f", {}),
        DeskTry("unsigned", "press", agreements.SHOW_UNSIGNED, "training"),
        DeskTry("unsigned", "press", agreements.REMIND_SIGNERS, "training"),
        DeskTry("unsigned", "press", agreements.EXPORT_SIGNED, "training"),
        DeskTry("unsigned", "press", agreements.ASK_ATTENDED, "training"),
        DeskTry("unsigned", "submit", agreements.ATTENDED, "training|f", {}),
        DeskTry("dates", "press", duties.SHOW_CALENDAR),
        DeskTry("draft", "press", duties.SHOW_DIGEST),
        DeskTry("draft", "press", duties.SHOW_DIGEST, "2026-autumn"),
        # Whoever says it second changes nothing, and is shown the calendar like the first.
        DeskTry("duty", "press", duties.FINISH_DUTY, town.duty),
        DeskTry("surveys", "press", surveys.SHOW_SURVEYS),
        DeskTry("surveys", "press", surveys.OPEN_SURVEY, "parents"),
        DeskTry("surveys", "submit", surveys.OPENING, "parents|f"),
        DeskTry("survey", "press", surveys.READ_SURVEY, town.survey),
        DeskTry("survey", "press", surveys.EXTEND_SURVEY, town.survey),
        DeskTry("survey", "submit", surveys.EXTENDING, town.survey),
        DeskTry("survey", "press", surveys.CLOSE_SURVEY, town.survey),
        DeskTry("page", "press", export.KEEP_PAGE, town.page),
        DeskTry("page", "press", export.DROP_PAGE, town.page, once=True),
        DeskTry("breach", "press", breaches.READ_BREACH, town.breach),
        DeskTry("breach", "submit", breaches.BREACH_FILE, town.breach, {"contain": "done"}),
        DeskTry("breach", "submit", breaches.BREACH_FORM, town.breach, {"kind": "lost", "what": "A list"}),
        DeskTry("receipt", "press", handovers.GIVE_RECEIPT, town.handover),
        DeskTry("receipt", "submit", handovers.RECEIPT_FORM, town.handover, {RECEIPT_FIELD: RECEIPT}),
        DeskTry("keeping", "press", keeping.KEEPING, proposed),
        DeskTry("keeping", "submit", keeping.KEEPING_FORM, proposed, _NOT_CHOSEN),
        DeskTry("agree", "submit", keeping.KEEPING_FORM, proposed, _AGREED, "keeping", once=True),
    )


def _work(case: Kept) -> Sequence[Try]:
    """Everything that can be sent by who works a case: what is kept of it changes nothing for anybody else."""
    forged = f"{case.id}|{NO_CASE}"
    return (
        Try("timeline", Act.WORK, "press", timeline.SHOW_TIMELINE, case.id),
        Try("log form", Act.FILE, "press", log_form.LOG_FORM, case.id),
        Try("log form, as a file", Act.FILE, "submit", log_form.LOG_FORM, case.id, only_refused=True),
        Try("policy's steps", Act.WORK, "press", timeline.SHOW_STEPS, case.id),
        Try("decide", Act.WORK, "press", timeline.DECIDE_STEPS, case.id),
        Try("add", Act.WORK, "press", timeline.ADD_ENTRY, case.id),
        Try("add, kind", Act.WORK, "submit", timeline.ENTRY_KIND_FORM, case.id, {entries.KIND: "note"}),
        Try("add, sent", Act.WORK, "submit", timeline.ENTRY_FORM, f"{case.id}|note|f|", {entries.TEXT: "Noted"}),
        Try("decide, kind", Act.WORK, "submit", timeline.DECISION_FORM, case.id, _LINE),
        Try("decide, sent", Act.WORK, "submit", timeline.DECISION_STEPS_FORM, f"{case.id}|||f|", {checklists.OWN: "A talk"}),
        Try("change", Act.WORK, "press", change_cards.CHANGE_CASE, case.id),
        Try("how it has changed", Act.WORK, "press", change_cards.SHOW_CHANGES, case.id),
        Try("change, kind", Act.WORK, "submit", change_cards.CHANGE_KIND_FORM, case.id, {case_changes.KIND: "link"}),
        Try("change, sent", Act.WORK, "submit", change_cards.CHANGE_FORM, f"{case.id}|link|f", _WHY, complete=_WHY),
        # There is no such link, and nobody is asked to sign: of whoever may, tests/handlers/test_case_changes.py knows more.
        Try("take a link away", None, "press", change_cards.UNLINK, forged),
        Try("take a link away, sent", None, "submit", change_cards.UNLINK_FORM, f"{forged}|f", _WHY),
        Try("sign", None, "press", change_cards.SIGN_CASE, case.id),
        Try("sign, sent", None, "submit", change_cards.SIGN_FORM, f"{forged}|f", {case_changes.NOTE: "Seen"}),
        Try("send back", None, "press", change_cards.SEND_BACK, case.id),
        Try("send back, sent", None, "submit", change_cards.SEND_BACK_FORM, f"{forged}|f", _WHY),
        # There is no such entry, which is refused like the rest; of whoever may, tests/handlers/test_casework.py knows more.
        Try("correct", None, "press", timeline.CORRECT_ENTRY, forged),
        Try("done", None, "press", timeline.ACTION_DONE, forged),
        Try("add what damage costs", Act.WORK, "submit", timeline.ENTRY_FORM, f"{case.id}|damage|g||", _BROKEN),
        Try("note contact", Act.WORK, "press", measures.ADD_CONTACT, f"{case.id}|lado"),
        Try("make an action", None, "press", measures.MAKE_ACTION, forged),
        Try("what became of it", None, "press", measures.ADD_MORE, f"{case.id}|release|{NO_CASE}"),
        Try("what became of it, sent", None, "submit", timeline.ENTRY_FORM, f"{case.id}|release|f||{NO_CASE}", _GIVEN),
        Try("block", None, "press", measures.SHOW_BLOCK, forged),
        Try("block in place", None, "press", measures.BLOCK_IN_PLACE, forged),
        Try("block lifted", None, "press", measures.BLOCK_LIFTED, forged),
    )


_BROKEN = {entries.WHAT: "A screen", COST: "80", BILLED: "nobody", PAID: "no"}
_GIVEN = {TO: "His mother"}


def forged_pages(cases: Sequence[Kept]) -> Sequence[str]:
    """What a button for a page of a queue never says to most: from somebody else's line on, of any list, and nonsense."""
    alert = next(alert for case in cases if case.kind == "staff" for alert in case.alerts.values())
    everything = (f"{kind}|any||||{at}" for kind in QueueKind for at in ("|0|0", f"back|9999999999999999|{NO_CASE}"))
    return (*everything, f"open|any|||||1795500000000000|{alert}", f"open|any|||||1|{alert}", "open|any||||back|x|y", "|" * 7)


_LINE = {checklists.KIND: checklists.NO_KIND, checklists.TIMES: "first"}
_NOT_CHOSEN = {retention.CHOICE: ""}
_SAYS_NO = {"submission_answer": "", "submission_note": ""}
_CONSENT = {STATE_FIELD: "approved", NOTE_FIELD: "So be it"}
_AGREED = {retention.CHOICE: retention.Choice.AGREE}
_HELD = {retention.CHOICE: retention.Choice.HOLD, retention.REASON: "An inquiry"}
_HANDED = {hand_on.TO: "", hand_on.REASON: "So that it is answered"}
_CLOSED = {close.OUTCOME: ""}
_SETTLED = {close.OUTCOME: "It was settled", close.RESULT: Result.DEALT_WITH}
_WHY = {case_changes.OTHER: "SOD-2026-0000", case_changes.REASON: "It is the same matter"}


def handed_over(case: Kept, town_persons: Mapping[str, str]) -> Mapping[str, str]:
    """A form, with nothing missing, that hands an alert of a case on to somebody whom none of them names."""
    role, who = (Role.GOVERNORS, "governor") if case.school == SODBURY else (Role.HEADTEACHER, "otherhead")
    return {**_HANDED, hand_on.TO: f"{role}|{crc32(b''):08x}|{town_persons[who]}"}


def clears(case: Kept, one: Try) -> bool:
    """Whether it lets somebody in whom a name that was typed keeps out."""
    return one.words == "is another person" and "deputy" in case.names


@dataclass(slots=True)
class Play:
    """One way in, being tried. `wrong`: every cell that was not as the table has it; `cells`: how many were tried.

    `one_in`: of how many refusals one is tried, each of the others' kinds by other people and in other cases. What is
    allowed is always done: one thing stands on another.
    """

    edge: Edge
    table: Table
    one_in: int = 1
    wrong: list[str] = field(default_factory=list)
    refusals: dict[tuple[str, ...], set[str]] = field(default_factory=dict)
    cells: int = 0

    async def everything(self) -> None:
        """First all that is refused, several people at once, since it changes nothing; then what is allowed, one by one."""
        before, turns = await rows(self.edge.town.bot), asyncio.Semaphore(_AT_ONCE)
        async with asyncio.TaskGroup() as tasks:
            for who in self.edge.players:
                tasks.create_task(self._in_turn(turns, who))
        await self._no_such_case()
        await self._no_such_record()
        self._unchanged(before, await rows(self.edge.town.bot))
        await self._taken_out()
        for who in self.edge.players:
            for case in self._cases(who):
                for one in self._played(who, case):
                    if not (one.act is Act.OPEN or one.only_refused or clears(case, one)) and self._allowed(who, case, one):
                        await self._done(who, case, one)
            await self._desk(who, allowed=True)
        await self._cleared()
        await self._opened()
        await self._carried_through()
        await self.edge.settled()
        history = self.edge.history()
        if found := [secret for secret in PLANTED if secret in history]:
            self.wrong.append(f"{found} stands in the chat")

    async def _in_turn(self, turns: asyncio.Semaphore, who: str) -> None:
        async with turns:
            await self._lists(who)
            await self._forged_pages(who)
            for case in self._cases(who):
                number = self.edge.town.cases.index(case)
                for one in self._played(who, case):
                    left_out = crc32(f"{who} {number} {one.words}".encode()) % self.one_in
                    if not left_out and not self._allowed(who, case, one):
                        await self._refused(who, case, one)
            await self._desk(who, allowed=False)

    async def _no_such_case(self) -> None:
        """A refusal says the same whatever its reason, and of a case that there is not."""
        any_case = self.edge.town.cases[0]
        none = replace(any_case, id=NO_CASE, reference="SOD-2026-0999", alerts=dict.fromkeys(any_case.alerts, NO_CASE))
        for one in tries(none, self.edge.town.persons):
            await self._refused("dsl", none, one)
        self.wrong += [
            f"{drawn_as}: is refused in several ways: {said}" for drawn_as, said in self.refusals.items() if len(said) > 1
        ]

    def _played(self, who: str, case: Kept) -> Sequence[Try]:
        """What somebody tries with a case.

        Each act in each of the ways there are to send it, whoever they are: with which of its buttons or forms, goes round by
        person and case. All of them, and what nobody may, where it is on them to stand for all who are to that case what they
        are: that goes round by case too.
        """
        number, everything = self.edge.town.cases.index(case), tries(case, self.edge.town.persons)
        alike = [
            other
            for other in self.edge.players
            if case in self._cases(other) and self._is_to(other, case) == self._is_to(who, case)
        ]
        if who == alike[number % len(alike)]:
            return everything
        by_act: dict[tuple[Act | None, str], list[Try]] = {}
        for one in everything:
            if one.act is not None:
                by_act.setdefault((one.act, one.how), []).append(one)
        turn = number + self.edge.players.index(who)
        chosen = [found[turn % len(found)] for found in by_act.values()]
        return [one for one in everything if one in chosen]

    def _is_to(self, who: str, case: Kept) -> tuple[object, ...]:
        """What somebody is to a case: what they may do, whether it names them, and whether they are let in and at its door."""
        somebody, cell = PEOPLE[who], case.cell(self.table, who)
        let_in = somebody.account == "member" and not self._is_nobody(who)
        return cell, who in case.names, let_in, self.edge.door(who, case.school) == case.school

    def _cases(self, who: str) -> Sequence[Kept]:
        at_home = PEOPLE[who].account == "member" and PEOPLE[who].at == SODBURY
        return [c for c in self.edge.town.cases if at_home or c.kind in _FOR_OUTSIDERS]

    def _allowed(self, who: str, case: Kept, one: Try) -> bool:
        if self.edge.door(who, case.school) != case.school:
            return False
        cell = case.cell(self.table, who)
        if one.act is Act.ANSWER:
            return one.alert in cell.alerts if case.school == SODBURY else Act.ANSWER in cell.acts
        if one.act is Act.OPEN or one.words == "look up":
            # Whoever may read it is shown it, and whoever may open it is asked why.
            return bool(cell.acts & {Act.OPEN, Act.READ_TASK})
        return one.act in cell.acts

    async def _send(self, who: str, case: Kept, one: Try, *, complete: bool = False) -> Answer:
        self.cells += 1
        match one.how:
            case "press":
                return await self.edge.press(who, one.name, one.value, case.school, form=one.opens_form)
            case "submit":
                return await self.edge.submit(who, one.name, one.value, (complete and one.complete) or one.values, case.school)
            case _:
                return await self.edge.look_up(who, one.value, case.school)

    async def _refused(self, who: str, case: Kept, one: Try) -> None:
        answer = await self._send(who, case, one, complete=True)
        known = PEOPLE[who].account == "member" and not self._is_nobody(who)
        whom = "let in" if known else f"not let in by {self.edge.door(who, case.school)}"
        drawn_as = (whom, one.how, "dialog" if one.opens_form else "line")
        self.refusals.setdefault(drawn_as, set()).add(answer.shown)
        if not answer.refused:
            self.wrong.append(f"{who} x {case.kind} x {one.words}: was not refused but told {answer.shown[:200]!r}")
        self._nothing_of_it(who, f"{case.kind} x {one.words}", answer)

    async def _done(self, who: str, case: Kept, one: Try) -> None:
        answer = await self._send(who, case, one)
        what, acts = f"{who} x {case.kind} x {one.words}", case.cell(self.table, who).acts
        if answer.refused or not answer.shown.strip():
            self.wrong.append(f"{what}: was refused")
        reads = one.words in ("details", "look up", "is that person", "is another person")
        if reads and Act.READ in acts and case.told not in answer.raw:
            self.wrong.append(f"{what}: was not shown what was written")
        if Act.READ not in acts:
            self._nothing_of_it(who, f"{case.kind} x {one.words}", answer)
        if one.name == chronology.SHOW_CHRONOLOGY:
            there = [c for c in self.edge.town.cases if c.reference in answer.raw]
            if beyond := [c.kind for c in there if Act.READ not in c.cell(self.table, who).acts]:
                self.wrong.append(f"{what}: was shown cases of {beyond}")

    def _nothing_of_it(self, who: str, what: str, answer: Answer) -> None:
        if found := [secret for secret in PLANTED if secret in answer.raw]:
            self.wrong.append(f"{who} x {what}: was shown {found}")

    def _unchanged(self, before: Mapping[str, list[Any]], after: Mapping[str, list[Any]]) -> None:
        noted = [(entry.actor, entry.action) for entry in after["audit"][len(before["audit"]) :]]
        if changed := [name for name in before if before[name] != after[name]]:
            self.wrong.append(f"what was refused has changed {changed}, and noted {noted}")

    async def _lists(self, who: str) -> None:
        """Their queue and their own reports: the references that are theirs, and no name."""
        admitted = PEOPLE[who].account == "member" and not self._is_nobody(who)
        for action, wanted in (
            (pages.SHOW_QUEUE, queue_of(self.table, self.edge.town, who)),
            (pages.SHOW_MINE, own_reports(self.edge.town, who)),
        ):
            answer = await self.edge.press(who, action, "", PEOPLE[who].at, form=False)
            self.cells += len(self.edge.town.cases)
            listed = {case.reference for case in self.edge.town.cases if case.reference in answer.raw}
            if admitted == answer.refused or (admitted and listed != wanted) or (not admitted and listed):
                self.wrong.append(f"{who} x {action}: lists {sorted(listed)}, the table has {sorted(wanted)}")
            self._nothing_of_it(who, action, answer)

    async def _forged_pages(self, who: str) -> None:
        """Pages of queues that nobody gave them: nothing of what is not theirs, and nothing breaks."""
        admitted = PEOPLE[who].account == "member" and not self._is_nobody(who)
        theirs = queue_of(self.table, self.edge.town, who)
        for value in forged_pages(self.edge.town.cases):
            answer = await self.edge.press(who, queue.SHOW_LINES, value, PEOPLE[who].at)
            self.cells += 1
            listed = {case.reference for case in self.edge.town.cases if case.reference in answer.raw}
            broken = not answer.shown.strip() or "went wrong" in answer.shown
            if broken or admitted == answer.refused or not listed <= (theirs if admitted else set()):
                self.wrong.append(f"{who} x page {value!r}: lists {sorted(listed)}: {answer.shown[:200]!r}")
            self._nothing_of_it(who, f"page {value!r}", answer)

    def _is_nobody(self, who: str) -> bool:
        """Whether this chat has no such person at all."""
        return self.edge.door(who, PEOPLE[who].at) != PEOPLE[who].at or (not self.edge.town.users and who == "supply")

    async def _desk(self, who: str, *, allowed: bool) -> None:
        """What belongs to no case."""
        for one in desk_tries(self.edge.town):
            may = self.table.desk[PEOPLE[who].row, one.column]
            sees = may or self.table.desk[PEOPLE[who].row, one.seen_by]
            elsewhere = self.edge.door(who, SODBURY) != SODBURY and one.column in _OF_EVERY_SCHOOL
            if may != allowed or elsewhere or (allowed and one.once):
                continue
            answer = await self._sent(who, one)
            if answer.refused == sees:
                self.wrong.append(f"{who} x {one.name}: {'refused' if sees else 'told ' + answer.shown[:200]}")
            if not sees:
                self._nothing_of_it(who, one.name, answer)

    async def _sent(self, who: str, one: DeskTry) -> Answer:
        self.cells += 1
        if one.how == "press":
            return await self.edge.press(who, one.name, one.value, SODBURY)
        return await self.edge.submit(who, one.name, one.value, one.values, SODBURY)

    async def _no_such_record(self) -> None:
        """Ids of nothing, by somebody who may: the same as of what there is and is not theirs."""
        for one in desk_tries(self.edge.town):
            if one.column in _BY_ID and one.name != breaches.BREACH_FORM:
                answer = await self._sent("dsl", replace(one, value=NO_CASE))
                if not answer.refused:
                    self.wrong.append(f"dsl x {one.name} of nothing: told {answer.shown[:200]!r}")

    async def _taken_out(self) -> None:
        """What is held about a person goes out of those cases of which whoever asks may take it, and of no other."""
        town = self.edge.town
        assert town.proposed is not None
        cases = [c for c in (*town.cases, town.proposed) if c.school == SODBURY]
        involved = {(p.incident_id, p.person_id) for p in (await rows(town.bot, "participants"))["participants"]}
        for who in self.edge.players:
            if self.edge.door(who, SODBURY) != SODBURY or not self.table.desk[PEOPLE[who].row, "records"]:
                continue
            for person in (town.pupils["Alfie Demosson"], town.pupils["Bea Exemplar"], town.persons["accused"]):
                before = {(entry.school, entry.seq) for entry in (await rows(town.bot, "audit"))["audit"]}
                answer = await self.edge.submit(who, export.SUBJECT_FORM, "", {PERSON: f"person:{person}"}, SODBURY)
                noted = [e for e in (await rows(town.bot, "audit"))["audit"] if (e.school, e.seq) not in before]
                self.cells += len(cases)
                out = {entry.incident_id for entry in noted if entry.action == "subject.exported"}
                wanted = {c.id for c in cases if (c.id, person) in involved and Act.EXPORT in c.cell(self.table, who).acts}
                if answer.refused or out != wanted:
                    names = {c.id: c.kind for c in cases}
                    self.wrong.append(f"{who} x take out: {sorted(names[i] for i in out ^ wanted)} too many or too few")

    async def _cleared(self) -> None:
        """That a name is not the deputy's, after all that the deputy tries who is shut out by it."""
        for who in self.edge.players:
            for case in self._cases(who):
                for one in tries(case, self.edge.town.persons):
                    if clears(case, one) and self._allowed(who, case, one):
                        await self._done(who, case, one)

    async def _carried_through(self) -> None:
        """What was pressed had its effect, and its rights are there: a part closed, one handed on, a name settled."""
        town, by_kind = self.edge.town, {c.kind: c for c in reversed(self.edge.town.cases) if not c.names}
        (theirs,), (handed,) = by_kind["otherhouse"].alerts.values(), by_kind["child"].alerts.values()
        (taken,) = (row for row in (await rows(town.bot, "alerts"))["alerts"] if row.id == theirs)
        (owner,) = (who for who, person in town.persons.items() if person == taken.owner_id)
        await self.edge.submit(owner, case_cards.CLOSE_FORM, theirs, _SETTLED, SODBURY)
        to = f"{Role.HEAD_OF_HOUSE}|{crc32(b'Cabot'):08x}|{town.persons['cabot']}"
        values = {hand_on.TO: to, hand_on.REASON: "He is of Cabot now"}
        await self.edge.submit("dsl", case_cards.HAND_ON_FORM, f"{handed}|g", values, SODBURY)
        # What others were refused is carried out for whoever may.
        accusing = next(c for c in town.cases if c.kind == "staff")
        passed, whole = accusing.alerts["head"], handed_over(accusing, town.persons)
        await self.edge.submit("head", case_cards.HAND_ON_FORM, f"{passed}|g", whole, SODBURY)
        alerts = {row.id: row for row in (await rows(town.bot, "alerts"))["alerts"]}
        if alerts[passed].role != Role.GOVERNORS:
            self.wrong.append(f"what the head handed on is {alerts[passed].role}'s")
        if (alerts[theirs].state, alerts[theirs].owner_id) != ("done", town.persons[owner]):
            self.wrong.append(f"what {owner} closed is {alerts[theirs].state}")
        await self._records_carried_through()
        cleared = next(c for c in town.cases if "deputy" in c.names)
        for who, case in (("cabot", by_kind["child"]), ("deputy", cleared)):
            answer = await self.edge.press(who, messages.DETAILS, case.id, SODBURY)
            self.cells += 1
            if case.told not in answer.raw:
                self.wrong.append(f"{who} has a right to {case.reference} now, and is told {answer.shown[:200]!r}")

    async def _records_carried_through(self) -> None:
        """The page goes, the next school has what it was sent, a step is done, and what two have agreed to is erased."""
        town = self.edge.town
        for who, one in (("dsl", export.DROP_PAGE), ("head", keeping.KEEPING_FORM)):
            await self._sent(who, next(t for t in desk_tries(town) if t.name == one and t.once))
        found = await rows(town.bot, "exports", "handovers", "breaches", "keepings")
        (page,) = (p for p in found["exports"] if p.id == town.page)
        (handover,) = (h for h in found["handovers"] if h.id == town.handover)
        (breach,) = (b for b in found["breaches"] if b.id == town.breach)
        (kept,) = (k for k in found["keepings"] if town.proposed is not None and k.incident_id == town.proposed.id)
        stands = (page.ended, handover.received_at is not None, breach.steps, kept.state, kept.agreed_by)
        if stands != ("maker", True, ["contain"], "erased", town.persons["head"]):
            self.wrong.append(f"the records stand at {stands}")

    async def _opened(self) -> None:
        """In an emergency, after all that is refused, since whoever has opened a case has a right to it from then on."""
        for who in self.edge.players:
            for case in self.edge.town.cases:
                one = tries(case, self.edge.town.persons)[-1]
                if self._allowed(who, case, one):
                    answer, acts = await self._send(who, case, one), case.cell(self.table, who).acts
                    if ((acts & {Act.READ, Act.OPEN}) != set()) != (case.told in answer.raw) or answer.refused:
                        self.wrong.append(f"{who} x {case.kind} x open: {answer.shown[:200]!r}")
        openings = {(o.person_id, o.incident_id) for o in (await rows(self.edge.town.bot, "openings"))["openings"]}
        wanted = {
            (self.edge.town.persons[who], case.id)
            for who in self.edge.players
            for case in self.edge.town.cases
            if self.edge.door(who, case.school) == case.school and Act.OPEN in case.cell(self.table, who).acts
        }
        if openings != wanted:
            self.wrong.append(f"opened were {len(openings)} cases, the table has {len(wanted)}")


async def rows(bot: Bot, *names: str) -> dict[str, list[Any]]:
    """What the records hold, by table, but for who is who."""
    found = {}
    async with bot.database.begin(write=False) as connection:
        for name, table in t.metadata.tables.items():
            if name in names or (not names and name not in _WHO_IS_WHO):
                ordered = select(table).order_by(*table.primary_key.columns)
                found[name] = list((await connection.execute(ordered)).all())
    return found
