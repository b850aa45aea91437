"""Handing an alert on to another holder or role, with a reason. It is unanswered again, with a fresh deadline."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TypeAlias
from zlib import crc32

from domain.audience import Readers, Rung, duties, excluded_ids
from domain.incident import Alert, AlertState, Asked, CaseNote, Incident, MessageKind, NoteKind, Outgoing, TimerKind
from domain.people import GROUP_OF, Account, Person, School, Staff
from domain.report_form import LONGEST_TEXT, Fault
from domain.words import EXTERNAL_ROLES, Role
from handlers.acknowledge import AlreadyClosed, NotForYou, case_of_alert
from handlers.alerting import deadline, summon, timer
from handlers.ports import Ports, actor

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
    """To whom, and why."""

    alert: Alert
    incident: Incident
    recipients: tuple[Recipient, ...]
    chosen: str = ""
    reason: str = ""
    faults: dict[str, Fault] | None = None


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
        found = await case_of_alert(records, school, account, alert_id)
        if found is None:
            return NotForYou()
        alert, incident = found
        if not incident.is_open or alert.state is AlertState.DONE:
            return AlreadyClosed(incident.reference)
        excluded = excluded_ids((await records.exclusions(incident.id))[incident.id])
        choices = recipients(school, await records.staff(), incident, excluded | {account.person_id or ""})
        return HandOnQuestions(alert, incident, choices)


async def hand_on(ports: Ports, school: School, account: Account, alert_id: str, to: str, reason: str) -> HandOnOutcome:
    """Hands an alert on. The new holder is asked at once, and it climbs again if they do not answer."""
    asked = await ask(ports, school, account, alert_id)
    if not isinstance(asked, HandOnQuestions):
        return asked
    chosen = next((r for r in asked.recipients if r.key == to), None)
    faults = {}
    if chosen is None:
        faults[TO] = Fault.UNKNOWN_CHOICE if to else Fault.MISSING
    if not reason.strip() or len(reason) > LONGEST_TEXT:
        faults[REASON] = Fault.TOO_LONG if reason.strip() else Fault.MISSING
    if faults or chosen is None:
        return replace(asked, chosen=to, reason=reason, faults=faults)
    now = ports.clock.now()
    async with ports.store.transaction(school) as records:
        found = await case_of_alert(records, school, account, alert_id)
        if found is None or account.person_id is None:
            return NotForYou()
        alert, incident = found
        excluded = excluded_ids((await records.exclusions(incident.id))[incident.id])
        if not incident.is_open or alert.state is AlertState.DONE:
            return AlreadyClosed(incident.reference)
        if chosen.person.id in excluded:
            return NotForYou()
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
        await records.add_case_note(CaseNote(incident.id, account.person_id, NoteKind.HANDED_ON, now, reason.strip()))
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
        await records.note(now, actor(account), "alert.handed_on", incident.id, role=chosen.role, person=chosen.person.id)
    ports.wake()
    return HandedOn(incident.reference, chosen)


def recipients(school: School, staff: Staff, incident: Incident, without: Iterable[str]) -> tuple[Recipient, ...]:
    """Everybody who holds a role and may see the case; for a private one only the roles that take such matters."""
    roles = _PRIVATE_ROLES if incident.private else [r for r in Role if r not in EXTERNAL_ROLES]
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
