"""JSON from outside."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.json_bodies import json_of

UNREADABLE = (
    *(
        b"",
        b"{",
        b"[" * 300 + b"]" * 300,
        b"[" * 100_000,
        b'{"a":' * 300 + b"1" + b"}" * 300,
        b"9" * 50_000,
        b"NaN",
        b"Infinity",
    ),
    *(b"\xff", b'"\xed\xa0\x80"', b"{} {}", b"\x00", b'{"a": "\x00"}', '{"a": 1}'.encode("utf-16")),
)
letters = st.characters(blacklist_categories=["Cs"], blacklist_characters="\0")
anything = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**30), 10**30) | st.text(letters),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(letters), inner, max_size=4),
)


@pytest.mark.parametrize("body", UNREADABLE)
def test_what_cannot_be_read_is_refused_and_not_quoted(body: bytes) -> None:
    """A ValueError, never a RecursionError; what was sent is not in its text."""
    with pytest.raises(ValueError, match="line 1") as no:
        json_of(body)
    assert len(str(no.value)) < 200


@pytest.mark.parametrize(
    ("body", "read"),
    [
        (b'{"a": 1, "a": 2}', {"a": 2}),
        (rb'"a\u0000b"', "ab"),
        (rb'"a\\u0000b"', r"a\u0000b"),
        (rb'"\ud83d\ude00 \ud83d \ude00"', "\U0001f600 \ufffd \ufffd"),
        (rb'"\\ud83d"', r"\ud83d"),
        (rb'{"\u0000k": ["\ud800\u0000"]}', {"k": ["\ufffd"]}),
        (b"[" * 199 + b"]" * 199, None),
    ],
)
def test_what_can_be_read_can_be_kept(body: bytes, read: object) -> None:
    """Without NUL, without half a character, and with everything that only looks like one."""
    found = json_of(body)
    assert read is None or found == read


@given(anything, st.booleans())
def test_whatever_is_whole_is_read_as_it_is(value: object, escaped: bool) -> None:
    """Escaped or not."""
    assert json_of(json.dumps(value, ensure_ascii=escaped).encode()) == value
