"""For what each school asks consent, by whose word and on which clause; and what is refused."""

import shutil
from pathlib import Path

import pytest

from domain.consent_terms import Needs
from domain.words import Role
from storage.answer_files import load_catalogue
from storage.consent_files import CONSENT_FILE, with_consent, wrong_consent_questions
from storage.policy_files import POLICY_FOLDER, load_policy, policy_ids
from storage.yaml_files import PolicyFileError

PAGE = (Path(__file__).parents[2] / "docs" / "consent.md").read_text(encoding="utf-8")
HELD: dict[str, tuple[int, str, dict[str, str]]] = {
    "chipping-sodbury": (
        12,
        "deputy_dsl dsl",
        {
            "website": "parent social-media.5",
            "social-media": "parent social-media.5",
            "press": "parent social-media.5",
            "print": "parent social-media.5",
            "film": "parent all-staff.16",
            "work": "both all-staff.21",
        },
    ),
    "cookridge": (
        0,
        "headteacher senior_leadership",
        {
            "film": "parent images.1 images.11",
            **dict.fromkeys(("website", "social-media", "press", "print", "display"), "both images.2 images.11"),
        },
    ),
    "danecourt": (
        12,
        "esafety_officer headteacher",
        {
            "film": "parent safe-use.6",
            "website": "parent safe-use.4 safe-use.6",
            "social-media": "parent safe-use.6 social-networking.5",
            "press": "parent safe-use.4",
            "print": "parent safe-use.6",
            "portrait": "either safe-use.9",
        },
    ),
    "elton": (
        0,
        "headteacher",
        dict.fromkeys(("film", "website", "social-media", "press", "print", "platform"), "parent signed-agreement.15"),
    ),
}


@pytest.mark.parametrize("school", policy_ids())
def test_what_is_asked_for_by_whose_word_and_for_how_long(school: str) -> None:
    """A policy that does not speak of consent has no register."""
    terms = load_policy(school).consent
    if terms is None:
        assert school not in HELD
        return
    uses = {use.id: " ".join((use.needs, *use.cites)) for use in terms.uses.values()}
    assert (terms.months, " ".join(sorted(terms.keeps)), uses) == HELD[school]
    assert terms.asks == frozenset()
    assert all(clause in PAGE for clause in terms.all_cites)


@pytest.mark.parametrize("school", HELD)
def test_answers_about_photographs_lead_there(school: str) -> None:
    """Where they may be published, and what to do without consent."""
    terms = load_policy(school).consent
    assert terms is not None
    assert {"photo-website", "photo-press", "photo-social-media", "photo-no-consent"} <= terms.questions
    assert list(wrong_consent_questions(POLICY_FOLDER / school, load_catalogue())) == []


WHOLE = """\
cites: [signed-agreement.15]
keeps: [headteacher]
uses:
  - use: website
    cites: [signed-agreement.15]
own:
  - id: yearbook
    title: The yearbook
    needs: either
    cites: [signed-agreement.15]
questions: [photo-website]
"""


def read(tmp_path: Path, text: str) -> None:
    """Elton's policy with that file."""
    (tmp_path / CONSENT_FILE).write_text(text, encoding="utf-8")
    policy = with_consent(load_policy("elton"), tmp_path, POLICY_FOLDER)
    terms = policy.consent
    assert terms is not None
    assert terms.keeps == {Role.HEADTEACHER}
    assert [(use.id, use.needs) for use in terms.uses.values()] == [("website", Needs.PARENT), ("yearbook", Needs.EITHER)]


def test_a_whole_file_is_read(tmp_path: Path) -> None:
    """A shared use and one of its own."""
    read(tmp_path, WHOLE)


@pytest.mark.parametrize(
    ("was", "now", "why"),
    [
        ("use: website", "use: web-site", r"consent\.yaml:4: there is no shared use 'web-site': display, film"),
        (
            "cites: [signed-agreement.15]\nkeeps",
            "cites: [signed-agreement.99]\nkeeps",
            r":1: the register cites 'signed-agreement.99'",
        ),
        ("id: yearbook", "id: website", r":7: two uses are called 'website'"),
        ("id: yearbook", "id: all", "cannot be called `all`"),
        ("    cites: [signed-agreement.15]\nown", "    cites: [nothing.1]\nown", r":5: 'website' cites 'nothing.1'"),
        ("keeps: [headteacher]", "keeps: [headteacher, parents]", "parents is outside the school"),
        ("keeps: [headteacher]", "keeps: []", "keeps"),
        ("keeps: [headteacher]", "keeps: [headteacher]\nmonths: 0", "months"),
        ("keeps: [headteacher]", "keeps: [headteacher]\ncolour: red", "colour"),
        ("needs: either", "needs: nobody", "needs"),
    ],
)
def test_what_is_wrong_is_refused_by_its_line(tmp_path: Path, was: str, now: str, why: str) -> None:
    """Nothing is guessed."""
    assert was in WHOLE
    with pytest.raises(PolicyFileError, match=why):
        read(tmp_path, WHOLE.replace(was, now, 1))


def test_a_school_names_a_use_and_no_more_than_a_form_holds(tmp_path: Path) -> None:
    """From one to nine."""
    head = "cites: [signed-agreement.15]\nkeeps: [headteacher]\n"
    own = "".join(f"  - {{id: use-{n}, title: Use {n}, cites: [signed-agreement.15]}}\n" for n in range(10))
    for text in (head, f"{head}own:\n{own}"):
        with pytest.raises(PolicyFileError, match="name from one to 9 uses"):
            read(tmp_path, text)


def test_a_question_that_there_is_not_is_refused_with_the_nearest(tmp_path: Path) -> None:
    """As `esafety pack check` does."""
    (tmp_path / CONSENT_FILE).write_text(WHOLE.replace("photo-website", "photo-web-site"), encoding="utf-8")
    (fault,) = wrong_consent_questions(tmp_path, load_catalogue())
    assert "photo-website" in fault
    assert f"{CONSENT_FILE}:11" in fault


def test_two_shared_uses_of_one_name_are_refused(tmp_path: Path) -> None:
    """The file that all schools share is read as strictly."""
    shared = tmp_path / "shared"
    shared.mkdir()
    shutil.copy(POLICY_FOLDER / CONSENT_FILE, shared)
    path = shared / CONSENT_FILE
    path.write_text(path.read_text(encoding="utf-8") + "  - id: press\n    title: The press\n", encoding="utf-8")
    (tmp_path / CONSENT_FILE).write_text(WHOLE, encoding="utf-8")
    with pytest.raises(PolicyFileError, match="two uses are called press"):
        with_consent(load_policy("elton"), tmp_path, shared)
