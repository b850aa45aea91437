"""What staff sign: each signature once, of the text that was shown, by themselves; and a changed row is found."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from bot.settings import DEMO_SCHOOLS
from domain.agreements import Agreement
from domain.people import Account, Kind
from domain.report_form import Filled
from domain.signings import AgreementPage, AttendedForm, GapPage, SignMenu
from domain.words import Role
from handlers import agreements
from handlers.acknowledge import NotForYou
from storage import tables as t
from storage.audit_verify import follow_chains
from storage.people_files import carry_out, plan_import, read_people
from tests.handlers.office import Office

SIGNS, TRAINING = "acceptable-use", "training"


@pytest.fixture
def office(office: Office) -> Office:
    """A school whose staff sign in the chat."""
    return office.at(replace(office.school, signs=True))


async def is_whole(office: Office) -> bool:
    """What `audit verify` says of it."""
    (chain,) = await follow_chains(office.database, words=True)
    return not chain.unkept


async def page_of(office: Office, who: Account, agreement: str = SIGNS) -> AgreementPage:
    """What somebody reads."""
    page = await agreements.read(office.ports, office.school, who, agreement)
    assert isinstance(page, AgreementPage)
    return page


async def signed(office: Office) -> int:
    """How many signatures there are."""
    async with office.database.begin() as connection:
        return len((await connection.execute(t.given_signatures.select())).all())


def with_agreement(office: Office, agreement: Agreement) -> Office:
    """The same school, whose policy has that."""
    policy = replace(office.school.policy, agreements={**office.school.policy.agreements, agreement.id: agreement})
    return office.at(replace(office.school, policy=policy))


async def test_pressed_twice_it_is_signed_once(office: Office) -> None:
    """The same form sent again shows what is kept; another form of it adds nothing either."""
    teacher = office.account("teacher")
    page, other = await page_of(office, teacher), await page_of(office, teacher)
    for state in (page.state, page.state, other.state):
        after = await agreements.sign(office.ports, office.school, teacher, state, {})
        assert isinstance(after, AgreementPage)
        assert after.signed is not None
        assert after.signed.text_hash == page.item.agreement.text_hash
        assert after.signed.name == "Tess Whitlock"
    assert await signed(office) == 1


async def test_a_text_that_has_changed_is_shown_before_it_is_signed(office: Office) -> None:
    """Nobody signs what they have not been shown."""
    teacher = office.account("teacher")
    before = await page_of(office, teacher)
    changed = with_agreement(office, replace(office.school.policy.agreements[SIGNS], points=("I do as I please.",)))
    after = await agreements.sign(changed.ports, changed.school, teacher, before.state, {})
    assert isinstance(after, AgreementPage)
    assert after.stale
    assert await signed(office) == 0
    again = await agreements.sign(changed.ports, changed.school, teacher, after.state, {})
    assert isinstance(again, AgreementPage)
    assert not again.stale
    assert await signed(office) == 1


async def test_a_text_that_was_changed_without_a_new_version_is_said(office: Office) -> None:
    """Whoever leads sees how many signed another text, until they have signed anew; a new version is no such thing."""
    lead, before = office.account("dsl"), office.school.policy.agreements[SIGNS]

    async def reworded(at: Office) -> int:
        page = await agreements.gaps(at.ports, at.school, lead, SIGNS)
        assert isinstance(page, GapPage)
        return page.reworded

    for who in ("teacher", "it"):
        page = await page_of(office, office.account(who))
        await agreements.sign(office.ports, office.school, office.account(who), page.state, {})
    assert await reworded(office) == 0
    changed = with_agreement(office, replace(before, points=("I do as I please.",), months=12))
    assert await reworded(changed) == 2
    newer = with_agreement(office, replace(before, points=("I do as I please.",), version="2.0"))
    assert await reworded(newer) == 0
    # What was signed under another version is none of this one, and neither is an old text of somebody who signed the new one.
    page = await page_of(newer, office.account("teacher"))
    await agreements.sign(newer.ports, newer.school, office.account("teacher"), page.state, {})
    assert await reworded(newer) == 0
    assert await reworded(changed) == 1


async def test_who_does_not_sign_it_is_not_asked_and_cannot(office: Office) -> None:
    """An agreement of some roles alone."""
    of_it = with_agreement(office, replace(office.school.policy.agreements[SIGNS], who=frozenset({Role.IT_SUPPORT})))
    teacher, it = office.account("teacher"), office.account("it")
    assert isinstance(await agreements.read(of_it.ports, of_it.school, teacher, SIGNS), NotForYou)
    state = (await page_of(of_it, it)).state
    assert isinstance(await agreements.sign(of_it.ports, of_it.school, teacher, state, {}), NotForYou)
    menu = await agreements.menu(of_it.ports, of_it.school, office.account("dsl"))
    assert isinstance(menu, SignMenu)
    assert [(a.id, missing, of) for a, missing, of in menu.lists if a.id == SIGNS] == [(SIGNS, 1, 1)]


@pytest.mark.parametrize("who", ["teacher", "it", "stranger"])
async def test_who_has_not_signed_is_for_those_whom_the_policy_names(office: Office, who: str) -> None:
    """Nobody else reads it, reminds anybody, or enters a training."""
    at = office.ports, office.school, office.account(who)
    values: Filled = {"agreement_attended": (f"person:{office.people['teacher'].id}",), "agreement_done": "2026-11-23T10:00"}
    for outcome in (
        await agreements.gaps(*at, TRAINING),
        await agreements.remind(*at, TRAINING),
        await agreements.ask_attended(*at, TRAINING),
        await agreements.enter_attended(*at, f"{TRAINING}|f", values),
    ):
        assert isinstance(outcome, NotForYou)
    assert await signed(office) == 0


async def test_nobody_signs_an_agreement_for_another(office: Office) -> None:
    """Only that somebody was at a training can be entered for them."""
    lead = office.ports, office.school, office.account("dsl")
    values: Filled = {"agreement_attended": (f"person:{office.people['teacher'].id}",), "agreement_done": "2026-11-23T10:00"}
    assert isinstance(await agreements.ask_attended(*lead, SIGNS), NotForYou)
    assert isinstance(await agreements.enter_attended(*lead, f"{SIGNS}|f", values), NotForYou)
    entered = await agreements.enter_attended(*lead, f"{TRAINING}|f", values)
    assert isinstance(entered, GapPage)
    assert entered.entered == 1
    assert await signed(office) == 1
    nobody = await agreements.enter_attended(*lead, f"{TRAINING}|g", {**values, "agreement_attended": ("text:Somebody",)})
    assert isinstance(nobody, AttendedForm)
    assert set(nobody.faults) == {"agreement_attended"}


async def test_a_later_training_counts_though_the_last_one_still_holds(office: Office) -> None:
    """Whoever was there again in the middle of their year; the same day entered by another form adds nothing."""
    lead, teacher = (office.ports, office.school, office.account("dsl")), office.people["teacher"].id
    for form, day, kept in (("f", "2026-06-01", 1), ("g", "2026-11-10", 2), ("h", "2026-11-10", 2), ("i", "2026-09-01", 2)):
        values: Filled = {"agreement_attended": (f"person:{teacher}",), "agreement_done": f"{day}T10:00:00+00:00"}
        assert isinstance(await agreements.enter_attended(*lead, f"{TRAINING}|{form}", values), GapPage)
        assert await signed(office) == kept, form
    page = await page_of(office, office.account("teacher"), TRAINING)
    assert page.item.until is not None
    assert page.item.until.date() == date(2027, 11, 10)
    assert await is_whole(office)


async def test_signed_early_nothing_of_the_old_year_is_lost(office: Office) -> None:
    """The next year counts from the end of this one."""
    yearly = with_agreement(office, replace(office.school.policy.agreements[SIGNS], months=12))
    teacher = office.account("teacher")
    first = await agreements.sign(yearly.ports, yearly.school, teacher, (await page_of(yearly, teacher)).state, {})
    assert isinstance(first, AgreementPage)
    assert first.item.until is not None
    office.clock.advance(days=345)
    page = await page_of(yearly, teacher)
    assert page.item.wanted
    second = await agreements.sign(yearly.ports, yearly.school, teacher, page.state, {})
    assert isinstance(second, AgreementPage)
    assert second.item.until is not None
    assert second.item.until - first.item.until == timedelta(days=366)


@pytest.mark.parametrize("what", ["who", "version", "sealed"])
async def test_a_signature_that_was_changed_in_the_database_is_found(office: Office, what: str) -> None:
    """`audit verify` holds each against what the audit was told when it was given."""
    teacher = office.account("teacher")
    await agreements.sign(office.ports, office.school, teacher, (await page_of(office, teacher)).state, {})
    assert await is_whole(office)
    changes: dict[str, dict[str, Any]] = {
        "who": {"by_id": "another"},
        "version": {"version": "2030"},
        "sealed": {"sealed": b"nothing"},
    }
    async with office.database.begin() as connection:
        await connection.execute(t.given_signatures.update().values(**changes[what]))
    assert not await is_whole(office)
    # The list of who has not is shown all the same.
    page = await agreements.gaps(office.ports, office.school, office.account("dsl"), SIGNS)
    assert isinstance(page, GapPage)
    assert page.reworded == 0


async def test_that_somebody_has_signed_cannot_be_put_beside_it(office: Office) -> None:
    """The row that is looked at says no more than the signatures do."""
    await agreements.look(office.ports, office.school)
    values = {"signatures": 1, "signed_version": "May 2022", "signed_at": office.clock.now()}
    async with office.database.begin() as connection:
        await connection.execute(t.signings.update().where(t.signings.c.agreement == SIGNS).values(**values))
    assert not await is_whole(office)


async def told(office: Office, *, minutes: int = 0, days: int = 0) -> int:
    """What goes on by itself, some time later: how many are told."""
    office.clock.advance(minutes=minutes, days=days)
    await agreements.look(office.ports, office.school)
    return await agreements.ring(office.ports, office.school)


async def test_who_had_lost_the_role_when_it_was_time_is_told_once_they_have_it_again(office: Office) -> None:
    """And then as often as anybody, and no more."""
    of_some = replace(office.school.policy.agreements[SIGNS], who=frozenset({Role.COMPUTING_COORDINATOR}))
    policy = replace(office.school.policy, agreements={SIGNS: of_some})
    office = office.at(replace(office.school, policy=policy))
    holds, another = office.with_holders(computing_coordinator=["teacher"]), office.with_holders(computing_coordinator=[])
    assert await told(holds) == 1
    assert await told(another, days=14) == 0
    assert [await told(holds, days=14) for _ in range(4)] == [1, 1, 0, 0]


async def test_who_was_off_the_list_when_it_was_time_is_told_once_they_are_back(office: Office) -> None:
    """As after an import of half the list, that was put right the next day."""

    async def stays(*names: str) -> None:
        people = read_people(DEMO_SCHOOLS / "staff.csv", Kind.STAFF)
        stay = {key: p for key, p in people.items() if p.name not in names}
        async with office.ports.store.transaction(office.school) as kept:
            await carry_out(kept, await plan_import(kept, Kind.STAFF, stay), office.clock.now())  # type: ignore[arg-type]

    everybody = await told(office)
    await stays(office.people["teacher"].name)
    assert await told(office, days=14) == everybody - 1
    await stays()
    assert await told(office, minutes=20) == 1
    assert await told(office, minutes=20) == 0


@pytest.mark.parametrize("when", [datetime(2026, 11, 28, 3, tzinfo=UTC), datetime(2026, 11, 24, 21, tzinfo=UTC)])
async def test_nobody_is_told_out_of_school_hours(office: Office, when: datetime) -> None:
    """What was due while the program stood still waits for the morning too, and what so many are told for an hour."""
    office.clock.at = datetime(2026, 11, 24, 10, tzinfo=UTC)
    everybody = await agreements.look(office.ports, office.school)
    office.clock.at = when
    assert await agreements.ring(office.ports, office.school) == 0
    office.clock.at = datetime(2026, 11, 30, 9, tzinfo=UTC)
    assert await agreements.ring(office.ports, office.school) == everybody


async def test_many_are_told_a_few_at_a_time(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a chat takes beside alerts, and nobody twice."""
    monkeypatch.setattr(agreements, "MOST_A_MINUTE", 3)
    everybody = await agreements.look(office.ports, office.school)
    told = [await agreements.ring(office.ports, office.school) for _ in range(5)]
    assert told[:2] == [3, 3]
    assert sum(told) == everybody
    assert await agreements.look(office.ports, office.school) == 0


async def test_the_schools_of_a_trust_share_what_a_chat_takes(office: Office) -> None:
    """Of thirty schools none tells more than two people in a minute."""
    assert await agreements.look(office.ports, office.school) > 2
    assert await agreements.ring(office.ports, office.school, schools=30) == 2
    assert await agreements.ring(office.ports, office.school, schools=300) == 1
