"""Pupils found by marks: by every beginning of every word of their names, and by nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.name_index import begins, mark_of_key, marks_of_name, marks_of_typed, searchable
from storage.sealing import KEY_BYTES, Key

KEY = Key(b"i" * KEY_BYTES)
names = st.text(min_size=1, max_size=40).filter(searchable)


@given(names, st.data())
def test_every_beginning_finds_the_name(name: str, data: st.DataObject) -> None:
    """Of one word or of several, in any order, however long the word is; of one letter, if that is the word."""
    words = searchable(name).split()
    chosen = data.draw(st.lists(st.sampled_from(words), min_size=1, max_size=4))
    typed = [w[: data.draw(st.integers(min(2, len(w)), len(w)))] for w in chosen]
    assert marks_of_typed(KEY, typed) <= marks_of_name(KEY, name)
    assert begins(name, typed)


@given(names, names)
def test_what_is_found_is_compared_in_full(name: str, typed: str) -> None:
    """Marks know eight letters of a word; the name that was opened decides."""
    words = searchable(typed).split()
    known = searchable(name).split()
    assert begins(name, words) == all(any(k.startswith(w) for k in known) for w in words)
    if begins(name, words) and all(len(w) > 1 for w in words):
        assert marks_of_typed(KEY, words) <= marks_of_name(KEY, name)


@pytest.mark.parametrize("letters", ["b", "be", "bea"])
def test_another_schools_marks_are_others(letters: str) -> None:
    """Nobody can tell by the marks that the same child was at two schools."""
    other = Key(b"o" * KEY_BYTES)
    assert not marks_of_typed(KEY, [letters]) & marks_of_typed(other, [letters])
    assert mark_of_key(KEY, "P1") != mark_of_key(other, "P1")


def test_case_and_accents_make_no_difference() -> None:
    """As people type."""
    assert marks_of_name(KEY, "Zoë D'Ångelo-Núñez") == marks_of_name(KEY, "ZOE d angelo nunez")
    assert marks_of_name(KEY, "李 明") >= marks_of_typed(KEY, ["明"])
