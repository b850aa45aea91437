"""How long a record is kept: by class, from the day it was closed, and never for less because of a doubt."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from domain.access import Act, Ground, Refused, Subject, decide, may, may_agree
from domain.incident import Incident
from domain.retention import (
    NOT_ABOUT_A_CHILD,
    SEXUAL,
    YEARS,
    class_of,
    end_of,
    has_ended,
    shorter_than_guidance,
    years_of,
)
from domain.routing import Facts
from domain.words import About, IncidentState, RetentionClass, Role
from storage.policy_files import load_policy, policy_ids
from tests.domain.test_access import alert, asked, case, viewer
from tests.domain.town import CHAIR, DEPUTY, EVERYBODY, HEAD, LEAD, RED_HEAD, SCHOOL

CLOSED = datetime(2026, 11, 24, 15, tzinfo=UTC)


def facts(concern: str, about: About = About.PUPIL, *, danger: bool = False, illegal: bool | None = None) -> Facts:
    """What a report says."""
    return Facts(concern, about, None, immediate_danger=danger, illegal_suspected=illegal)


def closed(what: Facts, at: datetime = CLOSED) -> Incident:
    """A case that is over."""
    return replace(case(state=IncidentState.CLOSED), facts=what, closed_at=at)


@pytest.mark.parametrize(
    ("what", "kind"),
    [
        (facts("cyberbullying"), RetentionClass.CHILD_PROTECTION),
        (facts("a concern of the school's own"), RetentionClass.CHILD_PROTECTION),
        (facts("grooming"), RetentionClass.SEXUAL_ABUSE),
        (facts("child_abuse_images", About.STAFF), RetentionClass.SEXUAL_ABUSE),
        (facts("staff_conduct", About.UNKNOWN), RetentionClass.STAFF_ALLEGATION),
        (facts("device_misuse", About.HEADTEACHER), RetentionClass.STAFF_ALLEGATION),
        (facts("low_level_concern", About.STAFF), RetentionClass.LOW_LEVEL),
        (facts("software"), RetentionClass.OTHER),
        (facts("software", danger=True), RetentionClass.CHILD_PROTECTION),
        (facts("software", illegal=True), RetentionClass.CHILD_PROTECTION),
    ],
)
def test_which_case_is_of_which_class(what: Facts, kind: RetentionClass) -> None:
    """Where two could be meant it is the one that is kept longer, and what nobody has thought of is child protection."""
    assert class_of(what) is kind


def test_every_concern_that_is_listed_exists() -> None:
    """A concern that is renamed must not fall into another class unseen."""
    known = {c for policy in policy_ids() for c in load_policy(policy).concerns}
    assert known >= SEXUAL | {"staff_conduct", "low_level_concern"}
    assert known >= NOT_ABOUT_A_CHILD


def test_a_child_is_25_when_the_time_is_over() -> None:
    """Whoever was alive when the case was closed, be it since that very day."""
    end = end_of(SCHOOL, closed(facts("cyberbullying")))
    assert end == CLOSED.replace(year=2051)
    leap = datetime(2028, 2, 29, 10, tzinfo=UTC)
    assert end_of(SCHOOL, closed(facts("cyberbullying"), leap)) == datetime(2053, 3, 1, 10, tzinfo=UTC)


def test_what_is_open_has_no_end() -> None:
    """However old it is."""
    incident = case()
    assert end_of(SCHOOL, incident) is None
    assert not has_ended(SCHOOL, incident, CLOSED + timedelta(days=90_000), named_work_here=False)


def test_a_record_about_staff_stays_as_long_as_they_do() -> None:
    """Not so one about a pupil in which a teacher was the target."""
    later = CLOSED.replace(year=2060)
    for concern, about in (("staff_conduct", About.STAFF), ("low_level_concern", About.STAFF)):
        incident = closed(facts(concern, about))
        assert not has_ended(SCHOOL, incident, later, named_work_here=True)
        assert has_ended(SCHOOL, incident, later, named_work_here=False)
    assert has_ended(SCHOOL, closed(facts("staff_targeted")), later, named_work_here=True)


def test_a_school_has_its_own_years() -> None:
    """What it does not say is as guidance has it; what is shorter is named."""
    ours = replace(SCHOOL, retention={RetentionClass.OTHER: 3, RetentionClass.SEXUAL_ABUSE: 100})
    assert end_of(ours, closed(facts("software"))) == CLOSED.replace(year=2029)
    assert years_of(ours, RetentionClass.CHILD_PROTECTION) == YEARS[RetentionClass.CHILD_PROTECTION]
    assert shorter_than_guidance(ours) == (RetentionClass.OTHER,)
    assert shorter_than_guidance(SCHOOL) == ()


# Who has a say


def test_keepers_who_may_read_a_case_have_a_say_in_how_long_it_is_kept() -> None:
    """Not the head of house who dealt with it; not whoever opened it in an emergency; never somebody who is named."""
    subject = Subject(case(), ((alert(Role.HEAD_OF_HOUSE, "Red", owner=RED_HEAD), ()),), opened_by=frozenset({HEAD.id}))
    assert {p.name for p in EVERYBODY if may(viewer(p), Act.KEEP, subject)} == {LEAD.name, DEPUTY.name}
    assert decide(viewer(HEAD), Act.READ, subject) is Ground.OPENED
    assert decide(viewer(HEAD), Act.KEEP, subject) is Refused.NO_NEED
    named = replace(subject, excluded=frozenset({LEAD.id}))
    assert {p.name for p in EVERYBODY if may(viewer(p), Act.KEEP, named)} == {DEPUTY.name}


def test_early_it_takes_another_person_who_is_not_named() -> None:
    """The headteacher or the chair where no other keeper may read it: they are told the kind and the reason."""
    over = case(state=IncidentState.CLOSED)
    subject = Subject(over, ((alert(Role.HEAD_OF_HOUSE, "Red"), (asked(RED_HEAD, Role.HEAD_OF_HOUSE),)),))
    seconds = {p.name for p in EVERYBODY if may_agree(viewer(p), subject, LEAD.id)}
    assert seconds == {DEPUTY.name, HEAD.name, CHAIR.name}
    about_the_head = Subject(
        replace(over, private=True), ((alert(Role.CHAIR_OF_GOVERNORS), ()),), excluded=frozenset({HEAD.id, DEPUTY.id})
    )
    assert not any(may_agree(viewer(p), about_the_head, CHAIR.id) for p in EVERYBODY)
    assert not any(may_agree(viewer(p), replace(subject, incident=case()), LEAD.id) for p in EVERYBODY), "it is open"
