"""Who may do what with a case: a right comes from a need, and being named ends all of them."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from domain.access import Act, Ground, Refused, Subject, Viewer, answerable, decide, may
from domain.audience import duties
from domain.incident import Alert, AlertState, Asked, Incident, Summons
from domain.people import Account, Group, Holders, Person, Platform, School, Standing
from domain.routing import Facts
from domain.words import About, IncidentState, Role, Urgency
from tests.domain.town import (
    BLUE_HEAD,
    CHAIR,
    DEPUTY,
    EVERYBODY,
    HEAD,
    LEAD,
    RED_HEAD,
    SCHOOL,
    STAFF,
    TEACHER,
    only,
    school,
)

NOW = datetime(2026, 11, 24, 10, tzinfo=UTC)
REPORTER = Account(Platform.SLACK, "U-TEACHER", person_id=TEACHER.id, standing=Standing.MEMBER)
READING = (Act.LIST, Act.READ_TASK, Act.READ, Act.ANSWER, Act.SETTLE)


def case(*, private: bool = False, state: IncidentState = IncidentState.REPORTED, of: School = SCHOOL) -> Incident:
    """A case that a teacher has reported."""
    facts = Facts("cyberbullying", About.PUPIL, None, immediate_danger=False, illegal_suspected=None)
    return Incident("i", of.id, "TST-2026-0001", facts, Urgency.MEDIUM, private, state, REPORTER, NOW, NOW, NOW)


def alert(role: Role = Role.DSL, group: str = "", *also: Role, owner: Person | None = None) -> Alert:
    """An alert of it."""
    state = AlertState.ACKNOWLEDGED if owner else AlertState.OPEN
    return Alert("a", "i", role, also, group, state, NOW, NOW, owner_id=owner.id if owner else None)


def asked(person: Person, role: Role) -> Summons:
    """Somebody was asked to answer it."""
    return Summons("a", person.id, role, Asked.CLIMBED, 0, NOW)


def viewer(person: Person, at: School = SCHOOL) -> Viewer:
    """Somebody who wants something."""
    return Viewer(at, STAFF, Account(Platform.SLACK, f"U-{person.id}", person_id=person.id, standing=Standing.MEMBER))


def readers(subject: Subject, at: School = SCHOOL) -> set[str]:
    """Who may read the case."""
    return {p.name for p in EVERYBODY if may(viewer(p, at), Act.READ, subject)}


def test_holders_and_those_asked_and_those_who_lead_may_read_and_answer_and_nobody_else() -> None:
    """A case with the head of Red: theirs, the safeguarding leads', and the headteacher's once it has climbed there."""
    subject = Subject(case(), ((alert(Role.HEAD_OF_HOUSE, "Red"), ()),))
    assert readers(subject) == {RED_HEAD.name, LEAD.name, DEPUTY.name}
    climbed = replace(subject, duties=((subject.duties[0][0], (asked(HEAD, Role.HEADTEACHER),)),))
    assert readers(climbed) == {RED_HEAD.name, LEAD.name, DEPUTY.name, HEAD.name}
    for person in EVERYBODY:
        assert bool(answerable(viewer(person), climbed)) == may(viewer(person), Act.READ, climbed)


def test_a_private_case_is_for_those_it_went_to() -> None:
    """Lead and deputy stand in for one another, but not where a case is private: it went to one role."""
    assert readers(Subject(case(private=True), ((alert(), ()),))) == {LEAD.name}
    assert readers(Subject(case(private=True), ((alert(Role.HEADTEACHER), ()),))) == {HEAD.name}
    to_the_chair = alert(Role.CHAIR_OF_GOVERNORS)
    assert readers(Subject(case(private=True), ((to_the_chair, ()),))) == {CHAIR.name}


@pytest.mark.parametrize("act", [a for a in Act if a is not Act.SEE_STATE])
def test_whoever_is_named_may_do_nothing(act: Act) -> None:
    """Whatever they hold, whoever asked them, and even if they opened it: to be named ends every right."""
    summonses = tuple(asked(p, Role.DSL) for p in EVERYBODY)
    everybody = frozenset(p.id for p in EVERYBODY)
    subject = Subject(case(), ((alert(), summonses),), excluded=everybody, opened_by=everybody)
    for person in EVERYBODY:
        assert decide(viewer(person), act, subject) is Refused.EXCLUDED


def test_a_reporter_sees_how_it_stands_and_no_more() -> None:
    """Also on another chat, since it is the same person; a colleague sees nothing."""
    subject = Subject(case(), ((alert(), ()),), excluded=frozenset({TEACHER.id}))
    elsewhere = Viewer(SCHOOL, STAFF, Account(Platform.TEAMS, "another", person_id=TEACHER.id, standing=Standing.MEMBER))
    for looking in (Viewer(SCHOOL, STAFF, REPORTER), elsewhere):
        assert decide(looking, Act.SEE_STATE, subject) is Ground.REPORTED
        assert not any(may(looking, act, subject) for act in READING)
    assert not may(viewer(BLUE_HEAD), Act.SEE_STATE, subject)


def test_another_house_and_another_school_are_out_of_reach() -> None:
    """Red is not Blue's to see; and nobody crosses from one school to the next."""
    red = Subject(case(), ((alert(Role.HEAD_OF_HOUSE, "Red"), ()),))
    assert may(viewer(RED_HEAD), Act.READ, red)
    assert decide(viewer(BLUE_HEAD), Act.READ, red) is Refused.NO_NEED
    next_door = replace(SCHOOL, id="next-door")
    for person in EVERYBODY:
        assert all(decide(viewer(person, next_door), act, red) is Refused.ELSEWHERE for act in Act)


def test_it_is_shown_the_action_and_not_the_child() -> None:
    """IT may take its part on and close it, and reads no name; also when asked in IT's role, or after losing it as owner."""
    ours = school(holders={**SCHOOL.holders, Role.IT_SUPPORT: only(TEACHER, BLUE_HEAD)})
    fresh = Subject(case(of=ours), ((alert(Role.IT_SUPPORT), ()),))
    owned = Subject(case(of=ours), ((alert(Role.IT_SUPPORT, owner=TEACHER), ()),))
    for looking, subject in (
        (viewer(TEACHER, ours), fresh),
        (viewer(TEACHER, ours), owned),
        (viewer(TEACHER), owned),
        (viewer(BLUE_HEAD, ours), replace(fresh, duties=((alert(Role.IT_SUPPORT), (asked(BLUE_HEAD, Role.IT_SUPPORT),)),))),
    ):
        assert may(looking, Act.READ_TASK, subject)
        assert answerable(looking, subject)
        assert not any(may(looking, act, subject) for act in (Act.READ, Act.SETTLE, Act.READ_READERS))
    both = Subject(case(of=ours), ((alert(Role.IT_SUPPORT, "", Role.HEADTEACHER), ()),))
    assert may(viewer(HEAD, ours), Act.READ, both)


def test_governors_see_figures_unless_one_of_them_is_asked() -> None:
    """To hold the role opens nothing. One who is asked by name when the chair does not answer sees that case."""
    ours = school(holders={**SCHOOL.holders, Role.GOVERNORS: only(BLUE_HEAD)})
    quiet = Subject(case(private=True, of=ours), ((alert(Role.GOVERNORS), ()),))
    assert not may(viewer(BLUE_HEAD, ours), Act.READ, quiet)
    climbed = replace(quiet, duties=((alert(Role.CHAIR_OF_GOVERNORS), (asked(BLUE_HEAD, Role.GOVERNORS),)),))
    assert may(viewer(BLUE_HEAD, ours), Act.READ, climbed)


def test_a_closed_case_is_no_longer_for_those_who_were_only_asked() -> None:
    """Whoever dealt with it may still read it; whoever was asked and did not need to act has no more need."""
    over = case(private=True, state=IncidentState.CLOSED)
    done = replace(alert(Role.HEADTEACHER, owner=CHAIR), state=AlertState.DONE)
    summonses = (asked(CHAIR, Role.CHAIR_OF_GOVERNORS), asked(BLUE_HEAD, Role.GOVERNORS))
    assert readers(Subject(over, ((done, summonses),))) == {HEAD.name, CHAIR.name}


def test_rights_end_with_the_role_and_with_the_case() -> None:
    """Asked as headteacher, and no headteacher any more; owner of what is closed, in a role that is another's now."""
    before = Subject(case(private=True), ((alert(Role.HEADTEACHER), (asked(BLUE_HEAD, Role.HEADTEACHER),)),))
    assert readers(before) == {HEAD.name}
    over = case(private=True, state=IncidentState.CLOSED)
    theirs = replace(alert(Role.HEADTEACHER, owner=BLUE_HEAD), state=AlertState.DONE)
    assert readers(Subject(over, ((theirs, (asked(BLUE_HEAD, Role.HEADTEACHER),)),))) == {HEAD.name}
    red = Subject(case(), ((alert(Role.HEAD_OF_HOUSE, "Red"), ()),))
    assert RED_HEAD.name in readers(red)
    done = replace(alert(Role.HEAD_OF_HOUSE, "Red", owner=LEAD), state=AlertState.DONE)
    assert RED_HEAD.name not in readers(Subject(case(state=IncidentState.CLOSED), ((done, ()),)))


def test_whoever_opened_a_case_loses_it_with_the_role_and_owns_no_closed_one() -> None:
    """For a day, as headteacher; and to have acknowledged and closed it in that day opens it no longer than that."""
    nobody_of_note = replace(alert(Role.HEAD_OF_HOUSE, "Red", owner=HEAD), state=AlertState.DONE)
    closed = Subject(case(state=IncidentState.CLOSED), ((nobody_of_note, ()),))
    assert HEAD.name not in readers(closed)
    opened = Subject(case(), ((alert(Role.HEAD_OF_HOUSE, "Red"), ()),), opened_by=frozenset({BLUE_HEAD.id}))
    assert BLUE_HEAD.name not in readers(opened)


def test_an_alert_that_ended_by_itself_gives_nobody_a_right() -> None:
    """The case turned into a matter of the headteacher's: the lead's alert ended with nobody's having answered it."""
    ended = replace(alert(), state=AlertState.DONE)
    assert readers(Subject(case(private=True), ((ended, (asked(LEAD, Role.DSL),)), (alert(Role.HEADTEACHER), ())))) == {
        HEAD.name
    }


def test_who_has_read_a_case_is_shown_to_those_who_answer_for_the_records() -> None:
    """Leads, the headteacher and the chair, where they may read the case itself."""
    subject = Subject(case(), ((alert(Role.HEAD_OF_HOUSE, "Red"), ()),))
    assert {p.name for p in EVERYBODY if may(viewer(p), Act.READ_READERS, subject)} == {LEAD.name, DEPUTY.name}


def test_an_emergency_opens_a_case_to_whoever_opened_it_and_to_nobody_else() -> None:
    """The headteacher may open what is not theirs, but no private case, nothing twice, and nobody of no such role."""
    subject = Subject(case(), ((alert(Role.HEAD_OF_HOUSE, "Red"), ()),))
    assert {p.name for p in EVERYBODY if may(viewer(p), Act.OPEN, subject)} == {HEAD.name}
    assert not may(viewer(HEAD), Act.READ, subject)
    opened = replace(subject, opened_by=frozenset({HEAD.id}))
    assert readers(opened) == readers(subject) | {HEAD.name}
    assert decide(viewer(HEAD), Act.READ, opened) is Ground.OPENED
    assert answerable(viewer(HEAD), opened)
    assert not may(viewer(HEAD), Act.OPEN, opened)
    staff_matter = Subject(case(private=True), ((alert(Role.CHAIR_OF_GOVERNORS), ()),), opened_by=frozenset({HEAD.id}))
    assert not any(may(viewer(HEAD), act, staff_matter) for act in (*READING, Act.OPEN))


def test_a_second_head_of_the_house_may_still_answer_a_merged_duty() -> None:
    """The house's channel shows the alert of both roles: the house's other head, who reads it, has a right to it."""
    two_heads = Holders(by_group={"Red": (LEAD.email, RED_HEAD.email)})
    ours = school(holders={**SCHOOL.holders, Role.HEAD_OF_HOUSE: two_heads})
    found = duties(ours, STAFF, [Role.DSL, Role.HEAD_OF_HOUSE], {Group.HOUSE: ("Red",)}, frozenset(), private=False, readers={})
    subject = Subject(case(of=ours), ((alert(found[0].role, found[0].group, *found[0].also_roles), ()),))
    assert may(viewer(RED_HEAD, ours), Act.ANSWER, subject)
    assert not may(viewer(BLUE_HEAD, ours), Act.ANSWER, subject)


def test_whoever_nobody_is_sure_of_is_shown_nothing() -> None:
    """The chat has not said who it is: the report they made counts, and how it stands is all they see."""
    unsure = Viewer(SCHOOL, STAFF, replace(REPORTER, standing=Standing.UNKNOWN))
    lead = Viewer(SCHOOL, STAFF, Account(Platform.SLACK, REPORTER.user_id, person_id=LEAD.id))
    subject = Subject(case(), ((alert(), (asked(LEAD, Role.DSL),)),))
    assert may(unsure, Act.SEE_STATE, subject)
    assert not any(may(unsure, act, subject) for act in READING)
    assert not any(may(lead, act, subject) for act in (Act.SEE_STATE, *READING))


def test_a_case_that_turned_private_is_closed_to_the_house_that_was_not_asked() -> None:
    """It came to a head of house as one between pupils. Whoever was asked then still answers; who heads Red now does not."""
    before = alert(Role.HEAD_OF_HOUSE, "Red")
    turned = Subject(case(private=True), ((before, (asked(BLUE_HEAD, Role.HEAD_OF_HOUSE),)), (alert(Role.HEADTEACHER), ())))
    assert readers(turned) == {BLUE_HEAD.name, HEAD.name}


def test_whoever_has_left_the_staff_list_has_left_their_cases() -> None:
    """An account that joins to nobody on the list may do nothing, whatever it did before."""
    gone = Viewer(SCHOOL, STAFF, Account(Platform.SLACK, "U-GONE", person_id="nobody we know", standing=Standing.MEMBER))
    owned = replace(alert(), owner_id="nobody we know", state=AlertState.ACKNOWLEDGED)
    assert decide(gone, Act.READ, Subject(case(), ((owned, ()),))) is Refused.NOT_STAFF
