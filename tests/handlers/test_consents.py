"""The register of consent in the office: who may, who is meant, what happens twice, what the records keep of it."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import delete, insert, select, update

from bot.settings import DEMO_SCHOOLS
from cards import subject_page
from domain.consents import (
    ConsentErased,
    ConsentFile,
    ConsentQuestions,
    KeepQuestions,
    Kept,
    LeftList,
    Said,
    Unclear,
    Verdict,
)
from domain.people import Kind
from domain.report_form import Fault, Filled
from domain.subject_access import Held
from handlers import consents
from handlers.acknowledge import NotForYou
from handlers.subject_access import gather
from storage import tables as t
from storage.audit_verify import follow_chains
from storage.commitments import Amiss
from storage.housekeeping import tidy
from storage.people_files import carry_out, plan_import, read_people
from tests.handlers.office import Office

PUPIL, CLASS = "Bea Exemplar", "8C"
TYPED = "Quincy Nettlefold"


def said(office: Office, name: str | tuple[str, ...] = PUPIL, form: str = "", **uses: str) -> Filled:
    """A keeper's form: what the parents said an hour ago."""
    since = (office.clock.now() - timedelta(hours=1)).isoformat()
    whose = name if isinstance(name, tuple) else (f"text:{name}",)
    other = {k: v for k, v in uses.items() if k.startswith("consent_")}
    told = {f"consent_use_{use.replace('_', '-')}": word for use, word in uses.items() if use not in other}
    first: Filled = {"consent_pupil": whose, "consent_class": form, "consent_by": "parent", "consent_since": since}
    return {**first, **told, **other}


async def records(office: Office, values: Filled, who: str = "dsl", entry: str = "", form: str = "f") -> ConsentFile:
    """Somebody has recorded something."""
    made = await consents.keep(office.ports, office.school, office.account(who), f"{entry}|{form}", values)
    assert isinstance(made, ConsentFile), made
    return made


async def refused(office: Office, values: Filled, entry: str = "", form: str = "g") -> dict[str, Fault]:
    """What is wrong with a form."""
    made = await consents.keep(office.ports, office.school, office.account("dsl"), f"{entry}|{form}", values)
    assert isinstance(made, KeepQuestions), made
    return dict(made.faults)


async def told(
    office: Office, name: str = PUPIL, form: str = "", use: str = "website", who: str = "teacher"
) -> ConsentQuestions:
    """What somebody is told who asks."""
    value = name if name.startswith("person:") else f"text:{name}"
    values: Filled = {"consent_pupil": (value,), "consent_class": form, "consent_use": use}
    found = await consents.ask(office.ports, office.school, office.account(who), values)
    assert isinstance(found, ConsentQuestions)
    return found


async def verdict(office: Office, name: str = PUPIL, form: str = "", use: str = "website") -> Verdict | Unclear:
    """The same, in a word."""
    found = await told(office, name, form, use)
    assert not found.faults
    return found.unclear or found.answers[0].verdict


async def listed(office: Office, name: str = PUPIL) -> str:
    """A pupil as the typeahead gives them."""
    async with office.ports.store.transaction(office.school, write=False) as kept:
        return next(f"person:{p.id}" for p in await kept.search_people(name, 9) if p.kind is Kind.PUPIL)


async def without(office: Office, name: str) -> None:
    """The school's list of pupils, without one."""
    people = read_people(DEMO_SCHOOLS / "pupils.csv", Kind.PUPIL)
    stay = {key: p for key, p in people.items() if p.name != name}
    async with office.ports.store.transaction(office.school) as kept:
        await carry_out(kept, await plan_import(kept, Kind.PUPIL, stay), office.clock.now())  # type: ignore[arg-type]


async def test_only_a_keeper_records_and_only_staff_ask(office: Office) -> None:
    """A teacher may ask and no more; somebody who is not of the staff not even that."""
    file = await records(office, said(office, website="yes"))
    entry = file.entry.consent.id
    for who in ("teacher", "headteacher", "it", "stranger"):
        at = office.ports, office.school, office.account(who)
        for refusal in (
            await consents.ask_keep(*at),
            await consents.ask_keep(*at, entry),
            await consents.keep(*at, "|f", said(office, website="yes")),
            await consents.keep(*at, f"{entry}|f", said(office, website="no")),
            await consents.withdraw(*at, entry),
            await consents.erase(*at, entry),
            await consents.read(*at, entry),
            await consents.left(*at),
        ):
            assert isinstance(refusal, NotForYou), who
    stranger = office.ports, office.school, office.account("stranger")
    assert isinstance(await consents.begin(*stranger), NotForYou)
    assert isinstance(await consents.ask(*stranger, {}), NotForYou)
    assert (await told(office)).consent_ids == ()
    assert await verdict(office) is Verdict.YES
    assert (await told(office, who="deputy")).consent_ids == (entry,)


async def test_where_the_policy_does_not_speak_of_it_nobody_is_told_anything(office: Office) -> None:
    """Not even the lead."""
    school = replace(office.school, policy=replace(office.school.policy, consent=None))
    assert isinstance(await consents.begin(office.ports, school, office.account("dsl")), NotForYou)
    assert isinstance(await consents.ask_keep(office.ports, school, office.account("dsl")), NotForYou)


async def test_whoever_is_typed_is_found_on_the_list_and_the_other_way(office: Office) -> None:
    """Recorded by name, asked for by picking; the class is the list's."""
    file = await records(office, said(office, website="yes"))
    assert (file.entry.newest.form, f"person:{file.entry.consent.pupil_id}") == (CLASS, await listed(office))
    assert await verdict(office, await listed(office)) is Verdict.YES
    assert (await told(office, PUPIL.lower())).form == CLASS
    assert await verdict(office, form="7B") is Unclear.NOBODY
    assert await verdict(office, await listed(office, "Alfie")) is Unclear.NOBODY


async def test_a_yes_by_name_alone_is_lent_to_nobody_who_comes_later(office: Office) -> None:
    """The list had nobody of that name; then it has somebody, who may be another child. Recorded anew, what was said counts."""
    file = await records(office, said(office, TYPED, website="yes", press="no", film="yes"))
    assert await verdict(office, TYPED) is Verdict.YES
    people = read_people(DEMO_SCHOOLS / "pupils.csv", Kind.PUPIL)
    people["D099"] = replace(people["D003"], id="newcomer", name=TYPED)
    async with office.ports.store.transaction(office.school) as kept:
        await carry_out(kept, await plan_import(kept, Kind.PUPIL, people), office.clock.now())  # type: ignore[arg-type]
    for name in (TYPED, await listed(office, TYPED)):
        assert await verdict(office, name) is Verdict.NAME_ALONE
        assert await verdict(office, name, use="press") is Verdict.NO
    shown = await consents.read(office.ports, office.school, office.account("dsl"), file.entry.consent.id)
    assert isinstance(shown, ConsentFile)
    assert Verdict.YES not in {a.verdict for a in shown.answers}
    anew = await records(office, said(office, (await listed(office, TYPED),), website="yes"), form="g")
    assert anew.entry.consent.id == file.entry.consent.id
    assert await verdict(office, TYPED) is Verdict.YES
    assert await verdict(office, TYPED, use="film") is Verdict.NONE
    assert await verdict(office, TYPED, use="press") is Verdict.NO


async def test_a_namesake_on_the_list_makes_it_doubtful(office: Office) -> None:
    """Consent of the one is none of the other, though only one of them is in the register."""
    await records(office, said(office, website="yes"))
    people = read_people(DEMO_SCHOOLS / "pupils.csv", Kind.PUPIL)
    people["D099"] = replace(people["D003"], id="namesake", name=PUPIL, form="10B")
    async with office.ports.store.transaction(office.school) as kept:
        await carry_out(kept, await plan_import(kept, Kind.PUPIL, people), office.clock.now())  # type: ignore[arg-type]
    assert await verdict(office) is Unclear.SEVERAL
    assert await verdict(office, form="8C") is Verdict.YES
    assert await verdict(office, form="10B") is Unclear.NOBODY
    assert await refused(office, said(office, website="no")) == {"consent_class": Fault.SEVERAL_PUPILS}
    assert await verdict(office, form="8C") is Verdict.YES
    other = await records(office, said(office, form="10b", website="no"), form="h")
    assert other.entry.consent.pupil_id == "namesake"
    assert await verdict(office, form="10B") is Verdict.NO


async def test_another_name_under_the_same_number_has_nobody_s_yes(office: Office) -> None:
    """The list calls that pupil something else now: what was given is asked for and recorded anew."""
    await records(office, said(office, website="yes", press="no"))
    people = read_people(DEMO_SCHOOLS / "pupils.csv", Kind.PUPIL)
    key = next(key for key, p in people.items() if p.name == PUPIL)
    people[key] = replace(people[key], name="Beatrix Sampleford")
    async with office.ports.store.transaction(office.school) as kept:
        await carry_out(kept, await plan_import(kept, Kind.PUPIL, people), office.clock.now())  # type: ignore[arg-type]
    picked = await listed(office, "Beatrix Sampleford")
    assert await verdict(office, picked) is Verdict.RENAMED
    assert await verdict(office, "Beatrix Sampleford") is Verdict.RENAMED
    again = await records(office, said(office, (picked,), work="no"), form="h")
    assert again.entry.newest.name == "Beatrix Sampleford"
    assert set(again.entry.newest.grants) == {"press", "work"}
    assert await verdict(office, picked) is Verdict.NONE


async def renamed(office: Office, name: str, new: str, form: str = "") -> None:
    """The school's list has somebody by another name now, or in another class."""
    people = read_people(DEMO_SCHOOLS / "pupils.csv", Kind.PUPIL)
    key = next(key for key, p in people.items() if p.name == name)
    people[key] = replace(people[key], name=new, form=form or people[key].form)
    async with office.ports.store.transaction(office.school) as kept:
        await carry_out(kept, await plan_import(kept, Kind.PUPIL, people), office.clock.now())  # type: ignore[arg-type]


async def test_the_name_that_the_list_no_longer_has_finds_no_yes_either(office: Office) -> None:
    """Whoever types what it was recorded under is told the same as who types what the list says; the keeper too."""
    file = await records(office, said(office, website="yes"))
    await renamed(office, PUPIL, "Beatrix Sampleford")
    assert await verdict(office) is Verdict.RENAMED
    opened = await consents.read(office.ports, office.school, office.account("dsl"), file.entry.consent.id)
    assert isinstance(opened, ConsentFile)
    assert {a.verdict for a in opened.answers} == {Verdict.RENAMED, Verdict.NONE}


async def test_an_apostrophe_tells_no_two_pupils_apart(office: Office) -> None:
    """Whichever of the two spellings is typed, and whichever of them is in the register."""
    people = read_people(DEMO_SCHOOLS / "pupils.csv", Kind.PUPIL)
    for key, name, form in (("D098", "Ottoline O'Sample", "8C"), ("D099", "Ottoline OSample", "9F")):
        people[key] = replace(people["D003"], id=key, name=name, form=form)
    async with office.ports.store.transaction(office.school) as kept:
        await carry_out(kept, await plan_import(kept, Kind.PUPIL, people), office.clock.now())  # type: ignore[arg-type]
    await records(office, said(office, ("person:D098",), website="yes"))
    for typed in ("Ottoline O'Sample", "ottoline o\u2019sample", "Ottoline OSample"):
        assert await verdict(office, typed) is Unclear.SEVERAL, typed
        assert await verdict(office, typed, form="9F") is Unclear.NOBODY, typed
    assert await verdict(office, "Ottoline OSample", form="8C") is Verdict.YES


async def test_what_was_recorded_by_name_alone_is_no_yes_once_the_list_has_the_name_in_another_class(office: Office) -> None:
    """It may be the same pupil, who has moved up and whose parents have said no since; or somebody who has left."""
    await without(office, PUPIL)
    await records(office, said(office, form="7C", website="yes"))
    await renamed(office, PUPIL, PUPIL)
    await records(office, said(office, (await listed(office),), website="no"), form="h")
    assert await verdict(office) is Unclear.SEVERAL
    assert await verdict(office, form=CLASS) is Verdict.NO
    assert await verdict(office, form="7C") is Verdict.LEFT
    # A keeper is shown the way to it all the same.
    assert (await told(office, form="7C", who="dsl")).consent_ids


async def test_a_pupil_has_one_entry_however_often_something_is_said(office: Office) -> None:
    """What is not spoken of stays; the same form twice is one version."""
    first = await records(office, said(office, website="yes", press="no"))
    again = await records(office, said(office, website="yes", press="no"))
    assert again.entry.consent == first.entry.consent
    second = await records(office, said(office, press="yes"), form="h")
    assert second.entry.consent.id == first.entry.consent.id
    assert second.entry.consent.versions == 2
    assert {use: g.said for use, g in second.entry.newest.grants.items()} == {"website": Said.YES, "press": Said.YES}
    assert [v.kept for v, _ in second.history] == [Kept.RECORDED, Kept.CHANGED]
    assert len(await office.rows(t.consents)) == 1


async def test_a_withdrawal_holds_at_once_and_twice_is_once(office: Office) -> None:
    """Every yes, in one press."""
    file = await records(office, said(office, website="yes", press="no"))
    at = office.ports, office.school, office.account("deputy")
    for _ in range(2):
        found = await consents.withdraw(*at, file.entry.consent.id)
        assert isinstance(found, ConsentFile)
        assert found.entry.consent.versions == 2
    assert await verdict(office) is Verdict.WITHDRAWN
    assert await verdict(office, use="press") is Verdict.NO


async def test_a_yes_ends_when_the_policy_says_whatever_the_slip_does(office: Office) -> None:
    """A year in this policy; a slip may say less, and not more."""
    five = (office.clock.now() + timedelta(days=5 * 365)).isoformat()
    await records(office, said(office, website="yes", consent_until=five))
    soon = (office.clock.now() + timedelta(days=3)).isoformat()
    await records(office, said(office, press="yes", consent_until=soon), form="h")
    assert await verdict(office, use="press") is Verdict.YES
    office.clock.advance(days=3)
    assert await verdict(office, use="press") is Verdict.LAPSED
    office.clock.advance(days=361)
    assert await verdict(office) is Verdict.YES
    office.clock.advance(days=2)
    assert await verdict(office) is Verdict.LAPSED


@pytest.mark.parametrize(
    ("field", "value", "fault"),
    [
        ("consent_pupil", (), Fault.MISSING),
        ("consent_pupil", ("text:   ",), Fault.MISSING),
        ("consent_pupil", ("text:--",), Fault.MISSING),
        ("consent_pupil", ("person:nobody",), Fault.PERSON_GONE),
        ("consent_pupil", ("text:Bea Exemplar", "text:Dot Fictive"), Fault.NOT_A_PUPIL),
        ("consent_class", "x" * 65, Fault.TOO_LONG),
        ("consent_by", "a friend", Fault.UNKNOWN_CHOICE),
        ("consent_by", "", Fault.MISSING),
        ("consent_since", "2099-01-01T09:00:00+00:00", Fault.IN_FUTURE),
        ("consent_until", "2020-01-01T09:00:00+00:00", Fault.BEFORE_ITS_START),
        ("consent_use_website", "perhaps", Fault.UNKNOWN_CHOICE),
        ("consent_use_website", "", Fault.MISSING),
        ("consent_note", "x" * 301, Fault.TOO_LONG),
    ],
)
async def test_what_is_wrong_is_said_at_the_field(
    office: Office, field: str, value: str | tuple[str, ...], fault: Fault
) -> None:
    """And nothing is kept."""
    values: Filled = {**said(office, website="yes"), field: value}
    assert await refused(office, values) == {field: fault}
    assert await office.rows(t.consents) == []


async def test_a_member_of_staff_is_no_pupil(office: Office) -> None:
    """Neither to record nor to ask."""
    assert await refused(office, said(office, (office.picked("it"),), website="yes")) == {"consent_pupil": Fault.NOT_A_PUPIL}
    assert (await told(office, office.picked("it"))).faults == {"consent_pupil": Fault.NOT_A_PUPIL}


async def test_an_older_yes_is_refused_after_a_no(office: Office) -> None:
    """Whether the entry is known when the form is sent, or found by the name."""
    file = await records(office, said(office, website="no"))
    old = (office.clock.now() - timedelta(days=9)).isoformat()
    for entry in ("", file.entry.consent.id):
        values = said(office, website="yes", consent_since=old)
        assert await refused(office, values, entry) == {"consent_since": Fault.OLDER_THAN_A_NO}
    assert await verdict(office) is Verdict.NO


async def test_a_form_from_before_a_no_does_not_overtake_it_unseen(office: Office) -> None:
    """Two keepers have the entry before them: the yes of the one is asked for again once the other has recorded a no."""
    file = await records(office, said(office, press="yes"))
    lead = office.ports, office.school, office.account("dsl")
    before = await consents.ask_keep(*lead, file.entry.consent.id)
    assert isinstance(before, KeepQuestions)
    await records(office, said(office, website="no"), who="deputy", entry=file.entry.consent.id, form="h")
    values: Filled = {**said(office, website="yes"), "consent_since": ""}
    again = await consents.keep(*lead, before.state, values)
    assert isinstance(again, KeepQuestions)
    assert again.faults == {"consent_since": Fault.OLDER_THAN_A_NO}
    assert await verdict(office) is Verdict.NO
    assert isinstance(await consents.keep(*lead, again.state, values), ConsentFile)
    assert await verdict(office) is Verdict.YES


async def test_whoever_leaves_has_no_yes_any_more_and_is_brought_up(office: Office) -> None:
    """Off the school's list, then forgotten there: the entry waits for somebody to erase it."""
    file = await records(office, said(office, website="yes"))
    at = office.ports, office.school, office.account("dsl")
    await without(office, PUPIL)
    for _ in range(2):
        assert await verdict(office) is Verdict.LEFT
        found = await consents.left(*at)
        assert isinstance(found, LeftList)
        assert [e.consent.id for e in found.entries] == [file.entry.consent.id]
        await tidy(office.database, office.clock.now())
    assert isinstance(await consents.erase(*at, file.entry.consent.id), ConsentErased)
    assert await verdict(office) is Unclear.NOBODY
    assert await office.rows(t.consent_versions) == []
    assert isinstance(await consents.erase(*at, file.entry.consent.id), NotForYou)
    assert await amiss(office) == []


async def amiss(office: Office) -> list[Amiss]:
    """What the audit says is not as it was committed to."""
    (chain,) = await follow_chains(office.database, words=True)
    return [unkept.amiss for unkept in chain.unkept or ()]


async def test_what_is_changed_beside_it_the_audit_finds(office: Office) -> None:
    """A mark put beside another name, an entry taken away."""
    no = await records(office, said(office, website="no"))
    yes = await records(office, said(office, TYPED, website="yes"), form="h")
    await records(office, said(office, press="no"), form="i")
    assert await amiss(office) == []
    c, v = t.consents.c, t.consent_versions.c
    async with office.database.begin() as connection:
        mark = (await connection.execute(select(c.name_mark).where(c.id == no.entry.consent.id))).scalar_one()
        await connection.execute(update(t.consents).where(c.id == yes.entry.consent.id).values(name_mark=mark))
    assert await amiss(office) == [Amiss.CHANGED]
    # And nobody is told yes by it meanwhile.
    assert await verdict(office) is Verdict.NO
    async with office.database.begin() as connection:
        await connection.execute(delete(t.consent_versions).where(v.consent_id == yes.entry.consent.id))
        await connection.execute(delete(t.consents).where(c.id == yes.entry.consent.id))
    assert await amiss(office) == [Amiss.GONE]


async def test_an_entry_that_was_erased_and_is_there_again_the_audit_finds(office: Office) -> None:
    """Whoever has the database alone can put the rows back, and not take the word of it out of the audit."""
    file = await records(office, said(office, website="yes"))
    lines, versions = await office.rows(t.consents), await office.rows(t.consent_versions)
    await consents.erase(office.ports, office.school, office.account("dsl"), file.entry.consent.id)
    assert await amiss(office) == []
    async with office.database.begin() as connection:
        await connection.execute(insert(t.consents), [dict(row._mapping) for row in lines])
        await connection.execute(insert(t.consent_versions), [dict(row._mapping) for row in versions])
    assert await amiss(office) == [Amiss.ADDED]


async def test_nothing_of_it_stands_in_plain_text(office: Office) -> None:
    """Neither name, class nor note: not in its tables, and not in the audit."""
    await records(office, said(office, TYPED, "9F", website="yes", consent_note="Slip with Aunt Ottoline"))
    await told(office, TYPED)
    shown = str([await office.rows(table) for table in (t.consents, t.consent_versions, t.audit)])
    for word in (TYPED, "Quincy", "nettlefold", "Ottoline"):
        assert word not in shown


async def test_what_is_held_about_a_pupil_has_what_was_said_for_them(office: Office) -> None:
    """By the list, and by a name that may be theirs; nobody else's."""
    await records(office, said(office, website="yes", consent_note="Dot Fictive brought the slip"))
    await records(office, said(office, "Beatrice Exemplar", "9F", website="no"), form="h")
    await records(office, said(office, TYPED, website="no"), form="i")
    held = await gather(office.ports, office.school, office.account("dsl"), (await listed(office),))
    assert isinstance(held, Held)
    assert {(c.entry.newest.name, c.sure) for c in held.consents} == {(PUPIL, True), ("Beatrice Exemplar", False)}
    (sure,) = [c for c in held.consents if c.sure]
    assert "Fictive" not in sure.versions[0][1]
    page = subject_page.page(office.school, held)
    assert "Consent for pictures and work: Bea Exemplar, 8C" in page
    assert "website: yes, by a parent or carer" in page
    assert [(c.entry.newest.name, c.similar) for c in held.consents if not c.sure] == [("Beatrice Exemplar", True)]
    assert "for Beatrice Exemplar has a name that is only similar" in page
    assert "Beatrice Exemplar, 9F [a similar name: take this out unless it is theirs]" in page
    answer = page.partition('contenteditable="true"')[2]
    assert "brought the slip" in answer
    assert "Fictive" not in answer
    typed = await gather(office.ports, office.school, office.account("dsl"), (f"text:{TYPED}",))
    assert isinstance(typed, Held)
    assert [(c.sure, c.similar) for c in typed.consents] == [(False, False)]
    assert "was recorded by name alone: check that it is theirs" in subject_page.page(office.school, typed)
