"""Changing a case: its category or urgency, its duplicates and links, a date to look at it again, and opening it anew.

Whoever works a case may. The right is checked on each request, of both cases where there are two. Why is sealed, and vouched
for in the audit in the same transaction.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

from domain.access import Act, Subject, may
from domain.audience import Duty, duties
from domain.case_changes import (
    AS_THE_POLICY_HAS_IT,
    CONCERN,
    DUE,
    KIND,
    LONGEST_REFERENCE,
    OTHER,
    REASON,
    URGENCY,
    CaseChange,
    ChangeKind,
    ChangesPage,
    Classified,
    Link,
    LinkKind,
    Review,
)
from domain.change_forms import ChangeQuestions, Done, UnlinkQuestions, Wish, WishQuestions
from domain.incident import Alert, AlertState, Incident, MessageKind, Outgoing, Timer, TimerKind, Why
from domain.measures import Unsettled
from domain.people import GROUP_OF, Account, School
from domain.report_form import LONGEST_TEXT, Fault, Filled
from domain.routing import Route, route_kept
from domain.words import IncidentState, Urgency
from handlers.acknowledge import NotForYou, remind_at
from handlers.alerting import deadline, open_duty, timer
from handlers.ask import same_id
from handlers.course import linked, page
from handlers.details import PassedOn, pass_on
from handlers.ports import Ports, Records
from handlers.reopening import keep_on, revive
from handlers.rights import subject
from handlers.set_right import groups_of
from handlers.signing import call_off
from handlers.working import Work, begun

ChangeOutcome: TypeAlias = ChangeQuestions | WishQuestions | Done | PassedOn | NotForYou
UnlinkOutcome: TypeAlias = UnlinkQuestions | Done | NotForYou
_WITH_ANOTHER = frozenset({Wish.MERGE, Wish.LINK})
_MAKES = {
    Wish.RECLASSIFY: ChangeKind.RECLASSIFIED,
    Wish.MERGE: ChangeKind.MERGED,
    Wish.LINK: ChangeKind.LINKED,
    Wish.REVIEW: ChangeKind.REVIEW_SET,
    Wish.REVIEWED: ChangeKind.REVIEWED,
    Wish.REOPEN: ChangeKind.REOPENED,
    Wish.UNMERGE: ChangeKind.UNMERGED,
}
_FARTHEST_REVIEW = timedelta(days=3660)


@dataclass(frozen=True, slots=True)
class _Work(Work):
    """A case that is changed."""

    def change_id(self, form_id: str) -> str:
        """The id of the change that a form makes. Of the person too: nobody can send another's form a second time."""
        return same_id("change", self.incident.id, self.person, form_id)


async def history(
    ports: Ports, school: School, account: Account, incident_id: str, number: int | None = None
) -> ChangesPage | NotForYou:
    """How a case has changed, a page of it, the last one if none is named."""
    async with ports.store.transaction(school) as records:
        work = await begun(_Work, ports, records, school, account, incident_id)
        if work is None:
            return NotForYou()
        await work.noted()
        return await page(records, work.looking, work.incident, work.now, number)


async def begin(ports: Ports, school: School, account: Account, incident_id: str) -> ChangeQuestions | NotForYou:
    """What can be changed about a case as it stands."""
    async with ports.store.transaction(school) as records:
        work = await begun(_Work, ports, records, school, account, incident_id)
        return await _choices(work) if work is not None else NotForYou()


async def ask(ports: Ports, school: School, account: Account, incident_id: str, wish: str) -> ChangeOutcome:
    """The form for one change."""
    async with ports.store.transaction(school) as records:
        work = await begun(_Work, ports, records, school, account, incident_id)
        if work is None:
            return NotForYou()
        choices = await _choices(work)
        wanted = next((w for w in choices.wishes if w == wish), None)
        if wanted is None:
            return replace(choices, faults={KIND: Fault.UNKNOWN_CHOICE if wish else Fault.MISSING})
        await work.noted()
        return await _questions(work, wanted, ports.new_id())


async def change(ports: Ports, school: School, account: Account, state: str, values: Filled) -> ChangeOutcome:
    """Changes a case. The same form sent again changes nothing, and is answered as before."""
    incident_id, wish, form_id = (*state.split("|"), "", "")[:3]
    async with ports.store.transaction(school) as records:
        named = _text(values, OTHER).upper() if wish in _WITH_ANOTHER else ""
        other = await records.incident_by_reference(named) if 0 < len(named) <= LONGEST_REFERENCE else None
        of_a_merge = await records.merged_into(incident_id) if wish == Wish.UNMERGE else None
        await _hold(records, incident_id, other.id if other is not None else of_a_merge)
        work = await begun(_Work, ports, records, school, account, incident_id)
        if work is None or not form_id or wish not in set(Wish):
            return NotForYou()
        if await records.is_changed(work.change_id(form_id)):
            return Done(work.incident.reference, incident_id, _MAKES[Wish(wish)])
        choices = await _choices(work)
        wanted = next((w for w in choices.wishes if w == wish), None)
        if wanted is None:
            # It has changed meanwhile, and this is not to be done any more.
            return replace(choices, faults={KIND: Fault.UNKNOWN_CHOICE})
        asked = replace(await _questions(work, wanted, form_id), filled=values)
        faults = _reason_faults(values)
        outcome: Done | PassedOn | Mapping[str, Fault]
        match wanted:
            case Wish.RECLASSIFY:
                outcome = await _reclassify(work, asked, values, faults)
            case Wish.MERGE:
                outcome = await _merge(work, asked, other, values, faults)
            case Wish.LINK:
                outcome = await _link(work, asked, other, values, faults)
            case Wish.UNMERGE:
                outcome = faults or await _unmerge(work, asked, values)
            case Wish.REVIEW:
                outcome = await _set_review(work, asked, values, faults)
            case Wish.REVIEWED:
                outcome = await _reviewed(work, asked, values, faults)
            case Wish.REOPEN:
                outcome = faults or await _reopen(work, asked, values)
        if not isinstance(outcome, Done | PassedOn):
            await work.noted()
            return replace(asked, faults=outcome)
    ports.wake()
    return outcome


async def ask_unlink(ports: Ports, school: School, account: Account, value: str) -> UnlinkOutcome:
    """Why a link is to be taken away. `value`: the case and the link."""
    incident_id, _, link_id = value.partition("|")
    async with ports.store.transaction(school) as records:
        work = await begun(_Work, ports, records, school, account, incident_id)
        link = await _related(work, link_id) if work is not None else None
        if work is None or link is None:
            return NotForYou()
        return UnlinkQuestions(incident_id, work.incident.reference, link[1], link_id, ports.new_id())


async def unlink(ports: Ports, school: School, account: Account, state: str, values: Filled) -> UnlinkOutcome:
    """Takes a link away. That it was there, and why it is no more, stays in both cases' changes."""
    incident_id, link_id, form_id = (*state.split("|"), "", "")[:3]
    async with ports.store.transaction(school) as records:
        work = await begun(_Work, ports, records, school, account, incident_id)
        if work is None or not form_id:
            return NotForYou()
        if await records.is_changed(work.change_id(form_id)):
            return Done(work.incident.reference, incident_id, ChangeKind.UNLINKED)
        found = await _related(work, link_id)
        if found is None:
            return NotForYou()
        link, reference = found
        if faults := _reason_faults(values):
            return UnlinkQuestions(incident_id, work.incident.reference, reference, link_id, form_id, values, faults)
        await records.end_link(link.id, work.person, work.now)
        made = _made(work, form_id, ChangeKind.UNLINKED, values, other_id=link.beyond(incident_id))
        committed = await records.add_change(made)
        await records.note(work.now, work.actor, "case.unlinked", incident_id, change=committed)
    ports.wake()
    return Done(work.incident.reference, incident_id, ChangeKind.UNLINKED, reference)


# What is asked


async def _hold(records: Records, one: str, other: str | None) -> None:
    """Both cases, in an order that is the same for everybody who holds two."""
    for incident_id in sorted({one, other or one}):
        await records.incident(incident_id)


async def _choices(work: _Work) -> ChangeQuestions:
    incident = work.incident
    review = (Wish.REVIEW, Wish.REVIEWED) if await work.records.review(incident.id) is not None else (Wish.REVIEW,)
    wishes: tuple[Wish, ...]
    if incident.state is IncidentState.MERGED:
        wishes = (Wish.UNMERGE,) if await work.records.merged_into(incident.id) is not None else ()
    elif incident.is_open:
        wishes = (Wish.RECLASSIFY, Wish.MERGE, Wish.LINK, *review)
    else:
        wishes = (Wish.REOPEN, Wish.MERGE, Wish.LINK, *review)
    return ChangeQuestions(incident.id, incident.reference, wishes)


async def _questions(work: _Work, wish: Wish, form_id: str) -> WishQuestions:
    incident, policy = work.incident, work.school.policy
    facts = incident.facts
    filled: dict[str, str] = {}
    if wish is Wish.RECLASSIFY:
        filled = {CONCERN: facts.concern, URGENCY: incident.urgency}
    review = await work.records.review(incident.id) if wish in (Wish.REVIEW, Wish.REVIEWED) else None
    if review is not None and wish is Wish.REVIEW:
        filled = {DUE: review.due_at.isoformat()}
    return WishQuestions(
        incident.id,
        incident.reference,
        wish,
        form_id,
        work.now,
        filled,
        was=Classified(facts.concern, incident.urgency),
        concerns=tuple((c.id, c.label) for c in policy.concerns.values()) if wish is Wish.RECLASSIFY else (),
        private=incident.private,
        cites=policy.review_cites if wish in (Wish.REVIEW, Wish.REVIEWED) else (),
    )


def _reason_faults(values: Filled) -> dict[str, Fault]:
    reason = _text(values, REASON)
    if not reason:
        return {REASON: Fault.MISSING}
    return {REASON: Fault.TOO_LONG} if len(reason) > LONGEST_TEXT else {}


def _made(work: _Work, form_id: str, kind: ChangeKind, values: Filled, **more: object) -> CaseChange:
    made = CaseChange(work.change_id(form_id), work.incident.id, work.person, kind, work.now, _text(values, REASON))
    return replace(made, **more)  # type: ignore[arg-type]  # each is a field of it


# Another category or urgency


async def _reclassify(
    work: _Work, asked: WishQuestions, values: Filled, faults: dict[str, Fault]
) -> Done | PassedOn | Mapping[str, Fault]:
    incident, policy, records = work.incident, work.school.policy, work.records
    concern, urgency = _text(values, CONCERN), _text(values, URGENCY)
    if concern not in policy.concerns and concern != incident.facts.concern:
        faults[CONCERN] = Fault.UNKNOWN_CHOICE if concern else Fault.MISSING
    if urgency not in {AS_THE_POLICY_HAS_IT, *Urgency}:
        faults[URGENCY] = Fault.UNKNOWN_CHOICE if urgency else Fault.MISSING
    if CONCERN in faults or URGENCY in faults:
        return faults
    facts = replace(incident.facts, concern=concern)
    found = route_kept(policy, facts, work.looking.staff.fully_excluded_roles(work.school, work.case.excluded))
    was = Classified(incident.facts.concern, incident.urgency)
    now = Classified(concern, found.urgency if urgency == AS_THE_POLICY_HAS_IT else Urgency(urgency))
    if now == was:
        faults[CONCERN] = Fault.NO_CHANGE
    if faults:
        return faults
    changed = await _classified(work, replace(incident, facts=facts, urgency=now.urgency), asked.form_id, values, was, now)
    # Those as well who have it still once it is private: they are asked for something more urgent now.
    await _new_deadlines(work, changed, was.urgency)
    if found.private and not incident.private:
        # From now on it is shown to the people concerned only. The other way it never goes.
        await records.make_private(incident.id, facts.about)
        shut_out = await records.shut_out(incident.id)
        await records.note(work.now, "bot", "case.made_private", incident.id, about=facts.about, shut_out=shut_out)
        await pass_on(work.ports, records, work.school, replace(changed, private=True), facts, work.case.excluded)
    else:
        await _ask_more(work, changed, found, anew=now.concern != was.concern)
    await records.show_again(incident.id, work.now, MessageKind.ALERT, MessageKind.RECEIPT, MessageKind.REMINDER)
    case = await subject(records, await records.incident(incident.id) or changed, work.now)
    if not may(work.looking, Act.READ, case):
        live = [a for a, _ in case.duties if a.state is not AlertState.DONE]
        return PassedOn(incident.reference, tuple(dict.fromkeys(role for a in live for role in a.roles)))
    return Done(incident.reference, incident.id, ChangeKind.RECLASSIFIED)


async def _classified(
    work: _Work, changed: Incident, form_id: str, values: Filled, was: Classified, now: Classified
) -> Incident:
    """Writes what a case is taken for now; the case with its new deadline."""
    records, incident = work.records, work.incident
    due_at = _due(work, changed, incident.reported_at, incident.due_at) if now.urgency is not was.urgency else incident.due_at
    if incident.state is not IncidentState.REPORTED:
        # Somebody has answered: by when they had to is as it was.
        due_at = incident.due_at
    await records.reclassify(incident.id, now, due_at)
    made = _made(work, form_id, ChangeKind.RECLASSIFIED, values, was=was, now=now)
    said: dict[str, str] = {
        "concern": now.concern,
        "urgency": now.urgency,
        "concern_was": was.concern,
        "urgency_was": was.urgency,
    }
    said |= {"due_was": incident.due_at.isoformat(), "change": await records.add_change(made)}
    await records.note(work.now, work.actor, "case.reclassified", incident.id, **said)
    return replace(changed, due_at=due_at)


def _due(work: _Work, changed: Incident, since: datetime, before: datetime) -> datetime:
    """By when somebody must answer now: counted from the beginning, but nobody is late because it became more urgent."""
    calendar, time = work.school.calendar, deadline(work.school, changed)
    due = calendar.due(time, since)
    if due > work.now:
        return due
    anew = calendar.due(time, work.now)
    return min(anew, before) if before > work.now else anew


async def _new_deadlines(work: _Work, changed: Incident, was: Urgency) -> None:
    if changed.urgency is was:
        return
    outgoing = Outgoing()
    for alert, _ in work.case.duties:
        if alert.state is AlertState.DONE:
            continue
        soon = await work.records.next_ring(alert.id, TimerKind.CLIMB)
        await work.records.cancel_timers(alert.id, TimerKind.CLIMB, TimerKind.REMIND)
        if alert.state is AlertState.OPEN:
            anew = replace(alert, due_at=_due(work, changed, alert.opened_at, alert.due_at))
            await work.records.change_alert(anew)
            # One that has climbed already may be about to climb again: what has become more urgent never climbs later.
            at = min(soon, anew.due_at) if soon is not None and changed.urgency.rank < was.rank else anew.due_at
            outgoing.timers.append(timer(work.ports, TimerKind.CLIMB, anew, at))
        else:
            at = remind_at(work.school, changed.urgency, work.now)
            outgoing.timers.append(timer(work.ports, TimerKind.REMIND, alert, at))
    await work.records.set_going(outgoing, work.now)


async def _ask_more(work: _Work, changed: Incident, found: Route, *, anew: bool) -> None:
    """Whoever the new category's route names and nobody has asked yet. Whoever was asked stays.

    `anew`: it is of another category, so that whoever has done their part has answered for something else.
    """
    alerts = [a for a, _ in work.case.duties]
    answering = {r for a in alerts if _answers(work, a) or (a.owner_id is not None and not anew) for r in a.roles}
    wanted = [role for role in found.notify if role not in answering]
    groups = await groups_of(work.records, changed, tuple(alerts))
    excluded, now = work.case.excluded, work.now
    readers = await work.records.readers(now - work.ports.readers_known_for) if excluded and not changed.private else {}
    asked = duties(work.school, work.looking.staff, wanted, groups, excluded, private=changed.private, readers=readers)
    await _open(work, changed, asked)


def _answers(work: _Work, alert: Alert) -> bool:
    """Whether a part need not be asked for: somebody has it, or is asked to, or whoever makes the change has done it."""
    return alert.state is not AlertState.DONE or alert.owner_id == work.person


async def _open(work: _Work, incident: Incident, asked: tuple[Duty, ...]) -> None:
    outgoing, due = Outgoing(), work.school.calendar.due(deadline(work.school, incident), work.now)
    for duty in asked:
        if duty.rungs or duty.channels:
            open_duty(work.ports, outgoing, incident, duty, work.now, due)
    await work.records.set_going(outgoing, work.now)
    for alert in outgoing.alerts:
        await work.records.note(work.now, work.actor, "duty.added", incident.id, role=alert.role)


# Duplicates and links


async def _other(work: _Work, other: Incident | None, values: Filled, act: Act) -> tuple[Subject | None, dict[str, Fault]]:
    """The other case, if there is one that they may do this with: of any other they are told the same."""
    if other is None or other.id == work.incident.id:
        return None, {OTHER: Fault.NO_SUCH_CASE if _text(values, OTHER) else Fault.MISSING}
    held = await work.records.incident(other.id)
    case = await subject(work.records, held, work.now) if held is not None else None
    known = case is not None and not case.incident.erased and may(work.looking, act, case)
    return (case, {}) if known else (None, {OTHER: Fault.NO_SUCH_CASE})


async def _merge(
    work: _Work, asked: WishQuestions, other: Incident | None, values: Filled, faults: dict[str, Fault]
) -> Done | Mapping[str, Fault]:
    records, incident = work.records, work.incident
    into, wrong = await _other(work, other, values, Act.WORK)
    faults |= wrong
    if into is not None:
        goes_on = into.incident
        if goes_on.state is IncidentState.MERGED:
            faults[OTHER] = Fault.NO_SUCH_CASE
        elif not goes_on.is_open and not await _is_done_with(work):
            faults[OTHER] = Fault.OTHER_IS_CLOSED
        elif not _same_audience(work.case, into):
            faults[OTHER] = Fault.OTHER_AUDIENCE
    if await records.open_actions(incident.id) or (await records.unsettled(incident.id)) != Unsettled():
        faults[REASON] = Fault.STILL_TO_DO
    if faults or into is None:
        return faults
    live = [a for a, _ in work.case.duties if a.state is not AlertState.DONE]
    await records.add_link(Link(work.ports.new_id(), incident.id, into.incident.id, LinkKind.MERGED, work.person, work.now))
    review = await records.review(incident.id)
    made = _made(
        work,
        asked.form_id,
        ChangeKind.MERGED,
        values,
        other_id=into.incident.id,
        state=incident.state,
        closed_at=incident.closed_at,
        alerts=tuple(a.id for a in live),
        due_at=review.due_at if review is not None else None,
    )
    committed = await records.add_change(made)
    await records.note(work.now, work.actor, "case.merged", incident.id, change=committed)
    for alert in live:
        await records.change_alert(replace(alert, state=AlertState.DONE))
    await records.call_off_all(incident.id)
    await records.end_review(incident.id, work.person, work.now)
    await call_off(records, incident, work.now)
    await keep_on(records, incident, work.now)
    # What was closed before was, and is kept from then.
    await records.set_incident_state(incident.id, IncidentState.MERGED, incident.closed_at or work.now)
    await records.note(work.now, work.actor, "case.merged_here", into.incident.id)
    await _goes_on(work, asked, into, made)
    # How urgent it is may have changed with that.
    now_stands = await records.incident(into.incident.id) or into.incident
    await _carry_over(work, replace(into, incident=now_stands), live)
    shown = (MessageKind.ALERT, MessageKind.RECEIPT, MessageKind.REMINDER, MessageKind.REVIEW)
    await records.show_again(incident.id, work.now, *shown)
    return Done(incident.reference, incident.id, ChangeKind.MERGED, into.incident.reference)


async def _is_done_with(work: _Work) -> bool:
    """Whether nobody need do anything about it any more: else it goes where somebody still does, and signs that."""
    waits = (await work.records.awaited_signatures(work.incident.id))[work.incident.id]
    return not work.incident.is_open and not waits


def _same_audience(one: Subject, other: Subject) -> bool:
    """Whether nobody learns of one by the other: both are private or neither, about the same, and exclude the same people."""
    about = one.incident.facts.about is other.incident.facts.about or not (one.incident.private or other.incident.private)
    return one.incident.private is other.incident.private and one.excluded == other.excluded and about


async def _goes_on(work: _Work, asked: WishQuestions, into: Subject, merged: CaseChange) -> None:
    """What the case that goes on takes over from its duplicate: how urgent it is, and when it is to be looked at again.

    Why stands in the duplicate alone, and goes with it.
    """
    records, incident, there, before = work.records, work.incident, replace(work, case=into), into.incident
    if before.is_open and incident.urgency.rank < before.urgency.rank:
        was, now = (Classified(before.facts.concern, urgency) for urgency in (before.urgency, incident.urgency))
        form = f"{asked.form_id}.{Wish.RECLASSIFY}"
        changed = await _classified(there, replace(before, urgency=now.urgency), form, {}, was, now)
        await _new_deadlines(there, changed, was.urgency)
        await records.show_again(before.id, work.now, MessageKind.ALERT, MessageKind.RECEIPT, MessageKind.REMINDER)
    if merged.due_at is not None and await records.review(before.id) is None:
        await _review_set(there, f"{asked.form_id}.{Wish.REVIEW}", {}, merged.due_at)


async def _carry_over(work: _Work, into: Subject, live: list[Alert]) -> None:
    """Whoever was asked in the duplicate and by nobody in the case that goes on is asked there."""
    there = {(r, a.group) for a, _ in into.duties if _answers(work, a) for r in a.roles}
    excluded, now = into.excluded, work.now
    readers = await work.records.readers(now - work.ports.readers_known_for) if excluded and not into.incident.private else {}
    for alert in live:
        roles = [r for r in alert.roles if (r, alert.group) not in there and (alert.group or all(r != x for x, _ in there))]
        groups = {group: (alert.group,) for role in roles if (group := GROUP_OF.get(role)) is not None}
        found = duties(work.school, work.looking.staff, roles, groups, excluded, private=into.incident.private, readers=readers)
        await _open(work, into.incident, found)
        there |= {(r, alert.group) for r in alert.roles}


async def _unmerge(work: _Work, asked: WishQuestions, values: Filled) -> Done:
    records, incident = work.records, work.incident
    link = next(x for x in await records.links_of(incident.id) if x.kind is LinkKind.MERGED and x.incident_id == incident.id)
    merged = next((c for c in reversed(await records.changes(incident.id)) if c.kind is ChangeKind.MERGED), None)
    await records.end_link(link.id, work.person, work.now)
    committed = await records.add_change(_made(work, asked.form_id, ChangeKind.UNMERGED, values, other_id=link.other_id))
    await records.note(work.now, work.actor, "case.unmerged", incident.id, change=committed)
    for one, other in ((incident.id, link.other_id), (link.other_id, incident.id)):
        await _let_in_again(work, one, other)
    await revive(work.ports, records, work.school, incident, work.person, work.now, merged.alerts if merged is not None else ())
    if merged is not None and merged.due_at is not None:
        await _review_set(work, f"{asked.form_id}.{Wish.REVIEW}", {}, merged.due_at)
    return Done(incident.reference, incident.id, ChangeKind.UNMERGED)


async def _let_in_again(work: _Work, one: str, other: str) -> None:
    """Whoever may be named in another case that this is no more of one matter with is kept out of that one alone."""
    named_there = {p.id for p in await work.records.participants(other)}
    for shut_out in (await work.records.exclusions(one))[one]:
        person = shut_out.person_id
        if shut_out.why is Why.POSSIBLE and shut_out.participant_id in named_there:
            await work.records.settle(one, person, Why.DISMISSED, work.person, work.now)
            state = await work.records.shut_out(one)
            await work.records.note(work.now, work.actor, "match.dismissed", one, person=person, shut_out=state)


async def _link(
    work: _Work, asked: WishQuestions, other: Incident | None, values: Filled, faults: dict[str, Fault]
) -> Done | Mapping[str, Fault]:
    found, wrong = await _other(work, other, values, Act.READ)
    faults |= wrong
    here = {x.incident_id for x in await linked(work.records, work.looking, work.incident, work.now)}
    if found is not None and found.incident.id in here:
        faults[OTHER] = Fault.NO_CHANGE
    if faults or found is None:
        return faults
    beyond = found.incident
    await work.records.add_link(Link(work.ports.new_id(), work.incident.id, beyond.id, LinkKind.RELATED, work.person, work.now))
    committed = await work.records.add_change(_made(work, asked.form_id, ChangeKind.LINKED, values, other_id=beyond.id))
    await work.records.note(work.now, work.actor, "case.linked", work.incident.id, change=committed)
    return Done(work.incident.reference, work.incident.id, ChangeKind.LINKED, beyond.reference)


async def _related(work: _Work, link_id: str) -> tuple[Link, str] | None:
    """A link of the case that they know of, and the reference at its other end. A merge is undone in the duplicate."""
    found = await linked(work.records, work.looking, work.incident, work.now)
    return next(((x.link, x.reference) for x in found if x.link.id == link_id and x.link.kind is LinkKind.RELATED), None)


# Looking at it again, and opening it anew


async def _set_review(
    work: _Work, asked: WishQuestions, values: Filled, faults: dict[str, Fault]
) -> Done | Mapping[str, Fault]:
    due = _moment(work, values, faults)
    if DUE not in faults and due is None:
        faults[DUE] = Fault.MISSING
    if faults or due is None:
        return faults
    await _review_set(work, asked.form_id, values, due)
    return Done(work.incident.reference, work.incident.id, ChangeKind.REVIEW_SET)


async def _reviewed(work: _Work, asked: WishQuestions, values: Filled, faults: dict[str, Fault]) -> Done | Mapping[str, Fault]:
    due = _moment(work, values, faults)
    if faults:
        return faults
    await work.records.end_review(work.incident.id, work.person, work.now)
    await work.records.call_off(work.incident.id, TimerKind.REVIEW)
    await work.records.show_again(work.incident.id, work.now, MessageKind.REVIEW)
    if due is not None:
        await _review_on(work, due)
    committed = await work.records.add_change(_made(work, asked.form_id, ChangeKind.REVIEWED, values, due_at=due))
    await work.records.note(work.now, work.actor, "review.done", work.incident.id, change=committed)
    return Done(work.incident.reference, work.incident.id, ChangeKind.REVIEWED)


async def _review_set(work: _Work, form_id: str, values: Filled, due: datetime) -> None:
    await _review_on(work, due)
    committed = await work.records.add_change(_made(work, form_id, ChangeKind.REVIEW_SET, values, due_at=due))
    await work.records.note(work.now, work.actor, "review.set", work.incident.id, change=committed)


async def _review_on(work: _Work, due: datetime) -> None:
    records, incident = work.records, work.incident
    await records.end_review(incident.id, work.person, work.now)
    await records.call_off(incident.id, TimerKind.REVIEW)
    await records.set_review(Review(work.ports.new_id(), incident.id, work.person, work.now, due))
    alert, _ = work.case.duties[0]
    reminder = Timer(work.ports.next_id(), TimerKind.REVIEW, incident.id, alert.id, due)
    await records.set_going(Outgoing(timers=[reminder]), work.now)
    await records.show_again(incident.id, work.now, MessageKind.REVIEW)


async def _reopen(work: _Work, asked: WishQuestions, values: Filled) -> Done:
    records, incident = work.records, work.incident
    made = _made(work, asked.form_id, ChangeKind.REOPENED, values, state=incident.state, closed_at=incident.closed_at)
    committed = await records.add_change(made)
    await records.note(work.now, work.actor, "case.reopened", incident.id, change=committed)
    await revive(work.ports, records, work.school, incident, work.person, work.now)
    return Done(incident.reference, incident.id, ChangeKind.REOPENED)


def _text(values: Filled, field: str) -> str:
    value = values.get(field, "")
    return value.strip() if isinstance(value, str) else ""


def _moment(work: _Work, values: Filled, faults: dict[str, Fault]) -> datetime | None:
    text = _text(values, DUE)
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
        zone = work.school.calendar.timezone
        at = (moment if moment.tzinfo is not None else moment.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        faults[DUE] = Fault.NOT_A_MOMENT
        return None
    if at <= work.now:
        faults[DUE] = Fault.IN_PAST
    elif at > work.now + _FARTHEST_REVIEW:
        faults[DUE] = Fault.NOT_A_MOMENT
    return at
