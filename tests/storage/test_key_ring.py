"""The key ring: where it comes from, what it may look like, and that a new key is there whole or not at all."""

import base64
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from threading import Barrier

import pytest

from storage.key_ring import CommandRing, InlineRing, KeyRingError, MasterKey, NoRing, RingFile, new_key, parse_ring
from tests.fakes.clock import PATIENCE_SECONDS

NOW = datetime(2026, 11, 24, tzinfo=UTC)
ONE, TWO = (base64.b64encode(bytes((n,)) * 32).decode() for n in (1, 2))


@pytest.mark.parametrize(
    "text",
    [
        f"new:{ONE},old:{TWO}",
        f"new:{ONE}\nold:{TWO}\n",
        f"# kept by the business manager\n\n new:{ONE}  # since November\r\n\told:{TWO}\n",
        f"new:{ONE} ,\n, old:{TWO},",
    ],
)
def test_the_first_key_is_current(text: str) -> None:
    """On a line each, or with commas between, as a setting has it; with remarks."""
    ring = parse_ring(text, "here")
    assert [key.name for key in ring.keys] == ["new", "old"]
    assert ring.current.secret == b"\x01" * 32


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# nothing but a remark",
        ONE,
        f":{ONE}",
        f"a key:{ONE}",
        f"{'x' * 33}:{ONE}",
        f"schlüssel:{ONE}",
        "short:c2hvcnQ=",
        f"new:{ONE[:-3]}",
        f"new:{ONE} old:{TWO}",
        f"new:{ONE[:9]} {ONE[9:]}",
        f"same:{ONE},same:{TWO}",
    ],
)
def test_what_is_no_ring_is_refused(text: str) -> None:
    """With the place, and without a letter of any key: the line ends up in a log."""
    with pytest.raises(KeyRingError, match="ESAFETY_KEYS") as no:
        parse_ring(text, "ESAFETY_KEYS")
    for part in (ONE[:9], TWO[:9], "c2hvcnQ"):
        assert part not in str(no.value)


def test_a_key_does_not_show_itself() -> None:
    """Whoever prints a ring sees names."""
    key = new_key(NOW)
    ring = parse_ring(key.line, "here")
    secret = base64.b64encode(key.secret).decode()
    for shown in (repr(key), repr(ring), repr(InlineRing(key.line))):
        assert secret not in shown
        assert repr(key.secret) not in shown
    assert key.name.startswith("2026-11-24-")
    assert new_key(NOW).name != new_key(NOW).name


def test_a_command_prints_the_ring(tmp_path: Path) -> None:
    """So a school's own store of secrets can keep it. What stands in the setting is not read by any shell."""
    marker = tmp_path / "shell"
    code = f"print('new:{ONE}')"
    ring = CommandRing([sys.executable, "-c", code, f"; touch {marker}"])
    assert ring.read().current.name == "new"
    assert not marker.exists()


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ([sys.executable, "-c", "import sys; sys.exit('the secret is x')"], "exit code 1"),
        ([sys.executable, "-c", ""], "no key in it"),
        (["/no/such/program"], "cannot be run"),
    ],
)
def test_a_command_that_fails_is_said_to(command: list[str], said: str) -> None:
    """And nothing that it printed."""
    with pytest.raises(KeyRingError, match=said) as no:
        CommandRing(command).read()
    assert "secret" not in str(no.value)


def test_a_file_is_made_once(tmp_path: Path) -> None:
    """For its owner alone; and if another process has made one meanwhile, that one stays."""
    ring, first = RingFile(tmp_path / "data" / "esafety.db.keys"), new_key(NOW)
    ring.make(first)
    ring.make(new_key(NOW))
    assert ring.read().keys == (first,)
    assert ring.path.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in ring.path.parent.iterdir()] == ["esafety.db.keys"]


def test_a_new_key_comes_before_the_others(tmp_path: Path) -> None:
    """The remarks stay, and whoever could read the file can read it."""
    ring, first, second = RingFile(tmp_path / "ring"), new_key(NOW), new_key(NOW)
    ring.path.write_text(f"# ours\n{first.line}\n")
    ring.path.chmod(0o640)
    before = ring.read()
    assert not ring.has_changed()
    ring.add(second)
    assert ring.has_changed()
    assert ring.read().keys == (second, *before.keys)
    assert "# ours" in ring.path.read_text()
    assert ring.path.stat().st_mode & 0o777 == 0o640
    assert [path.name for path in tmp_path.iterdir()] == ["ring"]


def test_of_two_who_add_a_key_at_once_both_have(tmp_path: Path) -> None:
    """A key that the bot has already sealed under must never be lost to another's."""
    ring, keys = RingFile(tmp_path / "ring"), [new_key(NOW) for _ in range(9)]
    ring.make(keys[0])
    together = Barrier(len(keys) - 1)

    def adds(key: MasterKey) -> None:
        together.wait(PATIENCE_SECONDS)
        RingFile(ring.path).add(key)

    with ThreadPoolExecutor(len(keys)) as people:
        list(people.map(adds, keys[1:]))
    assert set(ring.read().keys) == set(keys)
    assert [path.name for path in tmp_path.iterdir()] == ["ring"]


def test_a_link_to_the_ring_stays_one(tmp_path: Path) -> None:
    """The key comes into the file where it is kept, which other programs read too."""
    kept, link, first, second = tmp_path / "safe" / "ring", tmp_path / "ring", new_key(NOW), new_key(NOW)
    RingFile(kept).make(first)
    link.symlink_to(kept)
    RingFile(link).add(second)
    assert link.is_symlink()
    assert RingFile(kept).read().keys == (second, first)


def test_a_file_that_is_no_ring_is_left_as_it_is(tmp_path: Path) -> None:
    """To put a key before something else could hide what was wrong with it."""
    ring = RingFile(tmp_path / "ring")
    ring.path.write_bytes(b"\xff\x00")
    with pytest.raises(KeyRingError):
        ring.add(new_key(NOW))
    assert ring.path.read_bytes() == b"\xff\x00"


def test_a_file_that_is_not_there_or_cannot_be_read(tmp_path: Path) -> None:
    """The line names it."""
    for path in (tmp_path / "none", tmp_path):
        with pytest.raises(KeyRingError, match=str(path)):
            RingFile(path).read()
    with pytest.raises(KeyRingError, match="cannot be written"):
        RingFile(Path(os.devnull) / "ring").make(new_key(NOW))


def test_without_any_ring_it_says_what_to_set() -> None:
    """With PostgreSQL nobody can guess where it should be."""
    with pytest.raises(KeyRingError, match="ESAFETY_KEYS_FILE"):
        NoRing().read()
