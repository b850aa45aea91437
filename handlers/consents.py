"""Ask before publishing, and the register that is asked: recorded, changed, withdrawn and erased by those who keep it.

A name is typed and read in dialogs alone. What is recorded is a version of its own, in the audit by a commitment in the same
transaction; who asked about whom is there too, by the entry's id. The right is checked on each request.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TypeAlias

from domain.access import may_ask_consent, may_keep_consent
from domain.consent_terms import ConsentTerms, GivenBy, Use
from domain.consents import (
    BY_FIELD,
    CLASS_FIELD,
    EVERY_USE,
    LONGEST_CLASS,
    LONGEST_NAME,
    LONGEST_NOTE,
    NAME_FIELD,
    NOTE_FIELD,
    SINCE_FIELD,
    UNTIL_FIELD,
    USE_FIELD,
    ConsentErased,
    ConsentFile,
    ConsentQuestions,
    Entry,
    Grant,
    KeepQuestions,
    Kept,
    LeftList,
    Meant,
    Said,
    Unclear,
    after,
    answers_for,
    as_called,
    carried,
    meant_by,
    namesakes,
    next_version,
    overtakes,
    standing,
    withdrawn,
)
from domain.names import plain_name
from domain.people import Account, Kind, Person, School
from domain.report_form import Fault, Filled
from handlers import filled
from handlers.acknowledge import NotForYou
from handlers.ask import same_id
from handlers.ports import Ports, Records
from handlers.rights import viewer
from handlers.working import AtTheDesk

MOST_LISTED = 20
_MOST_NAMESAKES = 1000
"""Among so many who share the beginnings of a name those are looked for who have all of it."""
_LONGEST_ID = 36
_TYPED = "text:"

KeepOutcome: TypeAlias = KeepQuestions | ConsentFile | NotForYou


@dataclass(frozen=True, slots=True)
class _Desk(AtTheDesk):
    """Somebody who asks or records, at a school that asks for consent."""

    terms: ConsentTerms

    @property
    def keeps(self) -> bool:
        return may_keep_consent(self.looking)

    async def entry(self, consent_id: str) -> Entry | None:
        found = await self.records.consent(consent_id) if 0 < len(consent_id) <= _LONGEST_ID else None
        if found is None or found.consent.pupil_id is not None:
            return (await _as_called(self.records, [found]))[0] if found is not None else None
        # What the list says of whoever is recorded by name stands beside the entry as well.
        known = await _namesakes(self.records, Person("", Kind.PUPIL, found.newest.name))
        return next((e for m in known for e in m.entries if e.consent.id == consent_id), found)


async def _desk(ports: Ports, records: Records, school: School, account: Account) -> _Desk | None:
    """Whoever may ask; None for anybody else, and where the policy does not speak of consent."""
    looking = await viewer(records, school, account)
    terms = school.policy.consent
    return _Desk(ports, records, looking, ports.clock.now(), terms) if terms is not None and may_ask_consent(looking) else None


async def _keeper(ports: Ports, records: Records, school: School, account: Account) -> _Desk | None:
    desk = await _desk(ports, records, school, account)
    return desk if desk is not None and desk.keeps else None


# To ask


async def begin(ports: Ports, school: School, account: Account) -> ConsentQuestions | NotForYou:
    """The form in which somebody asks before they publish something."""
    async with ports.store.transaction(school, write=False) as records:
        desk = await _desk(ports, records, school, account)
        return ConsentQuestions(desk.terms, keeps=desk.keeps) if desk is not None else NotForYou()


async def ask(ports: Ports, school: School, account: Account, values: Filled) -> ConsentQuestions | NotForYou:
    """What may be published of the pupil who is named. That it was asked is noted, by the entry and never by a name."""
    async with ports.store.transaction(school) as records:
        desk = await _desk(ports, records, school, account)
        if desk is None:
            return NotForYou()
        faults: dict[str, Fault] = {}
        who = await _named(records, values, faults)
        form = filled.text(values, CLASS_FIELD)
        faults |= {CLASS_FIELD: Fault.TOO_LONG} if len(form) > LONGEST_CLASS else {}
        chosen = filled.chosen(values, USE_FIELD, (EVERY_USE, *desk.terms.uses), faults)
        questions = ConsentQuestions(desk.terms, values, faults, label=who.name if who is not None else "", keeps=desk.keeps)
        if who is None or faults:
            return questions
        uses = [use for use in desk.terms.uses.values() if chosen in (EVERY_USE, use.id)]
        found = meant_by(await _namesakes(records, who), who.id or None, form)
        if len(found) != 1:
            await desk.note("consent.asked", use=chosen, found=len(found))
            return replace(questions, name=who.name, form=form, unclear=Unclear.SEVERAL if found else Unclear.NOBODY)
        (meant,) = found
        return await _answered(desk, questions, who, meant, uses, chosen)


async def _answered(
    desk: _Desk, questions: ConsentQuestions, who: Person, meant: Meant, uses: Iterable[Use], chosen: str
) -> ConsentQuestions:
    ids = tuple(entry.consent.id for entry in meant.entries)
    for consent_id in ids:
        await desk.note("consent.asked", use=chosen, found=1, consent=consent_id)
    if not ids:
        await desk.note("consent.asked", use=chosen, found=0)
    return replace(
        questions,
        name=meant.entries[0].newest.name if ids and not who.id else who.name,
        form=meant.form,
        unclear=None if ids else Unclear.NOBODY,
        answers=answers_for(desk.terms, meant, uses, desk.now),
        consent_ids=ids if desk.keeps else (),
    )


async def _named(records: Records, values: Filled, faults: dict[str, Fault]) -> Person | None:
    """The one pupil who was picked from the list or typed; a typed one has no id."""
    value = values.get(NAME_FIELD, ())
    several = not isinstance(value, str) and len(value) > 1
    picked = filled.picked(values, NAME_FIELD)
    if not picked or several:
        faults[NAME_FIELD] = Fault.NOT_A_PUPIL if several else Fault.MISSING
        return None
    if picked.startswith(filled.PERSON):
        person_id = picked.removeprefix(filled.PERSON)
        person = (await records.people([person_id])).get(person_id) if len(person_id) <= _LONGEST_ID else None
        if person is None or person.kind is not Kind.PUPIL:
            faults[NAME_FIELD] = Fault.PERSON_GONE if person is None else Fault.NOT_A_PUPIL
            return None
        return person
    name = " ".join(picked.removeprefix(_TYPED).split())
    if not plain_name(name) or len(name) > LONGEST_NAME:
        faults[NAME_FIELD] = Fault.TOO_LONG if len(name) > LONGEST_NAME else Fault.MISSING
        return None
    return Person("", Kind.PUPIL, name)


async def _namesakes(records: Records, who: Person) -> tuple[Meant, ...]:
    """Everybody whom the name may mean: on the school's list, and in the register."""
    entries = {e.consent.id: e for e in await records.consents_named({who.name})}
    plain, listed = plain_name(who.name), {who.id: who} if who.id else {}
    # Word by word: the list finds no word by another spelling of its apostrophe, and whoever has that is a namesake too.
    for word in sorted({w for w in plain.split() if len(w) > 1} or {plain}):
        people = await records.search_people(word, _MOST_NAMESAKES)
        listed |= {p.id: p for p in people if p.kind is Kind.PUPIL and plain_name(p.name) == plain}
    entries |= {e.consent.id: e for e in await records.consents_of(listed)}
    # Under the name that was typed the list may have nobody, because it has them by another now.
    return namesakes(listed.values(), await _as_called(records, entries.values()))


async def _as_called(records: Records, entries: Iterable[Entry]) -> list[Entry]:
    entries = list(entries)
    ids = {e.consent.pupil_id for e in entries if e.consent.pupil_id is not None}
    return as_called(entries, (await records.people(sorted(ids))).values())


# To record


async def ask_keep(ports: Ports, school: School, account: Account, consent_id: str = "") -> KeepOutcome:
    """The form in which a keeper records what was said: for whoever they name, or for an entry that is there."""
    async with ports.store.transaction(school) as records:
        desk = await _keeper(ports, records, school, account)
        entry = await desk.entry(consent_id) if desk is not None and consent_id else None
        if desk is None or (consent_id and entry is None):
            return NotForYou()
        if entry is not None:
            await desk.note("consent.read", consent=consent_id)
        return KeepQuestions(desk.terms, ports.new_id(), desk.now, entry=entry)


async def keep(ports: Ports, school: School, account: Account, state: str, values: Filled) -> KeepOutcome:
    """Keeps what was said for a pupil. What was not spoken of stays as it was. The same form sent again changes nothing."""
    consent_id, form_id, seen = (*state.split("|"), "", "", "")[:3]
    async with ports.store.transaction(school) as records:
        desk = await _keeper(ports, records, school, account)
        entry = await desk.entry(consent_id) if desk is not None and consent_id else None
        stale = entry is not None and seen not in {"", str(entry.consent.versions)}
        if desk is None or not form_id or (consent_id and entry is None):
            return NotForYou()
        kept_as = same_id("consent", consent_id, desk.person, form_id)
        before = await records.has_consent_version(kept_as)
        if before is not None and (kept := await desk.entry(before)) is not None:
            return await _file(desk, kept, saved=True)
        faults: dict[str, Fault] = {}
        said = _said(desk, values, faults)
        note = filled.text(values, NOTE_FIELD)
        faults |= {NOTE_FIELD: Fault.TOO_LONG} if len(note) > LONGEST_NOTE else {}
        questions = KeepQuestions(desk.terms, form_id, desk.now, values, faults, entry=entry, stale=stale)
        meant = None
        if entry is None:
            who = await _named(records, values, faults)
            form = filled.text(values, CLASS_FIELD)
            faults |= {CLASS_FIELD: Fault.TOO_LONG} if len(form) > LONGEST_CLASS else {}
            questions = replace(questions, label=who.name if who is not None else "")
            meant = await _whose(records, who, form, faults) if who is not None else None
            entry = meant[1] if meant is not None else None
        pupil = await _as_listed(records, entry) if meant is None else meant[0]
        grants = carried(entry, pupil) if pupil is not None else {}
        # A no that was recorded while the form was open has not been seen by whoever says yes.
        if any(not overtakes(g, grants.get(use), unseen=stale) for use, g in said.items()):
            faults[SINCE_FIELD] = Fault.OLDER_THAN_A_NO
        if faults:
            if entry is not None:
                await desk.note("consent.read", consent=entry.consent.id)
            return questions
        assert pupil is not None
        kind = Kept.CHANGED if entry is not None else Kept.RECORDED
        return await _kept(desk, entry, pupil, kind, after(grants, said), kept_as, note)


def _said(desk: _Desk, values: Filled, faults: dict[str, Fault]) -> dict[str, Grant]:
    """What the form says of each use that it speaks of."""
    by = filled.chosen(values, BY_FIELD, list(GivenBy), faults)
    since = filled.past(desk.school, values, SINCE_FIELD, faults, desk.now)
    ends = filled.moment(desk.school, values, UNTIL_FIELD, faults)
    if ends is not None and ends <= max(since, desk.now):
        faults[UNTIL_FIELD] = Fault.BEFORE_ITS_START if ends <= since else Fault.IN_PAST
    spoken: dict[str, Said] = {}
    for use in desk.terms.uses.values():
        if typed := filled.text(values, use.field):
            word = filled.chosen(values, use.field, list(Said), faults)
            spoken |= {use.id: Said(word)} if word == typed and use.field not in faults else {}
    if not spoken:
        faults.setdefault(next(iter(desk.terms.uses.values())).field, Fault.MISSING)
    if faults:
        return {}
    # No longer than the policy lets it hold, whatever is written on a slip.
    local = since.astimezone(desk.school.calendar.timezone)
    until = min((end for end in (ends, desk.terms.until(local)) if end is not None), default=None)
    return {use: Grant(said, GivenBy(by), since, until if said is Said.YES else None) for use, said in spoken.items()}


async def _whose(records: Records, who: Person, form: str, faults: dict[str, Fault]) -> tuple[Person, Entry | None] | None:
    """The one pupil for whom something is recorded, as the list or the keeper has them, and their entry if there is one."""
    found = meant_by(await _namesakes(records, who), who.id or None, form)
    if len(found) > 1:
        faults[CLASS_FIELD] = Fault.SEVERAL_PUPILS
        return None
    if not found:
        return replace(who, form=form), None
    (meant,) = found
    listed = (await records.people([meant.pupil_id])).get(meant.pupil_id) if meant.pupil_id is not None else None
    entry = next(iter(meant.entries), None)
    if listed is not None:
        return listed, entry
    return replace(who, id=meant.pupil_id or "", form=form or meant.form), entry


async def _as_listed(records: Records, entry: Entry | None) -> Person | None:
    """Whose an entry is, by the name and class that the list has now."""
    if entry is None:
        return None
    newest, pupil_id = entry.newest, entry.consent.pupil_id
    listed = (await records.people([pupil_id])).get(pupil_id) if pupil_id is not None else None
    return listed or Person(pupil_id or "", Kind.PUPIL, newest.name, form=newest.form)


async def withdraw(ports: Ports, school: School, account: Account, consent_id: str) -> ConsentFile | NotForYou:
    """Withdraws every yes of an entry: whoever asks from now on is told no."""
    async with ports.store.transaction(school) as records:
        desk = await _keeper(ports, records, school, account)
        entry = await desk.entry(consent_id) if desk is not None else None
        if desk is None or entry is None:
            return NotForYou()
        grants = withdrawn(entry.newest.grants, desk.now)
        if grants == entry.newest.grants:
            return await _file(desk, entry)
        pupil = await _as_listed(records, entry)
        assert pupil is not None
        kept_as = same_id("consent", consent_id, Kept.WITHDRAWN, str(entry.consent.versions))
        return await _kept(desk, entry, pupil, Kept.WITHDRAWN, grants, kept_as, "")


async def _kept(
    desk: _Desk, entry: Entry | None, pupil: Person, kind: Kept, grants: dict[str, Grant], kept_as: str, note: str
) -> ConsentFile:
    version = next_version(entry, pupil, kind, grants, kept_as, desk.person, desk.now, note)
    new = standing(version)
    (committed,) = await desk.records.keep_consents([(new, version)])
    action = "consent.changed" if entry is not None else "consent.recorded"
    await desk.note(action, consent=new.id, kept=kind, number=version.number, committed=committed)
    left = entry is not None and entry.left
    return await _file(desk, await desk.entry(new.id) or Entry(new, version, left), saved=True)


async def erase(ports: Ports, school: School, account: Account, consent_id: str) -> ConsentErased | NotForYou:
    """Takes an entry away with all that was recorded in it. Nothing is then recorded for that pupil, which is a no."""
    async with ports.store.transaction(school) as records:
        desk = await _keeper(ports, records, school, account)
        entry = await desk.entry(consent_id) if desk is not None else None
        if desk is None or entry is None:
            return NotForYou()
        await records.erase_consent(consent_id)
        await desk.note("consent.erased", consent=consent_id, versions=entry.consent.versions)
        return ConsentErased()


# To look at


async def read(ports: Ports, school: School, account: Account, consent_id: str) -> ConsentFile | NotForYou:
    """An entry with its history, for those who keep the register. It is noted as read."""
    async with ports.store.transaction(school) as records:
        desk = await _keeper(ports, records, school, account)
        entry = await desk.entry(consent_id) if desk is not None else None
        return await _file(desk, entry) if desk is not None and entry is not None else NotForYou()


async def left(ports: Ports, school: School, account: Account) -> LeftList | NotForYou:
    """Entries of pupils who are not on the school's list any more: a person decides whether each is erased."""
    async with ports.store.transaction(school) as records:
        desk = await _keeper(ports, records, school, account)
        if desk is None:
            return NotForYou()
        found = await records.consents_of_those_who_left(MOST_LISTED + 1)
        await desk.note("consent.listed", count=len(found[:MOST_LISTED]))
        return LeftList(desk.terms, tuple(found[:MOST_LISTED]), len(found) > MOST_LISTED)


async def _file(desk: _Desk, entry: Entry, *, saved: bool = False) -> ConsentFile:
    versions = await desk.records.consent_versions(entry.consent.id)
    names = await desk.records.names_of_staff({v.person_id for v in versions if v.person_id})
    await desk.note("consent.read", consent=entry.consent.id)
    meant = Meant(entry.consent.pupil_id, entry.newest.form, (entry,))
    answers = answers_for(desk.terms, meant, desk.terms.uses.values(), desk.now)
    return ConsentFile(desk.terms, entry, answers, tuple((v, names.get(v.person_id, "")) for v in versions), saved)
