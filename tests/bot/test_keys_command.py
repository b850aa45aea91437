"""`esafety keys`: a new master key, what lies under which, everything under the current one; and who else speaks of keys."""

import asyncio
from pathlib import Path

import aiohttp
import pytest

from bot.cli import main
from bot.settings import DEMO_SCHOOLS, Settings, SettingsError, load_settings
from bot.wiring import running
from storage.database import Database
from storage.key_ring import InlineRing, KeyRingError, MasterKey, RingFile, parse_ring
from tests.fakes.clock import PATIENCE_SECONDS
from tests.fakes.keys import KEY


class Administrator:
    """Somebody at the server's command line."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys
        self.out = self.err = ""

    def runs(self, *command: str) -> int:
        """Runs `esafety` with these words; the exit code."""
        code = main([*command])
        self.out, self.err = self._capsys.readouterr()
        return code

    def takes_over_pupils(self, number: int = 3) -> int:
        """Imports a list, so that there is something sealed."""
        lines = [f"{n},Zebedee Quill {n},Brunel,7B" for n in range(number)]
        Path("pupils.csv").write_text("\n".join(["id,name,house,form", *lines]), encoding="utf-8")
        return self.runs("people", "import", "pupils.csv")


@pytest.fixture
def administrator(database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Administrator:
    monkeypatch.setenv("ESAFETY_DATABASE_URL", database_url)
    monkeypatch.setenv("ESAFETY_SCHOOLS", str(DEMO_SCHOOLS))
    return Administrator(capsys)


def file_of_ring(url: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The ring's file: with SQLite the one beside it, else one that is set."""
    if url.startswith("sqlite"):
        return Path(f"{url.removeprefix('sqlite:///')}.keys")
    monkeypatch.delenv("ESAFETY_KEYS")
    monkeypatch.setenv("ESAFETY_KEYS_FILE", "ring")
    RingFile(Path("ring")).make(KEY)
    return Path("ring")


def test_a_new_key_and_everything_under_it(
    administrator: Administrator, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A key a year: made, everything put under it, the old one taken out; and the records are there all the while."""
    file = file_of_ring(database_url, monkeypatch)
    assert administrator.takes_over_pupils() == 0
    old = parse_ring(file.read_text(), "here").current.name
    assert administrator.runs("keys", "new") == 0
    assert "current key" in administrator.out
    new = parse_ring(file.read_text(), "here").current
    assert [key.name for key in parse_ring(file.read_text(), "here").keys] == [new.name, old]
    assert administrator.runs("keys", "status") == 0
    assert f"{old:<32} older" in administrator.out
    assert "may be taken out" not in administrator.out
    assert administrator.runs("keys", "rotate") == 0
    assert administrator.out.startswith(f"2 keys put under {new.name}.\nNothing in this database is under {old} any more")
    file.write_text(new.line)
    assert administrator.runs("keys", "rotate") == 0
    assert administrator.out == f"Everything was under {new.name} already.\n"
    assert administrator.takes_over_pupils() == 0
    assert "pupil: 0 added, 0 changed, 0 removed, 3 as before" in administrator.out


def test_no_key_shows_in_what_is_printed(
    administrator: Administrator, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where there is a file the line goes there, and to no screen."""
    file = file_of_ring(database_url, monkeypatch)
    administrator.takes_over_pupils()
    for command in ("new", "status", "rotate"):
        assert administrator.runs("keys", command) == 0
        for key in parse_ring(file.read_text(), "here").keys:
            assert key.line.partition(":")[2] not in administrator.out + administrator.err


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_without_a_file_the_line_is_printed(administrator: Administrator, monkeypatch: pytest.MonkeyPatch) -> None:
    """To be put into a setting, or wherever the command takes it from."""
    assert administrator.runs("keys", "new") == 0
    line, what = administrator.out.splitlines()
    assert parse_ring(line, "here").current.name in what
    assert "before the others" in what
    monkeypatch.delenv("ESAFETY_KEYS")
    assert administrator.runs("keys", "new") == 0
    assert "ESAFETY_KEYS_FILE" in administrator.out


def test_a_ring_that_does_not_fit(administrator: Administrator, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every command says so, names the key, and changes nothing; and the doctor says how to mend it."""
    administrator.takes_over_pupils()
    monkeypatch.setenv("ESAFETY_KEYS", f"another:{KEY.line.partition(':')[2]}")
    for command in (("keys", "status"), ("doctor",)):
        assert administrator.runs(*command) == 1
        assert "ESAFETY_KEYS has no key" in administrator.out
    for refused in (("keys", "rotate"), ("people", "import", "pupils.csv")):
        assert administrator.runs(*refused) == 2
        assert "has no key" in administrator.err


def test_the_doctor_looks_at_the_keys(administrator: Administrator) -> None:
    """And makes no ring where there is none yet."""
    administrator.runs("doctor")
    assert "ok       keys: the key ring opens what is sealed" in administrator.out
    assert not list(Path().glob("*.keys"))


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_with_postgresql_and_no_ring_nothing_starts(administrator: Administrator, monkeypatch: pytest.MonkeyPatch) -> None:
    """One line, that says what to set."""
    monkeypatch.delenv("ESAFETY_KEYS")
    for command in (("run",), ("keys", "status"), ("keys", "rotate")):
        assert administrator.runs(*command)
        assert "set ESAFETY_KEYS_FILE" in administrator.out + administrator.err


def test_before_there_is_a_database(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """To look makes none; a key can be made before."""
    monkeypatch.setenv("ESAFETY_DATABASE_URL", "sqlite:///none.db")
    administrator = Administrator(capsys)
    assert administrator.runs("keys", "status") == 2
    assert "there is no database yet" in administrator.err
    assert not Path("none.db").exists()
    assert administrator.runs("keys", "new") == 0
    assert "Keep a copy" in administrator.out
    settings = load_settings()
    ring = asyncio.run(_current(settings.database_url))
    assert ring in administrator.out


async def test_a_running_bot_says_that_it_lacks_a_key(database_url: str) -> None:
    """Somebody has put the records under a key that this process was not given: it is not ready, and says which."""
    new = MasterKey("new", b"n" * 32)
    settings = Settings(
        ESAFETY_KEYS=KEY.line, ESAFETY_DATABASE_URL=database_url, ESAFETY_SCHOOLS=DEMO_SCHOOLS, ESAFETY_CONSOLE="on", PORT=0
    )
    async with running(settings) as bot:
        assert await _ready(bot.address) == (200, "ready\n")
        command = Database(database_url, InlineRing(f"{new.line},{KEY.line}"))
        await command.vault.rotate()
        await command.close()
        said = "ready"
        async with asyncio.timeout(PATIENCE_SECONDS):
            # What was found a moment ago is told again, so that asking costs nothing.
            while said.startswith("ready"):
                _, said = await _ready(bot.address)
        assert "keys: ESAFETY_KEYS has no key new" in said
    with pytest.raises(KeyRingError, match="has no key new"):
        async with running(settings):
            pass
    async with running(settings.model_copy(update={"keys": f"{new.line},{KEY.line}"})) as bot:
        assert (await _ready(bot.address))[0] == 200


async def _ready(address: str) -> tuple[int, str]:
    async with aiohttp.ClientSession() as session, session.get(f"{address}/readyz") as answer:
        return answer.status, await answer.text()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"ESAFETY_KEYS": KEY.line, "ESAFETY_KEYS_FILE": "ring"}, "ESAFETY_KEYS and ESAFETY_KEYS_FILE are both set"),
        ({"ESAFETY_KEYS_COMMAND": "print 'the ring"}, "ESAFETY_KEYS_COMMAND is wrong"),
    ],
)
def test_settings_of_the_ring_that_are_wrong(monkeypatch: pytest.MonkeyPatch, given: dict[str, str], said: str) -> None:
    """Named in one line, without the key."""
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=said) as no:
        load_settings()
    assert KEY.line not in str(no.value)


def test_the_ring_of_a_command(administrator: Administrator, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a school's own store of secrets would print it."""
    monkeypatch.delenv("ESAFETY_KEYS", raising=False)
    Path("ring").write_text(KEY.line, encoding="ascii")
    monkeypatch.setenv("ESAFETY_KEYS_COMMAND", "cat ring")
    assert administrator.takes_over_pupils() == 0
    assert administrator.runs("keys", "status") == 0
    assert f"{KEY.name:<32} current" in administrator.out


async def _current(url: str) -> str:
    database = Database(url)
    await database.migrate()
    uses = await database.vault.use()
    await database.close()
    return uses[0].name
