"""`esafety exports`: whoever looks after the server sees to sealed pages, and reads none of them without its passphrase."""

import getpass
import stat
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from bot.cli import _parser
from bot.desk import Desk
from bot.doctor import check_exports_folder, examine
from bot.exports import sweep_folder
from bot.exports_command import delete, open_into, print_pages, reissue, verify
from bot.settings import SettingsError
from bot.status_command import look
from domain.exports import LIVES
from domain.incident import Exclusion, Why
from storage import sealed_pages
from storage import tables as t
from storage.database import Database
from storage.sealed_pages import PageError, keep_page, new_passphrase, open_page, seal_page
from storage.store import Store
from tests.bot.test_status import settings as with_port
from tests.fakes.clock import FakeClock
from tests.fakes.keys import ring_for
from tests.handlers.office import Office, open_office
from tests.handlers.test_handovers import NEXT
from tests.handlers.test_readers_log import pupil
from tests.story.test_subject_access import PASSPHRASE

WORDS = dict.fromkeys(("title", "until", "ask", "go", "wait", "wrong"), "<&")
AS_SHIPPED = sealed_pages.ROUNDS


@pytest_asyncio.fixture
async def office(database_url: str, clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Office]:
    """The demo school with a case about a pupil, and no setting but the database."""
    monkeypatch.setenv("ESAFETY_DATABASE_URL", database_url)
    monkeypatch.setattr("bot.wiring.SystemClock", lambda: clock)
    database = Database(database_url, ring_for(database_url))
    async with open_office(database, clock) as office:
        await office.reports(targets=(f"person:{(await pupil(office)).id}",))
        yield office
    await database.close()


@pytest.fixture
def folder(tmp_path: Path, database_url: str) -> Path:
    """Where pages lie if nothing is set: beside an SQLite file, or in data."""
    return tmp_path / ("exports" if database_url.startswith("sqlite") else "data/exports")


async def takes_out(office: Office, folder: Path, *, handover: bool = False) -> tuple[str, str]:
    """The lead has a page made; its name and its passphrase."""
    desk, person = Desk(office.ports, office.school, exports=folder).records, f"person:{(await pupil(office)).id}"
    form, to = ("handover_form", {"next_school": NEXT}) if handover else ("subject_form", {})
    shown = str(await desk.submit(office.account("dsl"), form, "", {"person": (person,), **to}))
    found = PASSPHRASE.search(shown)
    assert found is not None, shown
    (name,) = {file for file in lying(folder) if file in shown}
    return name, found.group()


def lying(folder: Path) -> list[str]:
    """The names of what is in the folder."""
    return [file.name for file in folder.iterdir()]


def types(monkeypatch: pytest.MonkeyPatch, passphrase: str) -> None:
    """What is typed when it asks."""
    monkeypatch.setattr(getpass, "getpass", lambda _: passphrase)


async def audited(office: Office, action: str) -> list[dict[str, object]]:
    """What the audit has of pages that the command line was used on."""
    return [r.data for r in await office.rows(t.audit, t.audit.c.action == action, t.audit.c.actor == "command")]


async def test_what_lies_there_and_until_when(office: Office, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By name, kind and days: nobody's name. One that was changed, and one that is gone, are named."""
    name, _ = await takes_out(office, folder)
    gone, _ = await takes_out(office, folder, handover=True)
    assert await print_pages() == 0
    said = capsys.readouterr().out
    assert f"  {name}: for its maker, made 24 Nov 2026, deleted 24 Dec 2026" in said
    assert f"  {gone}: for the next school, made" in said
    assert await verify([]) == 0
    assert f"  {name}: as it was made" in capsys.readouterr().out
    (folder / gone).unlink()
    changed = (folder / name).read_text(encoding="utf-8").replace("deriveKey(how", "steal(), deriveKey(how")
    (folder / name).write_text(changed, encoding="utf-8")
    (folder / "CSS-2026-11-24-00000000.html").write_text("anything", encoding="utf-8")
    assert await verify([]) == 1
    said = capsys.readouterr().out
    assert f"! {name}: it is not as it was made" in said
    assert f"! {gone}: it is not in the folder" in said
    assert "! CSS-2026-11-24-00000000.html: no record vouches for it" in said
    assert await verify([gone]) == 1
    for secret in ("Alfie", "Demosson", "Okafor", NEXT):
        assert secret not in said
    with pytest.raises(SettingsError, match="there is no page called"):
        await verify(["../../etc/passwd"])


async def test_it_opens_with_its_passphrase_alone(
    office: Office, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """To look after the server is no right to read. Each attempt is in the audit; what is opened is a file of one's own."""
    name, passphrase = await takes_out(office, folder)
    out = tmp_path / "open.html"
    types(monkeypatch, new_passphrase())
    assert await open_into(name, out) == 1
    assert "not its passphrase" in capsys.readouterr().err
    assert not out.exists()
    types(monkeypatch, passphrase.lower())
    assert await open_into(name, out) == 0
    assert "Alfie Demosson" in out.read_text(encoding="utf-8")
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert [(e["file"], e["opened"]) for e in await audited(office, "page.opened")] == [(name, False), (name, True)]
    with pytest.raises(SettingsError, match="File exists"):
        await open_into(name, out)
    (folder / name).write_text("changed", encoding="utf-8")
    assert await open_into(name, tmp_path / "other.html") == 1
    assert "do not type a passphrase into it" in capsys.readouterr().err


async def test_it_opens_no_more_once_its_maker_may_not_read_it(
    office: Office, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before the clock has taken it away, too. Whoever looks after the server is not told why; the tries are in the audit."""
    name, passphrase = await takes_out(office, folder)
    types(monkeypatch, passphrase)
    for case in await office.rows(t.incidents):
        async with Store(office.database).transaction(office.school) as records:
            await records.add_exclusions(case.id, [Exclusion(office.people["dsl"].id, Why.NAMED)])
    assert await open_into(name, tmp_path / "open.html") == 1
    assert await reissue(name) == 1
    assert "its time is over" in capsys.readouterr().err
    assert not (tmp_path / "open.html").exists()
    assert [e["opened"] for e in await audited(office, "page.opened")] == [False, False]
    assert await print_pages() == 1
    assert lying(folder) == [name]


async def test_it_is_sealed_anew_for_whoever_has_the_old_passphrase(
    office: Office, folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Under another name and passphrase; it lives anew, the old one is gone, and the receipt is asked for by the new name."""
    name, passphrase = await takes_out(office, folder, handover=True)
    types(monkeypatch, new_passphrase())
    assert await reissue(name) == 1
    assert lying(folder) == [name]
    office.clock.advance(days=10)
    types(monkeypatch, passphrase)
    assert await reissue(name) == 0
    (file,) = lying(folder)
    found = PASSPHRASE.search(capsys.readouterr().out)
    assert found is not None
    page = (folder / file).read_text(encoding="utf-8")
    assert "Alfie Demosson" in open_page(page, found.group())
    with pytest.raises(PageError):
        open_page(page, passphrase)
    async with Store(office.database).transaction(office.school, write=False) as records:
        (live,) = await records.pages()
        (waiting,) = await records.unreceived()
    assert live.file == waiting.file == file
    assert live.ends_at == office.clock.now() + LIVES
    assert live.made_by == office.people["dsl"].id
    assert await verify([]) == 0


async def test_it_is_deleted_before_its_time(office: Office, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And whoever made it hears of it."""
    name, _ = await takes_out(office, folder)
    assert await delete(name) == 0
    assert lying(folder) == []
    assert [e["how"] for e in await audited(office, "page.ended")] == ["operator"]
    desk = Desk(office.ports, office.school, exports=folder).records
    assert "whoever looks after the bot's server deleted it" in str(await desk.to_decide(office.account("dsl")))


async def test_a_folder_that_cannot_be_written_leaves_no_page_behind(office: Office, tmp_path: Path) -> None:
    """That there was to be one is noted, and that it ended."""
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="file"):
        await takes_out(office, tmp_path / "file")
    async with Store(office.database).transaction(office.school, write=False) as records:
        assert await records.pages() == []


async def test_doctor_and_status_say_what_lies_there(
    office: Office, folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where; who else may look there; what is missing, and what is there after its time."""
    name, _ = await takes_out(office, folder)
    now = office.clock.now()
    schools, port = {office.school.id: office.school}, with_port(str(office.database.url), 1)
    said = "\n".join(map(str, (await look(port, schools, now)).lines))
    assert f"  sealed pages of {office.school.id}: 1, the first is deleted in 30 days" in said
    late = (await look(port, schools, now + LIVES * 2)).lines
    assert f"! sealed pages of {office.school.id}: 1, the first was to be deleted 30 days ago" in "\n".join(map(str, late))
    await examine()
    said = capsys.readouterr().out
    assert "exports: sealed pages that are taken out lie in " in said
    assert name not in said or "after its end" in said
    (folder / name).unlink()
    monkeypatch.setattr("handlers.exports.UNWRITTEN", LIVES * -9999)
    await examine()
    assert f"the page {name} is not in" in capsys.readouterr().out


def test_where_there_is_no_folder_yet(tmp_path: Path) -> None:
    """It is made when it is needed, if it can be."""
    assert check_exports_folder(tmp_path / "not" / "yet").level == "ok"
    (tmp_path / "file").touch()
    assert check_exports_folder(tmp_path / "file" / "exports").level == "fault"
    made = keep_page(tmp_path / "a" / "b", "x.html", "page").parent
    assert stat.S_IMODE(made.stat().st_mode) == 0o700
    made.chmod(0o750)
    assert "others on this machine may look" in check_exports_folder(made).what


async def test_a_crash_between_the_record_and_the_file(office: Office, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page that has ended is deleted by the next sweep; one that was never written ends when its time is over."""
    name, _ = await takes_out(office, folder)
    text = (folder / name).read_text(encoding="utf-8")
    await delete(name)
    (folder / name).write_text(text, encoding="utf-8")
    done = await sweep_folder(office.ports, office.school, folder)
    assert (done.remove, done.ended, lying(folder)) == ((name,), 0, [])
    (folder / "CSS-notes.txt").touch()
    (folder / "OTHER-2026-11-24-1a2b3c4d.html").touch()
    office.clock.advance(days=99)
    assert (await sweep_folder(office.ports, office.school, folder)).remove == ()
    assert len(lying(folder)) == 2


@pytest.mark.parametrize("page", ["", "<html>", '<script type="application/json" id="sealed">{}</script>'])
def test_what_is_no_page_does_not_open(page: str) -> None:
    """Nor does a page whose sealed part was changed, or its passphrase is another's."""
    with pytest.raises(PageError):
        open_page(page, new_passphrase())


def test_whoever_guesses_at_a_passphrase_is_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each guess costs the sums that docs/exports.md promises, as the page itself says. Other tests make do with fewer."""
    monkeypatch.setattr(sealed_pages, "ROUNDS", AS_SHIPPED)
    passphrase = new_passphrase()
    page = seal_page(WORDS, "<p>in</p>", passphrase)
    assert '"rounds": 600000' in page
    assert open_page(page, passphrase) == "<p>in</p>"


def test_what_is_not_sealed_is_text() -> None:
    """Nothing that stands on it before it opens is markup."""
    passphrase = new_passphrase()
    page = seal_page(WORDS, "<p>in</p>", passphrase)
    assert "<&" not in page
    assert open_page(page, passphrase) == "<p>in</p>"


@pytest.mark.parametrize(
    "typed", ["list", "verify", "verify a.html b.html", "open a.html --out b.html", "reissue a.html", "delete a.html"]
)
def test_how_it_is_typed(typed: str) -> None:
    """As docs/exports.md has it."""
    assert _parser().parse_args(["exports", *typed.split()]).command == "exports"
