"""What is written down while the bot runs: text for people, or a line of JSON each for machines.

It holds ids, codes and places in the program, and nothing that anybody wrote:

- Our own words are written for the log, and what is put into them is an id or a code.
- A library may put anything into its words: they are kept as far as they stand in its source, and left out otherwise.
- Of an exception its type, its code and its places are kept, never its message, which may quote what was sent.
"""

import json
import linecache
import logging
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from traceback import extract_tb
from types import MappingProxyType, TracebackType
from typing import Any, Final, TextIO, TypeAlias

from bot.settings import LogFormat, LogLevel

Id: TypeAlias = str | int | bool | None

FIELDS: Final = (
    "school",
    "platform",
    "incident",
    "alert",
    "request",
    "delivery",
    "timer",
    "kind",
    "attempt",
    "code",
    "command",
    "route",
)
"""What a line may say apart from its words: as `about` has it, or as `extra` of one line."""

WITHHELD: Final = "a library says what may quote somebody: its words are left out"

_ROOT = Path(__file__).parents[1]
_OURS = tuple(f"{_ROOT / package}/" for package in ("bot", "handlers", "cards", "storage", "domain"))
_MOST_PLACES = 12
_MOST_CAUSES = 5
_LIBRARIES_UNDER_OUR_NAME = ("esafety.slack.bolt", "esafety.slack.oauth")
_IDS = "_esafety_about"
_CODES = ("trouble", "sqlite_errorname", "sqlstate", "errno")

log = logging.getLogger("esafety")
_about: ContextVar[Mapping[str, Id]] = ContextVar("about", default=MappingProxyType({}))


@contextmanager
def about(**ids: Id) -> Iterator[None]:
    """What is being dealt with: every line written meanwhile says so, and so does the line of what goes wrong in it."""
    known = {**_about.get(), **ids}
    token = _about.set(known)
    try:
        yield
    except Exception as error:
        with suppress(AttributeError):
            error.__dict__.setdefault(_IDS, known)
        raise
    finally:
        _about.reset(token)


def dealt_with() -> Mapping[str, Id]:
    """What is being dealt with now."""
    return _about.get()


def set_up(level: LogLevel, form: LogFormat, stream: TextIO | None = None) -> None:
    """Sets the log up for the whole process; what would end up on standard error by other ways comes here too."""
    root = logging.getLogger()
    root.handlers = [handler(form, stream or sys.stderr)]
    # What libraries say below a warning is of no use here, where their words are mostly left out.
    root.setLevel(max(logging.WARNING, logging.getLevelNamesMapping()[level]))
    log.setLevel(level)
    for name in _LIBRARIES_UNDER_OUR_NAME:
        logging.getLogger(name).setLevel(root.level)
    sys.excepthook = _stopped
    threading.excepthook = lambda failed: _fell("a thread has failed", failed.exc_type, failed.exc_value, failed.exc_traceback)
    sys.unraisablehook = lambda failed: _fell(
        "something could not be tidied away", failed.exc_type, failed.exc_value, failed.exc_traceback
    )


def handler(form: LogFormat, stream: TextIO) -> logging.Handler:
    """Writes lines of one form to a stream."""
    made = logging.StreamHandler(stream)
    made.setFormatter(JsonLines() if form is LogFormat.JSON else TextLines())
    return made


class JsonLines(logging.Formatter):
    """A JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        line: dict[str, object] = {
            "time": _moment(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": words(record),
            **_fields(record),
        }
        if not _is_ours(record):
            line["at"] = _place(record.pathname, record.lineno, record.funcName)
        if faults := _faults(record):
            line["error"] = faults[0]["type"]
            line["faults"] = faults
        return json.dumps(line, ensure_ascii=False, default=str)


class TextLines(logging.Formatter):
    """A line to read, with what went wrong indented below it."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, or the lines."""
        said = " ".join(words(record).split())
        if not _is_ours(record):
            said += f" ({_place(record.pathname, record.lineno, record.funcName)})"
        if fields := _fields(record):
            said += f" [{' '.join(f'{name}={value}' for name, value in fields.items())}]"
        lines = [f"{_moment(record)} {record.levelname:7} {record.name}: {said}"]
        for number, fault in enumerate(_faults(record)):
            code = f" ({fault['code']})" if "code" in fault else ""
            lines.append(f"  {'because of ' if number else ''}{fault['type']}{code} at {' > '.join(fault['at'])}")
        return "\n".join(lines)


def words(record: logging.LogRecord) -> str:
    """What a record says, without what a library has put into it."""
    if _is_ours(record):
        return record.getMessage()
    said = record.msg if isinstance(record.msg, str) else ""
    return said if said.strip() and said in _source(record.pathname) else WITHHELD


def kind_of(error: BaseException) -> str:
    """What went wrong, for a line that has no place for where: the type of an error, and its code if it has one."""
    code = _code(error)
    return f"{type(error).__name__} ({code})" if code else type(error).__name__


def _is_ours(record: logging.LogRecord) -> bool:
    # By the logger and by the place: Bolt is given a logger of ours, and SQLAlchemy names the place that it was called from.
    return record.name.split(".")[0] == log.name and record.pathname.startswith(_OURS)


def _fields(record: logging.LogRecord) -> dict[str, Id]:
    error = record.exc_info[1] if record.exc_info else None
    known = {**_about.get(), **getattr(error, _IDS, {})}
    own = record.__dict__ if _is_ours(record) else {}
    found = {name: own.get(name, known.get(name)) for name in FIELDS}
    return {name: value for name, value in found.items() if value is not None and value != ""}


def _moment(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _faults(record: logging.LogRecord) -> list[dict[str, Any]]:
    """The exception and what it came of, each with the places it went through, the innermost last."""
    found: list[dict[str, Any]] = []
    error = record.exc_info[1] if record.exc_info else None
    while error is not None and len(found) < _MOST_CAUSES:
        places = _places(error)
        code = _code(error)
        found.append({"type": type(error).__name__, **({"code": code} if code else {}), "at": places})
        inner = error.exceptions[0] if isinstance(error, BaseExceptionGroup) else None
        error = inner or error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return found


def _code(error: BaseException) -> str:
    return next((str(c) for name in _CODES if (c := getattr(error, name, None)) is not None), "")


def _places(error: BaseException) -> list[str]:
    """Where it went through our code, and where it began."""
    frames = extract_tb(error.__traceback__)
    kept = [f for n, f in enumerate(frames, 1) if f.filename.startswith(_OURS) or n == len(frames)]
    return [_place(f.filename, f.lineno, f.name) for f in kept[-_MOST_PLACES:]]


@lru_cache(maxsize=64)
def _source(path: str) -> str:
    return "".join(linecache.getlines(path))


def _place(path: str, line: int | None, function: str | None) -> str:
    _, _, within = path.rpartition("site-packages/")
    short = path.removeprefix(f"{_ROOT}/") if path.startswith(_OURS) else within
    return f"{short}:{line} {function}"


def _stopped(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        return
    log.critical("the bot has stopped", exc_info=(kind, error, trace))


def _fell(what: str, kind: type[BaseException], error: BaseException | None, trace: TracebackType | None) -> None:
    if error is not None:
        log.error(what, exc_info=(kind, error, trace))
