"""`esafety people import`: all of a list or nothing, and a wrong line named."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bot.cli import main
from bot.settings import DEMO_SCHOOLS
from domain.people import Kind, Person
from storage.database import Database
from storage.school_files import load_schools
from storage.store import Store
from tests.fakes.keys import ring_for

STAFF = "name,email,line_manager\nAda Example,ada@demo.example,\nBen Example,ben@demo.example,ada@demo.example\n"
PUPILS = "id,name,house,form\n1,Cy Invented,Brunel,7B\n2,Di Invented,Cabot,8C\n"

Listed = dict[str, tuple[Person, bool]]


class Office:
    """Somebody in the school's office, with lists to import."""

    def __init__(self, url: str, capsys: pytest.CaptureFixture[str]) -> None:
        self._url = url
        self._capsys = capsys
        self.out = self.err = ""

    def imports(self, *options: str, encoding: str = "utf-8", **lists: str) -> int:
        """Writes the lists to files, runs the import, and gives its exit code."""
        for name, text in lists.items():
            Path(f"{name}.csv").write_bytes(text.encode(encoding))
        return self.runs(*options, *(f"{name}.csv" for name in lists))

    def runs(self, *arguments: str) -> int:
        """Runs the import on files that are there."""
        code = main(["people", "import", *arguments])
        self.out, self.err = self._capsys.readouterr()
        return code

    def kept(self, kind: Kind) -> Listed:
        """What the database has of a list."""
        return asyncio.run(self._read(kind))

    def on_list(self, kind: Kind) -> set[str]:
        return {key for key, (_, active) in self.kept(kind).items() if active}

    async def _read(self, kind: Kind) -> Listed:
        database = Database(self._url, ring_for(self._url))
        await database.migrate()
        try:
            async with Store(database).transaction(load_schools(DEMO_SCHOOLS)["chipping-sodbury"], write=False) as records:
                return await records.listed(kind)
        finally:
            await database.close()


@pytest.fixture
def office(database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Office:
    monkeypatch.setenv("ESAFETY_DATABASE_URL", database_url)
    return Office(database_url, capsys)


def test_both_lists_are_taken_over_in_one_step(office: Office) -> None:
    """The people are there as the files have them, and the office is told how many."""
    assert office.imports(staff=STAFF, pupils=PUPILS) == 0
    assert "staff: 2 added, 0 changed, 0 removed, 0 as before" in office.out
    assert "pupil: 2 added, 0 changed, 0 removed, 0 as before" in office.out
    assert office.out.endswith("Done for Chipping Sodbury School (demo).\n")
    ben, active = office.kept(Kind.STAFF)["ben@demo.example"]
    assert (ben.name, ben.line_manager, active) == ("Ben Example", "ada@demo.example", True)
    di, _ = office.kept(Kind.PUPIL)["2"]
    assert (di.name, di.house, di.form) == ("Di Invented", "Cabot", "8C")


def test_a_dry_run_says_what_would_change_and_changes_nothing(office: Office) -> None:
    """The same words as the real one, and no person kept."""
    assert office.imports("--dry-run", staff=STAFF, pupils=PUPILS) == 0
    assert "staff: 2 added" in office.out
    assert "added    Ada Example (ada@demo.example)" in office.out
    assert "Nothing was changed" in office.out
    assert not office.kept(Kind.STAFF)
    assert not office.kept(Kind.PUPIL)


def test_the_same_list_again_changes_nothing(office: Office) -> None:
    """Not even who they are: old cases still point to the same people."""
    office.imports(staff=STAFF)
    before = office.kept(Kind.STAFF)
    assert office.imports(staff=STAFF) == 0
    assert "staff: 0 added, 0 changed, 0 removed, 2 as before" in office.out
    assert office.kept(Kind.STAFF) == before


def test_a_change_is_made_to_the_same_person(office: Office) -> None:
    """A new name or house belongs to whom it was before."""
    office.imports(staff=STAFF, pupils=PUPILS)
    before = office.kept(Kind.PUPIL)["1"][0]
    assert office.imports(pupils=PUPILS.replace("Brunel,7B", "Fry,8C")) == 0
    assert "pupil: 0 added, 1 changed, 0 removed, 1 as before" in office.out
    after = office.kept(Kind.PUPIL)["1"][0]
    assert (after.id, after.house, after.form) == (before.id, "Fry", "8C")
    assert office.on_list(Kind.STAFF) == {"ada@demo.example", "ben@demo.example"}


def test_whoever_left_is_kept_and_no_longer_listed_until_they_come_back(office: Office) -> None:
    """Removed from the list, not from the records; back again they are the person they were."""
    office.imports(staff=STAFF)
    before = office.kept(Kind.STAFF)["ben@demo.example"][0]
    assert office.imports(staff="name,email\nAda Example,ada@demo.example\n") == 0
    assert "staff: 0 added, 0 changed, 1 removed, 1 as before" in office.out
    assert office.kept(Kind.STAFF)["ben@demo.example"] == (before, False)
    office.imports(staff=STAFF)
    assert office.kept(Kind.STAFF)["ben@demo.example"] == (before, True)


WRONG_STAFF = {
    "no e-mail": ("Cat Example,", "line 4: email: "),
    "what is no e-mail": ("Cat Example,at home", "line 4: email: "),
    "no name": (",cat@demo.example", "line 4: name: "),
    "the same address twice": ("Cat Example,ADA@demo.example", "line 4: ada@demo.example stands in the file twice"),
    "a line manager who is no e-mail": ("Cat Example,cat@demo.example,Ada", "line 4: line_manager"),
}


@pytest.mark.parametrize("case", WRONG_STAFF)
def test_a_wrong_line_is_named_and_nothing_is_half_imported(case: str, office: Office) -> None:
    """The line's number and column are given, not the person; the good lines and the other file wait too."""
    line, said = WRONG_STAFF[case]
    assert office.imports(pupils=PUPILS, staff=f"{STAFF}{line}\n") == 2
    assert office.err.startswith("esafety: staff.csv: nothing was imported.\n")
    assert said in office.err
    assert "Cat" not in office.err
    assert not office.kept(Kind.STAFF)
    assert not office.kept(Kind.PUPIL)


def test_every_wrong_line_is_named_at_once(office: Office) -> None:
    """Nobody has to try again for each; only the first twenty are shown."""
    bad = "".join(f"{n},\n" for n in range(30))
    assert office.imports(pupils=f"id,name\n{bad}") == 2
    named = [line for line in office.err.splitlines() if line.startswith("line ")]
    assert len(named) == 20
    assert named[0].startswith("line 2: name: ")


def test_a_pupil_twice_is_refused(office: Office) -> None:
    """The school's number tells pupils apart, so that two of the same name are two."""
    assert office.imports(pupils=f"{PUPILS}1,Ed Invented,Fry,7B\n") == 2
    assert "line 4: 1 stands in the file twice" in office.err
    assert office.imports(pupils=f"{PUPILS}3,Cy Invented,Fry,7B\n") == 0
    assert office.on_list(Kind.PUPIL) == {"1", "2", "3"}


def test_a_file_from_excel_is_read(office: Office) -> None:
    """With the mark that Excel puts first, Windows' line ends, further columns, blanks and capitals in the address."""
    text = 'name,email,room\r\n"Eve, Example", EVE@demo.example ,12\r\n'
    assert office.imports(encoding="utf-8-sig", staff=text) == 0
    assert office.kept(Kind.STAFF)["eve@demo.example"][0].name == "Eve, Example"


NO_LISTS: dict[str, tuple[Callable[[], Any], str]] = {
    "no file": (lambda: None, "staff.csv does not exist"),
    "an empty file": (lambda: Path("staff.csv").write_text(""), "the first line must name the columns email, name"),
    "no columns": (lambda: Path("staff.csv").write_text("Ada,ada@demo.example\n"), "the first line must name the columns"),
    "only columns": (lambda: Path("staff.csv").write_text("name,email\n"), "and people must follow"),
    "no UTF-8": (lambda: Path("staff.csv").write_bytes("name,email\nÉ".encode("cp1252")), "is not a CSV file in UTF-8"),
    "an open quote": (lambda: Path("staff.csv").write_text('name,email\n"Ada,a@b.c\n'), "is not a CSV file in UTF-8"),
}


@pytest.mark.parametrize("case", NO_LISTS)
def test_what_is_no_list_is_refused(case: str, office: Office) -> None:
    """An empty list would remove everybody: it is taken for the mistake it is."""
    make, said = NO_LISTS[case]
    office.imports(staff=STAFF)
    Path("staff.csv").unlink()
    make()
    assert office.runs("staff.csv") == 2
    assert said in office.err
    assert office.on_list(Kind.STAFF) == {"ada@demo.example", "ben@demo.example"}


def test_the_name_of_the_file_says_whom_it_lists(office: Office) -> None:
    """Pupils taken for staff would be alerted to cases: a file that does not say is refused."""
    assert office.imports(everybody=STAFF) == 2
    assert "the file's name must say whom it lists: staff.csv or pupils.csv" in office.err
    assert office.imports(staff_and_pupils=STAFF) == 2
    assert office.imports(**{"2026 Staff list": STAFF}) == 0


def test_with_more_than_one_school_it_must_be_said_which(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is guessed; a school that is not there is refused with those that are."""
    demo = (DEMO_SCHOOLS / "chipping-sodbury.yaml").read_text(encoding="utf-8")
    Path("schools").mkdir()
    Path("schools/one.yaml").write_text(demo, encoding="utf-8")
    Path("schools/two.yaml").write_text(demo.replace("prefix: CSS", "prefix: TWO"), encoding="utf-8")
    monkeypatch.setenv("ESAFETY_SCHOOLS", "schools")
    for options in ([], ["--school", "three"]):
        assert office.imports(*options, staff=STAFF) == 2
        assert "say which school with --school: one, two" in office.err
    assert office.imports("--school", "two", staff=STAFF) == 0
    assert not office.kept(Kind.STAFF), "another school's list is its own"


# Knowing staff again

NUMBERED = "id,name,email,formerly\n7,Ada Example,ada@demo.example,\n8,Ben Example,ben@demo.example,\n"


def test_staff_are_known_again_by_the_schools_own_number(office: Office) -> None:
    """New addresses, swapped even: each stays who they were."""
    office.imports(staff=NUMBERED)
    before = {p.name: p.id for p, _ in office.kept(Kind.STAFF).values()}
    swapped = NUMBERED.replace("ada@", "x@").replace("ben@", "ada@").replace("x@", "ben@")
    assert office.imports(staff=swapped) == 0
    assert "staff: 0 added, 2 changed, 0 removed, 0 as before" in office.out
    assert "changed  Ada Example (ben@demo.example, formerly ada@demo.example)" in office.out
    kept = office.kept(Kind.STAFF)
    assert {p.name: p.id for p, _ in kept.values()} == before
    assert {key: (p.name, p.email) for key, (p, _) in kept.items()} == {
        "ada@demo.example": ("Ben Example", "ada@demo.example"),
        "ben@demo.example": ("Ada Example", "ben@demo.example"),
    }


def test_a_list_that_loses_its_numbers_and_gets_them_back_changes_nobody(office: Office) -> None:
    """What is known is kept."""
    office.imports(staff=STAFF)
    before = {p.name: p.id for p, _ in office.kept(Kind.STAFF).values()}
    for text, changed in ((NUMBERED, 2), (STAFF, 1), (NUMBERED, 1)):
        office.imports(staff=text)
        assert f"0 added, {changed} changed, 0 removed" in office.out
    assert {p.name: p.id for p, _ in office.kept(Kind.STAFF).values()} == before


def test_whoever_seems_to_be_removed_and_added_is_asked_about(office: Office) -> None:
    """The office is told how to say that it is one person; once it says so, it is."""
    office.imports(staff=NUMBERED.replace("7,", ",").replace("8,", ","))
    moved = "name,email,formerly\nAda Example,new@demo.example,\nBen Example,ben@demo.example,\n"
    office.imports("--dry-run", staff=moved)
    assert "ada@demo.example is removed and new@demo.example added under the same name." in office.out
    said = moved.replace("new@demo.example,", "new@demo.example,Ada@demo.example")
    office.imports(staff=said)
    assert "staff: 0 added, 1 changed, 0 removed, 1 as before" in office.out
    assert set(office.kept(Kind.STAFF)) == {"new@demo.example", "ben@demo.example"}
    office.imports(staff=said)
    assert "0 changed" in office.out


def test_an_address_that_may_be_somebody_elses_now_is_asked_about(office: Office) -> None:
    """Without numbers it is the same person; with them, as the office is told, somebody else. Who marries is not doubted."""
    plain = NUMBERED.replace("7,", ",").replace("8,", ",")
    office.imports(staff=plain)
    before = office.kept(Kind.STAFF)["ada@demo.example"][0]
    office.imports("--dry-run", staff=plain.replace("Ada Example", "Ada Married"))
    assert "another name altogether" not in office.out
    somebody = plain.replace("Ada Example", "Zoe Newcomer")
    office.imports("--dry-run", staff=somebody)
    assert "ada@demo.example has another name altogether." in office.out
    office.imports(staff=NUMBERED)
    office.imports(staff=NUMBERED.replace("7,Ada Example", "9,Zoe Newcomer"))
    assert "another name altogether" not in office.out
    assert office.kept(Kind.STAFF)["ada@demo.example"][0].id != before.id


def test_a_former_e_mail_that_nobody_had_is_pointed_out(office: Office) -> None:
    """It may be mistyped: whoever has it is somebody new to the list."""
    assert office.imports(staff=NUMBERED.replace("ben@demo.example,", "ben@demo.example,bne@demo.example")) == 0
    assert "formerly bne@demo.example: nobody with this e-mail has been on the list" in office.out


WRONG_MARKS = {
    "the same number twice": ("7,Cat Example,cat@demo.example,", "line 4: id: 7 stands in the file twice"),
    "who is still on the list": ("9,Cat Example,cat@demo.example,ben@demo.example", "line 4: formerly: ben@demo.example"),
    "what is no e-mail": ("9,Cat Example,cat@demo.example,Ben", "line 4: formerly"),
}


@pytest.mark.parametrize("case", WRONG_MARKS)
def test_a_wrong_mark_is_refused_with_its_line(case: str, office: Office) -> None:
    """Nothing is imported."""
    line, said = WRONG_MARKS[case]
    assert office.imports(staff=f"{NUMBERED}{line}\n") == 2
    assert said in office.err
    assert not office.kept(Kind.STAFF)
