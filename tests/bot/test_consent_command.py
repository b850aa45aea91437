"""`esafety consent import`: all of a list or nothing, a wrong line by its number, and no name in what is said of it."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio

from bot.cli import main
from bot.consent_command import take_over
from bot.settings import SettingsError
from domain.consents import Verdict
from storage import tables as t
from storage.audit_verify import follow_chains
from storage.consent_lists import ConsentListError, ConsentPlan
from storage.database import Database
from tests.fakes.clock import FakeClock
from tests.fakes.keys import ring_for
from tests.handlers.office import Office, open_office
from tests.handlers.test_consents import records, renamed, said, verdict, without

HEAD = "name,class,date,website,press\n"
TWO = HEAD + "Bea Exemplar,8C,2026-09-01,yes,no\nAlfie Demosson,8c,01/09/2026,No,\n"


@pytest_asyncio.fixture
async def office(database_url: str, clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Office]:
    """The demo school, and no setting but the database."""
    monkeypatch.setenv("ESAFETY_DATABASE_URL", database_url)
    database = Database(database_url, ring_for(database_url))
    async with open_office(database, clock) as office:
        yield office
    await database.close()


def written(text: str) -> Path:
    """A list as somebody has saved it."""
    path = Path("consent.csv")
    path.write_text(text, encoding="utf-8")
    return path


async def takes(office: Office, text: str, *, dry_run: bool = False) -> ConsentPlan:
    """Takes a list over."""
    return await take_over(office.database, office.clock, office.school, written(text), dry_run=dry_run)


def counts(plan: ConsentPlan) -> tuple[int, int, int, tuple[int, ...]]:
    """What a plan does: added, changed, as before, lines that stay out."""
    return plan.added, plan.changed, plan.same, plan.stays


async def test_a_list_is_taken_over_whole_and_a_second_time_changes_nothing(office: Office) -> None:
    """Asked for afterwards, each pupil has the answer of their line; the audit vouches for all of it."""
    assert counts(await takes(office, TWO, dry_run=True)) == (2, 0, 0, ())
    assert await office.rows(t.consents) == []
    assert counts(await takes(office, TWO)) == (2, 0, 0, ())
    assert await verdict(office) is Verdict.YES
    assert await verdict(office, use="press") is Verdict.NO
    assert await verdict(office, "Alfie Demosson") is Verdict.NO
    assert await verdict(office, "Alfie Demosson", use="press") is Verdict.NONE
    assert counts(await takes(office, TWO)) == (0, 0, 2, ())
    changed = TWO.replace("2026-09-01,yes,no", "2026-09-02,withdrawn,no")
    assert counts(await takes(office, changed)) == (0, 1, 1, ())
    assert await verdict(office) is Verdict.WITHDRAWN
    (chain,) = await follow_chains(office.database, words=True)
    assert chain.unkept == []
    office.clock.advance(days=300)
    assert await verdict(office) is Verdict.WITHDRAWN


async def test_a_yes_of_the_same_day_does_not_overtake_a_no(office: Office) -> None:
    """A list has days only: the file of before the no, taken over once more, must not bring its yes back."""
    await takes(office, TWO)
    assert counts(await takes(office, TWO.replace("2026-09-01,yes,no", "2026-09-01,no,no"))) == (0, 1, 1, ())
    assert counts(await takes(office, TWO)) == (0, 0, 2, (2,))
    assert await verdict(office) is Verdict.NO
    assert counts(await takes(office, TWO.replace("2026-09-01,yes,no", "2026-09-02,yes,no"))) == (0, 1, 1, ())
    assert await verdict(office) is Verdict.YES


async def test_an_older_yes_does_not_overtake_a_no_that_was_recorded_by_name_alone(office: Office) -> None:
    """Before the school had a list, in the class of last year: it may be the same pupil."""
    await without(office, "Bea Exemplar")
    await records(office, said(office, form="7C", website="no"))
    await renamed(office, "Bea Exemplar", "Bea Exemplar")
    assert counts(await takes(office, TWO)) == (2, 0, 0, (2,))
    assert await verdict(office, form="8C") is Verdict.NONE
    assert await verdict(office, form="8C", use="press") is Verdict.NO


async def test_a_yes_of_the_list_ends_with_the_policy_s_year(office: Office) -> None:
    """From the day in the list on; an earlier end there counts."""
    await takes(office, "name,date,until,website,press\nBea Exemplar,2025-12-01,,yes,yes\n")
    assert await verdict(office) is Verdict.YES
    office.clock.advance(days=8)
    assert await verdict(office) is Verdict.LAPSED


async def test_what_was_said_later_in_the_register_stays(office: Office) -> None:
    """A slip of last term does not undo a withdrawal; a no of the very day does undo a yes."""
    await records(office, said(office, website="withdrawn", press="yes"))
    today = office.clock.now().date().isoformat()
    assert counts(await takes(office, HEAD + "Bea Exemplar,8C,2026-09-01,yes,no\n")) == (0, 0, 1, (2,))
    assert await verdict(office) is Verdict.WITHDRAWN
    assert await verdict(office, use="press") is Verdict.YES
    assert counts(await takes(office, HEAD + f"Bea Exemplar,8C,{today},yes,no\n")) == (0, 1, 0, (2,))
    assert await verdict(office) is Verdict.WITHDRAWN
    assert await verdict(office, use="press") is Verdict.NO


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no column name"),
        ("Bea Exemplar,8C\nAlfie Demosson,8C\n", "column 1 is none that is known"),
        ("name,date\nBea Exemplar,2026-09-01\n", "no column of a use"),
        ("name,date,website,website\nBea Exemplar,2026-09-01,yes,no\n", "website stands there twice"),
        ("name,date,web-site\nBea Exemplar,2026-09-01,yes\n", "column 3 is none that is known"),
        (HEAD, "has 0 lines"),
        (HEAD + "Bea Exemplar,8C,2026-09-01,yes\n", "line 2 has not as many columns"),
        (HEAD + "Bea Exemplar,8C,2026-09-01,yes,no,no\n", "line 2 has not as many columns"),
        (TWO + "Dot Fictive,10B,2026-09-01,maybe,no\n", "line 4: website: one of yes, no and withdrawn"),
        (TWO + "Dot Fictive,10B,1st of May,yes,no\n", "line 4: date: a day"),
        (TWO + "Dot Fictive,10B,2099-09-01,yes,no\n", "line 4: date: a day that has been"),
        (TWO + "Dot Fictive,10B,,yes,no\n", "line 4: date: a day that has been"),
        (TWO + "Dot Fictive,10B,2026-09-01,,\n", "line 4: it says nothing"),
        (TWO + "Dot Fictive,9F,2026-09-01,yes,no\n", "line 4: on the school's list that name is in another class"),
        (TWO + "Dot Fictif,10B,2026-09-01,yes,no\n", "line 4: nobody on the school's list"),
        (TWO + "BEA  EXEMPLAR,8 c,2026-09-02,no,no\n", "line 4: the name and class of line 2 again"),
        (TWO + "Bea Exemplar,,2026-09-02,no,no\n", "line 4: the same pupil as in line 2"),
        (TWO + ",8C,2026-09-02,no,no\n", "line 4: name: it must be there"),
    ],
)
async def test_one_wrong_line_and_nothing_is_taken_over(office: Office, text: str, why: str) -> None:
    """It is said by its number, and without the name that stands there."""
    with pytest.raises(ConsentListError) as refusal:
        await takes(office, text)
    assert why in str(refusal.value)
    for name in ("Exemplar", "EXEMPLAR", "Demosson", "Fictive", "Fictif"):
        assert name not in str(refusal.value)
    assert await office.rows(t.consents) == []


async def test_without_a_list_of_pupils_names_are_taken_as_they_stand(office: Office) -> None:
    """Two of one name need their classes."""
    school = replace(office.school, id="hillside")
    path = written(HEAD + "Ann Sample,7B,2026-09-01,yes,yes\nAnn Sample,9F,2026-09-01,no,no\n")
    plan = await take_over(office.database, office.clock, school, path)
    assert plan.added == 2
    path = written(HEAD + "Ann Sample,,2026-09-03,no,no\n")
    with pytest.raises(ConsentListError, match="line 2: several pupils have that name: give the class"):
        await take_over(office.database, office.clock, school, path)


async def test_a_policy_that_does_not_speak_of_consent_takes_no_list(office: Office) -> None:
    """The office is told why."""
    school = replace(office.school, policy=replace(office.school.policy, consent=None))
    with pytest.raises(SettingsError, match="does not speak of consent"):
        await take_over(office.database, office.clock, school, Path("consent.csv"))


async def test_a_thousand_pupils_are_taken_over_in_seconds(office: Office) -> None:
    """Every pupil of a school, and again with one of them changed."""
    school = replace(office.school, id="hillside")
    lines = [
        f"Pupil Number{chr(97 + n % 26)}{chr(97 + n // 26 % 26)}{chr(97 + n // 676)},7B,2026-09-01,yes,no" for n in range(1000)
    ]
    path = written(HEAD + "\n".join(lines))
    assert (await take_over(office.database, office.clock, school, path)).added == 1000
    lines[500] = lines[500].replace("2026-09-01,yes", "2026-10-01,no")
    path = written(HEAD + "\n".join(lines))
    office.clock.advance(hours=1)
    assert counts(await take_over(office.database, office.clock, school, path)) == (0, 1, 999, ())


def test_the_command_says_what_it_does(
    database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """On a new database: a dry run, the real one, and one that is refused with its line."""
    monkeypatch.setenv("ESAFETY_DATABASE_URL", database_url)
    Path("consent.csv").write_text(TWO, encoding="utf-8")
    assert main(["consent", "import", "consent.csv", "--dry-run"]) == 0
    assert "2 added, 0 changed, 0 as before\nNothing was changed" in capsys.readouterr().out
    assert main(["consent", "import", "consent.csv"]) == 0
    assert "2 added, 0 changed, 0 as before\nDone for" in capsys.readouterr().out
    Path("consent.csv").write_text(TWO + "Cai Placeholder,9F,soon,yes,no\n", encoding="utf-8")
    assert main(["consent", "import", "consent.csv"]) == 2
    refusal = capsys.readouterr().err
    assert "line 4: date" in refusal
    assert "Placeholder" not in refusal
