"""The door for what a school works towards: what is wrong is refused, with the file and the line."""

import shutil
from datetime import date
from pathlib import Path

import pytest
import yaml

from bot.pack_commands import START
from bot.settings import DEMO_SCHOOLS
from domain.measures import Topic
from domain.people import School
from domain.school_dates import DateTerms, EachTerm, Edge, Once, WeekdayFrom, Yearly
from domain.words import Role
from storage.calendar_files import CALENDAR_FILE, with_calendar
from storage.packs import load_pack
from storage.policy_files import POLICY_FOLDER, PolicyFileError
from storage.school_files import SchoolFileError, load_schools
from tests.storage.test_request_files import plain

KINDS = frozenset(c["id"] for c in yaml.safe_load((POLICY_FOLDER / "concerns.yaml").read_text(encoding="utf-8"))["concerns"])
AGENCIES = frozenset(a["id"] for a in yaml.safe_load((POLICY_FOLDER / "agencies.yaml").read_text(encoding="utf-8"))["agencies"])


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """The pack to begin with, to be spoilt."""
    shutil.copytree(START, tmp_path / "hillside")
    return tmp_path / "hillside"


@pytest.fixture
def shared(tmp_path: Path) -> Path:
    """What all schools share, to be spoilt."""
    (tmp_path / "shared").mkdir()
    shutil.copy(POLICY_FOLDER / CALENDAR_FILE, tmp_path / "shared")
    return tmp_path / "shared"


def written(folder: Path, old: str, new: str) -> int:
    """Changes the file of a folder; gives the line of the change."""
    path = folder / CALENDAR_FILE
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    return text[: text.index(old)].count("\n") + 1


def read(home: Path, shared: Path = POLICY_FOLDER) -> DateTerms:
    return with_calendar(plain(), home, shared, KINDS, AGENCIES).dates


def refused(home: Path, shared: Path = POLICY_FOLDER) -> str:
    with pytest.raises(PolicyFileError) as wrong:
        read(home, shared)
    return str(wrong.value)


def test_the_pack_to_begin_with_has_each_kind_of_rule(home: Path) -> None:
    dates = load_pack(home).policy.dates
    assert dates.review == (Role.HEADTEACHER, Role.DSL)
    assert (dates.curriculum, dates.curriculum_cites) == ((Role.COMPUTING_COORDINATOR,), ("bullying.2",))
    found = {e.id: (e.when, e.families, e.cites) for e in dates.entries}
    assert found == {
        "safer-internet-day": (WeekdayFrom(1, 2, 5), True, ("bullying.3",)),
        "agreements": (EachTerm(Edge.START, frozenset({"autumn"})), True, ("contact.3",)),
        "filter-check": (EachTerm(Edge.END, frozenset({"autumn", "spring", "summer"})), False, ("devices.3",)),
        "parents-evening": (Yearly(((10, 15), (3, 10))), True, ("bullying.3",)),
    }


def test_a_policy_without_one_has_the_days_that_all_share(home: Path) -> None:
    (home / CALENDAR_FILE).unlink()
    dates = read(home)
    assert [e.id for e in dates.entries] == ["safer-internet-day"]
    assert {t.topic for t in dates.topics} == set(Topic) - {Topic.SELF_IMAGE}


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("    cites: [devices.3]", "    cites: [devices.30]", "it cites 'devices.30', which the policy does not have"),
        ("    cites: [devices.3]", "    cites: []", "own.1.cites"),
        ("  - use: safer-internet-day", "  - use: safer-day", "there is no shared day 'safer-day': safer-internet-day"),
        ("  - id: filter-check", "  - id: agreements", "two dates are called 'agreements'"),
        ("  - id: filter-check", "  - id: safer-internet-day", "two dates are called 'safer-internet-day'"),
        ("  - id: filter-check", "  - id: policy-review", "policy-review is the policy's own review"),
        ("    who: [it_support]", "    who: [police]", "police is outside the school"),
        ("    who: [it_support]", "    who: []", "own.1.who"),
        ("    when: {term: end}", "    when: {}", "say when by one of"),
        ("    when: {term: end}", '    when: {term: end, yearly: ["09-01"]}', "say when by one of"),
        ("    when: {term: end}", "    when: {weekday: tuesday}", "`weekday` and `from` go together"),
        ("    when: {term: end}", '    when: {weekday: sunday, from: "02-05"}', "own.1.when.weekday"),
        ("    when: {term: end}", '    when: {yearly: ["02-29"]}', "02-29 is no day of each year"),
        ("    when: {term: end}", '    when: {yearly: ["09-01"], of: [autumn]}', "`of` says which terms"),
        ("  before: 60", "  before: 0", "review.before"),
        ("  cites: [bullying.2]", "  cites: [nothing.1]", "it cites 'nothing.1'"),
    ],
)
def test_what_is_wrong_is_refused_by_line(home: Path, old: str, new: str, why: str) -> None:
    line = written(home, old, new)
    said = refused(home)
    assert why in said
    assert any(f"{CALENDAR_FILE}:{n}:" in said for n in range(line - 4, line + 1)), said


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("concerns: [copyright]", "concerns: [copy]", "concerns.yaml has no concern 'copy'"),
        ("concerns: [copyright]", "concerns: [scam]", "'scam' belongs to two topics"),
        ("help: [childline, nspcc, report_harmful_content]", "help: [nobody]", "agencies.yaml has no agency 'nobody'"),
        ("- topic: copyright", "- topic: bullying", "there are two of 'bullying'"),
        ("- topic: copyright", "- topic: cookery", "topics.6.topic"),
    ],
)
def test_what_all_share_is_held_to_the_same(home: Path, shared: Path, old: str, new: str, why: str) -> None:
    written(shared, old, new)
    assert why in refused(home, shared)


def test_pack_check_names_what_is_wrong_with_the_form(home: Path) -> None:
    """Also where nothing else can be read."""
    written(home, "    who: [it_support]", "    whom: [it_support]")
    (home / "policy.yaml").unlink()
    with pytest.raises(PolicyFileError) as wrong:
        load_pack(home)
    assert "own.1.whom" in str(wrong.value)


def a_school(folder: Path, **changed: object) -> School:
    raw = yaml.safe_load((DEMO_SCHOOLS / "chipping-sodbury.yaml").read_text(encoding="utf-8")) | changed
    (folder / "a-school.yaml").write_text(yaml.safe_dump(raw), encoding="utf-8")
    return load_schools(folder)["a-school"]


def test_a_school_adds_dates_of_its_own(tmp_path: Path) -> None:
    fair = {
        "id": "fair",
        "title": "E-safety fair",
        "about": "In the hall.",
        "when": {"day": date(2027, 5, 4)},
        "who": ["dsl"],
        "before": 30,
    }
    (found,) = a_school(tmp_path, dates=[fair]).dates
    assert (found.when, found.roles, found.days_before, found.cites) == (Once(date(2027, 5, 4)), (Role.DSL,), 30, ())
    for taken in ([fair, fair], [fair | {"id": "governors-report"}]):
        with pytest.raises(SchoolFileError, match="is the id of another date"):
            a_school(tmp_path, dates=taken)
    with pytest.raises(SchoolFileError, match="cites"):
        a_school(tmp_path, dates=[fair | {"cites": ["guidelines.1"]}])
