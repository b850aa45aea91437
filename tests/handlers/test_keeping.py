"""How long cases are kept: the clock proposes, a person decides, and before its time two of them do."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import String

from domain.case_changes import Result
from domain.change_forms import Done, Wish
from domain.incident import CaseFile, Incident
from domain.messages import ErasureMessage, WithdrawnMessage
from domain.report_form import Fault
from domain.retention import CHOICE, REASON, WHY, Choice, EarlyReason, KeepingFile, KeepState
from domain.words import RetentionClass
from handlers import close, details, keeping, lists, readers_log
from handlers.acknowledge import NotForYou
from handlers.keeping import KeepingDecided, KeepingList, NobodyToAgree
from handlers.listed import catch_up
from storage import tables as t
from storage.audit_verify import follow_chains
from storage.housekeeping import WHO, tidy
from storage.store import Store
from tests.handlers.office import WHAT, Office
from tests.handlers.test_case_changes import changes, closes
from tests.handlers.test_listed import demo_list, imports
from tests.handlers.test_readers_log import pupil

OUTCOME, INQUIRY = "Both families seen", "The public inquiry has asked for it"


async def over(office: Office, **details: Any) -> Incident:
    """A case that was reported, dealt with by whoever was asked, and closed."""
    incident = await office.reports(**details)
    for alert, who in zip(await office.alerts(incident), await office.asked(incident), strict=True):
        await office.acknowledge(who, alert)
        done = await close.close(office.ports, office.school, office.account(who), alert.id, OUTCOME, Result.DEALT_WITH)
        assert isinstance(done, close.Closed), done
    await office.works()
    return await office.incident(incident)


async def decides(office: Office, who: str, incident: Incident, choice: Choice, why: str = "", reason: str = "") -> object:
    """Somebody fills the form in."""
    return await keeping.decide(office.ports, office.school, office.account(who), incident.id, choice, why, reason)


async def look(office: Office, who: str, incident: Incident) -> KeepingFile:
    """What somebody who has a say is shown."""
    found = await keeping.look(office.ports, office.school, office.account(who), incident.id)
    assert isinstance(found, KeepingFile), found
    return found


async def listed(office: Office, who: str) -> list[tuple[str, KeepState]]:
    """What waits for somebody's decision."""
    found = await keeping.to_decide(office.ports, office.school, office.account(who))
    assert isinstance(found, KeepingList), found
    return [(line.incident.reference, line.keeping.state) for line in found.lines]


async def years_pass(office: Office, years: int) -> int:
    """Time goes by, and the clock looks over the records; how many it proposes."""
    office.clock.advance(days=years * 365.25)
    return await keeping.propose_ended(office.ports, office.school)


async def leaves(office: Office, who: str, *, active: bool = False) -> None:
    """A new list does not have somebody; or has them again."""
    async with office.database.begin() as connection:
        await connection.execute(t.people.update().where(t.people.c.id == office.people[who].id).values(active=active))
    async with Store(office.database).transaction(office.school) as records:
        await records.next_number("people")
        # As the import does it: a list that was changed without that is found by `esafety audit verify`.
        now = office.clock.now()
        await records.note(now, "office", "people.staff.imported", staff=await records.staff_as_listed(now))


async def everything_of(office: Office, incident: Incident) -> str:
    """All that the database holds of a case, but the audit."""
    d, tables = t.deliveries.c, (t.incident_texts, t.case_notes, t.participants, t.exclusions)
    rows = [await office.rows(table, table.c.incident_id == incident.id) for table in tables]
    rows.append(await office.rows(t.incidents, t.incidents.c.id == incident.id))
    rows.append(await office.rows(t.deliveries, d.incident_id == incident.id, d.address_kind == "user"))
    return str(rows)


# When its time is over


async def test_nothing_is_erased_by_the_clock(office: Office) -> None:
    """It proposes once, however often and in how many processes it looks; then it waits for a person, for ever."""
    incident, still_open = await over(office), await office.reports()
    assert await years_pass(office, 74) == 0
    assert await years_pass(office, 2) == 1
    assert await years_pass(office, 1) == 0
    assert await listed(office, "dsl") == [(incident.reference, KeepState.ENDED)]
    case = await details.read(office.ports, office.school, office.account("dsl"), incident.id)
    assert isinstance(case, CaseFile)
    assert case.narrative.what_happened == WHAT
    assert not (await office.incident(still_open)).erased


async def test_nobody_alone_has_a_record_kept_for_less_time(office: Office) -> None:
    """Opened again, called something slighter and closed: it is kept as what it was. Early it takes two, as ever."""
    incident = await over(office)
    assert (await look(office, "dsl", incident)).kind is RetentionClass.SEXUAL_ABUSE
    for wish, values in ((Wish.REOPEN, {}), (Wish.RECLASSIFY, {"change_concern": "off_task", "change_urgency": "as_policy"})):
        assert isinstance(await changes(office, "dsl", incident, wish, **values), Done)
    await closes(office, "dsl", incident)
    assert (await office.incident(incident)).facts.concern == "off_task"
    assert not (await office.incident(incident)).is_open
    file = await look(office, "dsl", incident)
    assert file.kind is RetentionClass.SEXUAL_ABUSE
    assert file.end is not None
    assert file.end.year == office.clock.now().year + 75
    assert await years_pass(office, 8) == 0
    assert Choice.ERASE not in (await look(office, "dsl", incident)).choices
    await decides(office, "dsl", incident, Choice.PROPOSE, why=EarlyReason.IN_ERROR)
    assert isinstance(await decides(office, "dsl", incident, Choice.AGREE), KeepingFile)
    assert isinstance(await decides(office, "deputy", incident, Choice.AGREE), KeepingDecided)
    (kept,) = await office.rows(t.keepings)
    assert (kept.kind, kept.state) == ("sexual_abuse", "erased")


async def test_one_alone_may_have_it_kept_for_longer(office: Office) -> None:
    """What turned out to be graver is kept as that at once."""
    incident = await office.reports(concern="off_task", house="Brunel")
    values = {"change_concern": "grooming", "change_urgency": "as_policy"}
    assert isinstance(await changes(office, "dsl", incident, Wish.RECLASSIFY, **values), Done)
    await closes(office, "dsl", incident)
    assert (await look(office, "dsl", incident)).kind is RetentionClass.SEXUAL_ABUSE


async def test_what_is_erased_nobody_can_read(office: Office) -> None:
    """Words, names, notes and the reporter are gone; kind, times and who dealt with it stay; the audit holds."""
    child = await pupil(office)
    incident = await over(office, targets=(f"person:{child.id}", "Somebody Typed"), where="the bus")
    reporter = office.account("teacher")
    await years_pass(office, 76)
    before = await everything_of(office, incident)
    assert child.id in before
    assert reporter.user_id in before
    audit = await office.rows(t.audit)
    assert isinstance(await decides(office, "dsl", incident, Choice.ERASE), KeepingDecided)

    after = await everything_of(office, incident)
    for gone in (child.id, reporter.user_id, reporter.person_id or "-", "sealed=b'"):
        assert gone not in after, gone
    found = await office.incident(incident)
    assert (found.facts, found.urgency, found.reported_at, found.closed_at) == (
        incident.facts,
        incident.urgency,
        incident.reported_at,
        incident.closed_at,
    )
    assert found.erased
    case = await details.read(office.ports, office.school, office.account("dsl"), incident.id)
    assert isinstance(case, CaseFile)
    assert case.narrative.erased
    assert {p.name for p in case.participants} == {""}
    assert {note.text for note, _ in case.notes} == {""}
    assert (await office.rows(t.audit))[: len(audit)] == audit
    # Who dealt with it and who read it stands in the audit still, and who reported it nowhere.
    told = {f"{entry.actor} {entry.data}" for entry in await office.rows(t.audit, t.audit.c.incident_id == incident.id)}
    assert any(office.people["dsl"].id in entry for entry in told)
    for theirs in (reporter.person_id or "-", reporter.user_id):
        assert not [entry for entry in told if theirs in entry]
    last = next(r for r in await office.rows(t.audit, t.audit.c.action == "case.erased"))
    assert last.data == {"kind": RetentionClass.SEXUAL_ABUSE, "first": None, "reason": None}
    assert (await look(office, "dsl", incident)).choices == ()
    assert await listed(office, "dsl") == []
    assert await lists.mine(office.ports, office.school, reporter) == ()
    found_by_child = await readers_log.of_child(office.ports, office.school, office.account("dsl"), incident.id, child.id)
    assert found_by_child == NotForYou()


async def test_a_pupil_who_has_left_is_forgotten_with_their_last_case(office: Office) -> None:
    """As long as a case names them they can be found; afterwards neither their name nor the marks of it are there."""
    child = await pupil(office)
    incident = await over(office, targets=(f"person:{child.id}",))
    async with office.database.begin() as connection:
        await connection.execute(t.people.update().where(t.people.c.id == child.id).values(active=False))
    await tidy(office.database, office.clock.now())
    assert await office.rows(t.people, t.people.c.id == child.id)
    await years_pass(office, 76)
    await decides(office, "dsl", incident, Choice.ERASE)
    await tidy(office.database, office.clock.now())
    assert await office.rows(t.people, t.people.c.id == child.id) == []
    assert await office.rows(t.people_words, t.people_words.c.person_id == child.id) == []
    assert await office.rows(t.people, t.people.c.kind == "pupil")


@pytest.mark.parametrize("who", ["teacher", "dsl", "brunel head", "chair"])
async def test_staff_who_have_left_are_forgotten_when_no_case_has_to_do_with_them(office: Office, who: str) -> None:
    """Who reported it, dealt with it or was kept out of it: as long as it is kept, and six years after they left.

    The audit has their id still; nothing says any more whose it is, and the chain is whole.
    """
    office = office.with_holders(chair_of_governors=["headteacher"])
    incident = await over(office, targets=(office.picked("brunel head"),))
    gone, has_a_part = office.people[who], who != "chair"
    async with Store(office.database).transaction(office.school) as records:
        await records.save_account(office.account(who), office.clock.now())
    await leaves(office, who)
    for years in (5, 2):
        await tidy(office.database, office.clock.now())
        assert await office.rows(t.people, t.people.c.id == gone.id)
        await years_pass(office, years)
    await tidy(office.database, office.clock.now())
    assert bool(await office.rows(t.people, t.people.c.id == gone.id)) == has_a_part
    await years_pass(office, 70)
    await decides(office, "deputy", incident, Choice.ERASE)
    await tidy(office.database, office.clock.now())
    assert await office.rows(t.people, t.people.c.id == gone.id) == []
    assert await office.rows(t.accounts, t.accounts.c.email == gone.email) == []
    (chain,) = await follow_chains(office.database, words=True)
    assert (chain.broken, tuple(chain.unkept or ())) == (None, ())
    assert await office.rows(t.people, t.people.c.id == office.people["deputy"].id)


def test_every_column_that_may_name_somebody_in_a_case_is_looked_at() -> None:
    """An id in what belongs to a case is of another thing, named here, or somebody's: then it keeps them from oblivion."""
    things = {
        "id",
        "incident_id",
        "alert_id",
        "request_id",
        "breach_id",
        "figures_id",
        "entry_id",
        "participant_id",
        "corrects",
        "follows",
        "register_id",
        "submission_id",
        "signer_id",
        "duty_id",
        "other_id",
    }
    ids = {
        c.name
        for table in t.metadata.sorted_tables
        for c in table.c
        if "incident_id" in table.c and table is not t.audit and isinstance(c.type, String) and c.type.length == 36
    }
    assert ids - things == WHO


async def test_who_comes_back_is_not_forgotten(office: Office) -> None:
    """Left, and on the list again some years later: the years count from when they leave for good."""
    office = office.with_holders(chair_of_governors=["headteacher"])
    gone = office.people["chair"]
    await leaves(office, "chair")
    await tidy(office.database, office.clock.now())
    await years_pass(office, 5)
    await leaves(office, "chair", active=True)
    await tidy(office.database, office.clock.now())
    await years_pass(office, 5)
    await leaves(office, "chair")
    await tidy(office.database, office.clock.now())
    assert await office.rows(t.people, t.people.c.id == gone.id)


async def test_a_new_list_finds_nobody_in_what_was_erased(office: Office) -> None:
    """Names that were typed in it are compared with nobody any more, and nobody is kept out of it anew."""
    incident = await over(office, perpetrators=("Somebody Typed",))
    await years_pass(office, 76)
    await decides(office, "dsl", incident, Choice.ERASE)
    async with office.database.begin() as connection:
        await connection.execute(t.counters.delete().where(t.counters.c.name == "people_compared"))
    assert await catch_up(office.ports, office.school) == 0
    assert await office.rows(t.exclusions) == []


async def test_kept_for_a_year_it_comes_back(office: Office) -> None:
    """With a reason, which stands in the case; without one the form comes back."""
    incident = await over(office)
    await years_pass(office, 76)
    asked = await decides(office, "dsl", incident, Choice.KEEP_A_YEAR)
    assert isinstance(asked, KeepingFile)
    assert asked.faults == {REASON: Fault.MISSING}
    assert isinstance(await decides(office, "dsl", incident, Choice.KEEP_A_YEAR, reason=INQUIRY), KeepingDecided)
    assert (await look(office, "deputy", incident)).choices == (Choice.LIFT,)
    assert await keeping.propose_ended(office.ports, office.school) == 0
    case = await details.read(office.ports, office.school, office.account("dsl"), incident.id)
    assert isinstance(case, CaseFile)
    assert [note.text for note, _ in case.notes] == [OUTCOME, INQUIRY]
    office.clock.advance(days=364)
    assert await keeping.propose_ended(office.ports, office.school) == 0
    office.clock.advance(days=2)
    assert await keeping.propose_ended(office.ports, office.school) == 1
    assert await listed(office, "dsl") == [(incident.reference, KeepState.ENDED)]


async def test_what_is_held_is_held_until_somebody_lifts_that(office: Office) -> None:
    """An open case too. Held, it is neither proposed nor can it be erased; lifted, its own time counts again."""
    incident = await office.reports()
    assert (await look(office, "dsl", incident)).choices == (Choice.HOLD,)
    await decides(office, "dsl", incident, Choice.HOLD, reason=INQUIRY)
    for alert in await office.alerts(incident):
        await office.acknowledge("dsl", alert)
        await close.close(office.ports, office.school, office.account("dsl"), alert.id, OUTCOME, Result.DEALT_WITH)
    assert await years_pass(office, 99) == 0
    refused = await decides(office, "dsl", incident, Choice.ERASE)
    assert isinstance(refused, KeepingFile)
    assert refused.faults == {CHOICE: Fault.MISSING}
    assert await listed(office, "deputy") == [(incident.reference, KeepState.HELD)]
    await decides(office, "deputy", incident, Choice.LIFT)
    assert await keeping.propose_ended(office.ports, office.school) == 1


async def test_a_record_about_staff_waits_until_they_have_left(office: Office) -> None:
    """Its years are over long before; as long as whoever is named works here, nobody is even asked."""
    incident = await over(office, concern="staff_conduct", about="staff", perpetrators=(office.picked("cabot head"),))
    assert incident.private
    assert await years_pass(office, 30) == 0
    async with office.database.begin() as connection:
        await connection.execute(t.people.update().where(t.people.c.id == office.people["cabot head"].id).values(active=False))
        await connection.execute(t.counters.update().where(t.counters.c.name == "people").values(last=t.counters.c.last + 1))
    assert await keeping.propose_ended(office.ports, office.school) == 1
    assert await listed(office, "headteacher") == [(incident.reference, KeepState.ENDED)]
    assert await listed(office, "deputy") == []


async def waits(office: Office, who: str) -> bool:
    """Whether somebody's queue says that something about the records waits for them."""
    return (await lists.queue(office.ports, office.school, office.account(who))).records_wait


async def test_the_queue_says_that_something_waits(office: Office) -> None:
    """To those whose it is to decide; to whoever is named in the only one nothing is said. Held, it waits for nobody."""
    incident = await over(office, targets=(office.picked("deputy"),))
    assert not await waits(office, "dsl")
    await years_pass(office, 76)
    assert await waits(office, "dsl")
    for who in ("deputy", "headteacher", "teacher", "brunel head", "stranger"):
        assert not await waits(office, who), who
    await decides(office, "dsl", incident, Choice.HOLD, reason=INQUIRY)
    assert not await waits(office, "dsl")


# Before its time


async def test_early_it_takes_two(office: Office) -> None:
    """Whoever proposed it cannot agree. The others are asked; one of them agrees, and every copy of the question says so."""
    incident = await over(office)
    missing = await decides(office, "dsl", incident, Choice.PROPOSE)
    assert isinstance(missing, KeepingFile)
    assert missing.faults == {WHY: Fault.MISSING}
    proposed = await decides(office, "dsl", incident, Choice.PROPOSE, EarlyReason.IN_ERROR)
    names = {office.people[who].name for who in ("deputy", "headteacher", "chair")}
    assert isinstance(proposed, KeepingDecided)
    assert set(proposed.asked) == names
    await office.works()
    assert not office.post.to(office.people["dsl"].id, ErasureMessage)
    (asked,) = office.post.to(office.people["deputy"].id, ErasureMessage)
    assert isinstance(asked, ErasureMessage)
    assert (asked.proposer, asked.reason, asked.settled) == (office.people["dsl"].name, EarlyReason.IN_ERROR, False)

    alone = await decides(office, "dsl", incident, Choice.AGREE)
    assert isinstance(alone, KeepingFile)
    assert (await look(office, "dsl", incident)).choices == (Choice.REFUSE, Choice.HOLD)
    assert not (await office.incident(incident)).erased

    assert isinstance(await decides(office, "deputy", incident, Choice.AGREE), KeepingDecided)
    await office.works()
    assert (await office.incident(incident)).erased
    for who in ("deputy", "headteacher", "chair"):
        told = office.post.now_shown(office.people[who].id)
        assert isinstance(told, ErasureMessage)
        assert (told.settled, told.erased, told.proposer) == (True, True, "")
    (row,) = await office.rows(t.keepings)
    assert (row.person_id, row.agreed_by) == (office.people["dsl"].id, office.people["deputy"].id)


async def test_the_second_need_not_read_it(office: Office) -> None:
    """The headteacher is told the reference, the kind and why, may agree or refuse, and reads no word of the case."""
    incident = await over(office)
    account = office.account("headteacher")
    assert await keeping.look(office.ports, office.school, account, incident.id) == NotForYou()
    await decides(office, "dsl", incident, Choice.PROPOSE, EarlyReason.UNFOUNDED)
    assert (await look(office, "headteacher", incident)).choices == (Choice.AGREE, Choice.REFUSE)
    assert await details.read(office.ports, office.school, account, incident.id) == NotForYou()
    await decides(office, "headteacher", incident, Choice.REFUSE)
    assert not (await office.incident(incident)).erased
    assert await keeping.look(office.ports, office.school, account, incident.id) == NotForYou()
    await office.works()
    assert office.post.to(office.people["headteacher"].id, ErasureMessage) == []


async def test_refused_it_can_be_proposed_again(office: Office) -> None:
    """The first question is settled where it stands, and there is a new one."""
    incident = await over(office)
    await decides(office, "dsl", incident, Choice.PROPOSE, EarlyReason.IN_ERROR)
    await office.works()
    await decides(office, "deputy", incident, Choice.REFUSE)
    await office.later(hours=1)
    told = office.post.now_shown(office.people["deputy"].id)
    assert isinstance(told, ErasureMessage)
    assert (told.settled, told.erased) == (True, False)
    await decides(office, "dsl", incident, Choice.PROPOSE, EarlyReason.UPHELD)
    await office.works()
    assert [m.reason for m in office.post.to(office.people["deputy"].id, ErasureMessage) if isinstance(m, ErasureMessage)] == [
        EarlyReason.IN_ERROR,
        EarlyReason.UPHELD,
    ]


async def test_whoever_was_kept_out_of_a_case_does_not_hear_that_it_was_erased(office: Office) -> None:
    """The deputy is asked, and then found to be named in it, perhaps. That goes with the case, and opens nothing to them."""
    incident = await over(office, targets=("text:Zebedee Quillfeather",))
    await decides(office, "dsl", incident, Choice.PROPOSE, EarlyReason.UPHELD)
    await office.works()
    deputy, listed_now = office.people["deputy"], demo_list()
    renamed = replace(listed_now.people[deputy.email], name="Zebedee Quillfeather")
    await imports(office, replace(listed_now, people={**listed_now.people, deputy.email: renamed}))
    assert office.post.now_shown(deputy.id) == WithdrawnMessage(incident.reference)
    assert isinstance(await decides(office, "headteacher", incident, Choice.AGREE), KeepingDecided)
    await office.works()
    assert (await office.incident(incident)).erased
    assert office.post.now_shown(deputy.id) == WithdrawnMessage(incident.reference)
    assert await details.read(office.ports, office.school, office.account("deputy"), incident.id) == NotForYou()
    assert await keeping.look(office.ports, office.school, office.account("deputy"), incident.id) == NotForYou()
    # Whoever dealt with it still knows that there was such a case, and whoever agreed that it is erased.
    assert isinstance(await details.read(office.ports, office.school, office.account("dsl"), incident.id), CaseFile)
    told = office.post.now_shown(office.people["headteacher"].id)
    assert isinstance(told, ErasureMessage)
    assert told.erased
    (chain,) = await follow_chains(office.database, words=True)
    assert (chain.broken, tuple(chain.unkept or ())) == (None, ())


async def test_somebody_who_is_named_is_neither_asked_nor_can_agree(office: Office) -> None:
    """The deputy is the target in it: it is not theirs to keep or to lose."""
    incident = await over(office, targets=(office.picked("deputy"),))
    await decides(office, "dsl", incident, Choice.PROPOSE, EarlyReason.IN_ERROR)
    await office.works()
    assert not office.post.to(office.people["deputy"].id, ErasureMessage)
    assert await decides(office, "deputy", incident, Choice.AGREE) == NotForYou()
    assert await listed(office, "deputy") == []


async def test_where_nobody_else_could_agree_it_stays(office: Office) -> None:
    """A case about the headteacher is the chair's alone."""
    lonely = office.with_holders(dsl=["dsl"], deputy_dsl=["dsl"], chair_of_governors=["chair"])
    incident = await over(lonely, concern="staff_conduct", about="headteacher")
    outcome = await decides(lonely, "chair", incident, Choice.PROPOSE, EarlyReason.IN_ERROR)
    assert outcome == NobodyToAgree(incident.reference)
    assert await office.rows(t.keepings) == []


async def test_what_is_open_cannot_be_erased(office: Office) -> None:
    """Whatever a form says."""
    incident = await office.reports()
    for choice in (Choice.ERASE, Choice.PROPOSE, Choice.AGREE):
        refused = await decides(office, "dsl", incident, choice, EarlyReason.IN_ERROR)
        assert isinstance(refused, KeepingFile)
        assert refused.faults
    assert not (await office.incident(incident)).erased


@pytest.mark.parametrize("who", ["teacher", "brunel head", "it", "stranger", "headteacher"])
async def test_nobody_else_has_a_say(office: Office, who: str) -> None:
    """Not the reporter, not who dealt with it, and no account that the school does not know."""
    incident = await over(office)
    await years_pass(office, 76)
    assert await keeping.look(office.ports, office.school, office.account(who), incident.id) == NotForYou()
    for choice in Choice:
        assert await decides(office, who, incident, choice, EarlyReason.IN_ERROR, INQUIRY) == NotForYou()
    if who != "headteacher":
        assert await keeping.to_decide(office.ports, office.school, office.account(who)) == NotForYou()
    assert not (await office.incident(incident)).erased


async def test_a_reason_is_told_to_nobody_but_the_case(office: Office) -> None:
    """Neither the audit nor the table of what is kept has a word of it."""
    incident = await over(office)
    await decides(office, "dsl", incident, Choice.HOLD, reason=INQUIRY)
    assert INQUIRY not in str([await office.rows(table) for table in (t.audit, t.keepings, t.case_notes)])
    assert (await look(office, "dsl", incident)).end == (incident.closed_at or office.clock.now()).replace(year=2101)
    assert office.clock.now() - incident.reported_at < timedelta(days=1)
