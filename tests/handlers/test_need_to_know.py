"""Need to know, where a case changes hands: a task stays a task, and a matter that turned to staff climbs no further."""

import pytest

from domain.access import LEADS, TECHNICAL
from domain.incident import AlertState, CaseFile, TaskFile
from domain.words import Role
from handlers import details, hand_on, lists
from handlers.acknowledge import NotForYou
from handlers.details import PassedOn
from handlers.hand_on import HandOnQuestions
from tests.handlers.office import Office
from tests.handlers.test_case import reads, settles
from tests.handlers.test_listed import afterwards, imports, newcomer, with_person


async def test_it_hands_a_task_on_to_those_alone_who_may_see_it_anyway(office: Office) -> None:
    """Somebody of IT who sees no child cannot make a case of it for a head of house, nor for a colleague in another role."""
    incident = await office.reports(concern="harmful_content", about="unknown")
    task = next(a for a in await office.alerts(incident) if a.role is Role.IT_SUPPORT)
    assert isinstance(await reads(office, "it", incident), TaskFile)
    asked = await hand_on.ask(office.ports, office.school, office.account("it"), task.id)
    assert isinstance(asked, HandOnQuestions)
    assert {r.role for r in asked.recipients} <= TECHNICAL | LEADS
    assert asked.recipients
    lead = await hand_on.ask(office.ports, office.school, office.account("dsl"), task.id)
    assert isinstance(lead, HandOnQuestions)
    assert Role.HEAD_OF_HOUSE in {r.role for r in lead.recipients}


async def test_a_matter_that_turned_to_staff_does_not_climb_to_the_next_lead(office: Office) -> None:
    """The lead settles that «Mr Devlin» is the head of house: it goes to the headteacher, and the deputy is never asked."""
    incident = await office.reports(concern="false_content", about="external", perpetrators=("text:Mr Devlin",))
    told = await settles(office, "dsl", incident, "cabot head", same=True)
    assert told == PassedOn(incident.reference, (Role.HEADTEACHER,))
    for _ in range(4):
        office.clock.advance(hours=30)
        await office.works()
    assert "headteacher" in await office.asked(incident)
    assert "deputy" not in await office.asked(incident)
    for who in ("dsl", "deputy", "cabot head"):
        assert isinstance(await reads(office, who, incident), NotForYou)
        queue = await lists.queue(office.ports, office.school, office.account(who))
        assert incident.reference not in {line.reference for line in queue.lines}
    assert isinstance(await reads(office, "headteacher", incident), CaseFile)


async def test_a_lead_who_has_taken_it_on_reads_it_until_it_is_closed(office: Office) -> None:
    """They know it already, and may be asked about it; they answer for it no more, and with its end it is closed to them."""
    incident = await office.reports(concern="false_content", about="external", perpetrators=("text:Mr Devlin",))
    await office.acknowledge("dsl", await office.alert(incident))
    assert isinstance(await settles(office, "dsl", incident, "cabot head", same=True), CaseFile)
    assert isinstance(await reads(office, "dsl", incident), CaseFile)
    assert isinstance(await details.read(office.ports, office.school, office.account("deputy"), incident.id), NotForYou)


async def test_a_staff_matter_that_nobody_answers_never_comes_to_the_deputy(office: Office) -> None:
    """The policy sends it to the lead and the head: it climbs to the chair and comes round, and no other lead hears of it."""
    incident = await office.reports(concern="staff_conduct", about="staff", perpetrators=(office.picked("teacher"),))
    for _ in range(8):
        await office.later(hours=30)
    assert set(await office.asked(incident)) == {"dsl", "headteacher", "chair"}
    assert office.post.to(office.people["deputy"].id) == []
    assert isinstance(await reads(office, "deputy", incident), NotForYou)


async def test_a_staff_matter_that_its_owner_forgets_is_told_to_nobody_else(office: Office) -> None:
    """The lead does nothing about theirs: the head hears of that, then the chair, and the deputy never."""
    incident = await office.reports(concern="staff_conduct", about="staff", perpetrators=(office.picked("teacher"),))
    await office.acknowledge("dsl", next(a for a in await office.alerts(incident) if a.role is Role.DSL))
    for _ in range(12):
        await office.later(hours=30)
    assert office.post.to(office.people["chair"].id)
    assert office.post.to(office.people["deputy"].id) == []


@pytest.mark.parametrize("taken_by", [None, "dsl", "deputy"])
async def test_a_matter_that_turns_to_staff_after_it_has_climbed(office: Office, taken_by: str | None) -> None:
    """The deputy was asked while it was about a pupil: the lead, whom the policy names, is asked anew, and the deputy is out.

    Unless they have taken it on: then they know it, and read it until it is closed.
    """
    incident = await office.reports(concern="grooming", about="external", perpetrators=("text:Zebedee Quillfeather",))
    await office.later(hours=30)
    assert {"dsl", "deputy"} <= set(await office.asked(incident))
    if taken_by is not None:
        await office.acknowledge(taken_by, next(a for a in await office.alerts(incident) if a.role is Role.DSL))
    coach = newcomer()
    await imports(office, with_person(coach))
    office = await afterwards(office, "coach", coach.email)
    await settles(office, taken_by or "dsl", incident, "coach", same=True)
    await office.works()
    live = [a for a in await office.alerts(incident) if a.state is AlertState.OPEN]
    assert {a.role for a in live} == {Role.DSL, Role.HEADTEACHER}
    for _ in range(6):
        await office.later(hours=30)
    assert isinstance(await reads(office, "dsl", incident), CaseFile)
    assert isinstance(await reads(office, "deputy", incident), CaseFile if taken_by == "deputy" else NotForYou)
