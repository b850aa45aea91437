"""An envelope opens with its key, at its place, as it was made; and not otherwise."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.key_ring import SealError
from storage.sealing import KEY_BYTES, Key, place, wrapped_under

HERE = place("incident_texts", "text", "oak", "incident-1", "where")
SECRET = "Bea Exemplar behind the gym"


@given(st.binary(max_size=4000), st.lists(st.text(st.characters(codec="utf-8"), max_size=20), max_size=4))
def test_what_is_sealed_can_be_opened(content: bytes, row: list[str]) -> None:
    """Whatever it is, wherever it belongs; and each time it looks different."""
    key, where = Key.new(), place("t", "c", "school", *row)
    one, other = key.seal(content, where), key.seal(content, where)
    assert key.open(one, where) == key.open(other, where) == content
    assert one != other


@given(st.text(st.characters(), max_size=400))
def test_any_text_comes_back(text: str) -> None:
    """Also one with a NUL in it, or half of a surrogate pair, which no database would take."""
    key = Key.new()
    assert key.open_text(key.seal_text(text, HERE), HERE) == text


def test_nothing_of_it_can_be_seen() -> None:
    """Neither the words nor the key are in the envelope."""
    key = Key.new()
    sealed = key.seal_text(SECRET, HERE)
    for part in (b"Bea", b"gym", base64.b64encode(SECRET.encode()), SECRET.encode().hex().encode()):
        assert part not in sealed


def test_another_key_does_not_open_it() -> None:
    """Nor one of another name."""
    secret = b"k" * KEY_BYTES
    sealed = Key(secret, "one").seal_text(SECRET, HERE)
    for other in (Key.new(), Key(b"K" * KEY_BYTES, "one"), Key(secret, "two"), Key(secret)):
        with pytest.raises(SealError):
            other.open(sealed, HERE)


@pytest.mark.parametrize(
    "elsewhere",
    [
        place("case_notes", "text", "oak", "incident-1", "where"),
        place("incident_texts", "name", "oak", "incident-1", "where"),
        place("incident_texts", "text", "elm", "incident-1", "where"),
        place("incident_texts", "text", "oak", "incident-2", "where"),
        place("incident_texts", "text", "oak", "incident-1", "link"),
        place("incident_texts", "text", "oak", "incident-1"),
        b"",
    ],
)
def test_what_was_moved_does_not_open(elsewhere: bytes) -> None:
    """Another table, column, school, case or row: somebody with the database cannot put one text in place of another."""
    key = Key.new()
    with pytest.raises(SealError):
        key.open(key.seal_text(SECRET, HERE), elsewhere)


def test_one_changed_bit_shows() -> None:
    """Any bit, in any part of the envelope; and one that was cut off, or is nothing."""
    key = Key(b"k" * KEY_BYTES, "2026")
    sealed = key.seal_text(SECRET, HERE)
    for at in range(len(sealed) * 8):
        changed = bytearray(sealed)
        changed[at // 8] ^= 1 << at % 8
        with pytest.raises(SealError):
            key.open(bytes(changed), HERE)
    for length in range(len(sealed)):
        with pytest.raises(SealError):
            key.open(sealed[:length], HERE)


def test_a_version_to_come_is_named_as_such() -> None:
    """Not as damage: whoever went back to an older program must know what is the matter."""
    key = Key.new()
    sealed = key.seal_text(SECRET, HERE)
    with pytest.raises(SealError, match="version of this program"):
        key.open(b"\x02" + sealed[1:], HERE)


def test_an_error_says_nothing_of_what_was_sealed() -> None:
    """Nor does anything that shows the key."""
    key = Key(b"k" * KEY_BYTES)
    sealed = key.seal_text(SECRET, HERE)
    with pytest.raises(SealError) as no:
        key.open(sealed, b"elsewhere")
    assert "Bea" not in repr(no.value)
    assert no.value.__cause__ is None
    assert "k" * 8 not in repr(key)


def test_a_key_can_be_kept_under_another() -> None:
    """It says under which, and opens the same things as before."""
    master, data = Key(b"m" * KEY_BYTES, "2026-11"), Key.new()
    wrapped = master.wrap(data, HERE)
    assert wrapped_under(wrapped) == "2026-11"
    sealed = data.seal_text(SECRET, HERE)
    assert master.unwrap(wrapped, HERE).open_text(sealed, HERE) == SECRET


@pytest.mark.parametrize("broken", [b"", b"\x01", b"\x01\x02\xff\xff"])
def test_what_is_no_envelope_is_said_to_be_none(broken: bytes) -> None:
    """A column that somebody wrote anything into."""
    with pytest.raises(SealError):
        wrapped_under(broken)


def test_a_mark_is_the_same_each_time_and_only_with_the_key() -> None:
    """So that a pupil is found by it, and nobody without the key can make it."""
    key = Key(b"k" * KEY_BYTES)
    assert key.mark(b"be") == key.mark(b"be") != key.mark(b"bea")
    assert key.mark(b"be") != Key.new().mark(b"be")
    assert len(key.mark(b"be")) == 32


@pytest.mark.parametrize("length", [0, 16, 31, 33])
def test_a_key_of_another_length_is_refused(length: int) -> None:
    """It would be a weaker one, or a mistake."""
    with pytest.raises(ValueError, match="32 bytes"):
        Key(b"k" * length)
