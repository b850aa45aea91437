"""Whom a name means, and what may be published of them: every doubt is a no."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.consent_terms import ConsentTerms, GivenBy, Needs, Use
from domain.consents import (
    Consent,
    ConsentVersion,
    Entry,
    Grant,
    Kept,
    Meant,
    Said,
    Verdict,
    after,
    answers_for,
    carried,
    meant_by,
    namesakes,
    overtakes,
    withdrawn,
)
from domain.people import Kind, Person

NOW = datetime(2026, 11, 24, 9, tzinfo=UTC)
DAY = timedelta(days=1)
WEBSITE, WORK = Use("website", "The website"), Use("work", "Work", needs=Needs.BOTH)
TERMS = ConsentTerms({"website": WEBSITE, "work": WORK}, frozenset())
NAME = "Bea Exemplar"


def grant(said: Said = Said.YES, by: GivenBy = GivenBy.PARENT, days: int = 1, until: datetime | None = None) -> Grant:
    """Something that was said so many days ago."""
    return Grant(said, by, NOW - days * DAY, until)


def entry(pupil_id: str | None = None, form: str = "8C", *, left: bool = False, **grants: Grant) -> Entry:
    """An entry of the register."""
    of = f"{pupil_id}{form}"
    newest = ConsentVersion("v", of, 1, "p", NOW, Kept.RECORDED, NAME, form, grants, pupil_id)
    return Entry(Consent(of, pupil_id, 1, NOW), newest, left)


def pupil(person_id: str, form: str = "8C") -> Person:
    """Somebody on the school's list."""
    return Person(person_id, Kind.PUPIL, NAME, form=form)


def verdict(*entries: Entry, use: Use = WEBSITE) -> Verdict:
    """What is told of one use."""
    (answer,) = answers_for(TERMS, Meant(None, "8C", entries), [use], NOW)
    return answer.verdict


def test_only_a_yes_that_holds_is_one() -> None:
    """By whoever has to say it, for somebody who is here, and not too long ago."""
    assert verdict(entry(website=grant())) is Verdict.YES
    assert verdict(entry(website=grant(until=NOW + DAY))) is Verdict.YES
    assert verdict(entry(website=grant(until=NOW))) is Verdict.LAPSED
    assert verdict(entry(website=grant(Said.NO))) is Verdict.NO
    assert verdict(entry(website=grant(Said.WITHDRAWN))) is Verdict.WITHDRAWN
    assert verdict(entry("p1", left=True, website=grant())) is Verdict.LEFT
    assert verdict(entry(website=grant()), use=WORK) is Verdict.NONE
    assert verdict() is Verdict.NONE


@pytest.mark.parametrize(
    ("needs", "enough"),
    [
        (Needs.PARENT, {GivenBy.PARENT, GivenBy.BOTH, GivenBy.YOUNG}),
        (Needs.PUPIL, {GivenBy.PUPIL, GivenBy.BOTH}),
        (Needs.BOTH, {GivenBy.BOTH, GivenBy.YOUNG}),
        (Needs.EITHER, set(GivenBy)),
    ],
)
def test_a_yes_of_half_of_them_is_none(needs: Needs, enough: set[GivenBy]) -> None:
    """What the policy wants both to agree to is not for one of them to say."""
    use = Use("work", "Work", needs=needs)
    found = {by for by in GivenBy if verdict(entry(work=grant(by=by)), use=use) is Verdict.YES}
    assert found == enough


def test_of_two_entries_of_one_pupil_the_stricter_counts() -> None:
    """Recorded twice, once by name alone: a no in either is a no."""
    yes, no = entry("p1", website=grant()), entry(None, website=grant(Said.NO))
    assert verdict(yes, no) is verdict(no, yes) is Verdict.NO
    assert verdict(yes, entry(None)) is Verdict.NONE
    sooner = entry(None, website=grant(until=NOW + DAY))
    (answer,) = answers_for(TERMS, Meant(None, "", (yes, sooner)), [WEBSITE], NOW)
    assert answer.grant is not None
    assert answer.grant.until == NOW + DAY


def test_namesakes_are_several_until_a_class_or_the_list_tells_them_apart() -> None:
    """The school's list counts, too: a yes for one of two is none for whoever says no class."""
    theirs = entry("p1", "8C", website=grant())
    people = namesakes([pupil("p1", "8C"), pupil("p2", "7B")], [theirs])
    assert len(meant_by(people, None, "")) == 2
    assert [m.pupil_id for m in meant_by(people, None, "8 c")] == ["p1"]
    assert meant_by(people, None, "7B")[0].entries == ()
    assert meant_by(people, "p2", "")[0].entries == ()
    assert meant_by(people, None, "9F") == ()


def test_an_entry_by_name_alone_joins_the_pupil_it_can_only_mean() -> None:
    """Of the same class, or without one where there is only one pupil; else it is somebody else."""
    typed = entry(None, "8C", website=grant(Said.NO))
    (one,) = namesakes([pupil("p1")], [typed])
    assert (one.pupil_id, one.entries) == ("p1", (typed,))
    without = entry(None, "", website=grant())
    assert len(namesakes([pupil("p1")], [without])) == 1
    assert len(namesakes([pupil("p1"), pupil("p2", "7B")], [without])) == 3
    assert len(namesakes([pupil("p1", "7B")], [typed])) == 2


def test_a_yes_by_name_alone_is_nobodys_while_the_list_has_that_name() -> None:
    """Whoever was meant may have left, and another of that name have come. A no counts, and so does a yes with the class."""
    without = entry(None, "", website=grant(), work=grant(Said.NO))
    (one,) = namesakes([pupil("p1")], [without])
    assert [a.verdict for a in answers_for(TERMS, one, [WEBSITE, WORK], NOW)] == [Verdict.NAME_ALONE, Verdict.NO]
    assert set(carried(without, pupil("p1"))) == {"work"}
    # Nobody of that name is on the list: then it is what it says.
    (alone,) = namesakes([], [without])
    assert [a.verdict for a in answers_for(TERMS, alone, [WEBSITE], NOW)] == [Verdict.YES]
    assert set(carried(without, Person("", Kind.PUPIL, NAME))) == {"website", "work"}
    with_class = entry(None, "8C", website=grant())
    (one,) = namesakes([pupil("p1")], [with_class])
    assert [a.verdict for a in answers_for(TERMS, one, [WEBSITE], NOW)] == [Verdict.YES]
    assert set(carried(with_class, pupil("p1"))) == {"website"}


def test_of_two_of_one_class_whoever_is_here_still_is_meant() -> None:
    """A name that comes again is not shut out for ever by somebody who has left."""
    gone, here = entry("p0", "8C", left=True, website=grant()), entry("p1", "8C", website=grant(Said.NO))
    people = namesakes([pupil("p1")], [gone, here])
    assert [m.pupil_id for m in meant_by(people, None, "8C")] == ["p1"]
    assert len(meant_by(people, None, "")) == 2
    assert [m.pupil_id for m in meant_by(namesakes([], [gone]), None, "8C")] == ["p0"]


def test_what_was_recorded_under_another_name_is_no_yes() -> None:
    """A number that was given to another child must not give them the first one's consent."""
    theirs = entry("p1", website=grant(), work=grant(Said.NO))
    (one,) = namesakes([Person("p1", Kind.PUPIL, "Bea Otherwise", form="8C")], [theirs])
    found = answers_for(TERMS, one, [WEBSITE, WORK], NOW)
    assert [a.verdict for a in found] == [Verdict.RENAMED, Verdict.NO]
    assert set(carried(theirs, Person("p1", Kind.PUPIL, "Bea Otherwise"))) == {"work"}
    assert set(carried(theirs, Person("p1", Kind.PUPIL, NAME.upper()))) == {"website", "work"}


def test_a_policy_that_gives_less_time_than_before_counts() -> None:
    """A yes of last year, given when it held as long as the pupil was at the school."""
    old = entry(website=grant(days=400))
    assert verdict(old) is Verdict.YES
    (answer,) = answers_for(replace(TERMS, months=12), Meant(None, "", (old,)), [WEBSITE], NOW)
    assert answer.verdict is Verdict.LAPSED


def test_an_older_yes_never_overtakes_a_no() -> None:
    """A slip from last year, found again after the parents withdrew."""
    no, old, new = grant(Said.WITHDRAWN, days=5), grant(days=9), grant(days=1)
    assert not overtakes(old, no)
    assert overtakes(new, no)
    assert overtakes(grant(Said.NO, days=9), new)
    assert after({"website": no, "work": new}, {"website": old}) == {"website": no, "work": new}


def test_withdrawn_is_every_yes_and_nothing_else() -> None:
    """A no stays the no it was."""
    no = grant(Said.NO)
    found = withdrawn({"website": grant(), "work": no}, NOW)
    assert found["website"].said is Said.WITHDRAWN
    assert found["website"].since == NOW
    assert found["work"] == no


@given(st.datetimes(min_value=datetime(2020, 1, 1), max_value=datetime(2040, 1, 1)), st.integers(1, 120))  # noqa: DTZ001
def test_months_end_on_the_day_or_the_last_before_it(since: datetime, months: int) -> None:
    """29 February for a year, 31 August for six months."""
    until = ConsentTerms({}, frozenset(), months=months).until(since.replace(tzinfo=UTC))
    assert until is not None
    assert (until.year * 12 + until.month) - (since.year * 12 + since.month) == months
    assert until.day <= since.day
    assert until.day == since.day or (until + DAY).month != until.month


def test_without_months_nothing_but_leaving_ends_it() -> None:
    """As long as the pupil is at the school."""
    assert TERMS.until(NOW) is None
