"""Whoever else has an account on the machine cannot read the records' file, however the machine is set up."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from storage.database import Database

pytestmark = pytest.mark.skipif(os.name == "nt", reason="there rights are not bits of a file")


@pytest.fixture(autouse=True)
def _as_most_machines() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


async def rights(database: Database) -> dict[str, int]:
    """Of the file and those beside it, while the bot is at work."""
    await database.migrate()
    await database.vault.of_school("oak")
    return {file.name: file.stat().st_mode & 0o777 for file in Path(str(database.url.database)).parent.iterdir()}


async def test_it_is_made_for_the_bots_user_alone(tmp_path: Path) -> None:
    """And so are the log and the index beside it."""
    database = Database(f"sqlite:///{tmp_path}/data/esafety.db")
    found = await rights(database)
    assert found == dict.fromkeys(("esafety.db", "esafety.db-wal", "esafety.db-shm", "esafety.db.keys"), 0o600)
    await database.close()


async def test_one_that_others_could_read_they_cannot_any_more(tmp_path: Path) -> None:
    """From the next start on, also where the file is a link."""
    kept, link = tmp_path / "kept" / "esafety.db", tmp_path / "data" / "esafety.db"
    for folder in (kept.parent, link.parent):
        folder.mkdir()
    kept.touch(0o644)
    link.symlink_to(kept)
    database = Database(f"sqlite:///{link}")
    await rights(database)
    assert {file.stat().st_mode & 0o777 for file in kept.parent.iterdir()} == {0o600}
    await database.close()
