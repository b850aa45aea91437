"""What is said of a case beside others of the same pupils: nothing below the thresholds, nothing that is not so."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

from hypothesis import given
from hypothesis import strategies as st

from domain.patterns import Hint, Patterns, Seen, Sort, hints
from domain.words import ParticipantRole

TARGET, DID_IT, WITNESS = ParticipantRole.TARGET, ParticipantRole.ALLEGED_PERPETRATOR, ParticipantRole.WITNESS
DAY = date(2026, 11, 20)
TERM = date(2026, 9, 2)
USUAL = Patterns()


def seen(days_ago: int, concern: str = "cyberbullying", **parts: ParticipantRole) -> Seen:
    """A case some days before the one that is looked at."""
    day = DAY - timedelta(days=days_ago)
    return Seen(f"R{days_ago}", day, concern, {person: frozenset({part}) for person, part in parts.items()})


THIS = seen(0, bea=TARGET)


def _at(hour: int) -> datetime:
    return datetime.combine(DAY, time(hour), UTC)


def said(this: Seen, *others: Seen, patterns: Patterns = USUAL) -> dict[Sort, Hint]:
    """What is said, where there is one of each sort."""
    found = hints(this, others, patterns, TERM)
    assert len({hint.sort for hint in found}) == len(found)
    return {hint.sort: hint for hint in found}


def test_the_third_in_a_month() -> None:
    """With the parts that she had in them; two are no pattern, nor one that is a day too old."""
    assert said(THIS, seen(5, "grooming", bea=DID_IT)) == {}
    assert said(THIS, seen(5, "grooming", bea=DID_IT), seen(31, "grooming", bea=DID_IT)) == {}
    found = said(THIS, seen(5, "grooming", bea=DID_IT), seen(30, "grooming", bea=TARGET))
    assert found == {Sort.OFTEN: Hint(Sort.OFTEN, ("bea",), ("R30", "R5"), as_target=2, did_it=1)}
    assert found[Sort.OFTEN].count == 3


def test_the_third_of_its_kind_this_term() -> None:
    """Counted from the first day of the term, whatever the month."""
    first = (DAY - TERM).days
    assert said(THIS, seen(60, bea=TARGET), seen(first + 1, bea=TARGET)) == {}
    assert said(THIS, seen(60, bea=TARGET), seen(first, "grooming", bea=TARGET)) == {}
    assert list(said(THIS, seen(60, bea=TARGET), seen(first, bea=DID_IT))) == [Sort.SAME_KIND]


def test_the_same_two() -> None:
    """Whoever of them did it, before or after: one other case is enough."""
    this = seen(0, bea=TARGET, alfie=DID_IT)
    found = said(this, seen(100, bea=DID_IT, alfie=TARGET), seen(-40, bea=TARGET, alfie=DID_IT), seen(50, bea=TARGET))
    assert found == {Sort.TOGETHER: Hint(Sort.TOGETHER, ("alfie", "bea"), ("R100", "R-40"))}
    assert said(this, seen(365, bea=TARGET, alfie=DID_IT)) == {}


def test_three_who_are_always_together_are_told_of_once() -> None:
    this = seen(0, bea=TARGET, alfie=DID_IT, cai=DID_IT)
    found = hints(this, [seen(100, bea=TARGET, alfie=DID_IT, cai=DID_IT), seen(90, bea=TARGET, cai=DID_IT)], USUAL, TERM)
    assert {(h.people, h.others) for h in found if h.sort is Sort.TOGETHER} == {
        (("alfie", "bea", "cai"), ("R100",)),
        (("bea", "cai"), ("R100", "R90")),
    }


def test_what_comes_after_is_not_counted_to_an_older_case() -> None:
    """So that its page says the same whenever one looks; of who is in a case together both ways count."""
    assert said(THIS, seen(-1, bea=TARGET), seen(-2, bea=TARGET)) == {}


def test_of_several_on_one_day_those_reported_later_are_not_counted_either() -> None:
    first, second, third = (replace(seen(0, bea=TARGET), reference=f"R{hour}", at=_at(hour)) for hour in (9, 11, 15))
    assert said(first, second, third) == {}
    assert said(third, second, first)[Sort.OFTEN].others == ("R9", "R11")


def test_witnesses_are_not_counted() -> None:
    assert said(THIS, seen(1, bea=WITNESS), seen(2, bea=WITNESS)) == {}
    assert said(seen(0, bea=WITNESS), seen(1, bea=TARGET), seen(2, bea=TARGET)) == {}


def test_the_school_sets_from_when_on() -> None:
    two = replace(USUAL, often=2, often_days=2)
    assert list(said(THIS, seen(1, "grooming", bea=TARGET), patterns=two)) == [Sort.OFTEN]
    assert said(THIS, seen(2, "grooming", bea=TARGET), patterns=two) == {}


_people = st.dictionaries(
    st.sampled_from(["a", "b", "c"]), st.frozensets(st.sampled_from(list(ParticipantRole)), min_size=1), max_size=3
)
_cases = st.lists(st.tuples(st.integers(-400, 400), st.sampled_from("xy"), _people), max_size=9)


@given(_people, _cases)
def test_every_reference_is_of_a_case_in_which_all_of_them_are(
    own: dict[str, frozenset[ParticipantRole]], given_: Iterable[tuple[int, str, dict[str, frozenset[ParticipantRole]]]]
) -> None:
    """And nothing is said below the threshold, of nobody twice, and in whatever order the cases come."""
    this = Seen("THIS", DAY, "x", own)
    others = [Seen(f"R{n}", DAY - timedelta(days=ago), kind, parts) for n, (ago, kind, parts) in enumerate(given_)]
    by_reference = {other.reference: other for other in others}
    found = hints(this, others, USUAL, TERM)
    for hint in found:
        least = USUAL.together if hint.sort is Sort.TOGETHER else USUAL.often
        assert hint.count >= least
        assert len(set(hint.others)) == len(hint.others)
        assert this.counted.issuperset(hint.people)
        assert all(by_reference[r].counted.issuperset(hint.people) for r in hint.others)
    assert len(set(found)) == len(found)
    assert set(hints(this, others[::-1], USUAL, TERM)) == set(found)
