"""What staff sign: who is asked, the signature, gentle reminders that stop, and who has not signed yet.

A signature is kept with its name, time, version and the hash of what was shown, in the audit by a commitment in the same
transaction. Whoever is told has the titles in the chat, and reads and signs in a dialog.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

from domain.access import has_to_sign, may_read_gaps, signers_of
from domain.agreements import Agreement, AgreementKind
from domain.exports import MadeAlready, Page
from domain.incident import Delivery, MessageKind, Outgoing
from domain.messages import SigningMessage
from domain.people import Account, Person, School
from domain.report_form import Fault, Filled
from domain.signings import (
    ATTENDED_FIELD,
    DONE_FIELD,
    MOST_REMINDERS,
    REMINDED_AFTER_DAYS,
    AgreementPage,
    AttendedForm,
    Gap,
    GapPage,
    GivenSignature,
    Signer,
    Signing,
    SigningExport,
    SignMenu,
    ToSign,
    signed_otherwise,
    until_of,
)
from handlers import filled
from handlers.acknowledge import NotForYou
from handlers.alerting import on_platforms
from handlers.ask import same_id
from handlers.exports import made_with
from handlers.ports import Ports, Records
from handlers.rights import member, viewer
from handlers.working import AtTheDesk

PAGE_LINES = 20
MOST_ATTENDED = 30
"""So many are entered at once as having been at a training."""
MOST_A_MINUTE = 30
"""So many people of a school are told in a minute: well under what a chat takes, so that an alert waits behind none of it."""

_REST = timedelta(days=2)
"""So long nobody is reminded by hand after they have been told."""
_AT_ONCE = 50
_ALL_A_MINUTE = 60

SignOutcome: TypeAlias = AgreementPage | NotForYou
ListOutcome: TypeAlias = GapPage | NotForYou
EnterOutcome: TypeAlias = AttendedForm | GapPage | NotForYou


@dataclass(frozen=True, slots=True)
class _Desk(AtTheDesk):
    """Somebody who signs, or looks who has."""

    def to_sign(self, agreement_id: str) -> Agreement | None:
        """What of theirs has that id."""
        found = self.school.agreements.get(agreement_id)
        return found if found is not None and has_to_sign(self.looking, found) else None

    def to_list(self, agreement_id: str) -> Agreement | None:
        """The agreement of that id, if they may read who has not signed it."""
        found = self.school.agreements.get(agreement_id)
        return found if found is not None and may_read_gaps(self.looking, found) else None


async def _desk(ports: Ports, records: Records, school: School, account: Account) -> _Desk:
    return _Desk(ports, records, await viewer(records, school, account), ports.clock.now())


# To read and to sign


async def menu(ports: Ports, school: School, account: Account) -> SignMenu | NotForYou:
    """What somebody has to sign, the most urgent first, and has signed; and the lists that they may read."""
    async with ports.store.transaction(school, write=False) as records:
        desk = await _desk(ports, records, school, account)
        if not desk.person or not school.agreements:
            return NotForYou()
        items = await _items(desk, desk.person)
        lists = []
        for agreement in school.agreements.values():
            if may_read_gaps(desk.looking, agreement):
                missing, of = await _missing(desk, agreement)
                lists.append((agreement, len(missing), of))
        return SignMenu(tuple(sorted(items, key=lambda i: (not i.wanted, i.due))), tuple(lists))


async def read(ports: Ports, school: School, account: Account, agreement_id: str) -> SignOutcome:
    """What somebody has to sign, or has signed, to read."""
    async with ports.store.transaction(school, write=False) as records:
        desk = await _desk(ports, records, school, account)
        agreement = desk.to_sign(agreement_id)
        return await _page(desk, agreement) if agreement is not None else NotForYou()


async def sign(ports: Ports, school: School, account: Account, state: str, values: Filled) -> SignOutcome:
    """Keeps a signature. A text that has changed meanwhile is shown first. The same form sent again changes nothing."""
    agreement_id, seen, form_id = (*state.split("|"), "", "", "")[:3]
    async with ports.store.transaction(school) as records:
        desk = await _desk(ports, records, school, account)
        agreement, person = desk.to_sign(agreement_id), desk.looking.staff.get(desk.person)
        if agreement is None or person is None or not form_id:
            return NotForYou()
        kept_as = same_id("agreement", agreement.id, person.id, form_id)
        if await records.has_signature(kept_as):
            return await _page(desk, agreement, just=True)
        faults = dict[str, Fault]()
        done_at = _when_done(desk, agreement, values, faults)
        if faults or seen != agreement.text_hash:
            page = await _page(desk, agreement)
            return replace(page, form_id=form_id, filled=values, faults=faults, stale=seen != agreement.text_hash)
        signing = await records.hold_signing(_asked(desk, agreement, person))
        if signing.asks(agreement, desk.now):
            await _signed(desk, agreement, person, signing, kept_as, done_at)
        outcome = await _page(desk, agreement, just=True)
    ports.wake()
    return outcome


def _when_done(desk: _Desk, agreement: Agreement, values: Filled, faults: dict[str, Fault]) -> datetime | None:
    """When a training was that somebody was at: it has been, and is not so long ago that it counts no more."""
    if agreement.kind is not AgreementKind.TRAINING:
        return None
    if not filled.text(values, DONE_FIELD):
        faults[DONE_FIELD] = Fault.MISSING
        return None
    done_at = filled.past(desk.school, values, DONE_FIELD, faults, desk.now)
    until = until_of(agreement, done_at, desk.school.calendar.timezone)
    if until is not None and until <= desk.now:
        faults[DONE_FIELD] = Fault.TOO_LONG_AGO
    return done_at


# Who has not signed


async def gaps(ports: Ports, school: School, account: Account, agreement_id: str, after: str = "") -> ListOutcome:
    """Who has not signed, by name. It is noted as read."""
    async with ports.store.transaction(school) as records:
        desk = await _desk(ports, records, school, account)
        agreement = desk.to_list(agreement_id)
        return await _gaps(desk, agreement, after) if agreement is not None else NotForYou()


async def export(
    ports: Ports, school: School, account: Account, agreement_id: str, page_id: str = ""
) -> SigningExport | MadeAlready | NotForYou:
    """How everybody stands with an agreement and every signature to it, for those who read who has not signed. It is noted.

    `page_id`: of the page that is to be made. Where there is one, nothing is taken out a second time.
    """
    async with ports.store.transaction(school) as records:
        desk = await _desk(ports, records, school, account)
        agreement = desk.to_list(agreement_id)
        if agreement is None:
            return NotForYou()
        made = await made_with(records, page_id, desk.now) if page_id else ""
        if isinstance(made, Page):
            return MadeAlready(made)
        missing, _ = await _missing(desk, agreement)
        without = {p.id for p in missing}
        people = signers_of(school, desk.looking.staff, agreement)
        given = await records.signatures_to(agreement.id)
        when = {s.person_id: s.at for s in given if s.version == agreement.version}
        signed = [(p.name, when[p.id]) for p in sorted(people, key=_by_name) if p.id not in without]
        names = await records.names_of_staff({s.by_id for s in given})
        await desk.note("agreement.exported", agreement=agreement.id, lines=len(given))
        return SigningExport(agreement, desk.now, await _shown(desk, agreement, missing), tuple(signed), given, names)


async def remind(ports: Ports, school: School, account: Account, agreement_id: str) -> ListOutcome:
    """Has whoever has not signed told once more, but for those who were told just now."""
    async with ports.store.transaction(school) as records:
        desk = await _desk(ports, records, school, account)
        agreement = desk.to_list(agreement_id)
        if agreement is None:
            return NotForYou()
        missing, _ = await _missing(desk, agreement)
        known = await records.signers([p.id for p in missing])
        at, count = _first_at(school, desk.now), 0
        for person in missing:
            signer = known.get(person.id) or _new_signer(school, person)
            if signer.told_at is not None and signer.told_at > desk.now - _REST:
                continue
            await records.save_signer(replace(signer, reminded=MOST_REMINDERS - 1, next_at=signer.next_at or at))
            count += 1
        await desk.note("agreement.reminded", agreement=agreement.id, count=count)
        return replace(await _gaps(desk, agreement), reminded=count)


async def ask_attended(ports: Ports, school: School, account: Account, agreement_id: str) -> EnterOutcome:
    """The form to enter who was at a training."""
    async with ports.store.transaction(school, write=False) as records:
        desk = await _desk(ports, records, school, account)
        agreement = desk.to_list(agreement_id)
        if agreement is None or agreement.kind is not AgreementKind.TRAINING:
            return NotForYou()
        return AttendedForm(agreement, ports.new_id(), desk.now)


async def enter_attended(ports: Ports, school: School, account: Account, state: str, values: Filled) -> EnterOutcome:
    """Enters for several of the staff that they were at a training. The same form sent again changes nothing."""
    agreement_id, form_id = (*state.split("|"), "", "")[:2]
    async with ports.store.transaction(school) as records:
        desk = await _desk(ports, records, school, account)
        agreement = desk.to_list(agreement_id)
        if agreement is None or agreement.kind is not AgreementKind.TRAINING or not form_id:
            return NotForYou()
        faults = dict[str, Fault]()
        done_at = _when_done(desk, agreement, values, faults)
        staff, picked = desk.looking.staff, _all_picked(values)
        people = [p for v in picked if (p := staff.get(v.removeprefix(filled.PERSON))) is not None]
        if not picked:
            faults[ATTENDED_FIELD] = Fault.MISSING
        elif len(people) < len(picked) or not {p.id for p in people} <= {p.id for p in signers_of(school, staff, agreement)}:
            faults[ATTENDED_FIELD] = Fault.NOT_STAFF
        elif len(people) > MOST_ATTENDED:
            faults[ATTENDED_FIELD] = Fault.TOO_MANY_AT_ONCE
        if faults:
            names = {v: p.name for v in picked if (p := staff.get(v.removeprefix(filled.PERSON))) is not None}
            return AttendedForm(agreement, form_id, desk.now, values, faults, names)
        for person in people:
            kept_as = same_id("agreement", agreement.id, person.id, form_id)
            signing = await records.hold_signing(_asked(desk, agreement, person))
            known = await records.has_signature(kept_as)
            if not known and (signing.asks(agreement, desk.now) or _counts_longer(desk, agreement, signing, done_at)):
                await _signed(desk, agreement, person, signing, kept_as, done_at)
        outcome = replace(await _gaps(desk, agreement), entered=len(people))
    ports.wake()
    return outcome


def _counts_longer(desk: _Desk, agreement: Agreement, signing: Signing, done_at: datetime | None) -> bool:
    """Whether a training that somebody was at again, before the last one was over, holds longer than that."""
    until = until_of(agreement, done_at, desk.school.calendar.timezone) if done_at is not None else None
    return until is not None and signing.until is not None and until > signing.until


def _all_picked(values: Filled) -> tuple[str, ...]:
    value = values.get(ATTENDED_FIELD, ())
    return ((value,) if value else ()) if isinstance(value, str) else tuple(dict.fromkeys(value))


# What comes by itself


async def look(ports: Ports, school: School) -> int:
    """Asks whoever has something to sign of which they have not been asked: of how many people.

    Also whoever was asked and is not reminded any more, though it is not signed: when it was time they were off the staff list,
    or without the role.
    """
    now, wanted, waits = ports.clock.now(), dict[str, list[Agreement]](), set[str]()
    async with ports.store.transaction(school, write=False) as records:
        staff = await records.staff()
        for agreement in school.agreements.values():
            known = await records.signings(agreement.id)
            for person in signers_of(school, staff, agreement):
                signing = known.get(person.id)
                if _is_new(agreement, signing, now):
                    wanted.setdefault(person.id, []).append(agreement)
                elif signing is not None and signing.asks(agreement, now):
                    waits.add(person.id)
        forgotten = _forgotten(await records.signers(waits - wanted.keys()))
    people = list(wanted)
    for n in range(0, len(people), _AT_ONCE):
        async with ports.store.transaction(school) as records:
            await _ask(ports, records, school, {p: wanted[p] for p in people[n : n + _AT_ONCE]}, now)
    if forgotten:
        async with ports.store.transaction(school) as records:
            for signer in _forgotten(await records.signers([s.person_id for s in forgotten])):
                await records.save_signer(replace(signer, next_at=_first_at(school, now)))
    return len(wanted) + len(forgotten)


def _forgotten(signers: Mapping[str, Signer]) -> list[Signer]:
    return [s for s in signers.values() if s.next_at is None and s.reminded < MOST_REMINDERS]


async def _ask(ports: Ports, records: Records, school: School, wanted: dict[str, list[Agreement]], now: datetime) -> None:
    known = await records.signers(wanted)
    desk = _Desk(ports, records, member(school, await records.staff(), ""), now)
    for person_id, agreements in wanted.items():
        person = desk.looking.staff.get(person_id)
        if person is None:
            continue
        for agreement in agreements:
            new = _asked(desk, agreement, person)
            signing = await records.hold_signing(new)
            if signing.asked_at != new.asked_at and _is_new(agreement, signing, now):
                ends = signing.until if signing.holds(agreement, now) else None
                due = max(new.due_at, ends) if ends is not None else new.due_at
                await records.ask_again(replace(new, due_at=due))
        signer = known.get(person_id) or _new_signer(school, person)
        await records.save_signer(replace(signer, reminded=0, next_at=_first_at(school, now)))
        await records.note(now, "bot", "agreement.asked", incident_id=None, person=person_id, count=len(agreements))


def _is_new(agreement: Agreement, signing: Signing | None, now: datetime) -> bool:
    """Whether somebody has to be asked for a signature: they have not been asked for this one."""
    if signing is None:
        return True
    if not signing.asks(agreement, now):
        return False
    signed_since = signing.signed_at is not None and signing.signed_at >= signing.asked_at
    return signing.version != agreement.version or signed_since


async def ring(ports: Ports, school: School, schools: int = 1) -> int:
    """Tells whoever has something to sign, when it is time and the school is open: of how many people.

    Never more than a chat takes beside alerts. `schools`: how many are served here; those of a trust have one chat, and share
    what it takes.
    """
    now, count, most = ports.clock.now(), 0, min(MOST_A_MINUTE, max(1, _ALL_A_MINUTE // schools))
    if not school.calendar.is_open(now):
        return 0
    async with ports.store.transaction(school, write=False) as records:
        due = await records.signers_due(now, most)
    for signer_id in due:
        async with ports.store.transaction(school) as records:
            signer = await records.take_signer(signer_id, now)
            if signer is None:
                continue
            desk = _Desk(ports, records, member(school, await records.staff(), signer.person_id), now)
            person = desk.looking.staff.get(signer.person_id)
            if person is None or signer.reminded >= MOST_REMINDERS or not await _wanted(desk, person.id):
                continue
            told = signer.reminded + 1
            again = school.calendar.morning(REMINDED_AFTER_DAYS, now) if told < MOST_REMINDERS else None
            await records.save_signer(replace(signer, reminded=told, told_at=now, next_at=again))
            step = f"{told}.{now:%Y%m%d%H%M%S}"
            places = on_platforms(ports.platforms, person)
            deliveries = [
                Delivery(ports.new_id(), None, None, MessageKind.SIGNING, place, signer_id=signer.id, step=step)
                for place in places
            ]
            # One after the other through the minute: an alert finds at most one of them before it.
            await records.set_going(Outgoing(deliveries=deliveries), now + timedelta(minutes=1) * count / most)
            await records.note(now, "bot", "agreement.told", incident_id=None, person=person.id, time=told)
            count += 1
    if count:
        ports.wake()
    return count


async def of_signer(
    ports: Ports, records: Records, school: School, delivery: Delivery, signer_id: str, now: datetime
) -> SigningMessage | None:
    """What a message to somebody who has to sign says now; None if nothing is left of it."""
    signer, stands = await records.signer(signer_id), delivery.message_id is not None
    if signer is None or signer.person_id != delivery.address.id:
        return None
    desk = _Desk(ports, records, member(school, await records.staff(), signer.person_id), now)
    wanted = await _wanted(desk, signer.person_id)
    if not wanted:
        return SigningMessage() if stands else None
    told = int(delivery.step.rpartition(":")[2].partition(".")[0])
    return SigningMessage(
        tuple(i.agreement.title for i in wanted),
        min(i.due for i in wanted),
        late=any(i.late for i in wanted),
        reminder=told > 1,
        last=told >= MOST_REMINDERS,
    )


def _first_at(school: School, now: datetime) -> datetime:
    """When somebody is told of what is new: within the school's hours."""
    calendar = school.calendar
    local = now.astimezone(calendar.timezone)
    if not calendar.is_school_day(local.date()) or local.time() >= calendar.closes:
        return calendar.morning(1, now)
    return max(now, datetime.combine(local.date(), calendar.opens, calendar.timezone).astimezone(UTC))


# What is kept and shown


def _asked(desk: _Desk, agreement: Agreement, person: Person) -> Signing:
    """Somebody as they are asked now for the first time."""
    due = desk.school.calendar.morning(agreement.within, desk.now)
    signing_id = same_id("signing", desk.school.id, agreement.id, person.id)
    return Signing(signing_id, agreement.id, person.id, agreement.version, desk.now, due)


def _new_signer(school: School, person: Person) -> Signer:
    return Signer(same_id("signer", school.id, person.id), person.id, 0, None, None)


async def _signed(
    desk: _Desk, agreement: Agreement, person: Person, signing: Signing, kept_as: str, done_at: datetime | None
) -> None:
    zone = desk.school.calendar.timezone
    # Who signs anew before the old signature is over loses nothing of it.
    begins = done_at or (signing.until if signing.holds(agreement, desk.now) and signing.until is not None else desk.now)
    signature = GivenSignature(
        kept_as,
        signing.id,
        signing.signatures + 1,
        person.id,
        desk.person,
        desk.now,
        agreement.version,
        agreement.text_hash,
        person.name,
        agreement.title,
        until_of(agreement, begins, zone),
        done_at,
    )
    committed = await desk.records.add_signature(signing, signature)
    await desk.records.note(
        desk.now,
        desk.actor,
        "agreement.signed",
        incident_id=None,
        signing=signing.id,
        agreement=agreement.id,
        version=agreement.version,
        hash=agreement.text_hash,
        person=person.id,
        number=signature.number,
        committed=committed,
    )


async def _items(desk: _Desk, person_id: str) -> list[ToSign]:
    known, looking = await desk.records.signings_of(person_id), member(desk.school, desk.looking.staff, person_id)
    agreements = desk.school.agreements.values()
    return [_item(desk, a, known.get(a.id)) for a in agreements if has_to_sign(looking, a)]


async def _wanted(desk: _Desk, person_id: str) -> list[ToSign]:
    return [item for item in await _items(desk, person_id) if item.wanted]


def _item(desk: _Desk, agreement: Agreement, signing: Signing | None) -> ToSign:
    now = desk.now
    wanted = signing is None or signing.asks(agreement, now)
    due = desk.school.calendar.morning(agreement.within, now)
    if signing is not None and not _is_new(agreement, signing, now):
        due = signing.due_at
    if signing is None or not signing.holds(agreement, now):
        return ToSign(agreement, due, late=due <= now, wanted=True)
    return ToSign(agreement, due, late=False, wanted=wanted, signed_at=signing.signed_at, until=signing.until)


async def _page(desk: _Desk, agreement: Agreement, *, just: bool = False) -> AgreementPage:
    signing = (await desk.records.signings_of(desk.person)).get(agreement.id)
    item = _item(desk, agreement, signing)
    given = await desk.records.signatures_of(desk.person, agreement.id) if item.signed_at is not None else ()
    return AgreementPage(item, desk.ports.new_id(), given[-1] if given else None, just=just)


async def _missing(desk: _Desk, agreement: Agreement) -> tuple[list[Person], int]:
    """Who has not signed, by name; and of how many."""
    have = await desk.records.signed_people(agreement.id, agreement.version, desk.now)
    people = signers_of(desk.school, desk.looking.staff, agreement)
    return sorted((p for p in people if p.id not in have), key=_by_name), len(people)


def _by_name(person: Person) -> tuple[str, str]:
    return person.name.casefold(), person.id


async def _gaps(desk: _Desk, agreement: Agreement, after: str = "") -> GapPage:
    missing, of = await _missing(desk, agreement)
    last = next((p for p in desk.looking.staff if p.id == after), None)
    left = [p for p in missing if last is None or _by_name(p) > _by_name(last)]
    page = left[:PAGE_LINES]
    await desk.note("agreement.listed", agreement=agreement.id)
    more = page[-1].id if len(left) > PAGE_LINES else ""
    shown = await _shown(desk, agreement, page)
    reworded = signed_otherwise(agreement, await desk.records.signed_texts(agreement.id, agreement.version, desk.now))
    new_id = desk.ports.new_id()
    return GapPage(agreement, shown, len(missing), of, more, begins=last is None, shown_id=new_id, reworded=reworded)


async def _shown(desk: _Desk, agreement: Agreement, people: Collection[Person]) -> tuple[Gap, ...]:
    """These people, who have not signed."""
    ids = [p.id for p in people]
    known, told = await desk.records.signings(agreement.id, ids), await desk.records.signers(ids)
    found = []
    for person in people:
        item, signer = _item(desk, agreement, known.get(person.id)), told.get(person.id)
        found.append(Gap(person.name, item.due, item.late, signer.reminded if signer is not None else 0))
    return tuple(found)
