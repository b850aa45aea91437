"""Every request of every policy goes through its whole life: asked or declared, answered, carried out, over, and undone."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

import pytest

from domain.access import answerers_of, doers_of, told_of_it
from domain.people import Person, Staff
from domain.report_form import Filled
from domain.request_types import ItemType, RequestType, StepAct
from domain.submissions import Doing, SubmissionFile, SubmissionState, step_of
from handlers import submissions
from handlers.rights import member
from storage import tables as t
from storage.audit_verify import follow_chains
from storage.policy_files import load_policy, policy_ids
from tests.handlers.office import Office
from tests.handlers.test_submissions import says, told


def at_school(office: Office, policy_id: str) -> Office:
    """The office with that policy; whoever holds a role that nobody has here is the head of a house."""
    policy = load_policy(policy_id)
    office = office.at(replace(office.school, policy=policy))
    asked = {role for kind in policy.requests.values() for role in (*kind.readers, *kind.asks)}
    return office.with_holders(**{role.value: ["brunel head"] for role in asked if role not in office.school.holders})


def filled(office: Office, kind: RequestType) -> Filled:
    """Every field of its form; what begins does so now, and what ends does in two days. Of people nobody is named."""
    now = office.clock.now()
    said: dict[str, str | tuple[str, ...]] = {}
    for item in kind.items:
        match item.type:
            case ItemType.CHOICE:
                said[item.field] = next(iter(item.options or {}))
            case ItemType.MOMENT:
                said[item.field] = (now + timedelta(days=2 * (item.id == kind.term.field))).isoformat()
            case ItemType.TEXT | ItemType.LINE:
                said[item.field] = f"What stands under {item.id}"
            case ItemType.STAFF:
                pass
    return said


def one_of(office: Office, people: Iterable[Person]) -> str:
    """The first of them, by the name of the cast."""
    ids = [p.id for p in people]
    return next(who for who, p in office.people.items() if p.id in ids)


async def sent(office: Office, kind: RequestType) -> tuple[str, SubmissionFile]:
    """Somebody who may asks for it, who is nobody that answers where there is a choice."""
    listed = await staff(office)
    holders = [p for role in sorted(kind.asks) for p in listed.holders(office.school, role)]
    who = one_of(office, holders) if kind.asks else "teacher"
    at = office.ports, office.school, office.account(who)
    file = await submissions.send(*at, f"{kind.id}|f||", filled(office, kind))
    assert isinstance(file, SubmissionFile), (kind.id, file)
    return who, file


async def answered(office: Office, kind: RequestType, file: SubmissionFile) -> SubmissionFile:
    """Each step is taken by somebody who was written to for it."""
    while (step := step_of(kind, file.submission.place)) is not None:
        looking = member(office.school, await staff(office), "")
        who = one_of(office, answerers_of(looking, kind, file.submission, late=False))
        due = f"answer.{file.submission.place.step}.{file.submission.versions}"
        assert due in await told(office, who), (kind.id, who)
        after = await says(office, who, file, Doing.ADVISED if step.act is StepAct.ADVISE else Doing.GRANTED)
        assert isinstance(after, SubmissionFile), (kind.id, who)
        file = after
    return file


async def carried_out(office: Office, kind: RequestType, file: SubmissionFile) -> SubmissionFile:
    """Each task is done by somebody who was written to for it."""
    for task in file.submission.place.tasks:
        looking = member(office.school, await staff(office), "")
        who = one_of(office, doers_of(looking, kind, file.submission, task))
        assert f"task.{task}" in await told(office, who), (kind.id, who, task)
        after = await submissions.do(office.ports, office.school, office.account(who), file.submission.id, task)
        assert isinstance(after, SubmissionFile), (kind.id, who, task)
        file = after
    assert file.submission.place.tasks == ()
    return file


async def staff(office: Office) -> Staff:
    """The staff list."""
    async with office.ports.store.transaction(office.school, write=False) as records:
        return await records.staff()


@pytest.mark.parametrize("policy_id", sorted(policy_ids()))
async def test_every_request_of_a_policy_is_answered_carried_out_and_undone(office: Office, policy_id: str) -> None:
    """By those whom the policy names, who are told; nothing of what was typed is in the audit, which vouches for all of it."""
    office = at_school(office, policy_id)
    for kind in office.school.policy.requests.values():
        who, file = await sent(office, kind)
        file = await carried_out(office, kind, await answered(office, kind, file))
        for person in told_of_it(member(office.school, await staff(office), ""), kind, file.submission):
            assert "told" in await told(office, one_of(office, [person])), kind.id
        if file.submission.place.state is SubmissionState.GRANTED:
            if file.submission.place.until is not None:
                office.clock.advance(seconds=(file.submission.place.until - office.clock.now()).total_seconds())
                await submissions.ring(office.ports, office.school)
            else:
                await submissions.end(office.ports, office.school, office.account(who), file.submission.id)
            over = await submissions.read(office.ports, office.school, office.account(who), file.submission.id)
            assert isinstance(over, SubmissionFile)
            file = await carried_out(office, kind, over)
        assert file.submission.place.state is SubmissionState.ENDED, kind.id
    assert "What stands under" not in str(await office.rows(t.audit))
    (chain,) = await follow_chains(office.database, words=True)
    assert chain.unkept == []
