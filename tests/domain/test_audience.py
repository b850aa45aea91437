"""From roles to people and channels: nobody who is named is asked, and no channel that they read shows it."""

from datetime import UTC, datetime

import pytest

from domain.audience import (
    about_whom,
    duties,
    excluded_ids,
    exclusions,
    groups_concerned,
    ladder,
    missing_groups,
    next_rung,
    why_asked,
)
from domain.incident import Asked, Exclusion, Participant, Summons, Why
from domain.people import Address, AddressKind, Group, Holders, Person, Platform, School, Staff
from domain.routing import Facts
from domain.words import About, ParticipantRole, Role
from tests.domain.town import (
    CHAIR,
    DEPUTY,
    HEAD,
    LEAD,
    NO_GROUPS,
    SCHOOL,
    STAFF,
    TEACHER,
    only,
    person,
    pupil,
    school,
)

NOW = datetime(2026, 11, 24, 10, tzinfo=UTC)
LEADS = Address(Platform.SLACK, AddressKind.CHANNEL, "C-LEADS")
RED = Address(Platform.SLACK, AddressKind.CHANNEL, "C-RED")
PERPETRATOR, TARGET = ParticipantRole.ALLEGED_PERPETRATOR, ParticipantRole.TARGET
WITNESS, OTHER = ParticipantRole.WITNESS, ParticipantRole.OTHER
NOBODY: frozenset[str] = frozenset()


def listed(role: ParticipantRole, who: Person, key: str = "p1") -> Participant:
    """Somebody picked from the list."""
    return Participant(key, role, who.name, who.id)


def typed(role: ParticipantRole, name: str, key: str = "p1") -> Participant:
    """A name as it was typed."""
    return Participant(key, role, name)


def shut_out(*participants: Participant, about: About = About.PUPIL, of: School = SCHOOL) -> dict[str, Why]:
    """Who is kept out, and why."""
    return {e.person_id: e.why for e in exclusions(of, STAFF, Facts("harm", about), participants)}


def names(people: School, role: Role, group: str = "", excluded: frozenset[str] = NOBODY) -> list[str]:
    """Who is asked, in order."""
    return [rung.person.name for rung in ladder(people, STAFF, role, group, excluded, None)]


# Who is shut out


def test_the_named_are_shut_out_and_a_witness_is_not() -> None:
    """Target and alleged perpetrator are kept out of the case; who saw it, or is mentioned, is not."""
    found = shut_out(
        listed(TARGET, LEAD, "a"), listed(PERPETRATOR, DEPUTY, "b"), listed(WITNESS, HEAD, "c"), listed(OTHER, CHAIR, "d")
    )
    assert found == {LEAD.id: Why.NAMED, DEPUTY.id: Why.NAMED}


def test_a_pupil_from_the_list_shuts_nobody_out() -> None:
    """A pupil who was picked is that pupil, even if a member of staff has the same name."""
    assert shut_out(Participant("p", PERPETRATOR, LEAD.name, "pupil-1")) == {}


def test_a_typed_name_shuts_out_whoever_it_may_be() -> None:
    """A possible match counts until somebody settles it; once dismissed it does not."""
    assert shut_out(typed(PERPETRATOR, "Mr Lead")) == {LEAD.id: Why.POSSIBLE}
    assert excluded_ids([Exclusion(LEAD.id, Why.POSSIBLE), Exclusion(DEPUTY.id, Why.DISMISSED)]) == {LEAD.id}


def test_the_certain_reason_stands() -> None:
    """Somebody picked and also typed is named, not merely possible, in whichever order."""
    picked, also = listed(PERPETRATOR, LEAD, "a"), typed(TARGET, "Ms Lead", "b")
    assert shut_out(picked, also) == shut_out(also, picked) == {LEAD.id: Why.NAMED}


@pytest.mark.parametrize("first", ["Lena Lead", "Ms Lead"])
def test_of_two_parts_the_alleged_perpetrators_stands(first: str) -> None:
    """Typed as target and as alleged perpetrator, it is the accusation that settling the name must act on."""
    target, accused = typed(TARGET, first, "target"), typed(PERPETRATOR, "Miss Lead", "accused")
    for participants in ((target, accused), (accused, target)):
        found = exclusions(SCHOOL, STAFF, Facts("harm", About.PUPIL), participants)
        assert [(e.person_id, e.participant_id) for e in found] == [(LEAD.id, "accused")]


def test_about_the_head_shuts_out_everybody_who_is_head() -> None:
    """The headteacher, and whoever acts as one, without being named at all."""
    two = school(holders={**SCHOOL.holders, Role.HEADTEACHER: only(HEAD, DEPUTY)})
    assert shut_out(about=About.HEADTEACHER, of=two) == {HEAD.id: Why.NAMED, DEPUTY.id: Why.NAMED}


@pytest.mark.parametrize("words", ["the headteacher", "Headteacher", "the Head", "our head teacher"])
def test_the_head_typed_as_a_role_is_the_head(words: str) -> None:
    """A report about "staff" that types "the headteacher" for a name must not be sent to the headteacher."""
    assert HEAD.id in shut_out(typed(PERPETRATOR, words), about=About.STAFF)


# Whom it is about


@pytest.mark.parametrize(
    ("said", "participants", "about"),
    [
        (About.PUPIL, [], About.PUPIL),
        (About.PUPIL, [listed(PERPETRATOR, TEACHER)], About.STAFF),
        (About.EXTERNAL, [listed(PERPETRATOR, HEAD)], About.HEADTEACHER),
        (About.STAFF, [listed(PERPETRATOR, HEAD), listed(PERPETRATOR, TEACHER, "p2")], About.HEADTEACHER),
        (About.HEADTEACHER, [listed(PERPETRATOR, TEACHER)], About.HEADTEACHER),
        (About.PUPIL, [listed(TARGET, TEACHER)], About.PUPIL),
        (About.PUPIL, [listed(WITNESS, HEAD)], About.PUPIL),
        (About.PUPIL, [typed(PERPETRATOR, "Tara Teacher")], About.PUPIL),
        (About.PUPIL, [Participant("p", PERPETRATOR, "Bea", "pupil-Bea")], About.PUPIL),
    ],
)
def test_whom_it_is_about_once_names_are_known(said: About, participants: list[Participant], about: About) -> None:
    """A member of staff picked as perpetrator makes it about staff, the head about the head; a typed name settles nothing."""
    assert about_whom(SCHOOL, STAFF, said, participants) is about


@pytest.mark.parametrize("words", ["the DSL", "Designated Safeguarding Lead", "our dsl"])
def test_an_office_typed_in_place_of_a_name_is_its_holders(words: str) -> None:
    """Who is meant by "the DSL" is no riddle: whoever holds the office is kept out until somebody settles it."""
    found = exclusions(SCHOOL, STAFF, Facts("other", About.UNKNOWN), [typed(PERPETRATOR, words)])
    assert LEAD.id in {e.person_id for e in found if e.why is Why.POSSIBLE}


# Houses and forms


def test_houses_come_from_the_pupils_and_else_from_the_reporter() -> None:
    """Each house of those concerned once; a witness's does not count; what was told stands where no pupil is known."""
    red, blue = pupil("Bea", "Red"), pupil("Cai", "Blue")
    people = [(listed(TARGET, red, "a"), red), (listed(PERPETRATOR, red, "b"), red), (listed(WITNESS, blue, "c"), blue)]
    assert groups_concerned(people, {Group.HOUSE: "Blue"})[Group.HOUSE] == ("Red",)
    assert groups_concerned([(typed(TARGET, "New Pupil"), None)], {Group.HOUSE: "Blue"})[Group.HOUSE] == ("Blue",)
    assert groups_concerned([], {})[Group.HOUSE] == ()


def test_a_house_is_asked_only_where_a_role_hangs_on_it() -> None:
    """Not for the DSL, not where it is known, not where the school has none; a line manager is never asked for."""
    asked = missing_groups(SCHOOL, [Role.DSL, Role.HEAD_OF_HOUSE, Role.LINE_MANAGER], NO_GROUPS)
    assert [(p.group, p.choices) for p in asked] == [(Group.HOUSE, ("Red", "Blue"))]
    assert missing_groups(SCHOOL, [Role.HEAD_OF_HOUSE], {Group.HOUSE: ("Red",)}) == ()
    assert missing_groups(SCHOOL, [Role.DSL, Role.CLASS_TEACHER], NO_GROUPS) == ()


# Who is asked, in order


def test_the_ladder_of_a_role() -> None:
    """The holders first, then those of the roles after; nobody twice; the excluded left out wherever they stand."""
    assert names(SCHOOL, Role.DSL) == ["Lena Lead", "Dev Deputy", "Hugo Hale", "Cora Chair"]
    assert names(SCHOOL, Role.HEAD_OF_HOUSE, "Red") == ["Rita Redhouse", "Dev Deputy", "Lena Lead", "Hugo Hale", "Cora Chair"]
    assert names(SCHOOL, Role.HEAD_OF_HOUSE) == ["Dev Deputy", "Lena Lead", "Hugo Hale", "Cora Chair"]
    assert names(SCHOOL, Role.DSL, excluded=frozenset({LEAD.id, HEAD.id})) == ["Dev Deputy", "Cora Chair"]
    both = school(holders={**SCHOOL.holders, Role.DEPUTY_DSL: only(LEAD, DEPUTY)})
    assert names(both, Role.DSL) == ["Lena Lead", "Dev Deputy", "Hugo Hale", "Cora Chair"]


def test_a_line_manager_is_found_by_whom_they_manage() -> None:
    """Tara's line manager is asked for Tara, and whoever follows where that is not known."""
    assert names(SCHOOL, Role.LINE_MANAGER, TEACHER.line_manager)[0] == "Rita Redhouse"
    assert names(SCHOOL, Role.LINE_MANAGER) == ["Hugo Hale", "Cora Chair"]


def test_somebody_who_has_left_is_not_asked() -> None:
    """A holder in the school file who is on no list is passed over."""
    gone = school(holders={**SCHOOL.holders, Role.DSL: only(person("Long Gone"), LEAD)})
    assert names(gone, Role.DSL)[0] == "Lena Lead"


def test_the_next_to_be_asked_comes_round_again() -> None:
    """Each once, in order; then the first again in the next round; nobody where there is nobody."""
    rungs = ladder(SCHOOL, STAFF, Role.DSL, "", frozenset({HEAD.id, CHAIR.id}), None)
    asked: list[Summons] = []
    round_ = 0
    order = []
    for _ in range(5):
        step = next_rung(rungs, asked, round_)
        assert step is not None
        rung, round_ = step
        order.append((rung.person.name, round_))
        asked.append(Summons("a", rung.person.id, rung.role, Asked.CLIMBED, round_, NOW))
    lead, deputy = "Lena Lead", "Dev Deputy"
    assert order == [(lead, 0), (deputy, 0), (lead, 1), (deputy, 1), (lead, 2)]
    assert next_rung((), asked, 0) is None


def test_whoever_is_asked_first_but_in_another_role_stands_in() -> None:
    """The deputy asked for the DSL knows that they stand in."""
    rungs = ladder(SCHOOL, STAFF, Role.DSL, "", frozenset({LEAD.id}), None)
    assert why_asked(Role.DSL, rungs[0]) is Asked.STANDS_IN
    assert why_asked(Role.DEPUTY_DSL, rungs[0]) is Asked.FIRST


# Duties and channels


def test_one_person_with_two_roles_is_asked_once() -> None:
    """The deputy is also Head of Red: one duty for both roles, in the channels of both."""
    deputy_of_red = Holders(by_group={"Red": (LEAD.email,)})
    ours = school(holders={**SCHOOL.holders, Role.HEAD_OF_HOUSE: deputy_of_red})
    found = duties(ours, STAFF, [Role.DSL, Role.HEAD_OF_HOUSE], {Group.HOUSE: ("Red",)}, NOBODY, private=False, readers={})
    assert [(d.role, d.also_roles, [c.id for c in d.channels]) for d in found] == [
        (Role.DSL, (Role.HEAD_OF_HOUSE,), ["C-LEADS", "C-RED"])
    ]


def test_two_houses_are_two_duties() -> None:
    """Pupils of two houses: each head is asked for their own."""
    found = duties(SCHOOL, STAFF, [Role.HEAD_OF_HOUSE], {Group.HOUSE: ("Red", "Blue")}, NOBODY, private=False, readers={})
    assert [(d.group, d.rungs[0].person.name) for d in found] == [("Red", "Rita Redhouse"), ("Blue", "Bob Bluehouse")]


@pytest.mark.parametrize(
    ("excluded", "readers", "private", "shown"),
    [
        (set(), {}, False, True),
        (set(), {LEADS: None}, False, True),
        ({TEACHER.id}, {}, False, False),
        ({TEACHER.id}, {LEADS: None}, False, False),
        ({TEACHER.id}, {LEADS: frozenset({LEAD.id, DEPUTY.id})}, False, True),
        ({DEPUTY.id}, {LEADS: frozenset({LEAD.id, DEPUTY.id})}, False, False),
        (set(), {LEADS: frozenset({LEAD.id})}, True, False),
    ],
)
def test_a_channel_is_an_audience(
    excluded: set[str], readers: dict[Address, frozenset[str] | None], private: bool, shown: bool
) -> None:
    """With anybody excluded a channel is used only if its readers are known and none of them is; a private case in none."""
    (duty,) = duties(SCHOOL, STAFF, [Role.DSL], NO_GROUPS, frozenset(excluded), private=private, readers=readers)
    assert duty.channels == ((LEADS,) if shown else ())


def test_a_role_is_fully_excluded_only_with_its_last_holder() -> None:
    """One of two DSLs shut out leaves the role standing; a role that nobody holds is not excluded."""
    two = school(holders={**SCHOOL.holders, Role.DSL: only(LEAD, DEPUTY)})
    assert Role.DSL not in STAFF.fully_excluded_roles(two, frozenset({LEAD.id}))
    assert Role.DSL in STAFF.fully_excluded_roles(two, frozenset({LEAD.id, DEPUTY.id}))
    assert Role.GOVERNORS not in STAFF.fully_excluded_roles(two, frozenset({LEAD.id, DEPUTY.id}))


def test_e_mail_addresses_are_compared_without_case() -> None:
    """A platform that shouts the address finds the same person."""
    assert Staff([LEAD]).by_email(LEAD.email.upper()) == LEAD
