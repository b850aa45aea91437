"""A case that was merged into another: nothing of it is swallowed, nothing that is done in it stays unsaid, and it is kept."""

import asyncio
from datetime import timedelta

import pytest

from domain.case_changes import ChangeKind
from domain.change_forms import Done, Wish, WishQuestions
from domain.incident import AlertState, CaseFile, Incident
from domain.messages import ActionMessage, AlertMessage, BlockMessage, ErasureMessage, OpenedMessage, ReviewMessage
from domain.people import AddressKind
from domain.retention import Choice, KeepingFile, class_of, years_of
from domain.words import IncidentState, Role, Urgency
from handlers import close, details, keeping, opening
from handlers.acknowledge import NotForYou
from handlers.keeping import KeepingDecided
from tests.handlers.office import Office
from tests.handlers.test_case_changes import CONCERN, DUE, OTHER, URGENCY, changes, closes, read, taken
from tests.handlers.test_casework import to_do
from tests.handlers.test_listed import imports, newcomer, shut_out, with_person
from tests.handlers.test_measures import blocks

GONE = "Nobody who leads can be reached"


async def merges(office: Office, who: str, one: Incident, other: Incident) -> None:
    """Somebody merges a case into another."""
    assert isinstance(await changes(office, who, one, Wish.MERGE, **{OTHER: other.reference}), Done)


async def merged(office: Office) -> tuple[Incident, Incident]:
    """A case, and a duplicate that was merged into it."""
    first, second = await taken(office, "dsl"), await office.reports(concern="cyberbullying", house="Brunel")
    await office.works()
    await merges(office, "dsl", second, first)
    await office.works()
    return first, second


async def kept(office: Office, incident: Incident, who: str = "dsl") -> KeepingFile:
    """How a case is kept."""
    file = await keeping.look(office.ports, office.school, office.account(who), incident.id)
    assert isinstance(file, KeepingFile)
    return file


# What is done in it afterwards


async def test_a_block_that_is_written_down_in_a_duplicate_reaches_it_support(office: Office) -> None:
    """It is carried out, or nobody would know that it was not."""
    _, second = await merged(office)
    await blocks(office, second)
    await office.works()
    assert office.post.to(office.people["it"].id, BlockMessage)


async def test_whoever_is_to_do_something_in_a_duplicate_is_reminded(office: Office) -> None:
    """As in any case that is closed."""
    _, second = await merged(office)
    await to_do(office, second)
    await office.later(days=5)
    assert office.post.to(office.people["teacher"].id, ActionMessage)


async def test_nobody_opens_a_duplicate_in_an_emergency_unseen(office: Office) -> None:
    """Those who lead are told of it as of any case."""
    _, second = await merged(office)
    shown = await opening.open_case(office.ports, office.school, office.account("headteacher"), second.id, GONE)
    assert isinstance(shown, CaseFile)
    await office.works()
    assert office.post.to(office.people["dsl"].id, OpenedMessage)


async def test_that_a_case_was_opened_is_told_though_it_is_merged_before_anybody_was(office: Office) -> None:
    """A merge takes back what asks for an answer, and nothing else."""
    first, second = await taken(office, "dsl"), await office.reports(concern="cyberbullying", house="Brunel")
    await office.works()
    await opening.open_case(office.ports, office.school, office.account("headteacher"), second.id, GONE)
    await merges(office, "deputy", second, first)
    await office.works()
    assert office.post.to(office.people["dsl"].id, OpenedMessage)


async def test_who_is_to_agree_that_a_duplicate_is_erased_hears_of_it(office: Office) -> None:
    """Or it would wait for ever."""
    first, second = await merged(office)
    await closes(office, "dsl", first)
    at = office.ports, office.school, office.account("dsl")
    assert isinstance(await keeping.decide(*at, second.id, "propose", "in_error", ""), KeepingDecided)
    await office.works()
    assert office.post.to(office.people["deputy"].id, ErasureMessage)


# What the case that goes on takes over


async def test_the_case_that_goes_on_is_as_urgent_as_its_duplicate(office: Office) -> None:
    """Whoever has not answered the urgent one has no longer to answer the other, and it climbs as fast."""
    low = await office.reports(concern="off_task", house="Brunel")
    await changes(office, "deputy", low, Wish.RECLASSIFY, **{CONCERN: "other", URGENCY: "low"})
    high = await office.reports(concern="grooming")
    await office.works()
    was_due = (await office.alert(high)).due_at
    await merges(office, "deputy", high, low)
    now = await office.incident(low)
    assert now.urgency is Urgency.CRITICAL
    for alert in await office.alerts(low):
        assert alert.due_at <= was_due
    case = await read(office, "deputy", low)
    assert not case.changed
    assert case.course is not None
    # Why they were merged is the duplicate's, and is erased with it.
    (raised,) = [x.change for x in case.course.changes if x.change.now is not None and x.change.now.urgency is Urgency.CRITICAL]
    assert (raised.kind, raised.text) == (ChangeKind.RECLASSIFIED, "")
    await office.later(minutes=20)
    assert "deputy" in await office.asked(low)


async def test_an_urgent_duty_that_nobody_has_in_the_other_case_stays_urgent_there(office: Office) -> None:
    """It is asked for anew, with the deadline that it had."""
    low, high = await office.reports(concern="off_task", house="Brunel"), await office.reports(concern="grooming")
    await office.works()
    due = (await office.alert(high)).due_at
    await merges(office, "deputy", high, low)
    (asked,) = [a for a in await office.alerts(low) if Role.DSL in a.roles]
    assert (asked.state, asked.due_at) == (AlertState.OPEN, due)
    await office.works()
    assert any(m.incident_id == low.id for m in office.post.to(office.people["dsl"].id) if isinstance(m, AlertMessage))


async def test_whoever_has_done_their_part_of_the_other_case_is_asked_for_what_is_new(office: Office) -> None:
    """A report that nobody has answered is not done because something else is."""
    first = await office.reports(concern="filter_bypass", house="Brunel", perpetrators=("Alfie Demosson",))
    await office.works()
    theirs = next(a for a in await office.alerts(first) if Role.DSL in a.roles)
    await office.acknowledge("dsl", theirs)
    at = office.ports, office.school, office.account("dsl")
    assert isinstance(await close.close(*at, theirs.id, "Nothing for me in it", "no_action"), close.Closed)
    second = await office.reports(concern="cyberbullying", house="Brunel", perpetrators=("Alfie Demosson",))
    await office.works()
    await merges(office, "deputy", second, first)
    assert {a.state for a in await office.alerts(first) if Role.DSL in a.roles} == {AlertState.DONE, AlertState.OPEN}


async def test_a_day_to_look_at_it_again_is_not_lost_by_a_merge(office: Office) -> None:
    """It goes over to a case that has none, and comes back with the duplicate."""
    first, second = await taken(office, "dsl"), await office.reports(concern="cyberbullying", house="Brunel")
    due = office.clock.now() + timedelta(days=14)
    await changes(office, "dsl", second, Wish.REVIEW, **{DUE: due.isoformat()})
    await merges(office, "dsl", second, first)
    assert isinstance(await changes(office, "dsl", second, Wish.UNMERGE), Done)
    await office.later(days=15)
    told = {m.reference for m in office.post.to(office.people["dsl"].id) if isinstance(m, ReviewMessage)}
    assert told == {first.reference, second.reference}


# How it is kept


async def test_a_duplicate_is_not_erased_early_while_the_other_case_is_open(office: Office) -> None:
    """An open case has no end, and half of what it stands on is in the other."""
    first, second = await merged(office)
    assert set((await kept(office, second)).choices) == {Choice.HOLD}
    await closes(office, "dsl", first)
    assert Choice.PROPOSE in (await kept(office, second)).choices
    at = office.ports, office.school
    await keeping.decide(*at, office.account("dsl"), second.id, "propose", "in_error", "")
    await changes(office, "dsl", first, Wish.REOPEN)
    assert Choice.AGREE not in (await kept(office, second, "deputy")).choices


async def test_what_holds_a_case_holds_all_that_was_merged_into_it(office: Office) -> None:
    """A duplicate of a duplicate too."""
    one, two, three = [await office.reports(concern="grooming") for _ in range(3)]
    await merges(office, "dsl", one, two)
    await merges(office, "dsl", two, three)
    await closes(office, "dsl", three)
    at = office.ports, office.school, office.account("dsl")
    await keeping.decide(*at, three.id, "hold", "", "An inquiry")
    for incident in (one, two):
        assert set((await kept(office, incident)).choices) == {Choice.HOLD}
    office.clock.advance(days=366 * 76)
    assert await keeping.propose_ended(office.ports, office.school) == 0
    lifted = await keeping.decide(*at, three.id, "lift", "", "")
    assert isinstance(lifted, KeepingDecided), lifted
    assert await keeping.propose_ended(office.ports, office.school) == 3


async def test_of_two_merged_cases_the_longer_time_counts(office: Office) -> None:
    """What came of the graver one stands in the other."""
    grave, slight = await office.reports(concern="grooming"), await office.reports(concern="off_task", house="Brunel")
    await merges(office, "deputy", grave, slight)
    for alert in await office.alerts(slight):
        for who in ("dsl", "brunel head"):
            await office.acknowledge(who, alert)
            await close.close(office.ports, office.school, office.account(who), alert.id, "Seen", "dealt_with")
    assert not (await office.incident(slight)).is_open
    short, long = (years_of(office.school, class_of(i.facts)) for i in (slight, grave))
    assert short < long
    office.clock.advance(days=366 * (short + 1))
    assert await keeping.propose_ended(office.ports, office.school) == 0
    office.clock.advance(days=366 * (long - short))
    assert await keeping.propose_ended(office.ports, office.school) == 2


# Whom it names


async def test_a_duplicate_that_may_be_about_staff_becomes_private_like_the_case_that_goes_on(office: Office) -> None:
    """Whoever has that one reads and undoes it, and no other lead; taken apart again, it is shown in no channel."""
    named, first = await office.reports(perpetrators=("text:Zebedee Quillfeather",)), await taken(office, "dsl")
    await merges(office, "dsl", named, first)
    await imports(office, with_person(newcomer()))
    for incident in (named, first):
        assert (await office.incident(incident)).private
        assert not (await read(office, "dsl", incident)).changed
        at = office.ports, office.school
        for who in ("deputy", "brunel head", "it"):
            assert isinstance(await details.read(*at, office.account(who), incident.id), NotForYou)
        assert isinstance(await opening.open_case(*at, office.account("headteacher"), incident.id, GONE), NotForYou)
    assert (await office.incident(named)).state is IncidentState.MERGED
    sent = len(office.post.sent)
    assert isinstance(await changes(office, "dsl", named, Wish.UNMERGE), Done)
    await office.works()
    assert all(address.kind is not AddressKind.CHANNEL for address, _ in office.post.sent[sent:])
    assert isinstance(await read(office, "dsl", named), CaseFile)


async def test_a_matter_that_is_over_stays_as_it_was_for_those_who_dealt_with_it(office: Office) -> None:
    """All of it is closed: whoever it names is kept out, as of any closed case, and nobody else."""
    named, first = await office.reports(perpetrators=("text:Zebedee Quillfeather",)), await office.reports()
    await merges(office, "dsl", named, first)
    await office.acknowledge("dsl", await office.alert(first))
    await closes(office, "dsl", first)
    await imports(office, with_person(newcomer()))
    assert not any([(await office.incident(i)).private for i in (named, first)])
    for incident in (named, first):
        assert newcomer().id in await shut_out(office, incident)


# Two at once


@pytest.mark.parametrize("again", range(4))
async def test_two_cases_are_not_merged_into_one_another(office: Office, again: int) -> None:
    """Whoever comes second is told that there is no such case to merge it into; one goes on, and somebody is asked in it."""
    one, other = await office.reports(concern="grooming"), await office.reports(concern="grooming")
    pressed = [("dsl", one, other), ("deputy", other, one)]
    outcomes = await asyncio.gather(
        *(changes(office, who, a, Wish.MERGE, **{OTHER: b.reference}) for who, a, b in pressed[:: 1 if again % 2 else -1])
    )
    assert sorted(type(x).__name__ for x in outcomes) in (["Done", "WishQuestions"], ["ChangeQuestions", "Done"])
    assert any(isinstance(x, Done) for x in outcomes)
    states = [(await office.incident(x)).state for x in (one, other)]
    assert states.count(IncidentState.MERGED) == 1
    goes_on = one if states[1] is IncidentState.MERGED else other
    assert any(a.state is AlertState.OPEN for a in await office.alerts(goes_on))
    assert not isinstance(outcomes[0], WishQuestions) or outcomes[0].faults


async def test_a_case_that_is_closed_meanwhile_takes_no_duplicate(office: Office) -> None:
    """One of the two is first; in neither order is the duplicate left to nobody."""
    first, second = await taken(office, "dsl"), await office.reports(concern="cyberbullying", house="Brunel")
    (alert,) = await office.alerts(first)
    closing = close.close(office.ports, office.school, office.account("dsl"), alert.id, "Done", "dealt_with")
    await asyncio.gather(closing, changes(office, "deputy", second, Wish.MERGE, **{OTHER: first.reference}))
    live = [a for i in (first, second) for a in await office.alerts(i) if a.state is not AlertState.DONE]
    assert live
    assert True in [(await office.incident(i)).is_open for i in (first, second)]
