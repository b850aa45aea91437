"""The policy's steps for a case as they are read: what is laid down first, who does it, under which printed clause."""

from dataclasses import replace

import pytest

from cards.checklist import agencies_section, checklist_parts, decision_fields, kind_fields
from cards.model import Banner, Choice, Part, Section, Text
from domain.agencies import Contact, offered
from domain.checklists import DO, LEAVE, NO_KIND, Checklist, ChooseKind, NotInGrid, suggest
from domain.grids import Times
from domain.people import School
from domain.words import About
from storage.policy_files import load_policy


def school(policy: str = "chipping-sodbury") -> School:
    """A school with that policy, which has filled nothing in."""
    return School("s", "S School", "SSS", load_policy(policy))


def read(parts: tuple[Part, ...]) -> list[str]:
    """Headings, texts and banners in their order."""
    found: list[str] = []
    for part in parts:
        leaves = (part,) if not isinstance(part, Section) else part.parts
        found += [part.title] if isinstance(part, Section) else []
        found += [leaf.text for leaf in leaves if isinstance(leaf, Text | Banner)]
    return found


def checklist(policy: str, kind: str, times: Times = Times.FIRST, about: About = About.PUPIL) -> Checklist:
    """What is suggested for a kind of incident."""
    found = suggest(load_policy(policy), "other", about, times, kind=kind)
    assert isinstance(found, Checklist)
    return found


def test_steps_are_read_in_order() -> None:
    """The response, then what goes further, then what keeps people safe, then the next time; no clause's id in sight."""
    lines = read(checklist_parts(school(), checklist("chipping-sodbury", "hacked")))
    titles = ["The school's response", "Going further", "Keeping people safe", "If it happens again"]
    assert [line for line in lines if line in titles] == titles
    pcso = "• Definite: Bring in the police community support officer (PCSO). By: Whoever has the case."
    assert f"{pcso} (Appendix 1: Grid for responses to misuse, point 6)" in lines
    assert not any("sanctions-grid" in line or "{" in line for line in lines)


def test_definite_stands_before_possible() -> None:
    """Within each stage."""
    lines = read(checklist_parts(school("ken-stimpson"), checklist("ken-stimpson", "files_moved")))
    response = [line.split(":")[0] for line in lines[: lines.index("If it happens again")] if line.startswith("•")]
    assert response == [*["• Definite"] * 5, "• Possible"]


def test_what_nobody_knows_is_asked_beside_its_step() -> None:
    """Shown with its question, and neither dropped nor taken to be so."""
    lines = read(checklist_parts(school("elton"), checklist("elton", "adult_online", about=About.STAFF)))
    assert any("Calm the parent" in line and "Only if: Did a parent tell of it? Yes." in line for line in lines)


def test_the_titles_are_the_schools_and_the_headteachers_part_is_the_chairs() -> None:
    """Of people either will do; of agencies all are meant."""
    lines = "\n".join(read(checklist_parts(school("elton"), checklist("elton", "adult_image", about=About.HEADTEACHER))))
    assert "Refer it at once to: iART team and Cheshire Police Child Protection Team." in lines
    assert "Chair of Governors" in lines
    assert "Headteacher" not in lines
    danecourt = "\n".join(read(checklist_parts(school("danecourt"), checklist("danecourt", "file_sharing"))))
    assert "Refer it to: Class teacher, Head of Department or E-safety officer." in danecourt


def test_a_time_that_the_grid_does_not_have_is_said() -> None:
    """Its last steps, as its last."""
    parts = checklist_parts(school(), checklist("chipping-sodbury", "games", Times.MORE))
    assert any("no step of its own for this many times" in line for line in read(parts))


def test_without_a_row_the_reason_is_given() -> None:
    """With its clause; without a grid there is nothing to say."""
    found = suggest(load_policy("chipping-sodbury"), "copyright", About.PUPIL, Times.FIRST)
    assert "Breaches of the Policy, point 1" in " ".join(read(checklist_parts(school(), found)))
    assert checklist_parts(school(), NotInGrid(None)) == ()


def test_somebody_chooses_the_line_or_none() -> None:
    """Each kind under its row, and that it is none of them."""
    found = suggest(load_policy("chipping-sodbury"), "account_misuse", About.PUPIL, Times.FIRST)
    assert isinstance(found, ChooseKind)
    assert "• Let other people use an account" in read(checklist_parts(school(), found))
    kinds, often = kind_fields(school().policy, found.kinds, "", Times.SECOND)
    assert [(o.value, o.group) for o in kinds.options][:-1] == [("password_told", "C1"), ("account_lent", "C1")]
    assert (kinds.options[-1].value, often.value) == (NO_KIND, Times.SECOND)


def test_each_step_can_be_done_or_left() -> None:
    """As it was chosen so far."""
    fields = decision_fields(school(), checklist("chipping-sodbury", "games"), ["log"])
    assert {f.id: f.value for f in fields if isinstance(f, Choice)} == {
        "grid_step:faculty_detention": LEAVE,
        "grid_step:log": DO,
    }


@pytest.mark.parametrize("filled", [False, True])
def test_an_agency_that_is_not_filled_in_is_said_to_be(*, filled: bool) -> None:
    """In the school's own words for it, and with the number once there is one."""
    contacts = {"social_care": Contact(phone="01632 960202")} if filled else {}
    home = replace(school("elton"), agencies=contacts)
    found = offered(home.policy.guidance.agencies, contacts, "nude_image", About.PUPIL)
    lines = read(agencies_section(home, found))
    assert any(line.startswith("iART team: 01632 960202.") for line in lines) is filled
    assert any(line.startswith("iART team: your school has not filled it in.") for line in lines) is not filled
    assert any(line.startswith("Police, in an emergency: 999.") for line in lines)
