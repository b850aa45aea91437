"""Signing a closed case off, line by line of the policy's log form. Whoever signs is shown nobody's name for that.

Who may sign is decided on each request. The note is sealed and vouched for in the audit in the same transaction.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeAlias

from domain.access import Act, Subject, Viewer, may
from domain.audience import Rung, excluded_ids, may_follow
from domain.case_changes import (
    NOTE,
    CaseChange,
    ChangeKind,
    LinkKind,
    Result,
    Signature,
    SignatureLine,
    latest_round,
)
from domain.change_forms import Done, SignPage
from domain.incident import AlertState, Delivery, Incident, MessageKind, Outgoing, Timer, TimerKind
from domain.messages import SignOffMessage, WithdrawnMessage
from domain.people import Account, School
from domain.report_form import LONGEST_TEXT, Fault
from domain.routing import route_kept
from domain.signing import asked_together, dealt_with, not_their_own, signers
from domain.words import IncidentState, Role, Urgency
from handlers.acknowledge import NotForYou, remind_at
from handlers.alerting import delivery, on_platforms
from handlers.ask import same_id
from handlers.ports import Ports, Records, actor
from handlers.rights import member, note_reading, subject, viewer

_ASKED_ALONE = 2
"""So many reminders go to whoever is to sign; with the next one the next in line is asked in their place."""


@dataclass(frozen=True, slots=True)
class SignedAlready:
    """The line was signed before, or need not be any more."""

    reference: str


SignOutcome: TypeAlias = SignPage | SignedAlready | Done | NotForYou


async def ask_all(ports: Ports, records: Records, school: School, incident: Incident, now: datetime) -> None:
    """Has a case that was just closed signed off, where the policy's log form has lines for that."""
    if not school.policy.sign_off:
        return
    before = await records.signatures(incident.id)
    round_ = max((x.round for x in before), default=-1) + 1
    asked: list[Signature] = []
    dealt, form = await _dealt(records, incident), school.policy.sign_off
    rungs = [await _rungs(records, school, incident, line.role, (), round_, dealt) for line in form]
    for line, rung in zip(form, asked_together(rungs, dealt), strict=True):
        signature = _asking(school, Signature(ports.new_id(), incident.id, line.role, round_, now), rung, now)
        await records.ask_to_sign(signature)
        await records.note(now, "bot", "sign_off.asked", incident.id, role=line.role, person=signature.person_id)
        asked.append(signature)
    await _remind_later(ports, records, school, incident, asked, now, "asked")


async def call_off(records: Records, incident: Incident, now: datetime) -> None:
    """Nobody need sign a case any more, since it is open again. What was signed before stays."""
    for signature in (await records.awaited_signatures(incident.id))[incident.id]:
        await records.change_signature(replace(signature, ended_at=now))
    await records.call_off(incident.id, TimerKind.SIGN_OFF)
    await records.show_again(incident.id, now, MessageKind.SIGN_OFF)


async def look(ports: Ports, school: School, account: Account, incident_id: str) -> SignOutcome:
    """What there is to sign, for whoever is asked to."""
    async with ports.store.transaction(school) as records:
        found = await asked_of(ports, records, school, account, incident_id)
        if found is None:
            return NotForYou()
        looking, case, signature = found
        await note_reading(records, looking, case.incident, ports.clock.now(), task=True)
        return await _page(records, looking, case, signature, ports.new_id())


async def sign(ports: Ports, school: School, account: Account, state: str, note: str) -> SignOutcome:
    """Signs a line. With the last one the case is signed off. The same form sent again changes nothing."""
    incident_id, signature_id, form_id = (*state.split("|"), "", "")[:3]
    now, note = ports.clock.now(), note.strip()
    async with ports.store.transaction(school) as records:
        change_id = same_id("sign", incident_id, signature_id, account.person_id or "", form_id)
        found = await asked_of(ports, records, school, account, incident_id)
        if found is None:
            incident = await records.incident(incident_id) if account.person_id is not None else None
            if incident is not None and await records.is_changed(change_id):
                return SignedAlready(incident.reference)
            return NotForYou()
        looking, case, signature = found
        if signature.id != signature_id or not form_id:
            return NotForYou()
        if len(note) > LONGEST_TEXT:
            await note_reading(records, looking, case.incident, now, task=True)
            page = await _page(records, looking, case, signature, form_id)
            return replace(page, note=note, faults={NOTE: Fault.TOO_LONG})
        incident, person = case.incident, looking.person or ""
        await records.change_signature(replace(signature, done_at=now, done_by=person))
        change = CaseChange(change_id, incident.id, person, ChangeKind.SIGNED, now, note, code=signature.role)
        committed = await records.add_change(change)
        await records.note(now, actor(account), "case.signed", incident.id, role=signature.role, change=committed)
        whole = not (await records.awaited_signatures(incident.id))[incident.id]
        if whole:
            await records.set_incident_state(incident.id, IncidentState.SIGNED_OFF, incident.closed_at or now)
            await records.call_off(incident.id, TimerKind.SIGN_OFF)
            await records.note(now, "bot", "case.signed_off", incident.id)
        await records.show_again(incident.id, now, MessageKind.SIGN_OFF)
    ports.wake()
    return Done(incident.reference, incident.id, ChangeKind.SIGNED, whole=whole)


async def ring(ports: Ports, records: Records, school: School, incident: Incident, due: Timer, now: datetime) -> None:
    """Reminds whoever is to sign; after some reminders, or where they cannot any more, the next in line is asked instead."""
    awaited = (await records.awaited_signatures(incident.id))[incident.id]
    if incident.state is not IncidentState.CLOSED or incident.erased or not awaited:
        return
    asked, dealt = list[Signature](), await _dealt(records, incident)
    for signature in awaited:
        others = [x for x in awaited if x.id != signature.id]
        rungs = await _rungs(records, school, incident, signature.role, others, signature.round, dealt)
        rungs = not_their_own(rungs, dealt)
        times = await records.rung_since(due.alert_id, TimerKind.SIGN_OFF, signature.at)
        now_asked = next((n for n, rung in enumerate(rungs) if rung.person.id == signature.person_id), None)
        if now_asked is not None and times <= _ASKED_ALONE:
            asked.append(signature)
            continue
        rung = rungs[(now_asked + 1) % len(rungs)] if now_asked is not None else next(iter(rungs), None)
        changed = _asking(school, signature, rung, now)
        await records.change_signature(changed)
        if changed.person_id != signature.person_id:
            await records.note(now, "bot", "sign_off.asked", incident.id, role=signature.role, person=changed.person_id)
        asked.append(changed)
    await records.show_again(incident.id, now, MessageKind.SIGN_OFF)
    await _remind_later(ports, records, school, incident, asked, now, due.id)
    await records.note(now, "bot", "sign_off.reminded", incident.id)


async def message(
    records: Records, school: School, delivery: Delivery, incident: Incident, now: datetime
) -> SignOffMessage | WithdrawnMessage | None:
    """What is said to whoever is to sign; of one who is not asked any more it is taken back."""
    signature_id, _, _ = delivery.step.rpartition(":")[2].partition(".")
    of_case = {x.id: x for x in await records.signatures(incident.id)}
    signature, case = of_case.get(signature_id), await subject(records, incident, now)
    mine = signature is not None and signature.person_id == delivery.address.id and not incident.erased
    if signature is None or not mine or delivery.address.id in case.excluded:
        return WithdrawnMessage(incident.reference) if delivery.message_id is not None else None
    waits = signature.is_awaited and may(member(school, await records.staff(), delivery.address.id), Act.SIGN, case)
    if not waits and delivery.message_id is None:
        return None
    title = school.policy.role_title(signature.role)
    return SignOffMessage(incident.id, incident.reference, title, signature.at, settled=not waits)


async def lines(records: Records, school: School, incident: Incident) -> tuple[SignatureLine, ...]:
    """The lines of the form in its order, with names; whoever signed before the case was opened again stands first."""
    order = [line.role for line in school.policy.sign_off]
    signatures = await records.signatures(incident.id)
    latest = latest_round(signatures, is_open=incident.is_open)
    found = [x for x in signatures if x.done_at is not None or x.is_awaited]
    found.sort(key=lambda x: (x.round, order.index(x.role) if x.role in order else len(order)))
    names = await records.names_of_staff({p for x in found for p in (x.done_by or x.person_id,) if p})
    return tuple(
        SignatureLine(x, names.get(x.done_by or x.person_id or "", ""), x.done_at is not None and x.round < latest)
        for x in found
    )


def cites_of(school: School, role: Role) -> tuple[str, ...]:
    """The clauses on which a line stands."""
    return next((line.cites for line in school.policy.sign_off if line.role is role), ())


async def _dealt(records: Records, incident: Incident) -> frozenset[str]:
    """Whose work a case is, with every duplicate of it: what was done in one is signed with the case that goes on."""
    found, waiting, seen = frozenset[str](), [incident.id], {incident.id}
    while waiting:
        here = waiting.pop()
        found |= dealt_with(await records.alerts_of(here), await records.said_or_decided(here))
        merged = {x.incident_id for x in await records.links_of(here) if x.kind is LinkKind.MERGED and x.other_id == here}
        waiting += merged - seen
        seen |= merged
    return found


async def _rungs(
    records: Records,
    school: School,
    incident: Incident,
    role: Role,
    others: Iterable[Signature],
    round_: int,
    dealt: frozenset[str],
) -> tuple[Rung, ...]:
    """Who can sign a line, in order: nobody who signs another."""
    staff, excluded = await records.staff(), excluded_ids((await records.exclusions(incident.id))[incident.id])
    found = route_kept(school.policy, incident.facts, staff.fully_excluded_roles(school, excluded))
    only = may_follow(found.notify, private=incident.private)
    signed = {x.done_by for x in await records.signatures(incident.id) if x.done_by and x.round == round_}
    without = excluded | signed | {x.person_id for x in others if x.person_id}
    return signers(school, staff, role, without, only, dealt)


def _asking(school: School, signature: Signature, rung: Rung | None, now: datetime) -> Signature:
    if rung is None:
        return replace(signature, person_id=None, asked_as=None, reads=False, at=now)
    # Whoever stands in for the role is shown no more than that it was dealt with.
    line = next((line for line in school.policy.sign_off if line.role is signature.role), None)
    reads = line is not None and line.reads and rung.role is signature.role
    return replace(signature, person_id=rung.person.id, asked_as=rung.role, reads=reads, at=now)


async def _remind_later(
    ports: Ports, records: Records, school: School, incident: Incident, asked: Iterable[Signature], now: datetime, step: str
) -> None:
    """Writes to whoever is to sign, and again later."""
    staff = await records.staff()
    alert = next(iter(await records.alerts_of(incident.id)))
    people = [(x, person) for x in asked if (person := staff.get(x.person_id)) is not None]
    outgoing = Outgoing(
        deliveries=[
            delivery(ports, incident.id, None, MessageKind.SIGN_OFF, place, f"{x.id}.{step}")
            for x, person in people
            for place in on_platforms(ports.platforms, person)
        ],
        timers=[
            Timer(ports.next_id(), TimerKind.SIGN_OFF, incident.id, alert.id, remind_at(school, Urgency.LOW, now)),
        ],
    )
    await records.set_going(outgoing, now)


async def asked_of(
    ports: Ports, records: Records, school: School, account: Account, incident_id: str
) -> tuple[Viewer, Subject, Signature] | None:
    """A closed case, held, with the line of it that somebody is asked to sign; None where they are not, or not any more."""
    incident = await records.incident(incident_id)
    if incident is None:
        return None
    looking, case = await viewer(records, school, account), await subject(records, incident, ports.clock.now())
    if not may(looking, Act.SIGN, case):
        return None
    awaited = (await records.awaited_signatures(incident.id))[incident.id]
    own = next((x for x in awaited if x.person_id == looking.person and x.asked_as in looking.roles), None)
    return (looking, case, own) if own is not None else None


async def _page(records: Records, looking: Viewer, case: Subject, signature: Signature, form_id: str) -> SignPage:
    incident, school = case.incident, looking.school
    concern = school.policy.concerns.get(incident.facts.concern)
    said = await records.result(incident.id)
    roles = tuple(dict.fromkeys(r for a, _ in case.duties if a.state is AlertState.DONE and a.owner_id for r in a.roles))
    others = tuple(line for line in await lines(records, school, incident) if line.signature.id != signature.id)
    return SignPage(
        incident.id,
        incident.reference,
        concern.label if concern is not None else incident.facts.concern,
        incident.urgency,
        incident.reported_at,
        incident.closed_at or incident.reported_at,
        signature,
        Result(said) if said in set(Result) else None,
        roles,
        others,
        await records.review(incident.id),
        await records.reviewed_at(incident.id),
        await records.open_actions(incident.id),
        cites_of(school, signature.role),
        may(looking, Act.READ, case),
        form_id,
    )
