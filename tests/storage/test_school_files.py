"""School files: the example loads, and every mistake is refused with file and place named."""

import re
from datetime import date, time
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.cli import main
from bot.settings import DEMO_SCHOOLS
from domain.deadlines import COMES_BACK
from domain.patterns import Patterns
from domain.people import GROUP_OF, Group, Platform, School
from domain.retention import YEARS
from domain.words import EXTERNAL_ROLES, Role, Urgency
from storage.answer_files import load_catalogue, load_sheet
from storage.school_files import SchoolFileError, load_schools

EXAMPLE = Path(__file__).parents[2] / "docs" / "example-school.yaml"
LEAST: dict[str, Any] = {
    "name": "Least School",
    "prefix": "LST",
    "policy": "elton",
    "roles": {"headteacher": ["head@least.example"]},
}

WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "no such policy": ({"policy": "eton"}, "there is no policy called 'eton': the policies are"),
    "a line nobody knows": ({"rolls": {}}, "rolls: Extra inputs are not permitted"),
    "no roles": ({"roles": None}, "roles: "),
    "no such role": ({"roles": {"caretaker": ["c@least.example"]}}, "roles.caretaker"),
    "an agency as a role": (
        {"roles": {"police": ["p@least.example"]}},
        "police is outside the school: the bot cannot alert it",
    ),
    "no e-mail": ({"roles": {"dsl": ["Somebody"]}}, "roles.dsl"),
    "a role by house that is the school's": (
        {"houses": ["Oak"], "roles": {"dsl": {"Oak": ["d@least.example"]}}},
        "roles.dsl: this role is for the whole school",
    ),
    "a house nobody knows": (
        {"houses": ["Oak"], "roles": {"head_of_house": {"Aok": ["o@least.example"]}}},
        "roles.head_of_house: Aok is not among the houses",
    ),
    "a long prefix": ({"prefix": "least-school"}, "prefix: "),
    "no such time zone": ({"timezone": "Chipping/Sodbury"}, "timezone: Value error, not a time zone"),
    "no such day": ({"closed": ["2026-02-30"]}, "closed: '2026-02-30' is neither a day"),
    "a day that ends before it begins": (
        {"school_day": {"opens": "16:00", "closes": "08:30"}},
        "the school day must open before it closes",
    ),
    "a closure that ends before it begins": (
        {"closed": ["2027-01-03/2026-12-21"]},
        "closed: 2027-01-03/2026-12-21 ends before",
    ),
    "a closure for ten years": ({"closed": ["2026-12-21/2036-12-21"]}, "closed: 2026-12-21/2036-12-21 is longer than a school"),
    "closures without an end": (
        {"closed": ["2026-01-01/2026-08-01", "2026-08-02/2027-03-01"]},
        "are more than a school can be closed: check the spans",
    ),
    "a term of one word": ({"terms": ["autumn"]}, "terms: 'autumn' is not a span from a first to a last day"),
    "a term of one day": ({"terms": [date(2026, 9, 3)]}, "terms: '2026-09-03' is not a span"),
    "a term without an end": ({"terms": ["2026-09-03/"]}, "terms: '2026-09-03/' is not a span"),
    "a term on a day that is none": ({"terms": ["2026-09-03/2026-09-31"]}, "terms: '2026-09-03/2026-09-31' is not a span"),
    "a term that ends before it begins": (
        {"terms": ["2026-10-23/2026-09-03"]},
        "the term 2026-10-23/2026-09-03 ends before it begins",
    ),
    "terms that overlap": (
        {"terms": ["2026-09-03/2026-10-23", "2026-10-23/2026-12-18"]},
        "the terms 2026-09-03/2026-10-23 and 2026-10-23/2026-12-18 overlap",
    ),
    "terms out of order": (
        {"terms": ["2027-01-05/2027-03-25", "2026-09-03/2026-12-18"]},
        "do not stand in their order",
    ),
    "a slip in a term's year": (
        {"terms": ["2026-09-03/2026-12-18", "2028-01-05/2028-03-25"]},
        "days lie between the terms 2026-09-03/2026-12-18 and 2028-01-05/2028-03-25: check their years",
    ),
    "a span with a mapping's colon": ({"terms": [{"autumn": "2026-09-03/2026-12-18"}]}, "terms.0"),
    "terms that are no list": ({"terms": "2026-09-03/2026-12-18"}, "terms: Input should be a valid list"),
    "a time without quotes": ({"school_day": {"opens": 510}}, 'school_day.opens: Value error, put the time in quotes: "08:30"'),
    "it comes back at once": ({"comes_back": {"high": 0}}, "comes_back.high: Input should be greater than or equal to 1"),
    "it comes back in a year": ({"comes_back": {"low": 365}}, "comes_back.low: Input should be less than or equal to 30"),
    "it comes back now and then": ({"comes_back": {"low": "5"}}, "comes_back.low: Input should be a valid integer"),
    "an urgency nobody knows": ({"comes_back": {"urgent": 1}}, "comes_back.urgent"),
    "a record that is kept for ever": ({"retention": {"other": 101}}, "retention.other: Input should be less than or equal"),
    "a record that is not kept": ({"retention": {"other": 0}}, "retention.other: Input should be greater than or equal to 1"),
    "figures for somebody who sees none": ({"figures": {"to": ["it_support"]}}, "it_support does not see figures"),
    "one case that is a pattern": ({"patterns": {"often": 1}}, "patterns.often: Input should be greater than"),
    "a pattern over no days": ({"patterns": {"together_days": 0}}, "patterns.together_days: Input should be greater than"),
    "a pattern of a kind that there is not": ({"patterns": {"seldom": 3}}, "patterns.seldom: Extra inputs"),
    "figures that are hardly rounded": ({"figures": {"smallest": 2}}, "figures.smallest: Input should be greater than"),
    "figures that say nothing any more": ({"figures": {"smallest": 21}}, "figures.smallest: Input should be less than"),
    "a class of records nobody knows": ({"retention": {"bullying": 6}}, "retention.bullying"),
    "a channel on no chat we know": ({"channels": {"irc": {"dsl": "#dsl"}}}, "channels.irc"),
    "a channel for an agency": ({"channels": {"slack": {"lado": "C1"}}}, "lado is outside the school"),
}


def write(folder: Path, name: str = "least", **changes: Any) -> Path:
    """A school file with as little as can be, and some changes."""
    folder.mkdir(exist_ok=True)
    path = folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump({**LEAST, **changes}), encoding="utf-8")
    return path


@pytest.mark.parametrize("case", WRONG)
def test_a_mistake_is_refused_with_its_place(case: str, tmp_path: Path) -> None:
    """The message names the file, and the line by its number and name, and stands on one line."""
    changes, said = WRONG[case]
    path = write(tmp_path / "schools", **changes)
    with pytest.raises(SchoolFileError) as wrong:
        load_schools(path.parent)
    assert re.match(rf"{re.escape(str(path))}:( |\d+: )", str(wrong.value))
    assert said in str(wrong.value)
    assert "\n" not in str(wrong.value)


def test_what_stands_there_twice_is_refused(tmp_path: Path) -> None:
    """Of two lines for one role neither wins: whoever is left out would never be alerted."""
    path = write(tmp_path / "schools")
    again = yaml.safe_dump({"roles": LEAST["roles"]})
    path.write_text(path.read_text(encoding="utf-8") + again, encoding="utf-8")
    with pytest.raises(SchoolFileError, match=r"least\.yaml:\d+: .*'roles' stands here twice"):
        load_schools(path.parent)


@pytest.mark.parametrize("text", ["", "name: [", "- a\n- list\n", "\t"])
def test_what_is_no_school_file_is_refused(text: str, tmp_path: Path) -> None:
    """An empty file, broken YAML, or another shape altogether."""
    (tmp_path / "odd.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(SchoolFileError, match=r"odd\.yaml"):
        load_schools(tmp_path)


def test_a_file_in_another_encoding_is_refused(tmp_path: Path) -> None:
    """Windows' own encoding is named as the trouble, not shown as a crash."""
    (tmp_path / "odd.yaml").write_bytes("name: Écoles".encode("cp1252"))
    with pytest.raises(SchoolFileError, match=r"odd\.yaml is not valid YAML"):
        load_schools(tmp_path)


def test_a_folder_without_a_school_says_what_to_do(tmp_path: Path) -> None:
    """An empty folder, or none at all, points to the example."""
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(SchoolFileError, match=r"copy docs/example-school\.yaml there"):
            load_schools(folder)


def test_two_schools_cannot_share_a_prefix(tmp_path: Path) -> None:
    """Their references could not be told apart."""
    write(tmp_path / "schools", "one")
    path = write(tmp_path / "schools", "two")
    with pytest.raises(SchoolFileError, match="two schools have the prefix LST"):
        load_schools(path.parent)


def test_a_school_with_as_little_as_can_be(tmp_path: Path) -> None:
    """Hours, houses, channels and phones may be left out; e-mails are compared without regard to case."""
    path = write(tmp_path / "schools", roles={"headteacher": [" Head@Least.Example "]})
    school = load_schools(path.parent)["least"]
    assert school.holders[Role.HEADTEACHER].everywhere == ("head@least.example",)
    assert (school.calendar.opens, school.calendar.closes) == (time(8, 30), time(16, 0))
    assert not school.channels
    assert school.comes_back == COMES_BACK


def test_figures_go_to_whom_the_policy_names_or_the_school_itself(tmp_path: Path) -> None:
    """What the school writes comes first; a policy that names nobody leaves it to the lead and the headteacher."""
    names_them = write(tmp_path / "policy", policy="chipping-sodbury")
    assert load_schools(names_them.parent)["least"].figures_to == (Role.HEADTEACHER, Role.DSL)
    names_nobody = write(tmp_path / "nobody", policy="elton")
    assert load_schools(names_nobody.parent)["least"].figures_to == (Role.DSL, Role.HEADTEACHER)
    itself = write(tmp_path / "itself", policy="chipping-sodbury", figures={"to": ["governors"]})
    assert load_schools(itself.parent)["least"].figures_to == (Role.GOVERNORS,)


def test_terms_as_a_school_writes_them(tmp_path: Path) -> None:
    """In its own words, without quotes, with a half-term; and how soon a case comes back, for one urgency only."""
    path = tmp_path / "least.yaml"
    lines = [
        "terms:",
        "  - 2026-09-03/2026-10-23",
        "  - 2026-11-02 / 2026-12-18",
        "closed: [2026-11-27, 2026-10-26/2026-10-30]",
        "comes_back: {medium: 2}",
    ]
    path.write_text("\n".join((yaml.safe_dump(LEAST), *lines)), encoding="utf-8")
    school = load_schools(tmp_path)["least"]
    open_days = [date(2026, 9, 3), date(2026, 10, 23), date(2026, 11, 2), date(2026, 11, 26), date(2026, 12, 18)]
    shut = [date(2026, 9, 2), date(2026, 10, 24), date(2026, 10, 28), date(2026, 11, 27), date(2026, 9, 5)]
    assert all(school.calendar.is_school_day(day) for day in open_days)
    assert not any(school.calendar.is_school_day(day) for day in shut)
    assert school.comes_back == {**COMES_BACK, Urgency.MEDIUM: 2}


def example(tmp_path: Path) -> School:
    """The example as a school would copy it."""
    (tmp_path / "your-school.yaml").write_text(EXAMPLE.read_text(encoding="utf-8"), encoding="utf-8")
    return load_schools(tmp_path)["your-school"]


def test_the_example_loads_and_means_what_it_says(tmp_path: Path) -> None:
    """Copied as it is, docs/example-school.yaml is a school."""
    school = example(tmp_path)
    assert school.prefix == "EXS"
    assert not school.calendar.is_school_day(date(2026, 12, 25))
    assert school.calendar.is_school_day(date(2026, 12, 18))
    assert not school.calendar.is_school_day(date(2026, 10, 28)), "half-term"
    assert not school.calendar.is_school_day(date(2027, 5, 3)), "a bank holiday"
    assert school.comes_back == COMES_BACK
    assert school.retention == YEARS
    assert (school.figures_base, school.figures_to) == (5, (Role.DSL, Role.HEADTEACHER))
    assert school.patterns == Patterns(often=3, often_days=31, together=2, together_days=365, same_kind=3)
    assert school.holders[Role.HEAD_OF_HOUSE].of("Elm") == ("elm@example.sch.uk", "ash@example.sch.uk")
    assert school.channel(Platform.SLACK, Role.HEAD_OF_HOUSE, "Oak") == "C0EXAMPLE02"
    assert school.channel(Platform.SLACK, Role.HEAD_OF_HOUSE, "Ash") is None
    assert school.groups(Group.FORM) == ("7A", "7B", "8A")
    assert school.phones[Role.DSL] == "01632 960101"


def test_the_example_explains_every_line(tmp_path: Path) -> None:
    """Every key there can be stands in the example, and every role the bot can alert is named in it."""
    text = EXAMPLE.read_text(encoding="utf-8")
    keys = ("name", "prefix", "policy", "timezone", "school_day", "terms", "closed", "comes_back")
    for key in (*keys, "houses", "forms", "phones", "roles", "channels", "retention", "figures", "#slack_team"):
        above = text.partition(f"\n{key}:")[0]
        assert above != text, f"{key} is not in the example"
        assert above.splitlines()[-1].startswith("#"), f"{key} is not explained"
    for role in set(Role) - EXTERNAL_ROLES:
        assert role.value in text
    assert set(GROUP_OF) == {Role.HEAD_OF_HOUSE, Role.CLASS_TEACHER, Role.LINE_MANAGER}


def test_the_demo_school_loads() -> None:
    """What `make run` begins with."""
    assert list(load_schools(DEMO_SCHOOLS)) == ["chipping-sodbury"]


def test_a_policy_outside_the_program_is_named_by_its_path(tmp_path: Path) -> None:
    """From the school file; its name is that of its folder, and its answers are there too."""
    home = tmp_path / "packs" / "hillside"
    assert main(["pack", "new", str(home)]) == 0
    write(tmp_path / "schools", policy="../packs/hillside")
    policy = load_schools(tmp_path / "schools")["least"].policy
    assert (policy.id, policy.school) == ("hillside", "Hillside Primary School")
    assert "friend-pupil" in load_sheet(policy, load_catalogue()).answers


@pytest.mark.parametrize("path", ["../packs/nowhere", "./least.yaml", "/nowhere/at/all"])
def test_a_path_that_leads_to_no_policy(tmp_path: Path, path: str) -> None:
    """The school file and what is missing are named."""
    write(tmp_path, policy=path)
    with pytest.raises(SchoolFileError, match=r"least\.yaml: .*policy\.yaml is missing"):
        load_schools(tmp_path)
