"""Somebody at the desk for the rest of a transaction, and a case that they may work: what every form of it begins with."""

from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from domain.access import Act, Subject, Viewer, may
from domain.incident import Incident
from domain.people import Account, School
from handlers.ports import Ports, Records, actor
from handlers.rights import note_reading, subject, viewer


@dataclass(frozen=True, slots=True)
class AtTheDesk:
    """Who asks for something, and the moment of the request."""

    ports: Ports
    records: Records
    looking: Viewer
    now: datetime

    @property
    def school(self) -> School:
        """Where they work."""
        return self.looking.school

    @property
    def person(self) -> str:
        """Their id."""
        return self.looking.person or ""

    @property
    def actor(self) -> str:
        """How the audit names them."""
        return actor(self.looking.account)

    async def note(self, action: str, **data: str | int) -> None:
        """Notes in the audit what they do outside of any case."""
        await self.records.note(self.now, self.actor, action, incident_id=None, **data)


@dataclass(frozen=True, slots=True)
class Work(AtTheDesk):
    """With a case."""

    case: Subject

    @property
    def incident(self) -> Incident:
        """What was reported."""
        return self.case.incident

    async def noted(self) -> None:
        """Notes that the case was read."""
        await note_reading(self.records, self.looking, self.incident, self.now)


WorkT = TypeVar("WorkT", bound=Work)


async def begun(
    kind: type[WorkT], ports: Ports, records: Records, school: School, account: Account, incident_id: str, *acts: Act
) -> WorkT | None:
    """The case as work of that kind; None if there is none, or they may do none of the acts (`WORK`, if none is named)."""
    now, incident = ports.clock.now(), await records.incident(incident_id)
    if incident is None:
        return None
    looking, case = await viewer(records, school, account), await subject(records, incident, now)
    allowed = any(may(looking, act, case) for act in acts or (Act.WORK,))
    return kind(ports, records, looking, now, case) if allowed else None
