"""`esafety categories` and `esafety route --batch`: the form that other programs rely on."""

import json
from io import StringIO
from typing import Any

import pytest

from bot.cli import main
from domain.words import FourC, Role, Urgency
from storage.policy_files import policy_ids

ANSWER = {"id", "notify", "external", "urgency", "acknowledge", "actions", "warnings", "cites"}


class Asking:
    """A program that asks for routes by standard input."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch = monkeypatch
        self._capsys = capsys
        self.exit_code = -1

    def __call__(self, *lines: str | dict[str, Any], school: str = "chipping-sodbury") -> list[dict[str, Any]]:
        text = "".join(f"{line if isinstance(line, str) else json.dumps(line)}\n" for line in lines)
        self._monkeypatch.setattr("sys.stdin", StringIO(text))
        self.exit_code = main(["route", "--school", school, "--batch"])
        return [json.loads(line) for line in self._capsys.readouterr().out.splitlines()]


@pytest.fixture
def asking(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Asking:
    return Asking(monkeypatch, capsys)


def question(category: str = "cyberbullying", **more: Any) -> dict[str, Any]:
    return {"id": "q", "category": category, "about": "pupil", "repeat": False, "immediate_danger": False, **more}


@pytest.mark.parametrize("school", policy_ids())
def test_categories_are_a_list_of_what_can_be_reported(school: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Each has its id, words to choose it by, one of the four Cs, and an urgency; nothing else."""
    assert main(["categories", "--school", school, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert len(found) == len({c["id"] for c in found}) > 5
    for category in found:
        assert list(category) == ["id", "label", "hint", "four_c", "urgency"]
        assert category["label"]
        assert category["four_c"] in set(FourC)
        assert category["urgency"] in set(Urgency)


def test_categories_for_people_are_grouped(capsys: pytest.CaptureFixture[str]) -> None:
    """Without --json it is a list to read, content first and commerce last."""
    assert main(["categories", "--school", "elton"]) == 0
    cs = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
    assert cs == sorted(cs, key=["content", "contact", "conduct", "commerce"].index)


def test_a_school_may_be_named_by_its_file(capsys: pytest.CaptureFixture[str]) -> None:
    """A policy's name and a school's name both do; anything else is refused with what there is."""
    assert main(["categories", "--school", "eton", "--json"]) == 2
    said = capsys.readouterr().err
    assert "no school or policy called 'eton'" in said
    assert "elton" in said


@pytest.mark.parametrize("school", policy_ids())
def test_every_category_about_everybody_has_an_answer_in_form(school: str, asking: Asking, capsys: Any) -> None:
    """In order, with every part there, roles and urgencies from the known words, and somebody to alert."""
    main(["categories", "--school", school, "--json"])
    ids = [c["id"] for c in json.loads(capsys.readouterr().out)]
    abouts = ("pupil", "staff", "headteacher", "parent", "external", "unknown")
    asked = [question(c, id=f"{c}/{a}", about=a) for c in ids for a in abouts]
    answers = asking(*asked, school=school)
    assert asking.exit_code == 0
    assert [a["id"] for a in answers] == [q["id"] for q in asked]
    for answer in answers:
        assert set(answer) == ANSWER
        assert answer["notify"]
        assert {*answer["notify"], *answer["external"]} <= set(Role)
        assert answer["urgency"] in set(Urgency)
        assert answer["acknowledge"]["unit"] in {"minutes", "school_day"}
        assert isinstance(answer["acknowledge"]["n"], int)
        assert all(isinstance(text, str) for part in ("actions", "warnings", "cites") for text in answer[part])
        assert answer["id"].endswith("/headteacher") <= ("headteacher" not in answer["notify"])


def test_ids_come_back_as_they_were(asking: Asking) -> None:
    """A number stays a number, a text a text."""
    assert [a["id"] for a in asking(question(id=7), question(id="seven"), question(id=""))] == [7, "seven", ""]


def test_what_is_not_said_is_not_known(asking: Asking) -> None:
    """Only id and category are needed; null is the same as left out, and what is not known is left alone."""
    least, nulls = asking(
        {"id": 1, "category": "grooming"},
        question("grooming", id=1, about="unknown", repeat=None, illegal_suspected=None, excluded_roles=[], shoe_size=44),
    )
    assert least == nulls


def test_a_role_whose_every_holder_is_excluded_is_not_alerted(asking: Asking) -> None:
    """The next on its ladder is; with nobody left inside, the LADO is named."""
    (usual,) = asking(question("grooming"))
    assert "dsl" in usual["notify"]
    (without,) = asking(question("grooming", excluded_roles=["dsl"]))
    assert "dsl" not in without["notify"]
    assert "deputy_dsl" in without["notify"]
    everybody = [r.value for r in Role]
    (nobody,) = asking(question("grooming", excluded_roles=everybody))
    assert nobody["notify"] == []
    assert "lado" in nobody["external"]


def test_a_bad_line_is_named_and_the_others_are_answered(asking: Asking) -> None:
    """Each bad line has its own answer with an error that says where; the exit code is 1."""
    answers = asking(
        question(id="good"),
        "{not json",
        "[1, 2]",
        '{"category": "grooming"}',
        question("no_such_thing", id="category"),
        question(id="about", about="a ghost"),
        question(id="role", excluded_roles=["caretaker"]),
        question(id="good again"),
    )
    assert asking.exit_code == 1
    assert [a["id"] for a in answers] == ["good", None, None, None, "category", "about", "role", "good again"]
    assert ["error" in a for a in answers] == [False, True, True, True, True, True, True, False]
    said = [a.get("error", "") for a in answers]
    assert said[1].startswith("line 2: the line: ")
    assert said[3].startswith("line 4: id: ")
    assert said[4].startswith("line 5: no category 'no_such_thing'; there are ")
    assert said[5].startswith("line 6: about: ")
    assert said[6].startswith("line 7: excluded_roles")


def test_blank_lines_are_nothing(asking: Asking) -> None:
    """They are passed over, and counted in the number of a bad line; no lines at all are no answers."""
    answers = asking("", question(id="one"), "  ", "?")
    assert [a["id"] for a in answers] == ["one", None]
    assert answers[1]["error"].startswith("line 4: ")
    assert asking() == []
    assert asking.exit_code == 0
