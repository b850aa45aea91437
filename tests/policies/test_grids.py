"""Each policy's grid, cell by cell: what is printed under each clause, typed here from the policies and not from the grids."""

from collections.abc import Iterator
from itertools import product

import pytest

from domain.checklists import Checklist, ChooseKind, NotInGrid, suggest
from domain.grids import Cell, Grid, Stage, Sure, Times
from domain.policy import Policy
from domain.routing import Facts, route
from domain.words import EXTERNAL_ROLES, About, Doer, Role
from storage.grid_files import grid_cites
from storage.policy_files import load_policy, policy_ids

CELL = tuple[str, str, str]
"""A step of a row: what is done, whether it is definite ("yes") or possible ("perhaps"), and the clauses it stands on."""


def grid(school: str) -> Grid:
    """A school's grid; each of the five has one."""
    found = load_policy(school).grid
    assert found is not None
    return found


def cells(found: tuple[Cell, ...]) -> set[CELL]:
    """The steps of a row as a set, a condition written after a step's name."""
    return {
        (
            " ".join((c.action, *(f"{'if' if v else 'unless'} {f}" for f, v in c.when.items()))),
            "yes" if c.sure is Sure.DEFINITE else "perhaps",
            " ".join(c.cites),
        )
        for c in found
    }


def printed(clause: str, yes: str = "", perhaps: str = "") -> set[CELL]:
    """Steps under one clause, several separated by commas."""
    marks = (("yes", yes), ("perhaps", perhaps))
    return {(step.strip(), mark, clause) for mark, steps in marks for step in steps.split(",") if step}


# Chipping Sodbury: Appendix 1

CHIPPING = {
    ("c1", "sanctions-grid.3"): (
        {"Let other people know a password", "Let other people use an account"},
        "talk",
        "block_week",
    ),
    ("c2", "sanctions-grid.4"): (
        {
            "Played games in a lesson",
            "Surfed the internet without permission",
            "Reached unsuitable material on the internet, by a proxy or otherwise",
        },
        "faculty_detention",
        "block_week, heads_detention",
    ),
    ("c3", "sanctions-grid.5"): (
        {
            "Took ICT equipment apart",
            "Viewed pornographic or offensive material",
            "Minor damage to systems",
            "Administrative tasks without authority",
        },
        "block_week, heads_detention, record_cp if child_protection",
        "block_longer, pcso if offensive, record_cp, cost if damage",
    ),
    ("c4", "sanctions-grid.6"): (
        {
            "Installed software without authority",
            "Made system software unusable",
            "Deliberate hacking",
            "Wilful damage",
            "Passed pornographic material round",
        },
        "block_longer, pcso if pornography_or_hacking, record_cp",
        "block_aht, police, record_cp, cost if damage",
    ),
}


@pytest.mark.parametrize(("row", "clause"), CHIPPING)
def test_chipping_sodburys_levels(row: str, clause: str) -> None:
    """C1 to C4: what belongs to each, and what follows the first time and the second."""
    found = grid("chipping-sodbury")
    kinds, first, second = CHIPPING[row, clause]
    assert {k.name for k in found.kinds.values() if k.row == row} == kinds
    assert cells(found.rows[row].cells(Times.FIRST)) == printed(clause, first)
    assert cells(found.rows[row].cells(Times.SECOND)) == printed(clause, second)
    assert found.rows[row].cells(Times.MORE) == found.rows[row].cells(Times.SECOND)


def test_chipping_sodbury_has_four_levels_and_no_more() -> None:
    """Nothing was made up beside them; the record of misuse is kept for all of them."""
    found = grid("chipping-sodbury")
    assert set(found.rows) == {"c1", "c2", "c3", "c4"}
    assert cells(tuple(a.cell for a in found.always)) == printed("sanctions-grid.1", "log")


# Ken Stimpson: the table for students, its columns from left to right

COLUMNS = (
    "teacher",
    "head_of",
    "principal",
    "police",
    "technical",
    "parents",
    "network",
    "warning",
    "sanction",
    "confiscation",
)
MARKS = {
    6: "-X-X------",
    7: "XX--X-----",
    8: "XX---X----",
    9: "XX--X-?X--",
    10: "-X--XX-X--",
    11: "-X--XX-XX-",
    12: "-X--XX--X-",
    13: "-X--XX--X-",
    14: "XXXX-X--X-",
    15: "-XX?-X--X-",
    16: "-XX?-X--X-",
    17: "-X-?XX--X-",
    18: "X---XX-X--",
    19: "-X-XXX--X-",
    20: "X---XX-XX-",
}
KEN_STIMPSON_KINDS = {
    6: {"Reached for material that could be illegal, on purpose"},
    7: {"Non-educational sites in a lesson"},
    8: {"Used a phone, camera or other device without permission"},
    9: {"Downloaded or uploaded files without permission"},
    10: {"Shared a username or password"},
    11: {"Used or tried another student's account"},
    12: {"Used or tried a member of staff's account"},
    13: {"Damaged or destroyed others' data"},
    14: {"Offensive, harassing or bullying message"},
    15: set[str](),
    16: {"Harmed the school's name or its ethos"},
    17: {"Proxy site or another way round the filter"},
    18: {"Came upon offensive material by accident and did not say"},
    19: {"Reached for offensive or pornographic material, on purpose"},
    20: {"Received or sent what breaks copyright", "Received or sent what breaks data protection"},
}


@pytest.mark.parametrize("point", MARKS)
def test_ken_stimpsons_table(point: int) -> None:
    """Each incident under each action: a tick is definite, a question mark possible, and an empty cell is nothing."""
    found = grid("ken-stimpson")
    clause = f"incidents.{point}"
    row = next(r for r in found.rows.values() if r.cites == (clause,))
    expected = {(c, "yes" if m == "X" else "perhaps", clause) for c, m in zip(COLUMNS, MARKS[point], strict=True) if m != "-"}
    assert cells(row.cells(Times.FIRST)) == expected
    assert {k.name for k in found.kinds.values() if k.row == row.id} == KEN_STIMPSON_KINDS[point]


@pytest.mark.parametrize(
    ("kind", "definite", "possible"),
    [
        # "Continued infringements of the above" adds to what the row itself has, and weakens nothing of it.
        ("sites_in_lesson", "teacher head_of technical principal parents sanction", "police"),
        ("offensive_message", "teacher head_of principal police parents sanction", ""),
        ("illegal_material", "head_of police principal parents sanction", ""),
        # Rows below it are not above it: what it has is possible only.
        ("accident_untold", "teacher technical parents warning", "head_of principal police sanction"),
        ("deliberate_access", "head_of police technical parents sanction", "principal"),
        ("serious_incident", "parents authority police", ""),
    ],
)
def test_ken_stimpsons_repeats(kind: str, definite: str, possible: str) -> None:
    """After a warning or a sanction, from the second time on."""
    policy = load_policy("ken-stimpson")
    for times in (Times.SECOND, Times.MORE):
        found = suggest(policy, "other", About.PUPIL, times, kind=kind)
        assert isinstance(found, Checklist)
        by_sure = {s: {i.action.id for i in found.items if i.sure is s} for s in Sure}
        assert by_sure == {Sure.DEFINITE: {*definite.split(), "record"}, Sure.POSSIBLE: set(possible.split())}


def test_ken_stimpson_beside_the_table() -> None:
    """Serious incidents go outside; for staff there is a paragraph, and the disciplinary procedure is possible."""
    found = grid("ken-stimpson")
    assert cells(found.rows["serious"].cells(Times.FIRST)) == printed("approval.17", "parents, authority, police")
    assert cells(found.rows["staff_posts"].cells(Times.FIRST)) == printed("incidents.23 incidents.24", perhaps="disciplinary")
    assert cells(tuple(a.cell for a in found.always)) == printed("recording.1", "record")
    assert len(found.rows) == len(MARKS) + 3


# Danecourt: pupils A to D, staff A and B

ILLEGAL = printed("conduct-parents-2.12", "refer_illegal if illegal, tell_authority if illegal")
DANECOURT = {
    "a": printed("infringements.5", perhaps="refer_teacher, raise_a"),
    "b": printed("infringements.7", perhaps="refer_b, raise_internet_off, raise_phone, raise_parents"),
    "c": printed("infringements.10", "filter_site if unsuitable_site", "refer_c, internet_off, raise_parents, raise_equipment"),
    "d": ILLEGAL
    | printed(
        "infringements.12", perhaps="refer_head, contact_parents, evidence, provider, take_down, report_crime if illegal"
    ),
    "illegal": printed("conduct-parents-2.12", "refer_illegal, tell_authority")
    | printed("child-abuse-images.2", perhaps="ceop"),
    "towards_child": printed("conduct-parents-2.11", "police_message if illegal")
    | printed("child-abuse-images.2", perhaps="ceop"),
    "disturbing": printed("conduct-parents-2.11", "police_message"),
    "staff_a": printed("infringements.15", perhaps="refer_manager, staff_warning"),
    "staff_b": ILLEGAL
    | printed("gross-misconduct.1", "investigate unless exceptional, suspend if exceptional")
    | printed("gross-misconduct.2", perhaps="outside_help")
    | printed(
        "infringements.17",
        "secure_computer, audit, identify",
        "refer_governors, raise_authority, raise_crime if illegal",
    ),
    "staff_images": printed("child-abuse-images.1", "suspend, call_police")
    | printed("conduct-parents-2.12", "refer_illegal, tell_authority")
    | printed("child-abuse-images.2", perhaps="ceop"),
}
DANECOURT_LISTED = {"a": 4, "b": 4, "c": 7, "d": 4, "staff_a": 6, "staff_b": 5}
"""How many lines of its own each category has here: without "continued", which is the row before it a second time."""


@pytest.mark.parametrize("row", DANECOURT)
def test_danecourts_categories(row: str) -> None:
    """Refer, escalate, and the safeguarding actions; the sanctions are possible ones, as they are headed."""
    found = grid("danecourt")
    assert cells(found.rows[row].cells(Times.FIRST)) == DANECOURT[row]
    assert found.rows[row].last is Times.FIRST
    if row in DANECOURT_LISTED:
        assert sum(k.row == row for k in found.kinds.values()) == DANECOURT_LISTED[row]


def test_danecourt_has_no_other_category() -> None:
    """And in each, what the policy asks of every incident."""
    found = grid("danecourt")
    assert set(found.rows) == set(DANECOURT)
    assert {(a, c) for a in (*About,) for c in cells(tuple(x.cell for x in found.always if a in x.about))} == {
        *((a, c) for a in (About.PUPIL, About.UNKNOWN) for c in printed("conduct-parents-2.10", "inform_parents")),
        *((a, c) for a in (About.PUPIL, About.UNKNOWN) for c in printed("conduct-parents-2.4", "log")),
        *((a, c) for a in (About.STAFF, About.HEADTEACHER) for c in printed("handling-incidents.5", "head_directly")),
        *((About.HEADTEACHER, c) for c in printed("handling-incidents.5", "to_lado")),
    }


@pytest.mark.parametrize(
    ("kind", "rows"),
    [
        ("sites", ("a", "b", "b")),
        ("email", ("a", "b", "b")),
        ("phone", ("a", "b", "b")),
        ("messaging", ("a", "b", "b")),
        ("file_sharing", ("b", "b", "b")),
        ("bullying_message", ("c", "d", "d")),
        ("tried_offensive", ("c", "d", "d")),
        ("data_destroyed", ("c", "c", "c")),
        ("disrepute", ("d", "d", "d")),
    ],
)
def test_danecourts_repeats_move_up(kind: str, rows: tuple[str, ...]) -> None:
    """After a warning A is B; a message or an attempt that was "one-off" in C is D."""
    policy = load_policy("danecourt")
    found = [suggest(policy, "other", About.PUPIL, times, kind=kind) for times in Times]
    assert tuple(c.row.id for c in found if isinstance(c, Checklist)) == rows


@pytest.mark.parametrize("times", [Times.FIRST, Times.SECOND])
def test_danecourts_routes_name_the_category_of_its_grid(times: Times) -> None:
    """Whoever reports is told no other category than the lead is shown afterwards, the first time and the second."""
    policy, named = load_policy("danecourt"), {}
    for concern in policy.concerns:
        decided = route(policy, Facts(concern, About.PUPIL, repeat=times is Times.SECOND)).rules[0].split(".")
        if decided[0] == "pupil" and len(decided[1]) == 1:
            kinds = [k.id for k in grid("danecourt").kinds.values() if concern in k.concerns]
            found = [suggest(policy, concern, About.PUPIL, times, kind=kind) for kind in kinds]
            named[concern] = (decided[1], {c.row.id for c in found if isinstance(c, Checklist)})
    assert len(named) >= 9
    assert {concern: pair for concern, pair in named.items() if pair[0] not in pair[1]} == {}


# Elton: examples of bullying outside school, indecent images, allegations

PROTECTED = printed("cyber-bullying.2", "protect")
ALLEGATION = (
    printed("child-protection.2", "record")
    | printed("child-protection.3", "lado")
    | printed("child-protection.4", "calm_parent if told_by_parent")
    | printed("child-protection.5", "confidential if told_by_staff")
    | printed("child-protection.6", "wait")
    | printed("child-protection.7", "child_process if told_by_child")
    | printed("terms-of-use.13", perhaps="discipline")
)
HARASSMENT = printed("cyber-bullying.7", perhaps="harassment if families_refuse")
ELTON = {
    "left": (PROTECTED | printed("cyber-bullying.4", perhaps="new_school"), None),
    "peers": (
        PROTECTED | printed("cyber-bullying.5", "investigate, families"),
        PROTECTED | printed("cyber-bullying.5", "investigate, families") | HARASSMENT,
    ),
    "under_age_site": (
        PROTECTED | printed("cyber-bullying.6", "investigate, families, own_policy", "warn_parents"),
        PROTECTED | HARASSMENT | printed("cyber-bullying.6", "investigate, families, own_policy", "residual, leave_site"),
    ),
    "image_received": (printed("cyber-bullying.8", "image_referral"), None),
    "image_sent": (printed("cyber-bullying.9", "image_referral"), None),
    "image_asked": (printed("cyber-bullying.10", "image_referral"), None),
    "allegation": (ALLEGATION, None),
    "allegation_image": (ALLEGATION | printed("cyber-bullying.8 cyber-bullying.10", "image_referral"), None),
    "contact": (
        printed("terms-of-use.12", "tell_head") | printed("pupil-guidance.4", "parents if joined"),
        None,
    ),
    "firewall": (printed("pupil-guidance.6", "equipment_ban"), None),
}


@pytest.mark.parametrize("row", ELTON)
def test_eltons_examples(row: str) -> None:
    """Each worked example, and what it says of a further referral."""
    found = grid("elton").rows[row]
    first, second = ELTON[row]
    assert cells(found.cells(Times.FIRST)) == first
    assert cells(found.cells(Times.SECOND)) == (second or first)


def test_elton_refers_images_to_the_team_and_the_police() -> None:
    """At once, whoever sent or asked, and the LADO as well where it is somebody who works here."""
    found = grid("elton")
    assert set(found.rows) == set(ELTON)
    assert found.actions["image_referral"].to == (Role.SOCIAL_CARE, Role.POLICE)
    for about in About:
        checklist = suggest(load_policy("elton"), "nude_image", about, Times.FIRST, kind="" if about in STAFF else "asked")
        assert isinstance(checklist, Checklist)
        assert "image_referral" in {i.action.id for i in checklist.items if i.laid_down}
        assert ("lado" in {i.action.id for i in checklist.items if i.laid_down}) == (about in STAFF)


# Cookridge: staff as targets

TARGETED = (
    printed("cyber-bullying.13 cyber-bullying.16", "no_reply")
    | printed("cyber-bullying.14", "keep")
    | printed("cyber-bullying.17", "report, support, police if appropriate")
    | printed("cyber-bullying.18", perhaps="advice")
)
COOKRIDGE = {
    "targeted": TARGETED | printed("cyber-bullying.17", "manage"),
    "targeted_by_colleague": TARGETED
    | printed("cyber-bullying.17 cyber-bullying.4", "manage")
    | printed("cyber-bullying.5 cyber-bullying.1", perhaps="grievance"),
    "contact": printed("social-contact.2", "tell_head") | printed("social-media.1", "end_friendship"),
}


@pytest.mark.parametrize("row", COOKRIDGE)
def test_cookridges_steps(row: str) -> None:
    """For staff who are targets, and for contact with a pupil."""
    assert cells(grid("cookridge").rows[row].cells(Times.FIRST)) == COOKRIDGE[row]
    assert set(grid("cookridge").rows) == set(COOKRIDGE)


# All five

STAFF = frozenset({About.STAFF, About.HEADTEACHER})


def every_checklist(policy: Policy) -> Iterator[tuple[About, Checklist]]:
    """All that can be suggested, for whomever and however often."""
    assert policy.grid is not None
    for kind, times in product(policy.grid.kinds.values(), Times):
        for about in kind.about:
            found = suggest(policy, min(kind.concerns), about, times, kind=kind.id)
            assert isinstance(found, Checklist)
            yield about, found


@pytest.mark.parametrize("school", policy_ids())
def test_every_concern_has_a_row_or_a_reason(school: str) -> None:
    """About whomever it is: steps, kinds to choose from, or why there are none. An old concern goes as one of no kind."""
    policy = load_policy(school)
    for concern, about in product((*policy.concerns, "dropped_since"), About):
        match suggest(policy, concern, about, Times.FIRST):
            case Checklist() as found:
                assert found.items
            case ChooseKind(kinds):
                assert all(about in k.about for k in kinds)
            case NotInGrid(reason):
                assert reason is not None
                assert reason.why


@pytest.mark.parametrize("school", policy_ids())
def test_no_two_kinds_of_a_row_read_the_same(school: str) -> None:
    """Whoever decides chooses among all of them, and must be able to tell them apart."""
    found = [(kind.row, kind.name) for kind in grid(school).kinds.values()]
    assert len(found) == len(set(found))


@pytest.mark.parametrize("school", policy_ids())
def test_every_step_has_its_clause(school: str) -> None:
    """One that the policy has, with a title for everybody who is named."""
    policy = load_policy(school)
    assert policy.grid is not None
    for cites in grid_cites(policy.grid).values():
        assert all(policy.cite(c).heading for c in cites)
    for _, found in every_checklist(policy):
        assert all(item.cites for item in found.items)


@pytest.mark.parametrize("school", policy_ids())
def test_nobody_under_the_headteacher_acts_on_the_headteacher(school: str) -> None:
    """Nor the headteacher: those above, or somebody outside. Whoever reported it acts for themselves."""
    for about, found in every_checklist(load_policy(school)):
        who = {*(i.action.by for i in found.items), *(r for i in found.items for r in i.action.to)}
        if about is About.HEADTEACHER:
            assert who <= EXTERNAL_ROLES | {Role.CHAIR_OF_GOVERNORS, Role.GOVERNORS, Doer.LEAD, Doer.REPORTER}


@pytest.mark.parametrize("school", policy_ids())
def test_a_nude_image_never_has_a_sanction_by_itself(school: str) -> None:
    """A pupil in one may be its victim: what the concern alone brings keeps them safe, or waits until somebody chooses."""
    found = suggest(load_policy(school), "nude_image", About.PUPIL, Times.FIRST)
    if isinstance(found, Checklist):
        kept = {"record", "log", "inform_parents", "parents"}
        assert {i.action.id for i in found.items if i.action.stage is not Stage.SAFEGUARDING} - kept <= {"police"}
