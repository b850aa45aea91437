"""Who may sign a closed case off, and who is asked."""

from dataclasses import replace

from domain.access import Act, Ground, Refused, Subject, Viewer, decide
from domain.incident import Incident
from domain.policy import SignOff
from domain.words import IncidentState, Role
from tests.access.rules import schools
from tests.access.table import table

TABLE = table()
EVERYBODY = schools(TABLE)


def case(who: str, role: Role, state: IncidentState = IncidentState.CLOSED, *, reads: bool = False, **more: object) -> Subject:
    """A pupil's case that somebody is asked to sign in a role."""
    row, column = TABLE.rows[who], TABLE.columns["closed"]
    found = EVERYBODY.subject(row, column)
    incident: Incident = replace(found.incident, state=state, **more)  # type: ignore[arg-type]  # each is a field of it
    asked = frozenset({(who, role)})
    return replace(found, incident=incident, signers=asked, reading_signers=asked if reads else frozenset())


def viewer(who: str) -> Viewer:
    """Somebody at their own school, whose policy has the headteacher read what they sign."""
    found = EVERYBODY.viewer(TABLE.rows[who], TABLE.columns["closed"])
    lines = (SignOff(Role.HEADTEACHER, reads=True), SignOff(Role.GOVERNORS))
    return replace(found, school=replace(found.school, policy=replace(found.school.policy, sign_off=lines)))


def test_whoever_is_asked_signs_and_sees_no_more_for_that() -> None:
    """A governor is shown neither the case nor its line."""
    asked = case("governor", Role.GOVERNORS)
    assert decide(viewer("governor"), Act.SIGN, asked) is Ground.SIGNS
    for act in Act:
        if act is not Act.SIGN:
            assert isinstance(decide(viewer("governor"), act, asked), Refused), act


def test_who_signs_what_they_have_read_may_read_it_until_then() -> None:
    """And need not open it in an emergency for that; they neither work nor answer it."""
    asked = case("head", Role.HEADTEACHER, reads=True)
    assert decide(viewer("head"), Act.READ, asked) is Ground.SIGNS
    for act in (Act.OPEN, Act.WORK, Act.ANSWER, Act.SETTLE, Act.KEEP, Act.EXPORT):
        assert isinstance(decide(viewer("head"), act, asked), Refused), act


def test_nobody_reads_a_case_to_sign_it_in_a_role_that_the_policy_does_not_say_so_of() -> None:
    """Whatever the records say: a row that somebody has put there gives them nothing to read."""
    for who, role in (("governor", Role.GOVERNORS), ("it", Role.IT_SUPPORT)):
        asked = case(who, role, reads=True)
        assert isinstance(decide(viewer(who), Act.READ, asked), Refused), who
    unsigned = EVERYBODY.viewer(TABLE.rows["head"], TABLE.columns["closed"])
    assert isinstance(decide(unsigned, Act.READ, case("head", Role.HEADTEACHER, reads=True)), Refused)


def test_the_right_to_sign_ends() -> None:
    """With the case closed no more, erased, or signed off; with the role; and for whoever is named in it."""
    for state in set(IncidentState) - {IncidentState.CLOSED}:
        assert isinstance(decide(viewer("head"), Act.SIGN, case("head", Role.HEADTEACHER, state, reads=True)), Refused)
    assert isinstance(decide(viewer("head"), Act.SIGN, case("head", Role.HEADTEACHER, erased=True)), Refused)
    assert isinstance(decide(viewer("head"), Act.SIGN, case("head", Role.CHAIR_OF_GOVERNORS)), Refused)
    named = replace(case("head", Role.HEADTEACHER, reads=True), excluded=frozenset({"head"}))
    for act in (Act.SIGN, Act.READ):
        assert decide(viewer("head"), act, named) is Refused.EXCLUDED
    for other in ("cohead", "chair", "dsl.guest", "otherhead"):
        assert isinstance(decide(viewer(other), Act.SIGN, case("head", Role.HEADTEACHER)), Refused)
