"""What the log says, and what it must never say."""

import io
import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import CodeType
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from bot.logs import WITHHELD, about, handler, kind_of, set_up
from bot.settings import LogFormat, LogLevel
from storage import database as database_module
from storage.database import Database
from storage.trouble import DatabaseTroubleError
from tests.bot.conftest import as_it_was
from tests.fakes.database_trouble import locked

SECRET = "Bea Exemplar was sent pictures"
log = logging.getLogger("esafety.trial")


@contextmanager
def written(form: LogFormat) -> Iterator[io.StringIO]:
    """What is written meanwhile, whoever writes it."""
    stream, root = io.StringIO(), logging.getLogger()
    to, level = handler(form, stream), root.level
    root.addHandler(to)
    root.setLevel(logging.DEBUG)
    try:
        yield stream
    finally:
        root.removeHandler(to)
        root.setLevel(level)


def from_(path: str, code: str, **names: object) -> None:
    """Runs lines of a program as if they stood in a file somewhere else."""
    compiled: CodeType = compile(code, path, "exec")
    exec(compiled, names)


def from_ours(code: str, **names: object) -> None:
    import bot.worker

    from_(bot.worker.__file__, code, **names, log=log)


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_of_ours_has_its_ids_as_fields() -> None:
    """Time, level, logger, event; and what is being dealt with, whoever writes meanwhile."""
    with written(LogFormat.JSON) as stream, about(school="demo", delivery="d-1"), about(attempt=3):
        from_ours("log.warning('%s given up', 'it', extra={'code': 'users_not_found'})")
    (line,) = lines(stream)
    assert line.pop("time").endswith("Z")
    assert line == {
        "level": "warning",
        "logger": "esafety.trial",
        "event": "it given up",
        "school": "demo",
        "delivery": "d-1",
        "attempt": 3,
        "code": "users_not_found",
    }


def test_the_same_line_as_text() -> None:
    """For people: the ids behind the words, on one line whatever is in them."""
    with written(LogFormat.TEXT) as stream, about(school="demo"):
        from_ours("log.warning('two\\nlines')")
    assert stream.getvalue().strip().endswith("WARNING esafety.trial: two lines [school=demo]")


def test_what_was_dealt_with_is_forgotten_afterwards() -> None:
    """Ids belong to what happens meanwhile and to nothing else."""
    with written(LogFormat.JSON) as stream:
        with about(school="demo"):
            pass
        from_ours("log.info('later')")
    assert "school" not in lines(stream)[0]


@pytest.mark.parametrize("form", LogFormat)
def test_of_an_exception_its_types_and_places_are_kept_and_never_its_message(form: LogFormat) -> None:
    """A message may quote what was sent: neither it nor that of its cause is written."""

    def fill() -> None:
        raise OSError(28, SECRET)

    def save() -> None:
        try:
            fill()
        except OSError as full:
            raise ValueError(SECRET) from full

    with written(form) as stream:
        try:
            save()
        except ValueError:
            from_ours("log.exception('it failed')")
    said = stream.getvalue()
    assert SECRET not in said
    assert all(word in said for word in ("ValueError", "OSError", "28", "it failed", "fill"))


@pytest.fixture
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """For a lock that is never given back nobody waits for long."""
    monkeypatch.setattr(database_module, "PATIENCE_SECONDS", 0.5)


@pytest.mark.usefixtures("_impatient")
async def test_why_the_database_could_not_be_used_is_told_by_a_word(database: Database) -> None:
    """Locked by another is no fault of the program's: whoever reads the log, or counts in it, tells the two apart."""
    with written(LogFormat.TEXT) as stream:
        try:
            async with locked(database), database.begin() as connection:
                await connection.execute(text("UPDATE drafts SET state = state"))
        except DatabaseTroubleError as busy:
            from_ours("log.exception('it was not kept')")
            from_ours("log.error('nor was this: %s', why)", why=kind_of(busy))
    said = stream.getvalue()
    assert "DatabaseTroubleError (busy) at" in said
    assert "nor was this: DatabaseTroubleError (busy)" in said
    assert kind_of(KeyError(SECRET)) == "KeyError"


@pytest.mark.parametrize("form", LogFormat)
@pytest.mark.parametrize("code", ["log.error(f'could not send {x}')", "log.error('could not send %s', x)", "log.error(x)"])
def test_a_librarys_words_are_kept_as_far_as_they_stand_in_its_source(form: LogFormat, code: str, tmp_path: Any) -> None:
    """What it has put into them is left out, however it did so; who it was and where is said all the same."""
    library = tmp_path / "site-packages" / "chat_library.py"
    library.parent.mkdir()
    library.write_text("def send(log, x):\n    " + code + "\n")
    with written(form) as stream:
        from_(str(library), library.read_text() + "\nsend(log, x)", log=logging.getLogger("chat"), x=SECRET)
    said = stream.getvalue()
    assert SECRET not in said
    assert "chat_library.py:2 send" in said
    assert ("could not send %s" if "%s" in code else WITHHELD) in said


async def test_a_database_that_quotes_a_row_is_not_quoted(database: Database) -> None:
    """PostgreSQL says which row it refused, with all that stands in it: the log says where, and the database's code."""
    statement = text("INSERT INTO incident_texts (incident_id, field, text) VALUES ('none', 'what_happened', :story)")
    with written(LogFormat.JSON) as stream:
        try:
            async with database.begin() as connection:
                await connection.execute(statement, {"story": None})
        except DBAPIError:
            from_ours("log.exception('it failed')")
        try:
            async with database.begin() as connection:
                await connection.execute(text("UPDATE incident_texts SET field = :story WHERE 1 = nothing"), {"story": SECRET})
        except DBAPIError:
            from_ours("log.exception('it failed')")
    assert SECRET not in stream.getvalue()
    ours = [line for line in lines(stream) if line["logger"] == "esafety.trial"]
    assert [line["error"] for line in ours] == [
        "IntegrityError",
        "OperationalError" if database.is_sqlite else "ProgrammingError",
    ]
    assert any("code" in fault for fault in ours[0]["faults"])


@pytest.mark.parametrize("how", ["raise ValueError(S)", "threading.Thread(target=lambda: 1 / len(S[:0])).start()"])
def test_what_ends_the_program_or_a_thread_is_logged_like_the_rest(how: str) -> None:
    """What Python itself would print on the way down holds no message either."""
    program = (
        f"import threading\nfrom bot.logs import set_up\nfrom bot.settings import LogFormat, LogLevel\nS = {SECRET!r}\n"
        f"set_up(LogLevel.INFO, LogFormat.JSON)\n{how}\n"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, cwd=_root())
    assert SECRET not in ended.stderr
    assert [json.loads(line)["error"] for line in ended.stderr.splitlines()] in (["ValueError"], ["ZeroDivisionError"])


def test_the_tests_have_their_log_and_their_hooks_back() -> None:
    """A command that serves has them for its whole process. With them left, pytest hears nothing."""
    root = logging.getLogger()
    before = (root.handlers[:], root.level, log.parent.level if log.parent else 0, sys.excepthook, sys.unraisablehook)
    with as_it_was():
        set_up(LogLevel.DEBUG, LogFormat.JSON, io.StringIO())
        assert sys.unraisablehook is not before[-1]
    assert before == (root.handlers[:], root.level, log.parent.level if log.parent else 0, sys.excepthook, sys.unraisablehook)


def _root() -> str:
    from pathlib import Path

    return str(Path(__file__).parents[2])
