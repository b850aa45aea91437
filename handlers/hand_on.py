"""Handing an alert on to another holder or role, with a reason. It is unanswered again, with a fresh deadline."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeAlias
from zlib import crc32

from domain.access import LEADS, TECHNICAL, Act, may
from domain.audience import Readers, Rung, duties, excluded_ids
from domain.incident import Alert, AlertState, Asked, CaseNote, Incident, MessageKind, NoteKind, Outgoing, TimerKind
from domain.people import GROUP_OF, Account, Person, School, Staff
from domain.report_form import LONGEST_TEXT, Fault
from domain.words import EXTERNAL_ROLES, Role
from handlers.acknowledge import AlreadyClosed, NotForYou, case_of_alert
from handlers.alerting import deadline, summon, timer
from handlers.ask import same_id
from handlers.ports import Ports, Records, actor
from handlers.rights import subject, viewer

_PRIVATE_ROLES = (Role.HEADTEACHER, Role.CHAIR_OF_GOVERNORS, Role.GOVERNORS, Role.DSL)
TO, REASON = "to", "reason"


@dataclass(frozen=True, slots=True)
class Recipient:
    """Somebody to whom a case can be handed on, and in which role (for a role held by group, which group)."""

    person: Person
    role: Role
    group: str

    @property
    def key(self) -> str:
        """The choice as a form carries it."""
        # A house may have a long name, and what a form carries is short.
        return f"{self.role}|{crc32(self.group.encode()):08x}|{self.person.id}"


@dataclass(frozen=True, slots=True)
class HandOnQuestions:
    """To whom, and why. `form_id` is this form's own: sent twice, it hands on once."""

    alert: Alert
    incident: Incident
    recipients: tuple[Recipient, ...]
    chosen: str = ""
    reason: str = ""
    faults: dict[str, Fault] | None = None
    form_id: str = ""

    @property
    def state(self) -> str:
        """What the form carries."""
        return f"{self.alert.id}|{self.form_id}"


@dataclass(frozen=True, slots=True)
class HandedOn:
    """It was handed on."""

    reference: str
    to: Recipient


AskOutcome: TypeAlias = HandOnQuestions | AlreadyClosed | NotForYou
HandOnOutcome: TypeAlias = HandedOn | AskOutcome


async def ask(ports: Ports, school: School, account: Account, alert_id: str) -> AskOutcome:
    """The form: to whom it can go, for somebody who may hand it on."""
    async with ports.store.transaction(school) as records:
        found = await case_of_alert(records, school, account, alert_id, ports.clock.now())
        if found is None:
            return NotForYou()
        return await _questions(records, school, account, *found, ports.new_id(), ports.clock.now())


async def hand_on(ports: Ports, school: School, account: Account, state: str, to: str, reason: str) -> HandOnOutcome:
    """Hands an alert on. The new holder is asked at once, and it climbs again if they do not answer.

    `state` is what the form carried. The same form sent again by the same person changes nothing, and is answered as before.
    """
    alert_id, _, form_id = state.partition("|")
    now, form_id = ports.clock.now(), form_id or ports.new_id()
    async with ports.store.transaction(school) as records:
        found = await case_of_alert(records, school, account, alert_id, now)
        if found is None or account.person_id is None:
            return NotForYou()
        alert, incident = found
        # Of the person too: whoever makes a form id up can repeat nothing but what they did themselves.
        note_id = same_id("hand_on", alert.id, account.person_id, form_id)
        if (done := next((n for n in await records.case_notes(incident.id) if n.id == note_id), None)) is not None:
            return await _as_before(records, incident, alert, done)
        asked = await _questions(records, school, account, alert, incident, form_id, now)
        if not isinstance(asked, HandOnQuestions):
            return asked
        chosen = next((r for r in asked.recipients if r.key == to), None)
        faults = _faults(chosen, to, reason)
        if faults or chosen is None:
            return replace(asked, chosen=to, reason=reason, faults=faults)
        excluded = excluded_ids((await records.exclusions(incident.id))[incident.id])
        alert = replace(
            alert,
            role=chosen.role,
            also_roles=(),
            group=chosen.group,
            state=AlertState.OPEN,
            owner_id=None,
            acknowledged_at=None,
            round=alert.round + 1,
            due_at=school.calendar.due(deadline(school, incident), now),
        )
        await records.change_alert(alert)
        note = CaseNote(incident.id, account.person_id, NoteKind.HANDED_ON, now, reason.strip(), note_id)
        texts = await records.add_case_note(note)
        readers: Readers = await records.readers(now - ports.readers_known_for) if excluded else {}
        staff = await records.staff()
        groups = {GROUP_OF[chosen.role]: (chosen.group,)} if chosen.role in GROUP_OF else {}
        duty = duties(school, staff, [chosen.role], groups, excluded, private=incident.private, readers=readers)[0]
        await records.cancel_timers(alert.id, TimerKind.CLIMB, TimerKind.REMIND)
        outgoing = Outgoing(timers=[timer(ports, TimerKind.CLIMB, alert, alert.due_at)])
        summon(ports, outgoing, alert, [Rung(chosen.person, chosen.role)], now, Asked.HANDED_ON, channels=duty.channels)
        await records.set_going(outgoing, now)
        await records.show_again(incident.id, now, MessageKind.ALERT, alert_id=alert.id)
        await records.show_again(incident.id, now, MessageKind.RECEIPT)
        said: dict[str, str] = {"role": chosen.role, "person": chosen.person.id, "texts": texts}
        await records.note(now, actor(account), "alert.handed_on", incident.id, **said)
    ports.wake()
    return HandedOn(incident.reference, chosen)


async def _questions(
    records: Records, school: School, account: Account, alert: Alert, incident: Incident, form_id: str, now: datetime
) -> HandOnQuestions | AlreadyClosed:
    if not incident.is_open or alert.state is AlertState.DONE:
        return AlreadyClosed(incident.reference)
    looking, case = await viewer(records, school, account), await subject(records, incident, now)
    reads = may(looking, Act.READ, case)
    choices = recipients(school, looking.staff, incident, case.excluded | {account.person_id or ""}, reads=reads)
    return HandOnQuestions(alert, incident, choices, form_id=form_id)


async def _as_before(records: Records, incident: Incident, alert: Alert, done: CaseNote) -> HandedOn | NotForYou:
    """Whom the same form was for when it came first, whatever it says now; unless they have left the school since."""
    summonses = (await records.summonses(alert.id))[alert.id]
    first = next((s for s in summonses if s.why is Asked.HANDED_ON and s.at == done.at), None)
    person = (await records.staff()).get(first.person_id) if first is not None else None
    if first is None or person is None:
        return NotForYou()
    return HandedOn(incident.reference, Recipient(person, first.role, ""))


def _faults(chosen: Recipient | None, to: str, reason: str) -> dict[str, Fault]:
    faults = {}
    if chosen is None:
        faults[TO] = Fault.UNKNOWN_CHOICE if to else Fault.MISSING
    if not reason.strip() or len(reason) > LONGEST_TEXT:
        faults[REASON] = Fault.TOO_LONG if reason.strip() else Fault.MISSING
    return faults


def recipients(
    school: School, staff: Staff, incident: Incident, without: Iterable[str], *, reads: bool = True
) -> tuple[Recipient, ...]:
    """Everybody who holds a role and may see the case; for a private one only the roles that take such matters.

    Whoever does not read the case (`reads`) cannot show it to others: a task goes to others who carry out such tasks, or to
    those who see the case anyway.
    """
    roles = _PRIVATE_ROLES if incident.private else [r for r in Role if r not in EXTERNAL_ROLES]
    if not reads:
        roles = sorted(TECHNICAL if incident.private else TECHNICAL | LEADS)
    without = set(without)
    found: dict[tuple[str, Role, str], Recipient] = {}
    for role in roles:
        holders = school.holders.get(role)
        if holders is None:
            continue
        for group in (*holders.by_group, "") if holders.by_group else ("",):
            for person in staff.holders(school, role, group):
                if person.id not in without:
                    found.setdefault((person.id, role, group), Recipient(person, role, group))
    return tuple(found.values())
