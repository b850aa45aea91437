"""Every standing and every kind of case of the table as the rules know them, with nothing else: no records and no chat."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from domain.access import Subject, Viewer
from domain.incident import Alert, AlertState, Asked, Incident, Summons
from domain.people import Account, Holders, Kind, Person, Platform, School, Staff, Standing
from domain.routing import Facts
from domain.words import About, IncidentState, Role, Urgency
from tests.access.table import Column, Row, Table
from tests.domain import town

NOW = datetime(2026, 11, 24, 10, tzinfo=UTC)
COLLEAGUE = Account(Platform.SLACK, "U-colleague", person_id="colleague", standing=Standing.MEMBER)
_STANDING = {"bound_guest": Standing.GUEST}


@dataclass(frozen=True, slots=True)
class Schools:
    """The two schools with everybody in the table."""

    schools: Mapping[str, School]
    staff: Mapping[str, Staff]

    def viewer(self, row: Row, column: Column) -> Viewer:
        """Whoever has that standing, at the door where the column has them ask."""
        return Viewer(self.schools[column.door], self.staff[column.door], account(row))

    def subject(self, row: Row, column: Column) -> Subject:
        """A case of that kind, with what ties it to whoever looks."""
        state = IncidentState.CLOSED if column.closed else IncidentState.REPORTED
        facts = Facts("cyberbullying", About.PUPIL, None, immediate_danger=False, illegal_suspected=None)
        reporter = _reporter(row)
        incident = Incident(
            "i", column.school, "X-2026-0001", facts, Urgency.MEDIUM, column.private, state, reporter, NOW, NOW, NOW
        )
        duties = tuple(_duty(row, column, key) for key in column.alerts)
        shut_out = {row.name} if column.named else set()
        if column.heads_named:
            shut_out |= {p.id for p in self.staff[column.school].holders(self.schools[column.school], Role.HEADTEACHER)}
        opened = frozenset({row.name}) if row.opened else frozenset[str]()
        return Subject(incident, duties, frozenset(shut_out), opened)


def schools(table: Table) -> Schools:
    """Both schools, each with the holders and the staff list that the rows make."""
    found, staff = {}, {}
    for name in ("sodbury", "yate"):
        listed = [r for r in table.rows.values() if r.at == name and r.listed and not r.left]
        guests = {(Platform.SLACK, account(r).user_id): _email(r.name, name) for r in listed if r.account == "bound_guest"}
        found[name] = replace(town.SCHOOL, id=name, holders=_holders(listed, name), guests=guests)
        people = [_person(r.name, name) for r in listed] + [
            Person("colleague", Kind.STAFF, "colleague", _email("colleague", name), line_manager=_email("manager", name)),
            Person("another", Kind.STAFF, "another", _email("another", name), line_manager=_email("othermanager", name)),
        ]
        staff[name] = Staff(people)
    return Schools(found, staff)


def account(row: Row) -> Account:
    """Their account, as the chat vouches for it."""
    standing = _STANDING.get(row.account) or Standing(row.account)
    return Account(Platform.SLACK, f"U-{row.name}", person_id=row.name if row.listed else None, standing=standing)


def _reporter(row: Row) -> Account:
    if row.reported == "from_another_chat":
        return replace(account(row), platform=Platform.TEAMS, user_id="another chat's")
    return account(row) if row.reported else COLLEAGUE


def _duty(row: Row, column: Column, key: str) -> tuple[Alert, tuple[Summons, ...]]:
    (role, *also), group = column.alerts[key]
    tied = key == column.first
    owner = row.name if tied and row.owns else "colleague" if column.closed else None
    state = AlertState.DONE if column.closed else AlertState.ACKNOWLEDGED if owner else AlertState.OPEN
    alert = Alert(key, "i", Role(role), tuple(map(Role, also)), group, state, NOW, NOW, owner_id=owner)
    asked_as = {"": None, "as_the_alert": alert.role}.get(row.asked, row.asked)
    if not tied or asked_as is None:
        return alert, ()
    return alert, (Summons(key, row.name, Role(asked_as), Asked.CLIMBED, 0, NOW),)


def _person(row: str, school: str) -> Person:
    return Person(row, Kind.STAFF, row, _email(row, school))


def _email(row: str, school: str) -> str:
    return f"{row}@{school}.example"


def _holders(rows: list[Row], school: str) -> dict[Role, Holders]:
    found: dict[Role, Holders] = {}
    for row in rows:
        for role, group in row.roles:
            before, email = found.get(Role(role), Holders()), _email(row.name, school)
            if group:
                by_group = {**before.by_group, group: (*before.by_group.get(group, ()), email)}
                found[Role(role)] = replace(before, by_group=by_group)
            else:
                found[Role(role)] = replace(before, everywhere=(*before.everywhere, email))
    return found
