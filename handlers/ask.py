"""A question about the policy, answered from its rules; and the ways on from an answer.

What was typed is kept for a school day, so that a button can go on with it: it carries the id, the reading that was chosen and
the facts that were given, and the answer is found anew from these. Nothing is ever half open.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, TypeAlias
from uuid import UUID, uuid5

from domain.access import Viewer, may_ask_consent, may_send
from domain.answers import Verdict
from domain.asking import ELSEWHERE, LONGEST_QUESTION, SILENT_ROLE, Answered, Asked, Gap, GapKind, Kept, carried, replay
from domain.deadlines import Deadline, Unit
from domain.people import Account, Person, School, Staff
from domain.request_types import RequestType
from domain.submissions import Leave
from domain.understanding import Choice, Engine, Understood
from domain.words import Role
from handlers.leaves import leaves
from handlers.ports import Ports, Records

_SAME: Final = UUID("6f6a1a5e-0d55-4a0b-9b0e-5a2f0e6d7c11")
_MOST_NAMES = 3


@dataclass(frozen=True, slots=True)
class NothingAsked:
    """No question was given."""


@dataclass(frozen=True, slots=True)
class TooLong:
    """The question is longer than anybody reads."""

    most: int


@dataclass(frozen=True, slots=True)
class AskedGone:
    """The question is no longer kept, or was somebody else's."""


Outcome: TypeAlias = Answered | NothingAsked | TooLong | AskedGone


async def ask(
    ports: Ports, school: School, account: Account, text: str, *, chosen: str = ""
) -> Answered | NothingAsked | TooLong:
    """Answers a question. With `chosen` it is one of the catalogue, picked from a list."""
    text = " ".join(text.split())
    if not text and not chosen:
        return NothingAsked()
    if len(text) > LONGEST_QUESTION:
        return TooLong(LONGEST_QUESTION)
    now = ports.clock.now()
    engine = await ports.answers.engine(school.policy)
    if chosen in engine.catalogue.questions:
        text = text or engine.catalogue.questions[chosen].title
    else:
        chosen = ""
    if not text:
        return NothingAsked()
    asked = Asked(ports.new_id(), account, text, now, _kept_until(school, now))
    # Read before anything is held: nobody waits for the database while a question is being understood.
    found = understand(ports, school, engine, asked, chosen, {})
    async with ports.store.transaction(school) as records:
        await records.save_asked(asked)
        await _keep_if_silent(ports, records, asked, found)
        staff = await records.staff()
        held = await leaves(records, school, account.person_id, _meant(found), now)
    return _answered(ports, school, staff, account, asked, found, chosen, {}, held)


async def keep(ports: Ports, school: School, account: Account, text: str) -> str:
    """Keeps a question without answering it; gives what a button carries to go on with it."""
    text = " ".join(text.split())[:LONGEST_QUESTION]
    now = ports.clock.now()
    asked = Asked(ports.new_id(), account, text, now, _kept_until(school, now))
    async with ports.store.transaction(school) as records:
        await records.save_asked(asked)
    return carried(asked.id)


async def again(ports: Ports, school: School, account: Account, state: str) -> Answered | AskedGone:
    """Answers a question once more: read as somebody has chosen, with the facts that they have given."""
    asked_id, chosen, facts = replay(state)
    engine = await ports.answers.engine(school.policy)
    async with ports.store.transaction(school, write=False) as records:
        asked = await own(ports, records, account, asked_id)
        staff = await records.staff()
        if asked is None:
            return AskedGone()
        found = understand(ports, school, engine, asked, chosen, facts)
        held = await leaves(records, school, account.person_id, _meant(found), ports.clock.now())
    if _is_silent(found):
        async with ports.store.transaction(school) as records:
            await _keep_if_silent(ports, records, asked, found)
    return _answered(ports, school, staff, account, asked, found, chosen, facts, held)


async def misread(ports: Ports, school: School, account: Account, state: str) -> Kept | AskedGone:
    """None of the readings was meant: the question is kept for the policy's next review."""
    asked_id, _, _ = replay(state)
    async with ports.store.transaction(school) as records:
        asked = await own(ports, records, account, asked_id)
        if asked is None:
            return AskedGone()
        await _keep(ports, records, asked, GapKind.MISREAD, "")
        return Kept(carried(asked.id), _names(school, await records.staff(), [SILENT_ROLE]))


async def preview(ports: Ports, school: School, text: str) -> Understood | None:
    """What a question would be answered with, while it is still being typed: nothing is kept."""
    text = " ".join(text.split())[:LONGEST_QUESTION]
    engine = await ports.answers.engine(school.policy)
    return engine.understand(text, day=today(ports, school)) if text else None


async def own(ports: Ports, records: Records, account: Account, asked_id: str) -> Asked | None:
    """A question that is still kept, for whoever asked it."""
    asked = await records.asked(asked_id, ports.clock.now())
    if asked is None or (asked.account.platform, asked.account.user_id) != (account.platform, account.user_id):
        return None
    return asked


def same_id(*parts: str) -> str:
    """The same id for the same things: what is done twice with one question is kept once."""
    return str(uuid5(_SAME, "|".join(parts)))


def today(ports: Ports, school: School) -> date:
    """The day it is at the school."""
    return ports.clock.now().astimezone(school.calendar.timezone).date()


def understand(ports: Ports, school: School, engine: Engine, asked: Asked, chosen: str, facts: Mapping[str, str]) -> Understood:
    """What a kept question asks, and what the policy says to it."""
    of_catalogue = engine.catalogue.facts
    # What a button carries is what a client sent: only what stands on one is a fact.
    known = {f: v for f, v in facts.items() if f in of_catalogue and any(o.value == v for o in of_catalogue[f].options)}
    chosen = chosen if chosen in engine.catalogue.questions else ""
    return engine.understand(asked.text, chosen=chosen, facts=known, day=today(ports, school))


def _is_silent(found: Understood) -> bool:
    best = found.best
    return found.sure and best.decision.verdict is Verdict.NOT_COVERED and best.question.topic != ELSEWHERE


async def _keep_if_silent(ports: Ports, records: Records, asked: Asked, found: Understood) -> None:
    if _is_silent(found):
        await _keep(ports, records, asked, GapKind.NOT_COVERED, found.best.question.id)


def _answered(
    ports: Ports,
    school: School,
    staff: Staff,
    account: Account,
    asked: Asked,
    found: Understood,
    chosen: str,
    facts: Mapping[str, str],
    held: tuple[Leave, ...],
) -> Answered:
    best = found.best
    roles = list(dict.fromkeys([*found.roles, *found.tell, SILENT_ROLE]))
    day, due = today(ports, school), school.policy.review_due
    return Answered(
        carried(asked.id, best.question.id if found.sure else chosen, facts),
        found,
        _names(school, staff, roles),
        whom_to_ask(school, staff, account.person_id, best),
        due if due is not None and due < day else None,
        _offered(school, staff, account, best),
        held,
        _leads_to_consent(school, staff, account, best),
    )


def _meant(found: Understood) -> str:
    """The question of the catalogue that is answered; none while it is not sure which."""
    return found.best.question.id if found.sure else ""


def _offered(school: School, staff: Staff, account: Account, choice: Choice) -> tuple[RequestType, ...]:
    """The requests by which what is asked about is asked for or declared, as far as they may make them."""
    looking = Viewer(school, staff, account)
    kinds = school.policy.requests.values()
    return tuple(k for k in kinds if choice.question.id in k.questions and may_send(looking, k))


def _leads_to_consent(school: School, staff: Staff, account: Account, choice: Choice) -> bool:
    """Whether what is asked about turns on a pupil's consent, and they may look that up."""
    terms = school.policy.consent
    return terms is not None and choice.question.id in terms.questions and may_ask_consent(Viewer(school, staff, account))


def whom_to_ask(school: School, staff: Staff, person_id: str | None, choice: Choice) -> Role | None:
    """The role whose leave a rule wants, if somebody else holds it."""
    if choice.decision.verdict is not Verdict.ASK_FIRST:
        return None
    return next((r for r in choice.decision.roles if answerers(school, staff, r, person_id)), None)


def answerers(school: School, staff: Staff, role: Role, asker: str | None) -> list[Person]:
    """Who can answer for a role: its holders, or those of the first role after it that somebody else than the asker holds."""
    if role not in school.holders:
        return []
    for rung in (role, *school.policy.ladder(role)):
        found = [p for p in staff.holders(school, rung) if p.id != asker]
        if found:
            return found
    return []


def _kept_until(school: School, now: datetime) -> datetime:
    return school.calendar.due(Deadline(Unit.SCHOOL_DAY, 1), now)


async def _keep(ports: Ports, records: Records, asked: Asked, kind: GapKind, question: str) -> None:
    now = ports.clock.now()
    if await records.add_gap(Gap(same_id(asked.id, kind, question), kind, question, asked.text, now)):
        # By nobody: whoever asked is not kept with it.
        await records.note(now, "bot", "gap.kept", kind=kind, question=question)


def _names(school: School, staff: Staff, roles: list[Role]) -> dict[Role, tuple[str, ...]]:
    return {role: tuple(p.name for p in staff.holders(school, role)[:_MOST_NAMES]) for role in roles}
