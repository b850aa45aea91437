"""What staff of each school may ask for and declare: on which clause, and who answers, so that no change of it goes unseen."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from domain.answers import Answer, Verdict
from domain.policy import Policy
from domain.request_types import RequestType
from storage.policy_files import POLICY_FOLDER, load_policy, policy_ids
from storage.request_files import REQUESTS_FILE
from tests.policies.loaded import sheet

PAGE = (Path(__file__).parents[2] / "docs" / "requests.md").read_text(encoding="utf-8")

# By type: who answers in which order, and after "then" who may as well when nobody has; or, where nobody decides, who is told
# and who carries it out. Beside it the clauses.
TYPES: dict[str, dict[str, tuple[str, str]]] = {
    "chipping-sodbury": {
        "unblock-lesson": ("decide head_of_faculty, then senior_leadership", "technical.4"),
        "unblock-for-good": ("decide it_strategy_group, then headteacher", "technical.4"),
        "block-site": ("does it_support", "all-staff.19 guidelines.8"),
        "guest-access": ("decide it_strategy_group, then headteacher", "technical.6 mobile.1 visitors.1"),
        "own-device-network": ("decide it_support, then senior_leadership", "mobile.1"),
        "school-account": ("decide head_of_faculty, then senior_leadership", "social-media.3 social-media.2"),
        "account-abuse": ("does senior_leadership dsl deputy_dsl", "social-media.7"),
        "publish-work": ("decide headteacher", "all-staff.21"),
        "password-known": ("told headteacher; does it_support", "all-staff.6 technical.2"),
        "access-review": ("told headteacher it_strategy_group", "technical.2"),
        "lift-filter": ("decide head_of_faculty, then senior_leadership", "technical.4"),
    },
    "cookridge": {
        "own-phone": (
            "decide senior_leadership, then headteacher",
            "personal-technology.1 personal-technology.2 personal-technology.3",
        ),
        "own-equipment": (
            "decide senior_leadership, then headteacher",
            "personal-technology.1 personal-technology.2 personal-technology.3",
        ),
        "visitor-phone": ("decide senior_leadership, then headteacher", "personal-technology.2 overview.7"),
        "own-device-network": ("decide senior_leadership, then headteacher", "personal-technology.1 personal-technology.2"),
        "photograph-pupils": ("decide senior_leadership, then headteacher", "images.1 images.3 images.6 images.7 images.10"),
        "publish-pictures": ("decide senior_leadership, then headteacher", "images.1 images.2 images.11"),
        "new-service": ("decide headteacher", "confidentiality.3 confidentiality.4"),
        "share-data": ("decide headteacher", "confidentiality.2 confidentiality.3 confidentiality.4"),
        "contact-pupils-school": (
            "decide senior_leadership, then headteacher",
            "social-contact.3 social-contact.5 professionally-inappropriate.10",
        ),
        "contact-pupils-social-media": ("decide headteacher", "social-media.1 professionally-inappropriate.10"),
        "event-photography": ("told senior_leadership headteacher", "images.6 images.7 images.8"),
        "chance-contact": ("told headteacher", "social-contact.2"),
        "confidential-device": ("decide headteacher", "confidentiality.3 confidentiality.4"),
    },
    "ken-stimpson": {
        "unblock-lesson": ("decide it_support, then senior_leadership", "filtering.1"),
        "unblock-for-good": ("decide it_support, then senior_leadership", "filtering.1"),
        "block-site": ("does it_support", "filtering.1"),
        "selected-phone": ("decide headteacher", "communications.4 communications.6"),
        "nominated-shopping": ("decide headteacher", "unsuitable-activities.20"),
    },
    "danecourt": {
        "unblock-lesson": ("advise esafety_officer > decide headteacher", "technical-support.6 technology.6 safe-use.10"),
        "unblock-for-good": ("advise esafety_officer > decide headteacher", "technical-support.6 technology.6 technology.2"),
        "block-site": ("told headteacher; does it_support computing_coordinator esafety_officer", "technology.2 technology.6"),
        "school-account": (
            "advise esafety_officer > decide headteacher",
            "social-networking.1 social-networking.2 social-networking.7",
        ),
        "new-service": ("advise esafety_officer > decide headteacher", "social-networking.1 pupil-curriculum.5 cloud.3"),
        "take-down": ("told headteacher; does it_support", "conduct-parents-2.3 website.1"),
        "cctv-release": ("decide headteacher", "cctv.1 data-strategic.2 data-strategic.3"),
        "data-lost": ("does it_support + headteacher", "cloud.4 data-strategic.4"),
        "password-known": ("told headteacher; does computing_coordinator it_support", "cloud.7 cloud.6"),
        "leaver-equipment": ("told it_support; does line_manager + it_support", "all-staff.8 all-staff.9 device-storage.7"),
        "inventory": ("does it_support", "data-technical.4 data-technical.5"),
        "disposal": ("decide headteacher", "data-technical.6 data-technical.7 data-technical.4 data-strategic.2"),
        "own-phone": ("decide senior_leadership, then headteacher", "staff-devices.4 mobile-devices.17"),
        "device-in-activity": ("decide headteacher senior_leadership", "mobile-devices.6 mobile-devices.14"),
        "school-phone": ("decide headteacher", "staff-devices.3 students-devices.3"),
        "publish-work": ("advise esafety_officer > decide headteacher", "pupil-curriculum.5 cloud.3"),
        "own-phone-emergency": ("told headteacher dsl", "staff-devices.6"),
        "online-friend": ("decide headteacher", "social-networking-staff.5"),
        "training-need": ("decide headteacher", "conduct-parents-2.16"),
    },
    "elton": {
        "block-site": ("decide computing_coordinator, then headteacher", "web-filtering.1"),
        "guest-access": ("decide headteacher", "signed-agreement.12 staff-access.1"),
        "own-device-network": ("decide headteacher", "signed-agreement.12 signed-agreement.13"),
        "own-phone": ("decide headteacher", "signed-agreement.13"),
        "own-equipment": ("decide headteacher", "signed-agreement.13"),
        "visitor-phone": ("decide headteacher", "signed-agreement.13 staff-access.1"),
        "school-account": ("decide headteacher", "school-service.1 school-service.2"),
        "new-service": ("decide headteacher", "school-service.1 scope.4 scope.7 pupil-guidance.5"),
        "family-link": ("told headteacher", "staff-guidance.3"),
        "publish-pictures": ("decide headteacher", "signed-agreement.15"),
        "share-data": (
            "decide line_manager, then headteacher > decide headteacher, then governors",
            "signed-agreement.8 signed-agreement.10",
        ),
        "confidential-mail": ("decide line_manager, then headteacher", "signed-agreement.8"),
        "data-off-site": ("decide headteacher, then governors", "signed-agreement.10 signed-agreement.12"),
        "own-phone-families": ("decide headteacher", "signed-agreement.21 signed-agreement.5"),
        "governor-friends": ("decide headteacher", "signed-agreement.21 scope.1"),
        "own-device-pictures": ("decide headteacher", "signed-agreement.13 signed-agreement.15"),
        "mention-school": ("decide headteacher", "terms-of-use.9 signed-agreement.15"),
        "private-networks": ("decide headteacher", "work-time.1 pupil-guidance.5"),
        "other-use": ("decide headteacher, then governors", "signed-agreement.2 signed-agreement.3"),
        "install": ("decide headteacher", "signed-agreement.11"),
        "under-age-accounts": ("does headteacher", "pupil-guidance.1 age-limits.1 cyber-bullying.6"),
    },
}

# Questions to which the rule is "ask first", or to which one clause says no and another "ask first", and no request answers
# them. docs/requests.md says why.
WITHOUT: dict[str, str] = {
    "chipping-sodbury": """
        access-code-share aup-visitors aup-volunteers chat-pupil email-private-at-school-pupil email-private-use-pupil
        filter-change-self own-account-for-class own-blog own-stick-pupil password-admin penalty-chat penalty-download
        photo-full-name photo-own-phone photo-press photo-share-outside photo-social-media post-school-event private-account
        pupil-file-transfer pupil-install pupil-other-sites pupil-posts-photo pupil-social-media-in-school
        pupils-follow-school-account report-social-in-day visitor-own-laptop
    """,
    "cookridge": """
        contact-who-permits data-ai data-cloud data-own-device data-save-where data-secure-system dm-pupil
        email-private-at-school email-pupil-personal emergency-own-phone gaming-pupil give-details-pupil group-chat-pupils
        have-personal-account out-of-hours-contact own-account-for-class own-device-why own-other-kit phone-changing-rooms
        phone-pupil photo-no-consent photo-one-to-one photo-other-school photo-own-phone photo-own-social
        photo-parents-consent photo-public-place photo-pupil-agrees photo-purpose photo-send-phone photo-store-own
        photo-unrecognisable post-school-event private-browsing pupil-messages-me tutor-pupil-online visitor-own-laptop
        who-permits-device
    """,
    "ken-stimpson": """
        email-private-at-school-pupil email-private-use-pupil livestream-event penalty-chat penalty-install
        phones-allowed-by-assistant pupil-file-transfer pupil-games-console pupil-games-lessons pupil-headphones
        pupil-install pupil-other-sites pupil-phone-breaks pupil-phone-lessons pupil-smartwatch pupil-tablet
        pupil-takes-photo report-social-in-day
    """,
    "danecourt": """
        accounts-under-13 blogs-in-school contact-who-permits credit-sources dm-pupil filter-change-self forum-staff
        friend-former-pupil friend-is-pupil friend-pupil group-chat-pupils livestream-event own-account-for-class own-blog
        own-phone-photo-no-pupils own-phone-trip parents-filming phones-allowed-by-assistant photo-colleague
        photo-first-name photo-own-phone photo-own-social photo-pupil-agrees photo-social-media photo-unrecognisable
        private-account professional-forum pupil-friend-request pupil-phone-lessons pupil-social-media-in-school
        pupil-tablet pupil-takes-photo report-social-in-day smartwatch-staff social-media-school-computer staff-own-camera
        staff-phone-breaks staff-social-media-at-work visitor-photos
    """,
    "elton": """
        accounts-under-13 contact-pupil-school-channel contact-who-permits data-company data-encrypt-off-site
        data-secure-system data-share-public dm-pupil email-for-work-private email-parent email-parent-personal
        email-pupil-personal friend-is-pupil friend-parent friend-parent-as-parent friend-pupil give-details-parent
        group-chat-parents group-chat-pupils have-personal-account like-share linkedin-parent own-blog own-other-kit
        own-phone-trip parent-contacts-me phone-changing-rooms photo-colleague photo-display photo-no-consent
        photo-own-social photo-parents-consent photo-school-equipment photo-send-phone photo-store-own photo-unrecognisable
        photo-where-stored post-about-colleague post-in-doubt professional-forum pupil-friend-request pupil-name-post
        pupil-publish record-video-call school-account-follow-pupils social-media-school-computer speak-for-school
        visitor-own-laptop who-permits-device
    """,
}


def who_answers(kind: RequestType) -> str:
    """Who answers, or is told, in a line."""
    if kind.steps:
        return " > ".join(
            f"{step.act} {' '.join(step.roles)}" + (f", then {' '.join(step.then)}" if step.then else "") for step in kind.steps
        )
    told = f"told {' '.join(kind.tells)}" if kind.tells else ""
    does = "does " + " + ".join(" ".join(task.roles) for task in kind.tasks) if kind.tasks else ""
    return "; ".join(part for part in (told, does) if part)


def by_leave(answer: Answer) -> bool:
    """Whether it says "ask first", in its own words or in those of another clause."""
    return any(
        Verdict.ASK_FIRST in {case.verdict, *case.asked.values(), *((case.but.verdict,) if case.but is not None else ())}
        or case.once_agreed
        or "permission" in case.when
        for case in answer.cases
    )


def linked(policy: Policy) -> set[str]:
    """The questions to which a yes of some request is an answer."""
    return {question for kind in policy.requests.values() for question in kind.questions}


def test_every_policy_has_requests() -> None:
    assert sorted(TYPES) == policy_ids()
    assert all((POLICY_FOLDER / school / REQUESTS_FILE).is_file() for school in TYPES)


@pytest.mark.parametrize("school", TYPES)
def test_what_may_be_asked_for_on_which_clause_and_who_answers(school: str) -> None:
    found = load_policy(school).requests
    assert {kind.id: (who_answers(kind), " ".join(kind.cites)) for kind in found.values()} == TYPES[school]


@pytest.mark.parametrize("school", TYPES)
def test_what_must_be_asked_first_has_a_request_or_a_reason(school: str) -> None:
    """Whoever writes an answer with "ask first" gives it a request, or says on the page why there is none."""
    policy = load_policy(school)
    found = {answer.to for answer in sheet(school) if by_leave(answer)} - linked(policy)
    assert found == set(WITHOUT[school].split())
    listed = PAGE.partition("## Asked first, and no request")[2].partition(f"### {policy.school}")[2]
    listed = listed.partition("\n## ")[0].partition("\n### ")[0]
    assert set(re.findall(r"`([a-z0-9-]+)`", listed)) == found


@pytest.mark.parametrize("school", TYPES)
def test_nobody_is_told_of_leave_to_be_linked_with_pupils(school: str) -> None:
    """A pupil who is family is another matter where the policy says so: that stands for that pupil alone."""
    never = {"friend-pupil", "friend-is-pupil", "dm-pupil", "group-chat-pupils", "give-details-pupil", "meet-pupil-socially"}
    assert not linked(load_policy(school)) & never


@pytest.mark.parametrize("school", TYPES)
def test_what_begins_with_a_yes_and_is_taken_back_has_an_end(school: str) -> None:
    """Nothing that was opened for a time stays open because nobody thought of it: it ends by itself, or somebody ends it."""
    for kind in load_policy(school).requests.values():
        if kind.since:
            assert kind.term.field, kind.id
            assert kind.item(kind.term.field) is not None


@pytest.mark.parametrize("school", TYPES)
def test_the_page_has_every_type_with_its_clauses(school: str) -> None:
    """docs/requests.md is read by leads, who do not read YAML."""
    policy = load_policy(school)
    part = (
        PAGE.partition("## What there is")[2].partition(f"### {policy.school}")[2].partition("\n##")[0].partition("\n### ")[0]
    )
    rows = re.findall(r"^\| (.+?) \| `([a-z0-9-]+)` \| .+? \| (.+?) \|$", part, re.MULTILINE)
    assert [(title, type_id, cites) for title, type_id, cites in rows] == [
        (kind.title, kind.id, ", ".join(kind.cites)) for kind in policy.requests.values()
    ]


WHERE = PAGE.partition("## Where each is shown")[2]
SHOWN = re.findall(r"^\| (.+?) \| (.+?) \| `(tests/\S+?\.py)::(\w+)` \|$", WHERE, re.MULTILINE)
_SCHOOLS = ("Chipping Sodbury", "Cookridge", "Ken Stimpson", "Danecourt", "Elton")


def test_the_page_says_which_test_shows_each_and_there_is_that_test() -> None:
    """Whoever renames one names it there too."""
    # But for its two lines of heads.
    assert len(SHOWN) == WHERE.count("\n|") - 2
    for what, _, path, name in SHOWN:
        tree = ast.parse((Path(__file__).parents[2] / path).read_text(encoding="utf-8"))
        tests = {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
        assert name in tests, what


def test_the_page_says_on_which_clauses_each_stands_at_each_school() -> None:
    """As the policies have it, and of every school that has it."""
    said = {found for _, where, _, _ in SHOWN for found in re.findall(r"([A-Z][\w ]+?) `([a-z0-9-]+)` \((.+?)\)", where)}
    listed = {type_id for _, type_id, _ in said}
    policies = [load_policy(school) for school in TYPES]
    assert said == {
        (next(s for s in _SCHOOLS if p.school.startswith(s)), name, ", ".join(cites))
        for p in policies
        for name, cites in _named(p)
        if name in listed and cites
    }


def _named(policy: Policy) -> Iterator[tuple[str, tuple[str, ...]]]:
    """All that a policy's folder has its staff ask for, sign, keep, work towards and find out, with its clauses."""
    yield from ((kind.id, kind.cites) for kind in policy.requests.values())
    yield from ((agreement.id, agreement.cites) for agreement in policy.agreements.values())
    yield from ((entry.id, entry.cites) for entry in policy.dates.entries)
    yield from ((survey.id, survey.cites) for survey in policy.surveys.values())
    if policy.consent is not None:
        yield "consent", policy.consent.all_cites
