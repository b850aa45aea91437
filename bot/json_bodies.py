"""JSON from outside: whatever is sent, it is read or refused, and what is read can be walked through and kept."""

import re
from typing import Any, Final

from pydantic_core import from_json

_ESCAPES: Final = re.compile(
    rb"\\\\|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    rb"|(?P<half>\\u[dD][89a-fA-F][0-9a-fA-F]{2})|(?P<nul>\\u0000)"
)
_NUL: Final = rb"\u0000"
_NO_CHARACTER: Final = rb"\ufffd"


def json_of(body: bytes) -> Any:
    """What a body says. Of a name that is given twice the last counts; NUL is left out, half a character read as U+FFFD.

    Raises:
        ValueError: it is no JSON in UTF-8, is nested more than two hundred deep, or holds a number of thousands of digits. What
            the error says of it quotes nothing that was sent.
    """
    if _NUL in body:
        body = _ESCAPES.sub(_mend, body)
    try:
        return from_json(body, allow_inf_nan=False)
    except ValueError:
        # Broken pastes leave halves of characters behind: that is no reason to refuse a report.
        mended = _ESCAPES.sub(_mend, body)
        if mended == body:
            raise
        return from_json(mended, allow_inf_nan=False)


def _mend(found: re.Match[bytes]) -> bytes:
    if found["nul"]:
        return b""
    return _NO_CHARACTER if found["half"] else found[0]
