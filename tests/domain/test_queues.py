"""Pages of a queue as buttons carry them: what is made is read back, and what nobody made is no page."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.queues import SECTIONS, WORDS, Filters, Key, QueueKind, Wanted, Whose, as_text, wanted_of
from domain.words import IncidentState, Urgency

_moments = st.datetimes(datetime(1990, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - bounds are naive
_filters = st.builds(
    Filters,
    st.sampled_from(QueueKind),
    st.sampled_from(Whose),
    st.sampled_from(["", "harmful_content", "grooming"]),
    st.sampled_from([None, *Urgency]),
    st.sampled_from([None, IncidentState.REPORTED, IncidentState.ACKNOWLEDGED, IncidentState.IN_PROGRESS]),
)
_keys = st.builds(Key, _moments, st.uuids().map(str))


@given(st.builds(Wanted, _filters) | st.builds(Wanted, _filters, _keys, st.booleans()))
def test_a_page_is_read_back_as_it_was_made(wanted: Wanted) -> None:
    """To the microsecond, or a line would stand on two pages."""
    assert wanted_of(as_text(wanted)) == wanted


@given(st.text(max_size=120) | st.lists(st.text(max_size=20), min_size=8, max_size=8).map("|".join))
def test_whatever_comes_in_is_a_page_or_none(text: str) -> None:
    """Nothing that somebody makes up breaks anything, and what is taken can be made again."""
    found = wanted_of(text)
    assert found is None or wanted_of(as_text(found)) == found


@pytest.mark.parametrize(
    "forged",
    [
        "none",
        "open",
        "open|any||||||more|",
        "everything|any||||||",
        "open|everybody||||||",
        "open|any||urgent||||",
        "open|any|||closed|||",
        "open|any|||merged|||",
        "open|any||||sideways|1|a",
        "open|any||||back||",
        "open|any||||||an-id",
        "open|any|||||yesterday|an-id",
        "open|any|||||99999999999999999|an-id",
        "open|any|||||\u0661\u0662|an-id",
        f"open|any|||||1|{'a' * 37}",
        f"open|any|{'a' * 65}|||||",
    ],
)
def test_a_page_that_nobody_was_given_is_none(forged: str) -> None:
    """A word, a state, a time or an id that no button has."""
    assert wanted_of(forged) is None


def test_every_section_has_a_word() -> None:
    """Whoever types rather than presses gets to each of them."""
    assert set(SECTIONS) <= set(WORDS.values())


def test_times_before_the_epoch_are_times() -> None:
    """A case may be older than computers count."""
    wanted = Wanted(Filters(), Key(datetime(1969, 12, 31, tzinfo=UTC) - timedelta(microseconds=1), "an-id"))
    assert wanted_of(as_text(wanted)) == wanted
