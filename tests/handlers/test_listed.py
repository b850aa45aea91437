"""Whoever is named stays out of a case, whatever becomes of the staff list afterwards."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace

import pytest

from bot.people_command import TakenOver, take_over
from bot.settings import DEMO_SCHOOLS
from domain.change_forms import Done, Wish
from domain.incident import Alert, AlertState, CaseFile, Exclusion, Incident, Why
from domain.messages import AlertMessage, OpenedMessage, ReminderMessage, WithdrawnMessage
from domain.people import Kind, Person
from domain.words import About, IncidentState
from handlers import case_changes, listed, lists, opening
from handlers.acknowledge import Acknowledged, NotForYou
from storage import tables as t
from storage.people_files import Listing, Marks, carry_out, plan_import, read_list
from storage.store import Store
from storage.watching import Watching
from tests.handlers.office import SAFEGUARDING, Office
from tests.handlers.test_case import closes, reads, settles

NEW_EMAIL = "m.newname@demo.example"


def demo_list() -> Listing:
    """The staff list as it is."""
    return read_list(DEMO_SCHOOLS / "staff.csv", Kind.STAFF)


def with_person(person: Person) -> Listing:
    """The staff list and somebody more."""
    return replace(demo_list(), people={**demo_list().people, person.email: person})


def restated(office: Office, who: str, name: str = "", marks: Mapping[str, Marks] | None = None) -> Listing:
    """The staff list with somebody under a new e-mail, and maybe a new name."""
    found = demo_list()
    old = found.people.pop(office.people[who].email)
    found.people[NEW_EMAIL] = replace(old, email=NEW_EMAIL, name=name or old.name)
    return replace(found, marks=marks or {})


async def imports(office: Office, *lists: Listing) -> TakenOver:
    """The school's office takes lists over."""
    done = await take_over(office.ports, office.database, office.school, lists)
    await office.works()
    return done


async def afterwards(office: Office, who: str, email: str, **roles: list[str]) -> Office:
    """The same office once the list was taken over, with somebody under the e-mail that they have now."""
    async with Store(office.database).transaction(office.school, write=False) as records:
        person = (await records.staff()).by_email(email)
    assert person is not None
    return replace(office, people={**office.people, who: person}).with_holders(**roles)


async def shut_out(office: Office, incident: Incident) -> dict[str, Why]:
    """Who is kept out of a case, and why."""
    async with Store(office.database).transaction(office.school, write=False) as records:
        found = (await records.exclusions(incident.id))[incident.id]
    return {e.person_id: e.why for e in found}


async def only(office: Office, alert: Alert) -> Alert:
    """An alert as it stands now."""
    incident = (await office.rows(t.alerts, t.alerts.c.id == alert.id))[0].incident_id
    async with Store(office.database).transaction(office.school, write=False) as records:
        return next(a for a in await records.alerts_of(incident) if a.id == alert.id)


def newcomer(name: str = "Zebedee Quillfeather") -> Person:
    """Somebody who joins the staff."""
    return Person("z" * 36, Kind.STAFF, name, "new@demo.example")


# Somebody who joins later


async def test_a_typed_name_that_joins_the_staff_later_is_never_asked(office: Office) -> None:
    """The coach of a club becomes deputy safeguarding lead: his own case is neither shown to him nor brought to him."""
    incident = await office.reports(perpetrators=("text:Zebedee Quillfeather",))
    assert (await imports(office, with_person(newcomer()))).cases == 1
    later = await afterwards(office, "new", "new@demo.example", deputy_dsl=["new"])
    for _ in range(8):
        await later.later(hours=12)
    assert later.post.to(newcomer().id, AlertMessage) == []
    assert await reads(later, "new", incident) == NotForYou()
    case = await reads(later, "dsl", incident)
    assert isinstance(case, CaseFile)
    assert [(m.typed, m.person) for m in case.possible] == [("Zebedee Quillfeather", "Zebedee Quillfeather")]


async def test_what_may_be_about_somebody_new_leaves_the_channels(office: Office) -> None:
    """It stood where his colleagues read it; now it may be about staff, and is withdrawn there."""
    incident = await office.reports(perpetrators=("text:Zebedee Quillfeather",))
    await office.works()
    assert isinstance(office.post.now_shown(SAFEGUARDING.id), AlertMessage)
    await imports(office, with_person(newcomer()))
    assert office.post.now_shown(SAFEGUARDING.id) == WithdrawnMessage(incident.reference)
    assert (await office.incident(incident)).private


async def test_a_closed_case_is_kept_from_whoever_it_named(office: Office) -> None:
    """It stays closed, and asks nobody."""
    incident = await office.reports(targets=("text:Zebedee Quillfeather",))
    alert = await office.alert(incident)
    await office.acknowledge("dsl", alert)
    await closes(office, "dsl", alert)
    await imports(office, with_person(newcomer()))
    later = await afterwards(office, "new", "new@demo.example", dsl=["new"])
    assert await reads(later, "new", incident) == NotForYou()
    assert (await later.incident(incident)).state is IncidentState.CLOSED
    assert await later.asked(incident) == ["dsl"]


async def test_whoever_a_duplicate_names_is_kept_out_of_the_case_that_goes_on(office: Office) -> None:
    """What came of the one stands in the other; and what was merged into another leads nobody there whom that one names."""
    named, first = await office.reports(perpetrators=("text:Zebedee Quillfeather",)), await office.reports()
    await office.works()
    merge = f"{named.id}|{Wish.MERGE}|form"
    filled = {"change_other": first.reference, "change_reason": "The same afternoon"}
    done = await case_changes.change(office.ports, office.school, office.account("dsl"), merge, filled)
    assert isinstance(done, Done)
    await imports(office, with_person(newcomer()))
    assert (SAFEGUARDING, WithdrawnMessage(first.reference)) in office.post.changed
    later = await afterwards(office, "new", newcomer().email, deputy_dsl=["deputy", "new"])
    for incident in (named, first):
        assert await reads(later, "new", incident) == NotForYou()
        case = await reads(later, "dsl", incident)
        assert isinstance(case, CaseFile)
        assert [m.typed for m in case.possible] == ["Zebedee Quillfeather"]
        assert not case.changed
    assert (await lists.queue(later.ports, later.school, later.account("new"))).lines == ()
    undo = f"{named.id}|{Wish.UNMERGE}|another form"
    # Both are private now: to work the duplicate takes having the case that goes on.
    await later.acknowledge("dsl", (await later.alerts(first))[0])
    assert isinstance(
        await case_changes.change(
            later.ports, later.school, later.account("dsl"), undo, {"change_reason": "Another afternoon"}
        ),
        Done,
    )
    assert set((await shut_out(later, first)).values()) == {Why.DISMISSED}
    assert set((await shut_out(later, named)).values()) == {Why.POSSIBLE}


@pytest.mark.parametrize("same", [True, False])
async def test_a_name_of_a_duplicate_is_settled_for_both(office: Office, same: bool) -> None:
    """Asked at the case that goes on, if it is the new colleague: a yes goes where matters about staff go, a no is for both."""
    named, first = await office.reports(perpetrators=("text:Zebedee Quillfeather",)), await office.reports()
    await office.works()
    merge = f"{named.id}|{Wish.MERGE}|form"
    filled = {"change_other": first.reference, "change_reason": "The same afternoon"}
    at = office.ports, office.school, office.account("dsl")
    assert isinstance(await case_changes.change(*at, merge, filled), Done)
    await imports(office, with_person(newcomer()))
    later = await afterwards(office, "new", newcomer().email)
    await settles(later, "dsl", first, "new", same=same)
    await later.works()
    for incident in (named, first):
        assert set((await shut_out(later, incident)).values()) == {Why.NAMED if same else Why.DISMISSED}
    now = await later.incident(named)
    assert ("headteacher" in await later.asked(named)) is same
    assert (now.facts.about is About.STAFF) is same
    assert now.is_open is same
    if same:
        assert now.private
        head = later.post.to(later.people["headteacher"].id, AlertMessage)
        assert named.id in {m.incident_id for m in head if isinstance(m, AlertMessage)}
    else:
        assert now.state is IncidentState.MERGED


async def test_somebody_new_of_another_name_is_kept_out_of_nothing(office: Office) -> None:
    """Nor is a pupil of that name, nor a witness."""
    named = await office.reports(perpetrators=("text:Zebedee Quillfeather",))
    witnessed = await office.reports(witnesses=("text:Ada Brook",))
    assert (await imports(office, with_person(newcomer("Ada Brook")))).cases == 0
    assert await shut_out(office, named) == await shut_out(office, witnessed) == {}


async def test_whoever_was_settled_to_be_somebody_else_stays_so(office: Office) -> None:
    """ "No, somebody else", and the next import does not ask again."""
    incident = await office.reports(targets=("text:Zebedee Quillfeather",))
    await imports(office, with_person(newcomer()))
    later = await afterwards(office, "new", "new@demo.example")
    await settles(later, "dsl", incident, "new", same=False)
    await imports(office, demo_list())
    assert (await imports(office, with_person(newcomer()))).cases == 0
    assert await shut_out(office, incident) == {newcomer().id: Why.DISMISSED}


async def test_a_name_that_is_put_right_on_the_list_is_compared_again(office: Office) -> None:
    """The list had him wrong when the report was made."""
    await imports(office, with_person(newcomer("Z Featherquill")))
    incident = await office.reports(perpetrators=("text:Zebedee Quillfeather",))
    assert await shut_out(office, incident) == {}
    await imports(office, with_person(newcomer()))
    assert await shut_out(office, incident) == {newcomer().id: Why.POSSIBLE}


async def test_a_new_head_stays_out_of_a_report_about_the_head_until_it_is_settled(office: Office) -> None:
    """It may be the same head under a new e-mail: the chair of governors, who has it, says whether it is."""
    incident = await office.reports(about="headteacher")
    head = newcomer("Ottoline Marsh")
    later = replace(office, people={**office.people, "new": head}).with_holders(headteacher=["new"])
    await imports(later, with_person(head))
    assert (await shut_out(later, incident))[head.id] is Why.POSSIBLE
    case = await reads(later, "chair", incident)
    assert isinstance(case, CaseFile)
    assert [m.person for m in case.possible] == ["Ottoline Marsh"]
    assert case.possible[0].typed
    await settles(later, "chair", incident, "new", same=False)
    assert (await shut_out(later, incident))[head.id] is Why.DISMISSED


# Somebody whose e-mail changes


async def test_who_is_accused_and_marries_still_cannot_see_it(office: Office) -> None:
    """A new e-mail and a new surname: to the list somebody new, and kept out of what was said of her."""
    incident = await office.reports(about="staff", perpetrators=(office.picked("deputy"),), concern="cyberbullying")
    await imports(office, restated(office, "deputy", "Maja Newname"))
    later = await afterwards(office, "deputy", NEW_EMAIL, deputy_dsl=["deputy"], headteacher=["deputy", "headteacher"])
    for _ in range(10):
        await later.later(hours=12)
    assert later.post.to(later.people["deputy"].id, AlertMessage) == []
    assert await reads(later, "deputy", incident) == NotForYou()


async def test_a_school_that_changes_all_its_addresses_shuts_nobody_else_out(office: Office) -> None:
    """Everybody is somebody new to the list: of those who share a name with her, only she herself is kept out."""
    incident = await office.reports(about="staff", perpetrators=(office.picked("deputy"),), concern="cyberbullying")
    people = {p.email.replace("demo.", "new."): p for p in demo_list().people.values()}
    await imports(office, Listing(Kind.STAFF, {k: replace(p, email=k) for k, p in people.items()}))
    email = office.people["deputy"].email.replace("demo.", "new.")
    later = await afterwards(office, "deputy", email)
    before = office.people["deputy"].id
    assert await shut_out(office, incident) == {before: Why.NAMED, later.people["deputy"].id: Why.POSSIBLE}


async def test_the_schools_own_number_makes_it_the_same_person(office: Office) -> None:
    """With the column `id` a new e-mail and a new name change nothing of who she is."""
    old = office.people["deputy"]
    await imports(office, replace(demo_list(), marks={old.email: Marks(number="17")}))
    incident = await office.reports(about="staff", perpetrators=(office.picked("deputy"),), concern="cyberbullying")
    await imports(office, restated(office, "deputy", "Maja Newname", {NEW_EMAIL: Marks(number="17")}))
    later = await afterwards(office, "deputy", NEW_EMAIL)
    assert later.people["deputy"].id == old.id
    assert await shut_out(office, incident) == {old.id: Why.NAMED}
    assert await reads(later, "deputy", incident) == NotForYou()


async def test_said_to_have_been_somebody_formerly_it_is_the_same_person(office: Office) -> None:
    """With the column `formerly`, which may stay in the file, they stay who they were."""
    old = office.people["deputy"]
    for _ in range(2):
        await imports(office, restated(office, "deputy", "Maja Newname", {NEW_EMAIL: Marks(formerly=old.email)}))
    assert (await afterwards(office, "deputy", NEW_EMAIL)).people["deputy"].id == old.id


async def test_said_too_late_who_they_were_they_are_shut_out_for_certain(office: Office) -> None:
    """She was taken for somebody new under a name like no other; now the list says who she was."""
    incident = await office.reports(about="staff", perpetrators=(office.picked("deputy"),), concern="cyberbullying")
    await imports(office, restated(office, "deputy", "Xanthippe Newname"))
    later = await afterwards(office, "deputy", NEW_EMAIL)
    new = later.people["deputy"].id
    assert new not in await shut_out(office, incident)
    was = Marks(formerly=office.people["deputy"].email)
    done = await imports(office, restated(office, "deputy", "Xanthippe Newname", {NEW_EMAIL: was}))
    assert done.cases == 1
    assert (await shut_out(office, incident))[new] is Why.NAMED
    assert await reads(later, "deputy", incident) == NotForYou()


async def test_an_e_mail_that_is_given_to_somebody_else_is_somebody_else(office: Office) -> None:
    """With numbers, whoever gets the address of one who left gets nothing of theirs."""
    old = office.people["deputy"]
    await imports(office, replace(demo_list(), marks={old.email: Marks(number="17")}))
    other = replace(newcomer("Ada Brook"), email=old.email)
    await imports(office, replace(with_person(other), marks={old.email: Marks(number="18")}))
    assert (await afterwards(office, "deputy", old.email)).people["deputy"].id == other.id
    back = replace(old, email=NEW_EMAIL)
    both = replace(with_person(other), marks={old.email: Marks(number="18"), NEW_EMAIL: Marks(number="17")})
    both.people[NEW_EMAIL] = back
    await imports(office, both)
    assert (await afterwards(office, "deputy", NEW_EMAIL)).people["deputy"].id == old.id


# What is under way


async def test_an_owner_who_may_be_named_loses_the_case_at_once(office: Office) -> None:
    """Under her new name it may be about her: the alert is open again, somebody else is asked, her copies say nothing."""
    incident = await office.reports(targets=("text:Maja Newname",))
    alert = await office.alert(incident)
    await office.later(minutes=90)
    await office.acknowledge("deputy", alert)
    await office.later(days=1)
    deputy = office.people["deputy"]
    assert office.post.to(deputy.id, ReminderMessage)
    found = demo_list()
    found.people[deputy.email] = replace(found.people[deputy.email], name="Maja Newname")
    await imports(office, found)
    now = await only(office, alert)
    assert (now.state, now.owner_id) == (AlertState.OPEN, None)
    assert (await office.asked(incident))[-1] == "dsl"
    assert office.post.now_shown(deputy.id) == WithdrawnMessage(incident.reference)
    shown = [m for a, m in office.post.changed if a.id == deputy.id]
    assert len([m for m in shown if isinstance(m, WithdrawnMessage)]) >= 2
    assert isinstance(await office.acknowledge("dsl", now), Acknowledged)


async def test_that_it_was_opened_in_an_emergency_is_withdrawn_too(office: Office) -> None:
    """The deputy was told that the head had opened it; it may be about the deputy."""
    incident = await office.reports(targets=("text:Maja Newname",))
    await opening.open_case(office.ports, office.school, office.account("headteacher"), incident.id, "Nobody answers")
    await office.works()
    deputy = office.people["deputy"]
    assert office.post.to(deputy.id, OpenedMessage)
    found = demo_list()
    found.people[deputy.email] = replace(found.people[deputy.email], name="Maja Newname")
    await imports(office, found)
    assert office.post.now_shown(deputy.id) == WithdrawnMessage(incident.reference)


async def test_nothing_is_asked_anew_where_nobody_is_new(office: Office) -> None:
    """The same list again, with an open case whose name nobody has: no message, no timer."""
    await office.reports(perpetrators=("text:Zebedee Quillfeather",))
    await office.works()
    before = await office.rows(t.timers), list(office.post.sent), list(office.post.changed)
    assert (await imports(office, demo_list())).cases == 0
    assert before == (await office.rows(t.timers), office.post.sent, office.post.changed)


# What an older version, or another process, leaves


async def test_a_list_that_was_taken_over_by_an_older_version_is_caught_up_with(office: Office) -> None:
    """It compared nothing: the bot does it when it next looks, once."""
    incident = await office.reports(perpetrators=("text:Zebedee Quillfeather",))
    await an_older_version_takes(office, with_person(newcomer()))
    assert await asyncio.gather(*(listed.catch_up(office.ports, office.school) for _ in range(3))) in (
        [1, 0, 0],
        [0, 1, 0],
        [0, 0, 1],
    )
    assert await shut_out(office, incident) == {newcomer().id: Why.POSSIBLE}
    noted = len(await office.rows(t.audit))
    assert await listed.catch_up(office.ports, office.school) == 0
    assert len(await office.rows(t.audit)) == noted


async def test_to_catch_up_shuts_out_no_colleague_who_was_on_the_list_all_along(office: Office) -> None:
    """Whoever shares a surname with the accused was not meant: they stood beside her on the list."""
    incident = await office.reports(about="staff", perpetrators=(office.picked("deputy"),), concern="cyberbullying")
    surname = office.people["deputy"].name.split()[-1]
    async with Store(office.database).transaction(office.school) as records:
        found = with_person(newcomer(f"Bertil {surname}"))
        await carry_out(records, await plan_import(records, Kind.STAFF, found.people), office.clock.now())
    assert await listed.catch_up(office.ports, office.school) == 0
    assert await shut_out(office, incident) == {office.people["deputy"].id: Why.NAMED}


class EndedError(Exception):
    """The program ends."""


class Breaths:
    """Counts how often it stops to breathe, and ends with one of them if it is told to; others work meanwhile."""

    def __init__(self, last: int = 0, meanwhile: Callable[[], Awaitable[object]] | None = None) -> None:
        self.taken = 0
        self._last = last
        self._meanwhile = meanwhile

    async def __call__(self) -> None:
        self.taken += 1
        if self._meanwhile is not None:
            await self._meanwhile()
        if self.taken == self._last:
            raise EndedError


async def seven_cases_and_a_list_of_an_older_version(office: Office) -> list[Incident]:
    cases = []
    for _ in range(7):
        cases.append(await office.reports(perpetrators=("text:Zebedee Quillfeather",)))
        office.clock.advance(minutes=1)
    await an_older_version_takes(office, with_person(newcomer()))
    return cases


async def an_older_version_takes(office: Office, found: Listing) -> None:
    """It changes the list and compares nothing with it."""
    async with Store(office.database).transaction(office.school) as records:
        await carry_out(records, await plan_import(records, Kind.STAFF, found.people), office.clock.now())


async def progress(office: Office) -> list[tuple[int, int]]:
    standing = await Watching(office.database, [office.school.id]).standing(office.clock.now(), 1)
    assert standing is not None
    return [(c.done, c.of) for c in standing.comparing]


async def test_to_catch_up_goes_on_from_where_it_was_interrupted(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """A few cases at a time: what was done stays done, how far it came can be seen, and the rest follows after a restart."""
    monkeypatch.setattr(listed, "_AT_ONCE", 2)
    cases = await seven_cases_and_a_list_of_an_older_version(office)
    with pytest.raises(EndedError):
        await listed.catch_up(office.ports, office.school, Breaths(last=2))
    assert [bool(await shut_out(office, case)) for case in cases] == [True] * 4 + [False] * 3
    assert await progress(office) == [(4, 7)]
    again = Breaths()
    assert await listed.catch_up(office.ports, office.school, again) == 3
    assert again.taken == 1
    assert all([await shut_out(office, case) == {newcomer().id: Why.POSSIBLE} for case in cases])
    assert await progress(office) == []
    assert len([r for r in await office.rows(t.audit) if r.action == "people.compared"]) == 1


async def test_reports_go_on_while_it_catches_up(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is reported in between is compared with the list as it is reported."""
    monkeypatch.setattr(listed, "_AT_ONCE", 2)
    await seven_cases_and_a_list_of_an_older_version(office)
    made: list[Incident] = []

    async def somebody_reports() -> None:
        made.append(await office.reports(perpetrators=("text:Zebedee Quillfeather",)))

    assert await listed.catch_up(office.ports, office.school, Breaths(meanwhile=somebody_reports)) == 7
    assert len(made) >= 3
    assert all([newcomer().id in await shut_out(office, case) for case in made])


async def test_a_list_that_changes_meanwhile_is_compared_from_the_first_case_on(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another older process takes over another list: the cases that were done are looked at again."""
    monkeypatch.setattr(listed, "_AT_ONCE", 2)
    cases = await seven_cases_and_a_list_of_an_older_version(office)
    other = replace(newcomer("Quillfeather Zebedee"), id="y" * 36, email="other@demo.example")
    both = with_person(newcomer())
    both.people[other.email] = other
    breaths = Breaths(meanwhile=lambda: once(office, both, breaths))
    await listed.catch_up(office.ports, office.school, breaths)
    assert all([{newcomer().id, other.id} <= set(await shut_out(office, case)) for case in cases])


async def once(office: Office, found: Listing, breaths: Breaths) -> None:
    if breaths.taken == 2:
        await an_older_version_takes(office, found)


async def test_cases_of_one_second_are_compared_together(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many there are: no step stands still, and none is passed over."""
    monkeypatch.setattr(listed, "_AT_ONCE", 2)
    cases = [await office.reports(perpetrators=("text:Zebedee Quillfeather",)) for _ in range(5)]
    await an_older_version_takes(office, with_person(newcomer()))
    assert await listed.catch_up(office.ports, office.school) == len(cases)


async def test_a_report_that_is_made_while_a_list_is_taken_over_is_compared_too(office: Office) -> None:
    """Whichever is first, he is kept out."""
    people = [replace(newcomer(f"Zebedee Quillfeather{n * 'x'}"), id=f"{n:036}", email=f"z{n}@demo.example") for n in range(4)]
    current = demo_list()
    for person in people:
        current = replace(current, people={**current.people, person.email: person})
        incident, _ = await asyncio.gather(
            office.reports(perpetrators=(f"text:{person.name}",)),
            take_over(office.ports, office.database, office.school, [current]),
        )
        assert person.id in await shut_out(office, incident)


# A name that is settled later


async def test_a_case_closed_as_somebody_elses_is_open_again_once_it_is_about_staff(office: Office) -> None:
    """Whoever has closed it was asked in the same role: they answered for something else, and are asked again."""
    incident = await office.reports(concern="pupil_contacts_staff", about="external", perpetrators=("text:Mr Devlin",))
    alert = await office.alert(incident)
    await office.acknowledge("dsl", alert)
    await closes(office, "dsl", alert)
    await settles(office, "dsl", incident, "cabot head", same=True)
    await office.works()
    now = await office.incident(incident)
    assert (now.state, now.facts.about) == (IncidentState.REPORTED, About.STAFF)
    opened = [a for a in await office.alerts(incident) if a.state is AlertState.OPEN]
    assert [a.role for a in opened] == [alert.role]
    assert isinstance(await office.acknowledge((await office.asked(incident))[-1], opened[0]), Acknowledged)


async def test_an_owner_whom_a_settled_name_shuts_out_gives_it_back(office: Office) -> None:
    """With the matter about staff her name may be the other one that was typed: she can do nothing with it, others can."""
    # Where somebody of the staff may have done it no deputy is asked after the lead: she is the head here.
    office = office.with_holders(headteacher=["deputy"], deputy_dsl=[])
    incident = await office.reports(about="external", perpetrators=("text:Mr Devlin",), targets=("text:Lindqvist Tom",))
    alert = await office.alert(incident)
    for _ in range(2):
        await office.later(minutes=70)
    await office.acknowledge("deputy", alert)
    await office.later(days=1)
    await settles(office, "dsl", incident, "cabot head", same=True)
    await office.works()
    now, deputy = await only(office, alert), office.people["deputy"].id
    assert deputy in await shut_out(office, incident)
    assert (now.state, now.owner_id) == (AlertState.OPEN, None)
    assert [m for a, m in office.post.changed if a.id == deputy and isinstance(m, WithdrawnMessage)]
    assert isinstance(office.post.now_shown(deputy), WithdrawnMessage)
    assert await reads(office, "deputy", incident) == NotForYou()
    assert isinstance(await office.acknowledge("dsl", now), Acknowledged)


async def test_an_owner_who_is_shut_out_already_is_not_reminded(office: Office) -> None:
    """As an older version left it: when the reminder is due the case goes to the next, and what stands is withdrawn."""
    incident = await office.reports()
    alert = await office.alert(incident)
    await office.later(minutes=90)
    await office.acknowledge("deputy", alert)
    async with Store(office.database).transaction(office.school) as records:
        await records.add_exclusions(incident.id, [Exclusion(office.people["deputy"].id, Why.NAMED)])
    await office.later(days=1)
    assert office.post.to(office.people["deputy"].id, ReminderMessage) == []
    now = await only(office, alert)
    assert (now.state, now.owner_id) == (AlertState.OPEN, None)
    assert (await office.asked(incident))[-1] == "dsl"


async def test_whoever_is_kept_out_of_the_case_that_goes_on_does_not_read_its_duplicate(office: Office) -> None:
    """They were asked in it before: what they had there gives them nothing in the duplicate that stands behind it."""
    named, first = await office.reports(perpetrators=("text:Zebedee Quillfeather",)), await office.reports()
    await office.works()
    merge = f"{named.id}|{Wish.MERGE}|form"
    filled = {"change_other": first.reference, "change_reason": "The same afternoon"}
    assert isinstance(await case_changes.change(office.ports, office.school, office.account("dsl"), merge, filled), Done)
    await imports(office, with_person(newcomer()))
    assert isinstance(await reads(office, "dsl", named), CaseFile)
    async with Store(office.database).transaction(office.school) as records:
        await records.add_exclusions(first.id, [Exclusion(office.people["dsl"].id, Why.NAMED)])
    assert await reads(office, "dsl", first) == NotForYou()
    assert await reads(office, "dsl", named) == NotForYou()
