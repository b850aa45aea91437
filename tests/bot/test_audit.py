"""The audit as whoever runs the bot, and whoever keeps its heads, has to do with it: sent out, followed, asked."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio
from sqlalchemy import delete, text, update

from bot import audit_command
from bot.cli import main
from bot.doctor import Level, check_heads
from bot.head_keeper import HeadKeeper, key_for_start
from bot.settings import Settings, SettingsError, load_settings
from bot.status_command import look
from domain.audit import HeadWay
from handlers import details
from storage import tables as t
from storage.audit_heads import Heads
from storage.database import Database
from tests.conftest import new_database
from tests.fakes.clock import FakeClock
from tests.fakes.mail_server import FakeMail
from tests.fakes.tampering import let_go_of_the_audit
from tests.handlers.office import WHAT, Office, open_office
from tests.story.console_stage import console_stage

CLERK = "clerk@governors.example"


@pytest_asyncio.fixture
async def office(tmp_path: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Office]:
    """A school with one report, on the database that is set up; its heads go into a folder."""
    async with new_database("sqlite", tmp_path) as url:
        monkeypatch.setenv("ESAFETY_DATABASE_URL", url)
        monkeypatch.setenv("ESAFETY_AUDIT_HEADS", str(tmp_path / "heads"))
        database = Database(url)
        async with open_office(database, clock) as office:
            await office.reports()
            yield office
        await database.close()


def keeper(office: Office) -> HeadKeeper:
    """What runs in every process of the bot."""
    settings, schools = load_settings(), {office.school.id: office.school}
    key = key_for_start(settings, schools)
    assert key is not None
    return HeadKeeper(settings, schools, Heads(office.database), key, office.clock)


async def tampered(office: Office, *, seq: int) -> None:
    """Somebody changes an entry."""
    async with office.database.begin() as connection:
        await let_go_of_the_audit(connection)
        await connection.execute(update(t.audit).where(t.audit.c.seq == seq).values(actor="person:somebody"))


def lose_the_ring(office: Office) -> None:
    """The file beside the database is gone."""
    Path(f"{office.database.url.database}.keys").unlink()


async def verified(capsys: pytest.CaptureFixture[str], *files: Path, keys: tuple[str, ...] = ()) -> tuple[int, str]:
    """The exit code, and what was said."""
    capsys.readouterr()
    code = await audit_command.verify(None, files, keys)
    printed = capsys.readouterr()
    return code, printed.out + printed.err


async def test_a_head_a_day_into_the_folder(office: Office, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One line each; with them it is known since when, and up to which entry, nobody has changed anything."""
    work = keeper(office)
    for _ in range(3):
        await work.round()
        await work.round()
        office.clock.advance(days=1)
        await office.reports()
    (file,) = (tmp_path / "heads").iterdir()
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert [line["seq"] for line in lines] == [4, 6, 8]
    assert WHAT not in file.read_text()
    assert audit_command.print_key() == 0
    key = capsys.readouterr().out.splitlines()[0]
    code, said = await verified(capsys, file, keys=(key,))
    assert code == 0
    assert f"{office.school.id}: 9 entries, each as it was written and in its place" in said
    assert "vouched for since 24 November 2026" in said
    assert "up to entry 8 by the head of 26 November 2026" in said
    assert "(3 in all)" in said


async def test_what_was_changed_is_named(office: Office, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The school and the number of the entry, in plain words, and exit code 1; the same without a head."""
    await keeper(office).round()
    await tampered(office, seq=2)
    for files in ((), (tmp_path / "heads",)):
        code, said = await verified(capsys, *files)
        assert code == 1
        assert f"! {office.school.id}: entry 2 is not as it was written: somebody has changed it" in said


async def test_a_case_that_was_changed_is_named(office: Office, capsys: pytest.CaptureFixture[str]) -> None:
    """Its reference and the entry that shows it, not a word of what it says; without the ring it is said that nobody looked."""
    code, said = await verified(capsys)
    assert code == 0
    assert "what was written in its cases is as the audit has it" in said
    async with office.database.begin() as connection:
        await connection.execute(update(t.incident_texts).values(text="Nothing happened.", sealed=None))
    code, said = await verified(capsys)
    (incident,) = await office.rows(t.incidents)
    assert code == 1
    assert f"! {office.school.id}, {incident.reference}: what stands in it is not what entry 3 vouches for" in said
    assert "Nothing happened" not in said
    lose_the_ring(office)
    code, said = await verified(capsys)
    assert code == 0
    assert "was not held against the audit" in said
    assert "put it back from where you keep it" in said


async def test_the_end_cut_off_is_named_by_the_head(office: Office, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever takes the last entries away and counts back is found out by a head alone."""
    await keeper(office).round()
    async with office.database.begin() as connection:
        await let_go_of_the_audit(connection)
        await connection.execute(delete(t.audit).where(t.audit.c.seq > 2))
        await connection.execute(text("UPDATE counters SET last = 2 WHERE name = 'audit'"))
    assert (await verified(capsys))[0] == 0
    code, said = await verified(capsys, tmp_path / "heads")
    assert code == 1
    assert "entry 3 is missing, and all after it" in said
    assert "the head of 24 November 2026" in said


async def test_a_forged_head_vouches_for_nothing(office: Office, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A changed line, and one that another key has signed."""
    await keeper(office).round()
    (file,) = (tmp_path / "heads").iterdir()
    line = file.read_text()
    file.write_text(line.replace('"seq": 4', '"seq": 3'))
    code, said = await verified(capsys, file)
    assert code == 1
    assert "line 1" in said
    assert "the head was changed, or signed by somebody else" in said
    assert "no head that was given vouches for it" not in said
    file.write_text(line)
    code, said = await verified(capsys, file, keys=("A" * 43 + "=",))
    assert code == 1
    assert "signed with another key" in said
    code, said = await verified(capsys, file, keys=("nonsense",))
    assert code == 2
    assert "that is no key" in said
    code, said = await verified(capsys, tmp_path / "nothing.jsonl")
    assert (code, "cannot be read" in said) == (2, True)


async def test_by_mail_and_in_the_end_when_the_server_is_back(
    office: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A mail server that is away holds up no folder; the head waits, another process sends it, and the file in it is a head."""
    async with FakeMail(tmp_path) as mail:
        monkeypatch.setenv("ESAFETY_SMTP_URL", f"smtp://127.0.0.1:{mail.port}")
        monkeypatch.setenv("ESAFETY_MAIL_FROM", "esafety@school.example")
        clerks = office.at(replace(office.school, heads_mail=CLERK))
        mail.at_rcpt.append("451 later")
        await keeper(clerks).round()
        assert mail.taken == []
        standing = {s.way: (s.waiting, s.trouble) for s in await Heads(office.database).standing()}
        assert standing == {HeadWay.FOLDER: (0, ""), HeadWay.MAIL: (1, "smtp_451")}
        office.clock.advance(hours=1)
        await keeper(clerks).round()
        await keeper(clerks).round()
        (sent,) = mail.to(CLERK)
    (attached,) = sent.iter_attachments()
    file = tmp_path / "kept.json"
    file.write_text(attached.get_payload(decode=True).decode())  # type: ignore[union-attr]
    assert file.read_text() == next((tmp_path / "heads").iterdir()).read_text()
    assert sent["Subject"] == f"Keep this: audit of {office.school.name}, entry 4"
    code, said = await verified(capsys, file)
    assert (code, "vouched for since" in said) == (0, True)


async def test_where_mail_is_no_longer_set_up_it_is_seen(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """What waits is not forgotten: it says why."""
    work = keeper(office)
    await work.round()
    office.clock.advance(days=1)
    await work.heads.make(office.school.id, office.clock.now(), office.school.heads_every, [HeadWay.MAIL], work.key.sign)
    await work.round()
    assert [s.trouble for s in await work.heads.standing() if s.way is HeadWay.MAIL] == ["not_set_up"]


async def test_a_folder_that_cannot_be_written_is_tried_again(office: Office, tmp_path: Path) -> None:
    """A file stands where the folder should be; once it is out of the way the head goes out."""
    (tmp_path / "heads").write_text("in the way")
    work = keeper(office)
    await work.round()
    (standing,) = await work.heads.standing()
    assert (standing.waiting, standing.trouble) == (1, "FileExistsError")
    (tmp_path / "heads").unlink()
    office.clock.advance(hours=1)
    await work.round()
    (standing,) = await work.heads.standing()
    assert standing.waiting == 0


def test_with_postgresql_the_key_must_be_given(office: Office) -> None:
    """Several processes would each make one of their own."""
    url = "postgresql://esafety@127.0.0.1/esafety"
    elsewhere = Settings(ESAFETY_DATABASE_URL=url, ESAFETY_AUDIT_HEADS="heads")
    with pytest.raises(SettingsError, match="ESAFETY_AUDIT_KEY_FILE is missing"):
        key_for_start(elsewhere, {office.school.id: office.school})
    assert key_for_start(Settings(ESAFETY_DATABASE_URL=url), {}) is None
    given = Settings(ESAFETY_DATABASE_URL=url, ESAFETY_AUDIT_KEY="A" * 43 + "=")
    assert key_for_start(given, {}) is not None
    with pytest.raises(SettingsError, match="that is no key"):
        key_for_start(Settings(ESAFETY_DATABASE_URL=url, ESAFETY_AUDIT_KEY="x"), {})


def test_before_the_first_start_there_is_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each says what is missing, and makes nothing."""
    monkeypatch.setenv("ESAFETY_DATABASE_URL", f"sqlite:///{tmp_path}/data/none.db")
    assert main(["audit", "key"]) == 2
    assert "there is no key for the audit's heads yet" in capsys.readouterr().err
    assert main(["audit", "verify"]) == 2
    assert "there is no database yet" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


async def test_who_has_looked_at_a_childs_cases(office: Office, capsys: pytest.CaptureFixture[str]) -> None:
    """By reference, name and role; no name of a child, and that it was asked stands in the audit."""
    async with office.ports.store.transaction(office.school, write=False) as records:
        (child, *_) = await records.search_people("alf", 1)
    incident = await office.reports(targets=(f"person:{child.id}",))
    await details.read(office.ports, office.school, office.account("dsl"), incident.id)
    assert await audit_command.print_readers(None, "D001") == 0
    said = capsys.readouterr().out
    assert incident.reference in said
    assert f"{office.people['dsl'].name} (Designated Safeguarding Lead" in said
    assert child.name not in said
    assert "Alfie" not in said
    assert len(await office.rows(t.audit, t.audit.c.action == "readers.listed")) == 1
    assert await audit_command.print_readers(None, "D999") == 2
    assert "no pupil" in capsys.readouterr().err


async def test_status_and_doctor_say_what_does_not_go_out(
    office: Office, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """How many, to where, why and for how long; and once all is out, when the last one went."""
    (tmp_path / "heads").write_text("in the way")
    work = keeper(office)
    await work.round()
    office.clock.advance(hours=1)
    schools = {office.school.id: office.school}
    said = "\n".join(map(str, (await look(load_settings(), schools, office.clock.now())).lines))
    head = f"audit heads of {office.school.id}, by folder"
    assert f"! {head}: none has gone out yet; 1 head waiting, the oldest for 1 hour (FileExistsError)" in said
    (finding,) = check_heads(load_settings(), schools, await work.heads.standing())
    assert finding.level is Level.WARNING
    assert "1 signed head of the audit cannot go out by folder (FileExistsError)" in str(finding)
    (tmp_path / "heads").unlink()
    await work.round()
    said = "\n".join(map(str, (await look(load_settings(), schools, office.clock.now())).lines))
    assert f"  {head}: the last one went out 1 hour ago" in said
    assert list(check_heads(load_settings(), schools, await work.heads.standing())) == []


async def test_the_doctor_misses_what_is_half_set_up(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """An address without a mail server, nowhere to go at all, a key that is none."""
    monkeypatch.setenv("ESAFETY_AUDIT_HEADS", "")
    monkeypatch.setenv("SLACK_SIGNING_SECRET", "s")
    monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-1")
    monkeypatch.setenv("SLACK_APP_TOKEN", "xapp-1")
    mail = replace(office.school, heads_mail=CLERK)
    for school, words in ((office.school, "no head of the audit leaves this machine"), (mail, "there is no mail server")):
        (finding,) = check_heads(load_settings(), {school.id: school}, [])
        assert words in finding.what
    monkeypatch.setenv("ESAFETY_AUDIT_KEY", "nonsense")
    found = list(check_heads(load_settings(), {}, []))
    assert [f.level for f in found] == [Level.FAULT]
    assert "that is no key" in found[0].what


async def test_the_running_bot_makes_its_key_and_sends_its_heads(tmp_path: Path, clock: FakeClock) -> None:
    """From the first start on, beside the database, for its owner's eyes only."""
    async with new_database("sqlite", tmp_path) as url, console_stage(url, tmp_path, clock) as stage:
        await stage.settled()
        assert "audit heads" in {task.get_name() for task in stage.bot.tasks}
    assert (tmp_path / "esafety.db.audit-key").stat().st_mode & 0o777 == 0o600
