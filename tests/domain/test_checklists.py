"""What a grid suggests for a case: the right time of asking, the facts that are known, and a person who decides."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from domain.checklists import (
    Checklist,
    ChooseKind,
    Decision,
    Difference,
    Earlier,
    NotInGrid,
    ReasonMissing,
    Repeats,
    decide,
    filled_steps,
    repeats,
    suggest,
    suggest_for,
)
from domain.grids import Grid, Kind, Sure, Times
from domain.policy import Policy
from domain.routing import Facts
from domain.words import About, Role
from storage.policy_files import load_policy

TODAY = date(2026, 11, 17)
A_YEAR = timedelta(days=365)


def policy(name: str = "chipping-sodbury") -> Policy:
    """A school's policy."""
    return load_policy(name)


def grid(name: str = "chipping-sodbury") -> Grid:
    """Its grid."""
    found = policy(name).grid
    assert found is not None
    return found


def kind(name: str, school: str = "chipping-sodbury") -> Kind:
    """A kind of incident of its grid."""
    return grid(school).kinds[name]


def checklist(
    concern: str, times: Times = Times.FIRST, chosen: str = "", school: str = "chipping-sodbury", **known: bool
) -> Checklist:
    """What is suggested about a pupil."""
    found = suggest(policy(school), concern, About.PUPIL, times, known, chosen)
    assert isinstance(found, Checklist)
    return found


def steps(found: Checklist, sure: Sure | None = None) -> set[str]:
    """The steps by id."""
    return {i.action.id for i in found.items if sure in (None, i.sure)}


def earlier(days: int, concern: str = "account_misuse", decided: str = "") -> Earlier:
    """An incident so many days ago."""
    return Earlier(f"{days} {concern}", TODAY - timedelta(days=days), concern, decided)


# What is suggested


def test_the_concern_alone_may_not_say_which_line_it_is() -> None:
    """Two kinds, or one that says more than the concern does: somebody chooses."""
    found = suggest(policy(), "account_misuse", About.PUPIL, Times.FIRST)
    assert isinstance(found, ChooseKind)
    assert [k.id for k in found.kinds] == ["password_told", "account_lent"]
    alone = suggest(policy(), "nude_image", About.PUPIL, Times.FIRST)
    assert isinstance(alone, ChooseKind)
    assert [k.id for k in alone.kinds] == ["distributed"]


def test_nothing_is_suggested_while_nobody_knows_who_did_it() -> None:
    """What fits a pupil is offered, and taken once somebody chose it."""
    assert isinstance(suggest(policy(), "filter_bypass", About.PUPIL, Times.FIRST), Checklist)
    assert isinstance(suggest(policy(), "filter_bypass", About.UNKNOWN, Times.FIRST), ChooseKind)
    assert isinstance(suggest(policy(), "filter_bypass", About.UNKNOWN, Times.FIRST, kind="unsuitable_material"), Checklist)


def test_what_is_known_rules_kinds_out() -> None:
    """Nothing damaged: then it was no damage. If all are ruled out somebody chooses among all."""
    whole = suggest(policy(), "device_misuse", About.PUPIL, Times.FIRST)
    less = suggest(policy(), "device_misuse", About.PUPIL, Times.FIRST, {"damage": False})
    none = suggest(policy(), "software", About.PUPIL, Times.FIRST, {"pornography_or_hacking": True})
    assert isinstance(whole, ChooseKind)
    assert isinstance(less, ChooseKind)
    assert isinstance(none, ChooseKind)
    assert {k.id for k in whole.kinds} - {k.id for k in less.kinds} == {"minor_damage", "wilful_damage"}
    assert len(none.kinds) == 3


def test_a_fact_settles_a_step_or_leaves_it_open() -> None:
    """Known to be so it is laid down; known not to be so it is gone; not known it stands with its question."""
    for known, there, laid_down in (({}, True, False), ({"damage": True}, True, True), ({"damage": False}, False, False)):
        found = suggest(policy(), "hacking", About.PUPIL, Times.SECOND, known, "hacked")
        assert isinstance(found, Checklist)
        cost = [i for i in found.items if i.action.id == "cost"]
        assert bool(cost) is there
        assert any(i.laid_down for i in cost) is laid_down


def test_the_kind_settles_facts_whatever_was_told() -> None:
    """Hacking is hacking."""
    assert "pcso" in steps(checklist("hacking", chosen="hacked", pornography_or_hacking=False))
    assert "pcso" not in steps(checklist("software", chosen="installed"))


def test_the_next_time_is_shown() -> None:
    """What a repeat would bring; and that a third time has nothing of its own."""
    first, second, third = (checklist("off_task", times, "games") for times in Times)
    assert first.following is not None
    assert steps(first.following) == steps(second) == {"block_week", "heads_detention", "log"}
    assert (second.following, second.beyond) == (None, False)
    assert (third.following, third.beyond) == (None, True)
    assert steps(third) == steps(second)


def test_a_repeat_in_another_row() -> None:
    """At Danecourt A becomes B, and a third time is still B, which goes no further."""
    found = [checklist("off_task", times, "sites", "danecourt") for times in Times]
    assert [(f.row.id, f.beyond) for f in found] == [("a", False), ("b", False), ("b", True)]
    assert found[0].following is not None
    assert found[0].following.row.id == "b"


def test_one_step_from_two_rows_is_one_step() -> None:
    """Under both clauses, and as definite as the stronger."""
    found = checklist("software", Times.SECOND, "files_moved", "ken-stimpson")
    head_of = next(i for i in found.items if i.action.id == "head_of")
    assert (head_of.sure, head_of.cites) == (Sure.DEFINITE, ("incidents.9", "incidents.15"))
    assert steps(found, Sure.POSSIBLE) == {"network", "police"}
    filtered = checklist("filter_bypass", Times.SECOND, school="ken-stimpson")
    assert next(i for i in filtered.items if i.action.id == "sanction").sure is Sure.DEFINITE


def test_a_role_whose_holders_are_shut_out_gives_way() -> None:
    """To the next on its ladder, in whose hands it is brought too; with nobody left it is the LADO's."""
    shut = frozenset({Role.SENIOR_LEADERSHIP, Role.HEADTEACHER})
    found = suggest(policy(), "hacking", About.PUPIL, Times.FIRST, kind="hacked", excluded_roles=shut)
    assert isinstance(found, Checklist)
    assert next(i for i in found.items if i.action.id == "block_longer").action.by is Role.CHAIR_OF_GOVERNORS
    inside = frozenset(Role) - {Role.LADO}
    nobody = suggest(policy(), "hacking", About.PUPIL, Times.FIRST, kind="hacked", excluded_roles=inside)
    assert isinstance(nobody, Checklist)
    assert next(i for i in nobody.items if i.action.id == "block_longer").action.by is Role.LADO


def test_a_policy_without_a_grid_suggests_nothing() -> None:
    """It is not made up."""
    assert suggest(replace(policy(), grid=None), "hacking", About.PUPIL, Times.FIRST) == NotInGrid(None)


def test_a_kind_that_the_grid_has_no_more() -> None:
    """A case that was decided under an older grid is asked about again."""
    assert isinstance(suggest(policy(), "hacking", About.PUPIL, Times.FIRST, kind="dragons"), ChooseKind)


# How often it has happened


@pytest.mark.parametrize(
    ("before", "times"),
    [
        ((), Times.FIRST),
        ((1,), Times.SECOND),
        ((0,), Times.SECOND),
        ((365,), Times.SECOND),
        ((366,), Times.FIRST),
        ((366, 20), Times.SECOND),
        ((3, 200), Times.MORE),
        ((-1,), Times.FIRST),
    ],
)
def test_earlier_incidents_are_counted_in_the_window(before: tuple[int, ...], times: Times) -> None:
    """From so long ago to the same day; what came later is no earlier incident."""
    found = repeats(grid(), kind("password_told"), (earlier(d) for d in before), TODAY, A_YEAR)
    assert found.times is times
    assert [e.on for e in found.counted] == sorted(e.on for e in found.counted)


def test_a_reporter_who_knows_of_one() -> None:
    """It need not be on record; where one is, it is not counted twice."""
    told = repeats(grid(), kind("password_told"), (), TODAY, A_YEAR, told=True)
    assert told == Repeats(Times.SECOND, (), told=True)
    assert repeats(grid(), kind("password_told"), (), TODAY, A_YEAR, told=False).times is Times.FIRST
    assert repeats(grid(), kind("password_told"), [earlier(9)], TODAY, A_YEAR, told=True).times is Times.SECOND


def test_a_report_and_its_history() -> None:
    """From both comes the checklist; where there is a choice nothing is counted yet, and once it was made it is."""
    before = [earlier(30, "filter_bypass")]
    found, counted = suggest_for(policy(), Facts("filter_bypass", About.PUPIL), before, TODAY, A_YEAR)
    assert isinstance(found, Checklist)
    assert (found.times, counted) == (Times.SECOND, Repeats(Times.SECOND, tuple(before)))
    report = Facts("hacking", About.PUPIL, repeat=True)
    assert suggest_for(policy(), report, (), TODAY, A_YEAR)[1] is None
    chosen, told = suggest_for(policy(), report, (), TODAY, A_YEAR, {"damage": True}, "hacked")
    assert isinstance(chosen, Checklist)
    assert (told, "cost" in steps(chosen)) == (Repeats(Times.SECOND, (), told=True), True)


@pytest.mark.parametrize("said", [None, False, True])
def test_a_reporter_does_not_settle_that_no_law_was_broken(*, said: bool | None) -> None:
    """Their yes does, to be careful; after a no the step stays with its question."""
    report = Facts("harmful_content", About.STAFF, illegal_suspected=said)
    found, _ = suggest_for(policy("danecourt"), report, (), TODAY, A_YEAR, kind="staff_material")
    assert isinstance(found, Checklist)
    referral = next(i for i in found.items if i.action.id == "refer_illegal")
    assert referral.laid_down is (said is True)
    known, _ = suggest_for(policy("danecourt"), report, (), TODAY, A_YEAR, {"illegal": False}, "staff_material")
    assert isinstance(known, Checklist)
    assert "refer_illegal" not in steps(known)


@pytest.mark.parametrize(
    ("school", "now", "before", "times"),
    [
        # Chipping Sodbury counts by level, by what was decided where that is known.
        ("chipping-sodbury", "games", earlier(5, "filter_bypass"), Times.SECOND),
        ("chipping-sodbury", "games", earlier(5, "harmful_content", "offensive_viewed"), Times.FIRST),
        ("chipping-sodbury", "games", earlier(5, "account_misuse"), Times.FIRST),
        # Ken Stimpson counts any infringement of its table.
        ("ken-stimpson", "files_moved", earlier(5, "off_task"), Times.SECOND),
        ("ken-stimpson", "files_moved", earlier(5, "other"), Times.FIRST),
        # Danecourt speaks of the same thing going on.
        ("danecourt", "sites", earlier(5, "off_task", "sites"), Times.SECOND),
        ("danecourt", "sites", earlier(5, "off_task", "email"), Times.FIRST),
        ("danecourt", "sites", earlier(5, "off_task"), Times.SECOND),
        ("danecourt", "sites", earlier(5, "device_misuse"), Times.FIRST),
    ],
)
def test_what_counts_as_a_repeat(school: str, now: str, before: Earlier, times: Times) -> None:
    """As each policy means it."""
    assert repeats(grid(school), kind(now, school), [before], TODAY, A_YEAR).times is times


# What a person decides


def test_to_do_what_is_suggested_needs_no_reason() -> None:
    """Nor does it to choose among what was offered, or to leave what is only possible or turns on what nobody knows."""
    taken = checklist("hacking", Times.SECOND, "hacked")
    chosen = suggest(policy(), "hacking", About.PUPIL, Times.SECOND)
    found = decide(chosen, taken, ["police", "record_cp", "log", "block_aht"])
    assert found == Decision("hacked", Times.SECOND, ("block_aht", "police", "record_cp", "log"), "", "", ())
    danecourt = checklist("off_task", Times.FIRST, "sites", "danecourt")
    assert isinstance(decide(danecourt, danecourt, ["inform_parents", "log"]), Decision)


@pytest.mark.parametrize(
    ("steps_", "own", "now", "differs"),
    [
        (("log",), "", ("games", Times.FIRST), (Difference.LEFT_OUT,)),
        (("log", "faculty_detention"), " Write to the family. ", ("games", Times.FIRST), (Difference.ADDED,)),
        (("log", "block_week", "heads_detention"), "", ("games", Times.SECOND), (Difference.OTHER_TIMES,)),
        (("log", "talk"), "", ("password_told", Times.FIRST), (Difference.OTHER_KIND,)),
        ((), "", ("account_lent", Times.SECOND), (Difference.OTHER_KIND, Difference.OTHER_TIMES, Difference.LEFT_OUT)),
    ],
)
def test_to_decide_otherwise_needs_a_reason(
    steps_: tuple[str, ...], own: str, now: tuple[str, Times], differs: tuple[Difference, ...]
) -> None:
    """It is allowed, and said why."""
    suggested, taken = checklist("off_task", chosen="games"), checklist("off_task", now[1], now[0])
    assert decide(suggested, taken, steps_, own, "  ") == ReasonMissing(differs)
    found = decide(suggested, taken, steps_, own, " The family asked for it. ")
    assert isinstance(found, Decision)
    assert (found.differs, found.reason, found.own) == (differs, "The family asked for it.", own.strip())


def test_a_line_that_was_not_offered_needs_a_reason() -> None:
    """Where there was a choice of others, or where the grid had none."""
    taken = checklist("off_task", chosen="games")
    for concern in ("account_misuse", "copyright"):
        suggested = suggest(policy(), concern, About.PUPIL, Times.FIRST)
        assert decide(suggested, taken, ["log", "faculty_detention"]) == ReasonMissing((Difference.OTHER_KIND,))


def test_somebody_may_say_that_the_grid_has_no_line_for_it() -> None:
    """Where it was a choice, or nothing was suggested, that is no difference; where a line was, it is. It is no repeat."""
    offered = suggest(policy(), "account_misuse", About.PUPIL, Times.FIRST)
    nothing = suggest(policy(), "copyright", About.PUPIL, Times.FIRST)
    line = suggest(policy(), "filter_bypass", About.PUPIL, Times.FIRST)
    for suggested in (offered, nothing):
        assert decide(suggested, None, (), "Speak with the pupil.") == Decision(
            "none", None, (), "Speak with the pupil.", "", ()
        )
    assert decide(line, None, ()) == ReasonMissing((Difference.OTHER_KIND,))
    assert suggest(policy(), "filter_bypass", About.PUPIL, Times.FIRST, kind="none") == NotInGrid(None)
    assert repeats(grid(), kind("password_told"), [earlier(5, decided="none")], TODAY, A_YEAR).times is Times.FIRST


def test_what_was_filled_in_is_read_back() -> None:
    """The steps to do, and nothing else of the form."""
    assert filled_steps({"grid_step:log": "do", "grid_step:block_week": "leave", "grid_own": "do"}) == ("log",)


def test_what_is_no_step_is_refused() -> None:
    """A form sends back what it was given; anything else is broken, and so is a decision without its reason."""
    taken = checklist("off_task", chosen="games")
    with pytest.raises(ValueError, match="dragons"):
        decide(taken, taken, ["dragons"])
    with pytest.raises(ValueError, match="reason"):
        Decision("games", Times.FIRST, (), "", "", (Difference.LEFT_OUT,))
