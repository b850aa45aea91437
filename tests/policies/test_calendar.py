"""What each school works towards in the year: when, whose it is and on which clause, so that no change of it goes unseen."""

import pytest

from domain.school_dates import DateEntry, EachTerm, Once, WeekdayFrom, Yearly
from storage.policy_files import load_policy, policy_ids

# By policy: whose the review is, and whom a lesson is suggested to; each date with its rule, whose it is, and the clauses.
SHARED = "first weekday 1 from 5.2: computing_coordinator esafety_officer:"
MONITORS = "esafety_officer computing_coordinator it_support"
USUAL = ("headteacher dsl:", "computing_coordinator esafety_officer:")
CALENDARS: dict[str, tuple[str, str, dict[str, str]]] = {
    "chipping-sodbury": (
        "headteacher dsl: head-and-senior-leaders.2 governing-body.1",
        "computing_coordinator esafety_officer: guidelines.1",
        {
            "safer-internet-day": SHARED,
            "agreements": "start of autumn: senior_leadership: guidelines.2",
            "user-review": "start of autumn: it_support: technical.2",
            "picture-consent": "start of autumn: senior_leadership: social-media.5",
            "governors-report": "end of summer: headteacher dsl: governing-body.3 head-and-senior-leaders.7",
        },
    ),
    "cookridge": (*USUAL, {"safer-internet-day": SHARED}),
    "elton": (*USUAL, {"safer-internet-day": SHARED}),
    "danecourt": (
        "headteacher esafety_officer: trustees.2 policy-statement.6 review.2",
        "computing_coordinator esafety_officer: conduct-parents-2.15",
        {
            "safer-internet-day": f"{SHARED} conduct-parents-2.15",
            "agreements": "start of autumn: esafety_officer: communication.5 all-staff.3 pupils.2",
            "training-programme": "start of autumn: esafety_officer: conduct-parents-2.16",
            "picture-consent": "start of autumn: senior_leadership: safe-use.6",
            "passwords": "start of autumn spring summer: computing_coordinator it_support: cloud.6",
            "filtering-review": "end of summer: computing_coordinator esafety_officer: technology.2",
        },
    ),
    "ken-stimpson": (
        "headteacher esafety_officer: approval.16",
        "computing_coordinator: education.2",
        {
            "safer-internet-day": f"{SHARED} education.2",
            "monitoring": f"end of autumn spring summer: {MONITORS}: approval.14 approval.13",
            "governors-report": "end of summer: esafety_officer: approval.15",
        },
    ),
}


def told(entry: DateEntry) -> str:
    return f"{_when(entry)}: {_whose(entry.roles, entry.cites)}"


def _when(entry: DateEntry) -> str:
    match entry.when:
        case Once(day):
            return day.isoformat()
        case Yearly(days):
            return "yearly " + " ".join(f"{day}.{month}" for month, day in days)
        case WeekdayFrom(weekday, month, day):
            return f"first weekday {weekday} from {day}.{month}"
        case EachTerm(edge, seasons):
            return f"{edge} of {' '.join(sorted(seasons))}"


def _whose(roles: tuple[str, ...], cites: tuple[str, ...]) -> str:
    return f"{' '.join(roles)}: {' '.join(cites)}".rstrip()


def test_every_policy_is_here() -> None:
    assert set(CALENDARS) == set(policy_ids())


@pytest.mark.parametrize("policy_id", sorted(CALENDARS))
def test_what_a_school_works_towards(policy_id: str) -> None:
    dates = load_policy(policy_id).dates
    found = {entry.id: told(entry) for entry in dates.entries}
    review, lessons = _whose(dates.review, dates.review_cites), _whose(dates.curriculum, dates.curriculum_cites)
    assert (review, lessons, found) == CALENDARS[policy_id]
