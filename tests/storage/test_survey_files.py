"""The door for surveys: choices alone; whatever is wrong is refused, with its line; every policy has some to run."""

import shutil
from pathlib import Path

import pytest

from bot.settings import DEMO_SCHOOLS
from domain.surveys import SKIP
from storage.packs import load_pack
from storage.policy_files import POLICY_FOLDER, load_policy, load_policy_at, policy_ids
from storage.school_files import SchoolFileError, load_schools
from storage.survey_files import SURVEYS_FILE, with_surveys
from storage.yaml_files import PolicyFileError

OWN = """own:
  - id: clubs
    title: Our clubs
    about: Tell us what you think of them.
    questions:
      - {id: like, text: Do you like them?, choices: {lot: "Yes, a lot", not: "No"}}
    cites: [students.3]
"""


def refused(tmp_path: Path, text: str) -> str:
    """What is said of a file of a policy that has it so."""
    home = tmp_path / "chipping-sodbury"
    home.mkdir(exist_ok=True)
    (home / SURVEYS_FILE).write_text(text, encoding="utf-8")
    with pytest.raises(PolicyFileError) as wrong:
        with_surveys(load_policy("chipping-sodbury"), home, POLICY_FOLDER)
    return str(wrong.value)


@pytest.mark.parametrize("policy_id", policy_ids())
def test_every_school_can_ask_pupils_and_parents(policy_id: str) -> None:
    """In words of their own, with nothing to write in, and room not to say; on a clause where the policy has one."""
    surveys = load_policy(policy_id).surveys
    assert set(surveys) == {"pupils", "parents"}
    for survey in surveys.values():
        for question in survey.questions:
            assert question.values[-1] == SKIP
            assert len(question.values) >= 3
    cited = {"chipping-sodbury": ("students.3",), "danecourt": ("pupils.6",)}
    assert surveys["pupils"].cites == cited.get(policy_id, ())


def test_the_words_are_short() -> None:
    """So that an eleven-year-old reads them: short questions of short words."""
    for question in load_policy("elton").surveys["pupils"].questions:
        words = question.text.split()
        assert len(words) <= 20, question.text
        assert sum(map(len, words)) / len(words) < 5.5, question.text
        assert all(len(label.split()) <= 6 for label in question.choices.values()), question.text


def test_a_school_has_its_own_beside_the_shared_ones(tmp_path: Path) -> None:
    """And only those that its file names; the pack is checked with them."""
    home = Path(shutil.copytree(POLICY_FOLDER / "chipping-sodbury", tmp_path / "chipping-sodbury"))
    (home / SURVEYS_FILE).write_text(f"surveys:\n  - use: parents\n{OWN}", encoding="utf-8")
    surveys = load_policy_at(home, POLICY_FOLDER).surveys
    assert list(surveys) == ["parents", "clubs"]
    assert surveys["clubs"].cites == ("students.3",)
    # What was read once is not read again.
    other = home.rename(tmp_path / "yate")
    (other / SURVEYS_FILE).write_text("own: [{id: clubs}]\n", encoding="utf-8")
    with pytest.raises(PolicyFileError, match=rf"{SURVEYS_FILE}:1: own\.0\.title"):
        load_pack(other)


@pytest.mark.parametrize(
    ("was", "becomes", "said"),
    [
        ("choices: {lot: ", "text2: x, choices: {lot: ", "Extra inputs"),
        (', choices: {lot: "Yes, a lot", not: "No"}', "", "Field required"),
        (', not: "No"', "", "at least 2 items"),
        ("not: ", "skip: ", "the choice not to say"),
        ('"No"', '"yes, a LOT"', "two choices read the same"),
        ("id: like", "id: Like it", "should match pattern"),
        ("title: Our clubs", f"title: {'x' * 41}", "at most 40"),
        ("[students.3]", "[students.99]", "does not have"),
        ("id: clubs", "id: clubs\n    free_text: true", "Extra inputs"),
        ("own:", "surveys: [{use: governors}]\nown:", "no shared survey 'governors': parents, pupils"),
        ("own:", "surveys: [{use: pupils}, {use: pupils}]\nown:", "two surveys are called 'pupils'"),
    ],
)
def test_what_is_wrong_is_refused(tmp_path: Path, was: str, becomes: str, said: str) -> None:
    """With the file and its line."""
    assert was in OWN
    found = refused(tmp_path, OWN.replace(was, becomes, 1))
    assert said in found
    assert f"{SURVEYS_FILE}:" in found


def test_a_question_stands_once(tmp_path: Path) -> None:
    """Two of one name would be counted as one."""
    line = '      - {id: like, text: Do you like them?, choices: {lot: "Yes, a lot", not: "No"}}\n'
    assert "two questions are called like" in refused(tmp_path, OWN.replace(line, line * 2))


def test_the_shared_ones_are_held_to_the_same(tmp_path: Path) -> None:
    """A folder of one's own for what schools share."""
    text = (POLICY_FOLDER / SURVEYS_FILE).read_text(encoding="utf-8").replace("id: parents", "id: pupils")
    (tmp_path / SURVEYS_FILE).write_text(text, encoding="utf-8")
    with pytest.raises(PolicyFileError, match="two surveys are called 'pupils'"):
        with_surveys(load_policy("elton"), tmp_path, tmp_path)


@pytest.mark.parametrize(
    ("address", "is_one"),
    [
        ("https://esafety.school.example", True),
        ("https://esafety.school.example/", True),
        ("https://esafety.school.example:8443", True),
        ("http://127.0.0.1:3978", True),
        ("http://localhost", True),
        ("http://esafety.school.example", False),
        ("http://127.0.0.1.evil.example", False),
        ("https://esafety.school.example/bot", False),
        ("https://user:secret@esafety.school.example", False),
        ("https://", False),
        ("esafety.school.example", False),
        ("javascript:alert(1)", False),
    ],
)
def test_the_page_is_reached_over_https(tmp_path: Path, address: str, is_one: bool) -> None:
    """Or on this machine; without an address there is none."""
    text = (DEMO_SCHOOLS / "chipping-sodbury.yaml").read_text(encoding="utf-8")
    (tmp_path / "oak.yaml").write_text(f'{text}\nsurveys: {{address: "{address}"}}\n', encoding="utf-8")
    if not is_one:
        with pytest.raises(SchoolFileError, match=r"surveys\.address"):
            load_schools(tmp_path)
        return
    assert load_schools(tmp_path)["oak"].survey_address == address.rstrip("/")
    assert not load_schools(DEMO_SCHOOLS)["chipping-sodbury"].survey_address
