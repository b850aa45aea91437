"""Whom a school can turn to outside: offered by what was reported, and said plainly where the school has not filled it in."""

from domain.agencies import Contact, offered, unfilled
from domain.words import About, Role
from storage.policy_files import load_policy

AGENCIES = load_policy("elton").guidance.agencies
PUBLISHED = {
    "police_emergency": "999",
    "police": "101",
    "anti_terrorist_hotline": "0800 789 321",
    "posh": "0344 381 4772",
    "education_support": "08000 562 561",
    "nspcc": "0808 800 5000",
    "childline": "0800 1111",
}


def names(concern: str, about: About = About.PUPIL, **more: Role) -> set[str]:
    """What is offered, by id."""
    return {o.agency.id for o in offered(AGENCIES, {}, concern, about, more.values())}


def test_national_numbers_are_those_published() -> None:
    """And no other number stands there."""
    assert {a.id: a.phone for a in AGENCIES if a.phone} == PUBLISHED


def test_each_for_what_it_is_for() -> None:
    """CEOP for grooming and not for bullying, the IWF for abuse images, Report Remove for the young person, and so on."""
    assert "ceop" in names("grooming")
    assert "ceop" not in names("cyberbullying")
    assert {"iwf", "police"} <= names("child_abuse_images")
    assert "iwf" not in names("nude_image")
    assert {"report_remove", "childline"} <= names("nude_image")
    assert "prevent" in names("extremism")
    assert {"posh", "education_support"} <= names("staff_targeted")
    assert "ico" in names("data_loss")


def test_danger_comes_first_in_every_case() -> None:
    """999 is the first, whatever it is."""
    for concern in load_policy("elton").concerns:
        assert offered(AGENCIES, {}, concern, About.UNKNOWN)[0].agency.phone == "999"


def test_the_lado_is_for_adults_who_work_here() -> None:
    """Unless the route of a report names the LADO."""
    assert "lado" in names("staff_conduct", About.HEADTEACHER)
    assert "lado" not in names("staff_conduct")
    assert "lado" in names("reputation", About.PUPIL, route=Role.LADO)


def test_what_the_school_has_not_filled_in_is_missing() -> None:
    """It is offered all the same; what is national never is missing."""
    lado = Contact(phone="01632 960201")
    found = {o.agency.id: o.contact for o in offered(AGENCIES, {"lado": lado}, "grooming", About.STAFF)}
    assert (found["lado"], found["social_care"]) == (lado, None)
    assert found["ceop"] == Contact(url="https://www.ceop.police.uk")
    assert [a.id for a in unfilled(AGENCIES, {"lado": lado})] == ["social_care", "local_authority", "prevent"]
