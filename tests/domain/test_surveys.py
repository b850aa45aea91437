"""What is published of a survey: nobody can be picked out of it, by one look or by several."""

from datetime import timedelta
from itertools import product
from random import Random

import pytest

from domain.surveys import (
    SKIP,
    Survey,
    SurveyFigures,
    SurveyQuestion,
    SurveyType,
    figures_of_kept,
    publication,
    type_of_kept,
)
from tests.fakes.clock import A_TUESDAY_MORNING

BASE = 3
SMALL = SurveyType(
    "small",
    "Small",
    "Us",
    (
        SurveyQuestion("one", "One?", {"yes": "Yes", "no": "No"}),
        SurveyQuestion("two", "Two?", {"a": "A", "b": "B"}),
    ),
)


def opened(base: int = BASE, **more: object) -> Survey:
    return Survey("s", SMALL, "p", A_TUESDAY_MORNING, A_TUESDAY_MORNING + timedelta(days=14), base, **more)  # type: ignore[arg-type]


def counts(one: tuple[int, int, int], two: tuple[int, int, int]) -> dict[str, dict[str, int]]:
    return {"one": dict(zip(("yes", "no", SKIP), one, strict=True)), "two": dict(zip(("a", "b", SKIP), two, strict=True))}


def could_be(figures: SurveyFigures, question: str, value: str) -> set[int]:
    """Every count that agrees with the page, by trying all that there could have been."""
    rows = {q: list(found.items()) for q, found in figures.counts.items()}

    def near(shown: int) -> range:
        return range(max(0, shown - figures.off), shown + figures.off + 1)

    sums = {q: {sum(tried) for tried in product(*(near(n) for _, n in found))} for q, found in rows.items() if q != question}
    kept = [name for name, _ in rows[question]]
    found = set()
    for tried in product(*(near(n) for _, n in rows[question])):
        total = sum(tried)
        if total >= figures.base and total in near(figures.total) and all(total in known for known in sums.values()):
            found.add(dict(zip(kept, tried, strict=True))[value])
    return found


@pytest.mark.parametrize("seed", range(60))
def test_a_small_count_could_always_be_several(seed: int) -> None:
    """Of whatever may be less than the base, as many numbers as the base are left, or it is not so little."""
    chance = Random(seed)
    total = chance.randint(BASE, 12)
    made = publication(opened(), total, counts(parted(chance, total), parted(chance, total)), f"seed {seed}")
    assert made is not None
    assert made.seen == total
    for question, rows in made.figures.counts.items():
        for value, shown in rows.items():
            assert shown % BASE == 0
            left = could_be(made.figures, question, value)
            small = left & set(range(1, BASE))
            assert not small or len(left) >= BASE, (question, value, left, made.figures)


def parted(chance: Random, total: int) -> tuple[int, int, int]:
    """So many, in three parts by lot."""
    first = chance.randint(0, total)
    second = chance.randint(0, total - first)
    return first, second, total - first - second


@pytest.mark.parametrize("seed", range(60))
def test_two_looks_tell_as_little_of_those_between(seed: int) -> None:
    """What can be said of those who answered between two publications is held to the same."""
    chance = Random(f"two {seed}")
    total, more = chance.randint(BASE, 9), chance.randint(BASE, 9)
    early = [parted(chance, total) for _ in range(2)]
    late = [tuple(map(sum, zip(one, parted(chance, more), strict=True))) for one in early]
    first = publication(opened(), total, counts(*early), f"seed {seed}")
    assert first is not None
    later = opened(seen=total, lot=first.lot, published=first.figures)
    second = publication(later, total + more, counts(*late), "other")  # type: ignore[arg-type]
    if second is None:
        return
    was, is_now = first.figures, second.figures
    rows = {q: {v: n - was.counts[q][v] for v, n in found.items()} for q, found in is_now.counts.items()}
    between = SurveyFigures(BASE, is_now.total - was.total, rows)
    for question, found in rows.items():
        for value in found:
            left = could_be(between, question, value)
            assert not left & set(range(1, BASE)) or len(left) >= BASE, (question, value, left, between)


def test_nothing_is_published_of_a_few() -> None:
    """Nor of a few more than were published before."""
    few = counts((1, 1, 0), (2, 0, 0))
    assert publication(opened(), 2, few, "x") is None
    first = publication(opened(), 4, counts((3, 1, 0), (4, 0, 0)), "x")
    assert first is not None
    later = opened(seen=4, lot=first.lot, published=first.figures)
    assert publication(later, 6, counts((5, 1, 0), (6, 0, 0)), "y") is None


def test_what_has_tipped_over_does_not_come_back() -> None:
    """Of two pages the later says no less, and what did not change reads the same: it was drawn once for both."""
    for seed in range(200):
        first = publication(opened(), 5, counts((4, 1, 0), (2, 2, 1)), f"s{seed}")
        assert first is not None
        later = opened(seen=5, lot=first.lot, published=first.figures)
        second = publication(later, 9, counts((8, 1, 0), (6, 2, 1)), "other")
        if second is None:
            continue
        assert second.lot == first.lot
        for question, rows in first.figures.counts.items():
            assert all(second.figures.counts[question][value] >= shown for value, shown in rows.items())
        assert second.figures.counts["one"]["no"] == first.figures.counts["one"]["no"]


def test_on_the_average_a_number_is_right() -> None:
    """Over many lots."""
    found = [publication(opened(5), 40, counts((33, 5, 2), (17, 12, 11)), f"s{n}") for n in range(600)]
    shown = [made.figures.counts["one"]["yes"] for made in found if made is not None]
    assert abs(sum(shown) / len(shown) - 33) < 1


def test_it_is_kept_and_read_again() -> None:
    """The questions as they were asked, and the numbers."""
    assert type_of_kept("small", SMALL.kept()) == SMALL
    made = publication(opened(), 9, counts((8, 1, 0), (6, 2, 1)), "x")
    assert made is not None
    assert figures_of_kept(made.figures.kept()) == made.figures
    assert made.figures.share("one", "yes") is not None
    assert SurveyFigures(3, 3, {"one": {"yes": 0}}).share("one", "yes") is None


def test_it_is_over_when_its_time_is_or_somebody_closes_it() -> None:
    """Whichever comes first."""
    survey, later = opened(), A_TUESDAY_MORNING + timedelta(days=15)
    assert survey.is_open(A_TUESDAY_MORNING)
    assert survey.ended_at(A_TUESDAY_MORNING) is None
    assert not survey.is_open(survey.closes_at)
    assert survey.ended_at(later) == survey.closes_at
    closed = opened(closed_at=A_TUESDAY_MORNING + timedelta(days=1))
    assert not closed.is_open(A_TUESDAY_MORNING + timedelta(days=2))
    assert closed.ended_at(later) == closed.closed_at
