"""Rows of cases and alerts as domain values."""

from typing import Any

from sqlalchemy import Row

from domain.incident import Alert, AlertState, Incident
from domain.people import Account, Platform
from domain.routing import Facts
from domain.words import About, IncidentState, Role, Urgency
from storage import tables as t
from storage.vault import ERASED

_OF_NO_LIST = frozenset({"route", "draft_id", "wrapped_key"})
BESIDE = [c.label(f"i_{c.name}") for c in t.incidents.c if c.name not in _OF_NO_LIST]
"""What a list shows of a case, under names apart from those of what it stands beside. To read the rest takes as long again."""


def incident_of(row: Row[Any], prefix: str = "") -> Incident:
    """A case; `prefix`: how the names of its columns begin in the row."""
    r = row._mapping  # noqa: SLF001 - public, in spite of its name
    facts = Facts(
        r[f"{prefix}concern"],
        About(r[f"{prefix}about"]),
        r[f"{prefix}is_repeat"],
        r[f"{prefix}immediate_danger"],
        r[f"{prefix}illegal_suspected"],
    )
    platform, user = Platform(r[f"{prefix}reporter_platform"]), r[f"{prefix}reporter_user"]
    return Incident(
        id=r[f"{prefix}id"],
        school=r[f"{prefix}school"],
        reference=r[f"{prefix}reference"],
        facts=facts,
        urgency=Urgency(r[f"{prefix}urgency"]),
        private=r[f"{prefix}private"],
        state=IncidentState(r[f"{prefix}state"]),
        reporter=Account(platform, user, person_id=r[f"{prefix}reporter_person"]),
        reported_at=r[f"{prefix}reported_at"],
        occurred_at=r[f"{prefix}occurred_at"],
        due_at=r[f"{prefix}due_at"],
        closed_at=r[f"{prefix}closed_at"],
        erased=r.get(f"{prefix}key_id") == ERASED,
    )


def alert_of(r: Row[Any]) -> Alert:
    """An alert."""
    return Alert(
        id=r.id,
        incident_id=r.incident_id,
        role=Role(r.role),
        also_roles=tuple(Role(x) for x in r.also_roles),
        group=r.group_name,
        state=AlertState(r.state),
        opened_at=r.opened_at,
        due_at=r.due_at,
        round=r.round,
        owner_id=r.owner_id,
        acknowledged_at=r.acknowledged_at,
    )
