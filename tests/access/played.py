"""Plays the table on a way in: everybody tries everything with every case, refused things first, since they change nothing."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from zlib import crc32

from sqlalchemy import select

from bot.running import Bot
from cards import case as case_cards
from cards import keeping, messages, pages, policy_pages, readers, requests, timeline
from domain import checklists, entries, retention
from domain.access import Act
from domain.asking import DECISION, REASON
from domain.words import Role
from handlers import close, hand_on, opening
from storage import tables as t
from tests.access.edges import Answer, Edge
from tests.access.table import Table
from tests.access.town import PEOPLE, PLANTED, SODBURY, Kept, own_reports, queue_of

_WHO_IS_WHO = frozenset(
    {"accounts", "seen_events", "console_messages", "teams_users", "teams_places", "slack_installs", "slack_install_states"}
    | {"channel_readers", "school_keys"}
)
"""What may change because somebody has been seen, or has been answered."""
NO_CASE = "00000000-0000-4000-8000-000000000000"
_AT_ONCE = 4
_FOR_OUTSIDERS = ("pupil", "staff", "closed", "otherdoor")
"""Whoever is not let in, or is of the other school, is turned away before any case is looked at: they try these kinds alone."""


@dataclass(frozen=True, slots=True)
class Try:
    """One thing that somebody tries with one case.

    `act`: what it takes, None where nobody may; `alert`: of which alert, by the table's name. `values`: what is sent where it
    is allowed, which need not be enough to change anything. `complete`: what is sent where it is refused, so that nothing but
    the right to it is missing.
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


def _work(case: Kept) -> Sequence[Try]:
    """Everything that can be sent by who works a case: what is kept of it changes nothing for anybody else."""
    forged = f"{case.id}|{NO_CASE}"
    return (
        Try("timeline", Act.WORK, "press", timeline.SHOW_TIMELINE, case.id),
        Try("policy's steps", Act.WORK, "press", timeline.SHOW_STEPS, case.id),
        Try("decide", Act.WORK, "press", timeline.DECIDE_STEPS, case.id),
        Try("add", Act.WORK, "press", timeline.ADD_ENTRY, case.id),
        Try("add, kind", Act.WORK, "submit", timeline.ENTRY_KIND_FORM, case.id, {entries.KIND: "note"}),
        Try("add, sent", Act.WORK, "submit", timeline.ENTRY_FORM, f"{case.id}|note|f|", {entries.TEXT: "Noted"}),
        Try("decide, kind", Act.WORK, "submit", timeline.DECISION_FORM, case.id, _LINE),
        Try("decide, sent", Act.WORK, "submit", timeline.DECISION_STEPS_FORM, f"{case.id}|||f|", {checklists.OWN: "A talk"}),
        # There is no such entry, which is refused like the rest; of whoever may, tests/handlers/test_casework.py knows more.
        Try("correct", None, "press", timeline.CORRECT_ENTRY, forged),
        Try("done", None, "press", timeline.ACTION_DONE, forged),
    )


_LINE = {checklists.KIND: checklists.NO_KIND, checklists.TIMES: "first"}
_NOT_CHOSEN = {retention.CHOICE: ""}
_HELD = {retention.CHOICE: retention.Choice.HOLD, retention.REASON: "An inquiry"}
_HANDED = {hand_on.TO: "", hand_on.REASON: "So that it is answered"}
_CLOSED = {close.OUTCOME: ""}
_SETTLED = {close.OUTCOME: "It was settled"}


def handed_over(case: Kept, town_persons: Mapping[str, str]) -> Mapping[str, str]:
    """A form, with nothing missing, that hands an alert of a case on to somebody whom none of them names."""
    role, who = (Role.GOVERNORS, "governor") if case.school == SODBURY else (Role.HEADTEACHER, "otherhead")
    return {**_HANDED, hand_on.TO: f"{role}|{crc32(b''):08x}|{town_persons[who]}"}


@dataclass(slots=True)
class Play:
    """One way in, being tried. `wrong`: every cell that was not as the table has it; `cells`: how many were tried."""

    edge: Edge
    table: Table
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
        self._unchanged(before, await rows(self.edge.town.bot))
        for who in self.edge.players:
            for case in self._cases(who):
                for one in tries(case, self.edge.town.persons):
                    if one.act is not Act.OPEN and self._allowed(who, case, one):
                        await self._done(who, case, one)
            await self._desk(who, allowed=True)
        await self._opened()
        await self._carried_through()
        await self.edge.settled()
        if found := [secret for secret in PLANTED if secret in self.edge.history()]:
            self.wrong.append(f"{found} stands in the chat")

    async def _in_turn(self, turns: asyncio.Semaphore, who: str) -> None:
        async with turns:
            await self._lists(who)
            for case in self._cases(who):
                for one in tries(case, self.edge.town.persons):
                    if not self._allowed(who, case, one):
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

    def _is_nobody(self, who: str) -> bool:
        """Whether this chat has no such person at all."""
        return self.edge.door(who, PEOPLE[who].at) != PEOPLE[who].at or (not self.edge.town.users and who == "supply")

    async def _desk(self, who: str, *, allowed: bool) -> None:
        """What belongs to no case."""
        ask = self.edge.town.request
        for column, how, name, value in (
            ("gaps", "press", pages.SHOW_GAPS, ""),
            ("gaps", "press", policy_pages.READ_GAPS, ""),
            ("read", "press", requests.READ_REQUEST, ask),
            ("decide", "submit", requests.DECIDE_FORM, ask),
        ):
            may = self.table.desk[PEOPLE[who].row, column]
            reads = may or (column == "decide" and self.table.desk[PEOPLE[who].row, "read"])
            if may != allowed or (column == "gaps" and self.edge.door(who, SODBURY) != SODBURY):
                continue
            self.cells += 1
            if how == "press":
                answer = await self.edge.press(who, name, value, SODBURY)
            else:
                answer = await self.edge.submit(who, name, value, {DECISION: "told", REASON: ""}, SODBURY)
            if answer.refused == reads:
                self.wrong.append(f"{who} x {name}: {'refused' if reads else 'told ' + answer.shown[:200]}")
            if not reads:
                self._nothing_of_it(who, name, answer)

    async def _carried_through(self) -> None:
        """What was pressed had its effect, and its rights are there: a part closed, one handed on, a name settled."""
        town, by_kind = self.edge.town, {c.kind: c for c in reversed(self.edge.town.cases) if not c.names}
        (theirs,), (handed,) = by_kind["otherhouse"].alerts.values(), by_kind["child"].alerts.values()
        await self.edge.submit("dsl", case_cards.CLOSE_FORM, theirs, _SETTLED, SODBURY)
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
        if (alerts[theirs].state, alerts[theirs].owner_id) != ("done", town.persons["dsl"]):
            self.wrong.append(f"what the lead closed is {alerts[theirs].state}")
        cleared = next(c for c in town.cases if "deputy" in c.names)
        for who, case in (("cabot", by_kind["child"]), ("deputy", cleared)):
            answer = await self.edge.press(who, messages.DETAILS, case.id, SODBURY)
            self.cells += 1
            if case.told not in answer.raw:
                self.wrong.append(f"{who} has a right to {case.reference} now, and is told {answer.shown[:200]!r}")

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
