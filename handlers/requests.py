"""Asking somebody for the leave that a rule wants, or for what the policy does not say: answered once, with a reason."""

from dataclasses import dataclass, replace
from typing import TypeAlias

from domain.access import asked_it, may_decide_request, may_read_request
from domain.answers import Question
from domain.asking import (
    DECISION,
    LONGEST_QUESTION,
    LONGEST_REASON,
    REASON,
    SILENT_ROLE,
    TEXT,
    Decision,
    Request,
    RequestFile,
    RequestKind,
    RequestQuestions,
    replay,
)
from domain.incident import Delivery, MessageKind, Outgoing
from domain.people import Account, School
from domain.report_form import Fault
from domain.understanding import Understood
from handlers.alerting import on_platforms
from handlers.ask import AskedGone, answerers, own, same_id, understand, whom_to_ask
from handlers.ports import Ports, Records, actor
from handlers.rights import viewer


@dataclass(frozen=True, slots=True)
class Sent:
    """It is kept and on its way."""

    request: Request
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NobodyToAsk:
    """Nobody else holds the role, or the rule wants nobody's leave."""


@dataclass(frozen=True, slots=True)
class Decided:
    """It is answered, and the asker hears of it."""

    request: Request


@dataclass(frozen=True, slots=True)
class NotYours:
    """Only whoever asked and whoever was asked may read it."""


BeginOutcome: TypeAlias = RequestQuestions | NobodyToAsk | AskedGone
SendOutcome: TypeAlias = Sent | BeginOutcome
DecideOutcome: TypeAlias = Decided | RequestFile | NotYours


async def begin(ports: Ports, school: School, account: Account, kind: RequestKind, state: str) -> BeginOutcome:
    """The form: what will be asked of whom."""
    async with ports.store.transaction(school, write=False) as records:
        return await _questions(ports, records, school, account, kind, state)


async def send(ports: Ports, school: School, account: Account, kind: RequestKind, state: str, text: str) -> SendOutcome:
    """Asks it. The same form sent twice asks once."""
    now, text = ports.clock.now(), text.strip()
    async with ports.store.transaction(school) as records:
        asked_id, chosen, _ = replay(state)
        request_id = same_id(asked_id, kind, chosen)
        await records.hold_asked(asked_id)
        made = await records.request(request_id)
        staff = await records.staff()
        if made is not None and asked_it(account, made):
            return Sent(made, tuple(p.name for i in made.asked if (p := staff.get(i))))
        questions = await _questions(ports, records, school, account, kind, state)
        if not isinstance(questions, RequestQuestions):
            return questions
        if not text or len(text) > LONGEST_QUESTION:
            return replace(questions, text=text, faults={TEXT: Fault.TOO_LONG if text else Fault.MISSING})
        people = answerers(school, staff, questions.role, account.person_id)
        request = Request(
            id=request_id,
            kind=kind,
            reference=await records.new_reference("requests", f"{school.prefix}-Q", school.calendar.year(now)),
            question=questions.question,
            cites=questions.cites,
            text=text,
            asker=account,
            role=questions.role,
            asked=tuple(p.id for p in people),
            at=now,
        )
        await records.add_request(request)
        places = [place for person in people for place in on_platforms(ports.platforms, person)]
        outgoing = Outgoing()
        outgoing.deliveries += [
            Delivery(ports.new_id(), None, None, MessageKind.REQUEST, place, request_id=request.id, step="first")
            for place in places
        ]
        await records.set_going(outgoing, now)
        await records.note(now, actor(account), f"request.{kind}", request=request.id, role=request.role)
    ports.wake()
    return Sent(request, tuple(p.name for p in people))


async def read(ports: Ports, school: School, account: Account, request_id: str) -> RequestFile | NotYours:
    """A request with its words. That it was read is recorded, unless by whoever asked."""
    now = ports.clock.now()
    async with ports.store.transaction(school) as records:
        file = await _file(ports, records, school, account, request_id)
        if isinstance(file, RequestFile) and not asked_it(account, file.request):
            await records.note(now, actor(account), "request.read", request=request_id)
        return file


async def decide(ports: Ports, school: School, account: Account, request_id: str, decision: str, reason: str) -> DecideOutcome:
    """Answers a request. The first answer stands; who comes later is shown it."""
    now, reason = ports.clock.now(), reason.strip()
    async with ports.store.transaction(school) as records:
        file = await _file(ports, records, school, account, request_id)
        if isinstance(file, NotYours):
            return file
        if not file.may_decide:
            if not asked_it(account, file.request):
                await records.note(now, actor(account), "request.read", request=request_id)
            return file
        told = file.request.kind is RequestKind.QUESTION
        allowed = {Decision.TOLD} if told else {Decision.GRANTED, Decision.REFUSED}
        chosen = next((d for d in allowed if told or d == decision), None)
        faults: dict[str, Fault] = {}
        if chosen is None:
            faults[DECISION] = Fault.MISSING
        if not reason or len(reason) > LONGEST_REASON:
            faults[REASON] = Fault.TOO_LONG if reason else Fault.MISSING
        if faults:
            await records.note(now, actor(account), "request.read", request=request_id)
            return replace(file, filled={DECISION: decision, REASON: reason}, faults=faults)
        request = replace(file.request, decision=chosen, reason=reason, decided_by=account.person_id, decided_at=now)
        await records.decide(request)
        outgoing = Outgoing()
        outgoing.deliveries.append(
            Delivery(
                ports.new_id(), None, None, MessageKind.DECISION, request.asker.address, request_id=request.id, step="first"
            )
        )
        await records.set_going(outgoing, now)
        await records.note(now, actor(account), "request.decided", request=request.id, decision=request.decision)
    ports.wake()
    return Decided(request)


async def _questions(
    ports: Ports, records: Records, school: School, account: Account, kind: RequestKind, state: str
) -> BeginOutcome:
    asked_id, chosen, facts = replay(state)
    asked = await own(ports, records, account, asked_id)
    if asked is None:
        return AskedGone()
    engine = await ports.answers.engine(school.policy)
    found = understand(ports, school, engine, asked, chosen, facts)
    staff = await records.staff()
    role = SILENT_ROLE if kind is RequestKind.QUESTION else whom_to_ask(school, staff, account.person_id, found.best)
    people = answerers(school, staff, role, account.person_id) if role is not None else []
    if role is None or not people:
        return NobodyToAsk()
    title = _title(found, chosen)
    cites = found.best.decision.cites if kind is RequestKind.PERMISSION else ()
    names, known = tuple(p.name for p in people), chosen if chosen in engine.catalogue.questions else ""
    return RequestQuestions(kind, state, title, cites, role, names, asked.text[:LONGEST_QUESTION], question=known)


def _title(found: Understood, chosen: str) -> str:
    meant: Question | None = found.best.question if chosen or found.sure else None
    return meant.title if meant is not None else ""


async def _file(ports: Ports, records: Records, school: School, account: Account, request_id: str) -> RequestFile | NotYours:
    request = await records.request(request_id)
    if request is None:
        return NotYours()
    looking = await viewer(records, school, account)
    if not may_read_request(looking, request):
        return NotYours()
    staff = looking.staff
    asker, decider = staff.get(request.asker.person_id), staff.get(request.decided_by)
    catalogue = (await ports.answers.engine(school.policy)).catalogue
    known = catalogue.questions.get(request.question)
    return RequestFile(
        request,
        known.title if known is not None else "",
        asker.name if asker is not None else "",
        decider.name if decider is not None else "",
        may_decide=may_decide_request(looking, request) and request.decision is None,
    )
