"""The door for a policy's log form: what is wrong is refused, with the file and the line."""

import shutil
from pathlib import Path

import pytest

from bot.pack_commands import START
from domain.log_forms import NEEDED, RECORDED, Shows
from domain.words import ParticipantRole, Role
from storage.packs import load_pack
from storage.policy_files import POLICY_FOLDER, PolicyFileError, load_policy, load_policy_at, policy_ids


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """The pack to begin with, to be spoilt."""
    shutil.copytree(START, tmp_path / "hillside")
    return tmp_path / "hillside"


def refusal(home: Path, old: str, new: str) -> tuple[str, int]:
    """What is said of a form in which something was changed, and the line of the change."""
    path = home / "log_form.yaml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(PolicyFileError) as refused:
        load_policy_at(home)
    return str(refused.value), text[: text.index(old)].count("\n") + 1


def test_the_pack_to_begin_with_has_one_and_a_pack_without_it_the_plain_one(home: Path) -> None:
    found = load_policy_at(home).log_form
    assert found is not None
    assert found.heading == "Online safety log"
    assert found.parts == {ParticipantRole.ALLEGED_PERPETRATOR: "Said to have done it"}
    assert found.fields[-1].sign is Role.HEADTEACHER
    bare = shutil.copytree(home, home.parent / "bare", ignore=shutil.ignore_patterns("log_form.yaml"))
    plain = load_policy_at(bare).log_form
    assert plain is not None
    assert plain.all_cites == ()
    assert plain.shown >= NEEDED | (set(RECORDED) - {Shows.LINK, Shows.CHANGES})


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("shows: [number]", "shows: [numbers]", "'number', 'state', 'reported_by'"),
        ("shows: [number]", "shows: []", "at least 1 item"),
        ("shows: [number], ", "", "a field shows something of the case, or has a signature"),
        ("sign: headteacher", "sign: headteacher, shows: [state]", "a field shows something of the case, or has a signature"),
        ("sign: headteacher", "sign: police", "police is outside the school"),
        ("sign: headteacher", "sign: caretaker", "'dsl', 'deputy_dsl'"),
        ("shows: [reported_to]", "shows: [reported_by]", "reported_by has a field before this one"),
        ("cites: [reporting.4]}", "cites: [reporting.99]}", "it cites 'reporting.99', which the policy does not have"),
        ("heading: Online", "colour: red\nheading: Online", "Extra inputs are not permitted"),
        ("  alleged_perpetrator:", "  bystander:", "'target', 'alleged_perpetrator'"),
    ],
)
def test_what_is_wrong_is_refused_where_it_stands(home: Path, old: str, new: str, words: str) -> None:
    said, line = refusal(home, old, new)
    assert words in said
    assert f"log_form.yaml:{line}:" in said


def test_a_form_that_is_no_record_is_refused(home: Path) -> None:
    """Without what happened, and who was in it."""
    said, _ = refusal(home, "shows: [what_happened, first_steps]", "shows: [first_steps]")
    assert "an entry needs what_happened: give each a field" in said


def test_pack_check_tells_of_it(home: Path) -> None:
    path = home / "log_form.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("reporting.4", "reporting.99"), encoding="utf-8")
    with pytest.raises(PolicyFileError, match=r"log_form\.yaml"):
        load_pack(home)


@pytest.mark.parametrize("policy", policy_ids())
def test_each_policy_that_comes_with_the_program_has_its_own(policy: str) -> None:
    """Every signature that its policy asks for has a line of its own."""
    found = load_policy(policy)
    assert (POLICY_FOLDER / policy / "log_form.yaml").is_file()
    assert found.log_form is not None
    assert {line.role for line in found.sign_off} <= {field.sign for field in found.log_form.fields}
