"""A case as the policy's log form: to look at in the chat, and to take out as a page. The right is checked on each request."""

from datetime import datetime

from domain.access import Act, Subject, Viewer, may
from domain.case_changes import ChangeKind, latest_round
from domain.entries import lines_of
from domain.exports import MadeAlready, Page
from domain.log_records import Involved, LogRecord, Signed
from domain.people import Account, School
from handlers.acknowledge import NotForYou
from handlers.course import lines_for
from handlers.details import case_file
from handlers.exports import COMMAND, made_with
from handlers.ports import Ports, Records, actor
from handlers.rights import member, note_reading, subject, viewer
from handlers.timeline import people_of


async def look(ports: Ports, school: School, account: Account, incident_id: str) -> LogRecord | NotForYou:
    """The form with what stands in it, for whoever works the case. Noted as a reading before it is shown."""
    now = ports.clock.now()
    async with ports.store.transaction(school) as records:
        found = await _filed(records, school, account, incident_id, now)
        if found is None:
            return NotForYou()
        looking, case = found
        await note_reading(records, looking, case.incident, now)
        return await _record(records, looking, case, now)


async def take_out(
    ports: Ports, school: School, account: Account, incident_id: str, page_id: str = ""
) -> LogRecord | MadeAlready | NotForYou:
    """The same, to be made into a page: that the case was taken out is noted in the same transaction as it is read.

    `page_id`: of the page that is to be made. Where there is one, nothing is taken out a second time.
    """
    now = ports.clock.now()
    async with ports.store.transaction(school) as records:
        found = await _filed(records, school, account, incident_id, now)
        if found is None:
            return NotForYou()
        looking, case = found
        made = await made_with(records, page_id, now) if page_id else ""
        if isinstance(made, Page):
            return MadeAlready(made)
        roles = ",".join(sorted(looking.roles))
        await records.note(now, actor(account), "log_form.exported", case.incident.id, roles=roles)
        return await _record(records, looking, case, now)


async def pages_for(ports: Ports, school: School, email: str, reference: str) -> tuple[Page, ...] | NotForYou:
    """The pages that may hold a case's log form, made by a member of staff who may still take it out. The newest first.

    For the command line, where nobody is anybody: what is in them opens with the passphrase that their maker was shown.
    Whoever is refused is in the audit, with the case where there is one and whom they said they were.
    """
    now = ports.clock.now()
    async with ports.store.transaction(school) as records:
        person = (await records.staff()).by_email(email.strip().lower())
        incident = await records.incident_by_reference(reference.strip().upper())
        pages: tuple[Page, ...] | NotForYou = NotForYou()
        if person is not None and incident is not None:
            looking, case = member(school, await records.staff(), person.id), await subject(records, incident, now)
            if may(looking, Act.FILE, case):
                mine = [p for p in await records.pages() if p.made_by == person.id and p.cases == (incident.id,)]
                pages = tuple(sorted(mine, key=lambda page: page.at, reverse=True))
        if isinstance(pages, NotForYou) or not pages:
            case_id, maker = incident.id if incident is not None else None, person.id if person is not None else ""
            await _note_refused(records, case_id, maker, now)
        return pages


async def fetched(ports: Ports, school: School, page: Page, form: str, *, opened: bool) -> bool:
    """Notes that a form was asked for on the command line. False where the page has ended, or its maker lost the right to it.

    `opened`: whether the passphrase was the right one.
    """
    now = ports.clock.now()
    async with ports.store.transaction(school) as records:
        live = next((p for p in await records.pages() if p.id == page.id and p.ended is None), None)
        incident = await records.incident(page.cases[0], hold=False)
        if live is None or live.made_by is None or incident is None:
            await _note_refused(records, incident.id if incident is not None else None, page.made_by or "", now)
            return False
        looking, case = member(school, await records.staff(), live.made_by), await subject(records, incident, now)
        allowed = may(looking, Act.FILE, case)
        await records.note(now, COMMAND, "log_form.fetched", incident.id, page=live.id, form=form, opened=opened and allowed)
        return allowed


async def _note_refused(records: Records, incident_id: str | None, maker: str, now: datetime) -> None:
    await records.note(now, COMMAND, "log_form.refused", incident_id, maker=maker or None)


async def _filed(
    records: Records, school: School, account: Account, incident_id: str, now: datetime
) -> tuple[Viewer, Subject] | None:
    incident = await records.incident(incident_id)
    if incident is None:
        return None
    looking, case = await viewer(records, school, account), await subject(records, incident, now)
    return (looking, case) if may(looking, Act.FILE, case) else None


async def _record(records: Records, looking: Viewer, case: Subject, now: datetime) -> LogRecord:
    file = await case_file(records, looking, case, now)
    entries = await records.entries(case.incident.id)
    lines = lines_of(entries, await records.names_of_staff(people_of(entries)), now)
    listed = await records.people([p.person_id for p in file.participants if p.person_id is not None])
    people = tuple(Involved(p, listed.get(p.person_id or "")) for p in file.participants)
    by = looking.staff.get(looking.person)
    told, signatures = await lines_for(records, looking, case.incident, now), await records.signatures(case.incident.id)
    names = await records.names_of_staff({s.done_by for s in signatures if s.done_by})
    latest = latest_round(signatures, is_open=case.incident.is_open)
    # The note stands in the change of the same moment and person.
    beside = {(c.person_id, c.at): c.text for c in (line.change for line in told) if c.kind is ChangeKind.SIGNED}
    signed = tuple(
        Signed(s.role, names.get(s.done_by, ""), s.done_at, beside.get((s.done_by, s.done_at), ""), before=s.round < latest)
        for s in signatures
        if s.done_at is not None and s.done_by is not None
    )
    review = await records.review(case.incident.id)
    return LogRecord(
        file,
        lines,
        people,
        now,
        by.name if by is not None else "",
        tuple((line.change, line.who) for line in told),
        signed,
        review.due_at if review is not None else None,
    )
