"""What is made of a request that meant well."""

import copy
import json
from collections.abc import Callable, Iterator, Sequence
from random import Random
from typing import Any

from tests.story.test_fuzz import NASTY

CANARY = "canaryword"
"""Stands in what is typed: it may never be in the program's log."""
_ODD: tuple[Any, ...] = (
    *(text for text in NASTY if len(text) < 10_000),
    *(None, True, False, 0, -1, 1, 2**31, 2**63, 2**64, 10**400, -(10**30), 0.5, 1e308, -0.0),
    *([], {}, [None], [[]], {"": ""}, {"id": None}, {"id": ["x"]}, {"id": {"$ne": ""}}, [{}], ["x"] * 300),
    *("../../../etc/passwd", "file:///etc/passwd", "http://169.254.169.254/latest/meta-data/", "http://127.0.0.1:1/"),
    *("//evil.example", "javascript:alert(1)", "{{7*7}}", "${7*7}", "%n%n%n", "\r\nSet-Cookie: x=y"),
    *('=HYPERLINK("http://evil.example")', "+1", "@SUM(1)", "\x7f\x1b[31m", CANARY, f"<b>{CANARY}</b>", "\\ud800"),
    *("x|²", "x|" + "9" * 5000, "1|2|3|4", "|||||"),
)  # fmt: skip
_DEEP = 0.04
_KEYS = ("id", "type", "value", "user", "team", "view", "state", "values", "actions", "data", "action", "text", "__proto__", "")
Path = tuple[Any, ...]
Change = Callable[[Random, Any, Sequence[Any]], Any]


def mutated(chance: Random, payload: Any, others: Sequence[Any]) -> Any:
    """A payload with one to four things wrong. Pieces of the others may come into it."""
    made = copy.deepcopy(payload)
    for _ in range(chance.choice((1, 1, 1, 2, 3, 4))):
        made = chance.choices(_CHANGES, _HOW_OFTEN)[0](chance, made, others)
    return _deepened(chance, made) if chance.random() < _DEEP else made


def in_bytes(chance: Random, body: bytes) -> bytes:
    """A body with something wrong with its bytes."""
    if not body:
        return bytes(chance.randrange(256) for _ in range(20))
    at = chance.randrange(len(body))
    match chance.randrange(9):
        case 0:
            return body[:at]
        case 1:
            return body[:at] + bytes([chance.randrange(256)]) + body[at + 1 :]
        case 2:
            return body[:at] + b"\x00" + body[at:]
        case 3:
            return (
                body[:at] + chance.choice((b"%00", b"\\u0000", b"\\ud800", b"\xed\xa0\x80", b"\xff", b"%ff", b"%")) + body[at:]
            )
        case 4:
            return body + body
        case 5:
            return body[at:] + body[:at]
        case 6:
            deep = chance.choice((50, 150, 250, 5000, 100_000))
            return body[:at] + b"[" * deep + body[at:]
        case 7:
            return body.replace(b"{", b'{"id":"x",', 1 + chance.randrange(3))
        case _:
            return bytes(chance.randrange(256) for _ in range(chance.choice((1, 30, 3000))))


def _places(value: Any, path: Path = ()) -> Iterator[Path]:
    yield path
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in inside:
        yield from _places(inner, (*path, key))


def _at(value: Any, path: Path) -> Any:
    for key in path:
        value = value[key]
    return value


def _put(value: Any, path: Path, new: Any) -> Any:
    if not path:
        return new
    _at(value, path[:-1])[path[-1]] = new
    return value


def _somewhere(chance: Random, value: Any) -> Path:
    return chance.choice(list(_places(value)))


def _replaced(chance: Random, value: Any, _: Sequence[Any]) -> Any:
    return _put(value, _somewhere(chance, value), copy.deepcopy(chance.choice(_ODD)))


def _left_out(chance: Random, value: Any, _: Sequence[Any]) -> Any:
    path = _somewhere(chance, value)
    if path:
        del _at(value, path[:-1])[path[-1]]
    return value


def _grafted(chance: Random, value: Any, others: Sequence[Any]) -> Any:
    other = chance.choice(others)
    return _put(value, _somewhere(chance, value), copy.deepcopy(_at(other, _somewhere(chance, other))))


def _same_name_grafted(chance: Random, value: Any, others: Sequence[Any]) -> Any:
    """A value from where another has one under the same name: an id of another case, a form of another kind."""
    path = _somewhere(chance, value)
    other = chance.choice(others)
    found = [p for p in _places(other) if path and p and p[-1] == path[-1]]
    return _put(value, path, copy.deepcopy(_at(other, chance.choice(found)))) if found else value


def _added(chance: Random, value: Any, _: Sequence[Any]) -> Any:
    place = _at(value, _somewhere(chance, value))
    if isinstance(place, dict):
        place[chance.choice(_KEYS)] = copy.deepcopy(chance.choice(_ODD))
    elif isinstance(place, list):
        place.extend(copy.deepcopy(place[:3]) or [None])
    return value


def _deepened(chance: Random, value: Any) -> Any:
    path = _somewhere(chance, value)
    inner = _at(value, path)
    for _n in range(chance.choice((1, 5, 60, 180, 260, 800))):
        inner = [inner] if chance.random() < 0.5 else {"a": inner}
    return _put(value, path, inner)


def _typed(chance: Random, value: Any, _: Sequence[Any]) -> Any:
    texts = [p for p in _places(value) if isinstance(_at(value, p), str)]
    if not texts:
        return value
    path = chance.choice(texts)
    text = _at(value, path)
    odd = chance.choice([t for t in _ODD if isinstance(t, str)])
    made = chance.choice(
        (text + odd, odd + text, text[: len(text) // 2] + odd, text * 50, text.upper(), text[::-1], f"{CANARY} {odd}")
    )
    return _put(value, path, made)


def _huge(chance: Random, value: Any, _: Sequence[Any]) -> Any:
    return _put(
        value, _somewhere(chance, value), chance.choice(("w", "<!channel>", "\u202e", "\\")) * chance.choice((3001, 60_000))
    )


_CHANGES: tuple[Change, ...] = (
    _replaced, _left_out, _grafted, _same_name_grafted, _added, _typed, _huge,
)  # fmt: skip
_HOW_OFTEN = (30, 12, 10, 20, 8, 15, 1)


def as_json(value: Any) -> bytes:
    """The value as it is sent. Python's own NaN and halves of characters go as they are."""
    return json.dumps(value).encode()
