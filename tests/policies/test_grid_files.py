"""The doors for a policy's grid and for the directory of agencies: what is wrong is refused, with the file and the line."""

import shutil
from pathlib import Path

import pytest

from bot.pack_commands import START
from domain.grids import Times
from storage.agency_files import AGENCIES_FILE, load_agencies
from storage.policy_files import POLICY_FOLDER, PolicyFileError, load_policy_at, shared_folder
from storage.school_files import SchoolFileError, load_schools

CONCERNS = frozenset(load_policy_at(POLICY_FOLDER / "elton").concerns)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """The pack to begin with, to be spoilt."""
    shutil.copytree(START, tmp_path / "hillside")
    return tmp_path / "hillside"


def refusal(home: Path, old: str, new: str) -> tuple[str, int]:
    """What is said of a grid in which something was changed, and the line of the change."""
    path = home / "grid.yaml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(PolicyFileError) as refused:
        load_policy_at(home)
    return str(refused.value), text[: text.index(old)].count("\n") + 1


def test_the_pack_to_begin_with_has_one(home: Path) -> None:
    """And a pack without one has none."""
    found = load_policy_at(home).grid
    assert found is not None
    assert [c.action for c in found.rows["bullying"].cells(Times.MORE)] == ["families", "police"]
    bare = shutil.copytree(home, home.parent / "bare", ignore=shutil.ignore_patterns("grid.yaml"))
    assert load_policy_at(bare).grid is None


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("counts: kind", "counts: often", "'kind', 'row' or 'grid'"),
        ("by: class_teacher}", "by: caretaker}", "class_teacher"),
        ("by: class_teacher}", "by: police}", "police is outside the school: name who brings it there"),
        ("by: class_teacher}", "colour: red}", "Extra inputs are not permitted"),
        ("definite: [speak]", "definite: [shout]", "there is no action 'shout'"),
        ("definite: [speak]", "certain: [speak]", "Extra inputs are not permitted"),
        ("  speak: {do:", '  sing: {do: "Sing a song."}\n  speak: {do:', "no row has the action 'sing': take it out"),
        ('"Bring it to: {to}."', '"Bring it to: {who}."', "{to} stands for those under `to`"),
        ("to: [police], ", "", "{to} stands for those under `to`"),
        ("when: {families_refuse: true}", "when: {it_rains: true}", "there is no fact 'it_rains'"),
        ("  families_refuse:", "  it_rains: Does it rain?\n  families_refuse:", "nothing turns on the fact 'it_rains'"),
        ("cites: [bullying.1]", "cites: [bullying.9]", "it cites 'bullying.9', which the policy does not have"),
        ("cites: [devices.3]", "cites: [devices.9]", "it cites 'devices.9', which the policy does not have"),
        ("  confiscation:", "  exorcism:", "'confiscation', 'search'"),
        ("cites: [bullying.1]", "cites: []", "at least 1 item"),
        ("cites: [bullying.3]", "cites: [nowhere.1]", "it cites 'nowhere.1', which the policy does not have"),
        ("    about: [pupil]\n", "", "kind 'unkind_messages': say whom it is about"),
        ("concerns: [cyberbullying]}", "concerns: [dragons]}", "dragons is not among this policy's concerns"),
        (
            "concerns: [cyberbullying]}",
            "concerns: [cyberbullying], again: moon}",
            "kind 'unkind_messages': again is another row",
        ),
        ("concerns: [cyberbullying]}", "concerns: [cyberbullying], facts: {odd: true}}", "there is no fact 'odd'"),
        ("    cites: [bullying.1]", "    again: bullying\n    cites: [bullying.1]", "row 'bullying': again is another row"),
        ("about: [staff, headteacher,", "about: [headteacher,", "cyberbullying about staff has no row"),
        ("about: [staff, headteacher,", "about: [pupil, staff, headteacher,", "cyberbullying about pupil has a row"),
        ("concerns: [harmful_content,", "concerns: [dragons, harmful_content,", "dragons is not among this policy's concerns"),
        (
            "device_misuse, scam,",
            "scam,",
            "device_misuse about pupil, staff, headteacher, parent, external, unknown has no row",
        ),
        ("    why: The policy's", "    cites: [moon.1]\n    why: The policy's", "it cites 'moon.1'"),
        ("facts:\n", "note: {say: All is well., cites: [moon.1]}\nfacts:\n", "it cites 'moon.1'"),
        ("facts:\n", "always:\n  - {about: [pupil], definite: [speak]}\nfacts:\n", "each step cites its clause"),
        ("no_row:\n", "  - {id: idle, name: Idle, cites: [bullying.1], first: {definite: [speak]}}\nno_row:\n", "has no kinds"),
    ],
)
def test_a_wrong_grid_is_refused_with_its_line(home: Path, old: str, new: str, words: str) -> None:
    """Nothing is taken that is not known, and nothing that leads nowhere."""
    said, line = refusal(home, old, new)
    assert words in said
    lines = {int(one.removeprefix(f"{home / 'grid.yaml'}:").split(":")[0]) for one in said.splitlines()}
    assert any(abs(found - line) <= 7 for found in lines), said


def test_names_that_stand_twice(home: Path) -> None:
    """A row or a kind has its name to itself."""
    again = "    kinds:\n      - {id: unkind_messages, name: Unkind again, concerns: [cyberbullying]}\n"
    row = "  - {id: bullying, name: Again, about: [pupil], cites: [bullying.1], first: {definite: [speak]}, kinds: []}\n"
    said, _ = refusal(home, "    kinds:\n", again)
    assert "two kinds are called 'unkind_messages'" in said
    said, _ = refusal(home, "no_row:\n", f"{row}no_row:\n")
    assert "two rows are called 'bullying'" in said


# Agencies


def test_a_pack_elsewhere_has_the_agencies_of_the_program(home: Path) -> None:
    """They are shared by every school."""
    agencies = load_policy_at(home, shared_folder(home)).guidance.agencies
    assert agencies == load_policy_at(POLICY_FOLDER / "elton").guidance.agencies


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ("id: x, name: Somebody, use: For something.", "either the school gives its number"),
        ('id: x, name: Somebody, use: For something., local: true, phone: "101"', "either the school gives its number"),
        ("id: x, name: Somebody, use: For something., phone: 101", "valid string"),
        ('id: x, name: Somebody, use: For something., phone: "call us"', "match pattern"),
        ("id: x, name: Somebody, use: For something., url: example.org", "match pattern"),
        ('id: x, name: Somebody, use: For something., phone: "101", role: dsl', "dsl is inside the school"),
        ('id: x, name: Somebody, use: For something., phone: "101", concerns: [dragons]', "no concern dragons"),
        ('id: a, name: Somebody, use: For something., phone: "101"', "two agencies of that name"),
    ],
)
def test_a_wrong_agency_is_refused_with_its_line(tmp_path: Path, entry: str, words: str) -> None:
    """A number that nobody gave is none."""
    path = tmp_path / AGENCIES_FILE
    path.write_text(f'agencies:\n  - {{id: a, name: First, use: For all., phone: "999"}}\n  - {{{entry}}}\n', encoding="utf-8")
    with pytest.raises(PolicyFileError, match=r"agencies\.yaml:3: ") as refused:
        load_agencies(path, CONCERNS)
    assert words in str(refused.value)


def school_file(folder: Path, more: str) -> Path:
    """A folder with one school."""
    text = f"name: Hillside\nprefix: HIL\npolicy: elton\nroles: {{headteacher: [head@hillside.example]}}\n{more}"
    (folder / "hillside.yaml").write_text(text, encoding="utf-8")
    return folder


def test_a_school_gives_the_numbers_near_it(tmp_path: Path) -> None:
    """And how long an earlier incident makes one a repeat; left off, a year."""
    assert load_schools(school_file(tmp_path, ""))["hillside"].repeats_within.days == 365
    given = 'agencies: {lado: {phone: "01632 960201", name: The LADO team}}\nrepeats_within: 90\n'
    found = load_schools(school_file(tmp_path, given))["hillside"]
    assert (found.agencies["lado"].phone, found.agencies["lado"].name) == ("01632 960201", "The LADO team")
    assert (found.agencies["lado"].url, found.repeats_within.days) == ("", 90)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ('agencies: {ceop: {phone: "01632 960201"}}', "ceop is not the school's to give: lado, social_care"),
        ('agencies: {dragons: {phone: "01632 960201"}}', "dragons is not the school's to give"),
        ("agencies: {lado: {name: The LADO}}", "give a phone, an email or a url"),
        ("agencies: {lado: {phone: 1632960201}}", "agencies.lado.phone"),
        ("repeats_within: 0", "repeats_within"),
    ],
)
def test_a_wrong_number_is_refused(tmp_path: Path, given: str, words: str) -> None:
    """What is national is not the school's to change."""
    with pytest.raises(SchoolFileError, match="hillside") as refused:
        load_schools(school_file(tmp_path, given))
    assert words in str(refused.value)
