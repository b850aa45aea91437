"""Sending a closed case back instead of signing it: whoever is asked to sign says why, and the case opens again."""

from dataclasses import replace
from typing import TypeAlias

from domain.case_changes import REASON, CaseChange, ChangeKind
from domain.change_forms import Done, SendBackPage
from domain.people import Account, School
from domain.report_form import LONGEST_TEXT, Fault
from handlers.acknowledge import NotForYou
from handlers.ask import same_id
from handlers.ports import Ports, actor
from handlers.reopening import revive
from handlers.signing import asked_of

SendBackOutcome: TypeAlias = SendBackPage | Done | NotForYou


async def ask(ports: Ports, school: School, account: Account, incident_id: str) -> SendBackPage | NotForYou:
    """The form for the reason, for whoever is asked to sign."""
    async with ports.store.transaction(school) as records:
        found = await asked_of(ports, records, school, account, incident_id)
        if found is None:
            return NotForYou()
        _, case, signature = found
        return SendBackPage(incident_id, case.incident.reference, signature, ports.new_id())


async def send_back(ports: Ports, school: School, account: Account, state: str, reason: str) -> SendBackOutcome:
    """Opens a case again instead of signing it. Nobody need sign it any more until it is closed anew.

    The same form sent again changes nothing, and is answered as before.
    """
    incident_id, signature_id, form_id = (*state.split("|"), "", "")[:3]
    now, reason = ports.clock.now(), reason.strip()
    async with ports.store.transaction(school) as records:
        # Held first, so that of two requests the second one knows of the first.
        incident = await records.incident(incident_id)
        if incident is None or account.person_id is None or not form_id:
            return NotForYou()
        change_id = same_id("send_back", incident_id, signature_id, account.person_id, form_id)
        done = Done(incident.reference, incident_id, ChangeKind.REOPENED, sent_back=True)
        if await records.is_changed(change_id):
            return done
        found = await asked_of(ports, records, school, account, incident_id)
        if found is None or found[2].id != signature_id:
            return NotForYou()
        looking, case, signature = found
        if not reason or len(reason) > LONGEST_TEXT:
            page = SendBackPage(incident_id, incident.reference, signature, form_id, reason)
            return replace(page, faults={REASON: Fault.TOO_LONG if reason else Fault.MISSING})
        # No kind of its own: a version before that still runs shows this as a case opened again, and no newer kind at all.
        change = CaseChange(
            change_id,
            incident_id,
            looking.person or "",
            ChangeKind.REOPENED,
            now,
            reason,
            code=signature.role,
            state=incident.state,
            closed_at=incident.closed_at,
        )
        committed = await records.add_change(change)
        await records.note(now, actor(account), "case.sent_back", incident_id, role=signature.role, change=committed)
        await revive(ports, records, school, case.incident, looking.person or "", now)
    ports.wake()
    return done
