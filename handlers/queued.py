"""The lines of a queue that somebody may know of: the database says where to look, domain.access what is theirs."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from heapq import merge
from typing import TypeVar, assert_never

from domain.access import Act, Reach, Subject, Viewer, answerable, may, reach
from domain.case_changes import Review, Signature
from domain.entries import ActionState, Overdue
from domain.incident import Alert, CaseLine, Incident
from domain.queues import Filters, Key, QueueKind, QueueLine, Waiting, Whose, key_of
from handlers.ports import Records
from handlers.rights import subjects
from handlers.timeline import may_be_told

_Found = TypeVar("_Found", Alert, ActionState, Signature, Review)


@dataclass(frozen=True, slots=True)
class _Sought:
    """Lines of one kind that somebody asks for."""

    records: Records
    looking: Viewer
    within: Reach
    filters: Filters
    now: datetime
    most: int
    key: Key | None = None
    back: bool = False


async def lines(
    records: Records,
    looking: Viewer,
    filters: Filters,
    now: datetime,
    most: int,
    key: Key | None = None,
    *,
    back: bool = False,
) -> list[QueueLine]:
    """So many lines at most, in their order: the next after the key, or, `back`, those right before it.

    What somebody may not know of is neither among them nor counted, and takes nobody's place.
    """
    within = reach(looking)
    if within is None:
        return []
    sought = _Sought(records, looking, within, filters, now, most, key, back)
    match filters.kind:
        case QueueKind.OPEN:
            return await _alerts(sought)
        case QueueKind.LATE:
            alerts: list[QueueLine] = []
            if filters.whose in (Whose.ANYBODY, Whose.NOBODY):
                alerts = await _alerts(sought)
            actions = await _actions(sought)
            both = list(merge(alerts, actions, key=lambda line: (key_of(line).at, key_of(line).id)))
            return both[-most:] if back else both[:most]
        case QueueKind.SIGN_OFF:
            return await _to_sign(sought)
        case QueueKind.REVIEW:
            return await _to_review(sought)
        case never:
            assert_never(never)


async def first_alerts(
    records: Records, looking: Viewer, sections: Iterable[Filters], now: datetime, most: int
) -> dict[Filters, list[QueueLine]]:
    """The first lines of several lists of open cases, whose rights are looked up together."""
    within = reach(looking)
    if within is None:
        return {section: [] for section in sections}
    found = {section: await records.queued_alerts(within, section, now, most) for section in sections}
    theirs = await _answered(records, looking, [pair for pairs in found.values() for pair in pairs], now)
    of_sections: dict[Filters, list[QueueLine]] = {}
    for section, pairs in found.items():
        here = [theirs[alert.id] for alert, _ in pairs if alert.id in theirs]
        whole = len(here) == len(pairs) or len(pairs) < most
        of_sections[section] = here if whole else await lines(records, looking, section, now, most)
    return of_sections


async def actions_late(records: Records, looking: Viewer, filters: Filters, now: datetime, most: int) -> list[QueueLine]:
    """The first lines of what is not done in time."""
    within = reach(looking)
    return await _actions(_Sought(records, looking, within, filters, now, most)) if within is not None else []


async def _answered(
    records: Records, looking: Viewer, found: Sequence[tuple[Alert, Incident]], now: datetime
) -> dict[str, QueueLine]:
    """The lines of those alerts that they may answer, by the alert's id."""
    if not found:
        return {}
    cases = await subjects(records, found, list({i.id: i for _, i in found}.values()), now)
    may_answer = {alert.id for case in cases.values() for alert in answerable(looking, case)}
    return {a.id: _case_line(looking, a, i) for a, i in found if a.id in may_answer}


async def _alerts(sought: _Sought) -> list[QueueLine]:
    records, looking, now = sought.records, sought.looking, sought.now

    async def some(after: Key | None) -> list[tuple[Alert, Incident]]:
        return await records.queued_alerts(sought.within, sought.filters, now, sought.most, after, back=sought.back)

    async def theirs(found: Sequence[tuple[Alert, Incident]]) -> list[QueueLine]:
        return list((await _answered(records, looking, found, now)).values())

    return await _walk(some, theirs, lambda alert: Key(alert.due_at, alert.id), sought)


async def _actions(sought: _Sought) -> list[QueueLine]:
    """What is not done in time, of what somebody is to do and of cases that they work: never of one that excludes them."""
    records, looking, now = sought.records, sought.looking, sought.now

    async def some(after: Key | None) -> list[tuple[ActionState, Incident]]:
        return await records.queued_actions(sought.within, sought.filters, now, sought.most, after, back=sought.back)

    async def theirs(found: Sequence[tuple[ActionState, Incident]]) -> list[QueueLine]:
        cases = await _whole(records, (i for _, i in found), now)
        told: list[QueueLine] = []
        for action, incident in found:
            case, own = cases[incident.id], action.doer_id == looking.person
            reads = may(looking, Act.WORK, case)
            # To be told that there is something to do is not to be told what kind of case it is, not by a filter either.
            if action.due_at is not None and (reads or (own and not sought.filters.says_what and may_be_told(looking, case))):
                told.append(Overdue(incident.id, incident.reference, action.due_at, own, reads, action.id))
        return told

    return await _walk(some, theirs, lambda action: Key(action.due_at or now, action.id), sought)


async def _to_sign(sought: _Sought) -> list[QueueLine]:
    records, looking, now = sought.records, sought.looking, sought.now

    async def some(after: Key | None) -> list[tuple[Signature, Incident]]:
        return await records.queued_signatures(sought.within, sought.filters, now, sought.most, after, back=sought.back)

    async def theirs(found: Sequence[tuple[Signature, Incident]]) -> list[QueueLine]:
        cases = await _whole(records, (i for _, i in found), now)
        lines: list[QueueLine] = []
        for signature, i in found:
            case = cases[i.id]
            asked = signature.person_id == looking.person and may(looking, Act.SIGN, case)
            if asked or may(looking, Act.WORK, case):
                who = person.name if (person := looking.staff.get(signature.person_id)) is not None else ""
                line = _waiting(i, signature.id, signature.at, sought.filters.kind)
                reads = may(looking, Act.READ, case)
                lines.append(replace(line, role=signature.role, who=who, sign=asked, reads=reads))
        return lines

    return await _walk(some, theirs, lambda signature: Key(signature.at, signature.id), sought)


async def _to_review(sought: _Sought) -> list[QueueLine]:
    records, looking, now = sought.records, sought.looking, sought.now

    async def some(after: Key | None) -> list[tuple[Review, Incident]]:
        return await records.queued_reviews(sought.within, sought.filters, now, sought.most, after, back=sought.back)

    async def theirs(found: Sequence[tuple[Review, Incident]]) -> list[QueueLine]:
        cases = await _whole(records, (i for _, i in found), now)
        worked = [(review, i) for review, i in found if may(looking, Act.WORK, cases[i.id])]
        return [replace(_waiting(i, review.id, review.due_at, sought.filters.kind), reads=True) for review, i in worked]

    return await _walk(some, theirs, lambda review: Key(review.due_at, review.id), sought)


def _waiting(i: Incident, id_: str, at: datetime, kind: QueueKind) -> Waiting:
    return Waiting(id_, i.id, i.reference, i.facts.concern, i.urgency, i.state, at, kind)


async def _whole(records: Records, incidents: Iterable[Incident], now: datetime) -> dict[str, Subject]:
    """Cases with every alert that they have had, as far as rights to them go."""
    cases = {i.id: i for i in incidents}
    alerts = [(a, cases[a.incident_id]) for a in await records.alerts_of_cases(*cases)]
    return await subjects(records, alerts, list(cases.values()), now)


async def _walk(
    some: Callable[[Key | None], Awaitable[list[tuple[_Found, Incident]]]],
    theirs: Callable[[Sequence[tuple[_Found, Incident]]], Awaitable[list[QueueLine]]],
    place: Callable[[_Found], Key],
    sought: _Sought,
) -> list[QueueLine]:
    """Goes on until there are enough lines that are theirs, or no more at all."""
    found, key, most = list[QueueLine](), sought.key, sought.most
    while len(found) < most:
        candidates = await some(key)
        if candidates:
            found += await theirs(candidates)
        if len(candidates) < most:
            break
        key = place(candidates[-1][0])
    return found[:most][::-1] if sought.back else found[:most]


def _case_line(looking: Viewer, a: Alert, i: Incident) -> CaseLine:
    return CaseLine(
        incident_id=i.id,
        alert_id=a.id,
        reference=i.reference,
        concern=i.facts.concern,
        urgency=i.urgency,
        state=i.state,
        alert_state=a.state,
        reported_at=i.reported_at,
        due_at=a.due_at,
        role=a.role,
        owner=owner.name if (owner := looking.staff.get(a.owner_id)) else "",
        mine=a.owner_id is not None and a.owner_id == looking.person,
    )
